/* A unit is to run again whoever heals: it is not ours to leave down. systemd is only told, as the
 * one who heals may have no time to wait for it. */
#include "nemesis/faults/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nemesis/faults/keeper_end.h"

enum { SYSTEMCTL_S = 15 }; /* on a starved host; it takes milliseconds as a rule */

void rift_undo_plan_unit(json_t *undo, const char *unit)
{
    if (unit)
        json_object_set_new(undo, "unit", json_string(unit));
}

static bool systemctl(const char *option, const char *verb, const char *unit)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO); /* the agent's is its wire */
        alarm(SYSTEMCTL_S);
        execlp("systemctl", "systemctl", option, verb, unit, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* After a few ends in a row systemd would refuse: "start request repeated too quickly". */
static int start_unit(const char *unit, struct rift_error *err)
{
    if (systemctl("--quiet", "is-active", unit))
        return 0;
    systemctl("--no-block", "reset-failed", unit);
    return systemctl("--no-block", "start", unit)
               ? 0
               : rift_fail(err, RIFT_ERR_IO, "systemctl could not start '%s' again", unit);
}

int rift_undo(const struct rift_fault_driver *driver, const char *id, const json_t *undo,
              const char *ledger, struct rift_error *err)
{
    const char *unit = json_string_value(json_object_get(undo, "unit"));
    rift_keeper_rest_recorded(undo);
    if (driver->heal(id, undo, ledger, err))
        return -1;
    rift_keeper_end_recorded(undo);
    return unit ? start_unit(unit, err) : 0;
}

#include "tests/lib/host_shell.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/whole_output.h"

static const char mark[] = "end-of-script ";

void host_shell_open(const struct rift_lab_host *host, struct host_shell *shell)
{
    int in[2], out[2];
    char known[300], port[16], login[100];
    snprintf(known, sizeof known, "UserKnownHostsFile=%s", host->known_hosts_file);
    snprintf(port, sizeof port, "%d", host->port);
    snprintf(login, sizeof login, "%s@%s", host->user, host->address);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    shell->pid = fork();
    assert_true(shell->pid >= 0);
    if (shell->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close_range(STDERR_FILENO + 1, ~0U, 0);
        execlp("ssh", "ssh", "-q", "-i", host->key_file, "-o", known, "-o", "BatchMode=yes", "-p",
               port, login, "exec bash -s", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    shell->in = fdopen(in[1], "we");
    shell->out = fdopen(out[0], "re");
    assert_int_equal(host_shell_run(shell, "true", NULL, 0), 0);
}

int host_shell_run(struct host_shell *shell, const char *script, char *output, size_t size)
{
    char line[8192];
    size_t used = 0;
    int code = -1;
    fprintf(shell->in, "( %s\n) </dev/null 2>&1; code=$?; echo; echo %s$code\n", script, mark);
    fflush(shell->in);
    while (fgets(line, sizeof line, shell->out)) {
        if (sscanf(line, "end-of-script %d", &code) == 1)
            break;
        size_t length = strlen(line);
        if (output && used + length < size) {
            memcpy(output + used, line, length);
            used += length;
        }
    }
    if (code < 0)
        fail_msg("the shell on the host ended at: %s", script);
    while (used > 0 && output[used - 1] == '\n')
        used--;
    if (output)
        output[used] = '\0';
    return code;
}

void host_shell_must(struct host_shell *shell, const char *script, char *output, size_t size)
{
    if (host_shell_run(shell, script, output, size) != 0)
        fail_msg("%s: %s", script, output);
}

void host_shell_close(struct host_shell *shell)
{
    if (!shell->in)
        return;
    fclose(shell->in);
    fclose(shell->out);
    waitpid(shell->pid, NULL, 0);
    shell->in = NULL;
}

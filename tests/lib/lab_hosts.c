/* Lab hosts for tests. */
#include "tests/lib/lab_hosts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/build_folder.h"

enum { LAB_DEADLINE_MS = 120000, LOGIN_S = 120 };

const char *test_driver(void)
{
    const char *word = getenv("RIFT_TEST_DRIVER");
    return word && word[0] ? word : "netns";
}

bool test_hosts_are_guests(void)
{
    return strcmp(test_driver(), "netns") != 0;
}

const char *test_lab_name(const char *suffix)
{
    static char names[4][24];
    static size_t next;
    char *name = names[next++ % 4];
    snprintf(name, sizeof names[0], "t%d-%s", (int)getpid(), suffix);
    return name;
}

struct rift_lab *test_lab_up(const char *suffix, size_t host_count)
{
    if (geteuid() != 0) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    struct rift_error err;
    struct rift_lab_request request = {.name = test_lab_name(suffix),
                                       .driver = test_driver(),
                                       .host_count = host_count,
                                       .deadline_ms = LAB_DEADLINE_MS};
    struct rift_lab *lab = rift_lab_up(&request, &err);
    if (!lab)
        fail_msg("%s", err.text);
    return lab;
}

void test_lab_down(struct rift_lab *lab, const char *suffix)
{
    struct rift_error err;
    rift_lab_close(lab);
    if (rift_lab_down(test_lab_name(suffix), &err) < 0)
        fail_msg("%s", err.text);
}

int test_labs_down(void **state)
{
    (void)state;
    char prefix[24];
    struct rift_error err;
    char **names = rift_lab_names();
    snprintf(prefix, sizeof prefix, "t%d-", (int)getpid());
    for (char **name = names; *name; name++) {
        if (rift_text_starts_with(*name, prefix))
            rift_lab_down(*name, &err);
        free(*name);
    }
    free(names);
    return 0;
}

int test_run(const char *script, char *output, size_t size)
{
    int ends[2];
    char waste[4096];
    size_t used = 0;
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close_range(STDERR_FILENO + 1, ~0U, 0);
        execl("/bin/bash", "bash", "-c", script, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0;) {
        bool has_room = output && used + 1 < size;
        got = has_room ? read(ends[0], output + used, size - 1 - used)
                       : read(ends[0], waste, sizeof waste);
        used += has_room && got > 0 ? (size_t)got : 0;
    }
    close(ends[0]);
    if (output) {
        while (used > 0 && output[used - 1] == '\n')
            used--;
        output[used] = '\0';
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t test_run_aside(const char *script)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setsid();
        execl("/bin/bash", "bash", "-c", script, (char *)NULL);
        _exit(127);
    }
    return pid;
}

void test_end_aside(pid_t pid)
{
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool is_root(const struct rift_lab_host *host)
{
    return strcmp(host->user, "root") == 0;
}

/* An ssh command as far as its host. */
static void add_login(struct rift_text *command, const struct rift_lab_host *host, int seconds)
{
    rift_text_printf(command,
                     "exec timeout %d ssh -q -F none -i %s -o UserKnownHostsFile=%s "
                     "-o BatchMode=yes -o ConnectTimeout=60 -p %d ",
                     seconds, host->key_file, host->known_hosts_file, host->port);
    /* One connection for many commands: a login to an emulated machine takes seconds. */
    if (strcmp(test_driver(), "hosts") == 0)
        rift_text_append(command, "-o ControlMaster=auto -o ControlPersist=60 "
                                  "-o ControlPath=/tmp/rift-test-%C ");
    rift_text_printf(command, "%s@%s", host->user, host->address);
}

static void add_script(struct rift_text *command, const struct rift_lab_host *host,
                       const char *script)
{
    rift_text_printf(command, " '%sbash -s' <<'END_OF_SCRIPT'\n%s\nEND_OF_SCRIPT\n",
                     is_root(host) ? "exec " : "exec sudo ", script);
}

int test_host_run_aloud(const struct rift_lab_host *host, const char *script, int seconds)
{
    CLEANUP(rift_text_finish) struct rift_text command = {NULL, 0, 0};
    int status = 0;
    rift_text_append(&command, "set -o pipefail; (");
    add_login(&command, host, seconds);
    add_script(&command, host, script);
    rift_text_append(&command, ") | sed -uE 's/^\\[( *[A-Z=]+ *)\\]/(\\1)/'");
    pid_t pid = test_run_aside(command.data);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int test_host_run(const struct rift_lab_host *host, const char *script, char *output, size_t size)
{
    CLEANUP(rift_text_finish) struct rift_text command = {NULL, 0, 0};
    if (test_hosts_are_guests()) {
        add_login(&command, host, LOGIN_S);
        add_script(&command, host, script);
        return test_run(command.data, output, size);
    }
    rift_text_printf(&command, "exec nsenter -t %d -m -n -p -u -i -C -r -w /bin/bash -c '",
                     (int)host->init_pid);
    for (const char *c = script; *c; c++) {
        if (*c == '\'')
            rift_text_append(&command, "'\\''");
        else
            rift_text_append_bytes(&command, c, 1);
    }
    rift_text_append(&command, "'");
    return test_run(command.data, output, size);
}

int test_host_copy(const struct rift_lab_host *host, const char *program, const char *path,
                   char *output, size_t size)
{
    CLEANUP(rift_text_finish) struct rift_text command = {NULL, 0, 0};
    add_login(&command, host, LOGIN_S);
    rift_text_printf(&command, " '%ssh -c \"cat >%s && chmod 755 %s\"' <%s",
                     is_root(host) ? "" : "sudo ", path, path, program);
    return test_run(command.data, output, size);
}

const char *test_agent_binary(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/rift-agent", build_folder());
    if (access(path, X_OK) < 0) {
        print_message("skipped: there is no %s\n", path);
        skip();
    }
    return path;
}

const char *test_rift_binary(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/rift", build_folder());
    return path;
}

int test_host_socket(const struct rift_lab_host *host, int type)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)host->init_pid);
    CLEANUP(rift_close_fd) int there = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(rift_close_fd) int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(setns(there, CLONE_NEWNET), 0);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(setns(own, CLONE_NEWNET), 0);
    assert_true(fd >= 0);
    return fd;
}

pid_t test_host_pid(const struct rift_lab_host *host, pid_t pid)
{
    char path[300], line[256];
    struct stat own, other;
    pid_t found = 0;
    if (test_hosts_are_guests())
        return pid;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)host->init_pid);
    assert_int_equal(stat(path, &own), 0);
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; !found && (entry = readdir(processes));) {
        snprintf(path, sizeof path, "/proc/%s/ns/pid", entry->d_name);
        if (stat(path, &other) != 0 || other.st_ino != own.st_ino)
            continue;
        snprintf(path, sizeof path, "/proc/%s/status", entry->d_name);
        FILE *status = fopen(path, "re");
        while (status && fgets(line, sizeof line, status))
            if (strncmp(line, "NSpid:", 6) == 0 && strtol(strrchr(line, '\t'), NULL, 10) == pid)
                found = (pid_t)strtol(entry->d_name, NULL, 10);
        if (status)
            fclose(status);
    }
    closedir(processes);
    assert_true(found > 0);
    return found;
}

struct rift_node_settings test_node_settings(const struct rift_lab_host *host)
{
    return (struct rift_node_settings){.name = host->name,
                                       .address = host->address,
                                       .port = host->port,
                                       .user = host->user,
                                       .key_file = host->key_file,
                                       .known_hosts_file = host->known_hosts_file,
                                       .use_sudo = !is_root(host),
                                       .faults = RIFT_NODE_FAULTS_ALLOWED,
                                       .agent_binary = test_agent_binary(),
                                       .connect_timeout_ms = 5000,
                                       .lease_ms = 2000};
}

double test_connect_ms(const struct rift_lab_host *from, const struct rift_lab_host *to,
                       int below_ms)
{
    char output[64] = "";
    CLEANUP(rift_free)
    char *script = rift_printf(
        "best=99999999; for ((i = 0; i < 3 || best >= %d && i < 30; i++)); do us=$(bash -c "
        "'s=$EPOCHREALTIME; exec 3<>/dev/tcp/%s/22; e=$EPOCHREALTIME; echo $((${e/./} - "
        "${s/./}))'); ((us < best)) && best=$us; done; echo $best",
        below_ms * 1000, to->address);
    assert_exit_code(test_host_run(from, script, output, sizeof output), 0, output);
    return strtod(output, NULL) / 1000;
}

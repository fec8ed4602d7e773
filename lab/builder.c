/* The process that makes a lab's hosts. */
#include "lab/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "lab/host.h"
#include "lab/network.h"

enum {
    REPORT_FD = STDERR_FILENO + 1, /* where the builder and its children find them */
    MACHINE_NET_FD,
    FIRST_FREE_FD,
};

enum message_kind { MESSAGE_MADE, MESSAGE_READY, MESSAGE_BUILT, MESSAGE_FAILED };

/* Below PIPE_BUF, so that messages of several processes never mix. */
struct message {
    enum message_kind kind;
    enum rift_error_code code;
    unsigned number;
    pid_t pid;
    uint64_t started;
    char text[RIFT_ERROR_TEXT_SIZE];
};

static void send_message(const struct message *message)
{
    /* Nobody may be there to read it any more: then SIGPIPE ends the sender, which is right. */
    if (write(REPORT_FD, message, sizeof *message) != (ssize_t)sizeof *message)
        _exit(1);
}

static _Noreturn void end_with_failure(const struct rift_error *error)
{
    struct message message = {.kind = MESSAGE_FAILED, .code = error->code};
    snprintf(message.text, sizeof message.text, "%s", error->text);
    send_message(&message);
    _exit(1);
}

/* Nothing of the caller's may be held by the hosts: not its terminal, its descriptors, its session,
 * its signals. */
static void detach(int report, int machine_net)
{
    /* Above the places they go to, so that neither dup2 closes the other. */
    report = fcntl(report, F_DUPFD, FIRST_FREE_FD);
    machine_net = fcntl(machine_net, F_DUPFD, FIRST_FREE_FD);
    int null_fd = open("/dev/null", O_RDWR);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null_fd, fd);
    dup2(report, REPORT_FD);
    dup2(machine_net, MACHINE_NET_FD);
    close_range(FIRST_FREE_FD, ~0U, 0);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    umask(022);
}

static _Noreturn void be_host(const struct lab_host_plan *plan, int go_fd)
{
    struct rift_error err;
    struct message message = {.kind = MESSAGE_READY, .number = plan->number};
    char name[16], byte;
    lab_host_name(plan->number, name);
    close(MACHINE_NET_FD);
    prctl(PR_SET_NAME, "rift-lab-host");
    if (lab_host_enter_root(plan, &err) < 0)
        goto fail;
    /* No byte: the builder died. */
    if (read(go_fd, &byte, 1) != 1)
        _exit(1);
    close(go_fd);
    if (lab_host_start(plan, &err) < 0)
        goto fail;
    send_message(&message);
    close(REPORT_FD);
    lab_host_serve();
fail:
    rift_wrap(&err, "host %s", name);
    end_with_failure(&err);
}

static int make_host(const struct lab_build *build, const struct lab_host_plan *plan,
                     struct rift_error *err)
{
    char name[16];
    lab_host_name(plan->number, name);
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "pipe");
    CLEANUP(rift_close_fd) int go_read = go[0];
    CLEANUP(rift_close_fd) int go_write = go[1];
    /* The cgroup namespace takes the groups of its maker as its root. */
    if (lab_cgroups_make(build->cgroups, plan->lab, name, err) < 0 ||
        lab_cgroups_join(build->cgroups, plan->lab, name, err) < 0)
        return -1;
    unsigned long flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC |
                          CLONE_NEWCGROUP | SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
    if (pid < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "clone host %s", name);
    if (pid == 0) {
        rift_close_fd(&go_write);
        be_host(plan, go_read);
    }
    struct message message = {.kind = MESSAGE_MADE,
                              .number = plan->number,
                              .pid = pid,
                              .started = lab_process_started(pid)};
    send_message(&message);
    /* Out of the host's v2 group, which is to become free of processes. */
    if (lab_cgroups_join_v2(build->cgroups, plan->lab, "builder", err) < 0 ||
        lab_network_make_host_link(plan->number, pid, err) < 0)
        return -1;
    if (write(go_write, "", 1) != 1)
        return rift_fail(err, RIFT_ERR_IO, "host %s died", name);
    return 0;
}

static int unpack_layer(const struct lab_build *build, const char *folder, int64_t deadline_ns,
                        struct rift_error *err)
{
    if (mount("rift-layer", folder, "tmpfs", 0, "mode=0755") < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "mount tmpfs on %s", folder);
    return lab_packages_unpack(build->layer, folder, deadline_ns, err);
}

static int build_all(const struct lab_build *build, int64_t deadline_ns, struct rift_error *err)
{
    struct lab_record *record = build->record;
    char layer_folder[LAB_PATH_SIZE];
    lab_path(record->name, "layer", layer_folder);
    bool has_layer = build->layer->tar_file[0] != '\0';
    if (lab_cgroups_join(build->cgroups, record->name, "builder", err) < 0)
        return -1;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
        return rift_fail_errno(err, RIFT_ERR_DENIED, "make namespaces");
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "make mounts private");
    if (has_layer && unpack_layer(build, layer_folder, deadline_ns, err) < 0)
        return -1;
    if (lab_network_make_hub(record->subnet, MACHINE_NET_FD, err) < 0)
        return -1;
    /* Every host inherits this descriptor: the bridge lives as long as one of them does. */
    if (open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open the bridge's namespace");
    for (unsigned i = 1; i <= record->host_count; i++) {
        struct lab_host_plan plan = {.lab = record->name,
                                     .subnet = record->subnet,
                                     .number = i,
                                     .host_count = record->host_count,
                                     .layer_folder = has_layer ? layer_folder : NULL,
                                     .layer_list = has_layer ? build->layer->list_file : NULL,
                                     .login_key = build->login_key,
                                     .host_key = build->host_keys[i - 1],
                                     .cgroups = build->cgroups,
                                     .driver = record->driver};
        if (make_host(build, &plan, err) < 0)
            return -1;
    }
    return 0;
}

/* Follows the messages until every host and the builder are done. */
static int follow(const struct lab_build *build, int report, int64_t deadline_ns,
                  struct rift_error *err)
{
    struct lab_record *record = build->record;
    size_t done_count = 0;
    while (done_count < record->host_count + 1) {
        struct message message;
        struct pollfd poll_fd = {.fd = report, .events = POLLIN};
        int ready = poll(&poll_fd, 1, rift_clock_poll_ms(deadline_ns));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "%zu of %zu hosts were not made in time",
                             record->host_count + 1 - done_count, record->host_count);
        if (read(report, &message, sizeof message) != (ssize_t)sizeof message)
            return rift_fail(err, RIFT_ERR_IO, "the process that makes the hosts died");
        if (message.kind == MESSAGE_FAILED)
            return rift_fail(err, message.code, "%s", message.text);
        if (message.kind == MESSAGE_MADE)
            record->inits[message.number - 1] =
                (struct lab_init){.pid = message.pid, .started = message.started};
        else
            done_count++;
    }
    return 0;
}

int lab_build_run(const struct lab_build *build, int64_t deadline_ns, struct rift_error *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "pipe");
    CLEANUP(rift_close_fd) int report_read = report[0];
    CLEANUP(rift_close_fd) int report_write = report[1];
    CLEANUP(rift_close_fd) int machine_net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (machine_net < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open /proc/self/ns/net");
    pid_t builder = fork();
    if (builder < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "fork");
    if (builder == 0) {
        struct rift_error failure;
        struct message built = {.kind = MESSAGE_BUILT};
        detach(report_write, machine_net);
        if (build_all(build, deadline_ns, &failure) < 0)
            end_with_failure(&failure);
        send_message(&built);
        _exit(0);
    }
    rift_close_fd(&report_write);
    int result = follow(build, report_read, deadline_ns, err);
    if (result < 0)
        kill(builder, SIGKILL);
    while (waitpid(builder, NULL, 0) < 0 && errno == EINTR)
        ;
    return result;
}

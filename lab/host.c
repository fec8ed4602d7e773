/* One host from the inside: the process that becomes its PID 1. */
#include "lab/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "lab/guest.h"
#include "lab/network.h"
#include "lab/registry.h"

enum { RESTART_MS = 200 };

static int do_mount(const char *source, const char *target, const char *type, unsigned long flags,
                    const char *options, struct rift_error *err)
{
    if (mount(source, target, type, flags, options) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "mount %s on %s", type ? type : source, target);
    return 0;
}

static int make_folder(const char *path, struct rift_error *err)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make %s", path);
    return 0;
}

/* A tmpfs of this host alone with the overlay's folders in it. It stands in this mount namespace
 * only, so it ends with the host. */
static int mount_root(const struct lab_host_plan *plan, const char *base, struct rift_error *err)
{
    char upper[LAB_PATH_SIZE + 8], work[LAB_PATH_SIZE + 8], root[LAB_PATH_SIZE + 8];
    char options[4 * LAB_PATH_SIZE];
    snprintf(upper, sizeof upper, "%s/upper", base);
    snprintf(work, sizeof work, "%s/work", base);
    snprintf(root, sizeof root, "%s/root", base);
    if (do_mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL, err) < 0 ||
        do_mount("rift-host", base, "tmpfs", 0, "mode=0755", err) < 0 ||
        make_folder(upper, err) < 0 || make_folder(work, err) < 0 || make_folder(root, err) < 0 ||
        lab_host_write_files(plan, upper, err) < 0 ||
        (plan->driver != LAB_NETNS && lab_guest_write_files(plan, upper, err) < 0))
        return -1;
    snprintf(options, sizeof options, "lowerdir=%s%s/,upperdir=%s,workdir=%s",
             plan->layer_folder ? plan->layer_folder : "", plan->layer_folder ? ":" : "", upper,
             work);
    return do_mount("rift-root", root, "overlay", 0, options, err);
}

static int make_devices(struct rift_error *err)
{
    static const struct {
        const char *path;
        unsigned major, minor;
        mode_t mode;
    } devices[] = {
        {"dev/null", 1, 3, 0666},
        {"dev/zero", 1, 5, 0666},
        {"dev/full", 1, 7, 0666},
        {"dev/random", 1, 8, 0666},
        {"dev/urandom", 1, 9, 0666},
        {"dev/tty", 5, 0, 0666},
        {"dev/fuse", 10, 229, 0666},
        {"dev/net/tun", 10, 200, 0666},
        {"dev/loop-control", 10, 237, 0660},
    };
    static const char *const links[][2] = {
        {"pts/ptmx", "dev/ptmx"},          {"/proc/self/fd", "dev/fd"},
        {"/proc/self/fd/0", "dev/stdin"},  {"/proc/self/fd/1", "dev/stdout"},
        {"/proc/self/fd/2", "dev/stderr"},
    };
    if (make_folder("dev/net", err) < 0 || make_folder("dev/pts", err) < 0 ||
        make_folder("dev/shm", err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (mknod(devices[i].path, S_IFCHR | devices[i].mode,
                  makedev(devices[i].major, devices[i].minor)) < 0 ||
            chmod(devices[i].path, devices[i].mode) < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "make %s", devices[i].path);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlink(links[i][0], links[i][1]) < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "link %s", links[i][1]);
    return 0;
}

/* In the new root, before it is entered: paths are relative. */
static int mount_kernel_files(struct rift_error *err)
{
    static const struct {
        const char *target, *type, *options;
        unsigned long flags;
    } mounts[] = {
        {"proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV},
        {"tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
        {"root", "tmpfs", "mode=0700", MS_NOSUID | MS_NODEV},
        {"dev", "tmpfs", "mode=0755", MS_NOSUID},
    };
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++)
        if (do_mount("rift", mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].options,
                     err) < 0)
            return -1;
    if (make_devices(err) < 0 ||
        do_mount("rift", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                 "newinstance,ptmxmode=0666,mode=0620", err) < 0 ||
        do_mount("rift", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", err) < 0)
        return -1;
    /* Not on every kernel; the agent that needs it says so itself. */
    mount("rift", "sys/fs/bpf", "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return 0;
}

/* The same hierarchies at the same places as on the machine; the cgroup namespace shows the host's
 * own part of each as the whole. */
static int mount_cgroups(const struct lab_cgroups *cgroups, struct rift_error *err)
{
    bool is_v2_only = cgroups->count == 1 && cgroups->hierarchies[0].is_v2 &&
                      strcmp(cgroups->hierarchies[0].mount_point, "/sys/fs/cgroup") == 0;
    if (!is_v2_only &&
        do_mount("rift", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", err) < 0)
        return -1;
    for (size_t i = 0; i < cgroups->count; i++) {
        const struct lab_hierarchy *hierarchy = &cgroups->hierarchies[i];
        const char *target = hierarchy->mount_point + 1;
        if (strncmp(target, "sys/fs/cgroup", 13) != 0)
            continue;
        if ((!is_v2_only && make_folder(target, err) < 0) ||
            do_mount("rift", target, hierarchy->is_v2 ? "cgroup2" : "cgroup",
                     MS_NOSUID | MS_NODEV | MS_NOEXEC,
                     hierarchy->options[0] ? hierarchy->options : NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* In v2 a group with processes cannot hand controllers down, so PID 1 steps aside, as systemd's
 * does into init.scope, and leaves the root of the host's tree free. */
static int leave_v2_root(const struct lab_cgroups *cgroups, struct rift_error *err)
{
    for (size_t i = 0; i < cgroups->count; i++) {
        if (!cgroups->hierarchies[i].is_v2)
            continue;
        char path[LAB_PATH_SIZE];
        snprintf(path, sizeof path, "%s/init", cgroups->hierarchies[i].mount_point);
        if (make_folder(path, err) < 0)
            return -1;
        snprintf(path, sizeof path, "%s/init/cgroup.procs", cgroups->hierarchies[i].mount_point);
        CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, "0", 1) < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "write %s", path);
    }
    return 0;
}

static int enter(const char *root, struct rift_error *err)
{
    if (chdir(root) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "enter %s", root);
    return 0;
}

static int change_root(struct rift_error *err)
{
    /* pivot_root(2): with "." twice the old root lies over the new one until it is detached. */
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "change the root");
    return 0;
}

static int write_login_key(const char *key, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = -1;
    if (mkdir("/root/.ssh", 0700) == 0)
        fd = open("/root/.ssh/authorized_keys", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, key, strlen(key)) != (ssize_t)strlen(key))
        return rift_fail_errno(err, RIFT_ERR_IO, "write /root/.ssh/authorized_keys");
    return make_folder("/run/sshd", err);
}

int lab_host_enter_root(const struct lab_host_plan *plan, struct rift_error *err)
{
    char base[LAB_PATH_SIZE], root[LAB_PATH_SIZE + 8];
    lab_path(plan->lab, "host", base);
    snprintf(root, sizeof root, "%s/root", base);
    if (mount_root(plan, base, err) < 0 || enter(root, err) < 0 || mount_kernel_files(err) < 0 ||
        mount_cgroups(plan->cgroups, err) < 0 || change_root(err) < 0 ||
        leave_v2_root(plan->cgroups, err) < 0)
        return -1;
    return write_login_key(plan->login_key, err);
}

static pid_t start_sshd(void)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    /* An absolute path: sshd executes itself anew for each connection. */
    static char *const argv[] = {
        "/usr/sbin/sshd",    "-D", "-f", "/etc/ssh/rift_lab_sshd_config", "-E",
        "/var/log/sshd.log", NULL};
    static char *const environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* PID 1 keeps the bridge's namespace by an open descriptor; its children have no use for it. */
    close_range(STDERR_FILENO + 1, ~0U, 0);
    setsid();
    execve(argv[0], argv, environment);
    _exit(127);
}

/* What PID 1 keeps running: sshd, or the guest. */
static pid_t (*start_server)(void) = start_sshd;
static pid_t server_pid = -1;

int lab_host_start(const struct lab_host_plan *plan, struct rift_error *err)
{
    char name[16];
    lab_host_name(plan->number, name);
    if (sethostname(name, strlen(name)) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "set the host's name");
    bool is_guest = plan->driver != LAB_NETNS;
    if (is_guest)
        start_server = lab_guest_start;
    if ((is_guest ? lab_network_configure_guest(err)
                  : lab_network_configure_host(plan->subnet, plan->number, err)) < 0)
        return -1;
    server_pid = start_server();
    return server_pid < 0 ? rift_fail_errno(err, RIFT_ERR_IO, "fork") : 0;
}

_Noreturn void lab_host_serve(void)
{
    for (;;) {
        pid_t ended = waitpid(-1, NULL, 0);
        if (ended == server_pid || (ended < 0 && errno == ECHILD)) {
            rift_clock_sleep_until(rift_clock_now() + RESTART_MS * RIFT_MS);
            server_pid = start_server();
        }
    }
}

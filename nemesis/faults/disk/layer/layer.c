/* The agent's side of layers: it starts them, talks to them and takes them away. */
#include "nemesis/faults/disk/layer/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/disk/layer/control.h"
#include "nemesis/faults/disk/layer/names.h"
#include "nemesis/faults/disk/layer/server.h"

enum { PATH_SIZE = 512, ANSWER_S = 5, READY_MS = 10000, UNMOUNT_MS = 3000, END_MS = 2000 };
enum { READY_FD = 3 };

static const char ending[] = ".rift-layer";

/* A path of its socket that fits into a sockaddr_un, by way of the folder that it is in, which is
 * left open; -1 with errno. */
static int socket_address(const char *folder, struct sockaddr_un *address)
{
    char path[PATH_SIZE];
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%.480s", folder);
    char *slash = strrchr(path, '/');
    if (!slash)
        return -1;
    *slash = 0;
    int fd = open(path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int n = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s%s", fd,
                     slash + 1, ending);
    if (fd >= 0 && n < (int)sizeof address->sun_path)
        return fd;
    rift_close_fd(&fd);
    errno = ENAMETOOLONG;
    return -1;
}

/* The mount points of layers, from mountinfo: "ID PARENT MAJ:MIN ROOT POINT ... - fuse.rift
 * rift-layer". */
void rift_layer_visit(void (*visit)(const char *folder, void *context), void *context)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4096], point[PATH_SIZE];
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, " - fuse.rift rift-layer") &&
            sscanf(line, "%*d %*d %*s %*s %511s", point) == 1)
            visit(point, context);
    if (file)
        fclose(file);
}

struct layer_search {
    const char *folder;
    bool is_found;
};

static void layer_visit(const char *folder, void *context)
{
    struct layer_search *search = context;
    search->is_found = search->is_found || strcmp(folder, search->folder) == 0;
}

bool rift_layer_is_mounted(const char *folder)
{
    struct layer_search search = {.folder = folder};
    rift_layer_visit(layer_visit, &search);
    return search.is_found;
}

/* Connected, or -1 with errno: ECONNREFUSED or ENOENT where its process is gone. flags: of
 * socket(2). */
static int layer_connect(const char *folder, int flags)
{
    struct sockaddr_un address;
    const struct timeval patience = {.tv_sec = ANSWER_S};
    CLEANUP(rift_close_fd) int parent = socket_address(folder, &address);
    int fd = parent < 0 ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static bool layer_is_alive(const char *folder)
{
    CLEANUP(rift_close_fd) int fd = layer_connect(folder, SOCK_NONBLOCK);
    return fd >= 0 || (errno != ECONNREFUSED && errno != ENOENT);
}

/* The connection over which it was sent, or -1. Takes request. */
static int layer_send(const char *folder, json_t *request, int flags, struct rift_error *err)
{
    char text[LAYER_MESSAGE_MAX];
    size_t length = json_dumpb(request, text, sizeof text, JSON_COMPACT);
    json_decref(request);
    int fd = layer_connect(folder, flags);
    if (fd >= 0 && length <= sizeof text && send(fd, text, length, MSG_NOSIGNAL) >= 0)
        return fd;
    bool is_gone = fd < 0 && (errno == ECONNREFUSED || errno == ENOENT);
    rift_fail_errno(err, is_gone ? RIFT_ERR_MISSING : RIFT_ERR_IO,
                    is_gone ? "the process of the layer over '%s' is gone"
                            : "the layer of '%s' does not hear",
                    folder);
    rift_close_fd(&fd);
    return -1;
}

int rift_layer_tell(const char *folder, json_t *request, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = layer_send(folder, request, SOCK_NONBLOCK, err);
    return fd < 0 ? -1 : 0;
}

int rift_layer_check(const char *folder, struct rift_error *err)
{
    if (!rift_layer_is_mounted(folder))
        return 0;
    json_t *reply = rift_layer_ask(folder, json_pack("{s:s, s:s}", "do", "hits", "id", ""), err);
    json_decref(reply);
    return reply ? 0 : -1;
}

json_t *rift_layer_ask(const char *folder, json_t *request, struct rift_error *err)
{
    char text[LAYER_MESSAGE_MAX];
    CLEANUP(rift_close_fd) int fd = layer_send(folder, request, 0, err);
    if (fd < 0)
        return NULL;
    ssize_t n = recv(fd, text, sizeof text, 0);
    bool is_late = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    json_t *reply = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    const char *error = json_string_value(json_object_get(reply, "error"));
    if (reply && !error)
        return reply;
    rift_fail(err, RIFT_ERR_IO, "the layer of '%s': %.200s", folder,
              error     ? error
              : is_late ? "no answer within 5 s"
                        : "its process ended");
    json_decref(reply);
    return NULL;
}

/* In the child. Nothing of who started it may live on in it. */
static void server_detach(int ready_fd)
{
    setsid();
    prctl(PR_SET_NAME, RIFT_LAYER_PROCESS);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    dup2(ready_fd, READY_FD);
    syscall(SYS_close_range, READY_FD + 1, ~0U, 0);
    fcntl(READY_FD, F_SETFD, FD_CLOEXEC);
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/"))
        _exit(1);
}

static void server_run(const char *folder, bool as_posix, int ready_fd)
{
    struct sockaddr_un address;
    server_detach(ready_fd);
    if (fork() != 0) /* its parent does not wait for it */
        _exit(0);
    if (socket_address(folder, &address) < 0)
        _exit(1);
    layer_serve(folder, address.sun_path, as_posix, READY_FD);
}

int rift_layer_mount(const char *folder, bool as_posix, struct rift_error *err)
{
    char answer[256] = "";
    int pipe_fds[2];
    rift_layer_bury(folder);
    if (rift_layer_is_mounted(folder))
        return 0;
    if (pipe2(pipe_fds, O_CLOEXEC))
        return rift_fail_errno(err, RIFT_ERR_IO, "make a pipe");
    pid_t pid = fork();
    if (pid == 0)
        server_run(folder, as_posix, pipe_fds[1]);
    close(pipe_fds[1]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    ssize_t n = read(pipe_fds[0], answer, sizeof answer - 1);
    close(pipe_fds[0]);
    if (n == 2 && strcmp(answer, "ok") == 0)
        return 0;
    return rift_fail(err, RIFT_ERR_IO, "the layer over '%s': %s", folder,
                     n > 0 ? answer : "its process ended");
}

/* What a process that was killed left of it beside and in the folder. */
static void layer_clean(const char *folder)
{
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof path, "%.480s%s", folder, ending);
    unlink(path);
    CLEANUP(rift_close_fd) int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct layer_nodes *nodes = NULL;
    struct layer_names names;
    if (fd >= 0 && faccessat(fd, LAYER_ATTIC, F_OK, 0) == 0 &&
        layer_names_init(&names, nodes, fd) == 0)
        layer_names_finish(&names, fd);
}

void rift_layer_bury(const char *folder)
{
    if (!rift_layer_is_mounted(folder) || layer_is_alive(folder))
        return;
    umount2(folder, MNT_DETACH);
    layer_clean(folder);
}

/* One that hangs keeps what is below it busy. */
static void layer_kill(const char *folder)
{
    struct ucred who; /* of the one that listens */
    socklen_t size = sizeof who;
    struct rift_process process;
    CLEANUP(rift_close_fd) int fd = layer_connect(folder, SOCK_NONBLOCK);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) ||
        !rift_process_identify(who.pid, &process))
        return;
    rift_process_signal(&process, SIGKILL);
    int64_t deadline = rift_clock_now() + END_MS * RIFT_MS;
    while (rift_process_is_alive(&process) && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
}

int rift_layer_unmount(const char *folder, struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + UNMOUNT_MS * RIFT_MS;
    if (!rift_layer_is_mounted(folder))
        return 0;
    while (umount2(folder, 0) && errno == EBUSY && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    if (rift_layer_is_mounted(folder)) {
        umount2(folder, MNT_FORCE); /* ends every request that waits */
        umount2(folder, MNT_DETACH);
    }
    if (rift_layer_is_mounted(folder))
        return rift_fail_errno(err, RIFT_ERR_IO, "unmount the layer of '%s'", folder);
    /* Its process makes all durable, then it goes. */
    deadline = rift_clock_now() + END_MS * RIFT_MS;
    while (layer_is_alive(folder) && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
    layer_kill(folder);
    layer_clean(folder);
    return 0;
}

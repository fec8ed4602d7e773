#include "nemesis/faults/disk/layer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/memory.h"
#include "nemesis/faults/disk/layer/control.h"
#include "nemesis/faults/disk/layer/fs.h"
#include "nemesis/faults/disk/layer/layer.h"

enum { FUSE_MAJOR = 10, FUSE_MINOR = 229, FILES_MAX = 1 << 20 };

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    mode_t before = umask(0077);
    unlink(path);
    int rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (rc == 0 && listen(fd, 16) == 0)
        return fd;
    rift_close_fd(&fd);
    return -1;
}

static int fs_mount(struct layer_fs *fs, struct rift_error *err)
{
    char *argv[] = {"rift-layer", "-o",
                    "allow_other,default_permissions,fsname=rift-layer,subtype=rift", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    if (access("/dev/fuse", F_OK) != 0)
        mknod("/dev/fuse", S_IFCHR | 0666, makedev(FUSE_MAJOR, FUSE_MINOR));
    int probe = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (probe < 0)
        return rift_fail_errno(err, RIFT_ERR_UNSUPPORTED, "no FUSE here: open /dev/fuse");
    close(probe);
    fs->session = fuse_session_new(&args, &layer_fs_ops, sizeof layer_fs_ops, fs);
    fuse_opt_free_args(&args);
    if (!fs->session || fuse_session_mount(fs->session, fs->folder))
        return rift_fail_errno(err, RIFT_ERR_IO, "mount FUSE on '%s'", fs->folder);
    return 0;
}

static void fs_loop(struct layer_fs *fs, int listener)
{
    struct fuse_buf buffer = {0};
    int fuse_fd = fuse_session_fd(fs->session);
    /* A request that poll(2) saw may be gone, with the process that made it. */
    fcntl(fuse_fd, F_SETFL, fcntl(fuse_fd, F_GETFL) | O_NONBLOCK);
    while (!fuse_session_exited(fs->session)) {
        struct pollfd fds[2] = {{.fd = fuse_fd, .events = POLLIN},
                                {.fd = listener, .events = POLLIN}};
        int64_t due = layer_fs_next_due(fs);
        poll(fds, 2, due ? rift_clock_poll_ms(due) : -1);
        layer_fs_run_due(fs, false);
        if (fds[1].revents)
            layer_control_serve(fs, listener);
        if (!fds[0].revents)
            continue;
        int n = fuse_session_receive_buf(fs->session, &buffer);
        if (n == -EINTR || n == -EAGAIN)
            continue;
        if (n <= 0)
            break; /* it was unmounted */
        fuse_session_process_buf(fs->session, &buffer);
    }
    layer_fs_run_due(fs, true);
    free(buffer.mem);
}

static int fs_prepare(struct layer_fs *fs, const char *socket_path, int *listener,
                      struct rift_error *err)
{
    const struct rlimit files = {.rlim_cur = FILES_MAX, .rlim_max = FILES_MAX};
    setrlimit(RLIMIT_NOFILE, &files);
    umask(0);             /* the kernel has seen to the caller's */
    fs->root.lookups = 1; /* it is never released */
    fs->root.fd = open(fs->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fs->root.fd < 0 || layer_names_init(&fs->names, &fs->nodes, fs->root.fd))
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", fs->folder);
    *listener = listen_at(socket_path);
    if (*listener < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "listen at '%s'", socket_path);
    return fs_mount(fs, err);
}

void layer_serve(const char *folder, const char *socket_path, bool as_posix, int ready_fd)
{
    struct rift_error err = {0};
    int listener = -1;
    struct layer_fs *fs = rift_calloc(1, sizeof *fs);
    fs->folder = folder;
    fs->as_posix = as_posix;
    int rc = fs_prepare(fs, socket_path, &listener, &err);
    if (rc == 0) {
        dprintf(ready_fd, "ok");
        close(ready_fd);
        fs_loop(fs, listener);
    }
    layer_names_finish(&fs->names, fs->root.fd);
    unlink(socket_path);
    if (rc) /* last: whoever hears it may make another one, which has the same names */
        dprintf(ready_fd, "%s", err.text);
    _exit(rc ? 1 : 0);
}

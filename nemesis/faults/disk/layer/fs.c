/* Reads, writes and syncs of files. A request that a rule delays waits in a list, and nothing else
 * waits for it; one whose process is killed meanwhile is carried out at once, as the process could
 * not end before. */
#include "nemesis/faults/disk/layer/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

struct layer_wait {
    struct layer_wait *next;
    int64_t due_ns;
    enum layer_op op;
    fuse_req_t req;
    struct layer_node *node;
    int fd;
    bool is_write_through; /* opened with O_DSYNC */
    bool only_data;
    char *data; /* to write */
    size_t size;
    off_t offset;
    struct layer_verdict verdict;
};

struct layer_fs *layer_fs_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

struct layer_node *layer_fs_node(struct layer_fs *fs, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? &fs->root : (struct layer_node *)(uintptr_t)ino;
}

int layer_fs_stat(struct layer_fs *fs, struct layer_node *node, struct stat *found)
{
    if (fstatat(node->fd, "", found, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
        return -1;
    if (node == &fs->root)
        found->st_nlink--; /* the attic's ".." */
    else if (!S_ISDIR(found->st_mode))
        found->st_nlink -=
            node->attic_links < found->st_nlink ? node->attic_links : found->st_nlink;
    return 0;
}

void layer_fs_path(const struct layer_fs *fs, const struct layer_node *node, const char *name,
                   char path[LAYER_PATH_SIZE])
{
    char proc[LAYER_PROC_PATH_SIZE], target[LAYER_PATH_SIZE];
    layer_node_proc_path(node, proc);
    ssize_t n = readlink(proc, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    size_t root = strlen(fs->folder);
    const char *inside = strncmp(target, fs->folder, root) == 0 ? target + root : target;
    inside += *inside == '/';
    if (!name)
        snprintf(path, LAYER_PATH_SIZE, "%s", inside);
    else
        snprintf(path, LAYER_PATH_SIZE, "%.3800s%s%.255s", inside, *inside ? "/" : "", name);
}

void layer_fs_judge(struct layer_fs *fs, enum layer_op op, const struct layer_node *node,
                    const char *name, struct layer_verdict *verdict)
{
    int64_t now = rift_clock_now();
    *verdict = (struct layer_verdict){0};
    if (!layer_rules_want(&fs->rules, op, now))
        return;
    char path[LAYER_PATH_SIZE];
    layer_fs_path(fs, node, name, path);
    layer_rules_judge(&fs->rules, op, path, now, verdict);
}

void layer_fs_synced(struct layer_fs *fs, struct layer_node *node)
{
    layer_shadow_settle(&node->shadow);
    if (!fs->as_posix && !node->is_ours)
        layer_names_commit(&fs->names);
}

/* --- requests that may wait */

static void flip(char *data, size_t size, uint64_t bit)
{
    if (size > 0)
        data[bit / 8 % size] ^= (char)(1 << bit % 8);
}

static void do_read(const struct layer_wait *wait)
{
    CLEANUP(rift_free) char *data = rift_malloc(wait->size ? wait->size : 1);
    ssize_t n = pread(wait->fd, data, wait->size, wait->offset);
    if (n >= 0 && wait->verdict.flips)
        flip(data, (size_t)n, wait->verdict.flip_bit);
    if (n >= 0)
        fuse_reply_buf(wait->req, data, (size_t)n);
    else
        fuse_reply_err(wait->req, errno);
}

static void do_write(struct layer_fs *fs, const struct layer_wait *wait, char *data)
{
    layer_shadow_before_write(&wait->node->shadow, wait->fd, wait->offset, wait->size);
    if (wait->verdict.flips)
        flip(data, wait->size, wait->verdict.flip_bit);
    ssize_t n = pwrite(wait->fd, data, wait->size, wait->offset);
    if (n < 0 && errno == ENOSPC && layer_names_make_room(&fs->names))
        n = pwrite(wait->fd, data, wait->size, wait->offset);
    if (n >= 0 && wait->is_write_through && fdatasync(wait->fd))
        n = -1;
    if (n < 0) {
        fuse_reply_err(wait->req, errno);
        return;
    }
    if (wait->is_write_through)
        layer_fs_synced(fs, wait->node);
    fuse_reply_write(wait->req, (size_t)n);
}

static void do_sync(struct layer_fs *fs, const struct layer_wait *wait)
{
    int rc = wait->only_data ? fdatasync(wait->fd) : fsync(wait->fd);
    if (rc == 0)
        layer_fs_synced(fs, wait->node);
    fuse_reply_err(wait->req, rc ? errno : 0);
}

static void wait_do(struct layer_fs *fs, const struct layer_wait *wait)
{
    if (wait->verdict.error)
        fuse_reply_err(wait->req, wait->verdict.error);
    else if (wait->op == LAYER_READ)
        do_read(wait);
    else if (wait->op == LAYER_WRITE)
        do_write(fs, wait, wait->data);
    else
        do_sync(fs, wait);
}

static void wait_interrupted(fuse_req_t req, void *data)
{
    (void)req;
    struct layer_wait *wait = data;
    wait->due_ns = 1;
}

static void request_take(struct layer_fs *fs, struct layer_wait *request)
{
    layer_fs_judge(fs, request->op, request->node, NULL, &request->verdict);
    if (request->verdict.due_ns == 0) {
        CLEANUP(rift_free) char *copy = NULL;
        if (request->op == LAYER_WRITE && request->verdict.flips) /* the data are not ours */
            copy = request->data =
                memcpy(rift_malloc(request->size + 1), request->data, request->size);
        wait_do(fs, request);
        return;
    }
    struct layer_wait *wait = rift_malloc(sizeof *wait), **link = &fs->waits;
    *wait = *request;
    wait->due_ns = request->verdict.due_ns;
    if (wait->data)
        wait->data = memcpy(rift_malloc(wait->size + 1), wait->data, wait->size);
    wait->node->pins++;
    while (*link && (*link)->due_ns <= wait->due_ns)
        link = &(*link)->next;
    wait->next = *link;
    *link = wait;
    fuse_req_interrupt_func(wait->req, wait_interrupted, wait);
}

void layer_fs_run_due(struct layer_fs *fs, bool all)
{
    int64_t now = rift_clock_now();
    for (struct layer_wait **link = &fs->waits; *link;) {
        struct layer_wait *wait = *link;
        if (!all && wait->due_ns > now) {
            link = &wait->next;
            continue;
        }
        *link = wait->next;
        fuse_req_interrupt_func(wait->req, NULL, NULL);
        wait_do(fs, wait);
        wait->node->pins--;
        layer_node_release(&fs->nodes, wait->node);
        free(wait->data);
        free(wait);
    }
}

int64_t layer_fs_next_due(const struct layer_fs *fs)
{
    int64_t due = 0;
    for (const struct layer_wait *wait = fs->waits; wait; wait = wait->next)
        due = due == 0 || wait->due_ns < due ? wait->due_ns : due;
    return due;
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_wait request = {.op = LAYER_READ,
                                 .req = req,
                                 .node = layer_fs_node(fs, ino),
                                 .fd = (int)info->fh,
                                 .size = size,
                                 .offset = offset};
    request_take(fs, &request);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_wait request = {.op = LAYER_WRITE,
                                 .req = req,
                                 .node = layer_fs_node(fs, ino),
                                 .fd = (int)info->fh,
                                 .is_write_through = (info->flags & O_DSYNC) != 0,
                                 .data = (char *)(uintptr_t)data,
                                 .size = size,
                                 .offset = offset};
    request_take(fs, &request);
}

static void fs_fsync(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_wait request = {.op = LAYER_SYNC,
                                 .req = req,
                                 .node = layer_fs_node(fs, ino),
                                 .fd = (int)info->fh,
                                 .only_data = only_data != 0};
    request_take(fs, &request);
}

/* --- requests that do not */

static void fs_init(void *userdata, struct fuse_conn_info *connection)
{
    (void)userdata;
    /* A truncation comes as one, and a write is seen when it is made, not when the kernel likes. */
    connection->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_WRITEBACK_CACHE);
}

/* Readable, as what is overwritten is read before; neither appending nor direct, which the kernel
 * has seen to. */
static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    int flags = info->flags & ~(O_APPEND | O_DIRECT | O_TRUNC | O_NOFOLLOW | O_CREAT | O_EXCL);
    if ((flags & O_ACCMODE) == O_WRONLY)
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    int fd = layer_node_open(layer_fs_node(layer_fs_of(req), ino), flags);
    if (fd < 0) {
        fuse_reply_err(req, errno);
        return;
    }
    info->fh = (uint64_t)fd;
    if (fuse_reply_open(req, info))
        close(fd);
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    (void)ino;
    close((int)info->fh);
    fuse_reply_err(req, 0);
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    (void)info;
    struct layer_fs *fs = layer_fs_of(req);
    struct stat found;
    if (layer_fs_stat(fs, layer_fs_node(fs, ino), &found))
        fuse_reply_err(req, errno);
    else
        fuse_reply_attr(req, &found, 0);
}

static int resize(struct layer_fs *fs, struct layer_node *node, off_t size)
{
    struct layer_verdict verdict;
    layer_fs_judge(fs, LAYER_WRITE, node, NULL, &verdict);
    errno = verdict.error;
    if (verdict.error)
        return -1;
    CLEANUP(rift_close_fd) int fd = layer_node_open(node, O_RDWR);
    if (fd < 0)
        return -1;
    layer_shadow_before_resize(&node->shadow, fd, size);
    return ftruncate(fd, size);
}

static int set_times(const struct layer_node *node, const struct stat *given, int which)
{
    char path[LAYER_PROC_PATH_SIZE];
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
    if (which & FUSE_SET_ATTR_ATIME)
        times[0] = given->st_atim;
    if (which & FUSE_SET_ATTR_MTIME)
        times[1] = given->st_mtim;
    if (which & FUSE_SET_ATTR_ATIME_NOW)
        times[0].tv_nsec = UTIME_NOW;
    if (which & FUSE_SET_ATTR_MTIME_NOW)
        times[1].tv_nsec = UTIME_NOW;
    layer_node_proc_path(node, path);
    return utimensat(AT_FDCWD, path, times, 0);
}

/* Owners, modes and times are durable at once: no system depends on their loss. */
static void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *given, int which,
                       struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *node = layer_fs_node(fs, ino);
    char path[LAYER_PROC_PATH_SIZE];
    int rc = 0;
    (void)info;
    layer_node_proc_path(node, path);
    if (which & FUSE_SET_ATTR_MODE)
        rc = chmod(path, given->st_mode);
    if (rc == 0 && (which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
        rc = fchownat(node->fd, "", which & FUSE_SET_ATTR_UID ? given->st_uid : (uid_t)-1,
                      which & FUSE_SET_ATTR_GID ? given->st_gid : (gid_t)-1,
                      AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    if (rc == 0 && (which & FUSE_SET_ATTR_SIZE))
        rc = resize(fs, node, given->st_size);
    if (rc == 0 && (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                             FUSE_SET_ATTR_MTIME_NOW)))
        rc = set_times(node, given, which);
    struct stat found;
    if (rc || layer_fs_stat(fs, node, &found))
        fuse_reply_err(req, errno);
    else
        fuse_reply_attr(req, &found, 0);
}

static void fs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                         struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *node = layer_fs_node(fs, ino);
    struct layer_verdict verdict;
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    layer_fs_judge(fs, LAYER_WRITE, node, NULL, &verdict);
    if (verdict.error) {
        fuse_reply_err(req, verdict.error);
        return;
    }
    bool is_overwrite = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
    layer_shadow_before_write(&node->shadow, (int)info->fh, offset,
                              is_overwrite ? (size_t)length : 0);
    int rc = fallocate((int)info->fh, mode, offset, length);
    if (rc && errno == ENOSPC && layer_names_make_room(&fs->names))
        rc = fallocate((int)info->fh, mode, offset, length);
    fuse_reply_err(req, rc ? errno : 0);
}

static void fs_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                     struct fuse_file_info *info)
{
    (void)ino;
    off_t at = lseek((int)info->fh, offset, whence);
    if (at < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_lseek(req, at);
}

/* What the attic keeps is had for the asking. */
static void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    struct layer_fs *fs = layer_fs_of(req);
    struct statvfs space;
    if (fstatvfs(fs->root.fd, &space)) {
        fuse_reply_err(req, errno);
        return;
    }
    fsblkcnt_t kept = (fsblkcnt_t)fs->names.attic_bytes / space.f_frsize;
    space.f_bfree += kept;
    space.f_bavail += kept;
    fuse_reply_statfs(req, &space);
}

const struct fuse_lowlevel_ops layer_fs_ops = {
    .init = fs_init,
    .lookup = layer_fs_lookup,
    .forget = layer_fs_forget,
    .forget_multi = layer_fs_forget_multi,
    .getattr = fs_getattr,
    .setattr = fs_setattr,
    .readlink = layer_fs_readlink,
    .mknod = layer_fs_mknod,
    .mkdir = layer_fs_mkdir,
    .unlink = layer_fs_unlink,
    .rmdir = layer_fs_rmdir,
    .symlink = layer_fs_symlink,
    .rename = layer_fs_rename,
    .link = layer_fs_link,
    .open = fs_open,
    .read = fs_read,
    .write = fs_write,
    .release = fs_release,
    .fsync = fs_fsync,
    .opendir = layer_fs_opendir,
    .readdir = layer_fs_readdir,
    .releasedir = layer_fs_releasedir,
    .fsyncdir = layer_fs_fsyncdir,
    .statfs = fs_statfs,
    .create = layer_fs_create,
    .fallocate = fs_fallocate,
    .lseek = fs_lseek,
};

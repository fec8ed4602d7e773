/* Requests about names and folders. What is made belongs to who asked. */
#include "nemesis/faults/disk/layer/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

static bool is_hidden(const struct layer_fs *fs, const struct layer_node *folder, const char *name)
{
    return folder == &fs->root && strcmp(name, LAYER_ATTIC) == 0;
}

/* Fills in entry; the kernel holds one more look-up of it then. */
static int look_up(struct layer_fs *fs, struct layer_node *folder, const char *name,
                   struct fuse_entry_param *entry)
{
    struct stat found;
    *entry = (struct fuse_entry_param){0};
    errno = ENOENT;
    int fd = is_hidden(fs, folder, name)
                 ? -1
                 : openat(folder->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstatat(fd, "", &found, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) {
        close(fd);
        return -1;
    }
    struct layer_node *node = layer_node_of(&fs->nodes, fd, &found);
    node->lookups++;
    node->is_ours = layer_name_is_ours(name);
    layer_fs_stat(fs, node, &entry->attr);
    entry->ino = (fuse_ino_t)(uintptr_t)node;
    return 0;
}

static void forget(struct layer_fs *fs, fuse_ino_t ino, uint64_t count)
{
    struct layer_node *node = layer_fs_node(fs, ino);
    if (node == &fs->root)
        return;
    node->lookups -= count < node->lookups ? count : node->lookups;
    layer_node_release(&fs->nodes, node);
}

void layer_fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct fuse_entry_param entry;
    if (look_up(fs, layer_fs_node(fs, parent), name, &entry))
        fuse_reply_err(req, errno);
    else
        fuse_reply_entry(req, &entry);
}

void layer_fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    forget(layer_fs_of(req), ino, count);
    fuse_reply_none(req);
}

void layer_fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        forget(layer_fs_of(req), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* Whether a rule lets the request about that name happen; answers it where none does. */
static bool is_let(fuse_req_t req, const struct layer_node *folder, const char *name)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_verdict verdict;
    layer_fs_judge(fs, LAYER_NAMES, folder, name, &verdict);
    if (verdict.error == 0 && is_hidden(fs, folder, name))
        verdict.error = EPERM;
    if (verdict.error)
        fuse_reply_err(req, verdict.error);
    return verdict.error == 0;
}

/* After a name was made, with result: it is the caller's, remembered, and told. */
static void answer_made(fuse_req_t req, struct layer_node *folder, const char *name, int result)
{
    struct layer_fs *fs = layer_fs_of(req);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    struct fuse_entry_param entry;
    if (result == 0) {
        layer_names_made(&fs->names, folder, name);
        result = fchownat(folder->fd, name, caller->uid, caller->gid, AT_SYMLINK_NOFOLLOW);
    }
    if (result || look_up(fs, folder, name, &entry))
        fuse_reply_err(req, errno);
    else
        fuse_reply_entry(req, &entry);
}

void layer_fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    struct layer_node *folder = layer_fs_node(layer_fs_of(req), parent);
    if (is_let(req, folder, name))
        answer_made(req, folder, name, mknodat(folder->fd, name, mode, device));
}

void layer_fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct layer_node *folder = layer_fs_node(layer_fs_of(req), parent);
    if (is_let(req, folder, name))
        answer_made(req, folder, name, mkdirat(folder->fd, name, mode));
}

void layer_fs_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    struct layer_node *folder = layer_fs_node(layer_fs_of(req), parent);
    if (is_let(req, folder, name))
        answer_made(req, folder, name, symlinkat(link, folder->fd, name));
}

void layer_fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *folder = layer_fs_node(fs, parent);
    struct fuse_entry_param entry;
    char path[LAYER_PROC_PATH_SIZE];
    if (!is_let(req, folder, name))
        return;
    layer_node_proc_path(layer_fs_node(fs, ino), path);
    int rc = linkat(AT_FDCWD, path, folder->fd, name, AT_SYMLINK_FOLLOW);
    if (rc == 0)
        layer_names_made(&fs->names, folder, name);
    if (rc || look_up(fs, folder, name, &entry))
        fuse_reply_err(req, errno);
    else
        fuse_reply_entry(req, &entry);
}

void layer_fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                     struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *folder = layer_fs_node(fs, parent);
    const struct fuse_ctx *caller = fuse_req_ctx(req);
    struct fuse_entry_param entry;
    if (!is_let(req, folder, name))
        return;
    int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0) {
        layer_names_made(&fs->names, folder, name);
        if (fchown(fd, caller->uid, caller->gid)) {
            rift_close_fd(&fd);
            fd = -1;
        }
    } else if (errno == EEXIST && !(info->flags & O_EXCL)) {
        fd = openat(folder->fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0 || look_up(fs, folder, name, &entry)) {
        fuse_reply_err(req, errno);
        rift_close_fd(&fd);
        return;
    }
    info->fh = (uint64_t)fd;
    if (fuse_reply_create(req, &entry, info))
        close(fd);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_folder)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *folder = layer_fs_node(fs, parent);
    if (is_let(req, folder, name))
        fuse_reply_err(req, layer_names_remove(&fs->names, folder, name, is_folder) ? errno : 0);
}

void layer_fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, false);
}

void layer_fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, true);
}

void layer_fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                     const char *new_name, unsigned flags)
{
    struct layer_fs *fs = layer_fs_of(req);
    struct layer_node *from = layer_fs_node(fs, parent), *to = layer_fs_node(fs, new_parent);
    if (is_let(req, from, name) && is_let(req, to, new_name))
        fuse_reply_err(req,
                       layer_names_move(&fs->names, from, name, to, new_name, flags) ? errno : 0);
}

void layer_fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
    char target[PATH_MAX + 1];
    ssize_t n = readlinkat(layer_fs_node(layer_fs_of(req), ino)->fd, "", target, sizeof target - 1);
    if (n < 0) {
        fuse_reply_err(req, errno);
        return;
    }
    target[n] = 0;
    fuse_reply_readlink(req, target);
}

/* --- folders */

struct folder_stream {
    DIR *stream;
    off_t offset; /* where the stream stands */
};

void layer_fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    struct layer_node *node = layer_fs_node(layer_fs_of(req), ino);
    int fd = layer_node_open(node, O_RDONLY | O_DIRECTORY);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        fuse_reply_err(req, errno);
        rift_close_fd(&fd);
        return;
    }
    struct folder_stream *open_folder = rift_calloc(1, sizeof *open_folder);
    open_folder->stream = stream;
    info->fh = (uint64_t)(uintptr_t)open_folder;
    if (fuse_reply_open(req, info)) {
        closedir(stream);
        free(open_folder);
    }
}

void layer_fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *info)
{
    struct layer_fs *fs = layer_fs_of(req);
    const struct layer_node *node = layer_fs_node(fs, ino);
    struct folder_stream *open_folder = (struct folder_stream *)(uintptr_t)info->fh;
    CLEANUP(rift_free) char *buffer = rift_malloc(size ? size : 1);
    size_t used = 0;
    const struct dirent *entry;
    if (offset == 0)
        rewinddir(open_folder->stream);
    else if (offset != open_folder->offset)
        seekdir(open_folder->stream, offset);
    open_folder->offset = offset;
    while ((entry = readdir(open_folder->stream))) {
        const struct stat shown = {.st_ino = entry->d_ino,
                                   .st_mode = (mode_t)DTTOIF(entry->d_type)};
        if (!is_hidden(fs, node, entry->d_name)) {
            size_t need = fuse_add_direntry(req, buffer + used, size - used, entry->d_name, &shown,
                                            entry->d_off);
            if (need > size - used) {
                seekdir(open_folder->stream, open_folder->offset);
                break;
            }
            used += need;
        }
        open_folder->offset = entry->d_off;
    }
    fuse_reply_buf(req, buffer, used);
}

void layer_fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    (void)ino;
    struct folder_stream *open_folder = (struct folder_stream *)(uintptr_t)info->fh;
    closedir(open_folder->stream);
    free(open_folder);
    fuse_reply_err(req, 0);
}

void layer_fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *info)
{
    (void)only_data;
    struct layer_fs *fs = layer_fs_of(req);
    const struct folder_stream *open_folder = (const struct folder_stream *)(uintptr_t)info->fh;
    struct layer_node *node = layer_fs_node(fs, ino);
    struct layer_verdict verdict;
    layer_fs_judge(fs, LAYER_SYNC, node, NULL, &verdict);
    if (verdict.error || fsync(dirfd(open_folder->stream))) {
        fuse_reply_err(req, verdict.error ? verdict.error : errno);
        return;
    }
    if (fs->as_posix)
        layer_names_commit_folder(&fs->names, node);
    else
        layer_names_commit(&fs->names);
    fuse_reply_err(req, 0);
}

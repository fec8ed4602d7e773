/* The file system itself: what FUSE asks, done to the folder below. One thread. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_FS_H
#define NEMESIS_FAULTS_DISK_LAYER_FS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "nemesis/faults/disk/layer/names.h"
#include "nemesis/faults/disk/layer/node.h"
#include "nemesis/faults/disk/layer/rules.h"

struct layer_wait;

struct layer_fs {
    struct fuse_session *session;
    const char *folder;     /* where it is mounted, and what it covers */
    struct layer_node root; /* of no bucket */
    struct layer_nodes nodes;
    struct layer_names names;
    struct layer_rules rules;
    struct layer_wait *waits; /* requests that are delayed, the soonest first */
    bool as_posix;
};

extern const struct fuse_lowlevel_ops layer_fs_ops;
/* In fs_names.c: requests about names and folders. */
void layer_fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void layer_fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void layer_fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void layer_fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                     struct fuse_file_info *info);
void layer_fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void layer_fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void layer_fs_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void layer_fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void layer_fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void layer_fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void layer_fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
                     const char *new_name, unsigned flags);
void layer_fs_readlink(fuse_req_t req, fuse_ino_t ino);
void layer_fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void layer_fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *info);
void layer_fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void layer_fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int only_data, struct fuse_file_info *info);

struct layer_fs *layer_fs_of(fuse_req_t req);
struct layer_node *layer_fs_node(struct layer_fs *fs, fuse_ino_t ino);
/* Attributes as the system should see them: names in the attic do not count. 0, or -1 with errno.
 */
int layer_fs_stat(struct layer_fs *fs, struct layer_node *node, struct stat *found);
/* The path of it, relative to the folder; with name: of that entry in it. */
enum { LAYER_PATH_SIZE = 4096 };
void layer_fs_path(const struct layer_fs *fs, const struct layer_node *node, const char *name,
                   char path[LAYER_PATH_SIZE]);
/* What the rules say to a request about that entry (name NULL: node itself). */
void layer_fs_judge(struct layer_fs *fs, enum layer_op op, const struct layer_node *node,
                    const char *name, struct layer_verdict *verdict);
/* The file was synced: its content is durable, and names as the layer was told. */
void layer_fs_synced(struct layer_fs *fs, struct layer_node *node);

/* Carries out delayed requests that are due; all of them: whether or not they are. */
void layer_fs_run_due(struct layer_fs *fs, bool all);
/* When the next one is; 0: none waits. */
int64_t layer_fs_next_due(const struct layer_fs *fs);

#endif

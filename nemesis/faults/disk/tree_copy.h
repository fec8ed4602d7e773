/* A copy of the files of a folder that a pattern selects (glob.h), and back: contents, modes,
 * owners and times of regular files, links, and the folders on the way. Names that begin with
 * ".rift-" and lost+found are nobody's. */
#ifndef NEMESIS_FAULTS_DISK_TREE_COPY_H
#define NEMESIS_FAULTS_DISK_TREE_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct rift_tree_size {
    size_t files;  /* regular files and links */
    int64_t bytes; /* as long as they are */
};

int rift_tree_measure(const char *folder, const char *files, struct rift_tree_size *size,
                      struct rift_error *err);
/* `copy` must not be there; its parent is. */
int rift_tree_copy(const char *folder, const char *files, const char *copy,
                   struct rift_tree_size *size, struct rift_error *err);

struct rift_tree_changes {
    size_t same, changed, lost,
        made; /* files: as in the copy; not so; not there; not in the copy */
};
/* How the folder differs from the copy, by what is read from both; or by the times of files of the
 * same size, which needs no read. */
int rift_tree_compare(const char *folder, const char *files, const char *copy, bool by_time,
                      struct rift_tree_changes *changes, struct rift_error *err);
/* The folder's files become those of the copy, and are synced: what was made since is removed. May
 * be done again after half of it. Nobody may write there meanwhile. */
int rift_tree_restore(const char *folder, const char *files, const char *copy,
                      struct rift_error *err);
/* The copy; one that is not there is a success. */
int rift_tree_remove(const char *copy, struct rift_error *err);

#endif

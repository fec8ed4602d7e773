/* Where the agent keeps its files on a node. */
#ifndef AGENT_PATHS_H
#define AGENT_PATHS_H

#include <stdbool.h>

#include "common/error.h"

enum { AGENT_PATH_SIZE = 256 };

#define AGENT_STATE_FOLDER "/var/lib/rift"
#define AGENT_CGROUP       "rift-system"
/* Below it the recipes that come with Rift keep their data. */
#define AGENT_DATA_FOLDER "/var/lib/rift-system"

struct agent_paths {
    char folder[AGENT_PATH_SIZE];    /* holds all the others */
    char ledger[AGENT_PATH_SIZE];    /* a folder: faults that are on */
    char lock[AGENT_PATH_SIZE];      /* which agent holds the node */
    char record[AGENT_PATH_SIZE];    /* requests that were carried out in this session */
    char system[AGENT_PATH_SIZE];    /* recipe and context */
    char artifacts[AGENT_PATH_SIZE]; /* a folder for each */
    char disks[AGENT_PATH_SIZE];     /* the folders that are or were disks, or under a layer */
    char prepare[AGENT_PATH_SIZE];   /* data folders that are being prepared */
    char logs[AGENT_PATH_SIZE];      /* the output of the system's processes */
};

/* Fills the paths below folder and makes folder, artifacts' and logs' parents included. */
int agent_paths_init(struct agent_paths *paths, const char *folder, struct rift_error *err);

/* Makes a folder and its parents, as `mkdir -p`. */
int agent_make_folders(const char *path, int mode, struct rift_error *err);
/* A path that is not there: success. */
int agent_remove_file(const char *path, struct rift_error *err);
/* Removes everything below path, on the same file system, and path itself where and_itself.
 * Symbolic links are removed, never followed. A path that is not there: success. */
int agent_remove_tree(const char *path, bool and_itself, struct rift_error *err);

#endif

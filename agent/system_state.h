/* What an agent keeps of the system under test, for those that work on it. */
#ifndef AGENT_SYSTEM_STATE_H
#define AGENT_SYSTEM_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "agent/agent.h"
#include "agent/attach.h"
#include "common/arena.h"
#include "common/wire/recipe.h"

struct system_exit {
    pid_t pid;
    int status; /* of waitpid(2) */
    int64_t at_ns;
};

enum { SYSTEM_EXITS_MAX = 32 };

struct system {
    struct rift_arena arena;
    struct rift_recipe *recipe; /* NULL: not configured */
    json_t *context;            /* its artifacts are those of the version in use */
    json_t *versions; /* {"first", "upgrade"}: the artifacts of each; NULL: not installed */
    char session[AGENT_WORD_SIZE]; /* that configured it */
    bool is_lab;
    bool keeps_data;  /* its data, logs and recipe stay until the next run */
    bool is_out;      /* removed from the cluster, its data wiped: it starts only to join */
    bool is_attached; /* it was there before us */
    struct attach attach;
    const char *const *data_folders;
    int64_t disk_mb; /* each data folder is a disk of its own, so large; 0: none */
    bool disk_is_xfs;
    bool has_layer; /* a file system of ours over each (nemesis/faults/disk/layer) */
    bool layer_as_posix;
    json_t *started; /* [[pid, start time]] that the recipe started last and that are to run */
    bool is_settled; /* no more of them is taken for one that was not meant to stay */
    struct system_exit exits[SYSTEM_EXITS_MAX]; /* a ring */
    size_t exit_count;
};

#endif

/* The system under test on this node, as its recipe says. The agent knows nothing else of it. */
#ifndef AGENT_SYSTEM_H
#define AGENT_SYSTEM_H

#include "agent/agent.h"
#include "agent/attach.h"
#include "common/wire/recipe.h"

verb_handler system_verb_configure, system_verb_install, system_verb_use, system_verb_start,
    system_verb_wait_ready, system_verb_stop, system_verb_kill, system_verb_role, system_verb_membership, system_verb_leave,
    system_verb_status, system_verb_programs, system_verb_logs, system_verb_wipe,
    system_verb_remove;

/* Takes up what an earlier agent of this node was told, where there is any. */
void system_load(struct agent *agent);
/* Is the system that was taken up, or what still runs of one, another session's than the agent's?
 * Then nobody is coming back for it. */
bool system_is_stale(const struct agent *agent);
/* Kills the system and removes what it left on the node (operate_remove), now, and forgets its
 * recipe. */
int system_remove(struct agent *agent, bool even_kept, struct rift_error *err);
void system_close(struct system *system);
bool system_is_configured(const struct agent *agent);
/* The expanded data folders, NULL-terminated; empty without a recipe. */
const char *const *system_data_folders(const struct agent *agent);
/* Is the process, which may be a zombie, in the system's cgroup? */
bool system_owns(const struct agent *agent, pid_t pid);
/* One of the system's processes has ended. */
void system_take_exit(struct agent *agent, pid_t pid, int status);
/* The systemd unit that it is, and NULL where it is none; can anything here start it again? */
const char *system_unit(const struct agent *agent);
bool system_can_start(const struct agent *agent);
json_t *system_describe(struct agent *agent);
/* Starts it for a request that is something else's (the heal of a kill). VERB_LATER or -1. */
int system_start_again(struct agent *agent, const struct request *request, struct rift_error *err);

struct system_exit {
    pid_t pid;
    int status; /* of waitpid(2) */
    int64_t at_ns;
};

enum { SYSTEM_EXITS_MAX = 32 };

struct system {
    struct rift_arena arena;
    struct rift_recipe *recipe; /* NULL: not configured */
    json_t *context; /* its artifacts are those of the version in use */
    json_t *versions; /* {"first", "upgrade"}: the artifacts of each; NULL: not installed */
    char session[AGENT_WORD_SIZE]; /* that configured it */
    bool is_lab;
    bool keeps_data;  /* its data, logs and recipe stay until the next run */
    bool is_out;      /* removed from the cluster, its data wiped: it starts only to join */
    bool is_attached; /* it was there before us */
    struct attach attach;
    const char *const *data_folders;
    int64_t disk_mb; /* each data folder is a disk of its own, so large; 0: none */
    bool has_layer;  /* a file system of ours over each (nemesis/faults/layer) */
    bool layer_as_posix;
    struct system_exit exits[SYSTEM_EXITS_MAX]; /* a ring */
    size_t exit_count;
};

#endif

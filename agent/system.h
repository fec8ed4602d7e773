/* The system under test on this node, as its recipe says. The agent knows nothing else of it. */
#ifndef AGENT_SYSTEM_H
#define AGENT_SYSTEM_H

#include "agent/system_state.h"

verb_handler system_verb_configure, system_verb_install, system_verb_use, system_verb_start,
    system_verb_wait_ready, system_verb_stop, system_verb_kill, system_verb_role,
    system_verb_membership, system_verb_leave, system_verb_status, system_verb_programs,
    system_verb_logs, system_verb_wipe, system_verb_remove;

/* Takes up what an earlier agent of this node was told, where there is any; fails where that cannot
 * be read. */
int system_load(struct agent *agent, struct rift_error *err);
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
/* Starts it for a request that is something else's (the heal of a fault), where not all of it runs.
 * VERB_LATER or -1. */
int system_start_again(struct agent *agent, const struct request *request, struct rift_error *err);
/* The same for no request; *job is for job_cancel. */
int system_start_now(struct agent *agent, int64_t *job, struct rift_error *err);
/* "pids" of what a job has started; nothing where there are none. */
void system_note_started(struct agent *agent, const json_t *ok);
/* A fault begins. Is it the first one since a start, those of the processes that the recipe started
 * which have ended by now were not meant to stay (they put themselves in the background). */
void system_note_running(struct agent *agent);

#endif

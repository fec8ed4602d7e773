/* A process of the system under test. */
#ifndef AGENT_LAUNCH_H
#define AGENT_LAUNCH_H

#include "agent/agent.h"
#include "agent/command.h"
#include "common/wire/recipe.h"

/* Starts it as its recipe says, by that user. Fails where it cannot be executed; that it then runs
 * is for others to see. */
int launch_process(struct agent *agent, const struct rift_recipe_process *process,
                   const struct agent_user *user, struct rift_arena *arena, pid_t *pid,
                   struct rift_error *err);
/* Where its output goes. */
void launch_log_path(const struct agent *agent, const char *process, char *path, size_t size);

#endif

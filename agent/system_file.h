/* system.json: what the next agent must know of the system, in the words of a controller's
 * "system.configure" (common/wire/messages.h). */
#ifndef AGENT_SYSTEM_FILE_H
#define AGENT_SYSTEM_FILE_H

#include "agent/system_state.h"

/* Fills system, which is zeroed, but for its session; to be closed (system_close) on failure too.
 */
int system_file_read(struct system *system, const json_t *args, struct rift_error *err);
/* Writes agent->system down, whole. */
int system_file_write(const struct agent *agent, struct rift_error *err);

#endif

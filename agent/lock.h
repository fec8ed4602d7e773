/* Which agent holds the node: one run at a time. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* Takes the lock file. Where another agent has it: one of the same session, or one whose lease is
 * over, or any where is_forced, is told to heal and end, and killed if it does not within 5 s; else
 * CONFLICT, naming run, controller and start. Returns the descriptor that holds the lock, -1. */
int agent_lock_take(const char *path, const char *session, bool is_forced, struct rift_error *err);
/* For the guardian of one that died: true with the lock, which it keeps and is described as the
 * holder of; false where a new agent has it, or had it. Where there is no lock file that could be
 * opened nobody else can have it: true. */
bool agent_lock_inherit(const char *path, int64_t wait_ms);
/* What others read about the holder: {"pid", "start_ticks", "session", "run", "controller",
 * "since", "lease_until_ns"}. */
void agent_lock_describe(int lock_fd, const json_t *holder);

#endif

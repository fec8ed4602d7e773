/* Which agent holds the node: one run at a time. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* Takes the lock file. Where another agent has it: one of the same session, or one whose lease is
 * over, or any where is_forced, is told to heal and end, and killed if it does not within 5 s; else
 * CONFLICT, naming run, controller and start. A heal by hand is waited for. Returns the descriptor
 * that holds the lock, -1. *ended, which may be NULL, is set where a run that was on was ended: its
 * description, the caller's. */
int agent_lock_take(const char *path, const char *session, bool is_forced, json_t **ended,
                    struct rift_error *err);
/* For the guardian of one that died: true with the lock, which it keeps and is described as the
 * holder of; false where a new agent has it, or had it. Where there is no lock file that could be
 * opened nobody else can have it: true. */
bool agent_lock_inherit(const char *path, int64_t wait_ms);
/* What others read about the holder: {"pid", "start_ticks", "session", "run", "controller",
 * "since", "lease_until_ns", "heals"? (a heal by hand, until then at most)}. */
void agent_lock_describe(int lock_fd, const json_t *holder);
/* This process as a holder; without "lease_until_ns". Owned by the caller. */
json_t *agent_lock_holder(const char *session, const char *run);

#endif

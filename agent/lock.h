/* Which agent holds the node: one run at a time. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* What becomes of a holder whose lease goes on. */
enum lock_claim {
    LOCK_IF_FREE,  /* it keeps the node */
    LOCK_IF_IDLE,  /* it keeps the node where its controller is seen to be there, by a renewal; one
                      that is gone is waited out */
    LOCK_BY_FORCE, /* it is ended */
};

/* Takes the lock file. Where another agent has it: one of the same session, or one whose lease is
 * over, or any by force, is told to heal and end, and killed if it does not within 5 s; else
 * CONFLICT, naming run, controller and start. Returns the descriptor that holds the lock, -1. */
int agent_lock_take(const char *path, const char *session, enum lock_claim claim,
                    struct rift_error *err);
/* For the guardian of one that died: true with the lock, which it keeps and is described as the
 * holder of; false where a new agent has it, or had it. Where there is no lock file that could be
 * opened nobody else can have it: true. */
bool agent_lock_inherit(const char *path, int64_t wait_ms);
/* What others read about the holder: {"pid", "start_ticks", "session", "run", "controller",
 * "since", "lease_until_ns"}. */
void agent_lock_describe(int lock_fd, const json_t *holder);
/* This process as a holder; without "lease_until_ns". Owned by the caller. */
json_t *agent_lock_holder(const char *session, const char *run);

#endif

/* Waits until the system serves clients on every node. */
#ifndef CONTROL_RUN_HEALTHY_H
#define CONTROL_RUN_HEALTHY_H

#include <stdatomic.h>

#include "clients/client.h"
#include "common/error.h"

/* In parallel, through a session with each node, until one operation on RIFT_PROBE_KEY was OK on
 * every node: a write where the client can, else a read; a client that says of no operation what it
 * means is only opened. Fails by deadline_ms, or once is_stopped is set, naming the node and its
 * last error. */
int healthy_wait(const struct rift_client *client, const struct rift_client_config *configs,
                 size_t node_count, int64_t op_timeout_ms, int64_t deadline_ms,
                 const atomic_bool *is_stopped, struct rift_error *err);

#endif

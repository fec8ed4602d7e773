/* One host under test, as the controller holds it: an SSH session, an agent at its other end, and
 * the thread that owns both. */
#ifndef CONTROL_REMOTE_NODE_H
#define CONTROL_REMOTE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "control/remote/clock_offset.h"
#include "control/remote/node_settings.h"

struct rift_node;

/* Starts the node's thread: connects, checks the host key, uploads the agent where its hash is not
 * there yet, starts it. Returns when the agent has said hello, or fails naming the node. The
 * settings are copied. After that a lost connection is made anew, by itself, until close. */
struct rift_node *rift_node_open(const struct rift_node_settings *settings, struct rift_error *err);

/* The same in two steps, so that many nodes come up at once: start never fails; after a failed wait
 * the node is still to be closed. */
struct rift_node *rift_node_start(const struct rift_node_settings *settings);
int rift_node_wait(struct rift_node *node, struct rift_error *err);

/* Sends one request to the agent and waits for its reply; from any thread. args is borrowed; *reply
 * is owned by the caller. A request is carried out at most once: after a reconnect the agent
 * recognises the request's id and answers from its record. deadline_ms counts from now. */
int rift_node_call(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, json_t **reply, struct rift_error *err);

/* Sends without waiting; done (may be NULL) is called on the node's thread with reply or error. */
int rift_node_send(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, rift_node_done *done, void *context,
                   struct rift_error *err);

bool rift_node_is_connected(struct rift_node *node);
/* The agent's answer to the latest hello (common/wire/messages.h): its version, host, probe_port.
 * It changes when an agent is started again. The caller's reference. */
json_t *rift_node_hello(struct rift_node *node);
/* agent CLOCK_MONOTONIC minus ours in ns, and the bound of its error; measured again and again. */
int64_t rift_node_clock_offset(struct rift_node *node, int64_t *error_ns);
/* Its CLOCK_REALTIME against ours, as last asked, about once a second while it is connected; at_ns
 * 0 before the first answer. */
struct rift_wall_sample rift_node_wall_clock(struct rift_node *node);

/* Files by SFTP, over a session of their own, so that no lease waits for them; from any thread. An
 * upload appears in its place whole or not at all, and is skipped where the same file is there
 * already; with use_sudo it is root's. sha256 (65 bytes) may be NULL. */
int rift_node_upload(struct rift_node *node, const char *local_path, const char *remote_path,
                     int mode, int64_t deadline_ms, char *sha256, struct rift_error *err);
int rift_node_download(struct rift_node *node, const char *remote_path, const char *local_path,
                       int64_t deadline_ms, struct rift_error *err);

/* Asks the agent to heal all and end, then closes; what is not answered ends as cancelled. Safe on
 * NULL. */
void rift_node_close(struct rift_node *node);

#endif

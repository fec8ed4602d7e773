/* One host under test, as the controller holds it: an SSH session, an agent at its other end, and
 * the thread that owns both. */
#ifndef CONTROL_REMOTE_NODE_H
#define CONTROL_REMOTE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

struct rift_node_settings {
    const char *name;
    const char *address;
    uint16_t port;
    const char *user;
    const char *key_file;         /* ed25519 or ecdsa; NULL: ssh-agent */
    const char *known_hosts_file; /* NULL: ~/.ssh/known_hosts */
    bool accept_new_host_key;     /* false: strict */
    bool use_sudo;                /* the login is not root */
    const char *agent_binary;     /* local path of rift-agent */
    int64_t connect_timeout_ms;
    int64_t lease_ms; /* faults end this long after contact is lost */
};

struct rift_node;

/* Starts the node's thread: connects, checks the host key, uploads the agent where its hash is not
 * there yet, starts it. Returns when the agent has said hello, or fails naming the node. */
struct rift_node *rift_node_open(const struct rift_node_settings *settings, struct rift_error *err);

/* Sends one request to the agent and waits for its reply; from any thread. args is borrowed; *reply is owned by the caller.
 * A request is carried out at most once: after a reconnect the agent recognises the request's id
 * and answers from its record. deadline_ms counts from now. */
int rift_node_call(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, json_t **reply, struct rift_error *err);

/* Sends without waiting; done (may be NULL) is called on the node's thread with reply or error. */
typedef void rift_node_done(void *context, const json_t *reply, const struct rift_error *error);
int rift_node_send(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, rift_node_done *done, void *context, struct rift_error *err);

const char *rift_node_name(const struct rift_node *node);
/* A new reference to the agent's last answer to hello (common/wire/messages.h): its version, host,
 * probe_port. It changes when an agent is started again. */
json_t *rift_node_hello(struct rift_node *node);
bool rift_node_is_connected(const struct rift_node *node);
/* agent CLOCK_MONOTONIC minus ours in ns, and the bound of its error; measured again and again. */
int64_t rift_node_clock_offset(const struct rift_node *node, int64_t *error_ns);

/* Files by SFTP; modes as of open(2). sha256 (65 bytes) may be NULL. */
int rift_node_upload(struct rift_node *node, const char *local_path, const char *remote_path,
                     int mode, int64_t deadline_ms, char *sha256, struct rift_error *err);
int rift_node_download(struct rift_node *node, const char *remote_path, const char *local_path,
                       int64_t deadline_ms, struct rift_error *err);

/* Asks the agent to heal all and end, then closes. Safe on NULL. */
void rift_node_close(struct rift_node *node);

#endif

/* What a node's owner gives it: the way to the host, and what is called back. */
#ifndef CONTROL_REMOTE_NODE_SETTINGS_H
#define CONTROL_REMOTE_NODE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

/* On a host that belongs to somebody, faults need more than a login. */
enum rift_node_faults {
    RIFT_NODE_FAULTS_NONE,    /* none is planned */
    RIFT_NODE_FAULTS_ASK,     /* only where the host has RIFT_ALLOW_FILE: else opening fails */
    RIFT_NODE_FAULTS_ALLOWED, /* it is a lab's host, or the configuration allows them there */
};

enum { RIFT_SSH_PORT = 22 };

struct rift_node_settings {
    const char *name;
    const char *address;
    const char *host_key_name; /* as known_hosts has it; NULL: address */
    const char *proxy_command; /* a shell command whose stdin and stdout lead to the host's SSH
                                  port; NULL: TCP */
    uint16_t port;             /* 0: RIFT_SSH_PORT */
    const char *user;
    const char *key_file;         /* ed25519 or ecdsa; NULL: as ssh does */
    const char *identity_files;   /* where key_file is NULL: a line each, tried in turn, before what
                                     else ssh-agent holds; NULL: the usual ones after that */
    const char *agent_socket;     /* of ssh-agent; "": none; NULL: SSH_AUTH_SOCK */
    bool identities_only;         /* of ssh-agent no keys but those of identity_files */
    const char *password_file;    /* used in place of keys; NULL: keys */
    const char *known_hosts_file; /* NULL: ~/.ssh/known_hosts */
    const char *more_known_hosts; /* files that are read as well, a line each; NULL: none */
    const char *revoked_keys_file; /* of host keys that are taken of nobody; NULL: none */
    bool accept_new_host_key;      /* false: strict */
    bool use_sudo;                 /* the login is not root */
    enum rift_node_faults faults;
    const char *agent_binary; /* local path of rift-agent */
    int64_t connect_timeout_ms;
    int64_t lease_ms; /* faults end this long after contact is lost */
    const char *run;  /* what the agent tells a second controller; NULL: "" */
    /* Called on the node's thread for each event of the agent (common/wire/messages.h), and with
     * name "lost" and "found" (event NULL) when contact is lost and is back. May be NULL. */
    void (*on_event)(void *context, const char *node, const char *name, const json_t *event);
    void *event_context;
};

/* Where its SSH server listens. */
static inline uint16_t rift_node_port(const struct rift_node_settings *settings)
{
    return settings->port ? settings->port : RIFT_SSH_PORT;
}

/* Called on the node's thread with a request's reply, or its error. */
typedef void rift_node_done(void *context, const json_t *reply, const struct rift_error *error);

#endif

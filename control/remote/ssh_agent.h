/* ssh-agent, asked within a deadline: libssh2's own client of it waits for ever, and one may hang,
 * or wait for a person to say yes (draft-miller-ssh-agent). */
#ifndef CONTROL_REMOTE_SSH_AGENT_H
#define CONTROL_REMOTE_SSH_AGENT_H

#include "control/remote/session.h"

enum { SSH_AGENT_KEYS_MAX = 64, SSH_AGENT_BYTES_MAX = 256 * 1024 };

struct ssh_agent_key {
    const unsigned char *blob; /* begins with the length and the text of its kind */
    size_t size;
};

struct ssh_agent {
    struct rift_ssh *ssh;
    const char *path;
    int64_t deadline_ns;
    int fd;
    unsigned char *list, *bytes; /* its answers: its keys; the last one */
    size_t length;
    struct ssh_agent_key keys[SSH_AGENT_KEYS_MAX];
    size_t count;
};

/* Connects and lists its keys; ssh_agent_close in any case. MISSING: none answers at path; TIMEOUT:
 * it does not answer in time. */
int ssh_agent_open(struct ssh_agent *agent, struct rift_ssh *ssh, const char *path,
                   int64_t deadline_ns, struct rift_error *err);
void ssh_agent_close(struct ssh_agent *agent);
/* One step of a login by that key; as libssh2_userauth_publickey, EAGAIN included. err is set where
 * it is the agent that fails. */
int ssh_agent_userauth(struct ssh_agent *agent, const struct ssh_agent_key *key,
                       struct rift_error *err);

#endif

/* A message is its length, 4 bytes, a byte for its type, and its contents. */
#include "control/remote/ssh_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { REQUEST_IDENTITIES = 11, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE };
enum { RETRY_MS = 10 };

/* Until the agent's socket is ready, or RETRY_MS where events is 0. */
static int wait_for(struct ssh_agent *agent, short events, struct rift_error *err)
{
    const struct rift_ssh_idle *idle = agent->ssh->idle;
    int64_t until = agent->deadline_ns, now = rift_clock_now();
    int64_t wanted = idle ? idle->look(idle->context) : until;
    if (wanted < 0)
        return rift_fail(err, RIFT_ERR_CANCELLED, "%s: given up", agent->ssh->label);
    if (now >= until)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "%s: ssh-agent at %s does not answer",
                         agent->ssh->label, agent->path);
    until = wanted < until ? wanted : until;
    if (!events && now + RETRY_MS * RIFT_MS < until)
        until = now + RETRY_MS * RIFT_MS;
    struct pollfd fds[2] = {{.fd = events ? agent->fd : -1, .events = events},
                            {.fd = idle ? idle->wake_fd : -1, .events = POLLIN}};
    poll(fds, 2, rift_clock_poll_ms(until));
    return 0;
}

static int fail_missing(const struct ssh_agent *agent, struct rift_error *err)
{
    return rift_fail(err, RIFT_ERR_MISSING, "%s: no ssh-agent answers at %s", agent->ssh->label,
                     agent->path);
}

static int send_all(struct ssh_agent *agent, const unsigned char *bytes, size_t length,
                    struct rift_error *err)
{
    while (length > 0) {
        ssize_t n = send(agent->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail_missing(agent, err);
        if (n < 0 && wait_for(agent, POLLOUT, err))
            return -1;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int receive_all(struct ssh_agent *agent, unsigned char *bytes, size_t length,
                       struct rift_error *err)
{
    while (length > 0) {
        ssize_t n = recv(agent->fd, bytes, length, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return fail_missing(agent, err);
        if (n < 0 && wait_for(agent, POLLIN, err))
            return -1;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void put_number(unsigned char bytes[4], size_t number)
{
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

static size_t number_at(const unsigned char bytes[4])
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* The string at *at, whose end is moved past it; NULL: it is cut short. */
static const unsigned char *take_string(const struct ssh_agent *agent, size_t *at, size_t *size)
{
    if (agent->length < *at + 4 ||
        (*size = number_at(agent->bytes + *at)) > agent->length - *at - 4)
        return NULL;
    const unsigned char *string = agent->bytes + *at + 4;
    *at += 4 + *size;
    return string;
}

/* The answer, without its length, is in agent->bytes; fails where it is of another type. */
static int ask(struct ssh_agent *agent, const unsigned char *message, size_t length, int wanted,
               struct rift_error *err)
{
    unsigned char head[4];
    put_number(head, length);
    if (send_all(agent, head, sizeof head, err) || send_all(agent, message, length, err) ||
        receive_all(agent, head, sizeof head, err))
        return -1;
    agent->length = number_at(head);
    if (agent->length == 0 || agent->length > SSH_AGENT_BYTES_MAX)
        return fail_missing(agent, err);
    if (receive_all(agent, agent->bytes, agent->length, err))
        return -1;
    return agent->bytes[0] == wanted
               ? 0
               : rift_fail(err, RIFT_ERR_DENIED, "%s: ssh-agent at %s refuses", agent->ssh->label,
                           agent->path);
}

static int list_keys(struct ssh_agent *agent, struct rift_error *err)
{
    static const unsigned char message[] = {REQUEST_IDENTITIES};
    if (ask(agent, message, sizeof message, IDENTITIES_ANSWER, err))
        return -1;
    size_t at = 5, size; /* behind the type and how many there are */
    while (agent->count < SSH_AGENT_KEYS_MAX) {
        const unsigned char *blob = take_string(agent, &at, &size);
        if (!blob)
            break;
        agent->keys[agent->count++] = (struct ssh_agent_key){blob, size};
        if (!take_string(agent, &at, &size)) /* its comment */
            break;
    }
    agent->list = agent->bytes;
    agent->bytes = rift_calloc(1, SSH_AGENT_BYTES_MAX);
    return 0;
}

int ssh_agent_open(struct ssh_agent *agent, struct rift_ssh *ssh, const char *path,
                   int64_t deadline_ns, struct rift_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *agent = (struct ssh_agent){.ssh = ssh, .path = path, .deadline_ns = deadline_ns};
    agent->bytes = rift_calloc(1, SSH_AGENT_BYTES_MAX);
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (agent->fd < 0 || strlen(path) >= sizeof address.sun_path)
        return fail_missing(agent, err);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    while (connect(agent->fd, (struct sockaddr *)&address, sizeof address)) {
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: others wait for it already */
            return fail_missing(agent, err);
        if (wait_for(agent, 0, err))
            return -1;
    }
    return list_keys(agent, err);
}

void ssh_agent_close(struct ssh_agent *agent)
{
    if (agent->fd >= 0)
        close(agent->fd);
    free(agent->list);
    free(agent->bytes);
}

struct signing {
    struct ssh_agent *agent;
    const struct ssh_agent_key *key;
    struct rift_error *err;
};

/* libssh2 puts the kind before the signature itself. */
static LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(sign)
{
    struct signing *signing = *abstract;
    struct ssh_agent *agent = signing->agent;
    size_t size = signing->key->size, length = 1 + 4 + size + 4 + data_len + 4, kind_size;
    CLEANUP(rift_free) unsigned char *message = rift_calloc(1, length); /* its flags are 0 */
    (void)session;
    message[0] = SIGN_REQUEST;
    put_number(message + 1, size);
    memcpy(message + 5, signing->key->blob, size);
    put_number(message + 5 + size, data_len);
    memcpy(message + 9 + size, data, data_len);
    if (ask(agent, message, length, SIGN_RESPONSE, signing->err))
        return -1;
    size_t at = 5; /* within the one string that there is */
    const unsigned char *kind = take_string(agent, &at, &kind_size);
    const unsigned char *bytes = kind ? take_string(agent, &at, sig_len) : NULL;
    *sig = bytes ? malloc(*sig_len) : NULL; /* freed by libssh2 */
    if (!*sig)
        return -1;
    memcpy(*sig, bytes, *sig_len);
    return 0;
}

int ssh_agent_userauth(struct ssh_agent *agent, const struct ssh_agent_key *key,
                       struct rift_error *err)
{
    struct signing signing = {agent, key, err};
    void *context = &signing;
    return libssh2_userauth_publickey(agent->ssh->session, agent->ssh->settings->user, key->blob,
                                      key->size, sign, &context);
}

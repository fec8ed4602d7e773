/* A session is connected, its host key checked, logged in; then commands run over it. */
#include "control/remote/ssh.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/remote/host_key.h"
#include "control/remote/login.h"
#include "control/remote/transport.h"

enum {
    END_CHANNEL_MS = 500,
    CLOSE_TRIES_MAX = 100,
    RUN_OUTPUT_MAX = 1 << 20,
    DEFAULT_CONNECT_MS = 10000,
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    libssh2_init(0);
}

static int handshake(struct rift_ssh *ssh, const char *host_key_methods, int64_t deadline_ns,
                     struct rift_error *err)
{
    ssh->session = libssh2_session_init();
    if (!ssh->session)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s: out of memory for a session", ssh->label);
    libssh2_session_set_blocking(ssh->session, 0);
    libssh2_session_method_pref(ssh->session, LIBSSH2_METHOD_HOSTKEY, host_key_methods);
    int result;
    while ((result = libssh2_session_handshake(ssh->session, ssh->fd)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    if (result == 0)
        return 0;
    char words[256];
    rift_transport_last_words(ssh, words);
    return words[0]
               ? rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: its proxy says: %s", ssh->label, words)
               : rift_ssh_fail(ssh, RIFT_ERR_UNREACHABLE, "SSH handshake", err);
}

static struct rift_ssh *try_open(const struct rift_node_settings *settings,
                                 const struct rift_ssh_idle *idle, const char *methods,
                                 const char **wanted_methods, struct rift_error *err)
{
    struct rift_ssh *ssh = rift_calloc(1, sizeof *ssh);
    int64_t timeout_ms =
        settings->connect_timeout_ms > 0 ? settings->connect_timeout_ms : DEFAULT_CONNECT_MS;
    int64_t deadline_ns = rift_clock_now() + timeout_ms * RIFT_MS;
    ssh->fd = ssh->proxy_words = -1;
    ssh->settings = settings;
    ssh->idle = idle;
    snprintf(ssh->label, sizeof ssh->label, "%s (%s port %u)", settings->name, settings->address,
             (unsigned)rift_node_port(settings));
    if (rift_transport_open(ssh, deadline_ns, err) == 0 &&
        handshake(ssh, methods, deadline_ns, err) == 0 &&
        rift_ssh_check_host_key(ssh, wanted_methods, err) == 0 &&
        rift_ssh_login(ssh, deadline_ns, err) == 0)
        return ssh;
    rift_ssh_close(ssh);
    return NULL;
}

struct rift_ssh *rift_ssh_open(const struct rift_node_settings *settings,
                               const struct rift_ssh_idle *idle, struct rift_error *err)
{
    static const char methods[] =
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa";
    const char *wanted_methods = NULL;
    pthread_once(&library_once, library_init);
    struct rift_ssh *ssh = try_open(settings, idle, methods, &wanted_methods, err);
    if (!ssh && wanted_methods) {
        /* Where the host has no key of that kind any more there is no handshake. */
        const char *ignored = NULL;
        struct rift_error again = {0};
        ssh = try_open(settings, idle, wanted_methods, &ignored, &again);
        if (!ssh && again.code != RIFT_ERR_UNREACHABLE)
            rift_fail(err, again.code, "%s", again.text);
    }
    return ssh;
}

void rift_ssh_close(struct rift_ssh *ssh)
{
    if (!ssh)
        return;
    if (ssh->session) {
        /* A word of farewell if it can be had at once; then the socket goes first, so that nothing
         * below can wait for the other side. */
        libssh2_session_disconnect(ssh->session, "done");
        shutdown(ssh->fd, SHUT_RDWR);
        for (int i = 0; i < CLOSE_TRIES_MAX; i++)
            if (libssh2_session_free(ssh->session) != LIBSSH2_ERROR_EAGAIN)
                break;
    }
    rift_transport_close(ssh);
    free(ssh);
}

LIBSSH2_CHANNEL *rift_ssh_start(struct rift_ssh *ssh, const char *command, int64_t deadline_ns,
                                struct rift_error *err)
{
    LIBSSH2_CHANNEL *channel;
    while (!(channel = libssh2_channel_open_session(ssh->session))) {
        if (libssh2_session_last_errno(ssh->session) != LIBSSH2_ERROR_EAGAIN) {
            rift_ssh_fail(ssh, RIFT_ERR_IO, "open a channel", err);
            return NULL;
        }
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return NULL;
    }
    int result;
    while ((result = libssh2_channel_exec(channel, command)) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            goto fail;
    if (result == 0)
        return channel;
    rift_ssh_fail(ssh, RIFT_ERR_IO, "start a command", err);
fail:
    rift_ssh_end_channel(ssh, channel);
    return NULL;
}

void rift_ssh_end_channel(struct rift_ssh *ssh, LIBSSH2_CHANNEL *channel)
{
    struct rift_error ignored;
    int64_t deadline_ns = rift_clock_now() + END_CHANNEL_MS * RIFT_MS;
    while (channel && libssh2_channel_free(channel) == LIBSSH2_ERROR_EAGAIN)
        if (rift_ssh_wait(ssh, deadline_ns, &ignored) < 0)
            return;
}

bool rift_ssh_has_unread(LIBSSH2_CHANNEL *channel)
{
    return libssh2_poll_channel_read(channel, SSH_EXTENDED_DATA_STDERR) != 0;
}

/* Moves what has arrived of one stream into output. 1: something; 0: nothing yet; -1: failed. */
static int drain_stream(LIBSSH2_CHANNEL *channel, int stream, struct rift_text *output)
{
    char bytes[16384];
    ssize_t count = libssh2_channel_read_ex(channel, stream, bytes, sizeof bytes);
    if (count > 0 && output->length < RUN_OUTPUT_MAX)
        rift_text_append_bytes(output, bytes, (size_t)count);
    if (count > 0)
        return 1;
    return count == 0 || count == LIBSSH2_ERROR_EAGAIN ? 0 : -1;
}

static int collect(struct rift_ssh *ssh, LIBSSH2_CHANNEL *channel, int64_t deadline_ns,
                   struct rift_text *output, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text errors = {NULL, 0, 0};
    for (;;) {
        int out = drain_stream(channel, 0, output);
        int more = drain_stream(channel, SSH_EXTENDED_DATA_STDERR, &errors);
        if (out < 0 || more < 0)
            return rift_ssh_fail(ssh, RIFT_ERR_IO, "read a command's output", err);
        if (out > 0 || more > 0)
            continue;
        if (libssh2_channel_eof(channel))
            break;
        if (rift_ssh_has_unread(channel) && rift_clock_now() < deadline_ns)
            continue;
        if (rift_ssh_wait(ssh, deadline_ns, err) < 0)
            return -1;
    }
    rift_text_append_bytes(output, errors.data ? errors.data : "", errors.length);
    rift_text_append(output, "");
    return 0;
}

int rift_ssh_run(struct rift_ssh *ssh, const char *script, int64_t deadline_ns,
                 struct rift_text *output, int *status, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text command = {NULL, 0, 0};
    rift_text_append(&command, "/bin/sh -c ");
    rift_shell_quote(&command, script);
    LIBSSH2_CHANNEL *channel = rift_ssh_start(ssh, command.data, deadline_ns, err);
    if (!channel)
        return -1;
    int result = collect(ssh, channel, deadline_ns, output, err);
    /* The exit status comes after the end of output. */
    int closed = 0;
    while (result == 0 && (closed = libssh2_channel_close(channel)) == LIBSSH2_ERROR_EAGAIN)
        result = rift_ssh_wait(ssh, deadline_ns, err);
    while (result == 0 && (closed = libssh2_channel_wait_closed(channel)) == LIBSSH2_ERROR_EAGAIN)
        result = rift_ssh_wait(ssh, deadline_ns, err);
    *status = libssh2_channel_get_exit_status(channel);
    rift_ssh_end_channel(ssh, channel);
    return result;
}

void rift_shell_quote(struct rift_text *out, const char *text)
{
    rift_text_append(out, "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            rift_text_append(out, "'\\''");
        else
            rift_text_append_bytes(out, c, 1);
    }
    rift_text_append(out, "'");
}

/* A running agent at the other end of one SSH channel. */
#include "control/remote/connection.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/remote/agent_file.h"

enum { START_DEADLINE_MS = 20000 };

int rift_connection_open(struct rift_connection *connection,
                         const struct rift_node_settings *settings,
                         const struct rift_ssh_idle *idle, struct rift_error *err)
{
    memset(connection, 0, sizeof *connection);
    connection->ssh = rift_ssh_open(settings, idle, err);
    if (!connection->ssh)
        return -1;
    char command[192];
    if (rift_agent_file_place(connection->ssh, &connection->facts, command, err) < 0)
        return -1;
    int64_t deadline_ns = rift_ssh_step_deadline(settings, START_DEADLINE_MS);
    connection->channel = rift_ssh_start(connection->ssh, command, deadline_ns, err);
    if (!connection->channel)
        return -1;
    connection->last_received_ns = rift_clock_now();
    return 0;
}

void rift_connection_close(struct rift_connection *connection)
{
    /* The session's end frees the channel with it, and does not wait for the other side. */
    rift_ssh_close(connection->ssh);
    rift_frame_decoder_finish(&connection->decoder);
    rift_text_finish(&connection->writing);
    rift_text_finish(&connection->waiting);
    memset(connection, 0, sizeof *connection);
}

void rift_connection_send(struct rift_connection *connection, const struct rift_text *frames)
{
    rift_text_append_bytes(&connection->waiting, frames->data, frames->length);
}

static int fail_lost(struct rift_connection *connection, const char *what, struct rift_error *err)
{
    const char *words = connection->last_words;
    return rift_fail(err, RIFT_ERR_UNREACHABLE, "%s: %s%s%s", connection->ssh->label, what,
                     words[0] ? "; it said: " : "", words);
}

static int pump_out(struct rift_connection *connection, struct rift_error *err)
{
    for (;;) {
        struct rift_text *writing = &connection->writing;
        if (connection->written == writing->length) {
            struct rift_text empty = *writing;
            if (connection->waiting.length == 0)
                return 0;
            rift_text_clear(&empty);
            *writing = connection->waiting;
            connection->waiting = empty;
            connection->written = 0;
        }
        ssize_t sent =
            libssh2_channel_write(connection->channel, writing->data + connection->written,
                                  writing->length - connection->written);
        if (sent == LIBSSH2_ERROR_EAGAIN)
            return 0;
        if (sent < 0)
            return rift_ssh_fail(connection->ssh, RIFT_ERR_UNREACHABLE, "send to the agent", err);
        connection->written += (size_t)sent;
    }
}

/* Keeps the last line that the agent wrote to stderr. */
static void note_words(struct rift_connection *connection, const char *bytes, size_t length)
{
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    size_t start = length;
    while (start > 0 && bytes[start - 1] != '\n')
        start--;
    if (length > start)
        snprintf(connection->last_words, sizeof connection->last_words, "%.*s",
                 (int)(length - start), bytes + start);
}

/* 1: something came; 0: nothing now; -1: gone. */
static int pump_in(struct rift_connection *connection, int stream,
                   void (*take)(void *context, const json_t *message), void *context,
                   struct rift_error *err)
{
    char bytes[16384];
    ssize_t count = libssh2_channel_read_ex(connection->channel, stream, bytes, sizeof bytes);
    /* BAD_USE: reading wanted to widen the window while a packet is half written. Later. */
    if (count == 0 || count == LIBSSH2_ERROR_EAGAIN || count == LIBSSH2_ERROR_BAD_USE)
        return 0;
    if (count < 0)
        return rift_ssh_fail(connection->ssh, RIFT_ERR_UNREACHABLE, "hear the agent", err);
    connection->last_received_ns = rift_clock_now();
    if (stream != 0) {
        note_words(connection, bytes, (size_t)count);
        return 1;
    }
    if (rift_frame_decoder_feed(&connection->decoder, bytes, (size_t)count, err) < 0)
        return rift_wrap(err, "%s", connection->ssh->label);
    for (;;) {
        json_t *message = NULL;
        int found = rift_frame_decoder_next(&connection->decoder, &message, err);
        if (found < 0)
            return rift_wrap(err, "%s", connection->ssh->label);
        if (found == 0)
            return 1;
        take(context, message);
        json_decref(message);
    }
}

int rift_connection_pump(struct rift_connection *connection,
                         void (*take)(void *context, const json_t *message), void *context,
                         struct rift_error *err)
{
    if (pump_out(connection, err) < 0)
        return -1;
    int has_come = 0;
    for (int more = 1; more; has_come |= more) {
        int out = pump_in(connection, 0, take, context, err);
        int errors = pump_in(connection, SSH_EXTENDED_DATA_STDERR, take, context, err);
        if (out < 0 || errors < 0)
            return -1;
        more = out | errors;
    }
    if (libssh2_channel_eof(connection->channel))
        return fail_lost(connection, "the agent ended", err);
    if (pump_out(connection, err) < 0)
        return -1;
    /* What is half written comes first, and the socket tells when it can go on. */
    bool is_writing = connection->written < connection->writing.length;
    return has_come || (!is_writing && rift_ssh_has_unread(connection->channel));
}

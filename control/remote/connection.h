/* A running agent at the other end of one SSH channel: frames out, messages in. */
#ifndef CONTROL_REMOTE_CONNECTION_H
#define CONTROL_REMOTE_CONNECTION_H

#include "common/wire/frame.h"
#include "control/remote/place.h"
#include "control/remote/ssh.h"

enum { RIFT_LAST_WORDS_SIZE = 256 };

struct rift_connection {
    struct rift_ssh *ssh;
    LIBSSH2_CHANNEL *channel;
    struct rift_frame_decoder decoder;
    struct rift_host_facts facts;
    /* libssh2 wants a write that it could not finish again with the same bytes at the same place,
     * so what is being written stays put, and what comes meanwhile waits in a second buffer. */
    struct rift_text writing, waiting;
    size_t written;
    int64_t last_received_ns;
    char last_words[RIFT_LAST_WORDS_SIZE]; /* the end of what the agent wrote to stderr */
};

/* Logs in, checks that the host can run the agent, puts it there and starts it. */
int rift_connection_open(struct rift_connection *connection,
                         const struct rift_node_settings *settings,
                         const struct rift_ssh_idle *idle, struct rift_error *err);
/* Never blocks for long. Safe when open failed. */
void rift_connection_close(struct rift_connection *connection);

/* Frames to go out with the next pump. */
void rift_connection_send(struct rift_connection *connection, const struct rift_text *frames);
/* Writes and reads what is possible now, and hands each message to take. 1: something came, pump
 * again before a wait; 0: nothing; -1: the agent or the connection is gone. */
int rift_connection_pump(struct rift_connection *connection,
                         void (*take)(void *context, const json_t *message), void *context,
                         struct rift_error *err);

#endif

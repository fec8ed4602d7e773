/* Bytes to a host and back: a TCP connection, or the pipe of a proxy command that has one. */
#ifndef CONTROL_REMOTE_TRANSPORT_H
#define CONTROL_REMOTE_TRANSPORT_H

#include "control/remote/session.h"

/* Connects ssh->fd (non-blocking, closed on exec) by the deadline, and notes our address. */
int rift_transport_open(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err);
/* Closes it, and ends the proxy command. */
void rift_transport_close(struct rift_ssh *ssh);
/* The last line that the proxy command wrote to stderr; "" where there is none. */
void rift_transport_last_words(const struct rift_ssh *ssh, char words[256]);

#endif

/* A program of the tests' own on lab hosts that have a kernel of their own: a test cannot put a
 * socket into them, nor see or kill their processes from outside. It answers the machine by
 * datagrams, which no fault matches. Times are the guest's CLOCK_MONOTONIC; the guest's kernel
 * takes it from the machine's, so the two run at one speed. */
#ifndef TESTS_LIB_GUEST_PROBE_H
#define TESTS_LIB_GUEST_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

enum { GUEST_PROBE_PORT = 7801 };

enum guest_probe_kind {
    /* From the machine. */
    GUEST_PROBE_GO,   /* sends a ping to every other host, then answers */
    GUEST_PROBE_LOOK, /* answers, with objects */
    GUEST_PROBE_KILL, /* kills pid by SIGKILL, then answers */
    /* To the machine. */
    GUEST_PROBE_ANSWER,
    GUEST_PROBE_GOT, /* a ping of from has come to to; it goes to whoever said GO last */
    /* From guest to guest. */
    GUEST_PROBE_PING,
};

/* What both sides send, as it lies in memory: they are one build on one processor. */
struct guest_probe_message {
    uint32_t kind, session, round; /* answers repeat the two of the question */
    uint32_t from, to;             /* hosts, from 0 */
    int32_t pid;
    uint32_t objects;    /* ANSWER to LOOK: BPF programs and maps of Rift's in its kernel */
    uint32_t is_stopped; /* ANSWER: a process is (lease_watch.h) */
    int64_t sent_ns;     /* ANSWER: right before the pings were sent */
    int64_t looked_ns;   /* ANSWER: right before the processes were looked at */
    int64_t file_ns;     /* ANSWER: when the watched file was last written, wall clock; 0: it is not
                            there */
};

/* Puts the program on every host and starts it; file is the one to watch. Fails the test. */
void guest_probe_start(const struct rift_lab_host *hosts, size_t count, const char *file);
/* Asks, again and again for up to 10 s; fails the test where no answer comes. */
struct guest_probe_message guest_probe_ask(const struct rift_lab_host *host,
                                           enum guest_probe_kind kind, pid_t pid);

#endif

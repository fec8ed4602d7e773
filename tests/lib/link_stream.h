/* A link from one namespace to another, as its receiver sees it. All hosts share this machine's
 * clock, so a datagram that tells when it was sent tells how long it took, one way. */
#ifndef TESTS_LIB_LINK_STREAM_H
#define TESTS_LIB_LINK_STREAM_H

#include <netinet/in.h>

#include "tests/lib/namespaces.h"

enum { LINK_STREAM_MAX = 10000, LINK_STREAM_PORT = 7300 };

struct link_bench {
    struct namespaces *spaces;
    struct test_host *from; /* has the agent, and sends */
};

/* Before each test of a program, and after it: the agent of `from`, with whose session the faults
 * end; what else a test that failed left goes, too. 0, or -1; nothing without namespaces. */
int link_bench_begin(struct link_bench *bench, const char *session);
int link_bench_end(struct link_bench *bench);

/* The fault `link` on what `from` sends. Takes options. */
json_t *link_args(const char *id, const struct test_host *to, json_t *options);
void link_inject(struct link_bench *bench, const char *id, const struct test_host *to,
                 json_t *options);
void link_heal(struct link_bench *bench, const char *id);
/* What ip and tc show of the host's cards, qdiscs and classes; free() it. */
char *link_card_settings(struct test_host *host);

struct link_tally {
    int sent, missing, doubled, altered, overtaken;
    double burst;                             /* mean number of datagrams lost in a row */
    double mean_ms, deviation_ms, neighbours; /* neighbours: correlation of delays */
    double worst_ms;
    double stalled_ms; /* the longest that this process could not run when it had to */
    int early;         /* took less than 10 ms */
    int groups;        /* of arrivals, with pauses of 10 ms and more between */
    double group_apart_ms, group_length_ms; /* medians: from first to first, and to the last */
};

struct link_stream {
    int in, out;
    struct sockaddr_in to;
    unsigned char seen[LINK_STREAM_MAX];
    double delay_ms[LINK_STREAM_MAX];
    int64_t arrived_ns[LINK_STREAM_MAX]; /* the first of each number, in the order of arrival */
    int arrived;
    int last, overtaken, altered;
};

void link_stream_open(struct link_stream *stream, const struct link_bench *bench,
                      const struct test_host *to);
void link_stream_close(struct link_stream *stream);
void link_stream_send(struct link_stream *stream, int number);
void link_stream_drain(struct link_stream *stream);
/* Sends so many datagrams, one each interval, and waits for late ones. */
struct link_tally link_stream_run(const struct link_bench *bench, const struct test_host *to,
                                  int count, int interval_us, int wait_ms);

/* The same, with priority, and again where the whole machine stood still for a while, as one does
 * whose share of the CPU is used up: then nothing can be said of milliseconds. */
struct link_tally link_stream_run_calmly(const struct link_bench *bench, const struct test_host *to,
                                         int count, int interval_us, int wait_ms);
/* Ends the test where it is not as asked: failed, or skipped if the machine stood still each time.
 */
void link_tally_expect(const struct link_tally *tally, bool is_as_asked);

/* A TCP connection; out does not block. */
struct link_pipe {
    int listener, in, out;
};
void link_pipe_open(struct link_pipe *pipe, const struct link_bench *bench,
                    const struct test_host *to);
void link_pipe_close(struct link_pipe *pipe);
/* Mbit/s that arrive by TCP within about a second. */
double link_rate_mbit(const struct link_bench *bench, const struct test_host *to);

#endif

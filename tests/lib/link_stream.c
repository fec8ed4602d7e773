/* Bursts, delays and contents by numbered datagrams; rates by a stream. */
#include "tests/lib/link_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"

enum { LEASE_MS = 60000, STALL_MS = 20, TRIES = 5, GROUP_PAUSE_MS = 10 };

/* Of the test that runs; 0: none. */
static int open_fds[8];

static void remember(int fd)
{
    for (size_t i = 0; i < sizeof open_fds / sizeof *open_fds; i++)
        if (open_fds[i] == 0) {
            open_fds[i] = fd;
            return;
        }
}

static void forget_and_close(int fd)
{
    for (size_t i = 0; i < sizeof open_fds / sizeof *open_fds; i++)
        if (open_fds[i] == fd)
            open_fds[i] = 0;
    close(fd);
}

/* Sockets that a test which failed left open. */
static void close_all(void)
{
    for (size_t i = 0; i < sizeof open_fds / sizeof *open_fds; i++)
        if (open_fds[i] > 0)
            forget_and_close(open_fds[i]);
}

int link_bench_begin(struct link_bench *bench, const char *session)
{
    return !bench->spaces || host_agent_start(bench->from, session, 60000) ? 0 : -1;
}

int link_bench_end(struct link_bench *bench)
{
    close_all();
    if (!bench->spaces)
        return 0;
    agent_forget(&bench->from->agent);
    HOST_RUN(bench->from, NULL, "tc", "qdisc", "del", "dev", "eth0", "root");
    return 0;
}

json_t *link_args(const char *id, const struct test_host *to, json_t *options)
{
    return json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s, s]}]}", "id", id, "fault", "link", "options",
                     options, "peers", "name", to->name, "addresses", to->address, to->address6);
}

void link_inject(struct link_bench *bench, const char *id, const struct test_host *to,
                 json_t *options)
{
    json_decref(agent_must(&bench->from->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
    json_decref(agent_must(&bench->from->agent, "inject", link_args(id, to, options)));
}

void link_heal(struct link_bench *bench, const char *id)
{
    json_decref(agent_must(&bench->from->agent, "heal", json_pack("{s:s}", "id", id)));
}

char *link_card_settings(struct test_host *host)
{
    char *links = NULL, *qdiscs = NULL, *offloads = NULL;
    HOST_RUN(host, &links, "ip", "-d", "link", "show");
    HOST_RUN(host, &qdiscs, "tc", "qdisc", "show");
    HOST_RUN(host, &offloads, "tc", "class", "show", "dev", "eth0");
    char *all = rift_printf("%s%s%s", links, qdiscs, offloads);
    free(links);
    free(qdiscs);
    free(offloads);
    return all;
}

/* Each number twice, the second time inverted: whoever alters a bit is found out. */
struct datagram {
    int64_t number, sent_ns, not_number, not_sent_ns;
    int64_t fixed[6]; /* 0x55... */
};

static struct datagram datagram_make(int64_t number)
{
    struct datagram datagram = {.number = number, .sent_ns = rift_clock_wall()};
    datagram.not_number = ~datagram.number;
    datagram.not_sent_ns = ~datagram.sent_ns;
    memset(datagram.fixed, 0x55, sizeof datagram.fixed);
    return datagram;
}

static bool datagram_is_whole(const struct datagram *datagram)
{
    struct datagram made = datagram_make(datagram->number);
    return memcmp(datagram->fixed, made.fixed, sizeof made.fixed) == 0 &&
           datagram->not_number == ~datagram->number &&
           datagram->not_sent_ns == ~datagram->sent_ns && datagram->number >= 0 &&
           datagram->number < LINK_STREAM_MAX;
}

void link_stream_open(struct link_stream *stream, const struct link_bench *bench,
                      const struct test_host *to)
{
    memset(stream, 0, sizeof *stream);
    stream->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(LINK_STREAM_PORT)};
    inet_pton(AF_INET, to->address, &stream->to.sin_addr);
    stream->in = host_socket(bench->spaces, to, AF_INET, SOCK_DGRAM);
    stream->out = host_socket(bench->spaces, bench->from, AF_INET, SOCK_DGRAM);
    remember(stream->in);
    remember(stream->out);
    int size = 32 << 20, on = 1;
    setsockopt(stream->in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(stream->in, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    assert_int_equal(0, bind(stream->in, (struct sockaddr *)&stream->to, sizeof stream->to));
    stream->last = -1;
}

void link_stream_close(struct link_stream *stream)
{
    forget_and_close(stream->in);
    forget_and_close(stream->out);
}

void link_stream_send(struct link_stream *stream, int number)
{
    struct datagram datagram = datagram_make(number);
    assert_true(sendto(stream->out, &datagram, sizeof datagram, 0, (struct sockaddr *)&stream->to,
                       sizeof stream->to) > 0);
}

/* The kernel tells when a datagram arrived, however late this process comes to read it. */
static bool stream_read(struct link_stream *stream, struct datagram *got, int64_t *arrived_ns)
{
    char space[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec part = {.iov_base = got, .iov_len = sizeof *got};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (recvmsg(stream->in, &message, MSG_DONTWAIT) != sizeof *got)
        return false;
    const struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
    struct timespec time;
    assert_non_null(stamp);
    assert_int_equal(SCM_TIMESTAMPNS, stamp->cmsg_type);
    memcpy(&time, CMSG_DATA(stamp), sizeof time);
    *arrived_ns = time.tv_sec * RIFT_SECOND + time.tv_nsec;
    return true;
}

void link_stream_drain(struct link_stream *stream)
{
    struct datagram got;
    int64_t arrived_ns;
    while (stream_read(stream, &got, &arrived_ns)) {
        if (!datagram_is_whole(&got)) {
            stream->altered++;
            continue;
        }
        if (stream->seen[got.number]++ == 0) {
            stream->delay_ms[got.number] = (double)(arrived_ns - got.sent_ns) / 1e6;
            stream->arrived_ns[stream->arrived++] = arrived_ns;
        }
        stream->overtaken += got.number < stream->last;
        stream->last = got.number > stream->last ? (int)got.number : stream->last;
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The last group may have been cut short. */
static void sum_up_groups(const struct link_stream *stream, struct link_tally *tally)
{
    static double apart_ms[LINK_STREAM_MAX], length_ms[LINK_STREAM_MAX];
    int first = 0, *groups = &tally->groups;
    for (int i = 1; i < stream->arrived; i++) {
        const int64_t *at = stream->arrived_ns;
        if (at[i] - at[i - 1] < GROUP_PAUSE_MS * RIFT_MS)
            continue;
        apart_ms[*groups] = (double)(at[i] - at[first]) / 1e6;
        length_ms[(*groups)++] = (double)(at[i - 1] - at[first]) / 1e6;
        first = i;
    }
    qsort(apart_ms, (size_t)*groups, sizeof *apart_ms, compare);
    qsort(length_ms, (size_t)*groups, sizeof *length_ms, compare);
    tally->group_apart_ms = *groups ? apart_ms[*groups / 2] : 0;
    tally->group_length_ms = *groups ? length_ms[*groups / 2] : 0;
}

static void stream_sum_up(const struct link_stream *stream, int count, struct link_tally *tally)
{
    int bursts = 0, arrived = 0, pairs = 0;
    double sum = 0, squares = 0, products = 0;
    *tally = (struct link_tally){
        .sent = count, .overtaken = stream->overtaken, .altered = stream->altered};
    for (int i = 0; i < count; i++) {
        tally->missing += stream->seen[i] == 0;
        tally->doubled += stream->seen[i] > 1;
        bursts += stream->seen[i] == 0 && (i == 0 || stream->seen[i - 1] > 0);
        if (stream->seen[i] == 0)
            continue;
        arrived++;
        tally->early += stream->delay_ms[i] < 10;
        sum += stream->delay_ms[i];
        tally->worst_ms = fmax(tally->worst_ms, stream->delay_ms[i]);
    }
    tally->mean_ms = arrived ? sum / arrived : 0;
    for (int i = 0; i < count; i++) {
        double off = stream->delay_ms[i] - tally->mean_ms;
        if (stream->seen[i] > 0)
            squares += off * off;
        if (stream->seen[i] > 0 && i > 0 && stream->seen[i - 1] > 0) {
            products += off * (stream->delay_ms[i - 1] - tally->mean_ms);
            pairs++;
        }
    }
    tally->deviation_ms = arrived ? sqrt(squares / arrived) : 0;
    tally->neighbours = squares > 0 && pairs ? products / pairs / (squares / arrived) : 0;
    sum_up_groups(stream, tally);
    tally->burst = bursts ? (double)tally->missing / bursts : 0;
}

struct link_tally link_stream_run(const struct link_bench *bench, const struct test_host *to,
                                  int count, int interval_us, int wait_ms)
{
    static struct link_stream stream;
    struct link_tally tally;
    link_stream_open(&stream, bench, to);
    int64_t due = rift_clock_now(), latest = 0;
    for (int i = 0; i < count; i++) {
        link_stream_send(&stream, i);
        due += interval_us * INT64_C(1000);
        struct pollfd poll_fd = {.fd = stream.in, .events = POLLIN};
        do {
            link_stream_drain(&stream);
            int64_t left = due - rift_clock_now();
            struct timespec timeout = {.tv_nsec = left > 0 ? left : 0};
            if (left > 0)
                ppoll(&poll_fd, 1, &timeout, NULL);
        } while (rift_clock_now() < due);
        int64_t late = rift_clock_now() - due;
        latest = late > latest ? late : latest;
    }
    int64_t end = rift_clock_now() + wait_ms * RIFT_MS;
    while (rift_clock_now() < end) {
        struct pollfd poll_fd = {.fd = stream.in, .events = POLLIN};
        poll(&poll_fd, 1, rift_clock_poll_ms(end));
        link_stream_drain(&stream);
    }
    link_stream_close(&stream);
    stream_sum_up(&stream, count, &tally);
    tally.stalled_ms = (double)latest / 1e6;
    return tally;
}

struct link_tally link_stream_run_calmly(const struct link_bench *bench, const struct test_host *to,
                                         int count, int interval_us, int wait_ms)
{
    int usual = getpriority(PRIO_PROCESS, 0);
    struct link_tally tally = {.stalled_ms = STALL_MS};
    setpriority(PRIO_PROCESS, 0, -20);
    for (int i = 0; i < TRIES && tally.stalled_ms >= STALL_MS; i++) {
        tally = link_stream_run(bench, to, count, interval_us, wait_ms);
        if (tally.stalled_ms >= STALL_MS)
            print_message("this machine stood still for %.0f ms\n", tally.stalled_ms);
    }
    setpriority(PRIO_PROCESS, 0, usual);
    return tally;
}

void link_tally_expect(const struct link_tally *tally, bool is_as_asked)
{
    if (is_as_asked)
        return;
    if (tally->stalled_ms < STALL_MS)
        fail_msg(
            "not as asked: mean %.2f, deviation %.2f, neighbours %.2f, overtaken %d, early %d, "
            "missing %d, doubled %d",
            tally->mean_ms, tally->deviation_ms, tally->neighbours, tally->overtaken, tally->early,
            tally->missing, tally->doubled);
    print_message("SKIP: this machine stands still again and again\n");
    skip();
}

void link_pipe_open(struct link_pipe *pipe, const struct link_bench *bench,
                    const struct test_host *to)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(LINK_STREAM_PORT + 1)};
    inet_pton(AF_INET, to->address, &address.sin_addr);
    pipe->listener = host_socket(bench->spaces, to, AF_INET, SOCK_STREAM);
    pipe->out = host_socket(bench->spaces, bench->from, AF_INET, SOCK_STREAM);
    remember(pipe->listener);
    remember(pipe->out);
    int on = 1;
    setsockopt(pipe->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(pipe->listener, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(pipe->listener, 1));
    assert_int_equal(0, connect(pipe->out, (struct sockaddr *)&address, sizeof address));
    pipe->in = accept(pipe->listener, NULL, NULL);
    remember(pipe->in);
    fcntl(pipe->out, F_SETFL, O_NONBLOCK);
}

void link_pipe_close(struct link_pipe *pipe)
{
    forget_and_close(pipe->in);
    forget_and_close(pipe->out);
    forget_and_close(pipe->listener);
}

double link_rate_mbit(const struct link_bench *bench, const struct test_host *to)
{
    static char bytes[65536];
    struct link_pipe pipe;
    long received = 0;
    link_pipe_open(&pipe, bench, to);
    /* The first moments are the burst; they do not count. */
    int64_t begin = rift_clock_now() + 300 * RIFT_MS, end = begin + 1000 * RIFT_MS, now;
    while ((now = rift_clock_now()) < end) {
        struct pollfd fds[2] = {{.fd = pipe.in, .events = POLLIN},
                                {.fd = pipe.out, .events = POLLOUT}};
        poll(fds, 2, 10);
        if (fds[1].revents)
            send(pipe.out, bytes, sizeof bytes, MSG_NOSIGNAL);
        ssize_t n = fds[0].revents ? recv(pipe.in, bytes, sizeof bytes, MSG_DONTWAIT) : 0;
        if (n > 0 && now >= begin)
            received += n;
    }
    link_pipe_close(&pipe);
    return (double)received * 8 / 1e6;
}

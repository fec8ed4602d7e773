/* Quality of a link as a receiver sees it. All hosts share this machine's clock, so a datagram that
 * tells when it was sent tells how long it took, one way. Bounds of counts are five standard
 * deviations of what was asked: a right program fails one in a million runs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/link_stream.h"
#include "tests/lib/three_hosts.h"

enum { COUNT = LINK_STREAM_MAX };

static struct link_bench bench;

static int group_up(void **state)
{
    three_hosts_up(state);
    if (!spaces)
        return 0;
    bench = (struct link_bench){.spaces = spaces, .from = n1};
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return link_bench_begin(&bench, "link");
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; bench.spaces && i < 2; i++)
        HOST_RUN(i ? n2 : n1, NULL, "ip", "link", "delete", "up0");
    return link_bench_end(&bench);
}

static struct link_tally many(const struct test_host *to)
{
    return link_stream_run(&bench, to, COUNT, 40, 100);
}

/* inflation: by how much more the count varies than that of independent packets. */
static void assert_share(const char *what, int count, double percent, double inflation)
{
    double p = percent / 100, mean = COUNT * p, bound = 5 * sqrt(COUNT * p * (1 - p) * inflation);
    print_message("%s: %.1f %% asked, %.2f %% measured\n", what, percent, 100.0 * count / COUNT);
    assert_true(fabs(count - mean) <= bound);
}

static const char *const ways[] = {"auto", "line"};

/* A counter of Udp: in /proc/net/snmp of the host. */
static long udp_counter(struct test_host *host, const char *name)
{
    char *output, *save = NULL, *save_values = NULL;
    assert_int_equal(0, HOST_RUN(host, &output, "grep", "^Udp:", "/proc/net/snmp"));
    char *names = strtok_r(output, "\n", &save), *values = strtok_r(NULL, "\n", &save);
    char *column = strtok_r(names, " ", &save), *value = strtok_r(values, " ", &save_values);
    while (column && value && strcmp(column, name) != 0) {
        column = strtok_r(NULL, " ", &save);
        value = strtok_r(NULL, " ", &save_values);
    }
    long count = value ? strtol(value, NULL, 10) : -1;
    free(output);
    return count;
}

static json_t *asked(const char *way, const char *name, double value)
{
    return json_pack("{s:s, s:f}", "by", way, name, value);
}

static void asked_chances_are_what_a_receiver_counts(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    const double loss[] = {1, 5, 30, 100};
    for (size_t w = 0; w < 2; w++) {
        print_message("by: %s\n", ways[w]);
        struct link_tally tally = many(n2);
        assert_int_equal(0, tally.missing + tally.doubled + tally.altered);
        for (size_t i = 0; i < 4; i++) {
            link_inject(&bench, "x", n2, asked(ways[w], "loss_percent", loss[i]));
            tally = many(n2);
            link_heal(&bench, "x");
            assert_share("lost", tally.missing, loss[i], 1);
            assert_int_equal(0, tally.doubled + tally.altered);
        }
        link_inject(&bench, "x", n2, asked(ways[w], "duplicate_percent", 10));
        tally = many(n2);
        link_heal(&bench, "x");
        assert_share("doubled", tally.doubled, 10, 1);
        assert_int_equal(0, tally.missing + tally.altered);
        long before = udp_counter(n2, "InCsumErrors");
        link_inject(&bench, "x", n2, asked(ways[w], "corrupt_percent", 10));
        tally = many(n2);
        link_heal(&bench, "x");
        long detected = udp_counter(n2, "InCsumErrors") - before;
        assert_share("corrupt", tally.missing, 10, 1);
        print_message("%ld of them shown by the receiver's checksum\n", detected);
        /* A turned bit of the port or the length is no error of the checksum. */
        assert_true(detected > tally.missing * 8 / 10 && detected <= tally.missing);
        assert_int_equal(0, tally.altered);
        before = udp_counter(n2, "InCsumErrors");
        link_inject(&bench, "x", n2, asked(ways[w], "silent_percent", 10));
        tally = many(n2);
        link_heal(&bench, "x");
        assert_share("altered", tally.altered, 10, 1);
        assert_int_equal(before, udp_counter(n2, "InCsumErrors"));
    }
}

enum { FEW = 1000 };

/* Which of a few datagrams arrive, where the link has this seed; then of as many more, after a
 * change of options. */
static void arrivals(const char *way, int seed, unsigned char seen[2][FEW])
{
    static struct link_stream stream;
    json_t *args = link_args("x", n2, asked(way, "loss_percent", 10));
    json_object_set_new(args, "seed", json_integer(seed));
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 60000)));
    json_decref(agent_must(&n1->agent, "inject", args));
    for (int turn = 0; turn < 2; turn++) {
        link_stream_open(&stream, &bench, n2);
        for (int i = 0; i < FEW; i++) {
            link_stream_send(&stream, i);
            link_stream_drain(&stream);
            usleep(50);
        }
        usleep(100000);
        link_stream_drain(&stream);
        memcpy(seen[turn], stream.seen, FEW);
        link_stream_close(&stream);
        json_decref(agent_must(
            &n1->agent, "change",
            json_pack("{s:s, s:o}", "id", "x", "options", asked(way, "loss_percent", 10))));
    }
    link_heal(&bench, "x");
}

static void the_seed_says_which_packets_are_lost(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        unsigned char first[2][FEW], again[2][FEW], other[2][FEW];
        arrivals(ways[w], 7, first);
        arrivals(ways[w], 7, again);
        arrivals(ways[w], 8, other);
        int lost = 0;
        for (int i = 0; i < FEW; i++)
            lost += first[0][i] == 0;
        assert_in_range(lost, 60, 140);
        assert_memory_equal(first, again, sizeof first);
        assert_memory_not_equal(first[0], other[0], FEW);
        assert_memory_not_equal(first[0], first[1], FEW);
    }
}

/* The stream goes to one port by UDP: another port, or TCP, is another link. */
static void only_the_named_ports_and_protocol_are_hit(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static const struct {
        const char *name;
        int port; /* 0: the name is a protocol */
        bool is_hit;
    } links[] = {{"ports", LINK_STREAM_PORT, true},
                 {"ports", LINK_STREAM_PORT + 1, false},
                 {"udp", 0, true},
                 {"tcp", 0, false}};
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
            json_t *options = asked(ways[w], "loss_percent", 30);
            if (links[i].port)
                json_object_set_new(options, "ports", json_pack("[i]", links[i].port));
            else
                json_object_set_new(options, "protocol", json_string(links[i].name));
            link_inject(&bench, "x", n2, options);
            struct link_tally tally = many(n2);
            link_heal(&bench, "x");
            assert_share(links[i].name, tally.missing, links[i].is_hit ? 30 : 0, 1);
            assert_int_equal(0, tally.doubled + tally.altered);
        }
}

static void losses_come_in_bursts_of_the_asked_length(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        json_t *options = asked(ways[w], "loss_percent", 10);
        json_object_set_new(options, "loss_correlation_percent", json_real(60));
        link_inject(&bench, "x", n2, options);
        struct link_tally tally = many(n2);
        link_heal(&bench, "x");
        assert_share("lost in bursts", tally.missing, 10, 1.6 / 0.4);
        print_message("bursts of %.2f asked, %.2f measured\n", 1 / (0.9 * 0.4), tally.burst);
        assert_true(fabs(tally.burst - 1 / (0.9 * 0.4)) < 0.7);
        options = asked(ways[w], "bad_from_percent", 1);
        json_object_set_new(options, "bad_until_percent", json_real(20));
        link_inject(&bench, "x", n2, options);
        tally = many(n2);
        link_heal(&bench, "x");
        assert_share("lost by Gilbert-Elliott", tally.missing, 100.0 / 21, 1.79 / 0.21);
        print_message("bursts of 5 asked, %.2f measured\n", tally.burst);
        assert_true(fabs(tally.burst - 5) < 2);
    }
}

static void the_card_is_as_before_with_the_last_of_overlapping_faults(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    CLEANUP(rift_free) char *before = link_card_settings(n1);
    assert_null(strstr(before, "gso_max_segs 1 "));
    link_inject(&bench, "a", n2, json_pack("{s:f, s:i}", "loss_percent", 1.0, "rate_kbit", 50000));
    link_inject(&bench, "b", n3, json_pack("{s:f, s:i}", "loss_percent", 2.0, "rate_kbit", 20000));
    link_inject(&bench, "c", n3, json_pack("{s:s, s:f}", "by", "line", "loss_percent", 2.0));
    link_heal(&bench, "a");
    CLEANUP(rift_free) char *during = link_card_settings(n1);
    assert_non_null(strstr(during, "gso_max_segs 1 "));
    assert_non_null(strstr(during, "htb"));
    assert_non_null(strstr(during, "rift0"));
    assert_null(strstr(during, "50Mbit"));
    assert_non_null(strstr(during, "20Mbit"));
    link_heal(&bench, "c");
    link_heal(&bench, "b");
    CLEANUP(rift_free) char *after = link_card_settings(n1);
    assert_string_equal(before, after);
}

/* Sends so many bytes; how many of those that arrive are not what was sent. */
static long pipe_send(struct link_pipe *pipe, long bytes, long *received)
{
    static unsigned char out[4096], in[65536];
    long sent = 0, wrong = 0;
    int64_t deadline = rift_clock_now() + 30 * RIFT_SECOND;
    for (*received = 0; *received < bytes && rift_clock_now() < deadline;) {
        for (size_t i = 0; i < sizeof out; i++)
            out[i] = (unsigned char)((sent + (long)i) % 251);
        ssize_t n = sent < bytes ? send(pipe->out, out, sizeof out, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? n : 0;
        struct pollfd poll_fd = {.fd = pipe->in, .events = POLLIN};
        poll(&poll_fd, 1, n > 0 ? 0 : 10);
        n = recv(pipe->in, in, sizeof in, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++, ++*received)
            wrong += in[i] != *received % 251;
    }
    return wrong;
}

/* Connections that were open before the fault: their segments go one by one. */
static void what_is_corrupt_is_sent_again_and_what_is_silently_so_is_not(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    enum { BYTES = 2000000 };
    for (size_t w = 0; w < 2; w++) {
        struct link_pipe pipe;
        long received, packets = 0;
        link_pipe_open(&pipe, &bench, n2);
        json_t *options = asked(ways[w], "corrupt_percent", 2);
        json_object_set_new(options, "loss_percent", json_real(1));
        link_inject(&bench, "x", n2, options);
        assert_int_equal(0, pipe_send(&pipe, BYTES, &received));
        assert_true(received >= BYTES);
        json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "x"));
        const char *how = json_string_value(json_object_get(ok, "how"));
        print_message("%s\n", how);
        packets = strtol(how + strcspn(how, "0123456789"), NULL, 10);
        assert_true(packets >= BYTES / 1500);
        assert_true(json_is_true(json_object_get(ok, "observed")));
        json_decref(ok);
        link_heal(&bench, "x");
        link_pipe_close(&pipe);
        link_pipe_open(&pipe, &bench, n2);
        link_inject(&bench, "x", n2, asked(ways[w], "silent_percent", 5));
        long wrong = pipe_send(&pipe, BYTES, &received);
        link_heal(&bench, "x");
        link_pipe_close(&pipe);
        double expected = BYTES / 1448.0 * 0.05;
        print_message("%ld bytes of %ld are wrong, about %.0f asked\n", wrong, received, expected);
        assert_true(received >= BYTES);
        assert_true(wrong > expected / 2 && wrong < expected * 2);
    }
}

static void a_chance_or_delay_of_zero_is_none(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "x", n2,
                    json_pack("{s:s, s:i, s:i}", "by", ways[w], "loss_percent", 0, "delay_ms", 0));
        struct link_tally tally = link_stream_run(&bench, n2, 1000, 40, 100);
        link_heal(&bench, "x");
        assert_int_equal(0, tally.missing);
    }
}

/* 20 datagrams of 122 bytes each on the wire: the last one leaves after 2.3 s or more. */
static void a_slow_rate_holds_from_the_first_packets_on(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "r", n2, asked(ways[w], "rate_kbit", 8));
        struct link_tally tally = link_stream_run(&bench, n2, 20, 1000, 3500);
        link_heal(&bench, "r");
        print_message("by %s, 8 kbit/s: %d missing, the last one after %.0f ms\n", ways[w],
                      tally.missing, tally.worst_ms);
        assert_int_equal(0, tally.missing);
        assert_true(tally.worst_ms > 2100);
    }
}

/* At 200 kbit/s the datagrams wait for half a second. The line sees none of them before it is told
 * to end. */
static void what_waits_when_a_link_is_healed_arrives(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static struct link_stream stream;
    for (size_t w = 0; w < 2; w++) {
        json_t *ok =
            agent_must(&n1->agent, "inject", link_args("r", n2, asked(ways[w], "rate_kbit", 200)));
        const json_t *named = json_object_get(json_object_get(ok, "details"), "line");
        pid_t line = (pid_t)json_integer_value(json_array_get(named, 0)), waker = 0;
        json_decref(ok);
        assert_true((line > 0) == (w == 1));
        link_stream_open(&stream, &bench, n2);
        if (line)
            kill(line, SIGSTOP);
        for (int i = 0; i < 100; i++)
            link_stream_send(&stream, i);
        if (line && (waker = fork()) == 0) {
            rift_clock_sleep_until(rift_clock_now() + 200 * RIFT_MS);
            _exit(kill(line, SIGCONT));
        }
        link_heal(&bench, "r");
        if (waker)
            waitpid(waker, NULL, 0);
        int arrived = 0;
        for (int64_t end = rift_clock_now() + 2 * RIFT_SECOND;
             arrived < 100 && rift_clock_now() < end;) {
            struct pollfd poll_fd = {.fd = stream.in, .events = POLLIN};
            poll(&poll_fd, 1, rift_clock_poll_ms(end));
            link_stream_drain(&stream);
            arrived = 0;
            for (int i = 0; i < 100; i++)
                arrived += stream.seen[i] == 1;
        }
        link_stream_close(&stream);
        print_message("by %s: of 100 that waited %d arrived\n", ways[w], arrived);
        assert_int_equal(100, arrived);
    }
}

/* What a link lets pass, the best of a few: the rings of two veths lose packets of a fast stream
 * without any fault, and on a busy machine TCP may lose one twice and wait for most of a second. */
static double passing_mbit(const struct test_host *to, double above)
{
    double best = 0;
    for (int i = 0; i < 5 && best <= above; i++)
        best = fmax(best, link_rate_mbit(&bench, to));
    return best;
}

static void the_rate_holds_for_the_named_peer_alone(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    double free_mbit = link_rate_mbit(&bench, n2);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "r", n2, asked(ways[w], "rate_kbit", 10000));
        double slow = passing_mbit(n2, 7), other = passing_mbit(n3, 5 * slow);
        link_heal(&bench, "r");
        double healed = passing_mbit(n2, 5 * slow);
        print_message("by %s, asked 10 Mbit/s: %.1f; another peer %.0f, before %.0f, after %.0f\n",
                      ways[w], slow, other, free_mbit, healed);
        assert_true(slow > 7 && slow < 11.5);
        assert_true(other > 5 * slow);
        assert_true(healed > 5 * slow);
    }
}

static void the_rate_ends_with_the_lease_in_the_kernel(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 2500)));
    int64_t lease_end = rift_clock_now() + 2500 * RIFT_MS;
    json_decref(agent_must(&n1->agent, "inject",
                           link_args("r", n2, json_pack("{s:i}", "rate_kbit", 5000))));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    double during = link_rate_mbit(&bench, n2);
    rift_clock_sleep_until(lease_end + 50 * RIFT_MS);
    double after = passing_mbit(n2, 5 * during);
    assert_true(during < 6);
    assert_true(after > 5 * during);
    char *output;
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_says(output, "qdisc: the root of eth0");
    free(output);
    assert_true(host_agent_start(n1, "link", 60000));
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "htb"));
    free(output);
}

static bool is_observed_now(const char *id)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", id));
    bool observed = json_is_true(json_object_get(reply, "observed"));
    print_message("  %d: %s\n", observed, json_string_value(json_object_get(reply, "how")));
    json_decref(reply);
    return observed;
}

/* Pieces of datagrams are left whole. */
static void silent_corruption_of_nothing_is_not_observed(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static const char large[4000];
    int out = host_socket(bench.spaces, n1, AF_INET, SOCK_DGRAM);
    socklen_t size;
    struct sockaddr_storage to = host_sockaddr(n2, AF_INET, LINK_STREAM_PORT, &size);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "s", n2, asked(ways[w], "silent_percent", 100));
        for (int i = 0; i < 10; i++)
            sendto(out, large, sizeof large, 0, (struct sockaddr *)&to, size);
        assert_false(is_observed_now("s"));
        many(n2);
        assert_true(is_observed_now("s"));
        link_heal(&bench, "s");
    }
    close(out);
}

/* One chance in a hundred thousand: what passes is seen, and nothing has come of it. */
static void a_chance_that_hit_nothing_yet_is_not_observed(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "c", n2, asked(ways[w], "loss_percent", 0.001));
        assert_int_equal(link_stream_run(&bench, n2, 100, 40, 100).missing, 0);
        json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "c"));
        assert_false(json_is_true(json_object_get(reply, "observed")));
        assert_true(
            json_is_true(json_object_get(json_object_get(reply, "details"), "may_be_chance")));
        json_decref(reply);
        link_heal(&bench, "c");
        link_inject(&bench, "c", n2, asked(ways[w], "loss_percent", 5));
        link_stream_run(&bench, n2, 1000, 40, 100);
        assert_true(is_observed_now("c"));
        link_heal(&bench, "c");
    }
}

/* HTB lets the first hundredth of a second's bytes pass as if it were not there; the line holds
 * each packet for as long as it takes to send. */
static void a_rate_that_holds_nothing_is_not_observed(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (size_t w = 0; w < 2; w++) {
        link_inject(&bench, "r", n2, asked(ways[w], "rate_kbit", 1000));
        assert_int_equal(link_stream_run(&bench, n2, 20, 10000, 100).missing, 0); /* a tenth */
        assert_int_equal(is_observed_now("r"), strcmp(ways[w], "line") == 0);
        link_heal(&bench, "r");
    }
    static struct link_stream stream;
    link_inject(&bench, "r", n2, asked("auto", "rate_kbit", 100));
    link_stream_open(&stream, &bench, n2);
    for (int i = 0; i < 100; i++)
        link_stream_send(&stream, i);
    assert_true(is_observed_now("r"));
    link_stream_close(&stream);
    link_heal(&bench, "r");
}

/* Of two rates on one link the lower one holds, whichever began first, and a trial of a third fault
 * changes nothing. */
static void the_lower_of_two_rates_on_a_link_holds(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "a", n2, json_pack("{s:i}", "rate_kbit", 5000));
    link_inject(&bench, "b", n2, json_pack("{s:i}", "rate_kbit", 50000));
    double both = link_rate_mbit(&bench, n2);
    link_heal(&bench, "b");
    json_t *args = link_args("c", n2, json_pack("{s:i}", "rate_kbit", 50000));
    json_object_del(args, "id");
    json_decref(agent_must(&n1->agent, "probe_fault", args));
    double first = link_rate_mbit(&bench, n2);
    link_heal(&bench, "a");
    print_message("5 and 50 Mbit/s: %.1f; 5 alone, after a trial: %.1f\n", both, first);
    assert_true(both < 6);
    assert_true(first < 6);
}

/* What leaves by a card of software passes the card below it as well. */
static void a_packet_through_stacked_interfaces_is_hit_once(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    enum { MANY = 600, PORT = 7312 };
    struct test_host *ends[] = {n1, n2};
    for (int i = 0; i < 2; i++) {
        CLEANUP(rift_free) char *address = rift_printf("10.98.0.%d/24", i + 1);
        HOST_RUN(ends[i], NULL, "ip", "link", "add", "link", "eth0", "name", "up0", "type",
                 "macvlan", "mode", "bridge");
        HOST_RUN(ends[i], NULL, "ip", "address", "add", address, "dev", "up0");
        if (HOST_RUN(ends[i], NULL, "ip", "link", "set", "up0", "up") != 0)
            skip();
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    inet_pton(AF_INET, "10.98.0.2", &to.sin_addr);
    int in = host_socket(bench.spaces, n2, AF_INET, SOCK_DGRAM);
    int out = host_socket(bench.spaces, n1, AF_INET, SOCK_DGRAM), arrived = 0;
    assert_int_equal(0, bind(in, (struct sockaddr *)&to, sizeof to));
    json_decref(agent_must(&n1->agent, "inject",
                           json_pack("{s:s, s:s, s:{s:i}, s:[{s:s, s:[s, s]}]}", "id", "s", "fault",
                                     "link", "options", "loss_percent", 50, "peers", "name", "n2",
                                     "addresses", n2->address, "10.98.0.2")));
    for (int i = 0; i < MANY; i++) {
        char byte = 0;
        sendto(out, &byte, 1, 0, (struct sockaddr *)&to, sizeof to);
        struct pollfd poll_fd = {.fd = in, .events = POLLIN};
        arrived += poll(&poll_fd, 1, i == MANY - 1 ? 200 : 1) == 1 && recv(in, &byte, 1, 0) == 1;
    }
    while (recv(in, &(char){0}, 1, MSG_DONTWAIT) == 1)
        arrived++;
    link_heal(&bench, "s");
    close(in);
    close(out);
    for (int i = 0; i < 2; i++)
        HOST_RUN(ends[i], NULL, "ip", "link", "delete", "up0");
    print_message("%d of %d arrived, loss 50 %%\n", arrived, MANY);
    assert_true(arrived > 0.4 * MANY && arrived < 0.6 * MANY);
}

/* A packet waits in one class: a rate that comes later would take the first fault's away. */
static void a_rate_cannot_come_while_another_fault_shapes_the_link(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "a", n2, json_pack("{s:i}", "rate_kbit", 5000));
    link_inject(&bench, "b", n2, json_pack("{s:f}", "loss_percent", 0.01));
    json_t *reply = agent_ask(&n1->agent, "change",
                              json_pack("{s:s, s:{s:f, s:i}}", "id", "b", "options", "loss_percent",
                                        0.01, "rate_kbit", 50000));
    double mbit = link_rate_mbit(&bench, n2);
    link_heal(&bench, "b");
    link_heal(&bench, "a");
    char *text = json_dumps(reply, 0);
    print_message("5 Mbit/s, and 50 that came later: %.1f; %s\n", mbit, text);
    assert_true(mbit < 6);
    assert_non_null(strstr(text, "begin with changeable: true"));
    free(text);
    json_decref(reply);
}

/* Somebody puts a root qdisc of his own in the place of ours: nothing is slow any more. */
static void a_rate_whose_qdisc_was_replaced_is_not_observed(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    char *output;
    json_decref(agent_must(&n1->agent, "inject",
                           link_args("r", n2, json_pack("{s:i}", "rate_kbit", 10000))));
    link_rate_mbit(&bench, n2);
    assert_true(is_observed_now("r"));
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "replace", "dev", "eth0", "root",
                                 "handle", "5:", "tbf", "rate", "900mbit", "burst", "64k",
                                 "latency", "1s"));
    free(output);
    link_rate_mbit(&bench, n2);
    assert_false(is_observed_now("r"));
    link_heal(&bench, "r");
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_says(output, "qdisc tbf 5: root"); /* it is his, and stays */
    free(output);
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "del", "dev", "eth0", "root"));
    free(output);
}

static void options_that_cannot_be_are_refused_by_name(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static const struct {
        const char *options, *word;
    } cases[] = {
        {"{\"loss_percent\": 101}", "loss_percent"},
        {"{\"delay_ms\": \"x\"}", "delay_ms"},
        {"{\"delay_ms\": 5, \"jitter_ms\": 6}", "jitter_ms"},
        {"{\"slot_ms\": 5, \"slot_jitter_ms\": 6}", "slot_jitter_ms"},
        {"{\"distribution\": \"gauss\"}", "distribution"},
        {"{\"bad_from_percent\": 5, \"bad_until_percent\": 0}", "bad_until_percent"},
        {"{\"loss_percent\": 5, \"loss_correlation_percent\": 5, \"bad_from_percent\": 5, "
         "\"bad_until_percent\": 5}",
         "not both"},
        {"{\"by\": \"magic\"}", "'by'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *code = NULL, *text = NULL;
        json_t *reply = agent_ask(&n1->agent, "inject",
                                  link_args("z", n2, json_loads(cases[i].options, 0, NULL)));
        assert_int_equal(
            0, json_unpack(reply, "{s:{s:s, s:s}}", "error", "code", &code, "text", &text));
        assert_string_equal("invalid", code);
        if (!strstr(text, cases[i].word))
            fail_msg("%s: %s", cases[i].options, text);
        json_decref(reply);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(asked_chances_are_what_a_receiver_counts),
        CASE(the_seed_says_which_packets_are_lost),
        CASE(only_the_named_ports_and_protocol_are_hit),
        CASE(losses_come_in_bursts_of_the_asked_length),
        CASE(the_card_is_as_before_with_the_last_of_overlapping_faults),
        CASE(what_is_corrupt_is_sent_again_and_what_is_silently_so_is_not),
        CASE(a_chance_or_delay_of_zero_is_none),
        CASE(a_slow_rate_holds_from_the_first_packets_on),
        CASE(what_waits_when_a_link_is_healed_arrives),
        CASE(the_rate_holds_for_the_named_peer_alone),
        CASE(the_rate_ends_with_the_lease_in_the_kernel),
        CASE(a_rate_that_holds_nothing_is_not_observed),
        CASE(the_lower_of_two_rates_on_a_link_holds),
        CASE(a_packet_through_stacked_interfaces_is_hit_once),
        CASE(a_rate_cannot_come_while_another_fault_shapes_the_link),
        CASE(a_rate_whose_qdisc_was_replaced_is_not_observed),
        CASE(silent_corruption_of_nothing_is_not_observed),
        CASE(a_chance_that_hit_nothing_yet_is_not_observed),
        CASE(options_that_cannot_be_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, group_up, three_hosts_down);
}

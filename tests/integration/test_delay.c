/* Packets that wait: in the delay line where the kernel has no netem. How late they are, and what
 * happens when the line, the agent or both are killed. */
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
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/link_stream.h"
#include "tests/lib/three_hosts.h"

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
    return link_bench_begin(&bench, "delay");
}

static int end(void **state)
{
    (void)state;
    return link_bench_end(&bench);
}

static void delays_are_distributed_as_asked(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static const struct {
        const char *distribution;
        double deviation_ms; /* of 10 ms of jitter, by the table as it is cut */
        double correlation;
    } cases[] = {
        {"uniform", 5.77, 0},     {"normal", 10, 0}, {"pareto", 7.4, 0},
        {"paretonormal", 7.8, 0}, {"normal", 0, 90},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        link_inject(&bench, "d", n2,
                    json_pack("{s:i, s:i, s:s, s:f}", "delay_ms", 50, "jitter_ms", 10,
                              "distribution", cases[i].distribution, "delay_correlation_percent",
                              cases[i].correlation));
        struct link_tally tally = link_stream_run_calmly(&bench, n2, 1000, 1000, 200),
                          other = link_stream_run_calmly(&bench, n3, 100, 500, 20);
        link_heal(&bench, "d");
        print_message("50 ms +- 10 %s: mean %.2f, deviation %.2f, neighbours %.2f, worst %.1f; "
                      "another peer %.2f\n",
                      cases[i].distribution, tally.mean_ms, tally.deviation_ms, tally.neighbours,
                      tally.worst_ms, other.mean_ms);
        assert_int_equal(0, tally.missing);
        link_tally_expect(&tally, fabs(tally.mean_ms - 50) < 3);
        if (cases[i].correlation > 0)
            link_tally_expect(&tally, tally.neighbours > 0.75);
        else
            link_tally_expect(&tally, fabs(tally.deviation_ms - cases[i].deviation_ms) < 2 &&
                                          fabs(tally.neighbours) < 0.2 && tally.overtaken > 100);
        link_tally_expect(&other, other.mean_ms < 5);
    }
}

/* Of three in four packets 20 ms, of each fourth 80 ms: mean 35, deviation 26. */
static void delays_are_as_they_were_measured(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "m", n2,
                json_pack("{s:s, s:[s,i,f,s]}", "distribution", "table", "delays_ms", "80", 20,
                          20.0, "20"));
    struct link_tally tally = link_stream_run_calmly(&bench, n2, 1000, 1000, 200);
    link_heal(&bench, "m");
    print_message("mean %.2f, deviation %.2f, worst %.1f\n", tally.mean_ms, tally.deviation_ms,
                  tally.worst_ms);
    assert_int_equal(0, tally.missing);
    link_tally_expect(&tally, fabs(tally.mean_ms - 35) < 4 && fabs(tally.deviation_ms - 26) < 3);
    static const char *const refused[] = {"{\"distribution\": \"table\"}", "{\"delays_ms\": [5]}",
                                          "{\"distribution\": \"table\", \"delays_ms\": [\"x\"]}",
                                          "{\"distribution\": \"table\", \"delays_ms\": [-1]}",
                                          "{\"distribution\": \"table\", \"delays_ms\": [5], "
                                          "\"delay_ms\": 5}"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *reply =
            agent_ask(&n1->agent, "inject", link_args("m", n2, json_loads(refused[i], 0, NULL)));
        const char *code = "";
        assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "code", &code));
        assert_string_equal(code, "invalid");
        json_decref(reply);
    }
}

/* A link may be bad for two reasons at once, as of a wan and of a link that gets worse: whichever
 * began first, delays add up, and what one loses or doubles the other does not bring back. */
static void faults_on_one_link_add_up(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    static const struct {
        const char *first, *second;
        double mean_ms, missing_percent, doubled_percent;
    } cases[] = {
        {"{\"delay_ms\": 20, \"by\": \"line\"}", "{\"delay_ms\": 30, \"by\": \"line\"}", 50, 0, 0},
        {"{\"delay_ms\": 20, \"by\": \"line\"}", "{\"loss_percent\": 20}", 20, 20, 0},
        {"{\"loss_percent\": 20}", "{\"delay_ms\": 20, \"by\": \"line\"}", 20, 20, 0},
        {"{\"duplicate_percent\": 20}", "{\"delay_ms\": 20, \"by\": \"line\"}", 20, 0, 20},
        {"{\"duplicate_percent\": 20}", "{\"loss_percent\": 100}", 0, 100, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        link_inject(&bench, "one", n2, json_loads(cases[i].first, 0, NULL));
        link_inject(&bench, "two", n2, json_loads(cases[i].second, 0, NULL));
        struct link_tally tally = link_stream_run_calmly(&bench, n2, 1000, 500, 200);
        link_heal(&bench, "one");
        link_heal(&bench, "two");
        print_message("%s and %s: mean %.2f ms, %d lost, %d twice of 1000\n", cases[i].first,
                      cases[i].second, tally.mean_ms, tally.missing, tally.doubled);
        link_tally_expect(&tally, cases[i].missing_percent == 100 ||
                                      fabs(tally.mean_ms - cases[i].mean_ms) < 5);
        assert_true(fabs(tally.missing / 10.0 - cases[i].missing_percent) < 6);
        assert_true(fabs(tally.doubled / 10.0 - cases[i].doubled_percent) < 6);
    }
}

static bool is_observed_now(const char *id)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", id));
    bool observed = json_is_true(json_object_get(reply, "observed"));
    json_decref(reply);
    return observed;
}

/* One datagram each ms: what waits for a slot of 50 ms waits 25 ms on average. */
static void packets_leave_in_bursts(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    for (int delay_ms = 0; delay_ms <= 30; delay_ms += 30) {
        link_inject(&bench, "b", n2,
                    json_pack("{s:i, s:i, s:[i]}", "delay_ms", delay_ms, "slot_ms", 50, "ports",
                              LINK_STREAM_PORT));
        assert_false(is_observed_now("b")); /* nothing has passed */
        struct link_tally tally = link_stream_run_calmly(&bench, n2, 1000, 1000, 200),
                          other = link_stream_run_calmly(&bench, n3, 100, 500, 20);
        assert_true(is_observed_now("b"));
        link_heal(&bench, "b");
        print_message("%d ms and slots of 50: %d bursts, %.2f ms from one to the next, %.2f ms "
                      "long, mean %.2f; another peer %.2f\n",
                      delay_ms, tally.groups, tally.group_apart_ms, tally.group_length_ms,
                      tally.mean_ms, other.mean_ms);
        assert_int_equal(0, tally.missing + tally.doubled + tally.overtaken);
        link_tally_expect(&tally, tally.groups >= 15 && tally.groups <= 20 &&
                                      fabs(tally.group_apart_ms - 51) < 3 &&
                                      tally.group_length_ms < 4 &&
                                      fabs(tally.mean_ms - delay_ms - 25) < 4);
        link_tally_expect(&other, other.mean_ms < 5);
    }
}

static void a_fifth_goes_past_the_others(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "o", n2, json_pack("{s:i, s:i}", "delay_ms", 30, "reorder_percent", 20));
    struct link_tally tally = link_stream_run_calmly(&bench, n2, 2000, 1000, 100);
    link_heal(&bench, "o");
    double early = (double)tally.early / 2000;
    print_message("%.1f %% early, %d overtaken, mean %.2f ms\n", early * 100, tally.overtaken,
                  tally.mean_ms);
    assert_int_equal(0, tally.missing + tally.doubled);
    link_tally_expect(&tally, fabs(early - 0.2) < 0.05 && tally.overtaken > 1200);
}

static void what_exceeds_the_limit_is_lost(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "q", n2, json_pack("{s:i, s:i}", "delay_ms", 50, "limit_packets", 10));
    struct link_tally tally = link_stream_run_calmly(&bench, n2, 500, 1000, 100);
    link_heal(&bench, "q");
    print_message("of 50 that wait at once 10 may: %d of 500 lost\n", tally.missing);
    link_tally_expect(&tally, tally.missing > 350 && tally.missing < 430);
}

/* Offered eight times the rate, half of it to each address. */
static void rate_and_limit_are_of_all_addresses_of_a_peer(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    enum { PORT = 7311, SIZE = 1000, ON_WIRE_IPV4 = SIZE + 42, RATE_KBIT = 2000, LAST_MS = 2000 };
    /* What waits is sent by then, and a test that could not run has offered nothing more. */
    enum { LIMIT = 20, QUEUE_NS = LIMIT * ON_WIRE_IPV4 * 8 * 1000 / (RATE_KBIT / 1000) };
    static const int families[] = {AF_INET, AF_INET6};
    static const char datagram[SIZE];
    int in[2], out[2], sent = 0, arrived = 0;
    struct sockaddr_storage to[2];
    socklen_t size[2];
    for (int f = 0; f < 2; f++) {
        in[f] = host_socket(bench.spaces, n2, families[f], SOCK_DGRAM);
        out[f] = host_socket(bench.spaces, n1, families[f], SOCK_DGRAM);
        host_bind(in[f], n2, families[f], PORT);
        to[f] = host_sockaddr(n2, families[f], PORT, &size[f]);
    }
    link_inject(
        &bench, "r", n2,
        json_pack("{s:s, s:i, s:i}", "by", "line", "rate_kbit", RATE_KBIT, "limit_packets", LIMIT));
    int64_t begin = rift_clock_now(), now, last = begin, idle_ns = 0;
    while ((now = rift_clock_now()) < begin + LAST_MS * RIFT_MS) {
        char taken[SIZE];
        idle_ns += now - last > QUEUE_NS ? now - last - QUEUE_NS : 0;
        last = now;
        for (; sent < 2 * (now - begin) / RIFT_MS; sent++)
            sendto(out[sent % 2], datagram, SIZE, MSG_DONTWAIT,
                   (const struct sockaddr *)&to[sent % 2], size[sent % 2]);
        for (int f = 0; f < 2; f++)
            while (recv(in[f], taken, SIZE, MSG_DONTWAIT) == SIZE)
                arrived++;
        rift_clock_sleep_until(now + RIFT_MS);
    }
    link_heal(&bench, "r");
    for (int f = 0; f < 2; f++) {
        close(in[f]);
        close(out[f]);
    }
    double kbit = arrived * 8.0 * ON_WIRE_IPV4 / (double)(now - begin) * 1e6;
    print_message("%d of %d datagrams arrived in %.2f s: %.0f kbit/s\n", arrived, sent,
                  (double)(now - begin) / 1e9, kbit);
    assert_true(kbit < 1.2 * RATE_KBIT);
    kbit *= (double)(now - begin) / (double)(now - begin - idle_ns);
    link_tally_expect(&(struct link_tally){.stalled_ms = (double)idle_ns / 1e6},
                      kbit > 0.6 * RATE_KBIT);
}

static void a_change_loses_nothing_that_waits(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    link_inject(&bench, "c", n2, json_pack("{s:i}", "delay_ms", 100));
    struct link_stream *stream = rift_calloc(1, sizeof *stream);
    link_stream_open(stream, &bench, n2);
    for (int i = 0; i < 400; i++) {
        int64_t next = rift_clock_now() + RIFT_MS;
        link_stream_send(stream, i);
        if (i == 200)
            json_decref(
                agent_must(&n1->agent, "change",
                           json_pack("{s:s, s:{s:i}}", "id", "c", "options", "delay_ms", 20)));
        rift_clock_sleep_until(next);
        link_stream_drain(stream);
    }
    for (int64_t end = rift_clock_now() + 150 * RIFT_MS; rift_clock_now() < end;) {
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
        link_stream_drain(stream);
    }
    for (int i = 0; i < 400; i++)
        if (stream->seen[i] != 1)
            fail_msg("datagram %d arrived %d times", i, stream->seen[i]);
    print_message("before the change %.1f ms, after %.1f ms\n", stream->delay_ms[100],
                  stream->delay_ms[399]);
    assert_true(fabs(stream->delay_ms[100] - 100) < 15);
    assert_true(fabs(stream->delay_ms[399] - 20) < 15);
    link_stream_close(stream);
    free(stream);
    link_heal(&bench, "c");
}

/* The one process of that name in the record of the fault. */
static pid_t line_pid(const json_t *ok)
{
    const json_t *line = json_object_get(json_object_get(ok, "details"), "line");
    pid_t pid = (pid_t)json_integer_value(json_array_get(line, 0));
    assert_true(pid > 1);
    return pid;
}

static void a_killed_line_loses_packets_no_longer_than_the_lease(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    CLEANUP(rift_free) char *before = link_card_settings(n1);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 3000)));
    int64_t lease_end = rift_clock_now() + 3000 * RIFT_MS;
    json_t *ok =
        agent_must(&n1->agent, "inject",
                   link_args("k", n2, json_pack("{s:s, s:i}", "by", "line", "delay_ms", 30)));
    agent_kill_both(&n1->agent); /* nobody is left to heal */
    kill(line_pid(ok), SIGKILL);
    json_decref(ok);
    struct link_tally dead = link_stream_run(&bench, n2, 100, 1000, 50);
    assert_int_equal(100, dead.missing);
    agent_forget(&n1->agent);
    rift_clock_sleep_until(lease_end + 20 * RIFT_MS);
    struct link_tally after = link_stream_run(&bench, n2, 100, 1000, 50);
    assert_int_equal(0, after.missing);
    assert_true(host_agent_start(n1, "delay", 60000));
    CLEANUP(rift_free) char *healed = link_card_settings(n1);
    assert_string_equal(before, healed);
}

static void a_line_outlives_its_agent_until_the_lease_ends(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    CLEANUP(rift_free) char *before = link_card_settings(n1);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 3000)));
    int64_t lease_end = rift_clock_now() + 3000 * RIFT_MS;
    json_t *ok =
        agent_must(&n1->agent, "inject",
                   link_args("k", n2, json_pack("{s:s, s:i}", "by", "line", "delay_ms", 30)));
    struct rift_process line;
    assert_true(rift_process_identify(line_pid(ok), &line));
    json_decref(ok);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    struct link_tally during = link_stream_run(&bench, n2, 300, 1000, 100);
    assert_int_equal(0, during.missing);
    assert_true(during.mean_ms > 28 && during.mean_ms < 40);
    rift_clock_sleep_until(lease_end + 20 * RIFT_MS);
    struct link_tally after = link_stream_run(&bench, n2, 300, 1000, 50);
    assert_int_equal(0, after.missing);
    assert_true(after.mean_ms < 5);
    assert_false(rift_process_is_alive(&line));
    assert_true(host_agent_start(n1, "delay", 60000));
    CLEANUP(rift_free) char *healed = link_card_settings(n1);
    assert_string_equal(before, healed);
}

static void a_users_root_qdisc_stays_and_works(void **state)
{
    (void)state;
    namespaces_need(bench.spaces);
    char *before, *during;
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "add", "dev", "eth0", "root", "handle",
                                 "5:", "tbf", "rate", "50mbit", "burst", "64k", "latency", "1s"));
    HOST_RUN(n1, &before, "tc", "qdisc", "show", "dev", "eth0", "root");
    json_t *reply =
        agent_ask(&n1->agent, "inject",
                  link_args("u", n2, json_pack("{s:s, s:i}", "by", "netem", "delay_ms", 20)));
    assert_non_null(json_object_get(reply, "error"));
    json_decref(reply);
    link_inject(&bench, "u", n2, json_pack("{s:i}", "delay_ms", 20));
    HOST_RUN(n1, &during, "tc", "qdisc", "show", "dev", "eth0", "root");
    struct link_tally tally = link_stream_run(&bench, n2, 300, 1000, 50);
    double mbit = link_rate_mbit(&bench, n2);
    link_heal(&bench, "u");
    print_message("through a user's TBF: %.2f ms, %.1f Mbit/s\n", tally.mean_ms, mbit);
    assert_string_equal(before, during);
    assert_int_equal(0, tally.missing);
    assert_true(fabs(tally.mean_ms - 20) < 4);
    assert_true(mbit < 52);
    free(before);
    free(during);
    HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "root");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(delays_are_distributed_as_asked),
        CASE(delays_are_as_they_were_measured),
        CASE(faults_on_one_link_add_up),
        CASE(packets_leave_in_bursts),
        CASE(a_fifth_goes_past_the_others),
        CASE(what_exceeds_the_limit_is_lost),
        CASE(rate_and_limit_are_of_all_addresses_of_a_peer),
        CASE(a_change_loses_nothing_that_waits),
        CASE(a_killed_line_loses_packets_no_longer_than_the_lease),
        CASE(a_line_outlives_its_agent_until_the_lease_ends),
        CASE(a_users_root_qdisc_stays_and_works),
    };
    return cmocka_run_group_tests(tests, group_up, three_hosts_down);
}

/* A partition as traffic sees it: real packets between namespaces, sent and counted by sockets of
 * the test, not by what the agent says. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/three_hosts.h"

enum { LEASE_MS = 60000, SHORT_LEASE_MS = 4000, WAIT_MS = 20000 };

static int agents_up(void **state)
{
    (void)state;
    if (!spaces)
        return 0;
    for (int i = 0; i < spaces->count; i++)
        if (!host_agent_start(&spaces->hosts[i], "partition", LEASE_MS))
            return -1;
    return 0;
}

static int agents_down(void **state)
{
    (void)state;
    for (int i = 0; spaces && i < spaces->count; i++)
        agent_forget(&spaces->hosts[i].agent);
    return 0;
}

static json_t *peer_of(const struct test_host *host)
{
    return json_pack("{s:s, s:[s, s]}", "name", host->name, "addresses", host->address,
                     host->address6);
}

static json_t *cut_args(const char *id, const struct test_host *from)
{
    return json_pack("{s:s, s:s, s:{}, s:[o]}", "id", id, "fault", "partition", "options", "peers",
                     peer_of(from));
}

static void cut(struct test_host *host, const char *id, const struct test_host *from)
{
    json_decref(agent_must(&host->agent, "inject", cut_args(id, from)));
}

static void heal(struct test_host *host, const char *id)
{
    json_decref(agent_must(&host->agent, "heal", json_pack("{s:s}", "id", id)));
}

static void renew(struct test_host *host, int lease_ms)
{
    json_decref(agent_must(&host->agent, "lease", json_pack("{s:i}", "lease_ms", lease_ms)));
}

/* --- UDP by hand */

static int bound(const struct test_host *host, int family, int type, uint16_t port)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(host, family, port, &size);
    int fd = host_socket(spaces, host, family, type);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&address, size));
    return fd;
}

static int received_within(int fd, int timeout_ms)
{
    char byte;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, timeout_ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

/* Does a datagram from one host reach the other? Tried for up to patience_ms. */
static bool is_heard(const struct test_host *from, const struct test_host *to, int family,
                     int patience_ms)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(to, family, 7001, &size);
    int in = bound(to, family, SOCK_DGRAM, 7001);
    int out = bound(from, family, SOCK_DGRAM, 7002);
    int64_t deadline = rift_clock_now() + patience_ms * RIFT_MS;
    bool heard = false;
    for (int asked = 0; !heard && (asked < 5 || rift_clock_now() < deadline); asked++) {
        sendto(out, "x", 1, 0, (struct sockaddr *)&address, size);
        heard = received_within(in, 20);
    }
    close(in);
    close(out);
    return heard;
}

static void only_the_named_direction_of_the_named_pair_is_cut(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_true(is_heard(n2, n1, AF_INET, 3000));
    assert_true(is_heard(n2, n1, AF_INET6, 5000));
    cut(n1, "oneway", n2);
    assert_false(is_heard(n2, n1, AF_INET, 200));
    assert_false(is_heard(n2, n1, AF_INET6, 200));
    assert_true(is_heard(n1, n2, AF_INET, 200));
    assert_true(is_heard(n3, n1, AF_INET, 200));
    assert_true(is_heard(n3, n1, AF_INET6, 5000));
    heal(n1, "oneway");
    assert_true(is_heard(n2, n1, AF_INET, 200));
    assert_true(is_heard(n2, n1, AF_INET6, 200));
}

/* A stream of datagrams that carry their number: which of them arrived, and when each was sent. */
static void the_cut_begins_at_the_agreed_instant(void **state)
{
    (void)state;
    namespaces_need(spaces);
    enum { COUNT = 8000, EACH = 100 };
    static int64_t begun_ns[COUNT], sent_ns[COUNT]; /* on a busy machine they lie apart */
    static bool has_arrived[COUNT];
    memset(has_arrived, 0, sizeof has_arrived);
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(n1, AF_INET, 7003, &size);
    int in = bound(n1, AF_INET, SOCK_DGRAM, 7003), out = bound(n2, AF_INET, SOCK_DGRAM, 7004);
    int64_t start = rift_clock_now() + 2000 * RIFT_MS;
    json_t *args = cut_args("instant", n2);
    json_object_set_new(args, "start_ns", json_integer(start));
    json_decref(agent_must(&n1->agent, "inject", args));
    assert_true(rift_clock_now() < start);
    int count = 0, before = 0, after = 0;
    for (; count < COUNT && after < EACH; count++) {
        begun_ns[count] = rift_clock_now();
        sendto(out, &count, sizeof count, 0, (struct sockaddr *)&address, size);
        sent_ns[count] = rift_clock_now();
        after += begun_ns[count] >= start;
        rift_clock_sleep_until(begun_ns[count] + RIFT_MS);
        /* At once: the buffer holds fewer than all of them. */
        for (int number; recv(in, &number, sizeof number, MSG_DONTWAIT) == sizeof number;)
            has_arrived[number] = true;
    }
    for (int i = 0; i < count; i++) {
        if (sent_ns[i] < start - 2 * RIFT_MS) {
            assert_true(has_arrived[i]);
            before++;
        } else if (begun_ns[i] >= start) {
            assert_false(has_arrived[i]);
        }
    }
    assert_true(before > 20 && after == EACH);
    heal(n1, "instant");
    close(in);
    close(out);
}

/* A drop that the sender is told of ends the connection with ETIMEDOUT; a real cut does not. */
static void a_tcp_connection_survives_a_cut_of_eight_seconds(void **state)
{
    (void)state;
    namespaces_need(spaces);
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(n1, AF_INET, 7005, &size);
    int listener = bound(n1, AF_INET, SOCK_STREAM, 7005);
    assert_int_equal(0, listen(listener, 1));
    int out = host_socket(spaces, n2, AF_INET, SOCK_STREAM);
    assert_int_equal(0, connect(out, (struct sockaddr *)&address, size));
    int in = accept(listener, NULL, NULL);
    cut(n1, "long", n2);
    assert_int_equal(1, send(out, "a", 1, MSG_NOSIGNAL));
    for (int second = 0; second < 8; second++) {
        renew(n1, SHORT_LEASE_MS); /* shorter than the cut */
        assert_false(received_within(in, 1000));
    }
    struct tcp_info info;
    socklen_t length = sizeof info;
    assert_int_equal(0, getsockopt(out, IPPROTO_TCP, TCP_INFO, &info, &length));
    assert_true(info.tcpi_backoff >= 3); /* TCP backed off, as it does in a real cut */
    renew(n1, LEASE_MS);
    heal(n1, "long");
    assert_true(received_within(in, 9000));
    close(in);
    close(out);
    close(listener);
}

static void the_lease_ends_a_cut_whatever_was_killed(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 1500)));
    int64_t lease_end = rift_clock_now() + 1500 * RIFT_MS;
    cut(n1, "orphan", n2);
    agent_kill_both(&n1->agent);
    assert_false(is_heard(n2, n1, AF_INET, 300));
    rift_clock_sleep_until(lease_end + 20 * RIFT_MS);
    assert_true(is_heard(n2, n1, AF_INET, 30));
    agent_forget(&n1->agent);

    /* The inert filter stays until the next contact, which leaves nothing. */
    char *output = NULL;
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_says(output, "filter: 1 on eth0 ingress");
    assert_says(output, "ledger: orphan (partition)");
    free(output);
    assert_true(host_agent_start(n1, "partition", LEASE_MS));
    const json_t *healed = json_object_get(n1->agent.hello, "healed");
    assert_string_equal("orphan", json_string_value(json_array_get(healed, 0)));
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "clsact"));
    free(output);
}

static char *user_rules(struct test_host *host)
{
    char *qdiscs = NULL, *ingress = NULL, *egress = NULL, *tables = NULL;
    HOST_RUN(host, &qdiscs, "tc", "qdisc", "show", "dev", "eth0");
    HOST_RUN(host, &ingress, "tc", "filter", "show", "dev", "eth0", "ingress");
    HOST_RUN(host, &egress, "tc", "filter", "show", "dev", "eth0", "egress");
    HOST_RUN(host, &tables, "nft", "list", "ruleset");
    char *all = rift_printf("%s--\n%s--\n%s--\n%s", qdiscs, ingress, egress, tables);
    free(qdiscs);
    free(ingress);
    free(egress);
    free(tables);
    return all;
}

static void a_users_own_rules_work_during_a_cut_and_are_the_same_after(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "add", "dev", "eth0", "root", "handle",
                                 "5:", "tbf", "rate", "900mbit", "burst", "64k", "latency", "1s"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "add", "dev", "eth0", "clsact"));
    /* Theirs drops what comes from n3. */
    assert_int_equal(0, HOST_RUN(n1, NULL, "nft",
                                 "table netdev mine { chain in { type filter hook ingress device "
                                 "eth0 priority 0; ip saddr 10.99.0.3 drop; }; }"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "filter", "add", "dev", "eth0", "egress", "prio",
                                 "7", "protocol", "ip", "u32", "match", "ip", "dst", "10.99.0.9/32",
                                 "flowid", "5:1"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "filter", "add", "dev", "eth0", "ingress", "prio",
                                 "7", "protocol", "ip", "u32", "match", "ip", "src", "10.99.0.9/32",
                                 "flowid", "5:1"));
    assert_false(is_heard(n3, n1, AF_INET, 100));
    CLEANUP(rift_free) char *before = user_rules(n1);
    cut(n1, "guest", n2);
    cut(n1, "guest2", n2);
    assert_false(is_heard(n2, n1, AF_INET, 100));
    assert_false(is_heard(n3, n1, AF_INET, 100));
    heal(n1, "guest2");
    heal(n1, "guest");
    assert_true(is_heard(n2, n1, AF_INET, 100));
    CLEANUP(rift_free) char *after = user_rules(n1);
    assert_string_equal(before, after);
    assert_int_equal(0, HOST_RUN(n1, NULL, "nft", "delete", "table", "netdev", "mine"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "clsact"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "root"));
}

static void the_last_of_overlapping_cuts_takes_the_qdisc_along(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char *output;
    cut(n1, "first", n2);
    cut(n1, "second", n3);
    heal(n1, "first");
    assert_true(is_heard(n2, n1, AF_INET, 100));
    assert_false(is_heard(n3, n1, AF_INET, 100));
    heal(n1, "second");
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "clsact"));
    free(output);
}

/* How many packets of the peer's a look at the cut finds dropped; and how many cuts beside it. */
static int64_t look(struct test_host *host, const char *id, int64_t *hit)
{
    json_int_t others = -1, dropped = -1;
    json_t *reply = agent_must(&host->agent, "observe", json_pack("{s:s}", "id", id));
    assert_int_equal(0, json_unpack(reply, "{s:{s:I, s:[{s:I}]}}", "details", "others", &others,
                                    "peers", "hit", &dropped));
    json_decref(reply);
    *hit = dropped;
    return others;
}

/* Its filter never sees the packets: that there is another one is what explains the silence. */
static void a_cut_behind_another_one_tells_of_it(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int64_t first, second;
    cut(n1, "first", n2);
    assert_int_equal(0, look(n1, "first", &first));
    cut(n1, "second", n2);
    json_decref(agent_must(&n1->agent, "inject",
                           json_pack("{s:s, s:s, s:{s:i}, s:[o]}", "id", "bad", "fault", "link",
                                     "options", "loss_percent", 1, "peers", peer_of(n2))));
    assert_false(is_heard(n2, n1, AF_INET, 200));
    assert_int_equal(1, look(n1, "first", &first));
    assert_int_equal(1, look(n1, "second", &second));
    assert_true((first > 0) != (second > 0));
    heal(n1, "bad");
    heal(n1, first > 0 ? "first" : "second");
    assert_false(is_heard(n2, n1, AF_INET, 200));
    assert_int_equal(0, look(n1, first > 0 ? "second" : "first", &second));
    assert_true(second > 0);
    heal(n1, first > 0 ? "second" : "first");
}

/* --- what the agents' own probes say */

static json_t *probe_peers(const struct test_host *host)
{
    return json_pack("[{s:s, s:s, s:I}]", "name", host->name, "address", host->address, "port",
                     json_integer_value(json_object_get(host->agent.hello, "probe_port")));
}

/* As NetworkManager or a container's owner may; what is left of the cut is not what was asked. */
static void a_cut_that_a_stranger_took_away_ended_before_its_time(void **state)
{
    (void)state;
    namespaces_need(spaces);
    cut(n1, "gone", n2);
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "clsact"));
    json_t *reply = agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "gone"));
    assert_string_equal(json_string_value(json_object_get(reply, "was")), "ended");
    assert_non_null(strstr(json_string_value(json_object_get(reply, "how")), "filter is gone"));
    json_decref(reply);
}

/* Not only with the heal: each renewal of the lease looks whether the fault stands. */
static void the_controller_is_told_at_once_of_a_cut_that_is_over(void **state)
{
    (void)state;
    namespaces_need(spaces);
    cut(n1, "gone", n2);
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "clsact"));
    renew(n1, LEASE_MS);
    json_t *event = agent_wait_event(&n1->agent, "fault_ended");
    assert_string_equal("gone", json_string_value(json_object_get(event, "id")));
    assert_non_null(strstr(json_string_value(json_object_get(event, "text")), "filter is gone"));
    json_decref(event);
    heal(n1, "gone");
}

static void a_cut_goes_on_with_its_lease(void **state)
{
    (void)state;
    namespaces_need(spaces);
    renew(n1, 1500);
    int64_t lease_end = rift_clock_now() + 1500 * RIFT_MS;
    cut(n1, "long", n2);
    renew(n1, LEASE_MS);
    rift_clock_sleep_until(lease_end + 200 * RIFT_MS);
    assert_false(is_heard(n2, n1, AF_INET, 300));
    heal(n1, "long");
}

static void probes_tell_which_direction_is_cut(void **state)
{
    (void)state;
    namespaces_need(spaces);
    cut(n1, "dir", n2); /* n1 is deaf to n2 */
    int64_t a = agent_send(&n1->agent, "probe_pairs",
                           json_pack("{s:i, s:o, s:i, s:i, s:i}", "token", 77, "peers",
                                     probe_peers(n2), "count", 4, "interval_ms", 2, "wait_ms", 50));
    int64_t b = agent_send(&n2->agent, "probe_pairs",
                           json_pack("{s:i, s:o, s:i, s:i, s:i}", "token", 77, "peers",
                                     probe_peers(n1), "count", 4, "interval_ms", 2, "wait_ms", 50));
    json_t *from_n1 = agent_wait(&n1->agent, a), *from_n2 = agent_wait(&n2->agent, b);
    json_t *at_n1 = agent_must(&n1->agent, "probe_received", json_pack("{s:i}", "token", 77));
    json_t *at_n2 = agent_must(&n2->agent, "probe_received", json_pack("{s:i}", "token", 77));
    int sent = -1, echoed = -1, received = -1;
    const char *name = NULL;
    assert_int_equal(0, json_unpack(from_n1, "{s:{s:[{s:i, s:i}]}}", "ok", "peers", "sent", &sent,
                                    "echoed", &echoed));
    assert_int_equal(4, sent);
    assert_int_equal(0, echoed);
    assert_int_equal(0, json_array_size(json_object_get(at_n1, "from")));
    assert_int_equal(
        0, json_unpack(at_n2, "{s:[{s:s, s:i}]}", "from", "name", &name, "received", &received));
    assert_string_equal("n1", name);
    assert_int_equal(4, received);
    json_decref(from_n1);
    json_decref(from_n2);
    json_decref(at_n1);
    json_decref(at_n2);
    heal(n1, "dir");
}

static void an_interface_without_peer_traffic_cuts_nothing(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_t *args = cut_args("lo", n2);
    json_object_set_new(args, "options", json_pack("{s:[s]}", "interfaces", "lo"));
    json_decref(agent_must(&n1->agent, "inject", args));
    assert_true(is_heard(n2, n1, AF_INET, 200));
    heal(n1, "lo");
}

static void assert_refused(json_t *args, const char *code, const char *part)
{
    json_t *reply = agent_ask(&n1->agent, "inject", args);
    const char *is = NULL, *text = NULL;
    assert_int_equal(0, json_unpack(reply, "{s:{s:s, s:s}}", "error", "code", &is, "text", &text));
    assert_string_equal(code, is);
    if (!strstr(text, part))
        fail_msg("'%s' does not say '%s'", text, part);
    json_decref(reply);
}

static void cuts_that_cannot_be_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_t *args = cut_args("x1", n2);
    json_object_set_new(args, "options", json_pack("{s:[s]}", "interfaces", "eth7"));
    assert_refused(args, "missing", "no interface 'eth7'");
    assert_refused(cut_args("x2", n1), "invalid", "own address");
    assert_refused(cut_args("../x", n2), "invalid", "'id'");
    args = cut_args("x3", n2);
    json_object_set_new(args, "peers", json_array());
    assert_refused(args, "invalid", "needs peers");
    args = cut_args("x4", n2);
    json_object_set_new(args, "peers",
                        json_pack("[{s:s, s:[s]}]", "name", "far", "addresses", "203.0.113.9"));
    assert_refused(args, "unreachable", "no route");
    cut(n1, "twice", n2);
    assert_refused(cut_args("twice", n2), "conflict", "on already");
    heal(n1, "twice");
    heal(n1, "twice");
    json_t *status = agent_must(&n1->agent, "status", NULL);
    assert_int_equal(0, json_array_size(json_object_get(status, "faults")));
    json_decref(status);
    char *output;
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "clsact"));
    free(output);
}

static void the_controllers_address_is_never_cut(void **state)
{
    (void)state;
    namespaces_need(spaces);
    agent_forget(&n1->agent);
    setenv("SSH_CONNECTION", "10.99.0.3 50000 10.99.0.1 22", 1);
    assert_true(host_agent_start(n1, "partition", LEASE_MS));
    unsetenv("SSH_CONNECTION");
    assert_refused(cut_args("self", n3), "conflict", "controller");
    cut(n1, "fine", n2);
    heal(n1, "fine");
}

/* The thread that does the agent's work is held in the middle of it, as the kernel holds one that
 * waits for a lock of the network's. */
static void hold(pid_t thread)
{
    int status;
    assert_int_equal(0, ptrace(PTRACE_SEIZE, thread, NULL, NULL));
    assert_int_equal(0, ptrace(PTRACE_INTERRUPT, thread, NULL, NULL));
    assert_int_equal(thread, waitpid(thread, &status, __WALL));
}

static void a_heal_is_felt_while_the_agent_waits_for_something_else(void **state)
{
    (void)state;
    namespaces_need(spaces);
    struct test_agent *agent = &n1->agent;
    for (int way = 0; way < 2; way++) {
        json_t *link = json_pack("{s:s, s:s, s:{s:i}, s:[o]}", "id", "out", "fault", "link",
                                 "options", "loss_percent", 100, "peers", peer_of(n2));
        cut(n1, "in", n2);
        json_decref(agent_must(agent, "inject", link));
        assert_false(is_heard(n2, n1, AF_INET, 200));
        assert_false(is_heard(n1, n2, AF_INET, 200));
        hold(agent_pid(agent));
        int64_t healed[2] = {0};
        if (way == 0) {
            healed[0] = agent_send(agent, "heal", json_pack("{s:s}", "id", "in"));
            assert_true(is_heard(n2, n1, AF_INET, WAIT_MS));
            assert_false(is_heard(n1, n2, AF_INET, 200)); /* the other one is not meant */
            healed[1] = agent_send(agent, "heal", json_pack("{s:s}", "id", "out"));
        } else {
            healed[0] = agent_send(agent, "heal_all", json_object());
        }
        assert_true(is_heard(n2, n1, AF_INET, WAIT_MS));
        assert_true(is_heard(n1, n2, AF_INET, WAIT_MS));
        int64_t felt_ns = rift_clock_now();
        assert_int_equal(0, ptrace(PTRACE_DETACH, agent_pid(agent), NULL, NULL));
        for (int i = 0; i < 2 - way; i++) {
            json_t *reply = agent_wait(agent, healed[i]), *ok = json_object_get(reply, "ok");
            assert_non_null(ok);
            if (way == 0)
                assert_true(json_integer_value(json_object_get(ok, "applied_ns")) <= felt_ns);
            json_decref(reply);
        }
        char *output;
        assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
        assert_null(strstr(output, "clsact"));
        free(output);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agents_up, agents_down)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(only_the_named_direction_of_the_named_pair_is_cut),
        CASE(the_cut_begins_at_the_agreed_instant),
        CASE(the_lease_ends_a_cut_whatever_was_killed),
        CASE(a_users_own_rules_work_during_a_cut_and_are_the_same_after),
        CASE(the_last_of_overlapping_cuts_takes_the_qdisc_along),
        CASE(a_cut_behind_another_one_tells_of_it),
        CASE(a_cut_that_a_stranger_took_away_ended_before_its_time),
        CASE(the_controller_is_told_at_once_of_a_cut_that_is_over),
        CASE(a_cut_goes_on_with_its_lease),
        CASE(probes_tell_which_direction_is_cut),
        CASE(an_interface_without_peer_traffic_cuts_nothing),
        CASE(cuts_that_cannot_be_are_refused_and_leave_nothing),
        CASE(the_controllers_address_is_never_cut),
        CASE(a_heal_is_felt_while_the_agent_waits_for_something_else),
        CASE(a_tcp_connection_survives_a_cut_of_eight_seconds),
    };
    return cmocka_run_group_tests(tests, three_hosts_up, three_hosts_down);
}

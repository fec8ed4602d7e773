/* Cuts of a part of the traffic: by port, protocol, connection and time. All of it is seen by
 * sockets of the test's own, made inside the hosts' network namespaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/three_hosts.h"

enum { LEASE_MS = 5000, PORT_CUT = 7100, PORT_FREE = 7200, QUICK_MS = 250, SLOW_MS = 3000 };

static int agents_up(void **state)
{
    (void)state;
    return spaces && !host_agent_start(n1, "cut", LEASE_MS) ? -1 : 0;
}

static int agents_down(void **state)
{
    (void)state;
    if (spaces)
        agent_forget(&n1->agent);
    return 0;
}

/* --- the agent of n1, which goes deaf to n2 */

static json_t *fault_args(const char *fault, json_t *options)
{
    json_t *peer =
        json_pack("{s:s, s:[s, s]}", "name", n2->name, "addresses", n2->address, n2->address6);
    return json_pack("{s:s, s:s, s:o, s:[o]}", "id", "cut", "fault", fault, "options", options,
                     "peers", peer);
}

static void inject(const char *fault, json_t *options)
{
    json_decref(agent_must(&n1->agent, "inject", fault_args(fault, options)));
}

static void heal(void)
{
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "cut")));
}

static bool is_observed(void)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "cut"));
    bool observed = json_is_true(json_object_get(reply, "observed"));
    print_message("  observed %d: %s\n", observed,
                  json_string_value(json_object_get(reply, "how")));
    json_decref(reply);
    return observed;
}

/* --- sockets */

static int bound(const struct test_host *host, int family, int type, uint16_t port)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(host, family, port, &size);
    int fd = host_socket(spaces, host, family, type), on = 1, rc = -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    for (int i = 0; i < 50 && (rc = bind(fd, (struct sockaddr *)&address, size)) != 0; i++)
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS); /* IPv6 looks for duplicates */
    assert_int_equal(0, rc); /* where a test that failed left its listener, accept would hang */
    if (type == SOCK_STREAM)
        assert_int_equal(0, listen(fd, 8));
    return fd;
}

/* 1: a byte arrived, 0: nothing, -1: the connection is gone, with errno. */
static int hears(int fd, int wait_ms)
{
    char byte;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, wait_ms) == 0)
        return 0;
    return (int)recv(fd, &byte, 1, MSG_DONTWAIT);
}

static bool datagram_arrives(const struct test_host *from, int out, const struct test_host *to,
                             int in, int family, uint16_t port, size_t bytes)
{
    (void)from;
    static char data[8000];
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(to, family, port, &size);
    assert_int_equal(bytes, sendto(out, data, bytes, 0, (struct sockaddr *)&address, size));
    struct pollfd poll_fd = {.fd = in, .events = POLLIN};
    return poll(&poll_fd, 1, QUICK_MS) == 1 &&
           recv(in, data, sizeof data, MSG_DONTWAIT) == (ssize_t)bytes;
}

/* --- the tests */

static void only_the_named_port_is_cut_in_both_roles(void **state)
{
    (void)state;
    namespaces_need(spaces);
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++) {
        int family = families[i];
        const struct test_host *hosts[] = {n1, n2};
        int listeners[4];
        for (int k = 0; k < 4; k++)
            listeners[k] = bound(hosts[k / 2], family, SOCK_STREAM, k % 2 ? PORT_FREE : PORT_CUT);
        assert_true(host_connects(spaces, n2, n1, family, PORT_CUT, SLOW_MS));
        assert_true(host_connects(spaces, n1, n2, family, PORT_CUT, SLOW_MS));
        assert_true(host_connects(spaces, n3, n1, family, PORT_CUT, SLOW_MS));
        inject("partition", json_pack("{s:[s]}", "ports", "7100"));
        assert_false(
            host_connects(spaces, n2, n1, family, PORT_CUT, QUICK_MS)); /* n1 serves the port */
        assert_false(
            host_connects(spaces, n1, n2, family, PORT_CUT, QUICK_MS)); /* n2 does: its answers */
        assert_true(host_connects(spaces, n2, n1, family, PORT_FREE, SLOW_MS));
        assert_true(host_connects(spaces, n1, n2, family, PORT_FREE, SLOW_MS));
        assert_true(host_connects(spaces, n3, n1, family, PORT_CUT, SLOW_MS));
        assert_true(is_observed());
        heal();
        assert_true(host_connects(spaces, n2, n1, family, PORT_CUT, SLOW_MS));
        for (int k = 0; k < 4; k++)
            close(listeners[k]);
    }
}

static void a_range_and_a_protocol_are_kept_to(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT);
    int in = bound(n1, AF_INET, SOCK_DGRAM, PORT_CUT), past = bound(n1, AF_INET, SOCK_DGRAM, 7111);
    int out = bound(n2, AF_INET, SOCK_DGRAM, 7001);
    inject("partition", json_pack("{s:[s], s:s}", "ports", "7090-7110", "protocol", "udp"));
    assert_false(datagram_arrives(n2, out, n1, in, AF_INET, PORT_CUT, 1));
    assert_true(datagram_arrives(n2, out, n1, past, AF_INET, 7111, 1));
    assert_true(host_connects(spaces, n2, n1, AF_INET, PORT_CUT, SLOW_MS));
    assert_true(is_observed());
    heal();
    inject("partition", json_pack("{s:s}", "protocol", "tcp"));
    assert_true(datagram_arrives(n2, out, n1, in, AF_INET, PORT_CUT, 1));
    assert_false(host_connects(spaces, n2, n1, AF_INET, PORT_CUT, QUICK_MS));
    assert_true(is_observed()); /* by attempts at port 22, which nobody serves: no refusal comes */
    heal();
    close(listener);
    close(in);
    close(past);
    close(out);
}

/* Eight bytes of padding, as RFC 8200 section 4.6 has them. */
static const unsigned char destination_options[8] = {0, 0, 1, 4, 0, 0, 0, 0};

static void pieces_and_extension_headers_do_not_hide_a_port(void **state)
{
    (void)state;
    namespaces_need(spaces);
    static const int families[] = {AF_INET, AF_INET6, AF_INET6};
    for (size_t i = 0; i < 3; i++) {
        int family = families[i];
        size_t bytes = i < 2 ? 4000 : 10; /* 4000: in three pieces */
        int in = bound(n1, family, SOCK_DGRAM, PORT_CUT);
        int other = bound(n1, family, SOCK_DGRAM, PORT_FREE);
        int out = bound(n2, family, SOCK_DGRAM, 7001);
        if (i == 2)
            assert_int_equal(0, setsockopt(out, IPPROTO_IPV6, IPV6_DSTOPTS, destination_options,
                                           sizeof destination_options));
        assert_true(datagram_arrives(n2, out, n1, in, family, PORT_CUT, bytes));
        inject("partition", json_pack("{s:[i]}", "ports", PORT_CUT));
        assert_false(datagram_arrives(n2, out, n1, in, family, PORT_CUT, bytes));
        assert_true(datagram_arrives(n2, out, n1, other, family, PORT_FREE, bytes));
        heal();
        assert_true(datagram_arrives(n2, out, n1, in, family, PORT_CUT, bytes));
        close(in);
        close(other);
        close(out);
    }
}

/* 0: what is sent at that time is to be cut, 1: it is not, -1: too near an edge, or before. */
static int side_of(int64_t sent_ns, int64_t start, int64_t period_ns)
{
    enum { EDGE_MS = 40 };
    int64_t phase = (sent_ns - start) % period_ns, half = period_ns / 2;
    if (sent_ns < start || phase % half < EDGE_MS * RIFT_MS ||
        phase % half > half - EDGE_MS * RIFT_MS)
        return -1;
    return phase >= half;
}

/* Datagrams with their number, one each ms; the share of those that arrived of those sent while
 * the cut should be on, and off. Where the machine lets too few be sent it takes until latest. */
static void watch_flap(int64_t start, int64_t period_ns, int64_t until, int64_t latest,
                       double share[2])
{
    enum { SEND_MS = 20, ENOUGH = 50, MOST = 20000 };
    static bool has_arrived[MOST];
    static int side[MOST];
    int count = 0, got[2] = {0, 0}, sent[2] = {0, 0};
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(n1, AF_INET, 7003, &size);
    int in = bound(n1, AF_INET, SOCK_DGRAM, 7003), out = bound(n2, AF_INET, SOCK_DGRAM, 7004);
    memset(has_arrived, 0, sizeof has_arrived);
    for (int64_t now = 0;
         count < MOST &&
         (now < until || (now < latest && (sent[0] <= ENOUGH || sent[1] <= ENOUGH)));
         count++) {
        int64_t sent_ns = rift_clock_now();
        sendto(out, &count, sizeof count, 0, (struct sockaddr *)&address, size);
        bool is_known = rift_clock_now() - sent_ns <= SEND_MS * RIFT_MS;
        side[count] = is_known ? side_of(sent_ns, start, period_ns) : -1;
        if (side[count] >= 0)
            sent[side[count]]++;
        rift_clock_sleep_until(sent_ns + RIFT_MS);
        for (int number; recv(in, &number, sizeof number, MSG_DONTWAIT) == sizeof number;)
            has_arrived[number] = true;
        now = rift_clock_now();
    }
    for (int i = 0; i < count; i++)
        if (side[i] >= 0)
            got[side[i]] += has_arrived[i];
    close(in);
    close(out);
    for (int i = 0; i < 2; i++) {
        assert_true(sent[i] > ENOUGH);
        share[i] = (double)got[i] / sent[i];
    }
}

static void a_flapping_cut_keeps_its_period_without_an_agent(void **state)
{
    (void)state;
    namespaces_need(spaces);
    double share[2];
    int64_t period = 400 * RIFT_MS, start = rift_clock_now() + 1000 * RIFT_MS;
    json_t *args = fault_args("partition", json_pack("{s:i}", "flap_ms", 400));
    json_object_set_new(args, "start_ns", json_integer(start));
    json_decref(agent_must(&n1->agent, "inject", args));
    agent_kill_both(&n1->agent);
    int64_t lease_end = rift_clock_now() + (LEASE_MS - 500) * RIFT_MS;
    watch_flap(start, period, rift_clock_now() + 3000 * RIFT_MS, lease_end, share);
    print_message("  arrived: %.3f while on, %.3f while off\n", share[0], share[1]);
    /* A busy machine carries a few packets over an edge. */
    assert_true(share[0] < 0.03 && share[1] > 0.97);
    rift_clock_sleep_until(lease_end + 600 * RIFT_MS);
    int64_t now = rift_clock_now();
    watch_flap(start, period, now + 800 * RIFT_MS, now + 20 * RIFT_SECOND, share);
    assert_true(share[0] > 0.97 && share[1] > 0.97);
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "cut", LEASE_MS)); /* and heals */
}

static void a_flapping_cut_that_comes_late_goes_with_the_others(void **state)
{
    (void)state;
    namespaces_need(spaces);
    double share[2];
    int64_t period = 400 * RIFT_MS, start = rift_clock_now() - 1100 * RIFT_MS;
    json_t *args = fault_args("partition", json_pack("{s:i}", "flap_ms", 400));
    json_object_set_new(args, "start_ns", json_integer(start));
    json_t *reply = agent_must(&n1->agent, "inject", args);
    int64_t planned = json_integer_value(json_object_get(reply, "planned_ns"));
    int64_t applied = json_integer_value(json_object_get(reply, "applied_ns"));
    assert_true(planned == start && applied > start + 1100 * RIFT_MS);
    json_decref(reply);
    int64_t now = rift_clock_now();
    watch_flap(start, period, now + 2000 * RIFT_MS, now + 4000 * RIFT_MS, share);
    print_message("  arrived: %.3f while on, %.3f while off\n", share[0], share[1]);
    assert_true(share[0] < 0.03 && share[1] > 0.97);
    heal();
}

/* Ten datagrams; how many arrive. */
static int few_arrive(void)
{
    int number, got = 0;
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(n1, AF_INET, 7003, &size);
    int in = bound(n1, AF_INET, SOCK_DGRAM, 7003), out = bound(n2, AF_INET, SOCK_DGRAM, 7004);
    for (int i = 0; i < 10; i++)
        sendto(out, &i, sizeof i, 0, (struct sockaddr *)&address, size);
    while (recv(in, &number, sizeof number, MSG_DONTWAIT) == sizeof number)
        got++;
    close(in);
    close(out);
    return got;
}

/* The longest: seen half a minute after each edge of a cut that is as old as two periods. */
static void a_period_may_be_an_hour(void **state)
{
    (void)state;
    namespaces_need(spaces);
    for (int half = 0; half <= 3; half++) {
        int64_t start = rift_clock_now() - (half * INT64_C(1800) + 30) * RIFT_SECOND;
        if (start <= 0) {
            print_message("  this machine is not up for %d minutes yet\n", half * 30);
            continue;
        }
        json_t *args = fault_args("partition", json_pack("{s:i}", "flap_ms", 3600000));
        json_object_set_new(args, "start_ns", json_integer(start));
        json_decref(agent_must(&n1->agent, "inject", args));
        assert_int_equal(half % 2 ? 10 : 0, few_arrive());
        heal();
    }
}

/* One connection from n2 to n1 with both ends. */
static void open_pair(int listener, int family, int pair[2])
{
    pair[0] = host_connect(spaces, n2, 0, n1, family, PORT_CUT, SLOW_MS);
    assert_true(pair[0] >= 0);
    pair[1] = accept(listener, NULL, NULL);
    assert_true(pair[1] >= 0);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

static void an_established_connection_goes_deaf_in_one_direction_and_a_new_one_works(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT), old[2], new[2];
    open_pair(listener, AF_INET, old);
    inject("partition", json_pack("{s:s}", "connections", "established"));
    assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
    assert_int_equal(1, send(old[1], "b", 1, MSG_NOSIGNAL));
    assert_int_equal(1, hears(old[0], SLOW_MS));  /* n1 is heard */
    assert_int_equal(0, hears(old[1], QUICK_MS)); /* and hears nothing */
    open_pair(listener, AF_INET, new);
    assert_int_equal(1, send(new[0], "c", 1, MSG_NOSIGNAL));
    assert_int_equal(1, hears(new[1], SLOW_MS));
    assert_true(is_observed());
    heal();
    assert_int_equal(1, hears(old[1], SLOW_MS));
    close_pair(old);
    close_pair(new);
    close(listener);
}

static void new_connections_are_cut_and_the_open_one_goes_on(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT), old[2];
    int other = bound(n2, AF_INET, SOCK_STREAM, PORT_CUT);
    open_pair(listener, AF_INET, old);
    inject("partition", json_pack("{s:s, s:[i]}", "connections", "new", "ports", PORT_CUT));
    assert_false(host_connects(spaces, n2, n1, AF_INET, PORT_CUT, QUICK_MS));
    assert_false(host_connects(spaces, n1, n2, AF_INET, PORT_CUT, QUICK_MS));
    assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
    assert_int_equal(1, hears(old[1], SLOW_MS));
    assert_true(is_observed());
    heal();
    assert_true(host_connects(spaces, n2, n1, AF_INET, PORT_CUT, SLOW_MS));
    close_pair(old);
    close(other);
    close(listener);
}

/* Both ends put whole checksums on the wire and check them, as between real cards. */
static void checksums_are_real(const struct test_host *host)
{
    static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM};
    for (size_t i = 0; i < 2; i++) {
        struct ethtool_value off = {.cmd = commands[i]};
        struct ifreq request = {.ifr_name = "eth0", .ifr_data = (char *)&off};
        int fd = host_socket(spaces, host, AF_INET, SOCK_DGRAM);
        assert_int_equal(0, ioctl(fd, SIOCETHTOOL, &request));
        close(fd);
    }
}

static void both_ends_of_a_connection_are_reset(void **state)
{
    (void)state;
    namespaces_need(spaces);
    static const int families[] = {AF_INET, AF_INET6};
    checksums_are_real(n1);
    checksums_are_real(n2);
    for (size_t i = 0; i < 2; i++) {
        int listener = bound(n1, families[i], SOCK_STREAM, PORT_CUT), old[2], other;
        other = host_connect(spaces, n3, 0, n1, families[i], PORT_CUT, SLOW_MS);
        int other_end = accept(listener, NULL, NULL);
        open_pair(listener, families[i], old);
        inject("reset", json_object());
        assert_int_equal(1, send(other, "a", 1, MSG_NOSIGNAL));
        assert_int_equal(1, hears(other_end, SLOW_MS));
        assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
        assert_int_equal(-1, hears(old[1], SLOW_MS));
        assert_int_equal(ECONNRESET, errno);
        assert_int_equal(-1, hears(old[0], SLOW_MS)); /* with TCP's first repetition */
        assert_int_equal(ECONNRESET, errno);
        assert_true(is_observed());
        heal();
        close_pair(old);
        open_pair(listener, families[i], old);
        assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
        assert_int_equal(1, hears(old[1], SLOW_MS));
        close_pair(old);
        close(other);
        close(other_end);
        close(listener);
    }
}

static int64_t hits(void)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "cut"));
    json_int_t count = 0;
    assert_int_equal(json_unpack(reply, "{s:{s:[{s:I}]}}", "details", "peers", "hit", &count), 0);
    json_decref(reply);
    return count;
}

/* Ends it by a RST. */
static void abort_end(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    close(fd);
}

/* The probe of a connection that is kept alive is hit, but its sequence number is not the one
 * expected next. */
static void hit_in_vain(int fd)
{
    int on = 1, off = 0;
    assert_int_equal(0, setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &on, sizeof on));
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    for (int64_t end = rift_clock_now() + SLOW_MS * RIFT_MS; hits() == 0;)
        assert_true(rift_clock_now() < end);
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof off));
}

/* n3, which the fault does not name, ends one of its own connections by a RST. */
static void reset_another(int listener)
{
    int out = host_connect(spaces, n3, 0, n1, AF_INET, PORT_CUT, SLOW_MS);
    int in = accept(listener, NULL, NULL);
    abort_end(out);
    assert_int_equal(-1, hears(in, SLOW_MS));
    assert_int_equal(ECONNRESET, errno);
    close(in);
}

static void what_others_reset_is_no_reset_of_the_fault_s(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT), old[2];
    open_pair(listener, AF_INET, old);
    inject("reset", json_object());
    reset_another(listener);
    assert_false(is_observed());
    hit_in_vain(old[0]);
    reset_another(listener);
    assert_false(is_observed());
    for (int i = 0; i < 2; i++) /* every second one is hit */
        assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
    assert_true(is_observed());
    heal();
    close_pair(old);
    close(listener);
}

/* One that this node gives up, with no segment hit; and one that both close, after one was. */
static void a_connection_that_ends_by_itself_was_not_reset(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT), old[2];
    open_pair(listener, AF_INET, old);
    inject("reset", json_object());
    abort_end(old[1]);
    assert_int_equal(-1, hears(old[0], SLOW_MS));
    assert_int_equal(0, hits());
    assert_false(is_observed());
    heal();
    close(old[0]);
    open_pair(listener, AF_INET, old);
    inject("reset", json_object());
    hit_in_vain(old[0]);
    close(old[1]);
    assert_int_equal(0, hears(old[0], SLOW_MS));
    close(old[0]);
    assert_true(hits() > 0);
    assert_false(is_observed());
    heal();
    close(listener);
}

static void only_connections_from_before_are_reset_where_that_is_asked_for(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int listener = bound(n1, AF_INET, SOCK_STREAM, PORT_CUT), old[2], new[2];
    open_pair(listener, AF_INET, old);
    inject("reset", json_pack("{s:s}", "connections", "established"));
    open_pair(listener, AF_INET, new);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(1, send(new[0], "a", 1, MSG_NOSIGNAL));
        assert_int_equal(1, hears(new[1], SLOW_MS));
    }
    assert_int_equal(1, send(old[0], "a", 1, MSG_NOSIGNAL));
    assert_int_equal(-1, hears(old[1], SLOW_MS));
    assert_int_equal(ECONNRESET, errno);
    heal();
    close_pair(old);
    close_pair(new);
    close(listener);
}

static void options_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    namespaces_need(spaces);
    const struct {
        json_t *options;
        const char *part;
    } bad[] = {
        {json_pack("{s:[s]}", "ports", "0"), "'ports': '0'"},
        {json_pack("{s:[s]}", "ports", "70000"), "'ports': '70000'"},
        {json_pack("{s:[s]}", "ports", "90-80"), "'ports': '90-80'"},
        {json_pack("{s:[s]}", "ports", "peer"), "'ports': 'peer'"},
        {json_pack("{s:s}", "protocol", "sctp"), "'protocol' cannot be 'sctp'"},
        {json_pack("{s:s, s:s}", "protocol", "udp", "connections", "new"), "is for TCP"},
        {json_pack("{s:i}", "flap_ms", -1), "'flap_ms'"},
        {json_pack("{s:i, s:i}", "flap_ms", 100, "flap_percent", 0), "nothing is left"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *reply = agent_ask(&n1->agent, "inject", fault_args("partition", bad[i].options));
        const char *text = "";
        assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
        if (!strstr(text, bad[i].part))
            fail_msg("'%s' does not say '%s'", text, bad[i].part);
        json_decref(reply);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agents_up, agents_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_the_named_port_is_cut_in_both_roles),
        CASE(a_range_and_a_protocol_are_kept_to),
        CASE(pieces_and_extension_headers_do_not_hide_a_port),
        CASE(a_flapping_cut_keeps_its_period_without_an_agent),
        CASE(a_flapping_cut_that_comes_late_goes_with_the_others),
        CASE(a_period_may_be_an_hour),
        CASE(an_established_connection_goes_deaf_in_one_direction_and_a_new_one_works),
        CASE(new_connections_are_cut_and_the_open_one_goes_on),
        CASE(both_ends_of_a_connection_are_reset),
        CASE(what_others_reset_is_no_reset_of_the_fault_s),
        CASE(a_connection_that_ends_by_itself_was_not_reset),
        CASE(only_connections_from_before_are_reset_where_that_is_asked_for),
        CASE(options_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, three_hosts_up, three_hosts_down);
}

/* cut-clients between three hosts: n1 serves, n2 is another node, n3 is the controller. Seen by
 * sockets of the test's own, made inside the hosts' network namespaces. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
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
#include "tests/lib/three_hosts.h"

enum {
    LEASE_MS = 15000,
    SHORT_MS = 2000,
    CLIENT = 7100,
    PEER = 7200,
    OURS = 7300,
    QUICK_MS = 250,
    SETTLE_MS = 300,
    SLOW_MS = 3000
};

static int listeners[2][3]; /* of n1: IPv4, IPv6; CLIENT, PEER, OURS */
static const int families[] = {AF_INET, AF_INET6};
static const uint16_t ports[] = {CLIENT, PEER, OURS};

static int listening(const struct test_host *host, int family, uint16_t port)
{
    int fd = host_socket(spaces, host, family, SOCK_STREAM);
    host_bind(fd, host, family, port);
    assert_int_equal(0, listen(fd, 8));
    return fd;
}

static bool hears(int fd, int wait_ms)
{
    char byte;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, wait_ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static int accepted(int listener, int wait_ms)
{
    struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
    return poll(&poll_fd, 1, wait_ms) == 1 ? accept(listener, NULL, NULL) : -1;
}

static int group_up(void **state)
{
    three_hosts_up(state);
    if (!spaces)
        return 0;
    for (int f = 0; f < 2; f++)
        for (int p = 0; p < 3; p++)
            listeners[f][p] = listening(n1, families[f], ports[p]);
    return 0;
}

static int agent_up(void **state)
{
    (void)state;
    return spaces && !host_agent_start_for(n1, "clients", LEASE_MS, n3, OURS) ? -1 : 0;
}

static int agent_down(void **state)
{
    (void)state;
    if (spaces)
        agent_forget(&n1->agent);
    return 0;
}

static json_t *cut_args(const char *port, const char *drop)
{
    return json_pack("{s:s, s:s, s:{s:[s], s:s}}", "id", "cut", "fault", "cut-clients", "options",
                     "ports", port, "drop", drop);
}

static void heal(void)
{
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "cut")));
}

static bool is_observed(void)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "cut"));
    bool observed = json_is_true(json_object_get(reply, "observed"));
    json_decref(reply);
    return observed;
}

static void only_the_controllers_clients_are_cut(const char *drop)
{
    for (int f = 0; f < 2; f++) {
        int family = families[f], back = listening(n3, family, CLIENT);
        assert_true(host_connects(spaces, n3, n1, family, CLIENT, SLOW_MS));
        assert_true(host_connects(spaces, n2, n1, family, CLIENT, SLOW_MS));
        /* The last acknowledgement of a closed connection may be delayed, and is an answer, too. */
        rift_clock_sleep_until(rift_clock_now() + SETTLE_MS * RIFT_MS);
        json_decref(agent_must(&n1->agent, "inject", cut_args("7100", drop)));
        assert_false(is_observed()); /* nobody has tried yet */
        assert_false(host_connects(spaces, n3, n1, family, CLIENT, QUICK_MS));
        assert_true(is_observed());
        assert_true(host_connects(spaces, n2, n1, family, CLIENT, SLOW_MS));
        assert_true(host_connects(spaces, n3, n1, family, PEER, SLOW_MS));
        assert_true(host_connects(spaces, n3, n1, family, OURS, SLOW_MS));
        /* The same port at the controller's end is not the system's. */
        assert_true(host_connects(spaces, n1, n3, family, CLIENT, SLOW_MS));
        int ours = host_connect(spaces, n3, CLIENT, n1, family, OURS, QUICK_MS);
        assert_true(ours >= 0);
        close(ours);
        heal();
        assert_true(host_connects(spaces, n3, n1, family, CLIENT, SLOW_MS));
        close(back);
    }
}

static void requests_of_the_controllers_clients_alone_are_lost(void **state)
{
    (void)state;
    namespaces_need(spaces);
    only_the_controllers_clients_are_cut("requests");
}

static void answers_to_the_controllers_clients_alone_are_lost(void **state)
{
    (void)state;
    namespaces_need(spaces);
    only_the_controllers_clients_are_cut("answers");
}

/* Which of the two directions of an open connection is lost? */
static void on_an_open_connection(const char *drop, bool is_asked, bool is_answered)
{
    int ends[2];
    while ((ends[1] = accepted(listeners[0][0], 0)) >= 0)
        close(ends[1]); /* of attempts before */
    ends[0] = host_connect(spaces, n3, 0, n1, AF_INET, CLIENT, SLOW_MS);
    ends[1] = accepted(listeners[0][0], SLOW_MS);
    assert_true(ends[0] >= 0 && ends[1] >= 0);
    json_decref(agent_must(&n1->agent, "inject", cut_args("7100", drop)));
    assert_int_equal(1, send(ends[0], "q", 1, MSG_NOSIGNAL));
    assert_int_equal(is_asked, hears(ends[1], is_asked ? SLOW_MS : QUICK_MS));
    assert_int_equal(1, send(ends[1], "a", 1, MSG_NOSIGNAL));
    assert_int_equal(is_answered, hears(ends[0], is_answered ? SLOW_MS : QUICK_MS));
    heal();
    if (!is_asked)
        assert_true(hears(ends[1], SLOW_MS));
    if (!is_answered)
        assert_true(hears(ends[0], SLOW_MS));
    close(ends[0]);
    close(ends[1]);
}

static void one_direction_of_an_open_connection_is_lost_and_made_up_for(void **state)
{
    (void)state;
    namespaces_need(spaces);
    on_an_open_connection("requests", false, true);
    on_an_open_connection("answers", true, false);
}

static void it_ends_with_the_lease_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", SHORT_MS)));
    json_decref(agent_must(&n1->agent, "inject", cut_args("7100", "answers")));
    assert_false(host_connects(spaces, n3, n1, AF_INET, CLIENT, QUICK_MS));
    agent_kill_both(&n1->agent);
    assert_false(host_connects(spaces, n3, n1, AF_INET, CLIENT, QUICK_MS));
    rift_clock_sleep_until(rift_clock_now() + (SHORT_MS + 200) * RIFT_MS);
    assert_true(host_connects(spaces, n3, n1, AF_INET, CLIENT, SLOW_MS));
    agent_forget(&n1->agent);
    assert_true(host_agent_start_for(n1, "clients", LEASE_MS, n3, OURS)); /* and heals */
}

static void our_own_connection_is_never_cut(void **state)
{
    (void)state;
    namespaces_need(spaces);
    const struct {
        const char *port, *drop, *part;
    } bad[] = {{"7300", "requests", "7300 is the port of our own connection"},
               {"7000-7400", "answers", "7300 is the port of our own connection"},
               {"7100", "both", "'drop' must be"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *reply = agent_ask(&n1->agent, "inject", cut_args(bad[i].port, bad[i].drop));
        const char *text = "";
        assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
        if (!strstr(text, bad[i].part))
            fail_msg("'%s' does not say '%s'", text, bad[i].part);
        json_decref(reply);
    }
    json_t *reply =
        agent_ask(&n1->agent, "inject",
                  json_pack("{s:s, s:s, s:{}}", "id", "cut", "fault", "cut-clients", "options"));
    assert_non_null(json_object_get(reply, "error")); /* without a port, all would be cut */
    json_decref(reply);
    assert_true(host_connects(spaces, n3, n1, AF_INET, OURS, SLOW_MS));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agent_up, agent_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(requests_of_the_controllers_clients_alone_are_lost),
        CASE(answers_to_the_controllers_clients_alone_are_lost),
        CASE(one_direction_of_an_open_connection_is_lost_and_made_up_for),
        CASE(it_ends_with_the_lease_when_agent_and_guardian_are_killed),
        CASE(our_own_connection_is_never_cut),
    };
    return cmocka_run_group_tests(tests, group_up, three_hosts_down);
}

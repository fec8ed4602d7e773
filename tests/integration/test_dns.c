/* dns between two hosts: n2 is the name server of n1. Seen by sockets of the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

enum { LEASE_MS = 4000, DNS = 53, OTHER = 5300, QUICK_MS = 250, SLOW_MS = 3000, ECHOES = 6 };

static int echoes[ECHOES]; /* datagrams: port 53 and another of n2, port 53 of n1; IPv4, IPv6 */
static atomic_int own_echo = -1; /* port 53 of n1's 127.0.0.53, in one test */
static int listener;
static pthread_t echo_thread;
static atomic_bool is_over;

static int bound(const struct test_host *host, int family, int type, uint16_t port)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(host, family, port, &size);
    int fd = host_socket(spaces, host, family, type);
    for (int i = 0; i < 50 && bind(fd, (struct sockaddr *)&address, size) != 0; i++)
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS); /* IPv6 looks for duplicates */
    return fd;
}

static void *echo(void *context)
{
    (void)context;
    while (!atomic_load(&is_over)) {
        struct pollfd fds[ECHOES + 1];
        for (int i = 0; i < ECHOES; i++)
            fds[i] = (struct pollfd){.fd = echoes[i], .events = POLLIN};
        fds[ECHOES] = (struct pollfd){.fd = atomic_load(&own_echo), .events = POLLIN};
        if (poll(fds, ECHOES + 1, 50) <= 0)
            continue;
        for (int i = 0; i <= ECHOES; i++) {
            char bytes[512];
            struct sockaddr_storage from;
            socklen_t size = sizeof from;
            ssize_t n = recvfrom(fds[i].fd, bytes, sizeof bytes, MSG_DONTWAIT,
                                 (struct sockaddr *)&from, &size);
            if (n > 0)
                sendto(fds[i].fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, size);
        }
    }
    return NULL;
}

static int group_up(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    three_hosts_up(state);
    if (!spaces)
        return 0;
    for (int f = 0; f < 2; f++) {
        echoes[3 * f] = bound(n2, families[f], SOCK_DGRAM, DNS);
        echoes[3 * f + 1] = bound(n2, families[f], SOCK_DGRAM, OTHER);
        echoes[3 * f + 2] = bound(n1, families[f], SOCK_DGRAM, DNS);
    }
    listener = bound(n2, AF_INET, SOCK_STREAM, DNS);
    listen(listener, 8);
    return pthread_create(&echo_thread, NULL, echo, NULL);
}

static int group_down(void **state)
{
    (void)state;
    if (!spaces)
        return 0;
    atomic_store(&is_over, true);
    pthread_join(echo_thread, NULL);
    namespaces_down(spaces);
    return 0;
}

static int agent_up(void **state)
{
    (void)state;
    return spaces && !host_agent_start(n1, "dns", LEASE_MS) ? -1 : 0;
}

static int agent_down(void **state)
{
    (void)state;
    if (spaces)
        agent_forget(&n1->agent);
    return 0;
}

static bool answers(const struct test_host *from, const struct test_host *to, int family,
                    uint16_t port, int wait_ms)
{
    socklen_t size;
    struct sockaddr_storage address = host_sockaddr(to, family, port, &size);
    CLEANUP(rift_close_fd) int fd = host_socket(spaces, from, family, SOCK_DGRAM);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    sendto(fd, "q", 1, 0, (struct sockaddr *)&address, size);
    return poll(&poll_fd, 1, wait_ms) == 1;
}

static bool connects(int wait_ms)
{
    socklen_t size, length = sizeof(int);
    struct sockaddr_storage address = host_sockaddr(n2, AF_INET, DNS, &size);
    CLEANUP(rift_close_fd) int fd = host_socket(spaces, n1, AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    connect(fd, (struct sockaddr *)&address, size);
    return poll(&poll_fd, 1, wait_ms) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

static void inject(void)
{
    json_decref(agent_must(&n1->agent, "inject",
                           json_pack("{s:s, s:s, s:{s:[s, s]}}", "id", "d", "fault", "dns",
                                     "options", "servers", n2->address, n2->address6)));
}

static bool is_observed(void)
{
    json_t *reply = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "d"));
    bool observed = json_is_true(json_object_get(reply, "observed"));
    print_message("  %d: %s\n", observed, json_string_value(json_object_get(reply, "how")));
    json_decref(reply);
    return observed;
}

static void name_servers_do_not_answer_and_all_else_does(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_true(answers(n1, n2, AF_INET, DNS, SLOW_MS));
    assert_true(answers(n1, n2, AF_INET6, DNS, SLOW_MS));
    assert_true(connects(SLOW_MS));
    inject();
    assert_false(answers(n1, n2, AF_INET, DNS, QUICK_MS));
    assert_false(answers(n1, n2, AF_INET6, DNS, QUICK_MS));
    assert_false(connects(QUICK_MS));
    assert_true(answers(n1, n2, AF_INET, OTHER, QUICK_MS));
    assert_true(answers(n1, n2, AF_INET6, OTHER, QUICK_MS));
    assert_true(answers(n2, n1, AF_INET, DNS, QUICK_MS)); /* n1 is one for others */
    assert_true(is_observed());
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "d")));
    assert_true(answers(n1, n2, AF_INET, DNS, QUICK_MS));
    assert_true(answers(n1, n2, AF_INET6, DNS, QUICK_MS));
    assert_true(connects(SLOW_MS));
}

static void it_ends_with_the_lease_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    namespaces_need(spaces);
    inject();
    agent_kill_both(&n1->agent);
    assert_false(answers(n1, n2, AF_INET, DNS, QUICK_MS));
    rift_clock_sleep_until(rift_clock_now() + (LEASE_MS + 200) * RIFT_MS);
    assert_true(answers(n1, n2, AF_INET, DNS, QUICK_MS));
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "dns", LEASE_MS)); /* and heals */
}

static void a_server_that_is_silent_anyway_shows_nothing(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_decref(agent_must(&n1->agent, "inject",
                           json_pack("{s:s, s:s, s:{s:[s]}}", "id", "d", "fault", "dns", "options",
                                     "servers", "10.99.0.77")));
    assert_false(is_observed());
}

/* As systemd-resolved has it: the answer comes by the loopback interface. */
static void a_resolver_on_the_node_itself_does_not_answer(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int own = host_socket(spaces, n1, AF_INET, SOCK_DGRAM);
    CLEANUP(rift_close_fd) int asker = host_socket(spaces, n1, AF_INET, SOCK_DGRAM);
    struct sockaddr_in resolver = {.sin_family = AF_INET, .sin_port = htons(DNS)};
    inet_pton(AF_INET, "127.0.0.53", &resolver.sin_addr);
    assert_int_equal(0, bind(own, (struct sockaddr *)&resolver, sizeof resolver));
    atomic_store(&own_echo, own);
    struct pollfd answer = {.fd = asker, .events = POLLIN};
    char byte;
    sendto(asker, "q", 1, 0, (struct sockaddr *)&resolver, sizeof resolver);
    assert_int_equal(1, poll(&answer, 1, SLOW_MS));
    assert_int_equal(1, recv(asker, &byte, 1, 0));
    json_decref(agent_must(&n1->agent, "inject",
                           json_pack("{s:s, s:s, s:{s:[s]}}", "id", "d", "fault", "dns", "options",
                                     "servers", "127.0.0.53")));
    sendto(asker, "q", 1, 0, (struct sockaddr *)&resolver, sizeof resolver);
    assert_int_equal(0, poll(&answer, 1, QUICK_MS));
    assert_true(is_observed());
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "d")));
    sendto(asker, "q", 1, 0, (struct sockaddr *)&resolver, sizeof resolver);
    assert_int_equal(1, poll(&answer, 1, SLOW_MS));
    atomic_store(&own_echo, -1);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    namespaces_need(spaces);
    json_t *reply = agent_ask(&n1->agent, "inject",
                              json_pack("{s:s, s:s, s:{s:[s]}}", "id", "d", "fault", "dns",
                                        "options", "servers", "dns.example"));
    const char *text = "";
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_non_null(strstr(text, "'dns.example' is no numeric address"));
    json_decref(reply);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agent_up, agent_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(name_servers_do_not_answer_and_all_else_does),
        CASE(it_ends_with_the_lease_when_agent_and_guardian_are_killed),
        CASE(a_server_that_is_silent_anyway_shows_nothing),
        CASE(a_resolver_on_the_node_itself_does_not_answer),
        CASE(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}

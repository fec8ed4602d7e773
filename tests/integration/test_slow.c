/* Rate and delay as a peer measures them. */
#include <arpa/inet.h>
#include <fcntl.h>
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
#include "tests/lib/namespaces.h"

static struct namespaces *spaces;
static struct test_host *n1, *n2, *n3;

static int group_up(void **state)
{
    (void)state;
    spaces = namespaces_up(3);
    if (!spaces)
        return 0;
    n1 = &spaces->hosts[0];
    n2 = &spaces->hosts[1];
    n3 = &spaces->hosts[2];
    return host_agent_start(n1, "slow", 60000) ? 0 : -1;
}

static int group_down(void **state)
{
    (void)state;
    namespaces_down(spaces);
    return 0;
}

#define NEED_NAMESPACES()                                                                          \
    do {                                                                                           \
        if (!spaces)                                                                               \
            skip();                                                                                \
    } while (0)

static json_t *slow_args(const char *id, const struct test_host *to, json_t *options)
{
    return json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s, s]}]}", "id", id, "fault", "slow", "options",
                     options, "peers", "name", to->name, "addresses", to->address, to->address6);
}

/* Mbit/s that arrive at `to` from n1 by TCP within about a second and a half. */
static double measured_mbit(const struct test_host *to)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7400)};
    inet_pton(AF_INET, to->address, &address.sin_addr);
    int listener = host_socket(spaces, to, AF_INET, SOCK_STREAM);
    int out = host_socket(spaces, n1, AF_INET, SOCK_STREAM);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(listener, 1));
    assert_int_equal(0, connect(out, (struct sockaddr *)&address, sizeof address));
    int in = accept(listener, NULL, NULL);
    fcntl(out, F_SETFL, O_NONBLOCK);
    static char bytes[65536];
    long received = 0;
    /* The first moments are the burst; they do not count. */
    int64_t begin = rift_clock_now() + 300 * RIFT_MS, end = begin + 1200 * RIFT_MS, now;
    while ((now = rift_clock_now()) < end) {
        struct pollfd fds[2] = {{.fd = in, .events = POLLIN}, {.fd = out, .events = POLLOUT}};
        poll(fds, 2, 10);
        if (fds[1].revents)
            send(out, bytes, sizeof bytes, MSG_NOSIGNAL);
        ssize_t n = fds[0].revents ? recv(in, bytes, sizeof bytes, MSG_DONTWAIT) : 0;
        if (n > 0 && now >= begin)
            received += n;
    }
    close(in);
    close(out);
    close(listener);
    return (double)received * 8 / 1e6 / 1.2;
}

static void the_rate_holds_for_the_named_peer_alone(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    double free_mbit = measured_mbit(n2);
    json_decref(agent_must(&n1->agent, "inject",
                           slow_args("r", n2, json_pack("{s:f}", "rate_kbit", 10000.0))));
    double slow_mbit = measured_mbit(n2), other_mbit = measured_mbit(n3);
    json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "r"));
    assert_true(json_is_true(json_object_get(ok, "observed")));
    json_decref(ok);
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "r")));
    double healed_mbit = measured_mbit(n2);
    print_message("asked 10 Mbit/s: %.1f; another peer %.0f, before %.0f, after %.0f\n", slow_mbit,
                  other_mbit, free_mbit, healed_mbit);
    assert_true(slow_mbit > 7 && slow_mbit < 11.5);
    assert_true(other_mbit > 5 * slow_mbit);
    assert_true(healed_mbit > 5 * slow_mbit);
}

static void the_rate_ends_with_the_lease_in_the_kernel(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 2500)));
    int64_t lease_end = rift_clock_now() + 2500 * RIFT_MS;
    json_decref(agent_must(&n1->agent, "inject",
                           slow_args("r", n2, json_pack("{s:f}", "rate_kbit", 5000.0))));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    double during = measured_mbit(n2);
    rift_clock_sleep_until(lease_end + 50 * RIFT_MS);
    double after = measured_mbit(n2);
    assert_true(during < 6);
    assert_true(after > 5 * during);
    char *output;
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_non_null(strstr(output, "qdisc: the root of eth0"));
    free(output);
    assert_true(host_agent_start(n1, "slow", 60000));
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "htb"));
    free(output);
}

static void a_users_root_qdisc_is_not_replaced(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    char *before, *after;
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "add", "dev", "eth0", "root", "handle",
                                 "5:", "tbf", "rate", "900mbit", "burst", "64k", "latency", "1s"));
    HOST_RUN(n1, &before, "tc", "qdisc", "show", "dev", "eth0");
    json_t *reply =
        agent_ask(&n1->agent, "inject", slow_args("r", n2, json_pack("{s:i}", "rate_kbit", 10000)));
    const char *code = NULL, *text = NULL;
    assert_int_equal(0,
                     json_unpack(reply, "{s:{s:s, s:s}}", "error", "code", &code, "text", &text));
    assert_string_equal("conflict", code);
    assert_non_null(strstr(text, "tbf"));
    json_decref(reply);
    HOST_RUN(n1, &after, "tc", "qdisc", "show", "dev", "eth0");
    assert_string_equal(before, after);
    free(before);
    free(after);
    HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "root");
}

/* Median time of a datagram there and back, in ms. */
static double round_trip_ms(void)
{
    struct sockaddr_in at_n1 = {.sin_family = AF_INET, .sin_port = htons(7402)}, at_n2 = at_n1;
    inet_pton(AF_INET, n1->address, &at_n1.sin_addr);
    inet_pton(AF_INET, n2->address, &at_n2.sin_addr);
    int a = host_socket(spaces, n1, AF_INET, SOCK_DGRAM),
        b = host_socket(spaces, n2, AF_INET, SOCK_DGRAM);
    assert_int_equal(0, bind(a, (struct sockaddr *)&at_n1, sizeof at_n1));
    assert_int_equal(0, bind(b, (struct sockaddr *)&at_n2, sizeof at_n2));
    double sum = 0;
    for (int i = 0; i < 20; i++) {
        char byte;
        int64_t begin = rift_clock_now();
        sendto(a, "x", 1, 0, (struct sockaddr *)&at_n2, sizeof at_n2);
        assert_int_equal(1, recv(b, &byte, 1, 0));
        sendto(b, "x", 1, 0, (struct sockaddr *)&at_n1, sizeof at_n1);
        assert_int_equal(1, recv(a, &byte, 1, 0));
        sum += (double)(rift_clock_now() - begin) / 1e6;
    }
    close(a);
    close(b);
    return sum / 20;
}

static void a_delay_is_what_was_asked_where_the_kernel_has_netem(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    json_t *options = json_pack("{s:i}", "delay_ms", 50);
    json_t *probe = agent_must(&n1->agent, "probe_fault", slow_args("r", n2, json_incref(options)));
    bool can = json_is_true(json_object_get(probe, "can"));
    const char *why = json_string_value(json_object_get(probe, "why"));
    if (!can) {
        print_message("%s\n", why);
        assert_non_null(strstr(why, "no netem"));
        json_decref(probe);
        json_decref(options);
        char *output;
        assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
        assert_null(strstr(output, "htb"));
        free(output);
        skip();
    }
    json_decref(probe);
    double before = round_trip_ms();
    json_decref(agent_must(&n1->agent, "inject", slow_args("d", n2, options)));
    double during = round_trip_ms();
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "d")));
    print_message("round trip %.2f ms, with 50 ms %.2f ms\n", before, during);
    assert_true(during - before > 45 && during - before < 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_holds_for_the_named_peer_alone),
        cmocka_unit_test(the_rate_ends_with_the_lease_in_the_kernel),
        cmocka_unit_test(a_users_root_qdisc_is_not_replaced),
        cmocka_unit_test(a_delay_is_what_was_asked_where_the_kernel_has_netem),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}

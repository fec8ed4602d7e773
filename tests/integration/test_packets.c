/* Loss, doubling and damage as a receiver counts them. The bounds are five standard deviations of a
 * binomial count: a right program fails one in a million runs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
#include "tests/lib/namespaces.h"

enum { COUNT = 10000 };

static struct namespaces *spaces;
static struct test_host *n1, *n2;

static int group_up(void **state)
{
    (void)state;
    spaces = namespaces_up(2);
    if (!spaces)
        return 0;
    n1 = &spaces->hosts[0];
    n2 = &spaces->hosts[1];
    return host_agent_start(n1, "packets", 60000) && host_agent_start(n2, "packets", 60000) ? 0
                                                                                            : -1;
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

static void inject(struct test_host *host, const struct test_host *from, const char *id,
                   json_t *options)
{
    json_decref(agent_must(&host->agent, "inject",
                           json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s, s]}]}", "id", id, "fault",
                                     "packets", "options", options, "peers", "name", from->name,
                                     "addresses", from->address, from->address6)));
}

static void heal(struct test_host *host, const char *id)
{
    json_decref(agent_must(&host->agent, "heal", json_pack("{s:s}", "id", id)));
}

struct tally {
    int missing, doubled;
};

static unsigned char seen[COUNT];

static void drain(int in)
{
    int number;
    while (recv(in, &number, sizeof number, MSG_DONTWAIT) == sizeof number)
        if (number >= 0 && number < COUNT && seen[number] < 255)
            seen[number]++;
}

static struct tally stream(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7300)};
    inet_pton(AF_INET, n1->address, &to.sin_addr);
    int in = host_socket(spaces, n1, AF_INET, SOCK_DGRAM);
    int out = host_socket(spaces, n2, AF_INET, SOCK_DGRAM);
    int size = 16 << 20;
    setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    assert_int_equal(0, bind(in, (struct sockaddr *)&to, sizeof to));
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < COUNT; i++) {
        int payload[20] = {i};
        assert_true(sendto(out, payload, sizeof payload, 0, (struct sockaddr *)&to, sizeof to) > 0);
        if (i % 64 == 0)
            drain(in);
    }
    rift_clock_sleep_until(rift_clock_now() + 50 * RIFT_MS);
    drain(in);
    struct tally tally = {0};
    for (int i = 0; i < COUNT; i++) {
        tally.missing += seen[i] == 0;
        tally.doubled += seen[i] == 2;
        assert_true(seen[i] <= 2);
    }
    close(in);
    close(out);
    return tally;
}

static void assert_near(int count, double percent)
{
    double p = percent / 100, mean = COUNT * p, bound = 5 * sqrt(COUNT * p * (1 - p));
    print_message("%.1f %% asked, %.2f %% measured\n", percent, 100.0 * count / COUNT);
    assert_true(fabs(count - mean) <= bound);
}

static void asked_chances_are_what_a_receiver_counts(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    struct tally before = stream();
    assert_int_equal(0, before.missing + before.doubled);
    const double loss[] = {1, 5, 30, 100};
    for (size_t i = 0; i < 4; i++) {
        inject(n1, n2, "loss", json_pack("{s:f}", "loss_percent", loss[i]));
        struct tally tally = stream();
        heal(n1, "loss");
        assert_near(tally.missing, loss[i]);
        assert_int_equal(0, tally.doubled);
    }
    inject(n1, n2, "double", json_pack("{s:f}", "duplicate_percent", 10.0));
    struct tally tally = stream();
    heal(n1, "double");
    assert_near(tally.doubled, 10);
    assert_int_equal(0, tally.missing);
    inject(n1, n2, "damage", json_pack("{s:f}", "damage_percent", 10.0));
    tally = stream();
    heal(n1, "damage");
    assert_near(tally.missing, 10);
    struct tally after = stream();
    assert_int_equal(0, after.missing + after.doubled);
}

static char *link_settings(struct test_host *host)
{
    char *links = NULL, *qdiscs = NULL;
    HOST_RUN(host, &links, "ip", "-d", "link", "show", "dev", "eth0");
    HOST_RUN(host, &qdiscs, "tc", "qdisc", "show", "dev", "eth0");
    char *both = rift_printf("%s%s", links, qdiscs);
    free(links);
    free(qdiscs);
    return both;
}

static void settings_of_the_card_come_back_with_the_last_of_overlapping_faults(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    CLEANUP(rift_free) char *before = link_settings(n1);
    assert_null(strstr(before, "gso_max_segs 1 "));
    inject(n1, n2, "a", json_pack("{s:f}", "loss_percent", 1.0));
    inject(n1, n2, "b", json_pack("{s:f}", "loss_percent", 2.0));
    heal(n1, "a");
    CLEANUP(rift_free) char *during = link_settings(n1);
    assert_non_null(strstr(during, "gso_max_segs 1 "));
    heal(n1, "b");
    CLEANUP(rift_free) char *after = link_settings(n1);
    assert_string_equal(before, after);
}

/* A connection that was open before the fault: its segments go one by one, the bytes arrive whole.
 */
static void an_open_connection_is_hit_packet_by_packet_and_loses_no_byte(void **state)
{
    (void)state;
    NEED_NAMESPACES();
    enum { BYTES = 2000000 };
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7301)};
    inet_pton(AF_INET, n1->address, &to.sin_addr);
    int listener = host_socket(spaces, n1, AF_INET, SOCK_STREAM);
    int out = host_socket(spaces, n2, AF_INET, SOCK_STREAM);
    assert_int_equal(0, bind(listener, (struct sockaddr *)&to, sizeof to));
    assert_int_equal(0, listen(listener, 1));
    assert_int_equal(0, connect(out, (struct sockaddr *)&to, sizeof to));
    int in = accept(listener, NULL, NULL);
    assert_int_equal(1, send(out, "", 1, 0));
    inject(n1, n2, "x", json_pack("{s:f, s:f}", "loss_percent", 1.0, "damage_percent", 1.0));
    inject(n2, n1, "y", json_pack("{s:f}", "loss_percent", 1.0));
    fcntl(out, F_SETFL, O_NONBLOCK);
    long sent = 1, received = 0;
    int64_t deadline = rift_clock_now() + 30 * RIFT_SECOND;
    while (received < BYTES && rift_clock_now() < deadline) {
        unsigned char bytes[4096], got[4096];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)((sent + (long)i) % 251);
        bytes[0] = (unsigned char)(sent % 251);
        ssize_t n = sent < BYTES ? send(out, bytes, sizeof bytes, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? n : 0;
        struct pollfd poll_fd = {.fd = in, .events = POLLIN};
        poll(&poll_fd, 1, n > 0 ? 0 : 10);
        n = recv(in, got, sizeof got, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++, received++)
            if (got[i] != (received == 0 ? 0 : received % 251))
                fail_msg("byte %ld is wrong", received);
    }
    assert_true(received >= BYTES);
    json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "x"));
    long packets = 0;
    sscanf(json_string_value(json_object_get(ok, "how")), "of %ld packets", &packets);
    print_message("%s\n", json_string_value(json_object_get(ok, "how")));
    assert_true(packets >= BYTES / 1500);
    assert_true(json_is_true(json_object_get(ok, "observed")));
    json_decref(ok);
    heal(n1, "x");
    heal(n2, "y");
    close(in);
    close(out);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_chances_are_what_a_receiver_counts),
        cmocka_unit_test(settings_of_the_card_come_back_with_the_last_of_overlapping_faults),
        cmocka_unit_test(an_open_connection_is_hit_packet_by_packet_and_loses_no_byte),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}

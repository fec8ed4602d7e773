/* A user's own rules on a node: every fault on links leaves them at work while it is on, and byte
 * for byte as they were when it is over. They are made and listed with tc and nft. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "nemesis/faults/network/bpf.h"
#include "tests/lib/three_hosts.h"

enum { LEASE_MS = 60000, WAIT_MS = 150, BYTES = 333, HEADERS = 14 + 20 + 8 };
/* Which of the user's three rules drops a datagram from n3: by its port, or by its length. */
enum { PORT_FREE = 7300, PORT_INGRESS = 7301, PORT_INPUT = 7302 };

static char pins[] = "/tmp/rift-coexist-XXXXXX";

#define MUST(...) assert_int_equal(0, HOST_RUN(n1, NULL, __VA_ARGS__))

/* A program that drops packets of one length, pinned for tc. */
static void pin_program(const char *path)
{
    struct rift_error err;
    struct rift_bpf_program program = {0};
    enum { LABEL_OTHER };
    rift_bpf_load(&program, BPF_W, BPF_REG_1, BPF_REG_1, offsetof(struct __sk_buff, len));
    rift_bpf_move_value(&program, BPF_REG_0, TC_ACT_UNSPEC);
    rift_bpf_jump_if_value(&program, BPF_JNE, BPF_REG_1, BYTES + HEADERS, LABEL_OTHER);
    rift_bpf_move_value(&program, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_label(&program, LABEL_OTHER);
    rift_bpf_exit(&program);
    int fd = rift_bpf_program_load(&program, "users_own", &err);
    union bpf_attr attr = {.pathname = (uintptr_t)path, .bpf_fd = (__u32)fd};
    assert_true(fd >= 0);
    assert_int_equal(0, syscall(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof attr));
    close(fd);
}

static void make_rules(void)
{
    assert_non_null(mkdtemp(pins));
    CLEANUP(rift_free) char *path = rift_printf("%s/users_own", pins);
    assert_int_equal(0, mount("bpf", pins, "bpf", 0, NULL));
    pin_program(path);
    MUST("nft",
         "table netdev mine { chain in { type filter hook ingress device eth0 priority 0; ip "
         "saddr 10.99.0.3 udp dport 7301 drop; }; }");
    MUST("nft", "table inet mine { set names { type inet_service; elements = { 7302 }; }; "
                "chain in { type filter hook input priority 0; ip saddr 10.99.0.3 udp dport @names "
                "drop; }; }");
    MUST("tc", "qdisc", "add", "dev", "eth0", "clsact");
    MUST("tc", "filter", "add", "dev", "eth0", "ingress", "prio", "9", "protocol", "all", "bpf",
         "da", "object-pinned", path);
    MUST("tc", "filter", "add", "dev", "eth0", "egress", "prio", "7", "protocol", "ip", "u32",
         "match", "ip", "dst", "10.99.0.9/32", "flowid", "5:1");
    MUST("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "5:", "tbf", "rate", "900mbit",
         "burst", "64k", "latency", "1s");
}

static int up(void **state)
{
    three_hosts_up(state);
    if (!spaces)
        return 0;
    make_rules();
    return host_agent_start(n1, "coexist", LEASE_MS) ? 0 : -1;
}

static int down(void **state)
{
    if (spaces) {
        agent_forget(&n1->agent);
        umount2(pins, MNT_DETACH);
        rmdir(pins);
    }
    return three_hosts_down(state);
}

static char *list_rules(void)
{
    static const char *const commands[][8] = {
        {"nft", "list", "ruleset"},
        {"tc", "qdisc", "show", "dev", "eth0"},
        {"tc", "class", "show", "dev", "eth0"},
        {"tc", "filter", "show", "dev", "eth0", "ingress"},
        {"tc", "filter", "show", "dev", "eth0", "egress"},
        {"ip", "-d", "link", "show", "dev", "eth0"},
    };
    char *all = rift_strdup("");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        CLEANUP(rift_free) char *part = NULL, *before = all;
        assert_int_equal(0, host_run(n1, &part, commands[i]));
        all = rift_printf("%s-- %s\n%s", before, commands[i][0], part);
    }
    return all;
}

/* What is to arrive may take its time on a busy machine. */
static bool arrives(const struct test_host *from, uint16_t port, size_t bytes, bool is_to)
{
    static char data[BYTES];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int in = host_socket(spaces, n1, AF_INET, SOCK_DGRAM);
    int out = host_socket(spaces, from, AF_INET, SOCK_DGRAM);
    struct pollfd poll_fd = {.fd = in, .events = POLLIN};
    inet_pton(AF_INET, n1->address, &to.sin_addr);
    assert_int_equal(0, bind(in, (struct sockaddr *)&to, sizeof to));
    sendto(out, data, bytes, 0, (struct sockaddr *)&to, sizeof to);
    bool arrived = poll(&poll_fd, 1, is_to ? 20 * WAIT_MS : WAIT_MS) == 1;
    close(in);
    close(out);
    return arrived;
}

/* All three drop what they should, and only that. */
static void assert_rules_work(void)
{
    assert_true(arrives(n3, PORT_FREE, 1, true));
    assert_false(arrives(n3, PORT_INGRESS, 1, false));
    assert_false(arrives(n3, PORT_INPUT, 1, false));
    assert_false(arrives(n3, PORT_FREE, BYTES, false));
}

/* Fails with the first line that is not the same; cmocka's own words are cut short before it. */
static void assert_same(const char *fault, const char *before, const char *after)
{
    size_t i = 0, line = 0;
    for (; before[i] && before[i] == after[i]; i++)
        line = before[i] == '\n' ? i + 1 : line;
    if (before[i] || after[i])
        fail_msg("%s: '%.*s' became '%.*s'", fault, (int)strcspn(before + line, "\n"),
                 before + line, (int)strcspn(after + line, "\n"), after + line);
}

static void check(const char *fault, const char *options_text, bool is_deaf)
{
    json_t *options = json_loads(options_text, 0, NULL);
    assert_non_null(options);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
    CLEANUP(rift_free) char *before = list_rules();
    assert_rules_work();
    json_t *args =
        json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s]}]}", "id", "guest", "fault", fault, "options",
                  options, "peers", "name", n2->name, "addresses", n2->address);
    json_decref(agent_must(&n1->agent, "inject", args));
    CLEANUP(rift_free) char *during = list_rules();
    assert_string_not_equal(before, during); /* a look at the rules would see a fault's leftovers */
    assert_int_equal(!is_deaf, arrives(n2, PORT_FREE, 1, !is_deaf));
    assert_rules_work();
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "guest")));
    CLEANUP(rift_free) char *after = list_rules();
    assert_same(fault, before, after);
    assert_true(arrives(n2, PORT_FREE, 1, true));
}

static void a_cut_leaves_them_alone(void **state)
{
    (void)state;
    if (!spaces)
        skip();
    check("partition", "{}", true);
    check("partition", "{\"ports\": [\"7300\"]}", true);
    check("partition", "{\"connections\": \"established\"}", false);
    check("reset", "{}", false);
}

/* What n1 sends is lost, late or slow; the rules are about what it hears. */
static void a_bad_link_leaves_them_alone(void **state)
{
    (void)state;
    if (!spaces)
        skip();
    check("link", "{\"loss_percent\": 100}", false);
    check("link", "{\"delay_ms\": 20}", false);
    check("link", "{\"rate_kbit\": 1000}", false);
}

static void a_root_qdisc_of_the_users_is_not_replaced(void **state)
{
    (void)state;
    if (!spaces)
        skip();
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
    CLEANUP(rift_free) char *before = list_rules();
    json_t *args = json_pack("{s:s, s:s, s:{s:s, s:i}, s:[{s:s, s:[s]}]}", "id", "guest", "fault",
                             "link", "options", "by", "netem", "rate_kbit", 1000, "peers", "name",
                             n2->name, "addresses", n2->address);
    json_t *reply = agent_ask(&n1->agent, "inject", args);
    const char *text = "";
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_true(strstr(text, "root qdisc of its own") || strstr(text, "no netem"));
    json_decref(reply);
    CLEANUP(rift_free) char *after = list_rules();
    assert_same("link", before, after);
    assert_rules_work();
}

static bool kernel_has_netem(void)
{
    CLEANUP(rift_free) char *said = NULL;
    if (HOST_RUN(n1, &said, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "limit", "1"))
        return false;
    MUST("tc", "qdisc", "del", "dev", "lo", "root");
    return true;
}

/* The last test: the user's root qdisc goes, and so the kernel's own queues are put in its place.
 */
static void queues_of_the_kernels_leave_the_rest_alone(void **state)
{
    (void)state;
    if (!spaces)
        skip();
    MUST("tc", "qdisc", "del", "dev", "eth0", "root");
    check("link", "{\"rate_kbit\": 1000}", false);
    check("partition", "{}", true);
    if (!kernel_has_netem())
        return;
    check("link", "{\"by\": \"netem\", \"loss_percent\": 100}", false);
    check("link",
          "{\"by\": \"netem\", \"delay_ms\": 20, \"jitter_ms\": 5, \"duplicate_percent\": 10, "
          "\"rate_kbit\": 1000, \"slot_ms\": 5}",
          false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_leaves_them_alone),
        cmocka_unit_test(a_bad_link_leaves_them_alone),
        cmocka_unit_test(a_root_qdisc_of_the_users_is_not_replaced),
        cmocka_unit_test(queues_of_the_kernels_leave_the_rest_alone),
    };
    return cmocka_run_group_tests(tests, up, down);
}

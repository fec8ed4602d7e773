/* Many faults on one thing, healed in any order, with strangers at the same thing meanwhile: when
 * the last is healed all is as before, and as the strangers left it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "tests/lib/three_hosts.h"
#include "tests/lib/toy_system.h"

enum { LEASE_MS = 30000, ROUNDS = 12, FEW_DESCRIPTORS = 48, FAULTS_MAX = 64 };

struct many {
    const char *fault, *options;
};

static const struct many on_links[] = {
    {"partition", "{}"},
    {"partition", "{\"ports\": [\"7300\"]}"},
    {"reset", "{}"},
    {"link", "{\"loss_percent\": 20}"},
    {"link", "{\"delay_ms\": 20}"},
    {"link", "{\"rate_kbit\": 1000}"},
};
enum { ON_LINKS = sizeof on_links / sizeof *on_links };

static const struct many on_limits[] = {
    {"memory", "{\"percent_of_use\": 500}"},
    {"memory", "{\"percent_of_use\": 800}"},
    {"cpu", "{\"percent\": 50}"},
    {"cpu", "{\"percent\": 80}"},
    {"pid-limit", "{\"leave\": 50}"},
    {"pid-limit", "{\"leave\": 90}"},
};
enum { ON_LIMITS = sizeof on_limits / sizeof *on_limits };

static int agent_up(void **state)
{
    (void)state;
    return spaces && !host_agent_start(n1, "many", LEASE_MS) ? -1 : 0;
}

static int agent_down(void **state)
{
    (void)state;
    if (spaces)
        agent_forget(&n1->agent);
    return 0;
}

static json_t *ask_inject(const char *id, const struct many *many, const char *interface)
{
    json_t *options = json_loads(many->options, 0, NULL);
    if (interface)
        json_object_set_new(options, "interfaces", json_pack("[s]", interface));
    return agent_ask(&n1->agent, "inject",
                     json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s]}]}", "id", id, "fault", many->fault,
                               "options", options, "peers", "name", n2->name, "addresses",
                               n2->address));
}

static void inject(const char *id, const struct many *many, const char *interface)
{
    json_t *reply = ask_inject(id, many, interface);
    if (!json_object_get(reply, "ok")) {
        CLEANUP(rift_free) char *text = json_dumps(reply, 0);
        fail_msg("%s: %s", many->fault, text);
    }
    json_decref(reply);
}

static void heal(const char *id)
{
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", id)));
}

static char *list_rules(const char *interface)
{
    const char *const commands[][8] = {
        {"tc", "qdisc", "show", "dev", interface},
        {"tc", "class", "show", "dev", interface},
        {"tc", "filter", "show", "dev", interface, "ingress"},
        {"tc", "filter", "show", "dev", interface, "egress"},
        {"ip", "-d", "link", "show", "dev", interface},
    };
    char *all = rift_strdup("");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        CLEANUP(rift_free) char *part = NULL, *before = all;
        host_run(n1, &part, commands[i]); /* a filter list without a qdisc fails */
        all = rift_printf("%s%s", before, part);
    }
    return all;
}

/* Injects all in one order and heals them in another; an act of somebody else's comes half way. */
static void play(const struct many *all, size_t count, struct rift_rng *rng, void (*act)(void))
{
    size_t order[2][16];
    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < count; i++)
            order[way][i] = i;
        for (size_t i = count; i > 1; i--) {
            size_t j = (size_t)rift_rng_below(rng, i), kept = order[way][i - 1];
            order[way][i - 1] = order[way][j];
            order[way][j] = kept;
        }
    }
    char id[16];
    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof id, "f%zu", order[0][i]);
        inject(id, &all[order[0][i]], NULL);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == count / 2 && act)
            act();
        snprintf(id, sizeof id, "f%zu", order[1][i]);
        heal(id);
    }
}

static void whatever_the_order_a_link_is_as_before(void **state)
{
    (void)state;
    namespaces_need(spaces);
    struct rift_rng rng;
    rift_rng_init(&rng, 1);
    CLEANUP(rift_free) char *before = list_rules("eth0");
    for (int round = 0; round < ROUNDS; round++) {
        play(on_links, ON_LINKS, &rng, NULL);
        CLEANUP(rift_free) char *after = list_rules("eth0");
        assert_string_equal(before, after);
    }
}

static void add_a_filter(void)
{
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "filter", "add", "dev", "eth0", "egress", "prio",
                                 "7", "protocol", "ip", "u32", "match", "ip", "dst", "10.99.0.9/32",
                                 "flowid", "5:1"));
}

static void what_a_stranger_adds_meanwhile_stays(void **state)
{
    (void)state;
    namespaces_need(spaces);
    struct rift_rng rng;
    rift_rng_init(&rng, 2);
    CLEANUP(rift_free) char *before = list_rules("eth0");
    for (int round = 0; round < ROUNDS / 4; round++) {
        CLEANUP(rift_free) char *filters = NULL;
        play(on_links, ON_LINKS, &rng, add_a_filter);
        HOST_RUN(n1, &filters, "tc", "filter", "show", "dev", "eth0", "egress");
        assert_non_null(strstr(filters, "pref 7 u32"));
        assert_null(strstr(filters, "rift"));
        assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "clsact"));
        CLEANUP(rift_free) char *after = list_rules("eth0");
        assert_string_equal(before, after);
    }
    /* A root qdisc in place of ours is the stranger's. */
    CLEANUP(rift_free) char *qdiscs = NULL;
    inject("r", &on_links[5], NULL);
    assert_int_equal(0,
                     HOST_RUN(n1, NULL, "tc", "qdisc", "replace", "dev", "eth0", "root", "handle",
                              "5:", "tbf", "rate", "900mbit", "burst", "64k", "latency", "1s"));
    heal("r");
    HOST_RUN(n1, &qdiscs, "tc", "qdisc", "show", "dev", "eth0");
    assert_non_null(strstr(qdiscs, "qdisc tbf 5: root"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "root"));
}

static void make_interface(void)
{
    assert_int_equal(
        0, HOST_RUN(n1, NULL, "ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "set", "d0", "up"));
}

static void an_interface_may_go_and_come_back(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char id[16];
    make_interface();
    for (size_t i = 0; i < ON_LINKS; i++) {
        snprintf(id, sizeof id, "f%zu", i);
        inject(id, &on_links[i], "d0");
    }
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "del", "d0"));
    make_interface();
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "add", "dev", "d0", "clsact"));
    CLEANUP(rift_free) char *before = list_rules("d0");
    for (size_t i = 0; i < ON_LINKS; i++) {
        snprintf(id, sizeof id, "f%zu", i);
        heal(id);
    }
    CLEANUP(rift_free) char *after = list_rules("d0");
    assert_string_equal(before, after);
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "del", "d0"));
}

static void rename_interface(const char *from, const char *to)
{
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "set", from, "down"));
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "set", from, "name", to));
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "set", to, "up"));
}

static void an_interface_may_get_another_name(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char id[16];
    make_interface();
    CLEANUP(rift_free) char *before = list_rules("d0");
    for (size_t i = 0; i < ON_LINKS; i++) {
        snprintf(id, sizeof id, "f%zu", i);
        inject(id, &on_links[i], "d0");
    }
    rename_interface("d0", "e0");
    for (size_t i = 0; i < ON_LINKS; i++) {
        snprintf(id, sizeof id, "g%zu", i);
        inject(id, &on_links[i], "e0");
    }
    for (size_t i = 0; i < 2 * ON_LINKS; i++) {
        snprintf(id, sizeof id, "%c%zu", i < ON_LINKS ? 'f' : 'g', i % ON_LINKS);
        heal(id);
    }
    rename_interface("e0", "d0");
    CLEANUP(rift_free) char *after = list_rules("d0");
    assert_string_equal(before, after);
    assert_int_equal(0, HOST_RUN(n1, NULL, "ip", "link", "del", "d0"));
}

/* The text of each file that a limit of the system's group could have changed. */
static char *list_limits(void)
{
    static const char *const files[] = {"memory.limit_in_bytes", "memory.max", "memory.high",
                                        "cpu.cfs_quota_us",      "cpu.max",    "pids.max"};
    struct rift_cgroup cgroup;
    char *all = rift_strdup("");
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    for (size_t group = 0; group <= cgroup.v1_count; group++)
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            CLEANUP(rift_free)
            char *path = rift_printf("%s/%s", group ? cgroup.v1[group - 1].folder : cgroup.unified,
                                     files[i]);
            char text[64] = "";
            FILE *file = fopen(path, "re");
            if (!file)
                continue;
            CLEANUP(rift_free) char *before = all;
            all = rift_printf("%s%s %s", before, path, fgets(text, sizeof text, file));
            fclose(file);
        }
    return all;
}

static void so_is_a_system_that_was_limited(void **state)
{
    (void)state;
    namespaces_need(spaces);
    struct rift_rng rng;
    rift_rng_init(&rng, 3);
    toy_configure(n1, 0, "none");
    toy_start(n1);
    CLEANUP(rift_free) char *before = list_limits();
    for (int round = 0; round < ROUNDS; round++) {
        play(on_limits, ON_LIMITS, &rng, NULL);
        CLEANUP(rift_free) char *after = list_limits();
        assert_string_equal(before, after);
    }
    inject("m", &on_limits[0], NULL);
    CLEANUP(rift_free) char *during = list_limits();
    assert_string_not_equal(before, during);
    heal("m");
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
}

/* An agent that can open nothing more refuses faults, and heals what it has. */
/* Partitions until there is no descriptor left for one more, then the end of all. */
static void fill_up_and_heal(rlim_t descriptors)
{
    struct rlimit before, few;
    CLEANUP(rift_free) char *rules = list_rules("eth0");
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
    few = (struct rlimit){descriptors, before.rlim_max};
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    bool is_started = host_agent_start(n1, "many", LEASE_MS);
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
    assert_true(is_started);
    int count = 0;
    char id[16];
    for (; count < FAULTS_MAX; count++) {
        snprintf(id, sizeof id, "f%d", count);
        json_t *reply = ask_inject(id, &on_links[0], NULL);
        assert_non_null(reply);
        bool is_on = json_object_get(reply, "ok") != NULL;
        json_decref(reply);
        if (!is_on)
            break;
    }
    print_message("%d partitions with %d descriptors\n", count, (int)descriptors);
    assert_true(count > 2 && count < FAULTS_MAX);
    json_decref(agent_must(&n1->agent, "heal_all", NULL));
    CLEANUP(rift_free) char *after = list_rules("eth0");
    assert_string_equal(rules, after);
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
}

/* However many are left over, a fault has one less, two less... */
static void without_descriptors_faults_are_refused_and_healed(void **state)
{
    (void)state;
    namespaces_need(spaces);
    for (rlim_t less = 0; less < 6; less++)
        fill_up_and_heal(FEW_DESCRIPTORS - less);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agent_up, agent_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whatever_the_order_a_link_is_as_before),
        CASE(what_a_stranger_adds_meanwhile_stays),
        CASE(an_interface_may_go_and_come_back),
        CASE(an_interface_may_get_another_name),
        CASE(so_is_a_system_that_was_limited),
        cmocka_unit_test(without_descriptors_faults_are_refused_and_healed),
    };
    return cmocka_run_group_tests(tests, three_hosts_up, three_hosts_down);
}

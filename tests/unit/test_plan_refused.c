/* Plans that read well, and could only end as unknown, or would do something else than they seem
 * to: each is refused before the run, with its place. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "plan/plan.h"

#define SMALL "nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"

#define ON_DISK "nodes: {lab: netns}\nsystem: {recipe: etcd, disk_mb: 64}\nworkload: register\n"
#define LAYERED                                                                                    \
    "nodes: {lab: netns}\nsystem: {recipe: etcd, disk_layer: ext4}\nworkload: register\n"
#define IN_CGROUP                                                                                  \
    "nodes: {lab: netns}\nsystem: {recipe: etcd, attach: {cgroup: /a/b}}\nworkload: register\n"

static const struct {
    const char *yaml, *message;
} refused[] = {
    {"nodes: {lab: netns}\nfaults:\n\t- kill\n", "c.yaml:3:1: neither a tab"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nquiet: {every_s: 5}\n",
     "c.yaml:4:8: quiet needs for_s"},
    {"nodes: [10.0.0.1, root@10.0.0.1]\nclient: etcd\nworkload: register\n",
     "c.yaml:1:19: hosts 'n1' and 'n2' are one: both have the address 10.0.0.1"},
    {"nodes: [10.0.0.1, '10.0.0.1:22']\nclient: etcd\nworkload: register\n",
     "c.yaml:1:19: hosts 'n1' and 'n2' are one: both have the address 10.0.0.1"},
    {"nodes: ['[fd00::1]:22', 'fd00::1']\nclient: etcd\nworkload: register\n",
     "c.yaml:1:25: hosts 'n1' and 'n2' are one: both have the address fd00::1"},
    {"nodes: [10.0.0.1, {address: 10.0.0.1, port: 22}]\nssh: {port: 22}\nclient: etcd\nworkload: "
     "register\n",
     "c.yaml:1:19: hosts 'n1' and 'n2' are one"},
    {"nodes: [{name: a, address: x}, {name: b}]\nclient: etcd\nworkload: register\n",
     "c.yaml:1:32: a host needs 'address'"},
    {"nodes: [{name: minority, address: x}]\n", "c.yaml:1:9: no host can be called 'minority'"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, concurrency: -2n}\n",
     "c.yaml:3:41: 'concurrency' must be a number of threads"},
    {"nodes: {lab: netns, count: 1}\nsystem: etcd\nworkload: register\nfaults:\n  - {kill: "
     "followers}\n",
     "c.yaml:5:12: one node leads itself"},
    {SMALL "faults:\n  - {kill: one, start_s: 57}\n",
     "c.yaml:5:5: it would never come: it begins at 57 s at the soonest, takes 5 s at least, and "
     "must be over by 60 s"},
    {SMALL "faults:\n  - {kill: one, start_s: 9, until_s: 12}\n",
     "c.yaml:5:5: it would never come"},
    {SMALL "faults:\n  - {kill: one, every_s: 300}\n",
     "c.yaml:5:5: it would never come: it begins at 75 s"},
    {SMALL "faults:\n  - {sequence: [{kill: one, for_s: [30, 50]}, {kill: one, for_s: 30}]}\n",
     "c.yaml:5:5: it would never come: it begins at 2.5 s at the soonest, takes 61 s"},
    {SMALL "faults:\n  - {sequence: [{partition: isolate-primary}, {wait_for: new-leader, for_s: "
           "100}]}\n",
     "c.yaml:5:5: it would never come"},
    {SMALL "faults:\n  - {chaos: [{kill: one, for_s: 70}, {pause: one, for_s: 80}]}\n",
     "c.yaml:5:5: it would never come"},
    {SMALL "faults:\n  - {kill: one, for_s: 8}\nquiet: {every_s: 10, for_s: 4}\n",
     "c.yaml:5:5: it would never come: it takes 8 s at least, and quiet times leave 6 s"},
    {SMALL "faults:\n  - {sequence: [{kill: one, weight: 3}]}\n",
     "c.yaml:5:37: weight is for the items of a chaos"},
    {SMALL "faults:\n  - {chaos: [{kill: one, at_s: 3}]}\n",
     "c.yaml:5:32: at_s is for the steps of a sequence"},
    {SMALL "faults:\n  - {kill: one, pause: one}\n",
     "c.yaml:5:17: two faults in one entry: each needs its own '- '"},
    {SMALL "faults:\n  - {partition: {grudge: {n1: []}}}\n",
     "c.yaml:5:26: a grudge that drops nothing"},
    {IN_CGROUP "faults:\n  - pause\n  - kill\n",
     "c.yaml:6:5: fault 'kill' needs a system that can be started again"},
    {IN_CGROUP "faults: [{fd-limit: one}]\n", "c.yaml:4:11: fault 'fd-limit' needs a system that"},
    {IN_CGROUP "faults: [restart]\n", "c.yaml:4:10: fault 'restart' needs a system that can be"},
    {ON_DISK "faults:\n  - {disk-rate: {write_kb_s: 0}}\n",
     "c.yaml:5:17: fault 'disk-rate' would do nothing: one of write_kb_s, read_kb_s must be"},
    {ON_DISK "faults: [{disk-rate: {read_kb_s: [0, 9]}}]\n",
     "c.yaml:4:22: fault 'disk-rate' could do nothing"},
    {LAYERED "faults: [{disk-slow: {sync_ms: 0, write_ms: 0, read_ms: 0}}]\n",
     "c.yaml:4:22: fault 'disk-slow' would do nothing"},
    {LAYERED "faults: [{disk-slow: {sync_ms: [0, 5.5], write_ms: 0}}]\n",
     "c.yaml:4:22: fault 'disk-slow' could do nothing"},
    {LAYERED "faults: [{disk-error: {percent: 0}}]\n", "c.yaml:4:33: 'percent' must lie between"},
    {SMALL "faults: [{clock: {offset_ms: 0}}]\n",
     "c.yaml:4:18: fault 'clock' would do nothing: one of offset_ms, drift_ppm must be other"},
    {SMALL "faults: [{link: {delay_ms: 0}}]\n", "c.yaml:4:17: fault 'link' would do nothing"},
    {SMALL "faults: [{link: {delay_ms: [0, 50]}}]\n",
     "c.yaml:4:17: fault 'link' could do nothing: of loss_percent, delay_ms"},
    {SMALL "faults: [{chaos: [{link: {loss_percent: [0, 3]}}]}]\n",
     "c.yaml:4:26: fault 'link' could do nothing"},
    {SMALL "faults: [{link: {delays_ms: [], loss_percent: [0, 0]}}]\n",
     "c.yaml:4:17: fault 'link' would do nothing"},
    {SMALL "faults:\n  - {kill: one, lane: sequence/1}\n",
     "c.yaml:5:23: a lane is a word without '/'"},
};

static void what_cannot_end_well_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct rift_error err = {0};
        const char *yaml = refused[i].yaml;
        struct rift_plan *plan =
            rift_plan_parse("c.yaml", yaml, strlen(yaml), rift_catalogue_of_build(), 0, &err);
        assert_true(!plan || rift_plan_check_windows(plan, "c.yaml", &err) != 0);
        rift_plan_destroy(plan);
        if (!strstr(err.text, refused[i].message) || strchr(err.text, '\n'))
            fail_msg("%s\nexpected: %s\ngot: %s", yaml, refused[i].message, err.text);
    }
}

/* What is not given at all is the usual, as the descriptor says; what is drawn to both sides of 0,
 * or one of whose options is sure, is let be. */
static void what_asks_for_something_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *option;
        int value; /* of the first variant; -1: not looked at */
    } taken[] = {
        {LAYERED "faults: [disk-slow]\n", "sync_ms", 500},
        {LAYERED "faults: [{disk-slow: {write_ms: 5}}]\n", "sync_ms", 0},
        {LAYERED "faults: [{disk-slow: {sync_ms: [0, 5], write_ms: [1, 2]}}]\n", "sync_ms", -1},
        {ON_DISK "faults: [{disk-rate: all}]\n", "write_kb_s", 1000},
        {ON_DISK "faults: [{disk-rate: {read_kb_s: 7}}]\n", "write_kb_s", 0},
        {SMALL "faults: [clock]\n", "offset_ms", 60000},
        {SMALL "faults: [{clock: {offset_ms: [-50, 50]}}]\n", "drift_ppm", 0},
        {SMALL "faults: [link]\n", "loss_percent", 10},
        {SMALL "faults: [{link: {delay_ms: [0, 80]}, vary_s: 1}]\n", "loss_percent", 0},
        {SMALL "faults: [{link: {delay_ms: 0, changeable: true}}]\n", "loss_percent", 0},
        {IN_CGROUP "faults: [pause]\n", "by", -1},
    };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct rift_error err = {0};
        const char *yaml = taken[i].yaml;
        struct rift_plan *plan =
            rift_plan_parse("c.yaml", yaml, strlen(yaml), rift_catalogue_of_build(), 0, &err);
        if (!plan)
            fail_msg("%s\n%s", yaml, err.text);
        const json_t *value = json_object_get(plan->faults[0].variants[0].options, taken[i].option);
        assert_non_null(value);
        if (taken[i].value >= 0)
            assert_int_equal(json_integer_value(value), taken[i].value);
        rift_plan_destroy(plan);
    }
}

/* A chaos that names nothing takes what such a system can bear, and nothing that does nothing. */
static void chaos_without_a_list_has_only_what_can_happen(void **state)
{
    (void)state;
    struct rift_error err = {0};
    static const char yaml[] = IN_CGROUP "faults: [chaos]\n";
    struct rift_plan *plan =
        rift_plan_parse("c.yaml", yaml, sizeof yaml - 1, rift_catalogue_of_build(), 0, &err);
    assert_non_null(plan);
    bool has_clock = false;
    for (size_t i = 0; i < plan->faults[0].variant_count; i++) {
        const struct rift_fault_variant *variant = &plan->faults[0].variants[i];
        assert_string_not_equal(variant->fault->name, "kill");
        assert_string_not_equal(variant->fault->name, "memory");
        assert_string_not_equal(variant->fault->name, "cpu");
        if (strcmp(variant->fault->name, "clock") != 0)
            continue;
        has_clock = true;
        assert_int_not_equal(json_integer_value(json_object_get(variant->options, "offset_ms")), 0);
    }
    assert_true(has_clock);
    rift_plan_destroy(plan);
}

#define FIRST "start_s: 10, every_s: 100, for_s: 8"
#define LATER "start_s: 15, every_s: 100, for_s: 8"
#define DRAWN "every_s: 20, for_s: 15"
static const struct {
    const char *faults;
    enum rift_plan_clash clash;
    const char *words;
} meetings[] = {
    {"  - {clock: all, " FIRST "}\n  - {clock: n2, lane: b, " LATER "}\n", RIFT_PLAN_CLASH_ALWAYS,
     "c.yaml:6:5: 'clock' at 15 s meets 'clock' of line 5, on from 10 to 18 s, on n2, and a node "
     "bears one of them at a time: put them in one lane, or apart in time"},
    {"  - {pause: [n1, n3], " LATER "}\n  - {hang: [n3], " FIRST "}\n", RIFT_PLAN_CLASH_ALWAYS,
     "c.yaml:5:5: 'pause' at 15 s meets 'hang' of line 6, on from 10 to 18 s, on n3, and the two"},
    {"  - {sequence: [{clock: {targets: all, of: process}, for_s: 9}, {pause: all, at_s: 4}], "
     "every_s: 50}\n",
     RIFT_PLAN_CLASH_ALWAYS, "c.yaml:5:5: 'pause' at"},
    {"  - {pause: all, " FIRST "}\n  - {rollback: all, " LATER "}\n", RIFT_PLAN_CLASH_ALWAYS,
     "the two cannot hold the system's threads"},
    {"  - {fd-limit: all, " DRAWN "}\n  - {fd-limit: all, lane: b, " DRAWN "}\n",
     RIFT_PLAN_CLASH_WITH_SEED, "'fd-limit' at"},
    {"  - {clock: one, " DRAWN "}\n  - {clock: majority, lane: b, " DRAWN "}\n",
     RIFT_PLAN_CLASH_WITH_SEED, "'clock' at"},
    /* The shortest would be over by then. */
    {"  - {clock: all, start_s: 10, every_s: 100, for_s: [4, 40]}\n  - {clock: all, lane: b, " LATER
     "}\n",
     RIFT_PLAN_CLASH_WITH_SEED, "'clock' at 15 s"},
    /* One lane, other nodes, other times, or faults that go together. */
    {"  - {clock: all, " FIRST "}\n  - {clock: all, " LATER "}\n", RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {clock: [n1, n2], " FIRST "}\n  - {clock: n3, lane: b, " LATER "}\n",
     RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {clock: all, " FIRST "}\n  - {clock: all, lane: b, start_s: 18, every_s: 100}\n",
     RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {clock: {targets: all, of: host}, " FIRST "}\n  - {clock: {targets: all, of: process}, "
     "lane: b, " LATER "}\n",
     RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {hang: all, " FIRST "}\n  - {hang: all, lane: b, " LATER "}\n", RIFT_PLAN_CLASH_NONE,
     NULL},
    {"  - {clock: all, " FIRST "}\n  - {pause: all, " LATER "}\n", RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {rollback: all, " FIRST "}\n  - {pause: all, " LATER "}\n", RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {pause: {targets: all, by: freezer}, " FIRST
     "}\n  - {pause: {targets: all, by: sigstop}, "
     "lane: b, " LATER "}\n",
     RIFT_PLAN_CLASH_NONE, NULL},
    {"  - {pause: primaries, " FIRST "}\n  - {pause: all, lane: b, " LATER "}\n",
     RIFT_PLAN_CLASH_NONE, NULL},
};

/* What two lanes make the nodes refuse (tests/integration: test_clock, test_hang, test_pause...) is
 * told before anything starts. */
static void faults_that_no_node_bears_together_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof meetings / sizeof *meetings; i++) {
        struct rift_error err = {0};
        struct rift_text CLEANUP(rift_text_finish) yaml = {0}, text = {0};
        rift_text_printf(&yaml, "%sfaults:\n%s", SMALL, meetings[i].faults);
        struct rift_plan *plan =
            rift_plan_parse("c.yaml", yaml.data, yaml.length, rift_catalogue_of_build(), 5, &err);
        struct rift_schedule *schedule = plan ? rift_plan_schedule(plan, &err) : NULL;
        if (!schedule)
            fail_msg("%s%s", yaml.data, err.text);
        enum rift_plan_clash clash = rift_plan_find_clash(plan, schedule, "c.yaml", &text);
        if (clash != meetings[i].clash ||
            (meetings[i].words && !strstr(text.data, meetings[i].words)))
            fail_msg("%s%d %s", yaml.data, clash, text.data ? text.data : "");
        rift_schedule_destroy(schedule);
        rift_plan_destroy(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_end_well_is_refused_with_its_place),
        cmocka_unit_test(what_asks_for_something_is_taken),
        cmocka_unit_test(faults_that_no_node_bears_together_are_told),
        cmocka_unit_test(chaos_without_a_list_has_only_what_can_happen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

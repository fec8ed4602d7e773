/* Plans that read well, and could only end as unknown, or would do something else than they seem
 * to: each is refused before the run, with its place. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "control/cli/catalogue.h"
#include "plan/plan.h"

#define SMALL "nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"

static const struct {
    const char *yaml, *message;
} refused[] = {
    {"nodes: {lab: netns}\nfaults:\n\t- kill\n", "c.yaml:3:1: neither a tab"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nquiet: {every_s: 5}\n",
     "c.yaml:4:8: quiet needs for_s"},
    {"nodes: [10.0.0.1, root@10.0.0.1]\nclient: etcd\nworkload: register\n",
     "c.yaml:1:19: hosts 'n1' and 'n2' are one: both have the address 10.0.0.1"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_end_well_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A wide-area network out of the matrix of the repository, and out of ones that are wrong; options
 * of other faults, which test_plan has no room for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "plan/plan.h"

static const char body[] = "nodes: {lab: netns, count: 3}\nsystem: etcd\nworkload: register\n";

static struct rift_plan *read_wan(const char *fault, struct rift_error *err)
{
    char path[] = "/tmp/rift-wan-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "%sfaults: [{%s, every_s: 20, for_s: 10}]\n", body, fault);
    close(fd);
    struct rift_plan *plan = rift_plan_read(path, rift_catalogue_of_build(), 1, err);
    unlink(path);
    return plan;
}

static double delay_ms(const struct rift_plan *plan, const char *from, const char *to)
{
    const json_t *links = json_object_get(plan->faults[0].variants[0].options, "links");
    const json_t *link = json_object_get(json_object_get(links, from), to);
    assert_non_null(link);
    return json_number_value(json_object_get(link, "delay_ms"));
}

/* The figures of the source: Dallas - Toronto 34 ms, Tokyo - London 244, Osaka - Tokyo 9. */
static void a_link_has_half_the_round_trip_of_its_regions(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_plan *plan = read_wan("wan: {}", &err);
    if (!plan)
        fail_msg("%s", err.text);
    assert_float_equal(17, delay_ms(plan, "n1", "n2"), 1e-9);
    rift_plan_destroy(plan);
    plan = read_wan("wan: {regions: {n1: tokyo, n2: london, n3: osaka}, scale_percent: 50, "
                    "jitter_percent: 10}",
                    &err);
    if (!plan)
        fail_msg("%s", err.text);
    assert_float_equal(61, delay_ms(plan, "n1", "n2"), 1e-9);
    assert_float_equal(2.25, delay_ms(plan, "n3", "n1"), 1e-9);
    rift_plan_destroy(plan);
    plan = read_wan("wan: {regions: [tokyo, osaka]}", &err);
    assert_float_equal(4.5, delay_ms(plan, "n2", "n3"), 1e-9);  /* osaka, and tokyo again */
    assert_float_equal(1.05, delay_ms(plan, "n1", "n3"), 1e-9); /* both in tokyo */
    rift_plan_destroy(plan);
}

static void a_frozen_plan_needs_the_matrix_no_more(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_plan *plan =
        read_wan("wan: {matrix: /nowhere.yaml, links: {n1: {n2: {delay_ms: 40}}}}", &err);
    if (!plan)
        fail_msg("%s", err.text);
    assert_float_equal(40, delay_ms(plan, "n1", "n2"), 1e-9);
    rift_plan_destroy(plan);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *word;
    } cases[] = {
        {"wan: {matrix: /nowhere.yaml}", "/nowhere.yaml"},
        {"wan: {matrix: ibm-clud}", "unknown matrix 'ibm-clud', did you mean 'ibm-cloud'?"},
        {"wan: {regions: [tokio]}", "tokyo"},
        {"wan: {regions: {n1: tokyo, n2: tokyo}}", "n3"},
        {"wan: {regions: tokyo}", "regions"},
        {"wan: {regions: [3]}", "unknown region '3'"},
        {"link: {delays_ms: [5]}", "distribution: table and delays_ms go together"},
        {"link: {distribution: table, delays_ms: [5, soon]}", "'delays_ms' must be numbers from 0"},
        {"wan: {matrix: nothing-like-it}", "there is: ibm-cloud"},
        {"wan: {links: tokyo}", "'links' must be options for each link"},
        {"wan: {links: {n1: 5}}", "'links' of 'n1' must be options for each link"},
        {"wan: {links: {n1: {n4: {}}}}", "unknown node 'n4'"},
        {"wan: {links: {n1: {n2: {delay: 4}}}}", "unknown option of link 'delay'"},
        {"wan: {links: {n1: {n2: {delay_ms: -4}}}}", "'delay_ms' in 'links' must be a number"},
        {"wan: {links: {n1: {n2: {loss_percent: many}}}}", "'loss_percent' in 'links' must be"},
        {"dns: {servers: ['::1', here]}", "'servers': 'here' is no numeric address"},
        {"cpu-burn: {processes: 1.5}", "'processes' must be a number or [low, high], whole"},
        {"link: {slot_ms: [5, 20], slot_jitter_ms: 7}", "slot_ms, which may be 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rift_error err = {0};
        assert_null(read_wan(cases[i].fault, &err));
        if (!strstr(err.text, cases[i].word))
            fail_msg("%s: %s", cases[i].fault, err.text);
    }
}

static double loss_of(const char *fault)
{
    struct rift_error err = {0};
    struct rift_plan *plan = read_wan(fault, &err);
    if (!plan)
        fail_msg("%s", err.text);
    const json_t *options = plan->faults[0].variants[0].options;
    double loss = json_number_value(json_object_get(options, "loss_percent"));
    rift_plan_destroy(plan);
    return loss;
}

static void only_a_link_of_which_nothing_is_asked_loses_packets_unasked(void **state)
{
    (void)state;
    assert_true(loss_of("link: {}") == 10);
    assert_true(loss_of("link: {kinds: halves, limit_packets: 5}") == 10);
    assert_true(loss_of("link: {delay_ms: [1, 20]}") == 0);
    assert_true(loss_of("link: {loss_percent: 0, changeable: true}") == 0);
    assert_true(loss_of("link: {slot_ms: 20}") == 0);
    assert_true(loss_of("link: {rate_kbit: 0.001}") == 0);
}

static void a_matrix_must_be_square(void **state)
{
    (void)state;
    char path[] = "/tmp/rift-matrix-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    dprintf(fd, "regions: [a, b]\nround_trip_ms:\n  - [1, 2]\n  - [3]\n");
    close(fd);
    struct rift_error err = {0};
    CLEANUP(rift_free) char *fault = rift_printf("wan: {matrix: %s}", path);
    assert_null(read_wan(fault, &err));
    unlink(path);
    CLEANUP(rift_free) char *place = rift_printf("%s:4:", path);
    if (!strstr(err.text, place))
        fail_msg("%s", err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_has_half_the_round_trip_of_its_regions),
        cmocka_unit_test(a_frozen_plan_needs_the_matrix_no_more),
        cmocka_unit_test(only_a_link_of_which_nothing_is_asked_loses_packets_unasked),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_matrix_must_be_square),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

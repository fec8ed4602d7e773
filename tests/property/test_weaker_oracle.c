/* Weaker answers against the brute force: the exact k of k-atomicity, and one order of two keys
 * that keeps each process' own. RIFT_LONG=1: more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "checkers/linearizability/k_atomic.h"
#include "checkers/linearizability/sequential.h"
#include "checkers/linearizability/two_atomic.h"
#include "tests/property/linear_cases.h"
#include "tests/property/linear_oracle.h"

enum { KEYS = 2, WRITTEN_MAX = CASE_VALUES - 1, MULTI_REGISTER_READ = 0, MULTI_REGISTER_WRITE = 1 };

static const struct rift_limits unlimited = {.deadline_ns = INT64_MAX, .memory_bytes = UINT64_MAX};

static const struct linear_alphabet registers = {"register",
                                                 {{RIFT_CALL_READ, 0, 0},
                                                  {RIFT_CALL_READ, 1, 0},
                                                  {RIFT_CALL_READ, 2, 0},
                                                  {RIFT_CALL_READ, 3, 0},
                                                  {RIFT_CALL_WRITE, 1, 0},
                                                  {RIFT_CALL_WRITE, 2, 0},
                                                  {RIFT_CALL_WRITE, 3, 0},
                                                  {RIFT_CALL_KIND_COUNT, 0, 0}},
                                                 NULL};

static uint64_t rounds(void)
{
    return getenv("RIFT_LONG") ? 1000000 : 10000;
}

static uint32_t least_k_by_brute_force(const struct rift_problem *problem)
{
    struct rift_problem wide = *problem;
    wide.model = &rift_model_k_register;
    for (uint32_t k = 1; k <= problem->count + 1; k++) {
        wide.capacity = k;
        if (oracle_is_linearizable(&wide))
            return k;
    }
    return RIFT_K_NEVER;
}

/* Each value once, and never the one that the register starts with. */
static bool writes_are_unique(const struct rift_problem *problem)
{
    bool is_written[WRITTEN_MAX + 1] = {true};
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_call *call = &problem->ops[i].call;
        if (call->kind != RIFT_CALL_WRITE)
            continue;
        if (is_written[call->a])
            return false;
        is_written[call->a] = true;
    }
    return true;
}

/* Each op writes the next value, or reads one of them or the next: random calls write one twice far
 * too often. */
static void make_writes_unique(struct linear_case *c, struct rift_rng *rng)
{
    uint32_t written = 0;
    for (size_t i = 0; i < c->problem.count; i++) {
        struct rift_call *call = &c->ops[i].call;
        bool is_write = c->ops[i].complete == RIFT_EVENT_NEVER || rift_rng_below(rng, 2);
        is_write = is_write && written < WRITTEN_MAX;
        call->kind = is_write ? RIFT_CALL_WRITE : RIFT_CALL_READ;
        call->a = is_write ? ++written
                           : (uint32_t)rift_rng_below(rng, written < WRITTEN_MAX ? written + 2
                                                                                 : WRITTEN_MAX + 1);
    }
}

static void two_is_what_the_brute_force_says(void **state)
{
    (void)state;
    struct linear_object *object = linear_object_create(&registers);
    struct rift_rng rng;
    size_t counts[2] = {0};
    rift_rng_init_named(&rng, 1, "two-atomic");
    for (uint64_t i = 0; i < rounds(); i++) {
        struct linear_case c;
        linear_case_random(&c, &registers, object, 4 + i % 5, 2 + i % 4, &rng);
        if (i % 4)
            make_writes_unique(&c, &rng);
        struct rift_problem wide = c.problem;
        wide.model = &rift_model_k_register;
        wide.capacity = 2;
        bool is_two = oracle_is_linearizable(&wide);
        enum rift_answer answer = rift_judge_two_atomic(&c.problem, &unlimited);
        if (writes_are_unique(&c.problem)
                ? answer != (is_two ? RIFT_ANSWER_VALID : RIFT_ANSWER_INVALID)
                : answer != RIFT_ANSWER_NONE) {
            linear_case_print(&c);
            fail_msg("2-atomic: %d by the brute force, the answer is %d", is_two, (int)answer);
        }
        if (answer != RIFT_ANSWER_NONE)
            counts[answer]++;
    }
    print_message("2-atomic: %zu, not: %zu\n", counts[0], counts[1]);
    assert_true(counts[0] > rounds() / 10 && counts[1] > rounds() / 10);
    linear_object_destroy(object);
}

static void k_is_the_least_of_the_brute_force(void **state)
{
    (void)state;
    struct linear_object *object = linear_object_create(&registers);
    struct rift_rng rng;
    size_t by_k[4] = {0};
    rift_rng_init_named(&rng, 1, "k");
    for (uint64_t i = 0; i < rounds(); i++) {
        struct linear_case c;
        linear_case_random(&c, &registers, object, 4 + i % 5, 2 + i % 3, &rng);
        uint32_t least = least_k_by_brute_force(&c.problem);
        struct rift_k_bounds bounds = rift_k_atomicity(&c.problem, &unlimited);
        if (bounds.low != least || bounds.high != least) {
            linear_case_print(&c);
            fail_msg("k is %u, not from %u to %u", least, bounds.low, bounds.high);
        }
        /* With no time to search there is still a true pair. */
        struct rift_limits spent = {.deadline_ns = 0, .memory_bytes = 1};
        bounds = rift_k_atomicity(&c.problem, &spent);
        assert_true(bounds.low <= least && least <= bounds.high);
        by_k[least == RIFT_K_NEVER ? 0 : least < 3 ? least : 3]++;
    }
    print_message("k = 1: %zu, 2: %zu, 3 and more: %zu, never: %zu\n", by_k[1], by_k[2], by_k[3],
                  by_k[0]);
    assert_true(by_k[0] && by_k[1] && by_k[2] && by_k[3]);
    linear_object_destroy(object);
}

/* The same ops twice: as transactions on several registers, and as a problem for each key. */
struct two_keys {
    struct linear_case whole;
    struct linear_case keys[KEYS];
};

static void two_keys_random(struct two_keys *two, struct linear_object *multi,
                            struct linear_object *single, struct rift_states *lists,
                            struct rift_rng *rng)
{
    linear_case_init(&two->whole, multi);
    two->whole.problem.lists = lists;
    for (size_t k = 0; k < KEYS; k++)
        linear_case_init(&two->keys[k], single);
    uint32_t count = 4 + (uint32_t)rift_rng_below(rng, 5);
    for (uint32_t row = 0; row < count; row++) {
        uint32_t key = (uint32_t)rift_rng_below(rng, KEYS);
        bool is_write = rift_rng_below(rng, 2), is_crashed = is_write && !rift_rng_below(rng, 5);
        uint32_t value = (uint32_t)(is_write + rift_rng_below(rng, 2));
        uint32_t words[4] = {0, is_write ? MULTI_REGISTER_WRITE : MULTI_REGISTER_READ, key, value};
        struct rift_problem_op op = {.invoke = 2 * row,
                                     .complete = is_crashed ? RIFT_EVENT_NEVER : 2 * row + 1,
                                     .row = row,
                                     .process = (int32_t)rift_rng_below(rng, 3)};
        op.call = (struct rift_call){RIFT_CALL_TRANSACTION, 0, rift_states_intern(lists, words, 4)};
        two->whole.ops[two->whole.problem.count++] = op;
        struct linear_case *own = &two->keys[key];
        op.call = (struct rift_call){is_write ? RIFT_CALL_WRITE : RIFT_CALL_READ, value, 0};
        own->ops[own->problem.count++] = op;
    }
}

static void keys_together_are_judged_as_the_brute_force_judges_them(void **state)
{
    (void)state;
    const struct linear_alphabet multi_register = {
        "multi-register", {{RIFT_CALL_KIND_COUNT, 0, 0}}, NULL};
    struct linear_object *multi = linear_object_create(&multi_register);
    struct linear_object *single = linear_object_create(&registers);
    struct rift_states *lists = rift_states_create();
    rift_states_intern(lists, NULL, 0);
    struct rift_rng rng;
    rift_rng_init_named(&rng, 1, "two keys");
    size_t valid = 0, invalid = 0, apart_only = 0;
    for (uint64_t i = 0; i < rounds(); i++) {
        struct two_keys two;
        two_keys_random(&two, multi, single, lists, &rng);
        const struct rift_problem *objects[KEYS] = {&two.keys[0].problem, &two.keys[1].problem};
        size_t longest;
        bool is_valid = oracle_is_sequential(&two.whole.problem);
        if (rift_judge_sequential(objects, KEYS, &unlimited, &longest) !=
            (is_valid ? RIFT_ANSWER_VALID : RIFT_ANSWER_INVALID)) {
            linear_case_print(&two.whole);
            fail_msg("round %llu: not what the brute force says", (unsigned long long)i);
        }
        valid += is_valid;
        invalid += !is_valid;
        apart_only +=
            !is_valid && oracle_is_sequential(objects[0]) && oracle_is_sequential(objects[1]);
    }
    print_message("%zu valid, %zu invalid, of which each key alone is valid: %zu\n", valid, invalid,
                  apart_only);
    assert_true(valid > 0 && apart_only > 0);
    rift_states_destroy(lists);
    linear_object_destroy(multi);
    linear_object_destroy(single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_is_what_the_brute_force_says),
        cmocka_unit_test(k_is_the_least_of_the_brute_force),
        cmocka_unit_test(keys_together_are_judged_as_the_brute_force_judges_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

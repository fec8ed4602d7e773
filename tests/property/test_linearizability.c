/* The searches against a brute force: every small problem of each model, random ones beyond. Each
 * "valid" is replayed, "invalid" ones shrunk, and the shrunk set is invalid for the brute force
 * too. RIFT_LONG=1 in the environment: larger sizes, a million random ones of each model.
 * With an argument only the tests whose name fits: test_linearizability "queue*"; with a second
 * one, "random", only random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "checkers/linearizability/explain.h"
#include "checkers/linearizability/jit/run.h"
#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/replay.h"
#include "checkers/linearizability/sequential.h"
#include "common/clock.h"
#include "tests/property/linear_cases.h"
#include "tests/property/linear_oracle.h"

static const struct rift_limits unlimited = {.deadline_ns = INT64_MAX, .memory_bytes = UINT64_MAX};

struct tally {
    size_t valid, invalid;
    size_t shrink_one_in; /* shrinking takes a hundred times what judging takes */
};

/* Of the command: the long form of random histories takes minutes, that of every one ten. */
static bool is_random_alone;

static bool is_long(void)
{
    return getenv("RIFT_LONG") != NULL;
}

static void refuse(const struct linear_case *c, const char *who, const char *what)
{
    linear_case_print(c);
    fail_msg("%s: %s", who, what);
}

/* The first moment by its definition: the shortest prefix, with what is open optional, that has no
 * order. */
static uint32_t oracle_moment(const struct linear_case *c)
{
    for (uint32_t event = 0; event < c->problem.event_count; event++) {
        struct rift_problem *prefix = rift_problem_subset(&c->problem, NULL, 0, NULL, event);
        bool is_valid = oracle_is_linearizable(prefix);
        rift_problem_destroy(prefix);
        if (!is_valid)
            return event;
    }
    return RIFT_EVENT_NEVER;
}

static void check_answer(const struct linear_case *c, const char *who, bool is_valid,
                         enum rift_answer answer, const struct rift_certificate *certificate)
{
    struct rift_error err = {0};
    if (answer != (is_valid ? RIFT_ANSWER_VALID : RIFT_ANSWER_INVALID))
        refuse(c, who,
               is_valid ? "says no to a linearizable one" : "says yes to an impossible one");
    if (is_valid &&
        rift_replay_order(&c->problem, certificate->order, certificate->order_count, &err) < 0)
        refuse(c, who, err.text);
}

/* A window may begin with any value, one that no op knows among them. */
static bool has_order_from_any_start(const struct rift_problem *small, bool is_start_unknown)
{
    if (!is_start_unknown)
        return oracle_is_linearizable(small);
    for (uint32_t value = 0; value < CASE_VALUES; value++) {
        struct rift_problem from = *small;
        from.initial = value;
        if (oracle_is_linearizable(&from))
            return true;
    }
    return false;
}

static void check_shrunk(struct linear_case *c, struct rift_certificate *certificate)
{
    if (rift_explain_minimise(&c->problem, &unlimited, certificate) != RIFT_CONFIRMED)
        refuse(c, "shrinking", "the small set is not confirmed");
    if (certificate->first != oracle_moment(c))
        refuse(c, "shrinking", "names another first impossible moment");
    bool weakened[CASE_OPS_MAX] = {false};
    for (size_t i = 0; i < certificate->weakened_count; i++)
        weakened[certificate->weakened[i]] = true;
    struct rift_problem *small = rift_problem_subset(
        &c->problem, certificate->ops, certificate->op_count, weakened, certificate->moment);
    if (has_order_from_any_start(small, certificate->is_start_unknown))
        refuse(c, "shrinking", "the small set proves nothing");
    if (oracle_is_linearizable(&c->problem))
        refuse(c, "shrinking", "there is nothing to prove");
    rift_problem_destroy(small);
}

/* Shrinking accepts a set only where it is impossible. Were one of its moves no proof, it would
 * turn some history that is linearizable into an impossible set. */
static void check_that_nothing_proves_a_valid_one_invalid(struct linear_case *c)
{
    struct rift_certificate claim = {.moment = RIFT_EVENT_NEVER, .first = RIFT_EVENT_NEVER};
    if (c->problem.event_count > 0 &&
        rift_explain_minimise(&c->problem, &unlimited, &claim) != RIFT_REFUTED)
        refuse(c, "shrinking", "proves a linearizable history impossible");
    rift_certificate_finish(&claim);
}

/* The just-in-time walks: exact, with the narrowest of beams, relaxed. */
static void check_walks(const struct linear_case *c, bool is_valid)
{
    struct jit_plan plan;
    struct rift_certificate certificate = {0};
    if (jit_plan_init(&plan, &c->problem)) {
        struct jit_run exact, beam, relaxed;
        jit_run_init(&exact, &plan, false, &unlimited);
        enum rift_answer answer = jit_run_exact(&exact, UINT64_MAX, &certificate);
        check_answer(c, "exact walk", is_valid, answer, &certificate);
        rift_certificate_finish(&certificate);
        jit_run_finish(&exact);
        jit_run_init(&beam, &plan, false, &unlimited);
        answer = jit_run_beam(&beam, 1, UINT64_MAX, &certificate);
        if (answer != RIFT_ANSWER_NONE)
            check_answer(c, "beam", is_valid, answer, &certificate);
        rift_certificate_finish(&certificate);
        jit_run_finish(&beam);
        if (plan.is_register && !plan.has_negative) {
            jit_run_init(&relaxed, &plan, true, &unlimited);
            answer = jit_run_exact(&relaxed, UINT64_MAX, &certificate);
            if (answer == RIFT_ANSWER_INVALID)
                check_answer(c, "relaxed walk", is_valid, answer, &certificate);
            jit_run_finish(&relaxed);
        }
    }
    jit_plan_finish(&plan);
}

/* Gives ops that do not overlap to few processes, which end with their crashed ops or go on. */
static void assign_processes(struct linear_case *c, bool goes_on)
{
    uint32_t free_since[CASE_OPS_MAX] = {0};
    for (size_t i = 0; i < c->problem.count; i++) {
        int32_t process = 0;
        while (free_since[process] > c->ops[i].invoke)
            process++;
        c->ops[i].process = process;
        bool is_crashed = c->ops[i].complete == RIFT_EVENT_NEVER;
        free_since[process] = is_crashed && goes_on ? c->ops[i].invoke + 1 : c->ops[i].complete;
    }
}

static void check_sequential(struct linear_case *c)
{
    if (c->problem.model->has_choices)
        return;
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        assign_processes(c, goes_on);
        size_t longest;
        const struct rift_problem *object = &c->problem;
        enum rift_answer answer = rift_judge_sequential(&object, 1, &unlimited, &longest);
        if (answer != (oracle_is_sequential(&c->problem) ? RIFT_ANSWER_VALID : RIFT_ANSWER_INVALID))
            refuse(c, "sequential", "disagrees with the brute force");
    }
}

static void visit(struct linear_case *c, void *context)
{
    struct tally *tally = context;
    bool is_valid = oracle_is_linearizable(&c->problem);
    struct rift_certificate certificate = {0};
    enum rift_answer answer = rift_search(&c->problem, &unlimited, &certificate, NULL);
    check_answer(c, "search", is_valid, answer, &certificate);
    if (!is_valid && tally->invalid % tally->shrink_one_in == 0)
        check_shrunk(c, &certificate);
    if (is_valid && tally->valid % tally->shrink_one_in == 0)
        check_that_nothing_proves_a_valid_one_invalid(c);
    rift_certificate_finish(&certificate);
    check_walks(c, is_valid);
    check_sequential(c);
    struct rift_judgement judgement;
    rift_judge_problem(&c->problem, &unlimited, 1, &judgement);
    check_answer(c, judgement.algorithm, is_valid, judgement.answer, &judgement.certificate);
    rift_judgement_finish(&judgement);
    tally->valid += is_valid;
    tally->invalid += !is_valid;
}

static void report(const char *model, const char *what, size_t op_max, const struct tally *tally,
                   int64_t began)
{
    print_message("%s: %s of up to %zu ops: %zu valid, %zu invalid, %.0f s\n", model, what, op_max,
                  tally->valid, tally->invalid, (double)(rift_clock_now() - began) / 1e9);
    assert_true(tally->valid > 0 && tally->invalid > 0);
}

/* What the long form does in ten minutes for each model. */
static size_t largest_size(const struct linear_alphabet *alphabet)
{
    size_t calls = 0;
    while (alphabet->calls[calls].kind != RIFT_CALL_KIND_COUNT)
        calls++;
    return calls <= 3 ? 7 : calls <= 6 ? 6 : 5;
}

static void
every_small_history_is_judged_as_the_brute_force_judges_it(const struct linear_alphabet *alphabet,
                                                           struct linear_object *object)
{
    size_t op_max = is_long() ? largest_size(alphabet) : 3;
    int64_t began = rift_clock_now();
    struct tally tally = {.shrink_one_in = is_long() ? 1024 : 4};
    for (size_t n = 0; n <= op_max; n++)
        linear_cases_every(alphabet, object, n, visit, &tally);
    report(alphabet->model, "every history", op_max, &tally, began);
}

static void
random_histories_are_judged_as_the_brute_force_judges_them(const struct linear_alphabet *alphabet,
                                                           struct linear_object *object)
{
    uint64_t rounds = is_long() ? 1000000 : 2500;
    int64_t began = rift_clock_now();
    struct tally tally = {.shrink_one_in = is_long() ? 256 : 8};
    struct rift_rng rng;
    rift_rng_init_named(&rng, 1, alphabet->model);
    for (uint64_t i = 0; i < rounds; i++) {
        struct linear_case c;
        linear_case_random(&c, alphabet, object, 4 + i % 6, 2 + i % 3, &rng);
        visit(&c, &tally);
    }
    report(alphabet->model, "random ones", 9, &tally, began);
}

static void agrees_with_the_brute_force(void **state)
{
    const struct linear_alphabet *alphabet = *state;
    struct linear_object *object = linear_object_create(alphabet);
    if (!is_random_alone)
        every_small_history_is_judged_as_the_brute_force_judges_it(alphabet, object);
    random_histories_are_judged_as_the_brute_force_judges_them(alphabet, object);
    linear_object_destroy(object);
}

int main(int argc, char **argv)
{
    enum { TESTS_MAX = 32 };
    struct CMUnitTest linearizability[TESTS_MAX];
    size_t count = 0;
    for (const struct linear_alphabet *a = linear_alphabets; a->model && count < TESTS_MAX; a++)
        linearizability[count++] = (struct CMUnitTest){a->model, agrees_with_the_brute_force, NULL,
                                                       NULL, (void *)(uintptr_t)a};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    is_random_alone = argc > 2 && strcmp(argv[2], "random") == 0;
    return _cmocka_run_group_tests("linearizability", linearizability, count, NULL, NULL);
}

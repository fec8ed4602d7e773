/* Histories too long for a brute force: the walks and the general search, which share no idea but
 * the problem, must agree on each, and every small set must be a proof for the search. RIFT_LONG=1:
 * more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "checkers/linearizability/explain.h"
#include "checkers/linearizability/jit/run.h"
#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/necessary.h"
#include "checkers/linearizability/replay.h"
#include "common/clock.h"
#include "common/rng.h"
#include "tests/lib/lin_family.h"

enum { SEARCH_MS = 300 };

struct tally {
    size_t valid, invalid, undecided, necessary, relaxed, cut;
};

static struct rift_limits limits(void)
{
    return (struct rift_limits){.deadline_ns = rift_clock_now() + SEARCH_MS * RIFT_MS,
                                .memory_bytes = 256u << 20};
}

/* Some reads get another answer, most of them one that was written at some time. */
static void spoil(struct rift_problem *problem, struct rift_rng *rng)
{
    for (uint64_t n = rift_rng_below(rng, 3); n > 0; n--) {
        struct rift_problem_op *op = &problem->ops[rift_rng_below(rng, problem->count)];
        if (op->call.kind == RIFT_CALL_READ)
            op->call.a = (uint32_t)rift_rng_below(rng, problem->value_count);
    }
}

static void agree(const char *who, uint64_t seed, enum rift_answer search, enum rift_answer other)
{
    if (other != RIFT_ANSWER_NONE && other != search)
        fail_msg("seed %llu: %s says %d, the search %d", (unsigned long long)seed, who, (int)other,
                 (int)search);
}

static enum rift_answer walk(const struct rift_problem *problem, const struct jit_plan *plan,
                             const char *who, uint64_t seed, enum rift_answer search,
                             struct tally *tally)
{
    struct rift_limits now = limits();
    struct rift_certificate certificate = {0};
    struct rift_error err;
    struct jit_run run;
    bool is_relaxed = who[0] == 'r';
    jit_run_init(&run, plan, is_relaxed, &now);
    enum rift_answer answer = who[0] == 'b' ? jit_run_beam(&run, 2, UINT64_MAX, &certificate)
                                            : jit_run_exact(&run, UINT64_MAX, &certificate);
    agree(who, seed, search, answer);
    if (answer == RIFT_ANSWER_VALID &&
        rift_replay_order(problem, certificate.order, certificate.order_count, &err) < 0)
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed, who, err.text);
    tally->cut += who[0] == 'b' && run.restarts > 0;
    tally->relaxed += is_relaxed && answer == RIFT_ANSWER_INVALID;
    rift_certificate_finish(&certificate);
    jit_run_finish(&run);
    return answer;
}

static void compare(struct rift_problem *problem, uint64_t seed, struct tally *tally)
{
    struct rift_limits now = limits();
    struct rift_certificate certificate = {0};
    enum rift_answer search = rift_search(problem, &now, &certificate, NULL);
    tally->valid += search == RIFT_ANSWER_VALID;
    tally->invalid += search == RIFT_ANSWER_INVALID;
    tally->undecided += search == RIFT_ANSWER_NONE;
    if (search != RIFT_ANSWER_NONE) {
        struct jit_plan plan;
        assert_true(jit_plan_init(&plan, problem));
        walk(problem, &plan, "exact", seed, search, tally);
        walk(problem, &plan, "beam", seed, search, tally);
        if (plan.class_count > 0 && !plan.has_negative) {
            enum rift_answer relaxed = RIFT_ANSWER_NONE;
            if (search == RIFT_ANSWER_INVALID)
                walk(problem, &plan, "relaxed", seed, search, tally);
            else
                relaxed = walk(problem, &plan, "relaxed", seed, search, tally);
            assert_int_not_equal(relaxed, RIFT_ANSWER_INVALID);
        }
        jit_plan_finish(&plan);
        struct rift_certificate reason = {0};
        if (rift_fails_necessary(problem, &reason)) {
            agree("necessary tests", seed, search, RIFT_ANSWER_INVALID);
            tally->necessary++;
        }
        rift_certificate_finish(&reason);
    }
    if (search == RIFT_ANSWER_INVALID && seed % 4 == 0) {
        now = limits();
        if (rift_explain_minimise(problem, &now, &certificate) == RIFT_REFUTED)
            fail_msg("seed %llu: the small set has an order", (unsigned long long)seed);
    }
    rift_certificate_finish(&certificate);
}

static void walks_and_search_agree_on_longer_histories(void **state)
{
    (void)state;
    uint64_t rounds = getenv("RIFT_LONG") ? 100000 : 5000;
    static const struct {
        const char *model;
        enum lin_kind kind;
    } families[] = {{"cas-register", LIN_CAS}, {"etcd", LIN_CAS}, {"register", LIN_UNIQUE}};
    for (size_t k = 0; k < sizeof families / sizeof families[0]; k++) {
        struct tally tally = {0};
        for (uint64_t seed = 1; seed <= rounds; seed++) {
            struct lin_family family = {.kind = families[k].kind,
                                        .value_count = 2 + (unsigned)(seed % 4),
                                        .op_count = 12 + seed % 50,
                                        .client_count = 2 + (unsigned)(seed % 5),
                                        .crash_percent = (unsigned)(seed % 4) * 8,
                                        .seed = seed};
            struct rift_history *history = lin_family_make(&family, NULL);
            struct rift_rng rng;
            rift_rng_init(&rng, seed);
            uint32_t rows[64];
            for (uint32_t i = 0; i < history->ops.count; i++)
                rows[i] = i;
            struct rift_problem_options options = {0};
            struct rift_error err;
            struct rift_problem *problem =
                rift_problem_create(rift_model_find(families[k].model), history, rows,
                                    history->ops.count, &options, &err);
            spoil(problem, &rng);
            compare(problem, seed, &tally);
            rift_problem_destroy(problem);
            rift_history_destroy(history);
        }
        print_message("%s: %zu valid, %zu invalid, %zu undecided; necessary tests %zu, relaxed "
                      "%zu, beams that went back %zu\n",
                      families[k].model, tally.valid, tally.invalid, tally.undecided,
                      tally.necessary, tally.relaxed, tally.cut);
        assert_true(tally.valid > rounds / 10 && tally.invalid > rounds / 10);
        assert_true(tally.necessary > 0 && tally.cut > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_and_search_agree_on_longer_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

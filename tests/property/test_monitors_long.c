/* Histories of thousands of ops, past what a brute force can do: simulated ones are linearizable
 * and their orders must replay; ones with an answer swapped are judged by searching what proves
 * them invalid. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/replay.h"
#include "checkers/linearizability/search.h"
#include "checkers/monitors/monitor.h"
#include "checkers/monitors/stack_count.h"
#include "common/clock.h"
#include "common/rng.h"
#include "tests/lib/simulated_object.h"

enum { OP_COUNT = 3000, PROOF_OPS_MAX = 60 };

/* The first answer of the monitors that serve the problem's model. */
static enum rift_monitor_answer judge(const struct rift_problem *problem,
                                      struct rift_certificate *certificate)
{
    for (size_t i = 0; rift_monitors[i]; i++)
        for (const char *const *name = rift_monitors[i]->models; *name; name++) {
            if (strcmp(*name, problem->model->name) != 0)
                continue;
            enum rift_monitor_answer answer = rift_monitors[i]->judge(problem, NULL, certificate);
            if (answer != RIFT_MONITOR_NOT_APPLICABLE)
                return answer;
        }
    return RIFT_MONITOR_NOT_APPLICABLE;
}

static struct simulated_mix mix_of(int kind, unsigned variant, uint64_t seed)
{
    bool has_looks = kind >= SIMULATED_SET && kind <= SIMULATED_UNORDERED_QUEUE;
    return (struct simulated_mix){kind,
                                  OP_COUNT,
                                  3 + 4 * (unsigned)(seed % 4),
                                  variant & 1 ? 20 : 0,
                                  (variant & 2) && has_looks ? 20 : 0,
                                  seed};
}

static void simulated_histories_are_valid_and_replay(void **state)
{
    (void)state;
    unsigned silent = 0, stacks = 0;
    for (int kind = 0; kind < SIMULATED_KIND_COUNT; kind++)
        for (unsigned variant = 0; variant < 4; variant++)
            for (uint64_t seed = 1; seed <= (kind == SIMULATED_STACK ? 40u : 4u); seed++) {
                struct simulated_mix mix = mix_of(kind, variant, seed);
                struct rift_problem *problem = simulated_create(&mix);
                struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER};
                struct rift_error err = {0};
                enum rift_monitor_answer answer = judge(problem, &certificate);
                bool may_be_silent = kind == SIMULATED_STACK && variant == 3;
                stacks += may_be_silent;
                if (answer == RIFT_MONITOR_NOT_APPLICABLE && may_be_silent)
                    silent++;
                else if (answer != RIFT_MONITOR_VALID ||
                         rift_replay_order(problem, certificate.order, certificate.order_count,
                                           &err))
                    fail_msg("%s, variant %u, seed %u: answer %d %s", problem->model->name, variant,
                             (unsigned)seed, (int)answer, err.text);
                rift_certificate_finish(&certificate);
                simulated_destroy(problem);
            }
    print_message("%u of %u stacks with peeks and crashed pops without an answer\n", silent,
                  stacks);
    assert_true(silent <= stacks / 20);
}

/* What really happened has an order, whatever else of the monitor would have found it first. */
static void count_of_buried_values_refutes_nothing_that_happened(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct simulated_mix mix = mix_of(SIMULATED_STACK, seed & 1 ? 1 : 3, seed);
        struct rift_problem *problem = simulated_create(&mix);
        struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER};
        struct monitor_container container;
        assert_int_equal(monitor_container_init(&container, problem, &certificate),
                         RIFT_MONITOR_VALID);
        assert_true(monitor_stack_count(&container, &certificate));
        monitor_container_finish(&container);
        rift_certificate_finish(&certificate);
        simulated_destroy(problem);
    }
}

/* Swaps the answers of two completed ops that are far from each other. */
static bool answers_swap(struct rift_problem *problem, struct rift_rng *rng)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        size_t i = rift_rng_below(rng, problem->count / 2);
        size_t j = i + 300 + rift_rng_below(rng, problem->count / 2 - 300);
        struct rift_problem_op *a = &problem->ops[i], *b = &problem->ops[j];
        bool answers = a->call.kind == RIFT_CALL_TAKE || a->call.kind == RIFT_CALL_READ ||
                       a->call.kind == RIFT_CALL_FETCH_ADD;
        if (!answers || a->call.kind != b->call.kind || a->complete == RIFT_EVENT_NEVER ||
            b->complete == RIFT_EVENT_NEVER || (a->call.a == b->call.a && a->call.b == b->call.b))
            continue;
        struct rift_call call = a->call;
        a->call = b->call;
        b->call = call;
        return true;
    }
    return false;
}

static void check_proof(const struct rift_problem *problem,
                        const struct rift_certificate *certificate)
{
    bool *weakened = calloc(problem->count, sizeof *weakened);
    for (size_t i = 0; i < certificate->weakened_count; i++)
        weakened[certificate->weakened[i]] = true;
    struct rift_problem *core = rift_problem_subset(
        problem, certificate->ops, certificate->op_count, weakened, certificate->moment);
    struct rift_limits limits = {rift_clock_now() + 10 * RIFT_SECOND, 1u << 30, NULL};
    struct rift_certificate found = {0};
    uint32_t reached;
    enum rift_answer answer = rift_search(core, &limits, &found, &reached);
    if (answer == RIFT_ANSWER_VALID)
        fail_msg("%s: the proof '%s' of %zu ops has an order", problem->model->name,
                 certificate->pattern, certificate->op_count);
    rift_certificate_finish(&found);
    rift_problem_destroy(core);
    free(weakened);
}

static void swapped_answers_are_invalid_by_a_small_proof(void **state)
{
    (void)state;
    unsigned small = 0, all = 0;
    struct rift_rng rng;
    rift_rng_init(&rng, 5);
    for (int kind = 0; kind < SIMULATED_KIND_COUNT; kind++)
        for (unsigned variant = 0; variant < 4; variant++)
            for (uint64_t seed = 1; seed <= 4; seed++) {
                struct simulated_mix mix = mix_of(kind, variant, seed);
                struct rift_problem *problem = simulated_create(&mix);
                struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER};
                if (kind != SIMULATED_UNORDERED_QUEUE && answers_swap(problem, &rng) &&
                    judge(problem, &certificate) == RIFT_MONITOR_INVALID) {
                    all++;
                    small += certificate.op_count <= PROOF_OPS_MAX;
                    if (certificate.op_count <= PROOF_OPS_MAX)
                        check_proof(problem, &certificate);
                }
                rift_certificate_finish(&certificate);
                simulated_destroy(problem);
            }
    print_message("%u invalid, %u of them by at most %d ops\n", all, small, PROOF_OPS_MAX);
    assert_true(all >= 60 && small >= all / 2);
}

/* Any answer changed a little, in histories that the search can still exhaust. */
static void answer_change(struct rift_problem *problem, struct rift_rng *rng)
{
    struct rift_problem_op *op = &problem->ops[rift_rng_below(rng, problem->count)];
    struct rift_problem_op *other = &problem->ops[rift_rng_below(rng, problem->count)];
    if (op->complete == RIFT_EVENT_NEVER || other->complete == RIFT_EVENT_NEVER)
        return;
    if (op->call.kind == other->call.kind && op->call.kind != RIFT_CALL_INSERT &&
        op->call.kind != RIFT_CALL_WRITE) {
        struct rift_call call = op->call;
        op->call = other->call;
        other->call = call;
    } else if (op->call.kind == RIFT_CALL_TAKE && rift_rng_below(rng, 3) == 0) {
        op->call = (struct rift_call){RIFT_CALL_TAKE_EMPTY, 0, 0};
    }
}

static void middling_histories_agree_with_the_search(void **state)
{
    (void)state;
    const char *is_long = getenv("RIFT_LONG");
    unsigned rounds = is_long && *is_long ? 3000 : 150, valid = 0, invalid = 0, silent = 0;
    struct rift_rng rng;
    rift_rng_init(&rng, 11);
    for (unsigned round = 0; round < rounds * SIMULATED_KIND_COUNT; round++) {
        int kind = (int)(round % SIMULATED_KIND_COUNT);
        struct simulated_mix mix = mix_of(kind, (unsigned)rift_rng_below(&rng, 4), round + 1);
        mix.op_count = 15 + rift_rng_below(&rng, 30);
        mix.client_count = 2 + (unsigned)rift_rng_below(&rng, 4);
        mix.crash_permille *= 5;
        struct rift_problem *problem = simulated_create(&mix);
        if (problem->count > 0 && rift_rng_below(&rng, 2))
            answer_change(problem, &rng);
        struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER}, found = {0};
        struct rift_limits limits = {rift_clock_now() + 2 * RIFT_SECOND, 1u << 28, NULL};
        uint32_t reached;
        enum rift_monitor_answer answer = judge(problem, &certificate);
        enum rift_answer truth = rift_search(problem, &limits, &found, &reached);
        valid += answer == RIFT_MONITOR_VALID;
        invalid += answer == RIFT_MONITOR_INVALID;
        silent += answer == RIFT_MONITOR_NOT_APPLICABLE;
        if ((answer == RIFT_MONITOR_VALID && truth == RIFT_ANSWER_INVALID) ||
            (answer == RIFT_MONITOR_INVALID && truth == RIFT_ANSWER_VALID))
            fail_msg("%s, round %u: the monitor says %d, the search %d", problem->model->name,
                     round, (int)answer, (int)truth);
        rift_certificate_finish(&certificate);
        rift_certificate_finish(&found);
        simulated_destroy(problem);
    }
    print_message("%u valid, %u invalid, %u without an answer\n", valid, invalid, silent);
    assert_true(invalid > rounds / 2 && silent < rounds / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_histories_are_valid_and_replay),
        cmocka_unit_test(count_of_buried_values_refutes_nothing_that_happened),
        cmocka_unit_test(swapped_answers_are_invalid_by_a_small_proof),
        cmocka_unit_test(middling_histories_agree_with_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/property/monitor_oracle.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const call_names[RIFT_CALL_KIND_COUNT] = {
    [RIFT_CALL_READ] = "read",
    [RIFT_CALL_WRITE] = "write",
    [RIFT_CALL_CAS] = "cas",
    [RIFT_CALL_CAS_FAILED] = "cas-failed",
    [RIFT_CALL_EXCHANGE] = "exchange",
    [RIFT_CALL_INSERT] = "insert",
    [RIFT_CALL_TAKE] = "take",
    [RIFT_CALL_TAKE_EMPTY] = "take-empty",
    [RIFT_CALL_TAKE_UNKNOWN] = "take-unknown",
    [RIFT_CALL_PEEK] = "peek",
    [RIFT_CALL_PEEK_EMPTY] = "peek-empty",
    [RIFT_CALL_ADD] = "add",
    [RIFT_CALL_ADD_NEW] = "add-new",
    [RIFT_CALL_REMOVE] = "remove",
    [RIFT_CALL_REMOVE_FOUND] = "remove-found",
    [RIFT_CALL_CONTAINS] = "contains",
    [RIFT_CALL_LACKS] = "lacks",
    [RIFT_CALL_INCREMENT] = "increment",
    [RIFT_CALL_FETCH_ADD] = "fetch-add",
    [RIFT_CALL_ADD_FETCH] = "add-fetch",
    [RIFT_CALL_ACQUIRE] = "acquire",
    [RIFT_CALL_RELEASE] = "release",
    [RIFT_CALL_REFUSED] = "refused",
};

void oracle_history_print(const struct oracle_history *history)
{
    for (size_t i = 0; i < history->problem.count; i++) {
        const struct rift_problem_op *op = &history->ops[i];
        const char *name = call_names[op->call.kind];
        printf("  %zu: [%u,", i, op->invoke);
        if (op->complete == RIFT_EVENT_NEVER)
            printf("-] ");
        else
            printf("%u] ", op->complete);
        printf("%s %u %u\n", name ? name : "?", op->call.a, op->call.b);
    }
}

static bool core_is_wrong(enum oracle_object object, const struct oracle_history *history,
                          const struct rift_certificate *certificate)
{
    struct oracle_history core = *history;
    core.problem.ops = core.ops;
    core.problem.count = 0;
    for (size_t i = 0; i < certificate->op_count; i++) {
        uint32_t index = certificate->ops[i];
        struct rift_problem_op op = history->ops[index];
        bool is_weakened = op.complete > certificate->moment;
        for (size_t j = 0; j < certificate->weakened_count; j++)
            is_weakened |= certificate->weakened[j] == index;
        if (is_weakened && op.complete != RIFT_EVENT_NEVER) {
            struct rift_call left;
            if (!oracle_call_crash(&op.call, &left))
                continue;
            op.call = left;
            op.complete = RIFT_EVENT_NEVER;
        }
        core.ops[core.problem.count++] = op;
    }
    return !oracle_is_linearizable(object, &core.problem);
}

static void certificate_free(struct rift_certificate *certificate)
{
    free(certificate->order);
    free(certificate->ops);
    free(certificate->weakened);
    free(certificate->text);
}

static void disagree(const struct rift_monitor *monitor, const struct oracle_history *history,
                     const struct rift_certificate *certificate, const char *what)
{
    printf("%s: %s (%s)\n", monitor->name, what,
           certificate->pattern ? certificate->pattern : "no pattern");
    oracle_history_print(history);
    printf("  order:");
    for (size_t i = 0; i < certificate->order_count; i++)
        printf(" %u", certificate->order[i]);
    printf("\n  proof:");
    for (size_t i = 0; i < certificate->op_count; i++)
        printf(" %u", certificate->ops[i]);
    printf("\n");
    fail_msg("%s: %s", monitor->name, what);
}

void oracle_check(const struct rift_monitor *monitor, enum oracle_object object,
                  const struct oracle_history *history, struct oracle_tally *tally)
{
    struct rift_certificate certificate = {.moment = RIFT_EVENT_NEVER};
    enum rift_monitor_answer answer = monitor->judge(&history->problem, NULL, &certificate);
    if (answer == RIFT_MONITOR_VALID) {
        tally->valid++;
        if (!oracle_order_is_right(object, &history->problem, certificate.order,
                                   certificate.order_count))
            disagree(monitor, history, &certificate, "valid, but its order does not replay");
    } else if (answer == RIFT_MONITOR_INVALID) {
        tally->invalid++;
        if (oracle_is_linearizable(object, &history->problem))
            disagree(monitor, history, &certificate, "invalid, but an order exists");
        if (!core_is_wrong(object, history, &certificate))
            disagree(monitor, history, &certificate, "invalid, but its proof has an order");
    } else {
        tally->silent++;
        if (certificate.order_count || certificate.op_count)
            disagree(monitor, history, &certificate, "silent, but with a certificate");
    }
    certificate_free(&certificate);
}

static bool is_long_run(void)
{
    const char *is_long = getenv("RIFT_LONG");
    return is_long && *is_long;
}

struct check_each {
    const struct rift_monitor *monitor;
    enum oracle_object object;
    struct oracle_tally tally;
};

static void check_visited(struct oracle_history *history, void *data)
{
    struct check_each *each = data;
    oracle_check(each->monitor, each->object, history, &each->tally);
}

static void tally_print(const struct oracle_tally *tally)
{
    printf("valid %zu, invalid %zu, silent %zu, unexplained %zu\n", tally->valid, tally->invalid,
           tally->silent, tally->unexplained);
}

struct oracle_tally oracle_check_all(const struct rift_monitor *monitor, enum oracle_object object,
                                     const struct oracle_alphabet *alphabet, unsigned short_max)
{
    struct check_each each = {.monitor = monitor, .object = object};
    for (unsigned count = 0; count <= short_max + is_long_run(); count++)
        oracle_histories_all(object, count, alphabet, check_visited, &each);
    tally_print(&each.tally);
    return each.tally;
}

struct oracle_tally oracle_check_random(const struct rift_monitor *monitor,
                                        enum oracle_object object, size_t short_count)
{
    struct oracle_tally tally = {0};
    struct rift_rng rng;
    rift_rng_init_named(&rng, 1, monitor->name);
    for (size_t round = 0; round < (is_long_run() ? 1000000 : short_count); round++) {
        struct oracle_mix mix = {
            .object = object,
            .op_count = 3 + (unsigned)rift_rng_below(&rng, ORACLE_OPS - 4),
            .client_count = 2 + (unsigned)rift_rng_below(&rng, 5),
            .crash_percent = (unsigned)rift_rng_below(&rng, 2) * (unsigned)rift_rng_below(&rng, 50),
            .repeats_values = rift_rng_below(&rng, object == ORACLE_SET ? 2 : 20) == 0,
            .observes = rift_rng_below(&rng, 2) == 0,
        };
        struct oracle_history history;
        oracle_history_random(&history, &mix, &rng);
        size_t silent = tally.silent;
        oracle_check(monitor, object, &history, &tally);
        tally.unexplained += tally.silent > silent && !mix.repeats_values;
    }
    tally_print(&tally);
    return tally;
}

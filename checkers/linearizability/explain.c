#include "checkers/linearizability/explain.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/start.h"
#include "checkers/linearizability/words.h"
#include "common/clock.h"
#include "common/memory.h"

enum { OPS_IN_TEXT_MAX = 12, EXPLAIN_MS = 2000, STARTS_MAX = 64 };

struct explanation {
    const struct rift_problem *problem;
    const struct rift_certificate *certificate;
    bool *is_weakened; /* by op of the problem */
    uint32_t last;     /* the op whose completion made it impossible; NEVER: not known */
    const char *pattern;
    struct rift_text text;
};

static bool is_closed(const struct explanation *e, uint32_t op)
{
    return e->problem->ops[op].complete <= e->certificate->moment &&
           e->problem->ops[op].complete != RIFT_EVENT_NEVER && !e->is_weakened[op];
}

/* The kept op with the latest completion that counts. */
static uint32_t find_last(const struct explanation *e)
{
    uint32_t last = RIFT_EVENT_NEVER;
    for (size_t i = 0; i < e->certificate->op_count; i++) {
        uint32_t op = e->certificate->ops[i];
        if (is_closed(e, op) && (last == RIFT_EVENT_NEVER ||
                                 e->problem->ops[op].complete > e->problem->ops[last].complete))
            last = op;
    }
    return last;
}

/* The value a register's op sets; false for other ops. */
static bool sets_value(const struct rift_call *call, uint32_t *value)
{
    if (call->kind == RIFT_CALL_WRITE)
        *value = call->a;
    else if (call->kind == RIFT_CALL_CAS || call->kind == RIFT_CALL_EXCHANGE)
        *value = call->b;
    else
        return false;
    return true;
}

static bool expects_value(const struct rift_call *call)
{
    return call->kind == RIFT_CALL_READ || call->kind == RIFT_CALL_CAS ||
           call->kind == RIFT_CALL_EXCHANGE;
}

/* Registers: "read 1" though nobody ever wrote 1, or though every write of 1 was over before
 * another update, that was itself over before the read began. */
static void tell_register(struct explanation *e, uint32_t reader)
{
    const struct rift_problem_op *ops = e->problem->ops;
    uint32_t value = ops[reader].call.a, written, latest_write = 0;
    bool is_written = e->certificate->is_start_unknown || value == e->problem->initial;
    for (size_t i = 0; i < e->certificate->op_count; i++) {
        uint32_t op = e->certificate->ops[i];
        if (op == reader || !sets_value(&ops[op].call, &written) || written != value ||
            ops[op].invoke > ops[reader].complete)
            continue;
        is_written = true;
        uint32_t end = is_closed(e, op) ? ops[op].complete : RIFT_EVENT_NEVER;
        latest_write = end > latest_write ? end : latest_write;
    }
    if (!is_written) {
        e->pattern = "thin-air read";
        rift_text_append(&e->text, " No write of that value had begun by then.");
        return;
    }
    for (size_t i = 0; i < e->certificate->op_count; i++) {
        uint32_t op = e->certificate->ops[i];
        if (!sets_value(&ops[op].call, &written) || written == value || !is_closed(e, op) ||
            ops[op].complete > ops[reader].invoke || ops[op].invoke < latest_write)
            continue;
        e->pattern = "stale read";
        rift_text_append(&e->text, " That value was gone: ");
        rift_words_op(e->problem, op, &e->text);
        rift_text_append(&e->text,
                         " had completed before that began, and no write of the value that was "
                         "seen was open or began since.");
        return;
    }
}

static void tell_head(struct explanation *e)
{
    const struct rift_problem *problem = e->problem;
    if (problem->key) {
        CLEANUP(rift_free)
        char *key =
            rift_value_print(problem->history->values, problem->history->keys[problem->key]);
        rift_text_printf(&e->text, "Key %s: ", key);
    }
    if (e->last == RIFT_EVENT_NEVER) {
        rift_text_printf(&e->text, "these %zu operations have no order.", e->certificate->op_count);
        return;
    }
    rift_words_op(problem, e->last, &e->text);
    if (e->certificate->op_count == 1)
        rift_text_append(&e->text, ", which is impossible by itself.");
    else
        rift_text_printf(&e->text, ", which fits into no order of these %zu operations.",
                         e->certificate->op_count);
    if (problem->model->is_scalar && expects_value(&problem->ops[e->last].call))
        tell_register(e, e->last);
    if (e->certificate->is_start_unknown)
        rift_text_append(&e->text, " This holds whatever the value was before them.");
}

static void tell_ops(struct explanation *e)
{
    size_t count = e->certificate->op_count;
    if (count > OPS_IN_TEXT_MAX)
        return;
    rift_text_append(&e->text, " The operations: ");
    for (size_t i = 0; i < count; i++) {
        rift_text_append(&e->text, i ? "; " : "");
        rift_words_op(e->problem, e->certificate->ops[i], &e->text);
        if (e->is_weakened[e->certificate->ops[i]])
            rift_text_append(&e->text, " [even if it took effect later, or never]");
    }
    rift_text_append(&e->text, ".");
}

static json_t *rows_of(const struct rift_problem *problem, const uint32_t *ops, size_t count)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(rows, json_integer(problem->ops[ops[i]].row));
    return rows;
}

/* The state after an order that was possible, followed along the first choice that fits. */
static uint32_t state_after(const struct rift_problem *problem, struct rift_states *states,
                            const struct rift_certificate *order)
{
    uint32_t state = problem->model->start(problem, states);
    for (size_t i = 0; i < order->order_count && state != RIFT_STATE_NONE; i++)
        state =
            problem->model->step(problem, states, state, &problem->ops[order->order[i]].call, 0);
    return state;
}

/* Why each op that is not in the order, and was invoked by then, cannot come next. */
static json_t *stuck_of(const struct rift_problem *small, const struct rift_problem *prefix,
                        const struct rift_certificate *order)
{
    json_t *stuck = json_array();
    struct rift_states *states = rift_states_create();
    uint32_t state = state_after(prefix, states, order);
    struct rift_text where = {0};
    if (state != RIFT_STATE_NONE)
        small->model->describe(small, states, state, &where);
    for (size_t i = 0; i < small->count && state != RIFT_STATE_NONE; i++) {
        bool is_ordered = false;
        for (size_t k = 0; k < order->order_count; k++)
            is_ordered |= prefix->ops[order->order[k]].row == small->ops[i].row;
        if (is_ordered ||
            small->model->step(small, states, state, &small->ops[i].call, 0) != RIFT_STATE_NONE)
            continue;
        struct rift_text why = {0};
        rift_text_printf(&why, "process %d ", small->ops[i].process);
        rift_words_call(small, &small->ops[i].call, &why);
        rift_text_printf(&why, ", but after this order there is %s", where.data);
        json_array_append_new(
            stuck, json_pack("{s:i, s:s}", "row", (int)small->ops[i].row, "text", why.data));
        rift_text_finish(&why);
    }
    rift_text_finish(&where);
    rift_states_destroy(states);
    return stuck;
}

/* Finds the value to begin with from which an order reaches furthest; that moment, or 0. */
static uint32_t furthest_start(struct rift_problem *small, const struct rift_limits *limits)
{
    uint32_t values[STARTS_MAX] = {small->initial}, best = small->initial, furthest = 0;
    uint32_t count = small->is_start_unknown ? rift_start_values(small, values, STARTS_MAX) : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct rift_certificate found = {0};
        small->initial = values[i];
        if (rift_search(small, limits, &found, NULL) == RIFT_ANSWER_INVALID &&
            found.moment > furthest) {
            furthest = found.moment;
            best = values[i];
        }
        rift_certificate_finish(&found);
    }
    small->initial = best;
    return furthest;
}

/* The longest order of the small set that was possible, up to just before it became impossible. */
static void add_order(const struct explanation *e, json_t *anomaly)
{
    const struct rift_certificate *certificate = e->certificate;
    struct rift_problem *small = rift_problem_subset(
        e->problem, certificate->ops, certificate->op_count, e->is_weakened, certificate->moment);
    struct rift_limits limits = {.deadline_ns = rift_clock_now() + EXPLAIN_MS * RIFT_MS,
                                 .memory_bytes = 64 << 20};
    small->is_start_unknown = certificate->is_start_unknown;
    uint32_t moment = furthest_start(small, &limits);
    if (moment > 0) {
        struct rift_problem *prefix = rift_problem_subset(small, NULL, 0, NULL, moment - 1);
        struct rift_certificate order = {0};
        if (rift_search(prefix, &limits, &order, NULL) == RIFT_ANSWER_VALID) {
            json_object_set_new(anomaly, "order", rows_of(prefix, order.order, order.order_count));
            json_object_set_new(anomaly, "stuck", stuck_of(small, prefix, &order));
        }
        rift_certificate_finish(&order);
        rift_problem_destroy(prefix);
    }
    rift_problem_destroy(small);
}

/* The time of the completion at which the whole history became impossible. */
static void add_time(const struct explanation *e, json_t *anomaly)
{
    const struct rift_problem *problem = e->problem;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->complete != e->certificate->first || op->complete == RIFT_EVENT_NEVER)
            continue;
        const struct rift_ops *ops = &problem->history->ops;
        if (problem->history->time_kind == RIFT_TIME_NS)
            json_object_set_new(anomaly, "time_ns", json_integer(ops->end[op->row]));
        else if (ops->time_end && ops->time_end[op->row] != RIFT_TIME_NEVER)
            json_object_set_new(anomaly, "time_ns", json_integer(ops->time_end[op->row]));
        json_object_set_new(anomaly, "moment_row", json_integer(op->row));
    }
}

void rift_explain_anomaly(const struct rift_problem *problem,
                          const struct rift_certificate *certificate, struct rift_verdict *verdict)
{
    struct explanation e = {.problem = problem, .certificate = certificate};
    e.is_weakened = rift_calloc(problem->count + 1, sizeof *e.is_weakened);
    for (size_t i = 0; i < certificate->weakened_count; i++)
        e.is_weakened[certificate->weakened[i]] = true;
    e.last = find_last(&e);
    e.pattern = certificate->pattern ? certificate->pattern : "nonlinearizable";
    tell_head(&e);
    tell_ops(&e);
    json_t *anomaly = rift_verdict_convict(verdict, e.pattern, "%s", e.text.data);
    if (problem->key)
        json_object_set_new(
            anomaly, "key",
            rift_value_to_json(problem->history->values, problem->history->keys[problem->key]));
    json_object_set_new(anomaly, "ops", rows_of(problem, certificate->ops, certificate->op_count));
    json_object_set_new(anomaly, "weakened",
                        rows_of(problem, certificate->weakened, certificate->weakened_count));
    json_object_set_new(anomaly, "confirmed", json_boolean(certificate->is_confirmed));
    add_order(&e, anomaly);
    add_time(&e, anomaly);
    rift_text_finish(&e.text);
    free(e.is_weakened);
}

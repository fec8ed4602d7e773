/* Builds one object's problem: translates its operations, orders all events, interns values. */
#include "checkers/linearizability/problem.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

enum { PREFETCH_ROWS = 12 };

/* Ids of values: open addressing, id + 1, 0 is free. */
struct value_table {
    uint32_t *slots;
    uint32_t size, capacity;
};

static uint32_t *intern_slot(const struct rift_problem *problem, struct rift_value value)
{
    const struct value_table *table = problem->intern;
    const struct rift_values *values = problem->history->values;
    uint32_t mask = table->size - 1;
    uint32_t at = (uint32_t)rift_value_hash(values, value) & mask;
    for (; table->slots[at]; at = (at + 1) & mask) {
        struct rift_value other = problem->values[table->slots[at] - 1];
        if (other.bits == value.bits || rift_value_equal(values, other, value))
            break;
    }
    return &table->slots[at];
}

static void intern_grow(struct rift_problem *problem)
{
    struct value_table *table = problem->intern;
    table->capacity *= 2;
    problem->values = rift_reallocarray(problem->values, table->capacity, sizeof *problem->values);
    problem->numbers =
        rift_reallocarray(problem->numbers, table->capacity, sizeof *problem->numbers);
    problem->is_number =
        rift_reallocarray(problem->is_number, table->capacity, sizeof *problem->is_number);
    free(table->slots);
    table->size = table->capacity * 2;
    table->slots = rift_calloc(table->size, sizeof *table->slots);
    for (uint32_t id = 0; id < problem->value_count; id++)
        *intern_slot(problem, problem->values[id]) = id + 1;
}

uint32_t rift_problem_intern(struct rift_problem *problem, struct rift_value value)
{
    uint32_t *slot = intern_slot(problem, value);
    if (*slot)
        return *slot - 1;
    struct value_table *table = problem->intern;
    if (problem->value_count == table->capacity) {
        intern_grow(problem);
        slot = intern_slot(problem, value);
    }
    uint32_t id = problem->value_count++;
    const struct rift_values *values = problem->history->values;
    bool is_number = rift_value_kind(values, value) == RIFT_INTEGER;
    problem->values[id] = value;
    problem->is_number[id] = is_number;
    problem->numbers[id] = is_number ? rift_value_as_integer(values, value) : 0;
    *slot = id + 1;
    return id;
}

static void intern_init(struct rift_problem *problem)
{
    struct value_table *table = rift_calloc(1, sizeof *table);
    table->capacity = 16;
    table->size = 32;
    table->slots = rift_calloc(table->size, sizeof *table->slots);
    problem->intern = table;
    problem->values = rift_calloc(table->capacity, sizeof *problem->values);
    problem->numbers = rift_calloc(table->capacity, sizeof *problem->numbers);
    problem->is_number = rift_calloc(table->capacity, sizeof *problem->is_number);
    rift_problem_intern(problem, RIFT_VALUE_NIL);
}

/* Code of each name of the history, -1 where the model has none. */
static int *problem_codes(const struct rift_model *model, const struct rift_history *history)
{
    int *codes = rift_calloc(history->names.count + 1, sizeof *codes);
    for (size_t i = 0; i < history->names.count; i++) {
        codes[i] = -1;
        for (const struct rift_operation_name *name = model->names; name->name; name++)
            if (strcmp(name->name, history->names.text[i]) == 0)
                codes[i] = name->code;
    }
    return codes;
}

/* 1 where the operation belongs into the problem, 0 where it is left out, -1 with an error. */
static int problem_translate_row(struct rift_problem *problem, uint32_t row, int code,
                                 struct rift_call *call, bool *is_open, struct rift_error *err)
{
    const struct rift_ops *ops = &problem->history->ops;
    const struct rift_model *model = problem->model;
    enum rift_op_type type = ops->type[row];
    if (type == RIFT_OP_FAIL && (!model->observes_failures || ops->end[row] == RIFT_TIME_NEVER))
        return 0;
    const char *name = problem->history->names.text[ops->f[row]];
    if (code < 0)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "operation %u is '%s', which the model %s does not have; its operations: "
                         "%s",
                         row, name, model->name, model->operations);
    *is_open = type == RIFT_OP_INFO || ops->end[row] == RIFT_TIME_NEVER;
    struct rift_model_op op = {
        .code = code,
        .type = *is_open ? RIFT_OP_INFO : type,
        .argument = ops->argument[row],
        .result = ops->result[row],
        .process = ops->process[row],
    };
    switch (model->translate(problem, &op, call, err)) {
    case RIFT_TRANSLATED:
        return 1;
    case RIFT_NO_INFORMATION:
        return 0;
    default:
        return rift_wrap(err, "operation %u (%s)", row, name);
    }
}

/* A heap of open operations, the earliest end on top. */
struct open_op {
    int64_t end;
    uint32_t index;
};

static void heap_push(struct open_op *heap, size_t *count, struct open_op item)
{
    size_t at = (*count)++;
    for (; at > 0 && item.end < heap[(at - 1) / 2].end; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = item;
}

static struct open_op heap_pop(struct open_op *heap, size_t *count)
{
    struct open_op top = heap[0], last = heap[--*count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < *count; at = child) {
        if (child + 1 < *count && heap[child + 1].end < heap[child].end)
            child++;
        if (last.end <= heap[child].end)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

/* Numbers all events in time order; at one moment invocations come before completions. */
static void problem_number_events(struct rift_problem *problem)
{
    const struct rift_ops *ops = &problem->history->ops;
    struct open_op *heap = rift_calloc(problem->count + 1, sizeof *heap);
    size_t open = 0;
    uint32_t event = 0;
    for (size_t i = 0; i < problem->count; i++) {
        struct rift_problem_op *op = &problem->ops[i];
        while (open > 0 && heap[0].end < ops->start[op->row])
            problem->ops[heap_pop(heap, &open).index].complete = event++;
        op->invoke = event++;
        if (op->complete != RIFT_EVENT_NEVER)
            heap_push(heap, &open, (struct open_op){ops->end[op->row], (uint32_t)i});
        else
            problem->info_count++;
    }
    while (open > 0)
        problem->ops[heap_pop(heap, &open).index].complete = event++;
    problem->event_count = event;
    free(heap);
}

/* The rows of one key of many lie far apart: without this most of the time goes into waiting. */
static void prefetch_row(const struct rift_ops *ops, uint32_t row)
{
    __builtin_prefetch(&ops->start[row]);
    __builtin_prefetch(&ops->end[row]);
    __builtin_prefetch(&ops->process[row]);
    __builtin_prefetch(&ops->f[row]);
    __builtin_prefetch(&ops->type[row]);
    __builtin_prefetch(&ops->argument[row]);
    __builtin_prefetch(&ops->result[row]);
}

static int problem_fill(struct rift_problem *problem, const uint32_t *rows, size_t row_count,
                        struct rift_error *err)
{
    CLEANUP(rift_free) int *codes = problem_codes(problem->model, problem->history);
    const struct rift_ops *ops = &problem->history->ops;
    problem->ops = rift_calloc(row_count + 1, sizeof *problem->ops);
    for (size_t i = 0; i < row_count; i++) {
        struct rift_problem_op *op = &problem->ops[problem->count];
        bool is_open = false;
        if (i + PREFETCH_ROWS < row_count)
            prefetch_row(ops, rows[i + PREFETCH_ROWS]);
        int code = codes[ops->f[rows[i]]];
        int kept = problem_translate_row(problem, rows[i], code, &op->call, &is_open, err);
        if (kept < 0)
            return -1;
        if (kept == 0)
            continue;
        op->row = rows[i];
        op->process = ops->process[rows[i]];
        op->complete = is_open ? RIFT_EVENT_NEVER : 0;
        problem->count++;
    }
    problem_number_events(problem);
    return 0;
}

struct rift_problem *rift_problem_create(const struct rift_model *model,
                                         const struct rift_history *history, const uint32_t *rows,
                                         size_t row_count,
                                         const struct rift_problem_options *options,
                                         struct rift_error *err)
{
    if (row_count > UINT32_MAX / 4) {
        rift_fail(err, RIFT_ERR_LIMIT, "one object has %zu operations, more than %u", row_count,
                  UINT32_MAX / 4);
        return NULL;
    }
    struct rift_problem *problem = rift_calloc(1, sizeof *problem);
    problem->model = model;
    problem->history = history;
    problem->capacity = options->capacity ? options->capacity : 1;
    if (row_count)
        problem->key = history->ops.key[rows[0]];
    problem->lists = rift_states_create();
    /* The empty list is 0, so that a 0 in a list can say "nothing weaker than this". */
    rift_states_intern(problem->lists, NULL, 0);
    intern_init(problem);
    problem->initial = rift_problem_intern(problem, options->initial);
    if (problem_fill(problem, rows, row_count, err) < 0) {
        rift_problem_destroy(problem);
        return NULL;
    }
    return problem;
}

struct rift_call rift_problem_weaken(const struct rift_problem *problem, struct rift_call call)
{
    if (call.kind != RIFT_CALL_TRANSACTION && call.kind != RIFT_CALL_MOVE)
        return rift_call_weakened(call);
    /* The first word of a full list is the list without answers; that one's first word is 0. */
    size_t count;
    const uint32_t *words = rift_states_words(problem->lists, call.b, &count);
    call.b = words[0] ? words[0] : call.b;
    return call;
}

/* What the subset keeps of one op: false: nothing. */
static bool subset_op(const struct rift_problem *problem, const struct rift_problem_op *from,
                      bool is_weakened, uint32_t until, struct rift_problem_op *to)
{
    if (from->invoke > until)
        return false;
    *to = *from;
    if ((is_weakened || from->complete > until) && from->complete != RIFT_EVENT_NEVER) {
        to->complete = RIFT_EVENT_NEVER;
        to->call = rift_problem_weaken(problem, from->call);
    }
    return to->call.kind != RIFT_CALL_KIND_COUNT;
}

struct rift_problem *rift_problem_subset(const struct rift_problem *problem,
                                         const uint32_t *indices, size_t count,
                                         const bool *weakened, uint32_t until)
{
    struct rift_problem *subset = rift_calloc(1, sizeof *subset);
    *subset = *problem;
    subset->intern = NULL;
    subset->count = subset->event_count = subset->info_count = 0;
    if (!indices)
        count = problem->count;
    subset->ops = rift_calloc(count + 1, sizeof *subset->ops);
    uint32_t *owner = rift_calloc(problem->event_count + 1, sizeof *owner);
    for (size_t k = 0; k < count; k++) {
        uint32_t i = indices ? indices[k] : (uint32_t)k;
        struct rift_problem_op *op = &subset->ops[subset->count];
        if (!subset_op(problem, &problem->ops[i], weakened && weakened[i], until, op))
            continue;
        subset->count++;
        owner[op->invoke] = (uint32_t)subset->count;
        if (op->complete != RIFT_EVENT_NEVER)
            owner[op->complete] = (uint32_t)subset->count;
        else
            subset->info_count++;
    }
    for (uint32_t old = 0; old < problem->event_count; old++) {
        if (!owner[old])
            continue;
        struct rift_problem_op *op = &subset->ops[owner[old] - 1];
        if (op->invoke == old)
            op->invoke = subset->event_count++;
        else
            op->complete = subset->event_count++;
    }
    free(owner);
    return subset;
}

void rift_problem_destroy(struct rift_problem *problem)
{
    if (!problem)
        return;
    struct value_table *table = problem->intern;
    if (table) {
        free(table->slots);
        free(table);
        free(problem->values);
        free(problem->numbers);
        free(problem->is_number);
        rift_states_destroy(problem->lists);
    }
    free(problem->ops);
    free(problem);
}

bool rift_limits_are_spent(const struct rift_limits *limits)
{
    if (limits->is_cancelled && atomic_load_explicit(limits->is_cancelled, memory_order_relaxed))
        return true;
    return limits->deadline_ns != INT64_MAX && rift_clock_now() >= limits->deadline_ns;
}

void rift_certificate_finish(struct rift_certificate *certificate)
{
    free(certificate->order);
    free(certificate->ops);
    free(certificate->weakened);
    free(certificate->text);
    *certificate = (struct rift_certificate){0};
}

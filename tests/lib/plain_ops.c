#include "tests/lib/plain_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

struct plain_value plain_integer(int number)
{
    return (struct plain_value){.kind = PLAIN_INTEGER, .number = number};
}

bool plain_equal(const struct plain_value *a, const struct plain_value *b)
{
    if (a->kind != b->kind || a->number != b->number || a->count != b->count)
        return false;
    return memcmp(a->items, b->items, (size_t)a->count * sizeof *a->items) == 0;
}

static struct rift_value word(struct rift_values *values, const char *text)
{
    return rift_value_keyword(values, text, strlen(text));
}

static struct rift_value balances(struct rift_values *values, const struct plain_value *plain)
{
    struct rift_value items[2 * PLAIN_ITEMS_MAX];
    for (int i = 0; i < plain->count; i++) {
        items[2 * i] = rift_value_integer(values, i);
        items[2 * i + 1] = rift_value_integer(values, plain->items[i]);
    }
    return rift_value_box(values, RIFT_MAP, items, 2 * (size_t)plain->count);
}

static struct rift_value transfer(struct rift_values *values, const struct plain_value *plain)
{
    bool is_deposit = plain->items[0] < 0;
    struct rift_value items[] = {
        word(values, "from"),
        is_deposit ? RIFT_VALUE_NIL : rift_value_integer(values, plain->items[0]),
        word(values, "to"),
        rift_value_integer(values, plain->items[1]),
        word(values, "amount"),
        rift_value_integer(values, plain->number)};
    return rift_value_box(values, RIFT_MAP, items, 6);
}

static struct rift_value transaction(struct rift_values *values, const char *f,
                                     const struct plain_value *plain)
{
    struct rift_value items[3 * PLAIN_ITEMS_MAX];
    size_t count = 0;
    for (int i = 0; i + 1 < plain->count; i += 2) {
        int value = plain->items[i + 1];
        items[count++] = word(values, f);
        items[count++] = rift_value_integer(values, plain->items[i]);
        items[count++] = value ? rift_value_integer(values, value) : RIFT_VALUE_NIL;
    }
    return rift_value_box(values, RIFT_TXN, items, count);
}

static struct rift_value watched(struct rift_values *values, const int *items)
{
    struct rift_value pair[] = {rift_value_integer(values, items[0]),
                                items[1] ? rift_value_integer(values, items[1]) : RIFT_VALUE_NIL};
    return rift_value_box(values, RIFT_LIST, pair, 2);
}

static struct rift_value to_value(struct rift_values *values, const struct plain_value *plain)
{
    struct rift_value items[PLAIN_ITEMS_MAX];
    switch (plain->kind) {
    case PLAIN_NIL:
        break;
    case PLAIN_FALSE:
        return rift_value_bool(false);
    case PLAIN_INTEGER:
        return rift_value_integer(values, plain->number);
    case PLAIN_LIST:
        for (int i = 0; i < plain->count; i++)
            items[i] = rift_value_integer(values, plain->items[i]);
        return rift_value_box(values, RIFT_LIST, items, (size_t)plain->count);
    case PLAIN_BALANCES:
        return balances(values, plain);
    case PLAIN_TRANSFER:
        return transfer(values, plain);
    case PLAIN_READS:
        return transaction(values, "r", plain);
    case PLAIN_WRITES:
        return transaction(values, "w", plain);
    case PLAIN_EVENT:
        return watched(values, plain->items);
    case PLAIN_EVENTS:
        for (int i = 0; i + 1 < plain->count; i += 2)
            items[i / 2] = watched(values, plain->items + i);
        return rift_value_box(values, RIFT_LIST, items, (size_t)plain->count / 2);
    }
    return RIFT_VALUE_NIL;
}

static void must(int result, const struct rift_error *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", err->text);
    abort();
}

static void add_fault_event(struct rift_builder *builder, int number, const char *f, int64_t at)
{
    struct rift_values *values = rift_builder_values(builder);
    struct rift_error err = {0};
    struct rift_value window[] = {rift_value_keyword(values, "window", strlen("window")),
                                  rift_value_integer(values, number)};
    struct rift_event event = {.process = RIFT_PROCESS_NEMESIS, .f = f};
    event.value = rift_value_box(values, RIFT_MAP, window, 2);
    must(rift_builder_add_op(builder, &event, RIFT_OP_INFO, at, at, RIFT_VALUE_NIL, &err), &err);
}

struct rift_history *plain_to_history(const struct plain_history *plain)
{
    struct rift_error err = {0};
    struct rift_builder *builder =
        rift_builder_create(plain->is_timed ? RIFT_TIME_NS : RIFT_TIME_LINES);
    struct rift_values *values = rift_builder_values(builder);
    for (int i = 0; i < plain->fault_count; i++) {
        add_fault_event(builder, i, "start-partition", plain->fault[i].start);
        if (plain->fault[i].end >= 0)
            add_fault_event(builder, i, "stop-partition", plain->fault[i].end);
    }
    for (int i = 0; i < plain->count; i++) {
        const struct plain_op *op = &plain->op[i];
        struct rift_event event = {.process = op->process,
                                   .f = op->f,
                                   .node = op->node,
                                   .error = op->error,
                                   .has_key = op->key != 0,
                                   .value = to_value(values, &op->argument)};
        if (event.has_key)
            event.key = rift_value_integer(values, op->key);
        must(rift_builder_add_op(builder, &event, op->type, op->start,
                                 op->type == RIFT_OP_INFO ? RIFT_TIME_NEVER : op->end,
                                 to_value(values, &op->result), &err),
             &err);
    }
    struct rift_history *history = rift_builder_finish(builder, &err);
    must(history ? 0 : -1, &err);
    return history;
}

struct rift_verdict plain_judge(const struct plain_history *plain, const char *checker,
                                const char *options)
{
    struct rift_history *history = plain_to_history(plain);
    struct rift_verdict verdict = judge(checker, options, history);
    rift_history_destroy(history);
    return verdict;
}

static void print_value(const struct plain_value *plain)
{
    struct rift_values *values = rift_values_create();
    CLEANUP(rift_free) char *text = rift_value_print(values, to_value(values, plain));
    fprintf(stderr, " %s", text);
    rift_values_destroy(values);
}

void plain_print(const struct plain_history *plain)
{
    static const char *const types[] = {"ok", "fail", "info"};
    for (int i = 0; i < plain->fault_count; i++)
        fprintf(stderr, "  fault [%d, %d]\n", plain->fault[i].start, plain->fault[i].end);
    for (int i = 0; i < plain->count; i++) {
        const struct plain_op *op = &plain->op[i];
        fprintf(stderr, "  [%d, %d] p%d %s k%d %s", op->start, op->end, op->process,
                op->node ? op->node : "-", op->key, op->f);
        print_value(&op->argument);
        print_value(&op->result);
        fprintf(stderr, " %s %s\n", types[op->type], op->error ? op->error : "");
    }
}

/* Events become rows: an invocation opens a row of its process, a completion fills it in. */
#include "history/builder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/key_table.h"
#include "history/names.h"
#include "history/ops.h"

enum { ROWS_FIRST = 64, OPEN_FIRST = 64 };

#define ROW_NONE SIZE_MAX

/* The row that a process has open, if any. */
struct open_slot {
    size_t row;
    size_t line;
    int64_t last_end; /* of the operation before, 0 at first */
    int32_t process;
    bool is_used;
};

struct open_table {
    struct open_slot *slots;
    size_t slot_count;
    size_t used_count;
};

struct rift_builder {
    struct rift_history *history;
    size_t capacity, nemesis_capacity;
    struct rift_name_table names, errors, nodes;
    struct rift_key_table keys;
    struct open_table open;
    int64_t event_count;
    bool accepts_orphans;
    bool has_unnamed;
};

struct rift_builder *rift_builder_create(enum rift_time_kind time_kind)
{
    struct rift_builder *builder = rift_calloc(1, sizeof *builder);
    builder->history = rift_calloc(1, sizeof *builder->history);
    builder->history->time_kind = time_kind;
    builder->history->values = rift_values_create();
    return builder;
}

static void builder_free(struct rift_builder *builder)
{
    rift_name_table_finish(&builder->names);
    rift_name_table_finish(&builder->errors);
    rift_name_table_finish(&builder->nodes);
    rift_key_table_finish(&builder->keys);
    free(builder->open.slots);
    free(builder);
}

void rift_builder_destroy(struct rift_builder *builder)
{
    if (!builder)
        return;
    rift_history_destroy(builder->history);
    builder_free(builder);
}

struct rift_values *rift_builder_values(struct rift_builder *builder)
{
    return builder->history->values;
}

static struct open_slot *open_find(const struct open_table *table, int32_t process)
{
    size_t mask = table->slot_count - 1;
    size_t at = ((uint32_t)process * UINT32_C(2654435769)) & mask;
    while (table->slots[at].is_used && table->slots[at].process != process)
        at = (at + 1) & mask;
    return &table->slots[at];
}

static void open_grow(struct open_table *table)
{
    struct open_table old = *table;
    table->slot_count = old.slot_count ? old.slot_count * 2 : OPEN_FIRST;
    table->slots = rift_calloc(table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i].is_used)
            *open_find(table, old.slots[i].process) = old.slots[i];
    free(old.slots);
}

static struct open_slot *open_slot_of(struct open_table *table, int32_t process)
{
    if ((table->used_count + 1) * 2 > table->slot_count)
        open_grow(table);
    struct open_slot *slot = open_find(table, process);
    if (!slot->is_used) {
        *slot = (struct open_slot){.row = ROW_NONE, .process = process, .is_used = true};
        table->used_count++;
    }
    return slot;
}

static struct rift_ops *builder_table(struct rift_builder *builder, int32_t process,
                                      size_t **capacity)
{
    bool is_nemesis = process == RIFT_PROCESS_NEMESIS;
    *capacity = is_nemesis ? &builder->nemesis_capacity : &builder->capacity;
    return is_nemesis ? &builder->history->nemesis : &builder->history->ops;
}

static int builder_intern(struct rift_builder *builder, struct rift_name_table *table,
                          const char *what, const char *text, uint16_t *index,
                          struct rift_error *err)
{
    int32_t found = rift_name_table_intern(table, &builder->history->texts, text);
    if (found < 0)
        return rift_fail(err, RIFT_ERR_LIMIT, "more than %d different %s", UINT16_MAX, what);
    *index = (uint16_t)found;
    return 0;
}

static uint16_t builder_error(struct rift_builder *builder, const char *error)
{
    return rift_name_table_intern_error(&builder->errors, &builder->history->texts, error);
}

/* A new row for an invocation, without completion yet. Returns its number, or ROW_NONE. */
static size_t builder_open_row(struct rift_builder *builder, const struct rift_event *event,
                               int64_t start, struct rift_error *err)
{
    uint16_t f = 0, node = 0;
    if (builder_intern(builder, &builder->names, "operation names", event->f, &f, err) != 0 ||
        builder_intern(builder, &builder->nodes, "nodes", event->node, &node, err) != 0)
        return ROW_NONE;
    size_t *capacity = NULL;
    struct rift_ops *ops = builder_table(builder, event->process, &capacity);
    if (ops->count == *capacity) {
        size_t old = *capacity;
        *capacity = old ? old + old / 2 : ROWS_FIRST;
        rift_ops_resize(ops, *capacity);
        for (size_t i = old; i < *capacity && ops->time_start; i++)
            ops->time_start[i] = ops->time_end[i] = RIFT_TIME_NEVER;
        for (size_t i = old; i < *capacity && ops->extra_start; i++)
            ops->extra_start[i] = ops->extra_end[i] = RIFT_VALUE_NIL;
    }
    size_t row = ops->count++;
    ops->start[row] = start;
    ops->end[row] = RIFT_TIME_NEVER;
    ops->process[row] = event->process;
    ops->key[row] =
        event->has_key ? rift_key_table_intern(&builder->keys, builder->history->values, event->key)
                       : 0;
    ops->f[row] = f;
    ops->error[row] = 0;
    ops->node[row] = node;
    ops->type[row] = RIFT_OP_INFO;
    ops->argument[row] = event->value;
    ops->result[row] = RIFT_VALUE_NIL;
    return row;
}

/* What only some formats have: times beside the order of lines, further keys. */
static void builder_note_optional(struct rift_builder *builder, const struct rift_event *event,
                                  size_t row, bool is_start)
{
    size_t *capacity = NULL;
    struct rift_ops *ops = builder_table(builder, event->process, &capacity);
    if (event->has_time && builder->history->time_kind == RIFT_TIME_LINES) {
        if (!ops->time_start)
            rift_ops_add_times(ops, *capacity);
        *(is_start ? &ops->time_start[row] : &ops->time_end[row]) = event->time_ns;
    }
    if (!rift_value_is_nil(event->extra)) {
        if (!ops->extra_start)
            rift_ops_add_extras(ops, *capacity);
        *(is_start ? &ops->extra_start[row] : &ops->extra_end[row]) = event->extra;
    }
}

/* The table has no text before the first name that is not "". */
static const char *builder_name(const struct rift_builder *builder, uint16_t index)
{
    return builder->names.names.count ? builder->names.names.text[index] : "";
}

static const char *name_or_nothing(const char *f)
{
    return f ? f : "";
}

static int builder_invoke(struct rift_builder *builder, const struct rift_event *event,
                          int64_t time, struct rift_error *err)
{
    struct open_slot *slot = open_slot_of(&builder->open, event->process);
    bool is_nemesis = event->process == RIFT_PROCESS_NEMESIS;
    if (slot->row != ROW_NONE && !is_nemesis) {
        char where[48] = "";
        if (slot->line)
            snprintf(where, sizeof where, " of line %zu", slot->line);
        return rift_fail(err, RIFT_ERR_INVALID,
                         "process %" PRId32 " invokes '%s' while its operation%s is still open",
                         event->process, name_or_nothing(event->f), where);
    }
    size_t row = builder_open_row(builder, event, time, err);
    if (row == ROW_NONE)
        return -1;
    builder_note_optional(builder, event, row, true);
    slot->row = row;
    slot->line = event->line;
    return 0;
}

static int builder_complete(struct rift_builder *builder, const struct rift_event *event,
                            struct open_slot *slot, int64_t time, struct rift_error *err)
{
    static const uint8_t types[] = {RIFT_OP_INFO, RIFT_OP_OK, RIFT_OP_FAIL, RIFT_OP_INFO};
    size_t row = slot->row, *capacity = NULL;
    struct rift_ops *ops = builder_table(builder, event->process, &capacity);
    const char *f = builder_name(builder, ops->f[row]);
    if (event->f && strcmp(event->f, f) != 0)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "process %" PRId32 " completes '%s' but its open operation is '%s'",
                         event->process, event->f, f);
    if (time < ops->start[row])
        return rift_fail(err, RIFT_ERR_INVALID,
                         "process %" PRId32 " completes '%s' before it was invoked", event->process,
                         f);
    ops->error[row] = builder_error(builder, event->error);
    if (event->node && !ops->node[row] &&
        builder_intern(builder, &builder->nodes, "nodes", event->node, &ops->node[row], err) != 0)
        return -1;
    ops->end[row] = event->is_timeless ? RIFT_TIME_NEVER : time;
    ops->type[row] = types[event->type];
    ops->result[row] = event->value;
    builder_note_optional(builder, event, row, false);
    slot->row = ROW_NONE;
    slot->last_end = time;
    return 0;
}

void rift_builder_accept_orphans(struct rift_builder *builder)
{
    builder->accepts_orphans = true;
}

bool rift_builder_is_open(const struct rift_builder *builder, int32_t process, const char **f,
                          struct rift_value *argument)
{
    if (!builder->open.slot_count)
        return false;
    const struct open_slot *slot = open_find(&builder->open, process);
    if (!slot->is_used || slot->row == ROW_NONE)
        return false;
    const struct rift_ops *ops =
        process == RIFT_PROCESS_NEMESIS ? &builder->history->nemesis : &builder->history->ops;
    *f = builder_name(builder, ops->f[slot->row]);
    *argument = ops->argument[slot->row];
    return true;
}

/* The widest interval that the history allows: whatever is concluded from it holds. */
static int builder_complete_orphan(struct rift_builder *builder, const struct rift_event *event,
                                   struct open_slot *slot, int64_t time, struct rift_error *err)
{
    struct rift_event invoke = *event;
    invoke.has_time = false;
    invoke.extra = RIFT_VALUE_NIL;
    if (builder_invoke(builder, &invoke, slot->last_end, err) != 0)
        return -1;
    builder->history->orphan_count++;
    return builder_complete(builder, event, slot, time, err);
}

int rift_builder_add(struct rift_builder *builder, const struct rift_event *event,
                     struct rift_error *err)
{
    int64_t time = builder->event_count++;
    if (builder->history->time_kind == RIFT_TIME_NS) {
        if (!event->has_time)
            return rift_fail(err, RIFT_ERR_INVALID, "an event has no time");
        time = event->time_ns;
    }
    if (event->type == RIFT_EVENT_INVOKE)
        return builder_invoke(builder, event, time, err);
    struct open_slot *slot = open_slot_of(&builder->open, event->process);
    if (event->process == RIFT_PROCESS_NEMESIS) {
        /* A nemesis writes info both before and after a fault. */
        const struct rift_ops *ops = &builder->history->nemesis;
        if (slot->row == ROW_NONE ||
            (event->f && strcmp(builder_name(builder, ops->f[slot->row]), event->f) != 0))
            return builder_invoke(builder, event, time, err);
    }
    if (slot->row == ROW_NONE && builder->accepts_orphans)
        return builder_complete_orphan(builder, event, slot, time, err);
    if (slot->row == ROW_NONE)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "process %" PRId32 " completes '%s' but has no open operation",
                         event->process, name_or_nothing(event->f));
    return builder_complete(builder, event, slot, time, err);
}

int rift_builder_add_op(struct rift_builder *builder, const struct rift_event *invoke,
                        enum rift_op_type type, int64_t start, int64_t end,
                        struct rift_value result, struct rift_error *err)
{
    if (end < start)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "operation '%s' ends at %" PRId64 ", before its start at %" PRId64,
                         name_or_nothing(invoke->f), end, start);
    size_t row = builder_open_row(builder, invoke, start, err);
    if (row == ROW_NONE)
        return -1;
    builder_note_optional(builder, invoke, row, true);
    size_t *capacity = NULL;
    struct rift_ops *ops = builder_table(builder, invoke->process, &capacity);
    ops->end[row] = end;
    ops->type[row] = (uint8_t)type;
    ops->result[row] = result;
    ops->error[row] = builder_error(builder, invoke->error);
    builder->has_unnamed |= invoke->process == RIFT_PROCESS_UNNAMED;
    return 0;
}

struct rift_history *rift_builder_finish(struct rift_builder *builder, struct rift_error *err)
{
    struct rift_history *history = builder->history;
    if (history->ops.count > UINT32_MAX) {
        rift_fail(err, RIFT_ERR_LIMIT, "more than %u operations", UINT32_MAX);
        rift_builder_destroy(builder);
        return NULL;
    }
    history->names = rift_name_table_take(&builder->names);
    history->errors = rift_name_table_take(&builder->errors);
    history->nodes = rift_name_table_take(&builder->nodes);
    history->keys = rift_key_table_take(&builder->keys, &history->key_count);
    rift_ops_resize(&history->ops, history->ops.count);
    rift_ops_resize(&history->nemesis, history->nemesis.count);
    rift_ops_sort(&history->ops);
    rift_ops_sort(&history->nemesis);
    if (builder->has_unnamed)
        rift_ops_name_processes(&history->ops);
    history->format = "events";
    builder_free(builder);
    return history;
}

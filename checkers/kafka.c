/* kafka: a log in partitions. Each offset holds one value, each value stands at one offset; what
 * was acknowledged is not lost; each process sends and polls a partition in order, without gaps.
 *
 * Offsets need not be dense (transactions take some for themselves): what comes next is the next
 * offset that anybody saw. All by sorting records: O(n log n). Cycles of transactions through the
 * log are not looked for. */
#include "checkers/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/kafka_records.h"
#include "common/memory.h"

enum { KEPT = 16, NONE = -1 };

/* Where a process is in a partition. */
struct position {
    int32_t process;
    uint32_t key;
    int64_t polled, sent; /* last offset, or NONE */
};

struct kafka {
    const struct rift_history *history;
    struct rift_verdict *verdict;
    struct kafka_records records;
    struct kafka_record *sorted; /* with offsets, by key, offset, value */
    size_t sorted_count;
    struct position *positions;
    size_t position_count, position_capacity;
    bool has_subscriptions; /* partitions may move between processes without notice */
    size_t unseen;
};

static enum rift_op_type type_of(const struct kafka *kafka, const struct kafka_record *record)
{
    return (enum rift_op_type)kafka->history->ops.type[record->row];
}

/* Convicts, or stands in details.allowed. */
static void report(struct kafka *kafka, const char *name, const struct kafka_record *record,
                   const char *what, bool is_allowed)
{
    struct rift_verdict *verdict = kafka->verdict;
    rift_verdict_stats(verdict);
    json_t *counts = json_object_get(verdict->details, "counts");
    json_int_t count = json_integer_value(json_object_get(counts, name)) + 1;
    json_object_set_new(counts, name, json_integer(count));
    if (is_allowed || count > KEPT)
        return;
    CLEANUP(rift_free) char *value = rift_value_print(kafka->history->values, record->printed);
    json_t *anomaly = rift_verdict_convict(
        verdict, name, "%s: operation %" PRIu32 ", value %s at offset %" PRId64 ": %s", name,
        record->row, value, record->offset, what);
    json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)record->row));
}

static int compare_by_offset(const void *a, const void *b)
{
    const struct kafka_record *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int compare_by_value(const void *a, const void *b)
{
    const struct kafka_record *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->is_poll != y->is_poll)
        return x->is_poll ? 1 : -1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Records of one key and value, sends first: decides what became of them. */
static void judge_value(struct kafka *kafka, const struct kafka_record *first, size_t count,
                        int64_t highest_polled)
{
    const struct kafka_record *send = first->is_poll ? NULL : first, *poll = NULL;
    int64_t offset = NONE;
    bool is_moved = false, is_committed = send && type_of(kafka, send) == RIFT_OP_OK;
    for (size_t i = 0; i < count; i++) {
        const struct kafka_record *record = &first[i];
        bool is_sure = record->is_poll || type_of(kafka, record) == RIFT_OP_OK;
        if (record->is_poll && type_of(kafka, record) == RIFT_OP_OK && !poll)
            poll = record;
        if (record->offset == NONE || !is_sure)
            continue;
        is_moved |= offset != NONE && offset != record->offset;
        offset = record->offset;
    }
    is_committed |= send && poll && type_of(kafka, send) == RIFT_OP_INFO;
    if (is_moved)
        report(kafka, "duplicate", &first[count - 1], "it stands at another offset too", false);
    if (poll && !send)
        report(kafka, "garbage read", poll, "nobody sent it", false);
    if (poll && send && type_of(kafka, send) == RIFT_OP_FAIL)
        report(kafka, "G1a", poll, "its send failed", false);
    if (poll && send && poll->row == send->row)
        report(kafka, "precommitted read", poll, "its own transaction sent it", false);
    if (!is_committed || poll)
        return;
    if (offset != NONE && offset < highest_polled)
        report(kafka, "lost write", send, "later offsets were polled, this one never", false);
    else
        kafka->unseen++;
}

static void judge_values(struct kafka *kafka)
{
    struct kafka_records *records = &kafka->records;
    size_t keys = elements_count(records->keys) + 1;
    CLEANUP(rift_free) int64_t *highest = rift_calloc(keys, sizeof *highest);
    CLEANUP(rift_free)
    struct kafka_record *by_value = rift_calloc(records->count + 1, sizeof *by_value);
    if (records->count)
        memcpy(by_value, records->items, records->count * sizeof *by_value);
    for (size_t i = 0; i < records->count; i++) {
        const struct kafka_record *record = &records->items[i];
        if (record->is_poll && type_of(kafka, record) == RIFT_OP_OK &&
            record->offset > highest[record->key])
            highest[record->key] = record->offset;
    }
    qsort(by_value, records->count, sizeof *by_value, compare_by_value);
    for (size_t i = 0, next; i < records->count; i = next) {
        for (next = i + 1; next < records->count && by_value[next].key == by_value[i].key &&
                           by_value[next].value == by_value[i].value;)
            next++;
        judge_value(kafka, &by_value[i], next - i, highest[by_value[i].key]);
    }
}

/* The offsets that are sure: polled, or sent and acknowledged. Two values at one of them convict.
 */
static void judge_offsets(struct kafka *kafka)
{
    const struct kafka_records *records = &kafka->records;
    kafka->sorted = rift_calloc(records->count + 1, sizeof *kafka->sorted);
    for (size_t i = 0; i < records->count; i++) {
        const struct kafka_record *record = &records->items[i];
        if (record->offset != NONE && (record->is_poll || type_of(kafka, record) == RIFT_OP_OK))
            kafka->sorted[kafka->sorted_count++] = *record;
    }
    qsort(kafka->sorted, kafka->sorted_count, sizeof *kafka->sorted, compare_by_offset);
    for (size_t i = 1; i < kafka->sorted_count; i++) {
        const struct kafka_record *a = &kafka->sorted[i - 1], *b = &kafka->sorted[i];
        if (a->key == b->key && a->offset == b->offset && a->value != b->value)
            report(kafka, "inconsistent offsets", b, "the offset holds another value too", false);
    }
}

/* The next offset of the key behind this one that anybody saw, or NONE. */
static int64_t next_offset(const struct kafka *kafka, uint32_t key, int64_t offset)
{
    size_t low = 0, high = kafka->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kafka_record *at = &kafka->sorted[middle];
        if (at->key < key || (at->key == key && at->offset <= offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low < kafka->sorted_count && kafka->sorted[low].key == key ? kafka->sorted[low].offset
                                                                      : NONE;
}

static struct position *position_of(struct kafka *kafka, int32_t process, uint32_t key)
{
    for (size_t i = kafka->position_count; i-- > 0;)
        if (kafka->positions[i].process == process && kafka->positions[i].key == key)
            return &kafka->positions[i];
    if (kafka->position_count == kafka->position_capacity) {
        kafka->position_capacity = 2 * kafka->position_capacity + 64;
        kafka->positions =
            rift_reallocarray(kafka->positions, kafka->position_capacity, sizeof *kafka->positions);
    }
    kafka->positions[kafka->position_count] = (struct position){process, key, NONE, NONE};
    return &kafka->positions[kafka->position_count++];
}

/* assign and subscribe: a process keeps its place in the partitions that it keeps. */
static void take_assignment(struct kafka *kafka, uint32_t row)
{
    const struct rift_ops *ops = &kafka->history->ops;
    const struct rift_values *values = kafka->history->values;
    struct rift_value kept = ops->argument[row];
    bool is_list = rift_value_kind(values, kept) == RIFT_LIST ||
                   rift_value_kind(values, kept) == RIFT_SET ||
                   rift_value_kind(values, kept) == RIFT_PAIR;
    for (size_t i = 0; i < kafka->position_count; i++) {
        struct position *position = &kafka->positions[i];
        bool is_kept = false;
        if (position->process != ops->process[row])
            continue;
        for (size_t j = 0; is_list && j < rift_value_count(values, kept); j++)
            is_kept |= elements_intern(kafka->records.keys, rift_value_item(values, kept, j)) ==
                       position->key;
        if (!is_kept)
            position->polled = position->sent = NONE;
    }
}

/* One record of an ok operation against the place of its process; earlier is the last one of the
 * same kind and key in the same operation, or NULL. */
static void take_record(struct kafka *kafka, const struct kafka_record *record,
                        const struct kafka_record *earlier)
{
    struct position *position =
        position_of(kafka, kafka->history->ops.process[record->row], record->key);
    int64_t *last = record->is_poll ? &position->polled : &position->sent;
    int64_t before = earlier ? earlier->offset : *last;
    if (record->offset == NONE)
        return;
    if (before != NONE && record->offset <= before) {
        const char *name = record->is_poll
                               ? (earlier ? "internal nonmonotonic poll" : "nonmonotonic poll")
                               : (earlier ? "internal nonmonotonic send" : "nonmonotonic send");
        report(kafka, name, record, "the process had been further",
               record->is_poll && !earlier && kafka->has_subscriptions);
    } else if (before != NONE && record->is_poll &&
               next_offset(kafka, record->key, before) != record->offset) {
        report(kafka, earlier ? "internal poll skip" : "poll skip", record,
               "it passed over offsets that others saw", !earlier && kafka->has_subscriptions);
    }
    *last = record->offset;
}

/* The last record before i of the same operation, kind and key. */
static const struct kafka_record *earlier_of(const struct kafka_records *records, size_t i)
{
    const struct kafka_record *record = &records->items[i];
    while (i-- > 0 && records->items[i].row == record->row)
        if (records->items[i].is_poll == record->is_poll && records->items[i].key == record->key)
            return records->items[i].offset == NONE ? NULL : &records->items[i];
    return NULL;
}

static void judge_order(struct kafka *kafka)
{
    const struct rift_history *history = kafka->history;
    const struct kafka_records *records = &kafka->records;
    size_t next = 0;
    for (uint32_t row = 0; row < history->ops.count; row++) {
        const char *f = history->names.text[history->ops.f[row]];
        bool is_ok = history->ops.type[row] == RIFT_OP_OK;
        if (is_ok && (strcmp(f, "assign") == 0 || strcmp(f, "subscribe") == 0))
            take_assignment(kafka, row);
        for (; next < records->count && records->items[next].row == row; next++)
            if (is_ok)
                take_record(kafka, &records->items[next], earlier_of(records, next));
    }
}

static int check_kafka(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    struct kafka kafka = {.history = check->history, .verdict = verdict};
    size_t polled = 0;
    (void)err;
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(verdict->details, "counts", json_object());
    for (size_t row = 0; row < check->history->ops.count; row++)
        kafka.has_subscriptions |=
            strcmp(check->history->names.text[check->history->ops.f[row]], "subscribe") == 0;
    kafka_records_init(&kafka.records, check->history);
    judge_offsets(&kafka);
    judge_values(&kafka);
    judge_order(&kafka);
    for (size_t i = 0; i < kafka.records.count; i++)
        polled += kafka.records.items[i].is_poll;
    json_object_set_new(stats, "sent", json_integer((json_int_t)(kafka.records.count - polled)));
    json_object_set_new(stats, "polled", json_integer((json_int_t)polled));
    json_object_set_new(stats, "unseen", json_integer((json_int_t)kafka.unseen));
    if (kafka.unseen)
        rift_verdict_doubt(verdict,
                           "%zu acknowledged values lie behind the last poll: nobody looked",
                           kafka.unseen);
    if (polled == 0)
        rift_verdict_doubt(verdict, "nothing was polled");
    kafka_records_finish(&kafka.records);
    free(kafka.sorted);
    free(kafka.positions);
    return 0;
}

const struct rift_checker rift_checker_kafka = {
    .name = "kafka",
    .summary = "a log in partitions: offsets, lost and duplicate values, order of sends and polls",
    .check = check_kafka,
};

#include "checkers/kafka_records.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static const char *const data_ops[] = {"send", "poll", "txn", NULL};
static const char *const subscribes[] = {"subscribe", NULL};

uint32_t kafka_records_key(struct kafka_records *log, struct rift_value key)
{
    const char *text = rift_value_as_text(log->history->values, key, NULL);
    char *rest;
    long long number = strtoll(text, &rest, 10);
    if (*text != '\0' && *rest == '\0' && rift_value_kind(log->history->values, key) == RIFT_TEXT)
        key = rift_value_small_integer(number);
    return elements_intern(log->keys, key);
}

static size_t slot_of(const struct kafka_records *log, uint32_t key, uint32_t value)
{
    uint64_t hash = ((uint64_t)key << 32 | value) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 20) & (log->slot_count - 1);
    while (log->slots[i] != 0) {
        const struct kafka_message *message = &log->messages[log->slots[i] - 1];
        if (message->key == key && message->value == value)
            break;
        i = (i + 1) & (log->slot_count - 1);
    }
    return i;
}

static void grow_slots(struct kafka_records *log)
{
    log->slot_count = log->slot_count ? 2 * log->slot_count : 1024;
    free(log->slots);
    log->slots = rift_calloc(log->slot_count, sizeof *log->slots);
    for (uint32_t m = 0; m < log->message_count; m++)
        log->slots[slot_of(log, log->messages[m].key, log->messages[m].value)] = m + 1;
}

static uint32_t message_of(struct kafka_records *log, uint32_t key, struct rift_value value)
{
    uint32_t id = elements_intern(log->values, value);
    if (2 * log->message_count >= log->slot_count)
        grow_slots(log);
    size_t slot = slot_of(log, key, id);
    if (log->slots[slot] != 0)
        return log->slots[slot] - 1;
    if (log->message_count == log->message_capacity) {
        log->message_capacity = log->message_capacity ? 2 * log->message_capacity : 256;
        log->messages =
            rift_reallocarray(log->messages, log->message_capacity, sizeof *log->messages);
    }
    log->messages[log->message_count++] = (struct kafka_message){.key = key,
                                                                 .value = id,
                                                                 .sent = KAFKA_NONE,
                                                                 .acked = KAFKA_NONE,
                                                                 .failed = KAFKA_NONE,
                                                                 .polled = KAFKA_NONE,
                                                                 .index = KAFKA_NONE};
    log->slots[slot] = (uint32_t)log->message_count;
    return (uint32_t)log->message_count - 1;
}

static void refuse(struct kafka_records *log, uint32_t row)
{
    if (log->unreadable_count++ == 0)
        log->unreadable_row = row;
}

static void record(struct kafka_records *log, uint32_t row, uint32_t message,
                   struct rift_value offset, bool is_poll)
{
    const struct rift_values *values = log->history->values;
    bool has_offset = rift_value_kind(values, offset) == RIFT_INTEGER;
    if (!has_offset && !rift_value_is_nil(offset))
        refuse(log, row);
    if (log->record_count == log->record_capacity) {
        log->record_capacity = log->record_capacity ? 2 * log->record_capacity : 256;
        log->records = rift_reallocarray(log->records, log->record_capacity, sizeof *log->records);
    }
    log->records[log->record_count++] = (struct kafka_record){
        .row = row,
        .message = message,
        .index = KAFKA_NONE,
        .offset = has_offset ? rift_value_as_integer(values, offset) : KAFKA_NO_OFFSET,
        .is_poll = is_poll};
}

static void take_send(struct kafka_records *log, uint32_t row, struct rift_value key,
                      struct rift_value value)
{
    const struct rift_values *values = log->history->values;
    struct rift_value offset = RIFT_VALUE_NIL;
    if (rift_value_count(values, value) == 2) {
        offset = rift_value_item(values, value, 0);
        value = rift_value_item(values, value, 1);
    }
    uint32_t id = message_of(log, kafka_records_key(log, key), value);
    struct kafka_message *message = &log->messages[id];
    enum rift_op_type type = log->history->ops.type[row];
    if (type == RIFT_OP_FAIL && message->failed == KAFKA_NONE)
        message->failed = row;
    message->sent_count += type != RIFT_OP_FAIL;
    if (type != RIFT_OP_FAIL && message->sent == KAFKA_NONE)
        message->sent = row;
    if (type == RIFT_OP_OK && message->acked == KAFKA_NONE)
        message->acked = row;
    record(log, row, id, offset, false);
}

static void take_polled(struct kafka_records *log, uint32_t row, struct rift_value key,
                        struct rift_value pairs)
{
    const struct rift_values *values = log->history->values;
    for (size_t i = 0; i < rift_value_count(values, pairs); i++) {
        struct rift_value pair = rift_value_item(values, pairs, i);
        if (rift_value_count(values, pair) != 2) {
            refuse(log, row);
            continue;
        }
        uint32_t id =
            message_of(log, kafka_records_key(log, key), rift_value_item(values, pair, 1));
        log->messages[id].is_polled_somehow = true;
        if (log->history->ops.type[row] == RIFT_OP_OK && log->messages[id].polled == KAFKA_NONE)
            log->messages[id].polled = row;
        record(log, row, id, rift_value_item(values, pair, 0), true);
    }
}

/* {key [[offset value] ...]}, or the same as a list of pairs where JSON could not have the keys. */
static void take_poll(struct kafka_records *log, uint32_t row, struct rift_value answer)
{
    const struct rift_values *values = log->history->values;
    size_t count = rift_value_count(values, answer);
    if (rift_value_kind(values, answer) == RIFT_MAP) {
        for (size_t i = 0; i + 1 < count; i += 2)
            take_polled(log, row, rift_value_item(values, answer, i),
                        rift_value_item(values, answer, i + 1));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct rift_value pair = rift_value_item(values, answer, i);
        if (rift_value_count(values, pair) == 2)
            take_polled(log, row, rift_value_item(values, pair, 0),
                        rift_value_item(values, pair, 1));
        else
            refuse(log, row);
    }
}

static void take_micro_op(struct kafka_records *log, uint32_t row, const struct rift_value *items,
                          size_t count, bool *has_poll)
{
    const struct rift_values *values = log->history->values;
    if (count == 3 && rift_value_is_word(values, items[0], "send")) {
        take_send(log, row, items[1], items[2]);
    } else if (count >= 1 && rift_value_is_word(values, items[0], "poll")) {
        *has_poll = true;
        if (count > 1)
            take_poll(log, row, items[count - 1]);
    } else {
        refuse(log, row);
    }
}

static void take_op(struct kafka_records *log, uint32_t row)
{
    const struct rift_history *history = log->history;
    const struct rift_values *values = history->values;
    struct rift_value txn = history->ops.result[row];
    if (rift_value_is_nil(txn))
        txn = history->ops.argument[row];
    bool is_flat = rift_value_kind(values, txn) == RIFT_TXN, has_poll = false;
    size_t step = is_flat ? 3 : 1, before = log->record_count;
    for (size_t i = 0; i + step <= rift_value_count(values, txn); i += step) {
        struct rift_value items[3] = {0};
        struct rift_value all = is_flat ? txn : rift_value_item(values, txn, i);
        size_t count = is_flat ? 3 : rift_value_count(values, all);
        for (size_t j = 0; j < count && j < 3; j++)
            items[j] = rift_value_item(values, all, is_flat ? i + j : j);
        take_micro_op(log, row, items, count < 3 ? count : 3, &has_poll);
    }
    bool has_answer = log->record_count > before && log->records[log->record_count - 1].is_poll;
    log->blind_poll_count += has_poll && !has_answer && history->ops.type[row] == RIFT_OP_INFO;
}

/* A send is in the log where it was acknowledged; where it never heard back, once its message was
 * polled, or another one of the same transaction. */
static void find_certain(struct kafka_records *log)
{
    const struct rift_history *history = log->history;
    uint16_t txn = rift_history_name(history, "txn");
    CLEANUP(rift_free) bool *is_proven = rift_calloc(history->ops.count + 1, sizeof *is_proven);
    for (size_t i = 0; i < log->record_count; i++) {
        const struct kafka_record *r = &log->records[i];
        is_proven[r->row] |= !r->is_poll && log->messages[r->message].polled != KAFKA_NONE &&
                             txn != 0 && history->ops.f[r->row] == txn;
    }
    for (size_t i = 0; i < log->record_count; i++) {
        struct kafka_record *r = &log->records[i];
        struct kafka_message *message = &log->messages[r->message];
        enum rift_op_type type = history->ops.type[r->row];
        if (!r->is_poll && type == RIFT_OP_INFO && is_proven[r->row] &&
            message->acked == KAFKA_NONE)
            message->acked = r->row;
        bool is_sent = type == RIFT_OP_OK ||
                       (type == RIFT_OP_INFO && (is_proven[r->row] || message->is_polled_somehow));
        r->is_in_log = (r->is_poll || is_sent) && r->offset != KAFKA_NO_OFFSET;
        log->entry_count += r->is_in_log;
    }
}

struct entry {
    uint32_t key, record;
    int64_t offset;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

/* Only offsets of messages that were acknowledged or polled for certain have an index: those of
 * sends and polls that may have been undone leave no gap. */
static void number_offsets(struct kafka_records *log)
{
    struct entry *entries = rift_calloc(log->entry_count + 1, sizeof *entries);
    log->entries = rift_calloc(log->entry_count + 1, sizeof *log->entries);
    size_t count = 0;
    for (uint32_t i = 0; i < log->record_count; i++)
        if (log->records[i].is_in_log)
            entries[count++] = (struct entry){log->messages[log->records[i].message].key, i,
                                              log->records[i].offset};
    qsort(entries, count, sizeof *entries, compare_entries);
    for (size_t i = 0, next; i < count; i = next) {
        bool is_certain = false;
        for (next = i; next < count && entries[next].key == entries[i].key &&
                       entries[next].offset == entries[i].offset;
             next++) {
            const struct kafka_message *message =
                &log->messages[log->records[entries[next].record].message];
            is_certain |= message->acked != KAFKA_NONE || message->polled != KAFKA_NONE;
            log->entries[next] = entries[next].record;
        }
        for (size_t j = i; j < next && is_certain; j++) {
            struct kafka_record *r = &log->records[entries[j].record];
            r->index = (uint32_t)log->index_count;
            if (log->messages[r->message].index == KAFKA_NONE)
                log->messages[r->message].index = r->index;
        }
        log->index_count += is_certain;
    }
    free(entries);
    for (size_t i = 0; i < log->record_count; i++)
        if (log->records[i].offset == KAFKA_NO_OFFSET)
            log->records[i].index = log->messages[log->records[i].message].index;
}

void kafka_records_init(struct kafka_records *log, const struct rift_history *history)
{
    *log = (struct kafka_records){
        .history = history, .keys = elements_create(history), .values = elements_create(history)};
    for (uint32_t row = 0; row < history->ops.count; row++) {
        log->has_subscribe |= element_op_is(history, row, subscribes);
        if (element_op_is(history, row, data_ops))
            take_op(log, row);
    }
    find_certain(log);
    number_offsets(log);
}

void kafka_records_finish(struct kafka_records *log)
{
    elements_destroy(log->keys);
    elements_destroy(log->values);
    free(log->records);
    free(log->messages);
    free(log->slots);
    free(log->entries);
    *log = (struct kafka_records){0};
}

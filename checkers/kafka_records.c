#include "checkers/kafka_records.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "common/memory.h"

struct reader {
    struct kafka_records *records;
    const struct rift_values *values;
    uint32_t row, place;
};

static void add(struct reader *reader, struct rift_value key, struct rift_value value,
                int64_t offset, bool is_poll)
{
    struct kafka_records *records = reader->records;
    if (records->count == records->capacity) {
        records->capacity = records->capacity ? 2 * records->capacity : 256;
        records->items =
            rift_reallocarray(records->items, records->capacity, sizeof *records->items);
    }
    records->items[records->count++] =
        (struct kafka_record){.key = elements_intern(records->keys, key),
                              .value = elements_intern(records->values, value),
                              .offset = offset,
                              .row = reader->row,
                              .place = reader->place++,
                              .is_poll = is_poll,
                              .printed = value};
}

/* [offset value], or a value alone. */
static void add_sent(struct reader *reader, struct rift_value key, struct rift_value sent)
{
    const struct rift_values *values = reader->values;
    if (rift_value_count(values, sent) != 2 ||
        rift_value_kind(values, rift_value_item(values, sent, 0)) != RIFT_INTEGER) {
        add(reader, key, sent, -1, false);
        return;
    }
    add(reader, key, rift_value_item(values, sent, 1),
        rift_value_as_integer(values, rift_value_item(values, sent, 0)), false);
}

/* {key [[offset value] ...] ...} */
static void add_polled(struct reader *reader, struct rift_value polled)
{
    const struct rift_values *values = reader->values;
    if (rift_value_kind(values, polled) != RIFT_MAP)
        return;
    for (size_t i = 0; i + 1 < rift_value_count(values, polled); i += 2) {
        struct rift_value key = rift_value_item(values, polled, i);
        struct rift_value list = rift_value_item(values, polled, i + 1);
        for (size_t j = 0; j < rift_value_count(values, list); j++) {
            struct rift_value pair = rift_value_item(values, list, j);
            if (rift_value_count(values, pair) == 2)
                add(reader, key, rift_value_item(values, pair, 1),
                    rift_value_as_integer(values, rift_value_item(values, pair, 0)), true);
        }
    }
}

/* A transaction in one box, or a list of lists of one to three. */
static void read_operation(struct reader *reader, struct rift_value all)
{
    const struct rift_values *values = reader->values;
    bool is_flat = rift_value_kind(values, all) == RIFT_TXN;
    if (!is_flat && rift_value_kind(values, all) != RIFT_LIST)
        return;
    size_t count = rift_value_count(values, all) / (is_flat ? 3 : 1);
    for (size_t i = 0; i < count; i++) {
        struct rift_value one = is_flat ? all : rift_value_item(values, all, i);
        size_t base = is_flat ? 3 * i : 0, size = is_flat ? 3 : rift_value_count(values, one);
        if (size == 0)
            continue;
        struct rift_value name = rift_value_item(values, one, base);
        if (rift_value_is_word(values, name, "send") && size == 3)
            add_sent(reader, rift_value_item(values, one, base + 1),
                     rift_value_item(values, one, base + 2));
        else if (rift_value_is_word(values, name, "poll") && size > 1)
            add_polled(reader, rift_value_item(values, one, base + size - 1));
    }
}

void kafka_records_init(struct kafka_records *records, const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    *records = (struct kafka_records){.keys = elements_create(history),
                                      .values = elements_create(history)};
    struct reader reader = {.records = records, .values = history->values};
    for (uint32_t row = 0; row < ops->count; row++) {
        const char *f = history->names.text[ops->f[row]];
        if (strcmp(f, "send") != 0 && strcmp(f, "poll") != 0 && strcmp(f, "txn") != 0)
            continue;
        reader.row = row;
        reader.place = 0;
        read_operation(&reader,
                       rift_value_is_nil(ops->result[row]) ? ops->argument[row] : ops->result[row]);
    }
}

void kafka_records_finish(struct kafka_records *records)
{
    free(records->items);
    elements_destroy(records->keys);
    elements_destroy(records->values);
    *records = (struct kafka_records){0};
}

/* From maps to events: fields, micro-operations, keys, and processes that Jepsen's friends leave
 * out or use twice. */
#include "history/import/records.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/import/pairing.h"
#include "history/import/txn_value.h"

/* Texts that the pool numbers from 0, so that a type is found by its number. */
static const char *const type_names[] = {"invoke", "ok", "fail", "info"};

struct rift_records {
    struct rift_cursor cursor;
    struct rift_builder *builder;
    const struct rift_dialect *dialect;
    struct rift_pairing pairing;
    bool is_keyed;
    bool is_kv; /* every operation is a get, put or append with a key: Porcupine's log */
    size_t event_count;
    /* The record at hand. */
    const char *start;
    unsigned seen; /* one bit for each field */
    struct rift_value fields[FIELD_EXTRA];
    const char *places[FIELD_EXTRA];
    size_t value_words; /* of the pool before the value */
    struct rift_value_stack extras;
};

struct rift_records *rift_records_create(const struct rift_source *source,
                                         const struct rift_dialect *dialect,
                                         const struct rift_read_options *options,
                                         struct rift_error *err)
{
    struct rift_records *records = rift_calloc(1, sizeof *records);
    records->builder = rift_builder_create(RIFT_TIME_LINES);
    records->dialect = dialect;
    records->is_keyed = options && options->is_keyed;
    records->is_kv = true;
    rift_builder_accept_orphans(records->builder);
    struct rift_values *values = rift_builder_values(records->builder);
    rift_cursor_init(&records->cursor, source, values, err);
    for (size_t i = 0; i < 4; i++)
        rift_value_keyword(values, type_names[i], strlen(type_names[i]));
    rift_pairing_init(&records->pairing, records->builder);
    return records;
}

void rift_records_destroy(struct rift_records *records)
{
    if (!records)
        return;
    rift_builder_destroy(records->builder);
    rift_pairing_finish(&records->pairing);
    rift_value_stack_finish(&records->extras);
    rift_cursor_finish(&records->cursor);
    free(records);
}

struct rift_cursor *rift_records_cursor(struct rift_records *records)
{
    return &records->cursor;
}

void rift_records_begin(struct rift_records *records)
{
    records->start = records->cursor.at;
    records->seen = 0;
    records->extras.count = 0;
    records->cursor.depth = 1;
}

static enum rift_record_field field_named(const char *name, size_t length)
{
#define IS(text) (memcmp(name, text, sizeof(text) - 1) == 0)
    switch (length) {
    case 1:
        return *name == 'f' ? FIELD_F : FIELD_EXTRA;
    case 3:
        return IS("key") ? FIELD_KEY : FIELD_EXTRA;
    case 4:
        return IS("type")   ? FIELD_TYPE
               : IS("time") ? FIELD_TIME
               : IS("node") ? FIELD_NODE
                            : FIELD_EXTRA;
    case 5:
        return IS("value")   ? FIELD_VALUE
               : IS("index") ? FIELD_INDEX
               : IS("error") ? FIELD_ERROR
                             : FIELD_EXTRA;
    case 7:
        return IS("process") ? FIELD_PROCESS : FIELD_EXTRA;
    case 8:
        return IS("rift/key") ? FIELD_TUPLE_KEY : FIELD_EXTRA;
    case 10:
        return IS("rift/extra") ? FIELD_EXTRA_MAP : FIELD_EXTRA;
    case 11:
        return IS("rift/result") ? FIELD_RESULT : FIELD_EXTRA;
    case 13:
        return IS("rift/timeless") ? FIELD_TIMELESS : FIELD_EXTRA;
    default:
        return FIELD_EXTRA;
    }
#undef IS
}

bool rift_records_is_field(const char *name, size_t length)
{
    return field_named(name, length) != FIELD_EXTRA;
}

int rift_records_odd_entry(struct rift_records *records, struct rift_value key)
{
    struct rift_value value;
    if (records->dialect->value(&records->cursor, &value) != 0)
        return -1;
    rift_value_stack_push(&records->extras, key);
    rift_value_stack_push(&records->extras, value);
    return 0;
}

int rift_records_entry(struct rift_records *records, const char *name, size_t length)
{
    struct rift_cursor *cursor = &records->cursor;
    enum rift_record_field field = field_named(name, length);
    if (field == FIELD_EXTRA)
        return rift_records_odd_entry(records, rift_value_keyword(cursor->values, name, length));
    if (records->seen & 1u << field)
        return rift_cursor_fail(cursor, "an operation with two values for '%.*s'", (int)length,
                                name);
    records->seen |= 1u << field;
    records->places[field] = cursor->at;
    if (field != FIELD_VALUE)
        return records->dialect->value(cursor, &records->fields[field]);
    records->value_words = cursor->values->word_count;
    return rift_txn_value(cursor, records->dialect, &records->fields[field]);
}

static struct rift_value field_or_nil(const struct rift_records *records,
                                      enum rift_record_field field)
{
    return records->seen & 1u << field ? records->fields[field] : RIFT_VALUE_NIL;
}

static const char *place_of(const struct rift_records *records, enum rift_record_field field)
{
    return records->seen & 1u << field ? records->places[field] : records->start;
}

static bool is_text(const struct rift_records *records, struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(records->cursor.values, value);
    return kind == RIFT_TEXT || kind == RIFT_KEYWORD;
}

/* A name as it stands, or what is no name as it would be printed. Lives as long as the pool. */
static const char *text_of(struct rift_records *records, struct rift_value value)
{
    struct rift_values *values = records->cursor.values;
    if (rift_value_is_nil(value))
        return NULL;
    if (is_text(records, value))
        return rift_value_as_text(values, value, NULL);
    char *printed CLEANUP(rift_free) = rift_value_print(values, value);
    return rift_value_as_text(values, rift_value_text(values, printed, strlen(printed)), NULL);
}

static int set_type(struct rift_records *records, struct rift_event *event)
{
    struct rift_value type = field_or_nil(records, FIELD_TYPE);
    if (!is_text(records, type) || type.bits >> RIFT_TAG_BITS >= 4)
        return rift_cursor_fail_at(&records->cursor, place_of(records, FIELD_TYPE),
                                   "the type of an operation is invoke, ok, fail or info");
    static const unsigned types[] = {RIFT_EVENT_INVOKE, RIFT_EVENT_OK, RIFT_EVENT_FAIL,
                                     RIFT_EVENT_INFO};
    event->type = types[type.bits >> RIFT_TAG_BITS];
    return 0;
}

static int set_process(struct rift_records *records, struct rift_event *event)
{
    struct rift_value process = field_or_nil(records, FIELD_PROCESS);
    const struct rift_values *values = records->cursor.values;
    if (rift_value_is_nil(process)) {
        event->process = RIFT_PROCESS_UNNAMED;
        return 0;
    }
    if (rift_value_is_word(values, process, "nemesis")) {
        event->process = RIFT_PROCESS_NEMESIS;
        return 0;
    }
    int64_t number = rift_value_as_integer(values, process);
    if (rift_value_kind(values, process) != RIFT_INTEGER || number < 0 || number > INT32_MAX)
        return rift_cursor_fail_at(&records->cursor, place_of(records, FIELD_PROCESS),
                                   "a process is a number from 0 to %d, or nemesis", INT32_MAX);
    event->process = (int32_t)number;
    return 0;
}

/* The value is [key value] because the options or the record itself say so. */
static int split_tuple(struct rift_records *records, struct rift_event *event)
{
    struct rift_cursor *cursor = &records->cursor;
    bool has_mark = records->seen & 1u << FIELD_TUPLE_KEY;
    if (!has_mark && (!records->is_keyed || event->process == RIFT_PROCESS_NEMESIS ||
                      rift_value_is_nil(event->value)))
        return 0;
    if (rift_value_kind(cursor->values, event->value) != RIFT_LIST ||
        rift_value_count(cursor->values, event->value) != 2)
        return rift_cursor_fail_at(cursor, place_of(records, FIELD_VALUE),
                                   "in a keyed history every value is [key value]");
    event->has_key = true;
    event->key = rift_value_item(cursor->values, event->value, 0);
    event->value = rift_txn_from_list(cursor, rift_value_item(cursor->values, event->value, 1));
    return 0;
}

static bool is_cas(const char *f)
{
    return f && (strcmp(f, "cas") == 0 || strcmp(f, "compare-and-set") == 0);
}

/* [from to] becomes a pair; where that fits into a word, its list is given back. */
static void make_pair(struct rift_records *records, struct rift_event *event)
{
    struct rift_values *values = records->cursor.values;
    if (rift_value_kind(values, event->value) != RIFT_LIST ||
        rift_value_count(values, event->value) != 2)
        return;
    struct rift_value sides[2] = {rift_value_item(values, event->value, 0),
                                  rift_value_item(values, event->value, 1)};
    bool is_plain = rift_value_tag(event->value) == RIFT_TAG_PACKED_LIST &&
                    (event->value.bits >> RIFT_TAG_BITS) == records->value_words &&
                    values->word_count == records->value_words + 2;
    size_t words = values->word_count;
    event->value = rift_value_box(values, RIFT_PAIR, sides, 2);
    if (is_plain && values->word_count == words)
        values->word_count -= 2;
}

static int set_value(struct rift_records *records, struct rift_event *event)
{
    struct rift_values *values = records->cursor.values;
    event->value = field_or_nil(records, FIELD_VALUE);
    if (records->seen & 1u << FIELD_KEY) {
        event->has_key = true;
        event->key = records->fields[FIELD_KEY];
    }
    if (split_tuple(records, event) != 0)
        return -1;
    if (records->seen & 1u << FIELD_RESULT)
        event->value = records->fields[FIELD_RESULT];
    bool is_txn = rift_value_kind(values, event->value) == RIFT_TXN;
    if (is_txn && !event->f)
        event->f = "txn";
    if (event->f && strcmp(event->f, "txn") == 0 &&
        rift_value_kind(values, event->value) == RIFT_LIST &&
        rift_value_count(values, event->value) == 0)
        event->value = rift_value_box(values, RIFT_TXN, NULL, 0);
    if (is_cas(event->f))
        make_pair(records, event);
    return 0;
}

static int check_extra_map(struct rift_records *records)
{
    struct rift_value map = field_or_nil(records, FIELD_EXTRA_MAP);
    if (rift_value_is_nil(map) || rift_value_kind(records->cursor.values, map) == RIFT_MAP)
        return 0;
    return rift_cursor_fail_at(&records->cursor, place_of(records, FIELD_EXTRA_MAP),
                               "what stands under rift/extra is a map");
}

static void set_rest(struct rift_records *records, struct rift_event *event)
{
    struct rift_values *values = records->cursor.values;
    struct rift_value time = field_or_nil(records, FIELD_TIME);
    struct rift_value node = field_or_nil(records, FIELD_NODE);
    event->time_ns = rift_value_as_integer(values, time);
    /* Jepsen writes -1 where there is no time. */
    event->has_time = rift_value_kind(values, time) == RIFT_INTEGER && event->time_ns >= 0;
    event->is_timeless = records->seen & 1u << FIELD_TIMELESS;
    event->error = text_of(records, field_or_nil(records, FIELD_ERROR));
    event->node = text_of(records, node);
    struct rift_value map = field_or_nil(records, FIELD_EXTRA_MAP);
    for (size_t i = 0; i < rift_value_count(values, map); i++)
        rift_value_stack_push(&records->extras, rift_value_item(values, map, i));
    if (records->extras.count)
        event->extra =
            rift_value_box(values, RIFT_MAP, records->extras.items, records->extras.count);
}

/* Whether the event could stand in Porcupine's log of a key-value store. */
static bool is_kv_event(const struct rift_records *records, const struct rift_event *event)
{
    return event->has_key && event->f && !(records->seen & 1u << FIELD_TUPLE_KEY) &&
           !records->is_keyed &&
           (strcmp(event->f, "get") == 0 || strcmp(event->f, "put") == 0 ||
            strcmp(event->f, "append") == 0);
}

int rift_records_end(struct rift_records *records)
{
    struct rift_event event = {0};
    if (set_type(records, &event) != 0 || set_process(records, &event) != 0)
        return -1;
    event.f = text_of(records, field_or_nil(records, FIELD_F));
    if (set_value(records, &event) != 0 || check_extra_map(records) != 0)
        return -1;
    set_rest(records, &event);
    records->is_kv = records->is_kv && is_kv_event(records, &event);
    records->event_count++;
    if (rift_pairing_add(&records->pairing, &event, records->cursor.err) != 0)
        return rift_cursor_wrap(&records->cursor, records->start);
    rift_cursor_release(&records->cursor);
    return 0;
}

struct rift_history *rift_records_finish(struct rift_records *records, const char *format,
                                         struct rift_error *err)
{
    bool is_kv = records->is_kv && records->event_count > 0 && strcmp(format, "jepsen-edn") == 0;
    const char *name = records->cursor.source->name;
    struct rift_history *history = rift_builder_finish(records->builder, err);
    records->builder = NULL;
    if (history) {
        history->format = is_kv ? "porcupine-kv-log" : format;
        history->model = is_kv ? "kv" : NULL;
    } else {
        rift_wrap(err, "%s", name);
    }
    rift_records_destroy(records);
    return history;
}

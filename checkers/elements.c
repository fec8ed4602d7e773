#include "checkers/elements.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

/* Integers up to here are looked up in an array, as long as it stays in proportion to what is in
 * it; everything else in a hash table. */
enum { DIRECT_MAX = 1 << 26, DIRECT_START = 1024, DIRECT_SPREAD = 64 };

enum { SHOWN_MAX = 8 };

struct elements {
    const struct rift_history *history;
    const struct rift_values *pool;
    struct rift_value *values; /* by id */
    size_t count, capacity;
    uint32_t *direct; /* by integer: id + 1 */
    size_t direct_size;
    uint32_t *slots; /* by hash: id + 1; a power of two */
    size_t slot_count, used;
    uint32_t *ids; /* of the last list */
    size_t ids_capacity;
};

struct elements *elements_create(const struct rift_history *history)
{
    struct elements *elements = rift_calloc(1, sizeof *elements);
    elements->history = history;
    elements->pool = history->values;
    elements->slot_count = 64;
    elements->slots = rift_calloc(elements->slot_count, sizeof *elements->slots);
    elements->direct_size = DIRECT_START;
    elements->direct = rift_calloc(elements->direct_size, sizeof *elements->direct);
    return elements;
}

void elements_destroy(struct elements *elements)
{
    if (elements == NULL)
        return;
    free(elements->values);
    free(elements->direct);
    free(elements->slots);
    free(elements->ids);
    free(elements);
}

size_t elements_count(const struct elements *elements)
{
    return elements->count;
}

struct rift_value elements_value(const struct elements *elements, uint32_t id)
{
    return elements->values[id];
}

static uint32_t append(struct elements *elements, struct rift_value value)
{
    if (elements->count == elements->capacity) {
        elements->capacity = elements->capacity ? 2 * elements->capacity : 64;
        elements->values =
            rift_reallocarray(elements->values, elements->capacity, sizeof *elements->values);
    }
    elements->values[elements->count] = value;
    return (uint32_t)elements->count++;
}

static void slots_grow(struct elements *elements)
{
    uint32_t *old = elements->slots;
    size_t old_count = elements->slot_count;
    elements->slot_count *= 2;
    elements->slots = rift_calloc(elements->slot_count, sizeof *elements->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] == 0)
            continue;
        size_t at = (size_t)rift_value_hash(elements->pool, elements->values[old[i] - 1]);
        while (elements->slots[at & (elements->slot_count - 1)])
            at++;
        elements->slots[at & (elements->slot_count - 1)] = old[i];
    }
    free(old);
}

static uint32_t intern_hashed(struct elements *elements, struct rift_value value)
{
    if (2 * elements->used >= elements->slot_count)
        slots_grow(elements);
    for (size_t at = (size_t)rift_value_hash(elements->pool, value);; at++) {
        uint32_t *slot = &elements->slots[at & (elements->slot_count - 1)];
        if (*slot == 0) {
            elements->used++;
            return (*slot = append(elements, value) + 1) - 1;
        }
        if (rift_value_equal(elements->pool, elements->values[*slot - 1], value))
            return *slot - 1;
    }
}

/* An integer never moves from the hash table to the array: what the array could not hold when the
 * integer first came is asked for in the table first. */
uint32_t elements_intern(struct elements *elements, struct rift_value value)
{
    if (rift_value_kind(elements->pool, value) != RIFT_INTEGER)
        return intern_hashed(elements, value);
    int64_t number = rift_value_as_integer(elements->pool, value);
    if (number < 0 || number >= DIRECT_MAX)
        return intern_hashed(elements, value);
    if ((size_t)number >= elements->direct_size) {
        size_t size = elements->direct_size;
        while (size <= (size_t)number)
            size *= 2;
        if (elements->used > 0 || size > DIRECT_SPREAD * (elements->count + DIRECT_START))
            return intern_hashed(elements, value);
        elements->direct = rift_reallocarray(elements->direct, size, sizeof(uint32_t));
        memset(elements->direct + elements->direct_size, 0,
               (size - elements->direct_size) * sizeof(uint32_t));
        elements->direct_size = size;
    }
    uint32_t *direct = &elements->direct[number];
    if (*direct == 0)
        *direct = append(elements, value) + 1;
    return *direct - 1;
}

/* A tight loop for what most reads are: integers that were seen before. */
static size_t intern_packed(struct elements *elements, const int32_t *numbers, size_t from,
                            size_t count)
{
    const uint32_t *restrict direct = elements->direct;
    uint32_t *restrict ids = elements->ids;
    uint32_t size = (uint32_t)elements->direct_size; /* at most DIRECT_MAX: holds no negative one */
    size_t i = from;
    for (; i < count; i++) {
        uint32_t number = (uint32_t)numbers[i];
        uint32_t id = number < size ? direct[number] : 0;
        if (id == 0)
            break;
        ids[i] = id - 1;
    }
    return i;
}

const uint32_t *elements_intern_from(struct elements *elements, struct rift_value all, size_t from,
                                     size_t *count)
{
    size_t end = rift_value_count(elements->pool, all);
    if (end - from > elements->ids_capacity) {
        elements->ids_capacity = 2 * (end - from);
        elements->ids =
            rift_reallocarray(elements->ids, elements->ids_capacity, sizeof *elements->ids);
    }
    const int32_t *numbers = rift_value_packed(elements->pool, all);
    *count = end - from;
    for (size_t i = 0; i < *count; i++) {
        if (numbers)
            i = intern_packed(elements, numbers + from, i, *count);
        if (i < *count)
            elements->ids[i] =
                elements_intern(elements, rift_value_item(elements->pool, all, from + i));
    }
    return elements->ids;
}

void element_finding_add(struct element_finding *finding, uint32_t id, uint32_t row, uint32_t other)
{
    if (finding->count == finding->capacity) {
        finding->capacity = finding->capacity ? 2 * finding->capacity : 16;
        finding->ids = rift_reallocarray(finding->ids, finding->capacity, sizeof *finding->ids);
    }
    finding->ids[finding->count++] = id;
    if (finding->count > SHOWN_MAX)
        return;
    if (finding->rows == NULL)
        finding->rows = json_array();
    if (row != ELEMENT_NONE)
        json_array_append_new(finding->rows, json_integer(row));
    if (other != ELEMENT_NONE)
        json_array_append_new(finding->rows, json_integer(other));
}

void element_finding_finish(struct element_finding *finding)
{
    free(finding->ids);
    json_decref(finding->rows);
    *finding = (struct element_finding){0};
}

char *element_finding_print(const struct element_finding *finding, const struct elements *elements)
{
    struct rift_text text = {0};
    size_t shown = finding->count < SHOWN_MAX ? finding->count : SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        CLEANUP(rift_free)
        char *value = rift_value_print(elements->pool, elements->values[finding->ids[i]]);
        rift_text_printf(&text, "%s%s", i ? ", " : "", value);
    }
    if (finding->count > shown)
        rift_text_printf(&text, " and %zu more", finding->count - shown);
    return text.data ? text.data : rift_strdup("");
}

void element_finding_convict(const struct element_finding *finding, const struct elements *elements,
                             uint32_t key, const char *name, const char *what,
                             struct rift_verdict *verdict)
{
    if (finding->count == 0)
        return;
    CLEANUP(rift_free) char *list = element_finding_print(finding, elements);
    json_t *anomaly = rift_verdict_convict(verdict, name, "%s: %s", what, list);
    json_object_set_new(anomaly, "count", json_integer((json_int_t)finding->count));
    if (finding->rows)
        json_object_set(anomaly, "ops", finding->rows);
    if (key != 0)
        json_object_set_new(anomaly, "key",
                            rift_value_to_json(elements->pool, elements->history->keys[key]));
}

void elements_by_key(const struct rift_check *check, element_judge *judge,
                     struct rift_verdict *verdict)
{
    struct rift_key_split split;
    rift_key_split_init(&split, check->history);
    bool is_keyed = split.key_count > 1;
    for (size_t key = 0; key < split.key_count; key++) {
        size_t count = split.first[key + 1] - split.first[key];
        if (count > 0 || !is_keyed)
            judge(check, (uint32_t)key, split.rows + split.first[key], count, verdict);
    }
    rift_key_split_finish(&split);
}

bool element_op_is(const struct rift_history *history, uint32_t row, const char *const *names)
{
    const char *f = history->names.text[history->ops.f[row]];
    for (; *names; names++)
        if (strcmp(f, *names) == 0)
            return true;
    return false;
}

bool element_is_nothing(const struct rift_history *history, struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(history->values, value);
    size_t length;
    return kind == RIFT_NIL ||
           ((kind == RIFT_TEXT || kind == RIFT_KEYWORD) &&
            strcmp(rift_value_as_text(history->values, value, &length), "empty") == 0);
}

void element_stat_add(struct rift_verdict *verdict, const char *name, size_t count)
{
    json_t *stats = rift_verdict_stats(verdict);
    json_int_t before = json_integer_value(json_object_get(stats, name));
    json_object_set_new(stats, name, json_integer(before + (json_int_t)count));
}

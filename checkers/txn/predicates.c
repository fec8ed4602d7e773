#include "checkers/txn/predicates.h"

#include <stdlib.h>

#include "common/memory.h"

enum { SLOTS_FIRST = 64 };

enum predicate_kind { MATCHES_EVERY, MATCHES_EQUAL, MATCHES_MODULUS };

struct predicate {
    enum predicate_kind kind;
    struct rift_value operand;
    int64_t modulus, remainder;
};

struct known_predicate {
    struct rift_value value;
    struct txn_predicate_key *keys;
    struct txn_predicate_option *options;
    uint32_t count;
};

struct txn_predicates {
    const struct rift_values *values;
    uint32_t key_count;
    struct rift_value *initial;
    uint32_t *first;                      /* per key: its versions */
    struct txn_predicate_option *version; /* of what may have committed, last of its transaction */
    struct known_predicate *known;
    uint32_t known_count, known_capacity;
    uint32_t *slots; /* hash of the predicate to its number + 1 */
    uint32_t mask;
};

static bool shows_version(const struct txn_set *set, const bool *is_overwritten, uint32_t mop)
{
    return set->mop_function[mop] != TXN_READ && !is_overwritten[mop] &&
           set->type[set->mop_txn[mop]] != RIFT_OP_FAIL;
}

struct txn_predicates *txn_predicates_create(const struct txn_set *set)
{
    struct txn_predicates *predicates = rift_calloc(1, sizeof *predicates);
    uint32_t *place = rift_calloc((size_t)set->key_count + 2, sizeof *place);
    CLEANUP(rift_free)
    bool *is_overwritten = rift_calloc((size_t)set->mop_count + 1, sizeof *is_overwritten);
    predicates->values = set->values;
    predicates->key_count = set->key_count;
    predicates->initial =
        rift_reallocarray(NULL, (size_t)set->key_count + 1, sizeof *predicates->initial);
    for (uint32_t k = 0; k < set->key_count; k++)
        predicates->initial[k] = set->initial[k];
    for (uint32_t mop = set->mop_count; mop-- > 0;)
        if (set->mop_before[mop] != TXN_NONE)
            is_overwritten[set->mop_before[mop]] =
                is_overwritten[mop] || set->mop_function[mop] != TXN_READ;
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (shows_version(set, is_overwritten, mop))
            place[set->mop_key[mop] + 2]++;
    for (uint32_t k = 0; k < set->key_count; k++)
        place[k + 2] += place[k + 1];
    predicates->version =
        rift_reallocarray(NULL, (size_t)place[set->key_count + 1] + 1, sizeof *predicates->version);
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (shows_version(set, is_overwritten, mop))
            predicates->version[place[set->mop_key[mop] + 1]++] =
                (struct txn_predicate_option){set->mop_txn[mop], set->mop_value[mop]};
    predicates->first = place;
    return predicates;
}

void txn_predicates_destroy(struct txn_predicates *predicates)
{
    if (!predicates)
        return;
    for (uint32_t i = 0; i < predicates->known_count; i++) {
        free(predicates->known[i].keys);
        free(predicates->known[i].options);
    }
    free(predicates->known);
    free(predicates->slots);
    free(predicates->initial);
    free(predicates->first);
    free(predicates->version);
    free(predicates);
}

static bool read_predicate(const struct rift_values *values, struct rift_value value,
                           struct predicate *predicate)
{
    *predicate = (struct predicate){.kind = MATCHES_EVERY};
    if (rift_value_is_word(values, value, "true") ||
        (rift_value_kind(values, value) == RIFT_BOOL && rift_value_as_bool(value)))
        return true;
    size_t count = rift_value_count(values, value);
    if (rift_value_kind(values, value) != RIFT_LIST && rift_value_kind(values, value) != RIFT_PAIR)
        return false;
    if (count == 2 && rift_value_is_word(values, rift_value_item(values, value, 0), "=")) {
        predicate->kind = MATCHES_EQUAL;
        predicate->operand = rift_value_item(values, value, 1);
        return true;
    }
    if (count != 3 || !rift_value_is_word(values, rift_value_item(values, value, 0), "mod"))
        return false;
    predicate->kind = MATCHES_MODULUS;
    predicate->modulus = rift_value_as_integer(values, rift_value_item(values, value, 1));
    predicate->remainder = rift_value_as_integer(values, rift_value_item(values, value, 2));
    return predicate->modulus > 0;
}

/* A remainder is from 0 to modulus - 1, as Clojure's mod gives it. */
static bool matches(const struct rift_values *values, const struct predicate *predicate,
                    struct rift_value value)
{
    if (rift_value_is_nil(value))
        return false;
    switch (predicate->kind) {
    case MATCHES_EVERY:
        return true;
    case MATCHES_EQUAL:
        return rift_value_equal(values, value, predicate->operand);
    case MATCHES_MODULUS:
        break;
    }
    if (rift_value_kind(values, value) != RIFT_INTEGER)
        return false;
    int64_t rest = rift_value_as_integer(values, value) % predicate->modulus;
    return (rest < 0 ? rest + predicate->modulus : rest) == predicate->remainder;
}

bool txn_predicate_matches(const struct rift_values *values, struct rift_value predicate,
                           struct rift_value value)
{
    struct predicate parsed;
    return read_predicate(values, predicate, &parsed) && matches(values, &parsed, value);
}

/* Whether the predicate speaks of the key: some version of it matches. */
static bool speaks_of(const struct txn_predicates *predicates, const struct predicate *predicate,
                      uint32_t key)
{
    if (matches(predicates->values, predicate, predicates->initial[key]))
        return true;
    for (uint32_t v = predicates->first[key]; v < predicates->first[key + 1]; v++)
        if (matches(predicates->values, predicate, predicates->version[v].value))
            return true;
    return false;
}

/* The versions of a key that do not match, to out where it is given; returns how many. */
static uint32_t list_options(const struct txn_predicates *predicates,
                             const struct predicate *predicate, uint32_t key,
                             struct txn_predicate_option *out)
{
    uint32_t count = 0;
    struct rift_value initial = predicates->initial[key];
    if (!matches(predicates->values, predicate, initial)) {
        if (out)
            out[count] = (struct txn_predicate_option){TXN_NONE, initial};
        count++;
    }
    for (uint32_t v = predicates->first[key]; v < predicates->first[key + 1]; v++) {
        if (matches(predicates->values, predicate, predicates->version[v].value))
            continue;
        if (out)
            out[count] = predicates->version[v];
        count++;
    }
    return count;
}

static void learn(const struct txn_predicates *predicates, const struct predicate *predicate,
                  struct known_predicate *known)
{
    uint32_t option_count = 0;
    for (uint32_t k = 0; k < predicates->key_count; k++)
        if (speaks_of(predicates, predicate, k)) {
            known->count++;
            option_count += list_options(predicates, predicate, k, NULL);
        }
    known->keys = rift_calloc((size_t)known->count + 1, sizeof *known->keys);
    known->options = rift_reallocarray(NULL, (size_t)option_count + 1, sizeof *known->options);
    uint32_t key = 0, place = 0;
    for (uint32_t k = 0; k < predicates->key_count; k++) {
        if (!speaks_of(predicates, predicate, k))
            continue;
        uint32_t count = list_options(predicates, predicate, k, known->options + place);
        known->keys[key++] = (struct txn_predicate_key){k, count, known->options + place};
        place += count;
    }
}

static uint32_t slot_of(const struct txn_predicates *predicates, struct rift_value value)
{
    uint32_t slot = (uint32_t)rift_value_hash(predicates->values, value) & predicates->mask;
    while (predicates->slots[slot] &&
           !rift_value_equal(predicates->values,
                             predicates->known[predicates->slots[slot] - 1].value, value))
        slot = (slot + 1) & predicates->mask;
    return slot;
}

static void grow(struct txn_predicates *predicates)
{
    uint32_t slot_count = predicates->mask ? (predicates->mask + 1) * 2 : SLOTS_FIRST;
    free(predicates->slots);
    predicates->slots = rift_calloc(slot_count, sizeof *predicates->slots);
    predicates->mask = slot_count - 1;
    predicates->known_capacity = slot_count / 2;
    predicates->known =
        rift_reallocarray(predicates->known, predicates->known_capacity, sizeof *predicates->known);
    for (uint32_t i = 0; i < predicates->known_count; i++)
        predicates->slots[slot_of(predicates, predicates->known[i].value)] = i + 1;
}

int txn_predicates_find(struct txn_predicates *predicates, struct rift_value value,
                        const struct txn_predicate_key **keys, uint32_t *count)
{
    if (predicates->known_count == predicates->known_capacity)
        grow(predicates);
    uint32_t slot = slot_of(predicates, value);
    if (!predicates->slots[slot]) {
        struct predicate predicate;
        if (!read_predicate(predicates->values, value, &predicate))
            return -1;
        struct known_predicate *known = &predicates->known[predicates->known_count++];
        *known = (struct known_predicate){.value = value};
        learn(predicates, &predicate, known);
        predicates->slots[slot] = predicates->known_count;
    }
    const struct known_predicate *known = &predicates->known[predicates->slots[slot] - 1];
    *keys = known->keys;
    *count = known->count;
    return 0;
}

bool txn_predicate_rows(const struct rift_values *values, struct rift_value rows, size_t *count)
{
    *count = rift_value_count(values, rows);
    if (rift_value_kind(values, rows) == RIFT_MAP) {
        *count /= 2;
        return true;
    }
    if (rift_value_kind(values, rows) != RIFT_LIST || rift_value_packed(values, rows))
        return false;
    for (size_t i = 0; i < *count; i++)
        if (rift_value_count(values, rift_value_item(values, rows, i)) != 2)
            return false;
    return true;
}

void txn_predicate_row(const struct rift_values *values, struct rift_value rows, size_t index,
                       struct rift_value *key, struct rift_value *value)
{
    bool is_map = rift_value_kind(values, rows) == RIFT_MAP;
    struct rift_value pair = is_map ? rows : rift_value_item(values, rows, index);
    *key = rift_value_item(values, pair, is_map ? 2 * index : 0);
    *value = rift_value_item(values, pair, is_map ? 2 * index + 1 : 1);
}

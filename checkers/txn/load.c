/* One pass over the rows fills the columns; keys are found in an array where they are small
 * numbers, else in an open hash table over the words of the values; no list that was read is ever
 * copied. */
#include "checkers/txn/load.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/txn/predicates.h"
#include "checkers/txn/words.h"
#include "common/memory.h"

enum { SLOTS_FIRST = 64, DIRECT_FIRST = 1024 };

/* Functions are few distinct words: the last ones seen are remembered by their bits. */
enum { FUNCTION_MEMORY = 4 };

struct loader {
    struct txn_set *set;
    enum txn_function write_function;
    uint64_t function_bits[FUNCTION_MEMORY];
    enum txn_function function_of[FUNCTION_MEMORY];
    unsigned function_count;
    uint32_t *key_direct; /* by number: key + 1 */
    uint32_t key_direct_size;
    uint32_t *key_slots; /* of all others, by hash: key + 1 */
    uint32_t key_mask, key_slots_used;
    uint32_t key_capacity;
    uint32_t mop_capacity;
    /* The second time over, when the versions are known: NULL the first time. */
    struct txn_predicates *predicates;
    const uint32_t *choice;
    uint32_t selection, selection_count; /* the predicate read at hand; 0: none */
};

static uint32_t loader_append_key(struct loader *loader, struct rift_value key)
{
    struct txn_set *set = loader->set;
    if (set->key_count == loader->key_capacity) {
        loader->key_capacity = loader->key_capacity ? loader->key_capacity * 2 : SLOTS_FIRST;
        set->keys = rift_reallocarray(set->keys, loader->key_capacity, sizeof *set->keys);
        set->initial = rift_reallocarray(set->initial, loader->key_capacity, sizeof *set->initial);
    }
    set->keys[set->key_count] = key;
    set->initial[set->key_count] = RIFT_VALUE_NIL;
    return set->key_count++;
}

static uint32_t loader_key(struct loader *loader, struct rift_value key);

/* Room in the array for numbers up to this one, if it stays in proportion. */
static bool loader_grow_array(struct loader *loader, uint32_t number)
{
    uint32_t size = loader->key_direct_size ? loader->key_direct_size : DIRECT_FIRST;
    while (size <= number)
        size *= 2;
    if (size > TXN_DIRECT_SPREAD * ((uint64_t)loader->set->key_count + DIRECT_FIRST))
        return false;
    loader->key_direct = rift_reallocarray(loader->key_direct, size, sizeof *loader->key_direct);
    memset(loader->key_direct + loader->key_direct_size, 0,
           (size - loader->key_direct_size) * sizeof *loader->key_direct);
    loader->key_direct_size = size;
    return true;
}

/* The number that may be the place of a key, or TXN_DIRECT_MAX. */
static uint32_t number_of(struct rift_value key)
{
    int64_t number = (int64_t)key.bits >> RIFT_TAG_BITS;
    return rift_value_tag(key) == RIFT_INTEGER && number >= 0 && number < TXN_DIRECT_MAX
               ? (uint32_t)number
               : TXN_DIRECT_MAX;
}

/* Moves all keys out of the hash table into the array, if they have become numerous enough. */
static bool loader_leave_slots(struct loader *loader)
{
    const struct txn_set *set = loader->set;
    uint32_t most = 0;
    for (uint32_t k = 0; k < set->key_count; k++)
        most = number_of(set->keys[k]) > most ? number_of(set->keys[k]) : most;
    if (most == TXN_DIRECT_MAX || !loader_grow_array(loader, most))
        return false;
    for (uint32_t k = 0; k < set->key_count; k++)
        loader->key_direct[number_of(set->keys[k])] = k + 1;
    free(loader->key_slots);
    loader->key_slots = NULL;
    loader->key_mask = loader->key_slots_used = 0;
    return true;
}

static void loader_grow_slots(struct loader *loader)
{
    struct txn_set *set = loader->set;
    uint32_t old_count = loader->key_mask ? loader->key_mask + 1 : 0;
    uint32_t slot_count = old_count ? 2 * old_count : SLOTS_FIRST, *old = loader->key_slots;
    loader->key_slots = rift_calloc(slot_count, sizeof *loader->key_slots);
    loader->key_mask = slot_count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        if (!old[i])
            continue;
        uint32_t slot = (uint32_t)txn_hash_value(set->values, set->keys[old[i] - 1]);
        while (loader->key_slots[slot & loader->key_mask])
            slot++;
        loader->key_slots[slot & loader->key_mask] = old[i];
    }
    free(old);
}

static uint32_t loader_hashed_key(struct loader *loader, struct rift_value key)
{
    struct txn_set *set = loader->set;
    if (loader->key_slots_used * 2 >= loader->key_mask) {
        if (loader->key_slots_used > 0 && loader_leave_slots(loader))
            return loader_key(loader, key);
        loader_grow_slots(loader);
    }
    uint32_t slot = (uint32_t)txn_hash_value(set->values, key) & loader->key_mask;
    for (; loader->key_slots[slot]; slot = (slot + 1) & loader->key_mask)
        if (txn_same_value(set->values, set->keys[loader->key_slots[slot] - 1], key))
            return loader->key_slots[slot] - 1;
    loader->key_slots_used++;
    return (loader->key_slots[slot] = loader_append_key(loader, key) + 1) - 1;
}

/* Once a key had to go into the hash table the array grows no more, but for all of them, so that
 * each key is in one of the two. */
static uint32_t loader_key(struct loader *loader, struct rift_value key)
{
    uint32_t number = number_of(key);
    if (number >= loader->key_direct_size &&
        (number == TXN_DIRECT_MAX || loader->key_slots_used > 0 ||
         !loader_grow_array(loader, number)))
        return loader_hashed_key(loader, key);
    uint32_t *place = &loader->key_direct[number];
    if (*place == 0)
        *place = loader_append_key(loader, key) + 1;
    return *place - 1;
}

static int loader_function(struct loader *loader, struct rift_value word,
                           enum txn_function *function)
{
    for (unsigned i = 0; i < loader->function_count; i++)
        if (loader->function_bits[i] == word.bits) {
            *function = loader->function_of[i];
            return 0;
        }
    const struct rift_values *values = loader->set->values;
    if (rift_value_is_word(values, word, "r") || rift_value_is_word(values, word, "read"))
        *function = TXN_READ;
    else if (rift_value_is_word(values, word, "append"))
        *function = TXN_APPEND;
    else if (rift_value_is_word(values, word, "w") || rift_value_is_word(values, word, "write"))
        *function = TXN_WRITE;
    else if (rift_value_is_word(values, word, "rp") && loader->write_function == TXN_WRITE)
        *function = TXN_SELECT;
    else
        return -1;
    if (*function != TXN_READ && *function != TXN_SELECT && *function != loader->write_function)
        return -1;
    if (loader->function_count < FUNCTION_MEMORY) {
        loader->function_bits[loader->function_count] = word.bits;
        loader->function_of[loader->function_count++] = *function;
    }
    return 0;
}

static void loader_reserve(struct loader *loader, uint32_t count)
{
    struct txn_set *set = loader->set;
    if (loader->mop_capacity - set->mop_count >= count)
        return;
    uint32_t capacity = loader->mop_capacity + loader->mop_capacity / 2;
    if (capacity < set->mop_count + count)
        capacity = set->mop_count + count;
    set->mop_txn = rift_reallocarray(set->mop_txn, capacity, sizeof *set->mop_txn);
    set->mop_key = rift_reallocarray(set->mop_key, capacity, sizeof *set->mop_key);
    set->mop_function = rift_reallocarray(set->mop_function, capacity, sizeof *set->mop_function);
    set->mop_value = rift_reallocarray(set->mop_value, capacity, sizeof *set->mop_value);
    if (loader->predicates) {
        set->mop_is_selected =
            rift_reallocarray(set->mop_is_selected, capacity, sizeof *set->mop_is_selected);
        set->mop_selection =
            rift_reallocarray(set->mop_selection, capacity, sizeof *set->mop_selection);
    }
    loader->mop_capacity = capacity;
}

/* A transaction's micro-operations: a TXN, or a list of triples from a reader that cannot know. */
static bool is_transaction(const struct rift_values *values, struct rift_value value)
{
    if (rift_value_kind(values, value) == RIFT_TXN)
        return true;
    if (rift_value_kind(values, value) != RIFT_LIST || rift_value_packed(values, value))
        return false;
    for (size_t i = 0; i < rift_value_count(values, value); i++)
        if (rift_value_count(values, rift_value_item(values, value, i)) != 3)
            return false;
    return true;
}

static void loader_add_mop(struct loader *loader, uint32_t key, enum txn_function function,
                           struct rift_value value, bool is_selected)
{
    struct txn_set *set = loader->set;
    uint32_t mop = set->mop_count++;
    set->mop_txn[mop] = set->count;
    set->mop_key[mop] = key;
    set->mop_function[mop] = (uint8_t)function;
    set->mop_value[mop] = value;
    if (!loader->predicates)
        return;
    set->mop_is_selected[mop] = is_selected;
    set->mop_selection[mop] = loader->selection;
}

static void loader_add_impossible(struct loader *loader, enum txn_impossible_kind kind,
                                  struct rift_value key, struct rift_value predicate)
{
    struct txn_set *set = loader->set;
    if ((set->impossible_count & (set->impossible_count + 1)) == 0)
        set->impossible = rift_reallocarray(
            set->impossible, 2 * ((size_t)set->impossible_count + 1), sizeof *set->impossible);
    set->impossible[set->impossible_count++] =
        (struct txn_impossible){set->count, kind, key, predicate};
}

/* The last write of the transaction at hand to the key so far, or TXN_NONE. */
static uint32_t own_write(const struct txn_set *set, uint32_t key)
{
    for (uint32_t mop = set->mop_count; mop-- > set->first[set->count];)
        if (set->mop_key[mop] == key && set->mop_function[mop] != TXN_READ)
            return mop;
    return TXN_NONE;
}

/* The option that the transaction at hand saw likeliest: the last one that had ended before it. */
static uint32_t likeliest_option(const struct txn_set *set, const struct txn_predicate_key *key,
                                 const uint32_t *usable, uint32_t usable_count)
{
    const struct rift_ops *ops = &set->history->ops;
    int64_t end = ops->end[set->row[set->count]], latest = INT64_MIN;
    uint32_t best = 0;
    for (uint32_t i = 0; i < usable_count; i++) {
        uint32_t txn = key->option[usable[i]].txn;
        int64_t ended = txn == TXN_NONE ? INT64_MIN + 1 : ops->end[set->row[txn]];
        if (ended <= end && ended != RIFT_TIME_NEVER && ended > latest) {
            latest = ended;
            best = i;
        }
    }
    return best;
}

/* What a predicate read says of a key of which it returned no row. */
static void loader_add_absence(struct loader *loader, const struct txn_predicate_key *key,
                               struct rift_value predicate)
{
    struct txn_set *set = loader->set;
    uint32_t usable_count = 0;
    if (own_write(set, key->key) != TXN_NONE)
        return;
    CLEANUP(rift_free)
    uint32_t *usable = rift_reallocarray(NULL, (size_t)key->option_count + 1, sizeof *usable);
    for (uint32_t i = 0; i < key->option_count; i++)
        if (key->option[i].txn != set->count)
            usable[usable_count++] = i;
    if (usable_count == 0) {
        loader_add_impossible(loader, TXN_ROW_MISSED, set->keys[key->key], predicate);
        return;
    }
    uint32_t chosen = 0;
    if (usable_count > 1) {
        uint32_t number = set->open_count++;
        if ((number & (number - 1)) == 0)
            set->option_count = rift_reallocarray(set->option_count, 2 * ((size_t)number + 1),
                                                  sizeof *set->option_count);
        set->option_count[number] = usable_count;
        if (!loader->choice)
            return;
        chosen = (likeliest_option(set, key, usable, usable_count) + loader->choice[number]) %
                 usable_count;
    }
    loader_reserve(loader, 1);
    loader_add_mop(loader, key->key, TXN_READ, key->option[usable[chosen]].value, true);
}

/* Whether the rows hold the key; linear, as rows are few. */
static bool has_row(const struct txn_set *set, struct rift_value rows, size_t count, uint32_t key)
{
    for (size_t i = 0; i < count; i++) {
        struct rift_value row_key, value;
        txn_predicate_row(set->values, rows, i, &row_key, &value);
        if (txn_same_value(set->values, row_key, set->keys[key]))
            return true;
    }
    return false;
}

/* Own writes of before that match, of which there is no row. */
static void loader_check_own(struct loader *loader, struct rift_value predicate,
                             struct rift_value rows, size_t row_count)
{
    struct txn_set *set = loader->set;
    for (uint32_t mop = set->first[set->count]; mop < set->mop_count; mop++) {
        uint32_t key = set->mop_key[mop];
        if (set->mop_function[mop] != TXN_READ && own_write(set, key) == mop &&
            txn_predicate_matches(set->values, predicate, set->mop_value[mop]) &&
            !has_row(set, rows, row_count, key))
            loader_add_impossible(loader, TXN_OWN_ROW_MISSED, set->keys[key], predicate);
    }
}

/* A predicate read: its rows are reads of items, and where there is no row it may tell, too. */
static int loader_add_selection(struct loader *loader, struct rift_value predicate,
                                struct rift_value rows, size_t row, struct rift_error *err)
{
    struct txn_set *set = loader->set;
    const struct txn_predicate_key *keys;
    uint32_t key_count, first = set->mop_count;
    size_t count;
    if (!loader->predicates) {
        set->predicate_reads++;
        return 0;
    }
    if (txn_predicates_find(loader->predicates, predicate, &keys, &key_count) < 0) {
        CLEANUP(rift_free) char *text = rift_value_print(set->values, predicate);
        return rift_fail(err, RIFT_ERR_INVALID,
                         "operation %zu: predicate %s is none of :true, [:= x], [:mod m r]", row,
                         text);
    }
    if (set->type[set->count] != RIFT_OP_OK || rift_value_is_nil(rows))
        return 0;
    if (!txn_predicate_rows(set->values, rows, &count)) {
        CLEANUP(rift_free) char *text = rift_value_print(set->values, rows);
        return rift_fail(err, RIFT_ERR_INVALID,
                         "operation %zu: the rows of a predicate read are a map or a list of [key "
                         "value], not %s",
                         row, text);
    }
    if (set->mop_count > UINT32_MAX / 4 || count > UINT32_MAX / 4 || key_count > UINT32_MAX / 4)
        return rift_fail(err, RIFT_ERR_LIMIT, "too many micro-operations (at operation %zu)", row);
    loader->selection = ++loader->selection_count;
    loader_reserve(loader, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct rift_value key, value;
        txn_predicate_row(set->values, rows, i, &key, &value);
        if (!txn_predicate_matches(set->values, predicate, value))
            loader_add_impossible(loader, TXN_ROW_OF_NO_MATCH, key, predicate);
        uint32_t number = loader_key(loader, key);
        for (uint32_t mop = first; mop < set->mop_count; mop++)
            if (set->mop_key[mop] == number) {
                loader_add_impossible(loader, TXN_ROW_TWICE, key, predicate);
                break;
            }
        loader_add_mop(loader, number, TXN_READ, value, false);
    }
    loader_check_own(loader, predicate, rows, count);
    for (uint32_t k = 0; k < key_count; k++)
        if (!has_row(set, rows, count, keys[k].key))
            loader_add_absence(loader, &keys[k], predicate);
    loader->selection = 0;
    return 0;
}

static int loader_add_mops(struct loader *loader, struct rift_value value, size_t row,
                           struct rift_error *err)
{
    struct txn_set *set = loader->set;
    bool is_flat = rift_value_kind(set->values, value) == RIFT_TXN;
    size_t count = rift_value_count(set->values, value) / (is_flat ? 3 : 1);
    if (count > UINT32_MAX / 4 || set->mop_count > UINT32_MAX / 4)
        return rift_fail(err, RIFT_ERR_LIMIT, "too many micro-operations (at operation %zu)", row);
    loader_reserve(loader, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct rift_value part[3], triple = value;
        if (!is_flat)
            triple = rift_value_item(set->values, value, i);
        for (size_t j = 0; j < 3; j++)
            part[j] = rift_value_item(set->values, triple, (is_flat ? 3 * i : 0) + j);
        enum txn_function function;
        if (loader_function(loader, part[0], &function) < 0) {
            CLEANUP(rift_free) char *word = rift_value_print(set->values, part[0]);
            return rift_fail(err, RIFT_ERR_INVALID,
                             "operation %zu: micro-operation %s is neither :r nor %s", row, word,
                             loader->write_function == TXN_APPEND ? ":append" : ":w");
        }
        if (function == TXN_SELECT) {
            if (loader_add_selection(loader, part[1], part[2], row, err) < 0)
                return -1;
            loader_reserve(loader, (uint32_t)(count - i));
            continue;
        }
        loader_add_mop(loader, loader_key(loader, part[1]), function, part[2], false);
    }
    return 0;
}

/* What is known of the transaction: its completion, or what it asked where there is none. */
static struct rift_value known_value(const struct txn_set *set, size_t row)
{
    const struct rift_ops *ops = &set->history->ops;
    if (ops->type[row] != RIFT_OP_FAIL && is_transaction(set->values, ops->result[row]))
        return ops->result[row];
    return ops->argument[row];
}

/* The value that an op "init" gives to each key, instead of nil. It is there before all else. */
static int loader_add_initial(struct loader *loader, size_t row, struct rift_error *err)
{
    struct txn_set *set = loader->set;
    const struct rift_ops *ops = &set->history->ops;
    size_t count;
    if (!txn_predicate_rows(set->values, ops->argument[row], &count) ||
        ops->type[row] != RIFT_OP_OK)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "operation %zu: an init must end ok and name keys and values", row);
    for (size_t i = 0; i < count; i++) {
        struct rift_value key, value;
        txn_predicate_row(set->values, ops->argument[row], i, &key, &value);
        uint32_t number = loader_key(loader, key); /* may move the column */
        set->initial[number] = value;
    }
    return 0;
}

static int loader_add_rows(struct loader *loader, struct rift_error *err)
{
    struct txn_set *set = loader->set;
    const struct rift_ops *ops = &set->history->ops;
    uint16_t init =
        loader->write_function == TXN_WRITE ? rift_history_name(set->history, "init") : 0;
    for (size_t row = 0; row < ops->count; row++) {
        struct rift_value value = known_value(set, row);
        if (init && ops->f[row] == init) {
            if (loader_add_initial(loader, row, err) < 0)
                return -1;
            continue;
        }
        if (!is_transaction(set->values, value)) {
            set->skipped_count++;
            continue;
        }
        set->first[set->count] = set->mop_count;
        set->row[set->count] = (uint32_t)row;
        set->type[set->count] = ops->type[row];
        set->by_type[ops->type[row]]++;
        if (loader_add_mops(loader, value, row, err) < 0)
            return -1;
        set->count++;
    }
    set->first[set->count] = set->mop_count;
    return 0;
}

/* Chains the mops of each transaction by key. */
static void set_chain(struct txn_set *set)
{
    uint32_t *last = rift_reallocarray(NULL, (size_t)set->key_count + 1, sizeof *last);
    for (uint32_t k = 0; k < set->key_count; k++)
        last[k] = TXN_NONE;
    set->mop_before = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *last);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t before = last[set->mop_key[mop]];
        if (before != TXN_NONE && set->mop_txn[before] != set->mop_txn[mop])
            before = TXN_NONE;
        set->mop_before[mop] = before;
        last[set->mop_key[mop]] = mop;
    }
    free(last);
}

/* Once more from the start, now that all versions are known. */
static int loader_repeat(struct loader *loader, struct rift_error *err)
{
    struct txn_set *set = loader->set;
    set_chain(set);
    loader->predicates = txn_predicates_create(set);
    free(set->mop_before);
    set->mop_before = NULL;
    set->mop_is_selected = rift_calloc((size_t)loader->mop_capacity + 1, sizeof(bool));
    set->mop_selection = rift_calloc((size_t)loader->mop_capacity + 1, sizeof(uint32_t));
    set->count = set->mop_count = set->skipped_count = 0;
    memset(set->by_type, 0, sizeof set->by_type);
    int result = loader_add_rows(loader, err);
    txn_predicates_destroy(loader->predicates);
    return result;
}

int txn_set_init_chosen(struct txn_set *set, const struct rift_history *history,
                        enum txn_function write_function, const uint32_t *choice,
                        struct rift_error *err)
{
    size_t row_count = history->ops.count;
    *set = (struct txn_set){
        .history = history, .values = history->values, .write_function = write_function};
    if (row_count > TXN_VERTEX_LIMIT)
        return rift_fail(err, RIFT_ERR_LIMIT, "%zu operations are more than the %d that fit",
                         row_count, TXN_VERTEX_LIMIT);
    struct loader loader = {.set = set, .write_function = write_function, .choice = choice};
    set->first = rift_reallocarray(NULL, row_count + 1, sizeof *set->first);
    set->row = rift_reallocarray(NULL, row_count + 1, sizeof *set->row);
    set->type = rift_reallocarray(NULL, row_count + 1, sizeof *set->type);
    loader_reserve(&loader, (uint32_t)row_count);
    int result = loader_add_rows(&loader, err);
    if (result == 0 && set->predicate_reads > 0)
        result = loader_repeat(&loader, err);
    free(loader.key_direct);
    free(loader.key_slots);
    if (result < 0) {
        txn_set_finish(set);
        return -1;
    }
    set_chain(set);
    txn_set_index_writes(set);
    return 0;
}

int txn_set_init(struct txn_set *set, const struct rift_history *history,
                 enum txn_function write_function, struct rift_error *err)
{
    return txn_set_init_chosen(set, history, write_function, NULL, err);
}

void txn_set_finish(struct txn_set *set)
{
    free(set->row);
    free(set->type);
    free(set->first);
    free(set->mop_txn);
    free(set->mop_key);
    free(set->mop_function);
    free(set->mop_value);
    free(set->mop_before);
    free(set->mop_is_selected);
    free(set->mop_selection);
    free(set->keys);
    free(set->initial);
    free(set->option_count);
    free(set->impossible);
    txn_set_finish_writes(set);
    *set = (struct txn_set){0};
}

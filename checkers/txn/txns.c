/* Who wrote a value: an array for keys to which only small numbers are written, as most tests do,
 * so that a look-up touches one word; a hash table for all others. */
#include <stdlib.h>

#include "checkers/txn/txns.h"
#include "checkers/txn/words.h"
#include "common/memory.h"

enum { SLOTS_FIRST = 64 };

static uint32_t write_slot(const struct txn_set *set, uint32_t key, struct rift_value value)
{
    uint64_t hash = txn_hash_value(set->values, value) + key * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t slot = (uint32_t)txn_mix(hash) & set->write_mask;
    for (; set->write_slots[slot]; slot = (slot + 1) & set->write_mask) {
        uint32_t mop = set->write_slots[slot] - 1;
        if (set->mop_key[mop] == key && txn_same_value(set->values, set->mop_value[mop], value))
            break;
    }
    return slot;
}

/* Gives room in the array to each key to which only small numbers are written, and room for the
 * writes of all others in the hash table. */
static void set_prepare_index(struct txn_set *set)
{
    uint64_t slot_count = SLOTS_FIRST, hashed_count = 0, direct_count = 0;
    CLEANUP(rift_free) uint32_t *count = rift_calloc((size_t)set->key_count + 1, sizeof *count);
    set->direct_first = rift_calloc((size_t)set->key_count + 1, sizeof *set->direct_first);
    set->direct_size = rift_calloc((size_t)set->key_count + 1, sizeof *set->direct_size);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t k = set->mop_key[mop], *size = &set->direct_size[k];
        int64_t number = (int64_t)set->mop_value[mop].bits >> RIFT_TAG_BITS;
        if (set->mop_function[mop] == TXN_READ)
            continue;
        count[k]++;
        if (rift_value_tag(set->mop_value[mop]) != RIFT_INTEGER || number < 0 ||
            number >= TXN_DIRECT_MAX)
            *size = UINT32_MAX;
        else if (number >= *size)
            *size = (uint32_t)number + 1;
    }
    for (uint32_t k = 0; k < set->key_count; k++) {
        uint64_t most = TXN_DIRECT_SPREAD * ((uint64_t)count[k] + 1);
        if (set->direct_size[k] > most || direct_count + set->direct_size[k] > UINT32_MAX) {
            set->direct_size[k] = 0;
            hashed_count += count[k];
        }
        set->direct_first[k] = (uint32_t)direct_count;
        direct_count += set->direct_size[k];
    }
    while (slot_count < 2 * hashed_count)
        slot_count *= 2;
    set->direct = rift_calloc(direct_count + 1, sizeof *set->direct);
    set->write_slots = rift_calloc(slot_count, sizeof *set->write_slots);
    set->write_mask = (uint32_t)(slot_count - 1);
}

/* Where the mop that writes this is, or belongs, plus one; NULL if nobody can have written it. */
static uint32_t *write_place(const struct txn_set *set, uint32_t key, struct rift_value value)
{
    uint32_t size = set->direct_size[key];
    if (size == 0)
        return &set->write_slots[write_slot(set, key, value)];
    int64_t number = (int64_t)value.bits >> RIFT_TAG_BITS;
    if (rift_value_tag(value) != RIFT_INTEGER || number < 0 || number >= size)
        return NULL;
    return &set->direct[set->direct_first[key] + (uint32_t)number];
}

void txn_set_index_writes(struct txn_set *set)
{
    set_prepare_index(set);
    set->repeated_write = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (mop + TXN_MOPS_AHEAD < set->mop_count)
            txn_set_expect_writer(set, mop + TXN_MOPS_AHEAD);
        if (set->mop_function[mop] == TXN_READ)
            continue;
        uint32_t *place = write_place(set, set->mop_key[mop], set->mop_value[mop]);
        bool is_repeated = *place || (set->mop_function[mop] == TXN_WRITE &&
                                      txn_same_value(set->values, set->mop_value[mop],
                                                     set->initial[set->mop_key[mop]]));
        if (is_repeated && set->repeated_write == TXN_NONE)
            set->repeated_write = mop;
        else if (!*place)
            *place = mop + 1;
    }
}

void txn_set_finish_writes(struct txn_set *set)
{
    free(set->direct);
    free(set->direct_first);
    free(set->direct_size);
    free(set->write_slots);
}

uint32_t txn_set_writer(const struct txn_set *set, uint32_t key, struct rift_value value)
{
    const uint32_t *place = write_place(set, key, value);
    return place && *place ? *place - 1 : TXN_NONE;
}

int64_t txn_start(const struct txn_set *set, uint32_t txn)
{
    return set->history->ops.start[set->row[txn]];
}

int64_t txn_end(const struct txn_set *set, uint32_t txn)
{
    return set->type[txn] == RIFT_OP_OK ? set->history->ops.end[set->row[txn]] : RIFT_TIME_NEVER;
}

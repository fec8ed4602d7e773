#include "checkers/txn/weak.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static int compare_keys(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

enum { INSERTION_MAX = 32 };

static void sort_keys(uint32_t *keys, uint32_t count)
{
    if (count > INSERTION_MAX) {
        qsort(keys, count, sizeof *keys, compare_keys);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        uint32_t key = keys[i], at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static bool shows_write(const struct register_model *model, uint32_t mop)
{
    const struct txn_set *set = model->set;
    return set->mop_function[mop] != TXN_READ && !model->has_later_write[mop] &&
           set->type[set->mop_txn[mop]] != RIFT_OP_FAIL;
}

/* A read of another transaction that may have committed, or of the initial state. */
static bool shows_read(const struct register_model *model, uint32_t mop)
{
    uint32_t version = model->read_version[mop];
    if (version == TXN_NONE)
        return false;
    if (register_is_initial(model, version))
        return true;
    uint32_t writer = model->read_writer[mop];
    return writer != TXN_NONE && writer != model->set->mop_txn[mop];
}

struct session_slot {
    int64_t process; /* plus one; 0: free */
    uint32_t session, count;
    uint32_t last;
};

/* Nothing follows an unknown transaction for sure: it follows its session, alone in one of its own.
 */
static void number_sessions(struct weak_index *index)
{
    const struct txn_set *set = index->model->set;
    size_t slot_count = 64;
    while (slot_count < 2 * (size_t)set->count)
        slot_count *= 2;
    struct session_slot *slots = rift_calloc(slot_count, sizeof *slots);
    for (uint32_t t = 0; t < set->count; t++) {
        index->session[t] = index->place[t] = 0;
        index->before[t] = TXN_NONE;
        if (set->type[t] == RIFT_OP_FAIL)
            continue;
        int64_t process = (int64_t)set->history->ops.process[set->row[t]] + 1;
        size_t at = (uint64_t)process * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (slot_count - 1);
        while (slots[at].process && slots[at].process != process)
            at = (at + 1) & (slot_count - 1);
        if (!slots[at].process)
            slots[at] = (struct session_slot){process, index->session_count++, 0, TXN_NONE};
        index->before[t] = slots[at].last;
        index->session[t] = slots[at].session;
        if (txn_is_committed(set, t)) {
            index->place[t] = ++slots[at].count;
            slots[at].last = t;
        } else {
            index->place[t] = 1;
            index->session[t] = index->session_count++;
        }
    }
    free(slots);
}

/* Each transaction alone. */
static void number_singly(struct weak_index *index)
{
    const struct txn_set *set = index->model->set;
    for (uint32_t t = 0; t < set->count; t++) {
        index->before[t] = TXN_NONE;
        index->place[t] = set->type[t] != RIFT_OP_FAIL;
        index->session[t] = index->place[t] ? index->session_count++ : 0;
    }
}

void weak_index_init(struct weak_index *index, const struct register_model *model,
                     bool with_sessions)
{
    const struct txn_set *set = model->set;
    *index = (struct weak_index){.model = model, .txn_count = set->count};
    size_t mops = (size_t)set->mop_count + 1, txns = (size_t)set->count + 1;
    index->write_first = rift_reallocarray(NULL, txns, sizeof(uint32_t));
    index->read_first = rift_reallocarray(NULL, txns, sizeof(uint32_t));
    index->session = rift_reallocarray(NULL, txns, sizeof(uint32_t));
    index->place = rift_reallocarray(NULL, txns, sizeof(uint32_t));
    index->before = rift_reallocarray(NULL, txns, sizeof(uint32_t));
    index->write_bits = rift_calloc(txns, sizeof *index->write_bits);
    index->write_key = rift_reallocarray(NULL, mops, sizeof(uint32_t));
    index->read_key = rift_reallocarray(NULL, mops, sizeof(uint32_t));
    index->read_from = rift_reallocarray(NULL, mops, sizeof(uint32_t));
    index->read_at = rift_reallocarray(NULL, mops, sizeof(uint32_t));
    uint32_t writes = 0, reads = 0, moment = 0, last_selection = 0;
    for (uint32_t t = 0; t < set->count; t++) {
        index->write_first[t] = writes;
        index->read_first[t] = reads;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++) {
            if (shows_write(model, mop)) {
                index->write_bits[t] |= weak_key_bit(set->mop_key[mop]);
                index->write_key[writes++] = set->mop_key[mop];
            } else if (shows_read(model, mop)) {
                bool is_first = !set->mop_selection || set->mop_selection[mop] == 0 ||
                                set->mop_selection[mop] != last_selection;
                last_selection = set->mop_selection ? set->mop_selection[mop] : 0;
                moment += is_first;
                index->read_at[reads] = moment;
                index->read_key[reads] = set->mop_key[mop];
                index->read_from[reads++] = model->read_writer[mop];
            }
        }
        sort_keys(index->write_key + index->write_first[t], writes - index->write_first[t]);
    }
    index->write_first[set->count] = writes;
    index->read_first[set->count] = reads;
    if (with_sessions)
        number_sessions(index);
    else
        number_singly(index);
}

void weak_index_finish(struct weak_index *index)
{
    free(index->write_first);
    free(index->write_key);
    free(index->write_bits);
    free(index->read_first);
    free(index->read_key);
    free(index->read_from);
    free(index->read_at);
    free(index->session);
    free(index->place);
    free(index->before);
    *index = (struct weak_index){0};
}

/* The transactions of a history in columns of integers: micro-operations with dense keys, and a
 * table that finds who wrote a value. */
#ifndef CHECKERS_TXN_TXNS_H
#define CHECKERS_TXN_TXNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "history/history.h"

enum txn_function {
    TXN_READ,
    TXN_WRITE,
    TXN_APPEND,
    TXN_SELECT, /* of a predicate; in a set it has become the reads that it implies */
};

#define TXN_NONE UINT32_MAX

/* So many transactions, and as many junctions again, fit into the words of a graph. */
enum { TXN_VERTEX_LIMIT = 1 << 27 };

/* Transaction t is a row of the history; its micro-operations are first[t] .. first[t + 1] - 1. */
struct txn_set {
    const struct rift_history *history;
    const struct rift_values *values;
    enum txn_function write_function;
    uint32_t count;
    uint32_t *row;
    uint8_t *type; /* enum rift_op_type */
    uint32_t *first;
    uint32_t mop_count;
    uint32_t *mop_txn;
    uint32_t *mop_key;
    uint8_t *mop_function;
    struct rift_value *mop_value;
    bool *mop_is_selected;   /* read by a predicate that did not return it; NULL: none is */
    uint32_t *mop_selection; /* which predicate read it came from, counted from 1; 0, NULL: none */
    uint32_t *mop_before; /* the mop before on the same key in the same transaction, or TXN_NONE */
    uint32_t key_count;
    struct rift_value *keys;
    struct rift_value *initial; /* per key: nil, or what an op "init" gave it */
    uint32_t skipped_count;     /* rows that are no transactions */
    uint32_t by_type[3];        /* by enum rift_op_type */

    /* Who wrote a value. Of a key to which only small numbers are written: mop + 1 at
     * direct[direct_first[key] + number], where number < direct_size[key]. Of others, whose
     * direct_size is 0: a hash of (key, value) to mop + 1. */
    uint32_t *direct;
    uint32_t *direct_first, *direct_size;
    uint32_t *write_slots;
    uint32_t write_mask;
    uint32_t
        repeated_write; /* a mop that writes what another wrote, or the initial state; or NONE */

    /* Predicate reads. Where one returned no row of a key and several versions do not match, which
     * of them it saw is open: option_count[i] of them for open read i. */
    uint32_t predicate_reads;
    uint32_t open_count;
    uint32_t *option_count;
    uint32_t impossible_count;
    struct txn_impossible {
        uint32_t txn;
        enum txn_impossible_kind {
            TXN_ROW_OF_NO_MATCH, /* a row that the predicate does not match */
            TXN_ROW_TWICE,
            TXN_OWN_ROW_MISSED, /* or a row where its own write does not match */
            TXN_ROW_MISSED,     /* every version matches, yet there is no row */
        } kind;
        struct rift_value key, predicate;
    } * impossible;
};

/* The write mop of this key and value, or TXN_NONE. */
uint32_t txn_set_writer(const struct txn_set *set, uint32_t key, struct rift_value value);

/* Parts of loading (load.h): finds repeated_write, too. */
void txn_set_index_writes(struct txn_set *set);
void txn_set_finish_writes(struct txn_set *set);

/* What a mop points to lies anywhere in the columns: it is asked for so many mops ahead of its use,
 * so that memory is waited for once for many. */
enum { TXN_MOPS_AHEAD = 16 };

/* Asks memory for what txn_set_writer will look at for the key and value of a mop. */
static inline void txn_set_expect_writer(const struct txn_set *set, uint32_t mop)
{
    uint32_t number = (uint32_t)(set->mop_value[mop].bits >> RIFT_TAG_BITS);
    uint32_t key = set->mop_key[mop];
    if (number < set->direct_size[key])
        __builtin_prefetch(&set->direct[set->direct_first[key] + number]);
}

static inline bool txn_is_committed(const struct txn_set *set, uint32_t txn)
{
    return set->type[txn] == RIFT_OP_OK;
}

int64_t txn_start(const struct txn_set *set, uint32_t txn);
/* RIFT_TIME_NEVER unless ok. */
int64_t txn_end(const struct txn_set *set, uint32_t txn);

#endif

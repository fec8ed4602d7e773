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

enum txn_function { TXN_READ, TXN_WRITE, TXN_APPEND };

#define TXN_NONE UINT32_MAX

/* So many transactions, and as many junctions again, fit into the words of a graph. */
enum { TXN_VERTEX_LIMIT = 1 << 27 };

/* Transaction t is a row of the history; its micro-operations are first[t] .. first[t + 1] - 1. */
struct txn_set {
    const struct rift_history *history;
    const struct rift_values *values;
    uint32_t count;
    uint32_t *row;
    uint8_t *type; /* enum rift_op_type */
    uint32_t *first;
    uint32_t mop_count;
    uint32_t *mop_txn;
    uint32_t *mop_key;
    uint8_t *mop_function;
    struct rift_value *mop_value;
    uint32_t *mop_before; /* the mop before on the same key in the same transaction, or TXN_NONE */
    uint32_t key_count;
    struct rift_value *keys;
    uint32_t skipped_count; /* rows that are no transactions */
    uint32_t by_type[3];    /* by enum rift_op_type */

    uint32_t *write_slots; /* hash of (key, value) to mop + 1 */
    uint32_t write_mask;
    uint32_t repeated_write; /* a mop that writes what another wrote too, or TXN_NONE */
};

/* Fails on micro-operations that are neither reads nor writes of this kind, with their row. */
int txn_set_init(struct txn_set *set, const struct rift_history *history,
                 enum txn_function write_function, struct rift_error *err);
void txn_set_finish(struct txn_set *set);

/* The write mop of this key and value, or TXN_NONE. */
uint32_t txn_set_writer(const struct txn_set *set, uint32_t key, struct rift_value value);

static inline bool txn_is_committed(const struct txn_set *set, uint32_t txn)
{
    return set->type[txn] == RIFT_OP_OK;
}

int64_t txn_start(const struct txn_set *set, uint32_t txn);
/* RIFT_TIME_NEVER unless ok. */
int64_t txn_end(const struct txn_set *set, uint32_t txn);

#endif

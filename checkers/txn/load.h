/* A history becomes columns of transactions. */
#ifndef CHECKERS_TXN_LOAD_H
#define CHECKERS_TXN_LOAD_H

#include "checkers/txn/txns.h"

/* Fails on micro-operations that are neither reads nor writes of this kind, with their row. Open
 * reads of predicates are left out. */
int txn_set_init(struct txn_set *set, const struct rift_history *history,
                 enum txn_function write_function, struct rift_error *err);
/* As txn_set_init, and open read i saw its option number choice[i], counted from the likeliest by
 * time. */
int txn_set_init_chosen(struct txn_set *set, const struct rift_history *history,
                        enum txn_function write_function, const uint32_t *choice,
                        struct rift_error *err);
void txn_set_finish(struct txn_set *set);

#endif

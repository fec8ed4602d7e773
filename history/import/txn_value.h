/* Transactions: lists of micro-operations like [:append 5 1], [:r 5 [1 2]], [:r 5]. */
#ifndef HISTORY_IMPORT_TXN_VALUE_H
#define HISTORY_IMPORT_TXN_VALUE_H

#include "history/import/dialect.h"

/* The value at the cursor; a TXN if it is a list of micro-operations whose names are known. */
int rift_txn_value(struct rift_cursor *cursor, const struct rift_dialect *dialect,
                   struct rift_value *value);
/* The same for a value that was read already. */
struct rift_value rift_txn_from_list(struct rift_cursor *cursor, struct rift_value value);

#endif

/* Timestamps from PostgreSQL's snapshots, for a database that has no others. */
#ifndef CHECKERS_TXN_SNAPSHOTS_H
#define CHECKERS_TXN_SNAPSHOTS_H

#include "checkers/txn/txns.h"

enum { TXN_HAS_START = 1, TXN_HAS_COMMIT = 2 };

/* Reads the keys "snapshot" (pg_current_snapshot(), "xmin:xmax:xip,...") and "xid" beside the
 * completions into start and commit, by transaction, and adds to has what became known. One of
 * unknown outcome has committed where somebody read what it wrote. Returns how many have a
 * snapshot; those are then in one order with all others that have one, and with nothing else. */
uint32_t txn_snapshots_read(const struct txn_set *set, int64_t *start, int64_t *commit,
                            uint8_t *has);

#endif

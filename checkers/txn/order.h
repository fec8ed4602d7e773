/* The orders that hold whatever the data says: of a process, and of real time. */
#ifndef CHECKERS_TXN_ORDER_H
#define CHECKERS_TXN_ORDER_H

#include "checkers/txn/graph.h"
#include "checkers/txn/txns.h"

/* An edge from each committed transaction to the next of its process. An unknown one may come last:
 * nothing follows it for sure. */
void txn_order_processes(const struct txn_set *set, struct txn_edges *edges);

/* a before b iff a committed and ended before b started, through one junction for each moment at
 * which something that ended meets something that starts: linear in size whatever the concurrency.
 */
void txn_order_realtime(const struct txn_set *set, struct txn_edges *edges);

#endif

/* Circles of operations on logs: what one sent, the other polled, or sent before, or had done
 * before. */
#ifndef CHECKERS_KAFKA_CYCLES_H
#define CHECKERS_KAFKA_CYCLES_H

#include "checkers/kafka_records.h"
#include "checkers/txn/cycle.h"

/* An operation with several sends: its messages need not stand next to each other. */
bool kafka_cycles_has_transactions(const struct kafka_records *log);

/* Cycles over "polled from" (wr), the order of processes and real time, and, with has_log_order,
 * the order of messages in a log (ww). Vertices are rows. The caller finishes them. */
void kafka_cycles_find(const struct kafka_records *log, bool has_log_order, int64_t deadline_ns,
                       struct txn_cycles *cycles);

/* "Operation 3 ended before 7 began, 7 stands before 3 in a log"; free() it. */
char *kafka_cycle_print(const struct txn_cycle *cycle);

#endif

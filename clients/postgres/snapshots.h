/* Which transactions a transaction of PostgreSQL sees, recorded beside its answer. */
#ifndef CLIENTS_POSTGRES_SNAPSHOTS_H
#define CLIENTS_POSTGRES_SNAPSHOTS_H

#include "clients/postgres/transaction.h"

/* The first statement of the transaction: from repeatable read on all others see its snapshot. Adds
 * "snapshot" ("xmin:xmax:xip,...") to the answer's extra keys. 0, or -1 as of postgres_run. */
int postgres_record_snapshot(struct postgres_transaction *transaction);
/* The last statement before COMMIT: adds "xid", where the transaction wrote anything. */
int postgres_record_xid(struct postgres_transaction *transaction);

#endif

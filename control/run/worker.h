/* Workers: one thread each with one client session, that take a job, invoke it, and hand it back
 * with the exact times. */
#ifndef CONTROL_RUN_WORKER_H
#define CONTROL_RUN_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/client.h"
#include "control/run/mailbox.h"
#include "control/run/scheduler.h"

/* What all workers of a run share. It is copied, counted, and lives until the last worker is gone:
 * a stuck one may come back long after the run. */
struct worker_crew;

struct worker_crew *worker_crew_create(const struct rift_client *client,
                                       const struct rift_client_config *configs, size_t node_count,
                                       struct run_mailbox *mailbox);
void worker_crew_release(struct worker_crew *crew);

struct worker;

/* Starts the thread; it speaks to node t % node_count. NULL where no thread can be started. */
struct worker *worker_start(struct worker_crew *crew, unsigned thread);
/* The worker must have no job. Jobs come back through the crew's mailbox. */
void worker_give(struct worker *worker, struct run_job *job);
/* Lets the thread end once it has no job, and close its session. */
void worker_dismiss(struct worker *worker);
/* Waits for a dismissed worker until deadline_ns (monotonic) and frees it; one that is late is
 * left behind as by worker_abandon. NULL: nothing. */
void worker_join(struct worker *worker, int64_t deadline_ns);
/* The worker is stuck: it ends, and frees itself, whenever it comes back. */
void worker_abandon(struct worker *worker);

#endif

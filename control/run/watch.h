/* The watch: judges a run's history while it is written, and says so soon after the operation that
 * broke it. It stands between the interpreter and the writer, and has a thread of its own. */
#ifndef CONTROL_RUN_WATCH_H
#define CONTROL_RUN_WATCH_H

#include "common/error.h"
#include "control/run/journal.h"
#include "control/run/stop.h"
#include "plan/plan.h"

struct run_watch;

/* Watches for what the plan's checker "linearizable" would convict; journal is what gets every
 * event too. Fails where the plan has no such checker, or its model is not named. stop is asked
 * once, and outlives the watch. */
struct run_watch *run_watch_create(const struct rift_plan *plan, struct run_journal journal,
                                   struct run_stop *stop, struct rift_error *err);
/* Where the interpreter is to record. */
struct run_journal run_watch_journal(struct run_watch *watch);
/* Ends the thread. NULL: nothing. Nobody may record through it any more. */
void run_watch_destroy(struct run_watch *watch);

#endif

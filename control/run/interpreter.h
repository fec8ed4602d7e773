/* Runs the operations of a test: the scheduler on the caller's thread, one thread for each worker,
 * and a mailbox between them. */
#ifndef CONTROL_RUN_INTERPRETER_H
#define CONTROL_RUN_INTERPRETER_H

#include <stdint.h>

#include "clients/client.h"
#include "common/error.h"
#include "control/run/mailbox.h"
#include "control/run/scheduler.h"

struct interpreter_settings {
    const struct rift_client *client;
    const struct rift_client_config *configs; /* one for each node; copied */
    size_t node_count;
    unsigned thread_count; /* thread t speaks to node t % node_count */
    int64_t op_timeout_ms;
    int64_t origin_ns; /* monotonic time at which the run began */
    struct run_journal journal;
};

struct interpreter;

/* Starts the workers. The interpreter is used from one thread, but for what says otherwise. */
struct interpreter *interpreter_create(const struct interpreter_settings *settings,
                                       struct rift_error *err);

/* Every worker opens its session, in parallel, so that no operation pays for it. Returns when all
 * have, or at deadline_ns (monotonic); a session that is not open then opens with its first
 * operation. To be called before the first phase. */
void interpreter_open_sessions(struct interpreter *interpreter, int64_t deadline_ns);

enum interpreter_end {
    INTERPRETER_DONE,    /* the generator ended */
    INTERPRETER_TIMEOUT, /* the deadline came first */
    INTERPRETER_STOPPED, /* interpreter_stop */
    INTERPRETER_FAILED,  /* the journal cannot be written: err */
};

/* Runs one phase. Past deadline_ns (monotonic) no operation begins; those under way end as they
 * can, or as info when their workers are stuck, which takes at most the operations' timeout and a
 * little more. NULL generator: only records what the mailbox holds. */
enum interpreter_end interpreter_run(struct interpreter *interpreter,
                                     struct rift_generator *generator, int64_t deadline_ns,
                                     struct rift_error *err);
/* Ends the phase that runs, and each later one at its start. Any thread. */
void interpreter_stop(struct interpreter *interpreter);

/* A nemesis operation begins: f, planned and start_ns are set. Any thread; never blocks. */
void interpreter_post_fault_begun(struct interpreter *interpreter, struct run_fault_op *fault);
/* It has ended: result, error and end_ns are set. The interpreter owns it now. */
void interpreter_post_fault_ended(struct interpreter *interpreter, struct run_fault_op *fault);
/* Any thread. */
const struct scheduler_counts *interpreter_counts(const struct interpreter *interpreter);

/* Dismisses the workers. A stuck one is left behind; its memory lives until it comes back. */
void interpreter_destroy(struct interpreter *interpreter);

#endif

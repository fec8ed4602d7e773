/* Decides which operation goes to which thread, and records it: the generator, the process numbers
 * and the order of the history in one place. No thread, no clock, no wait: the caller brings the
 * time and the answers, so that a test steps it by hand. */
#ifndef CONTROL_RUN_SCHEDULER_H
#define CONTROL_RUN_SCHEDULER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clients/client.h"
#include "control/run/journal.h"
#include "plan/generators/generator.h"

enum { JOB_F_SIZE = 64 };

/* One operation on its way to a worker and back. One side owns it at a time: the scheduler until
 * dispatch, the worker until it hands it back. An abandoned one stays with its worker, so nothing
 * in here may die before it. */
struct run_job {
    unsigned thread;
    uint64_t ticket; /* of this operation; a late one no longer matches its thread's */
    char f[JOB_F_SIZE];
    struct rift_values *values;
    struct rift_value key, argument;
    int64_t timeout_ns;
    bool wants_fresh_session; /* the process is new */
    bool only_opens;          /* no operation: a session is opened ahead of the first one */
    /* By the worker; monotonic. */
    int64_t start_ns, end_ns;
    struct rift_answer answer;
    struct run_job *next;
};

struct scheduler_settings {
    unsigned thread_count;
    size_t node_count;
    const char *const *node_names; /* thread t speaks to node t % node_count */
    int64_t op_timeout_ns;
    /* A worker that has not come back this long after dispatch is taken for stuck. */
    int64_t abandon_after_ns;
    int64_t origin_ns; /* monotonic time at which the run began */
    struct run_journal journal;
    void *context;
    /* Hands a job to the thread's worker. Never blocks. */
    void (*dispatch)(void *context, struct run_job *job);
    /* The thread's worker is stuck: put a fresh one in its place. False: not possible, the thread
     * is lost for the rest of the run. */
    bool (*replace)(void *context, unsigned thread);
};

/* Read by any thread while the run goes on. */
struct scheduler_counts {
    _Atomic uint64_t invoked, ok, fail, info;
    _Atomic uint64_t abandoned; /* ops whose worker was stuck; they count as info too */
    _Atomic uint64_t late;      /* answers that came after that, dropped */
};

struct scheduler;

struct scheduler *scheduler_create(const struct scheduler_settings *settings);
/* A job that is still with a worker is not freed: it is the worker's then. */
void scheduler_destroy(struct scheduler *scheduler);
const struct scheduler_counts *scheduler_counts(const struct scheduler *scheduler);

/* All times below are monotonic. A phase begins when all threads are free; the generator's time 0
 * is now. */
void scheduler_begin(struct scheduler *scheduler, struct rift_generator *generator, int64_t now_ns);
/* Gives up on stuck workers and dispatches what is due. Returns when to be called again if no job
 * comes back earlier; RIFT_TIME_NEVER: only then. */
int64_t scheduler_step(struct scheduler *scheduler, int64_t now_ns);
/* A job came back: records it, or drops it where it is late. The job is the scheduler's again. */
void scheduler_complete(struct scheduler *scheduler, struct run_job *job, int64_t now_ns);
/* No further operation in this phase. */
void scheduler_stop(struct scheduler *scheduler);
/* The generator has ended, or was stopped, and every operation has. */
bool scheduler_is_done(const struct scheduler *scheduler);

struct run_job *run_job_create(void);
void run_job_destroy(struct run_job *job);

#endif

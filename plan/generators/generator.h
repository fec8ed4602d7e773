/* Generators: who asks what, and when. No clock, no I/O, no randomness but the seed's: context in,
 * operation out. They live in an arena and die with it.
 *
 * A generator answers with an operation that may be sent right now (it is due, and a thread that
 * may take it is free), or says until when nothing can change, or that it is done for ever.
 *
 * What stays fixed for a seed: each stream of operations (f, key, argument, due time) and the order
 * in it. A stream is the whole workload where any thread may take any operation, or one thread's
 * share where operations are bound to threads. Outcomes never choose f, argument or due time; they
 * only decide when an operation that was due is really sent and by which process, and where a
 * stream is cut off (time limit, until-ok). One exception is visible: a key that gathered too many
 * INFOs is replaced by a fresh incarnation of itself, key + n * RIFT_KEY_STRIDE, whose operations
 * are those that were planned for the key. */
#ifndef PLAN_GENERATORS_GENERATOR_H
#define PLAN_GENERATORS_GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "history/op.h"
#include "history/value.h"

enum { RIFT_THREADS_MAX = 4096, RIFT_THREAD_ANY = -1 };
#define RIFT_KEY_STRIDE INT64_C(1000000000)

struct rift_generator_context {
    int64_t now_ns;        /* since the phase began */
    unsigned first_thread; /* threads first_thread to thread_count - 1 take part; 0: all */
    unsigned thread_count;
    const bool *is_free;    /* thread -> could take an operation now */
    const int32_t *process; /* thread -> its process number */
    struct rift_values
        *values; /* key and argument are built here, and must be copied before the next call */
};

struct rift_planned_op {
    const char *f;         /* lives as long as the generator */
    struct rift_value key; /* nil: not keyed */
    struct rift_value argument;
    int64_t due_ns; /* planned time, at most context.now_ns */
    int32_t thread; /* a free one, or RIFT_THREAD_ANY: choose the one that has been idle longest,
                       so that every node gets its share */
    const void
        *owner; /* the generator that wants to know how it ended; hand it back in the event */
};

enum rift_next {
    RIFT_NEXT_OP,      /* *op is to be sent at once; ask again */
    RIFT_NEXT_PENDING, /* ask again at *wake_ns (RIFT_TIME_NEVER: no time alone helps), or when a
                          thread became free, whichever is first */
    RIFT_NEXT_DONE,    /* no operation will ever come again */
};

/* An operation completed. */
struct rift_generator_event {
    const struct rift_planned_op *op; /* key and argument in values */
    enum rift_op_type type;
    int64_t time_ns; /* on the clock of context.now_ns */
    unsigned thread;
    struct rift_value result;
    const char *error; /* the client's code ("empty"), "" or NULL */
    struct rift_values *values;
};

struct rift_generator;

struct rift_generator_kind {
    const char *name;
    enum rift_next (*next)(struct rift_generator *generator,
                           const struct rift_generator_context *context, struct rift_planned_op *op,
                           int64_t *wake_ns);
    /* May be NULL: nothing to learn. Every event of the phase passes here, also of ops of others.
     */
    void (*update)(struct rift_generator *generator, const struct rift_generator_event *event);
};

/* First member of every generator. */
struct rift_generator {
    const struct rift_generator_kind *kind;
};

enum rift_next rift_generator_next(struct rift_generator *generator,
                                   const struct rift_generator_context *context,
                                   struct rift_planned_op *op, int64_t *wake_ns);
/* Tell it of each completion, in the order of the history. NULL generator: nothing. */
void rift_generator_update(struct rift_generator *generator,
                           const struct rift_generator_event *event);

/* Some client thread could take an operation now. */
bool rift_generator_has_free_thread(const struct rift_generator_context *context);

#endif

/* One object's history, made ready for search: calls, and one order of all events.
 *
 * What is left out: FAIL (it did not happen; a model may want it as an observation) and operations
 * that say nothing. INFO stays, open for ever. Events are numbered 0, 1, 2...: where a completion
 * and an invocation share a moment the invocation comes first, so they are concurrent, and after
 * that no two events are equal. a precedes b exactly if a.complete < b.invoke. */
#ifndef CHECKERS_LINEARIZABILITY_PROBLEM_H
#define CHECKERS_LINEARIZABILITY_PROBLEM_H

#include <stdatomic.h>

#include "checkers/models/model.h"

#define RIFT_EVENT_NEVER UINT32_MAX

/* 28 bytes; sorted by invoke. */
struct rift_problem_op {
    uint32_t invoke;   /* number of the event */
    uint32_t complete; /* RIFT_EVENT_NEVER: optional, at any time after invoke, or never */
    struct rift_call call;
    uint32_t row; /* in history->ops */
    int32_t process;
};

struct rift_problem {
    const struct rift_model *model;
    const struct rift_history *history; /* NULL for problems made by hand in tests */
    size_t count;
    struct rift_problem_op *ops;
    uint32_t event_count;
    uint32_t info_count; /* ops with complete NEVER */
    uint32_t initial;    /* value id the object starts with; 0 (nil) where nothing else was said */
    /* Registers: any value may be the first. Set for the problem of a window: what completed before
     * the window is left out, updates open at its beginning are optional. Every order of the whole
     * has a tail that is an order of the window from some state, so a window without one proves the
     * whole invalid. */
    bool is_start_unknown;
    int64_t capacity; /* of a semaphore */
    /* Values by id; [0] is nil. number is the integer, 0 where is_number is false. */
    uint32_t value_count;
    struct rift_value *values;
    int64_t *numbers;
    bool *is_number;
    struct rift_states *lists; /* sequences that calls name by id: whole reads, transactions */
    uint32_t key;              /* index into history->keys */
    void *intern;              /* private to problem.c; NULL: values and lists are borrowed */
};

struct rift_problem_options {
    struct rift_value initial; /* in the history's pool; nil: the model's own start */
    int64_t capacity;          /* 0: 1 */
};

/* The problem of these rows (ascending). NULL and an error naming row and operation where the model
 * cannot read one. */
struct rift_problem *rift_problem_create(const struct rift_model *model,
                                         const struct rift_history *history, const uint32_t *rows,
                                         size_t row_count,
                                         const struct rift_problem_options *options,
                                         struct rift_error *err);
/* The same problem with only the ops of indices (ascending; NULL: all); those with weakened[i] set
 * (i is an index of the old problem; may be NULL) become optional, everything invoked after the
 * event `until` is dropped and what completes after it becomes optional (RIFT_EVENT_NEVER: no cut).
 * Value ids stay the same and values are borrowed: the old problem must live longer. row still
 * names history rows. */
struct rift_problem *rift_problem_subset(const struct rift_problem *problem,
                                         const uint32_t *indices, size_t count,
                                         const bool *weakened, uint32_t until);
/* rift_call_weakened, for calls whose meaning stands in problem->lists too. */
struct rift_call rift_problem_weaken(const struct rift_problem *problem, struct rift_call call);
void rift_problem_destroy(struct rift_problem *problem);

/* For translate: the id of a value of the history's pool; equal values have equal ids. */
uint32_t rift_problem_intern(struct rift_problem *problem, struct rift_value value);

/* Where a checker must stop. A spent limit ends in unknown, never in a guess. */
struct rift_limits {
    int64_t deadline_ns;             /* rift_clock_now(); INT64_MAX: none */
    uint64_t memory_bytes;           /* for this one problem; UINT64_MAX: none */
    const atomic_bool *is_cancelled; /* or NULL: another algorithm was first */
};
/* Cheap enough for every thousand steps. */
bool rift_limits_are_spent(const struct rift_limits *limits);

/* What proves an answer. Zeroed says nothing, but set moment and first to NEVER. Arrays are
 * malloc()ed indices into problem->ops.
 *
 * Valid: order holds every completed op once and each optional op at most once.
 * Invalid: ops (ascending) alone, those in weakened as if optional and those whose completion lies
 * after `moment` too, have no order; and this proves the whole problem invalid because every op
 * left out is an observer, was invoked after moment, or could not have helped (its value is read by
 * no kept op). */
struct rift_certificate {
    uint32_t *order;
    size_t order_count;
    uint32_t *ops;
    size_t op_count;
    uint32_t *weakened;
    size_t weakened_count;
    uint32_t moment; /* ops that complete after this event count as optional; NEVER: none do */
    uint32_t since;  /* with is_start_unknown: the set begins at this event, in any state */
    bool is_start_unknown;
    bool is_moment_first; /* everything before moment has an order */
    bool is_confirmed;    /* the general search found no order of the small set either */
    uint32_t first; /* the first event at which the whole problem has no order; NEVER: not known */
    char *text;     /* whole sentences for people, or NULL: the explanation writes them */
    const char *pattern; /* "stale read", "value taken twice"...: a constant, or NULL */
};
void rift_certificate_finish(struct rift_certificate *certificate);

#endif

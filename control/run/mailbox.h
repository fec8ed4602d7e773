/* What others have for the scheduler: jobs that came back, and what the nemesis did. Anyone posts,
 * nobody waits to post; the scheduler takes all at once. */
#ifndef CONTROL_RUN_MAILBOX_H
#define CONTROL_RUN_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "control/run/scheduler.h"

/* A nemesis operation: posted once when it begins, and once when it has ended. The poster gives it
 * up with the second post. */
struct run_fault_op {
    char f[JOB_F_SIZE];
    json_t *planned;   /* owned */
    json_t *result;    /* owned; set before the second post */
    const char *error; /* a text that lives for ever, or NULL */
    int64_t start_ns;  /* monotonic; set before the first post */
    int64_t end_ns;    /* monotonic; set before the second post */
    int64_t id;        /* the scheduler's */
};

/* planned is taken over; start_ns is now. */
struct run_fault_op *run_fault_op_create(const char *f, json_t *planned);
void run_fault_op_destroy(struct run_fault_op *fault);

struct run_letter {
    enum { LETTER_JOB, LETTER_FAULT_BEGUN, LETTER_FAULT_ENDED } kind;
    union {
        struct run_job *job;
        struct run_fault_op *fault;
    };
};

struct run_mailbox;

struct run_mailbox *run_mailbox_create(void);
void run_mailbox_retain(struct run_mailbox *mailbox);
/* The last release frees what nobody took. */
void run_mailbox_release(struct run_mailbox *mailbox);
void run_mailbox_post(struct run_mailbox *mailbox, struct run_letter letter);
/* Wakes the taker without a letter, now or when it next waits. */
void run_mailbox_wake(struct run_mailbox *mailbox);
/* Waits until a letter or a wake is there, at most until deadline_ns (monotonic), then takes all
 * letters: *letters is valid until the next call. */
size_t run_mailbox_take(struct run_mailbox *mailbox, int64_t deadline_ns,
                        const struct run_letter **letters);

#endif

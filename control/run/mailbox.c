/* What others have for the scheduler. Its size is bounded by what can be under way at once: one job
 * for each worker, two letters for each fault window. */
#include "control/run/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/memory.h"

enum { MAILBOX_FIRST_CAPACITY = 64 };

struct letters {
    struct run_letter *items;
    size_t count, capacity;
};

struct run_mailbox {
    atomic_uint references;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool is_woken;
    struct letters posted;
    struct letters taken; /* the taker's own: the two change places */
};

struct run_mailbox *run_mailbox_create(void)
{
    struct run_mailbox *mailbox = rift_calloc(1, sizeof *mailbox);
    atomic_init(&mailbox->references, 1);
    pthread_mutex_init(&mailbox->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&mailbox->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return mailbox;
}

void run_mailbox_retain(struct run_mailbox *mailbox)
{
    atomic_fetch_add(&mailbox->references, 1);
}

struct run_fault_op *run_fault_op_create(const char *f, json_t *planned)
{
    struct run_fault_op *fault = rift_calloc(1, sizeof *fault);
    snprintf(fault->f, sizeof fault->f, "%s", f);
    fault->planned = planned;
    fault->start_ns = rift_clock_now();
    return fault;
}

void run_fault_op_destroy(struct run_fault_op *fault)
{
    json_decref(fault->planned);
    json_decref(fault->result);
    free(fault);
}

void run_mailbox_release(struct run_mailbox *mailbox)
{
    if (!mailbox || atomic_fetch_sub(&mailbox->references, 1) != 1)
        return;
    for (size_t i = 0; i < mailbox->posted.count; i++) {
        struct run_letter *letter = &mailbox->posted.items[i];
        if (letter->kind == LETTER_JOB)
            run_job_destroy(letter->job);
        else if (letter->kind == LETTER_FAULT_ENDED)
            run_fault_op_destroy(letter->fault);
    }
    free(mailbox->posted.items);
    free(mailbox->taken.items);
    pthread_cond_destroy(&mailbox->filled);
    pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void run_mailbox_post(struct run_mailbox *mailbox, struct run_letter letter)
{
    pthread_mutex_lock(&mailbox->lock);
    struct letters *posted = &mailbox->posted;
    if (posted->count == posted->capacity) {
        posted->capacity = posted->capacity ? posted->capacity * 2 : MAILBOX_FIRST_CAPACITY;
        posted->items = rift_reallocarray(posted->items, posted->capacity, sizeof *posted->items);
    }
    posted->items[posted->count++] = letter;
    pthread_cond_signal(&mailbox->filled);
    pthread_mutex_unlock(&mailbox->lock);
}

void run_mailbox_wake(struct run_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->is_woken = true;
    pthread_cond_signal(&mailbox->filled);
    pthread_mutex_unlock(&mailbox->lock);
}

size_t run_mailbox_take(struct run_mailbox *mailbox, int64_t deadline_ns,
                        const struct run_letter **letters)
{
    struct timespec until = {.tv_sec = deadline_ns / RIFT_SECOND,
                             .tv_nsec = deadline_ns % RIFT_SECOND};
    pthread_mutex_lock(&mailbox->lock);
    int waited = 0;
    while (mailbox->posted.count == 0 && !mailbox->is_woken && waited == 0)
        waited = pthread_cond_timedwait(&mailbox->filled, &mailbox->lock, &until);
    struct letters taken = mailbox->posted;
    mailbox->posted = mailbox->taken;
    mailbox->posted.count = 0;
    mailbox->taken = taken;
    mailbox->is_woken = false;
    pthread_mutex_unlock(&mailbox->lock);
    *letters = taken.items;
    return taken.count;
}

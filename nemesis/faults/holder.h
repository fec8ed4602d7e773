/* A process apart that holds a fault, and whose death is the fault's end: for what the kernel takes
 * back when the process that did it dies (threads that it traces, its children). It ends with the
 * lease, with the agent, by heal, and by any kill. */
#ifndef NEMESIS_FAULTS_HOLDER_H
#define NEMESIS_FAULTS_HOLDER_H

#include "nemesis/faults/driver.h"

/* What came of the beginning; a message between the two processes. */
struct rift_holder_report {
    int rc;
    int processes, threads; /* that it holds */
    pid_t process, thread;  /* the one that it holds, where it is one */
    char text[160];         /* why it could not */
};

struct rift_holder_work {
    /* In the holder, once: does the fault, by what `of` pointed to when plan was called. 0, or -1
     * with the reason in report->text. */
    int (*begin)(const void *of, struct rift_holder_report *report);
    /* In the holder, ten times a second from its start on, and at each renewal: when the fault is
     * to end by now, and memory that it shares with the agent. May be NULL. */
    void (*tend)(int64_t deadline_ns, void *shared);
    const void *of;
    size_t shared_size; /* zeroed at first; 0: none */
};

/* Forks the holder, which waits, and puts it into undo: the ledger names it before it does
 * anything. Sets injection->live. */
int rift_holder_plan(struct rift_injection *injection, const struct rift_holder_work *work,
                     struct rift_error *err);
/* Lets it begin, and waits for that; sets applied_ns. On failure the holder is about to end. */
int rift_holder_inject(struct rift_injection *injection, struct rift_holder_report *report,
                       struct rift_error *err);
/* What it shares with us. */
void *rift_holder_shared(const struct rift_injection *injection);
/* Parts of a driver. */
int rift_holder_descriptor(const struct rift_injection *injection);
int rift_holder_renew(struct rift_injection *injection, struct rift_error *err);
int rift_holder_heal(const char *id, const json_t *undo, const char *ledger,
                     struct rift_error *err);
void rift_holder_forget(struct rift_injection *injection);

#endif

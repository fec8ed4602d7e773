/* A thread has one tracer at a time (ptrace(2)): faults that hold the system's threads, or that
 * stop them for a moment to change or to ask the process, do not go together. */
#ifndef NEMESIS_FAULTS_TRACING_H
#define NEMESIS_FAULTS_TRACING_H

#include "nemesis/faults/driver.h"

enum rift_tracing {
    RIFT_TRACING_NONE,
    RIFT_TRACING_HOLDS,     /* every thread, while it is on */
    RIFT_TRACING_HOLDS_ONE, /* one thread */
    RIFT_TRACING_VISITS,    /* every process, again and again, its end among them */
    RIFT_TRACING_FREEZES,   /* no tracing, but what is frozen does not stop for a tracer either */
    RIFT_TRACING_STOPS,     /* by SIGSTOP: not twice, and what stands still cannot be asked */
};

/* For plan: CONFLICT, with the name of the other fault, where one that is on by the ledger does not
 * go with it. ledger NULL: nothing is on. */
int rift_tracing_check(const struct rift_injection *injection, enum rift_tracing tracing,
                       const char *ledger, struct rift_error *err);

#endif

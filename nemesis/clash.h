/* Two faults that a node does not bear at one time. */
#ifndef NEMESIS_CLASH_H
#define NEMESIS_CLASH_H

#include <stdbool.h>

#include "nemesis/schedule.h"

/* A thread has one tracer at a time (ptrace(2)): faults that hold the system's threads, or that
 * stop them for a moment to change or to ask the process, do not go together. */
enum rift_tracing {
    RIFT_TRACING_NONE,
    RIFT_TRACING_HOLDS,     /* every thread, while it is on */
    RIFT_TRACING_HOLDS_ONE, /* one thread */
    RIFT_TRACING_VISITS,    /* every process, again and again, its end among them */
    RIFT_TRACING_FREEZES,   /* no tracing, but what is frozen does not stop for a tracer either */
    RIFT_TRACING_STOPS,     /* by SIGSTOP: not twice, and what stands still cannot be asked */
};
bool rift_tracing_clashes(enum rift_tracing a, enum rift_tracing b);

/* Why a node that has the first one would refuse the second, whatever the node is; NULL: it would
 * not, or that is up to the node. */
const char *rift_clash_between(const struct rift_fault_variant *first,
                               const struct rift_fault_variant *second);

#endif

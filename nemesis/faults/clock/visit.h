/* Tracing from a process apart. What ptrace holds and cannot let go of (a thread that came to no
 * stop, as it waits in the kernel, can be neither detached nor seized again) the kernel lets go of
 * when the tracer ends. */
#ifndef NEMESIS_FAULTS_CLOCK_VISIT_H
#define NEMESIS_FAULTS_CLOCK_VISIT_H

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

typedef int rift_visit_work(void *context, struct rift_error *err);

/* Calls work with a copy of the context, which has no pointers that it writes through; what it
 * leaves there is copied back. Takes 6 s at most: RIFT_ERR_TIMEOUT. */
int rift_visit(rift_visit_work *work, void *context, size_t size, struct rift_error *err);

/* Waits until no visit that a process of that session began is under way; it may be dead. TIMEOUT
 * after 7 s. */
int rift_visit_await_end(pid_t session, struct rift_error *err);

#endif

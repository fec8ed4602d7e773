/* Threads that a holder keeps still by ptrace(2), PTRACE_SEIZE and PTRACE_INTERRUPT, which send no
 * signal. They go on when the holder ends, however it ends: the kernel sees to it. A SIGSTOP or a
 * frozen cgroup would stay for ever if all our processes were killed. */
#ifndef NEMESIS_FAULTS_HELD_H
#define NEMESIS_FAULTS_HELD_H

#include <stddef.h>
#include <sys/types.h>

#include "nemesis/faults/holder.h"

/* The processes to be held, at most max of them; asked until it tells of no new ones. */
typedef size_t rift_held_list(const void *of, pid_t *pids, size_t max);

/* For the begin of a holder's work: holds every thread of every process that list tells. */
int rift_held_stop_all(rift_held_list *list, const void *of, struct rift_holder_report *report);
/* The same with one thread, and tells it: 1, or 0 where it is gone, or -1. */
int rift_held_stop_one(pid_t process, pid_t thread, struct rift_holder_report *report);
/* For its tend: a thread that was killed stays a zombie until its tracer looks. */
void rift_held_tend(int64_t deadline_ns, void *shared);

/* For probe: may threads be traced here? Fills all of ability. */
void rift_held_probe(const struct rift_target *target, struct rift_fault_ability *ability);

#endif

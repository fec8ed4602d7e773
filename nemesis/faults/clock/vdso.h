/* The clock of one process: its vDSO replaced in memory, so that the process sees a bent wall
 * clock. Programs that make the system call themselves are not caught. */
#ifndef NEMESIS_FAULTS_CLOCK_VDSO_H
#define NEMESIS_FAULTS_CLOCK_VDSO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "nemesis/faults/clock/vdso_stub.h"

enum { VDSO_IMAGE_MAX = 4 * 4096 };

/* Can this be done on this machine at all? */
int vdso_can_bend(struct rift_error *err);
/* Bends the clock of a process, or changes how it is bent. Every thread of it stands still for a
 * moment, outside of the bytes that are replaced. RIFT_ERR_UNSUPPORTED where its vDSO is not one
 * that this can do (32-bit, no room), or while it begins another program (execve) and has none;
 * RIFT_ERR_MISSING where the process is gone. */
int vdso_bend(pid_t pid, const struct vdso_bend *bend, struct rift_error *err);
/* Puts back every byte. A process that is not bent, or is gone, is a success. */
int vdso_straighten(pid_t pid, struct rift_error *err);
/* Is the process bent now? */
bool vdso_is_bent(pid_t pid);
/* What a process saw of the wall clock, and what the right one showed before and after. */
struct vdso_sight {
    int64_t before_ns, seen_ns, after_ns;
};

/* What CLOCK_REALTIME the process itself sees: one of its threads is made to call its own
 * clock_gettime, and goes on as if nothing had happened. Some hundredths of a millisecond lie
 * between before and after, where the thread gets a processor at once. */
int vdso_ask(pid_t pid, struct vdso_sight *sight, struct rift_error *err);

#endif

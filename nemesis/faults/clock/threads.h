/* Every thread of a process, held still by ptrace for a moment. If we die they go on. Called within
 * a visit (visit.h): a thread that does not stop in time stays seized until then. */
#ifndef NEMESIS_FAULTS_CLOCK_THREADS_H
#define NEMESIS_FAULTS_CLOCK_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* Zeroed holds nothing. */
struct threads {
    pid_t process;
    pid_t *ids;
    size_t count;
};

/* Stops every thread of the process. RIFT_ERR_MISSING where it is gone. */
int threads_stop(pid_t process, struct threads *threads, struct rift_error *err);
/* Lets them go on; zeroed afterwards. */
void threads_release(struct threads *threads);
/* The address of the instruction at which a thread stands; 0 where it is gone. */
uint64_t threads_instruction(const struct threads *threads, size_t index);
/* Of the wall clock, in ns: right before a thread was let go into a call, and once it had returned.
 */
struct threads_moment {
    int64_t before_ns, after_ns;
};

/* Makes the first thread call function(first, buffer) in its own process, with a buffer of size
 * bytes on its stack, copies the buffer out, and tells when that was. It goes on afterwards where
 * it was. x86-64 only. */
int threads_call(const struct threads *threads, uint64_t function, uint64_t first, void *buffer,
                 size_t size, struct threads_moment *moment, struct rift_error *err);

#endif

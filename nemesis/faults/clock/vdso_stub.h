/* Code that stands in for the vDSO's clock functions: asks the kernel for the real time, and bends
 * CLOCK_REALTIME as its parameters say. x86-64 only. */
#ifndef NEMESIS_FAULTS_CLOCK_VDSO_STUB_H
#define NEMESIS_FAULTS_CLOCK_VDSO_STUB_H

#include <stddef.h>
#include <stdint.h>

/* How the wall clock is bent: shown = real + offset + (real - base) * rate / 2^32, while real is
 * before expiry, and, where period is not 0, only in every second period since base. Times in ns
 * since 1970. The stub reads each word by itself; a change of one word is atomic. */
struct vdso_bend {
    uint64_t magic; /* VDSO_BEND_MAGIC: by this a patched process is known */
    int64_t offset_ns;
    int64_t base_ns;
    int64_t rate; /* ppm * 2^32 / 10^6 */
    int64_t period_ns;
    int64_t expiry_ns; /* the lease, kept by the process itself: from then on the time is right */
};

#define VDSO_BEND_MAGIC 0x31646e6562746672u /* "rftbend1" */

/* Position-independent; begins with a struct vdso_bend, which the copy gets its own values of.
 * NULL where this build is not for x86-64. */
const void *vdso_stub_code(size_t *size);

enum vdso_function { VDSO_CLOCK_GETTIME, VDSO_GETTIMEOFDAY, VDSO_TIME, VDSO_FUNCTION_COUNT };

/* Where in the stub the replacement of a function begins. */
size_t vdso_stub_entry(enum vdso_function function);

#endif

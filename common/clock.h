/* Time, from one place: the monotonic clock, and deadlines. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define RIFT_MS     INT64_C(1000000)
#define RIFT_SECOND INT64_C(1000000000)

/* CLOCK_MONOTONIC in ns. */
int64_t rift_clock_now(void);
/* CLOCK_REALTIME in ns since 1970, for names and logs only, never for order. */
int64_t rift_clock_wall(void);
/* Milliseconds from now until deadline_ns for poll(): 0 when past, rounded up, at most INT_MAX. */
int rift_clock_poll_ms(int64_t deadline_ns);
/* Sleeps until the monotonic time deadline_ns. */
void rift_clock_sleep_until(int64_t deadline_ns);

#endif

/* Time, from one place: the monotonic clock, and deadlines. */
#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

static int64_t clock_read(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * RIFT_SECOND + t.tv_nsec;
}

int64_t rift_clock_now(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t rift_clock_wall(void)
{
    return clock_read(CLOCK_REALTIME);
}

int rift_clock_poll_ms(int64_t deadline_ns)
{
    int64_t left = deadline_ns - rift_clock_now();
    if (left <= 0)
        return 0;
    int64_t ms = left / RIFT_MS + (left % RIFT_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

void rift_clock_sleep_until(int64_t deadline_ns)
{
    struct timespec t = {.tv_sec = deadline_ns / RIFT_SECOND, .tv_nsec = deadline_ns % RIFT_SECOND};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

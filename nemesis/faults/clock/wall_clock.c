/* A program may wait for a processor between two readings, which are taken anew where they lie far
 * apart; and between a reading and the setting that follows from it, so the clock is set by how far
 * it is off, not to what it should show. */
#include "nemesis/faults/clock/wall_clock.h"

#include <stdlib.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#include "common/clock.h"

enum { READ_TRIES = 10, READ_TRIES_MAX = 100, SET_TRIES = 10 };
/* The kernel slews a clock by no more, adjtimex(2), adjtime(3). */
enum { SLEW_PPM = 500 };

#define EXACT_NS (RIFT_MS / 50)
/* A reading within it is narrow enough, even by a slow call of a guest's kernel. */
#define NARROW_NS (RIFT_MS / 10)

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * RIFT_SECOND + t.tv_nsec;
}

int64_t wall_raw_now(void)
{
    return read_clock(CLOCK_MONOTONIC_RAW);
}

struct wall_reading wall_read(void)
{
    struct wall_reading best = {.to_ns = INT64_MAX};
    for (int i = 0; i < READ_TRIES || (i < READ_TRIES_MAX && best.to_ns - best.from_ns > NARROW_NS);
         i++) {
        int64_t from = wall_raw_now(), wall = read_clock(CLOCK_REALTIME), to = wall_raw_now();
        if (to - from < best.to_ns - best.from_ns)
            best = (struct wall_reading){
                .from_ns = from, .to_ns = to, .least_ns = wall - to, .most_ns = wall - from};
    }
    return best;
}

static int64_t middle(const struct wall_reading *reading)
{
    return reading->least_ns + (reading->most_ns - reading->least_ns) / 2;
}

/* Scaled by 2^16, adjtimex(2). */
static double ppm_of(const struct timex *state)
{
    return (double)state->freq / 65536.0;
}

int wall_right_read(struct wall_right *right)
{
    struct timex state = {.modes = 0};
    if (adjtimex(&state) < 0)
        return -1;
    struct wall_reading now = wall_read();
    *right = (struct wall_right){.at_ns = now.from_ns,
                                 .ahead_ns = middle(&now),
                                 .open_ns = now.to_ns - now.from_ns,
                                 .ppm = ppm_of(&state),
                                 .tick_us = state.tick};
    return 0;
}

static int64_t gained(double ppm, int64_t elapsed_ns)
{
    return (int64_t)((double)elapsed_ns * ppm / 1e6);
}

int64_t wall_right_ahead(const struct wall_right *right, int64_t raw_ns)
{
    return right->ahead_ns + gained(right->ppm, raw_ns - right->at_ns);
}

int64_t wall_right_error(const struct wall_right *right, int64_t raw_ns)
{
    struct timex state = {.modes = 0};
    struct timeval left = {.tv_sec = 0};
    bool is_known = adjtimex(&state) >= 0 && adjtime(NULL, &left) == 0;
    bool is_slewed = !is_known || state.offset != 0 || left.tv_sec != 0 || left.tv_usec != 0;
    int64_t elapsed_ns = raw_ns - right->at_ns;
    return right->open_ns + llabs(gained(ppm_of(&state) - right->ppm, elapsed_ns)) +
           (is_slewed ? gained(SLEW_PPM, elapsed_ns) : 0);
}

/* ADJ_SETOFFSET of adjtimex(2); without ADJ_NANO, which would stay set, in us. */
static int move_clock(int64_t by_ns)
{
    int64_t by_us = by_ns / 1000, seconds = by_us / 1000000 - (by_us % 1000000 < 0);
    struct timex change = {.modes = ADJ_SETOFFSET,
                           .time = {.tv_sec = seconds, .tv_usec = by_us - seconds * 1000000}};
    return adjtimex(&change) < 0 ? -1 : 0;
}

int wall_set(const struct wall_right *right, int64_t beyond_ns)
{
    for (int i = 0; i < SET_TRIES; i++) {
        struct wall_reading now = wall_read();
        int64_t off_ns = middle(&now) - wall_right_ahead(right, now.from_ns) - beyond_ns;
        if (llabs(off_ns) < EXACT_NS)
            return 0;
        if (move_clock(-off_ns) < 0)
            return -1;
    }
    return 0;
}

int wall_set_tick(long tick_us)
{
    struct timex change = {.modes = ADJ_TICK, .tick = tick_us};
    return adjtimex(&change) < 0 ? -1 : 0;
}

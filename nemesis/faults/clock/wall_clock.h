/* The wall clock of this host, against CLOCK_MONOTONIC_RAW ("raw"), which nothing slews: what it is
 * ahead of that is constant while nobody touches it, but for what a time server has the kernel
 * correct. Times in ns. */
#ifndef NEMESIS_FAULTS_CLOCK_WALL_CLOCK_H
#define NEMESIS_FAULTS_CLOCK_WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What is right, as it was at one moment. */
struct wall_right {
    int64_t at_ns;    /* raw */
    int64_t ahead_ns; /* then */
    int64_t open_ns;  /* by which that may be wrong */
    double ppm;       /* by which it gains from then on */
    long tick_us;     /* of the kernel, adjtimex(2) */
};

/* At a moment between two, raw, the clock was ahead by least_ns to most_ns. */
struct wall_reading {
    int64_t from_ns, to_ns;
    int64_t least_ns, most_ns;
};

int64_t wall_raw_now(void);
/* 0, or -1 with errno. */
int wall_right_read(struct wall_right *right);
/* What it is to be ahead at a time, raw. */
int64_t wall_right_ahead(const struct wall_right *right, int64_t raw_ns);
/* By how much that may be wrong at a time, as the kernel corrects the clock by more or less than it
 * did. */
int64_t wall_right_error(const struct wall_right *right, int64_t raw_ns);
/* The narrowest of a few readings, as others may run in the middle of one. */
struct wall_reading wall_read(void);
/* Sets the clock: beyond_ns ahead of what is right at this moment. 0, or -1 with errno. */
int wall_set(const struct wall_right *right, int64_t beyond_ns);
/* Parts per million that a time server has set stay beneath. 0, or -1 with errno. */
int wall_set_tick(long tick_us);

#endif

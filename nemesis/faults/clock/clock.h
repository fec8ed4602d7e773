/* The two ways to bend a wall clock: the whole host's, where the host owns its clock, or that of
 * the system's processes one by one. Each is a driver of its own, to which "clock" hands on. */
#ifndef NEMESIS_FAULTS_CLOCK_CLOCK_H
#define NEMESIS_FAULTS_CLOCK_CLOCK_H

#include "nemesis/faults/driver.h"

/* As the options say it. */
struct clock_bend {
    int64_t offset_ns; /* a jump, at once */
    double drift_ppm;  /* and from then on so much faster (or slower) */
    int64_t strobe_ns; /* not 0: right and wrong by turns, so long each; starts wrong */
};

struct clock_bend clock_bend_of(const json_t *options);
/* By how much the shown time differs, elapsed_ns after the beginning. */
int64_t clock_bend_at(const struct clock_bend *bend, int64_t elapsed_ns);
/* How long it is from then until a time that is shown wrong; 0: it is one. */
int64_t clock_bend_until_wrong(const struct clock_bend *bend, int64_t elapsed_ns);

/* A look at a clock: at some moment between two, from the beginning on, it was ahead of the right
 * one by least_ns to most_ns. */
struct clock_look {
    int64_t from_ns, to_ns;
    int64_t least_ns, most_ns;
};

enum clock_sight {
    CLOCK_BENT,   /* it was as bent as planned, which no right clock is */
    CLOCK_UNTOLD, /* a right clock and one as planned may both look so */
    CLOCK_OTHER,  /* it was not as planned */
};

enum clock_sight clock_bend_judge(const struct clock_bend *bend, const struct clock_look *look);

extern const struct rift_fault_driver rift_clock_host_driver;
extern const struct rift_fault_driver rift_clock_process_driver;

#endif

/* The two ways to bend a wall clock: the whole host's, where the host owns its clock, or that of
 * the system's processes one by one. Each is a driver of its own, to which "clock" hands on. */
#ifndef NEMESIS_FAULTS_CLOCK_CLOCK_H
#define NEMESIS_FAULTS_CLOCK_CLOCK_H

#include "nemesis/faults/driver.h"

/* As the options say it. */
struct clock_bend {
    int64_t offset_ns; /* a jump, at once */
    int64_t drift_ppm; /* and from then on so much faster (or slower) */
    int64_t strobe_ns; /* not 0: right and wrong by turns, so long each; starts wrong */
};

struct clock_bend clock_bend_of(const json_t *options);
/* By how much the shown time differs, elapsed_ns after the beginning. */
int64_t clock_bend_at(const struct clock_bend *bend, int64_t elapsed_ns);

extern const struct rift_fault_driver rift_clock_host_driver;
extern const struct rift_fault_driver rift_clock_process_driver;

#endif

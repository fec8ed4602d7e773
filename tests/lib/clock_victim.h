/* Processes that say what they see of the time, and a clock fault on them by the driver itself. */
#ifndef TESTS_LIB_CLOCK_VICTIM_H
#define TESTS_LIB_CLOCK_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "common/cgroup.h"
#include "nemesis/faults/driver.h"

enum { CLOCK_TOLERANCE_MS = 150, CLOCK_WAIT_MS = 20000, CLOCK_LOOK_MS = 8000 };

/* The system's, made and removed by the group's fixtures. */
extern struct rift_cgroup clock_group;
extern char clock_fault_how[256]; /* what was last said of one, by whoever observes it */
int clock_group_make(void **state);
int clock_group_remove(void **state);
/* After each test: what one that failed left, a fault too, is no matter of the next one. */
int clock_victims_end(void **state);
/* Skips the test where they are not there. */
void clock_need_root_and_vdso(void);

/* What one victim sees: CLOCK_REALTIME by three functions, and CLOCK_MONOTONIC, in ns. */
struct clock_seen {
    int64_t clock, day, seconds, monotonic;
};

struct clock_victim {
    pid_t pid;
    int ask, answer;
};

/* A process with so many threads that are inside of the clock functions nearly all the time, and,
 * where for_s is not 0, one that is in the kernel for the first seconds. */
struct clock_victim clock_victim_start_with(int spinning_count, int for_s);
/* With some that are inside of them. */
struct clock_victim clock_victim_start(void);
struct clock_victim clock_victim_start_quiet(void);
void clock_victim_end(struct clock_victim *victim);
double clock_victim_offset_ms(const struct clock_victim *victim);

/* What it sees, and our clocks right before and after. */
struct clock_sample {
    struct clock_seen seen;
    int64_t wall, begin, end;
};

struct clock_sample clock_sample_take(const struct clock_victim *victim);
double clock_sample_ms(const struct clock_sample *sample);
void clock_assert_near(double value, double wanted);

struct clock_fault {
    struct rift_target target;
    struct rift_injection injection;
    json_t *options;
};

int clock_fault_try(struct clock_fault *fault, const char *options, int64_t lease_ms,
                    struct rift_error *err);
void clock_fault_inject(struct clock_fault *fault, const char *options, int64_t lease_ms);
/* As the agent looks: again and again for a moment; or, as the controller has it look, until it is,
 * on a busy machine for CLOCK_LOOK_MS. */
bool clock_fault_is_observed(const struct clock_fault *fault);
bool clock_fault_becomes_observed(const struct clock_fault *fault);
void clock_fault_heal(struct clock_fault *fault);

#endif

/* One fault by hand, as words: "partition --isolate n3 --for 30s". It is read as the plan reads an
 * entry of `faults`, so it means the same and its mistakes are named the same. */
#ifndef CONTROL_CLI_FAULT_WISH_H
#define CONTROL_CLI_FAULT_WISH_H

#include <stdbool.h>

#include "common/error.h"
#include "nemesis/schedule.h"
#include "plan/plan.h"

enum { FAULT_WISH_OPTIONS_MAX = 32 };

struct fault_wish {
    const char *config;
    const char *fault, *isolate, *grudge, *on;
    double length_s;
    const char *options[FAULT_WISH_OPTIONS_MAX]; /* "signal=TERM" */
    size_t option_count;
    bool system_was_started; /* by us, for faults by hand */
};

/* How to get a system to break, as part of a sentence. */
extern const char fault_wish_start_hint[];

/* Reads the words after the program's or command's name argv[0]; texts are borrowed from argv.
 * Without --config the wish keeps the configuration that it has; one is needed. */
int fault_wish_read(struct fault_wish *wish, int argc, char **argv, struct rift_error *err);

/* The configuration with this fault in place of its own, and the schedule of its one window; seed 0
 * takes the configuration's. Both are the caller's. */
int fault_wish_plan(const struct fault_wish *wish, uint64_t seed, struct rift_plan **plan,
                    struct rift_schedule **schedule, struct rift_error *err);

#endif

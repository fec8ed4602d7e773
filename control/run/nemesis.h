/* The nemesis of a run: one thread for each lane of the schedule, so that no fault, no client and
 * no slow host delays the heal of another. */
#ifndef CONTROL_RUN_NEMESIS_H
#define CONTROL_RUN_NEMESIS_H

#include <stdint.h>

#include "common/error.h"
#include "common/text.h"
#include "control/run/cluster.h"
#include "control/run/interpreter.h"
#include "nemesis/schedule.h"

struct nemesis_settings {
    struct cluster *cluster;
    const struct rift_schedule *schedule; /* outlives the nemesis */
    struct interpreter *interpreter;      /* where faults are recorded */
    int64_t run_origin_ns;                /* monotonic: recorded times count from here */
    int64_t phase_origin_ns;              /* monotonic: the schedule's times count from here */
    /* A node could not inject or heal a fault. On a lane's thread; may be NULL. */
    void (*on_failure)(void *context, const struct rift_error *error);
    void *context;
};

struct nemesis;

/* NULL where a thread cannot be started; nothing is broken then. */
struct nemesis *nemesis_start(const struct nemesis_settings *settings, struct rift_error *err);
/* Every lane heals what it holds, now, and ends. Any thread; does not wait. */
void nemesis_stop(struct nemesis *nemesis);
/* Waits until all lanes have ended: by then every window that began was healed, as far as its nodes
 * answered. One thread, once. */
void nemesis_join(struct nemesis *nemesis);
/* After nemesis_join. NULL: nothing. */
void nemesis_destroy(struct nemesis *nemesis);
/* Appends what is broken right now, separated by ", ". Any thread. */
void nemesis_print_active(struct nemesis *nemesis, struct rift_text *text);

#endif

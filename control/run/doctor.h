/* Can every node do every fault that is planned? Asked before anything is installed or broken. */
#ifndef CONTROL_RUN_DOCTOR_H
#define CONTROL_RUN_DOCTOR_H

#include "common/error.h"
#include "control/run/cluster.h"
#include "nemesis/schedule.h"

/* What one node says of one planned fault. Texts are "" where there is none. */
struct doctor_answer {
    const char *node;
    const struct rift_fault_variant *what; /* its options without what tells nothing of a node */
    bool can;
    const char *why;     /* it cannot */
    const char *backend; /* what does it there */
    const char *end;     /* how its end is assured there */
};

/* Asks each node about each planned fault, with each set of options, and shows visit every answer:
 * fault by fault, nodes in plan order. Leaves nothing behind. */
void doctor_ask_each(struct cluster *cluster, const struct rift_schedule *schedule,
                     int64_t deadline_ms,
                     void (*visit)(void *context, const struct doctor_answer *answer),
                     void *context);

/* The same of one fault that is about to begin: only those whom it is to hit are asked. */
int doctor_ask_now(struct cluster *cluster, const struct rift_fault_variant *what,
                   const struct rift_resolved *resolved, int64_t deadline_ms,
                   struct rift_error *err);

/* Fails with RIFT_ERR_UNSUPPORTED and names, one a line, each node and fault that cannot be done
 * and why. Leaves nothing behind. */
int doctor_ask(struct cluster *cluster, const struct rift_schedule *schedule, int64_t deadline_ms,
               struct rift_error *err);

#endif

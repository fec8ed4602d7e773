/* Open ops, the one that completes first on top: a binary heap. */
#ifndef CHECKERS_MONITORS_DUE_H
#define CHECKERS_MONITORS_DUE_H

#include "checkers/linearizability/problem.h"

struct monitor_due {
    uint32_t *ops;
    size_t count;
};

/* Room for `room` ops. */
void monitor_due_init(struct monitor_due *due, size_t room);
void monitor_due_finish(struct monitor_due *due);
void monitor_due_push(struct monitor_due *due, const struct rift_problem *problem, uint32_t op);
/* count > 0. */
uint32_t monitor_due_pop(struct monitor_due *due, const struct rift_problem *problem);

#endif

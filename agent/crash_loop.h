/* A fault that ends the system's processes, whose window goes on: the system is started again
 * within it, and may be hit again and again. */
#ifndef AGENT_CRASH_LOOP_H
#define AGENT_CRASH_LOOP_H

#include "agent/agent.h"
#include "nemesis/faults/driver.h"

struct crash_loop;

/* By the options restart_after_s and again_after_s. *loop stays NULL where the system stays down
 * until the end; injection and target outlive the loop. */
int crash_loop_begin(struct agent *agent, struct rift_injection *injection,
                     const struct rift_target *target, struct crash_loop **loop,
                     struct rift_error *err);
/* Nothing is started or hit by it any more; a start that is under way is ended. NULL: nothing. */
void crash_loop_end(struct crash_loop *loop);

#endif

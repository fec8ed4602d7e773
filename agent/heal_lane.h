/* What heals need not queue behind: a thread that reads the controller's words before the loop
 * does, and ends at once the effect of the faults that are to be healed. What is left is
 * undone by the thread that may wait for the kernel's lock of all network devices (net_thread.h).
 * The agent forks without exec: its children call nothing of this, and of locks that the thread may
 * hold at a fork there is only malloc's, which glibc's fork sees to. */
#ifndef AGENT_HEAL_LANE_H
#define AGENT_HEAL_LANE_H

#include <stdint.h>

#include "nemesis/faults/driver.h"

struct heal_lane;

/* Reads from in; *out is where the loop reads the same bytes. It lives as long as the process. */
struct heal_lane *heal_lane_open(int in, int *out, struct rift_error *err);
/* All that follow are safe on NULL. An injection whose driver can lift it is lifted when the
 * controller says so, from here on; it must stay where it is. */
void heal_lane_add(struct heal_lane *lane, struct rift_injection *injection);
/* When it was lifted, 0: it was not. */
int64_t heal_lane_remove(struct heal_lane *lane, const struct rift_injection *injection);
void heal_lane_lift_all(struct heal_lane *lane);

#endif

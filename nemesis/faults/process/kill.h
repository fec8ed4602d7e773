/* What faults that end the system's processes share. */
#ifndef NEMESIS_FAULTS_PROCESS_KILL_H
#define NEMESIS_FAULTS_PROCESS_KILL_H

#include "nemesis/faults/driver.h"

/* Puts the processes that are there into undo; fails with MISSING where none is. */
int rift_kill_plan(struct rift_injection *injection, const struct rift_target *target,
                   struct rift_error *err);
/* Kills every process of the system, and waits until none is left; 5 s at most. */
int rift_kill_all(const struct rift_cgroup *system, struct rift_error *err);
/* The same in a heal, of the system whose folder of cgroups undo names as "cgroup", if it does. */
int rift_kill_recorded(const json_t *undo, struct rift_error *err);
/* Are they gone, by /proc? */
int rift_kill_observe(const struct rift_injection *injection, const struct rift_target *target,
                      bool *is_observed, json_t *details, struct rift_error *err);

#endif

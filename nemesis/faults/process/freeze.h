/* The other way to pause: the kernel's freezer holds the system's cgroup. */
#ifndef NEMESIS_FAULTS_PROCESS_FREEZE_H
#define NEMESIS_FAULTS_PROCESS_FREEZE_H

#include "nemesis/faults/driver.h"

/* The functions of a driver, for pause to choose. renew, heal and forget are those of a setting. */
int rift_freeze_probe(const struct rift_target *target, struct rift_fault_ability *ability);
int rift_freeze_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err);
int rift_freeze_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err);
int rift_freeze_observe(const struct rift_target *target, bool *is_observed, json_t *details,
                        struct rift_error *err);

#endif

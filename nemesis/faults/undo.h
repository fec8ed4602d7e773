/* The end of a fault: its driver's heal, and what a heal owes to a system that systemd starts. */
#ifndef NEMESIS_FAULTS_UNDO_H
#define NEMESIS_FAULTS_UNDO_H

#include "nemesis/faults/driver.h"

/* For a fault that may end the system: whoever undoes it starts that unit (NULL: none) again. To be
 * called before the ledger is written. */
void rift_undo_plan_unit(json_t *undo, const char *unit);
/* Heals, in any process and twice; ledger may be NULL. Then has systemd start the unit where it
 * does not run, and does not wait for that. */
int rift_undo(const struct rift_fault_driver *driver, const char *id, const json_t *undo,
              const char *ledger, struct rift_error *err);

#endif

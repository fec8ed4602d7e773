/* The third way to pause: SIGSTOP, as an operator or a job control would. */
#ifndef NEMESIS_FAULTS_PROCESS_STOP_H
#define NEMESIS_FAULTS_PROCESS_STOP_H

#include "nemesis/faults/driver.h"

/* The functions of a driver, for pause to choose. */
void rift_stop_probe(const struct rift_target *target, struct rift_fault_ability *ability);
int rift_stop_plan(struct rift_injection *injection, const struct rift_target *target,
                   const char *ledger, struct rift_error *err);
int rift_stop_inject(struct rift_injection *injection, const struct rift_target *target,
                     struct rift_error *err);
int rift_stop_renew(struct rift_injection *injection, struct rift_error *err);
int rift_stop_heal(const json_t *undo);
void rift_stop_forget(struct rift_injection *injection);

#endif

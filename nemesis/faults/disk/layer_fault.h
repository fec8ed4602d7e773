/* Parts of drivers whose fault is a rule of the layer over the data folders. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_FAULT_H
#define NEMESIS_FAULTS_DISK_LAYER_FAULT_H

#include "nemesis/faults/disk/disk_probe.h"
#include "nemesis/faults/driver.h"

/* Fails where a data folder has no layer. */
int rift_layer_fault_check(const struct rift_target *target, struct rift_error *err);
/* A number from the options, the fallback where it is not there. */
double rift_layer_fault_number(const json_t *options, const char *name, double fallback);
/* "files", which every such fault has. */
const char *rift_layer_fault_files(const json_t *options);

int rift_layer_fault_plan(struct rift_injection *injection, const struct rift_target *target,
                          const char *ledger, struct rift_error *err);
/* Sets the rule (rules.h; taken) in every layer and starts the probe, which is injection->live. */
int rift_layer_fault_inject(struct rift_injection *injection, const struct rift_target *target,
                            json_t *rule, struct rift_error *err);
int rift_layer_fault_renew(struct rift_injection *injection, struct rift_error *err);
int rift_layer_fault_heal(const char *id, const json_t *undo, const char *ledger,
                          struct rift_error *err);
/* Adds to "how" of the details how many requests of the system's were hit. With none it is not
 * observed, whatever a probe saw, whose file every rule hits. */
int rift_layer_fault_count(const struct rift_injection *injection, bool *is_observed,
                           json_t *details, struct rift_error *err);
void rift_layer_fault_forget(struct rift_injection *injection);
int rift_layer_fault_probe(struct rift_fault_ability *ability);

#endif

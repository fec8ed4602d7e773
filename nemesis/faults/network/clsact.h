/* What every fault on clsact shares: which interfaces it needs, and who removes the qdisc. */
#ifndef NEMESIS_FAULTS_NETWORK_CLSACT_H
#define NEMESIS_FAULTS_NETWORK_CLSACT_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/network/tc.h"

/* Fills undo's "interfaces" ({"eth0": index}): those of the option `interfaces`, or those that lead
 * to the peers. Fails with MISSING for an interface that does not exist. */
int rift_interfaces_plan(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err);

typedef int rift_interface_work(struct rift_tc *tc, int interface, void *context,
                                struct rift_error *err);
/* Does the work on each of them that is still there, until it fails. */
int rift_interfaces_each(const json_t *undo, rift_interface_work *work, void *context,
                         struct rift_error *err);

/* rift_interfaces_plan, and "clsact_made": where clsact is to go again, because we are to make it,
 * or because another fault in the ledger has made it. */
int rift_clsact_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err);
/* Leaves out interfaces whose packets leave by another one of the plan (a VLAN's, by the card's),
 * for what is done to each packet once, on its way out. After rift_clsact_plan. */
int rift_interfaces_unstack(const json_t *undo, struct rift_error *err);
/* Attaches the program on each interface of the plan. */
int rift_clsact_attach(const struct rift_injection *injection, enum rift_tc_hook hook,
                       int program_fd, struct rift_error *err);
/* Does the kernel list the filter on each of them? */
int rift_clsact_is_attached(const struct rift_injection *injection, enum rift_tc_hook hook,
                            bool *is_attached, struct rift_error *err);
/* Removes the filters of this id, and clsact where it is ours and nothing hangs on it. */
int rift_clsact_detach(const char *id, const json_t *undo, const char *ledger,
                       struct rift_error *err);
/* Attaches and detaches at once, for a probe. */
int rift_clsact_try(const struct rift_target *target, const json_t *options, enum rift_tc_hook hook,
                    int program_fd, struct rift_error *err);

#endif

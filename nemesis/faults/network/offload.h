/* What is sent and received in bulk, undone for a while: with it "one packet in a hundred" would be
 * one burst in a hundred. */
#ifndef NEMESIS_FAULTS_NETWORK_OFFLOAD_H
#define NEMESIS_FAULTS_NETWORK_OFFLOAD_H

#include "nemesis/faults/driver.h"

/* Saves, in undo, how each interface of clsact's plan is set now; or how it was before another
 * fault in the ledger changed it. */
int rift_offload_plan(struct rift_injection *injection, const char *ledger, struct rift_error *err);
/* One packet is one packet: no segments in bulk on the way out, none merged on the way in. Open
 * connections follow at once. */
int rift_offload_suspend(const json_t *undo, struct rift_error *err);
/* As saved, unless another fault in the ledger still needs it: the last one restores. */
int rift_offload_restore(const char *id, const json_t *undo, const char *ledger,
                         struct rift_error *err);

#endif

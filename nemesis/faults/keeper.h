/* A process that ends a fault when nobody else is left to: for faults that the kernel would hold
 * for ever. It heals when the lease is past or the agent is gone, whoever killed agent and
 * guardian. */
#ifndef NEMESIS_FAULTS_KEEPER_H
#define NEMESIS_FAULTS_KEEPER_H

#include "nemesis/faults/driver.h"

struct rift_keeper;

/* In the keeper, at once and then ten times a second: does again what others have undone. */
typedef void rift_keeper_tend(const struct rift_injection *injection);

/* To be started before the fault is done, with its undo complete. tend may be NULL; else undo names
 * the keeper from then on (keeper_end.h). */
struct rift_keeper *rift_keeper_start(const struct rift_injection *injection,
                                      rift_keeper_tend *tend, struct rift_error *err);
/* Until injection->lease_end_ns. One that is gone is replaced. */
int rift_keeper_renew(struct rift_keeper *keeper, const struct rift_injection *injection,
                      struct rift_error *err);
/* Ends the keeper, which heals nothing any more, and waits for its end. Safe on NULL. */
void rift_keeper_stop(struct rift_keeper *keeper);

#endif

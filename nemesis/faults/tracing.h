/* Whether another fault holds, or stops now and then, the threads of the system. */
#ifndef NEMESIS_FAULTS_TRACING_H
#define NEMESIS_FAULTS_TRACING_H

#include "nemesis/clash.h"
#include "nemesis/faults/driver.h"

/* For plan: CONFLICT, with the name of the other fault, where one that is on by the ledger does not
 * go with it. ledger NULL: nothing is on. */
int rift_tracing_check(const struct rift_injection *injection, enum rift_tracing tracing,
                       const char *ledger, struct rift_error *err);

#endif

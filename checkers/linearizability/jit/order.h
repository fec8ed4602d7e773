/* From the updates of one configuration to a whole order. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_ORDER_H
#define CHECKERS_LINEARIZABILITY_JIT_ORDER_H

#include "checkers/linearizability/jit/walk.h"

/* Fills certificate->order from the chain that ends in node. It is not proven yet: replay it. */
void jit_order_write(const struct jit_walk *walk, uint32_t node,
                     struct rift_certificate *certificate);

#endif

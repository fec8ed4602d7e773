/* Keeps the masks of what is open, event by event. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_OPEN_H
#define CHECKERS_LINEARIZABILITY_JIT_OPEN_H

#include "checkers/linearizability/jit/walk.h"

void jit_open_init(struct jit_open *open);
/* The op is invoked; it is completed and gone; a class is over. */
void jit_open_invoke(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_complete(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_end_class(struct jit_open *open, const struct jit_plan *plan, uint32_t class);

#endif

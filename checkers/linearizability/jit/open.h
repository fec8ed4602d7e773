/* Keeps the masks of what is open, event by event. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_OPEN_H
#define CHECKERS_LINEARIZABILITY_JIT_OPEN_H

#include "checkers/linearizability/jit/walk.h"

void jit_open_init(struct jit_open *open, uint32_t class_slots);
void jit_open_finish(struct jit_open *open);
/* Copies; to must have room for as many classes. */
void jit_open_copy(struct jit_open *to, const struct jit_open *from);
/* The op is invoked; it is completed and gone; a class is over. */
void jit_open_invoke(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_complete(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_end_class(struct jit_open *open, const struct jit_plan *plan, uint32_t class);

#endif

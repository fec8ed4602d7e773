/* Keeps the masks of what is open, event by event. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_OPEN_H
#define CHECKERS_LINEARIZABILITY_JIT_OPEN_H

#include "checkers/linearizability/jit/plan.h"

/* What stands open, the same for all configurations. Masks are over slots. */
struct jit_open {
    uint64_t updates, observers;
    uint32_t update_op[JIT_SLOTS], observer_op[JIT_SLOTS];
    uint64_t earlier[JIT_SLOTS];   /* updates of the same call that complete before this one */
    uint64_t readers[JIT_SLOTS];   /* observers that wait for the value this update sets */
    uint64_t cassers[JIT_SLOTS];   /* updates that expect it */
    uint64_t cas_after[JIT_SLOTS]; /* classes of crashed cas that expect it, by jit_class_bit */
    uint32_t class_end;            /* slots of classes in use lie below */
    struct jit_open_class {
        uint32_t class; /* or NEVER */
        uint32_t supply;
        uint64_t same; /* updates of the same call */
        uint64_t readers, cassers, cas_after;
    } * classes; /* room for the plan's class_slots; what lies past class_end says nothing */
};

/* Classes have a bit of their own in masks of 64; all beyond the last one share it. */
#define JIT_CLASS_BIT_SHARED 63
static inline uint64_t jit_class_bit(uint32_t slot)
{
    return UINT64_C(1) << (slot < JIT_CLASS_BIT_SHARED ? slot : JIT_CLASS_BIT_SHARED);
}

void jit_open_init(struct jit_open *open, uint32_t class_slots);
void jit_open_finish(struct jit_open *open);
/* Copies; to must have room for as many classes. */
void jit_open_copy(struct jit_open *to, const struct jit_open *from);
/* The op is invoked; it is completed and gone; a class is over. */
void jit_open_invoke(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_complete(struct jit_open *open, const struct jit_plan *plan, uint32_t op);
void jit_open_end_class(struct jit_open *open, const struct jit_plan *plan, uint32_t class);

#endif

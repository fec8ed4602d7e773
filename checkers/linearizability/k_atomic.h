/* k-atomicity of a register (Aiyer, Alvisi, Bazzi, DISC 2005): is there an order in real time in
 * which every read answers one of the k latest written values? 1 is linearizability. */
#ifndef CHECKERS_LINEARIZABILITY_K_ATOMIC_H
#define CHECKERS_LINEARIZABILITY_K_ATOMIC_H

#include "checkers/linearizability/problem.h"

/* No k is enough: a read answered what nobody wrote by then. */
#define RIFT_K_NEVER UINT32_MAX

/* The least k lies within; both are the same where it is known. */
struct rift_k_bounds {
    uint32_t low, high;
};

/* Of a problem of reads and writes (calls of the model "register"). An order that keeps each write
 * where it completed gives high; linearizability, 2-atomicity and the general search raise low or
 * lower high, until they meet or the limits are spent. */
struct rift_k_bounds rift_k_atomicity(const struct rift_problem *problem,
                                      const struct rift_limits *limits);

/* A register whose reads may answer any of the `capacity` latest values. */
extern const struct rift_model rift_model_k_register;

#endif

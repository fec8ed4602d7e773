/* Histories of any length of a simulated object: clients invoke, the object acts at a moment in
 * between, clients complete; so the history is linearizable. Values are unique. */
#ifndef TESTS_LIB_SIMULATED_OBJECT_H
#define TESTS_LIB_SIMULATED_OBJECT_H

#include "checkers/linearizability/problem.h"

enum simulated_kind {
    SIMULATED_REGISTER,
    SIMULATED_SET,
    SIMULATED_QUEUE,
    SIMULATED_STACK,
    SIMULATED_PRIORITY_QUEUE,
    SIMULATED_UNORDERED_QUEUE,
    SIMULATED_COUNTER,
    SIMULATED_FETCH_ADD,
    SIMULATED_MUTEX,
    SIMULATED_KIND_COUNT,
};

struct simulated_mix {
    enum simulated_kind kind;
    size_t op_count;
    unsigned client_count;   /* at most 1000 */
    unsigned crash_permille; /* of changes: half of them take effect */
    unsigned look_percent;   /* peeks, answers "empty", looks at members */
    uint64_t seed;
};

/* The model's name. */
const char *simulated_model_name(enum simulated_kind kind);
/* A problem of its own, without history; simulated_destroy() frees it. */
struct rift_problem *simulated_create(const struct simulated_mix *mix);
void simulated_destroy(struct rift_problem *problem);

#endif

/* Small problems for the oracles: every one of a size, and random ones. */
#ifndef TESTS_PROPERTY_LINEAR_CASES_H
#define TESTS_PROPERTY_LINEAR_CASES_H

#include "checkers/linearizability/problem.h"
#include "common/rng.h"

enum { CASE_OPS_MAX = 12, CASE_VALUES = 5 };

/* A problem in fixed arrays; values are nil, 1, 2, 3, 4 with ids 0 to 4. */
struct linear_case {
    struct rift_problem problem;
    struct rift_problem_op ops[CASE_OPS_MAX];
    struct rift_value values[CASE_VALUES];
    int64_t numbers[CASE_VALUES];
    bool is_number[CASE_VALUES];
};

/* What operations of a model look like in the tests. */
struct linear_alphabet {
    const char *model;
    struct rift_call calls[24]; /* completed ones; ends with RIFT_CALL_KIND_COUNT */
};
extern const struct linear_alphabet linear_alphabets[]; /* ends with a NULL model */

void linear_case_init(struct linear_case *c, const char *model);
/* Visits every problem of this many ops, crashed ones among them. */
void linear_cases_every(const struct linear_alphabet *alphabet, size_t op_count,
                        void (*visit)(struct linear_case *c, void *context), void *context);
/* A random one of at most op_max ops, at most width of them open at once. */
void linear_case_random(struct linear_case *c, const struct linear_alphabet *alphabet,
                        size_t op_max, size_t width, struct rift_rng *rng);
/* Prints it in a form that a person can turn into a test. */
void linear_case_print(const struct linear_case *c);

#endif

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

struct linear_list {
    size_t count;
    uint32_t words[8];
};

/* What operations of a model look like in the tests. */
struct linear_alphabet {
    const char *model;          /* "light" is the state machine of linear_moves, read from JSON */
    struct rift_call calls[24]; /* completed ones; ends with RIFT_CALL_KIND_COUNT */
    const struct linear_list *lists; /* lists that calls name by id; all but [0] have words */
};
extern const struct linear_alphabet linear_alphabets[]; /* ends with a NULL model */

/* What the values of the model kv spell, by id. */
extern const char *const linear_texts[CASE_VALUES];
/* Steps of the machine "light", which begins red: from NULL is any state, to NULL the same. */
struct linear_move {
    const char *from, *to;
};
extern const struct linear_move linear_moves[];

/* What all cases of an alphabet share: the model, its lists, texts. */
struct linear_object;
struct linear_object *linear_object_create(const struct linear_alphabet *alphabet);
void linear_object_destroy(struct linear_object *object);

void linear_case_init(struct linear_case *c, struct linear_object *object);
/* Visits every problem of this many ops, crashed ones among them, once up to the order of
 * neighbouring events of one kind. */
void linear_cases_every(const struct linear_alphabet *alphabet, struct linear_object *object,
                        size_t op_count, void (*visit)(struct linear_case *c, void *context),
                        void *context);
/* A random one of at most op_max ops, at most width of them open at once. */
void linear_case_random(struct linear_case *c, const struct linear_alphabet *alphabet,
                        struct linear_object *object, size_t op_max, size_t width,
                        struct rift_rng *rng);
/* Prints it in a form that a person can turn into a test. */
void linear_case_print(const struct linear_case *c);

#endif

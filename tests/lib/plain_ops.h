/* Small histories as plain structs, for oracles that look at every pair, order or subset of their
 * operations, and the same as a history for the checkers. */
#ifndef TESTS_LIB_PLAIN_OPS_H
#define TESTS_LIB_PLAIN_OPS_H

#include "checkers/checker.h"
#include "history/history.h"

enum { PLAIN_OPS_MAX = 12, PLAIN_ITEMS_MAX = 8, PLAIN_FAULTS_MAX = 2 };

struct plain_value {
    enum {
        PLAIN_NIL,
        PLAIN_FALSE,
        PLAIN_INTEGER,
        PLAIN_LIST,
        PLAIN_BALANCES, /* of account i: items[i] */
        PLAIN_TRANSFER, /* from items[0], -1: from nobody, to items[1]: number */
        PLAIN_READS,    /* a transaction: items are keys and values in turn, 0: nil */
        PLAIN_WRITES,   /* the same */
        PLAIN_EVENT,    /* [items[0] items[1]]: a revision and a value, 0: nil */
        PLAIN_EVENTS,   /* a list of them, items in turn */
    } kind;
    int number;
    int count, items[PLAIN_ITEMS_MAX];
};

struct plain_op {
    int process;
    const char *f;
    int key;                  /* 0: none */
    const char *node, *error; /* or NULL */
    int start, end;           /* end counts for ok and fail */
    enum rift_op_type type;
    struct plain_value argument, result;
};

/* A fault from start to end, -1: never healed. */
struct plain_fault {
    int start, end;
};

struct plain_history {
    bool is_timed; /* start and end are ns, not numbers of lines */
    int count, fault_count;
    struct plain_op op[PLAIN_OPS_MAX];
    struct plain_fault fault[PLAIN_FAULTS_MAX];
};

struct plain_value plain_integer(int number);
bool plain_equal(const struct plain_value *a, const struct plain_value *b);

/* The caller destroys it. */
struct rift_history *plain_to_history(const struct plain_history *plain);
/* What a checker says, with options as JSON or NULL; the caller finishes it. */
struct rift_verdict plain_judge(const struct plain_history *plain, const char *checker,
                                const char *options);
void plain_print(const struct plain_history *plain);

#endif

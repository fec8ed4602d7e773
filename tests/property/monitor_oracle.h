/* What monitors are tested against: sequential objects in a few lines, a brute force over all
 * orders, a replay of orders, and generators of small histories. Shares nothing with the checkers
 * but the shape of a problem. */
#ifndef TESTS_PROPERTY_MONITOR_ORACLE_H
#define TESTS_PROPERTY_MONITOR_ORACLE_H

#include "checkers/monitors/monitor.h"
#include "common/rng.h"

enum oracle_object {
    ORACLE_REGISTER,
    ORACLE_SET,
    ORACLE_QUEUE,
    ORACLE_STACK,
    ORACLE_PRIORITY_QUEUE, /* the larger id first */
    ORACLE_UNORDERED_QUEUE,
    ORACLE_COUNTER,   /* numbers are the value ids themselves, minus ORACLE_ZERO */
    ORACLE_FETCH_ADD, /* a counter too; random histories answer every step */
    ORACLE_MUTEX,
    ORACLE_FENCED_LOCK,
    ORACLE_REENTRANT_LOCK,
};

/* Values put in have ids below ORACLE_VALUES: a state is one word of 4 bits a value. Numbers of a
 * counter go further. */
enum { ORACLE_VALUES = 15, ORACLE_IDS = 32, ORACLE_OPS = 14 };
/* The id of the number 0. */
enum { ORACLE_ZERO = 4 };

struct oracle_history {
    struct rift_problem problem;
    struct rift_problem_op ops[ORACLE_OPS];
    int64_t numbers[ORACLE_IDS];
    bool is_number[ORACLE_IDS];
};

void oracle_history_init(struct oracle_history *history, enum oracle_object object);
/* Sorts the ops by invocation and renumbers the events densely. */
void oracle_history_close(struct oracle_history *history);
/* Adds one op; complete RIFT_EVENT_NEVER: optional. */
void oracle_history_add(struct oracle_history *history, uint32_t invoke, uint32_t complete,
                        struct rift_call call);

/* The state an object starts in; one step of it, false where the call cannot happen there. choice
 * counts up from 0 where a crashed take may take several values. */
uint64_t oracle_start(enum oracle_object object, const struct rift_problem *problem);
bool oracle_step(enum oracle_object object, uint64_t *state, const struct rift_call *call,
                 unsigned choice);
/* What the next take gives (of an unordered queue: might give); 0: empty. */
uint32_t oracle_front(enum oracle_object object, uint64_t state);
/* What is left of a call when its client never hears of it; false: nothing. */
bool oracle_call_crash(const struct rift_call *asked, struct rift_call *left);

/* Exhausts all orders. */
bool oracle_is_linearizable(enum oracle_object object, const struct rift_problem *problem);
bool oracle_order_is_right(enum oracle_object object, const struct rift_problem *problem,
                           const uint32_t *order, size_t count);

/* A random history of a simulated object, one of its answers changed in about half of them. */
struct oracle_mix {
    enum oracle_object object;
    unsigned op_count;      /* at most ORACLE_OPS */
    unsigned client_count;  /* at most 8 */
    unsigned crash_percent; /* of ops */
    bool repeats_values;    /* now and then a value is inserted again; a set: answers are blind */
    bool observes;          /* peeks and answers "empty"; otherwise only inserts and takes */
};
void oracle_history_random(struct oracle_history *history, const struct oracle_mix *mix,
                           struct rift_rng *rng);

/* Runs visit on every history of op_count ops over the alphabet: every order of events, every op
 * crashed or not. Calls that only crashed ops make stand in crashed. */
struct oracle_alphabet {
    const struct rift_call *completed;
    size_t completed_count;
    const struct rift_call *crashed;
    size_t crashed_count;
};
typedef void oracle_visit(struct oracle_history *history, void *data);
void oracle_histories_all(enum oracle_object object, unsigned op_count,
                          const struct oracle_alphabet *alphabet, oracle_visit *visit, void *data);

/* How often a monitor gave each answer; unexplained: it was silent though no value repeats. */
struct oracle_tally {
    size_t valid, invalid, silent, unexplained;
};
/* Judges and compares: VALID needs an order that replays, INVALID a set of ops that is itself not
 * linearizable, and both must be true. Fails the test with the history printed. */
void oracle_check(const struct rift_monitor *monitor, enum oracle_object object,
                  const struct oracle_history *history, struct oracle_tally *tally);

/* Checks every history of 1 .. short_max ops over the alphabet; one op more with RIFT_LONG=1. */
struct oracle_tally oracle_check_all(const struct rift_monitor *monitor, enum oracle_object object,
                                     const struct oracle_alphabet *alphabet, unsigned short_max);
/* Checks random histories of all mixes of the object: short_count of them, a million with
 * RIFT_LONG=1. */
struct oracle_tally oracle_check_random(const struct rift_monitor *monitor,
                                        enum oracle_object object, size_t short_count);
void oracle_history_print(const struct oracle_history *history);

#endif

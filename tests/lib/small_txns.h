/* Small transactional histories for oracles: plain structs, a brute force over all orders, and the
 * same as a history for the checkers. */
#ifndef TESTS_LIB_SMALL_TXNS_H
#define TESTS_LIB_SMALL_TXNS_H

#include <stdbool.h>

#include "checkers/checker.h"
#include "common/rng.h"
#include "history/history.h"

enum { SMALL_TXNS_MAX = 6, SMALL_MOPS_MAX = 4, SMALL_LIST_MAX = 24, SMALL_KEYS_MAX = 4 };

struct small_mop {
    bool is_read;
    int key;
    int value;                /* written; or read, where the history is of registers: 0 is nil */
    int list[SMALL_LIST_MAX]; /* read, where the history is of lists */
    int count;
    int modulus, remainder;  /* a read by predicate [mod modulus remainder], where modulus > 0: */
    int row[SMALL_KEYS_MAX]; /* the value of each key that it returned, 0: none */
};

struct small_txn {
    int process;
    int start, end; /* all different */
    enum rift_op_type type;
    int mop_count;
    struct small_mop mop[SMALL_MOPS_MAX];
};

struct small_history {
    bool is_list;
    bool has_claim; /* that claim_first comes before claim_second in a serial order */
    int claim_first, claim_second;
    int count;
    struct small_txn txn[SMALL_TXNS_MAX];
};

enum small_order { SMALL_ANY_ORDER, SMALL_PROCESS_ORDER, SMALL_REAL_TIME };

/* Whether some serial order of the committed and some of the unknown transactions explains every
 * committed read, and keeps the order asked for and the claim: all are tried. */
bool small_is_serializable(const struct small_history *history, enum small_order order);
/* Whether some order of commits, and a snapshot before each, explains every committed read, so that
 * no two transactions that wrote a key overlap; what comes before in the order asked for is in the
 * snapshot. All are tried. */
bool small_is_snapshot_isolated(const struct small_history *history, enum small_order order);
/* The same without the rule on overlapping writers. */
bool small_is_prefix_consistent(const struct small_history *history, enum small_order order);
/* Whether some order of each key's elements that has every read as a prefix gives no G1a, G1b and
 * no cycle of ww and wr. All are tried. Only lists, each key at most once in a transaction. */
bool small_is_read_committed(const struct small_history *history);

enum small_weak { SMALL_READ_COMMITTED, SMALL_READ_ATOMIC, SMALL_CAUSAL };

/* Whether some commit order, which keeps who was read from and, where with_sessions, processes,
 * holds the level's axiom of Biswas and Enea, with some version of each key of which a predicate
 * returned no row. All are tried. Only registers, and no transaction writes a key twice. */
bool small_is_weakly_consistent(const struct small_history *history, enum small_weak level,
                                bool with_sessions);

/* A list history; the caller destroys it. */
struct rift_history *small_to_history(const struct small_history *small);
/* Prints it, a transaction a line. */
void small_print(const struct small_history *history);
/* The verdict of a checker at a level with further options ("a=true"), or NULL. */
enum rift_validity small_check(const struct small_history *history, const char *level,
                               const char *option, char **reason);
/* The same for a history and a checker by name; level NULL: the checker has none. */
enum rift_validity small_check_history(const struct rift_history *history, const char *checker,
                                       const char *level, const char *option,
                                       struct rift_verdict *verdict);

/* Random structure: kinds, keys, times and processes; reads are filled at random so that about
 * half of them could be right. */
void small_random(struct small_history *history, struct rift_rng *rng, bool is_list, int txn_count,
                  int key_count);
/* Turns about half of the reads of registers into reads by predicate, which could be right too. */
void small_add_predicates(struct small_history *history, struct rift_rng *rng);

#endif

/* Serializability, snapshot isolation and prefix consistency of registers, decided completely: what
 * is known of the order is a graph, and each two writes of a key whose order is not known are a
 * choice between two sets of edges. The history is explained iff some choice leaves no forbidden
 * cycle (Papadimitriou, JACM 1979; for snapshot isolation Cerone and Gotsman, JACM 2018). The
 * problem is NP-complete, so: first a guess that mostly succeeds on valid histories, then pruning
 * by reachability, then a SAT solver. */
#ifndef CHECKERS_TXN_POLYGRAPH_H
#define CHECKERS_TXN_POLYGRAPH_H

#include "checkers/txn/closure.h"
#include "checkers/txn/cycle.h"
#include "checkers/txn/register.h"

enum polygraph_level {
    POLYGRAPH_PREFIX, /* no cycle of ww and of wr or order, each with an rw behind it or without */
    POLYGRAPH_SNAPSHOT, /* no cycle without two rw in a row */
    POLYGRAPH_SERIAL,   /* no cycle */
};

enum polygraph_order { POLYGRAPH_ANY, POLYGRAPH_PROCESS, POLYGRAPH_REALTIME };

/* Two writes of one key by different transactions. */
struct polygraph_pair {
    uint32_t a, b; /* versions */
};

struct polygraph {
    struct register_model *model;
    enum polygraph_level level;
    enum polygraph_order order;
    struct txn_automaton automaton; /* whose cycles are forbidden */
    struct txn_edges known;
    bool *is_included;            /* per transaction: committed, or unknown but observed */
    struct polygraph_pair *pairs; /* undecided ones */
    size_t pair_count;
    uint64_t memory_bytes; /* bound on closures and pairs */
    int64_t deadline_ns;   /* 0: none */
    /* What it came to, for stats. */
    size_t pairs_at_first, pairs_left, rounds, clauses;
    size_t rounds_max; /* of pruning; 0: until nothing changes */
};

enum polygraph_answer { POLYGRAPH_EXPLAINED, POLYGRAPH_VIOLATED, POLYGRAPH_UNDECIDED };

void polygraph_init(struct polygraph *polygraph, struct register_model *model,
                    enum polygraph_level level, enum polygraph_order order,
                    struct txn_findings *findings);
void polygraph_finish(struct polygraph *polygraph);
/* The first and last part of polygraph_init, for those who fill is_included and known themselves.
 */
void polygraph_begin(struct polygraph *polygraph, struct register_model *model,
                     enum polygraph_level level, enum polygraph_order order);
void polygraph_add_order(struct polygraph *polygraph);

/* The question. On VIOLATED cycle may hold a cycle of known edges (length 0: no single cycle
 * tells). The caller frees vertex and relation. reason says why it is undecided. */
enum polygraph_answer polygraph_solve(struct polygraph *polygraph, struct txn_cycle *cycle,
                                      const char **reason);

/* Its parts: */

/* True if an order of the transactions was guessed that explains everything serially. */
bool polygraph_guess(const struct polygraph *polygraph);
/* Decides pairs of which one side closes a cycle, until nothing changes. */
enum polygraph_answer polygraph_prune(struct polygraph *polygraph, const char **reason);
/* Decides the rest by a SAT solver, if this build has one. */
enum polygraph_answer polygraph_search(struct polygraph *polygraph, const char **reason);

/* When each transaction happened, as far as is known, or its place in its process: it only guides
 * orders. free() it. */
int64_t *polygraph_times(const struct polygraph *polygraph);
/* Adds what follows from version a before version b. */
void polygraph_add_choice(const struct polygraph *polygraph, uint32_t a, uint32_t b,
                          struct txn_edges *edges);
bool polygraph_is_late(const struct polygraph *polygraph);

/* Answers for the level of the findings: for the strongest question that it implies; records the
 * weakest variant that is violated, and a doubt where it is undecided. */
void polygraph_judge(const struct rift_check *check, const struct txn_set *set,
                     struct txn_findings *findings);

#endif

/* Consistency levels, how they imply each other, and which of them each anomaly rules out.
 *
 * Names and implications are the field's: Adya's thesis (1999), Cerone and others (CONCUR 2015),
 * Bailis and others (VLDB 2014), as Elle arranges them. */
#ifndef CHECKERS_TXN_LATTICE_H
#define CHECKERS_TXN_LATTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "checkers/txn/graph.h"

/* Cycle classes come in threes: data alone, with process order, with real time. */
enum txn_anomaly {
    TXN_G0,
    TXN_G0_PROCESS,
    TXN_G0_REALTIME,
    TXN_G1C,
    TXN_G1C_PROCESS,
    TXN_G1C_REALTIME,
    TXN_G_SINGLE,
    TXN_G_SINGLE_PROCESS,
    TXN_G_SINGLE_REALTIME,
    TXN_G_NONADJACENT,
    TXN_G_NONADJACENT_PROCESS,
    TXN_G_NONADJACENT_REALTIME,
    TXN_G2_ITEM,
    TXN_G2_ITEM_PROCESS,
    TXN_G2_ITEM_REALTIME,
    /* The same with what predicates selected; without -item in the field's names. */
    TXN_G_SINGLE_PREDICATE,
    TXN_G_SINGLE_PREDICATE_PROCESS,
    TXN_G_SINGLE_PREDICATE_REALTIME,
    TXN_G_NONADJACENT_PREDICATE,
    TXN_G_NONADJACENT_PREDICATE_PROCESS,
    TXN_G_NONADJACENT_PREDICATE_REALTIME,
    TXN_G2,
    TXN_G2_PROCESS,
    TXN_G2_REALTIME,
    TXN_CYCLE_ANOMALY_COUNT,
    TXN_LONG_FORK = TXN_CYCLE_ANOMALY_COUNT,
    TXN_G1A,
    TXN_G1B,
    TXN_GARBAGE_READ,
    TXN_INTERNAL,
    TXN_NON_REPEATABLE_READ,
    TXN_PHANTOM,
    TXN_IMPOSSIBLE_PREDICATE_READ,
    TXN_FUTURE_READ,
    TXN_LOST_UPDATE,
    TXN_DIRTY_UPDATE,
    TXN_INCOMPATIBLE_ORDER,
    TXN_DUPLICATE_ELEMENTS,
    TXN_CYCLIC_VERSIONS,
    TXN_NON_MONOTONIC_READ,
    TXN_NON_MONOTONIC_READ_PROCESS,
    TXN_NOT_READ_ATOMIC,
    TXN_NOT_READ_ATOMIC_PROCESS,
    TXN_NOT_CAUSAL,
    TXN_NOT_CAUSAL_PROCESS,
    TXN_NOT_PREFIX,
    TXN_NOT_PREFIX_PROCESS,
    TXN_NOT_SNAPSHOT_ISOLATED,
    TXN_NOT_SNAPSHOT_ISOLATED_PROCESS,
    TXN_NOT_SNAPSHOT_ISOLATED_REALTIME,
    TXN_NOT_SERIALIZABLE,
    TXN_NOT_SERIALIZABLE_PROCESS,
    TXN_NOT_STRICTLY_SERIALIZABLE,
    TXN_ANOMALY_COUNT,
};

typedef uint64_t txn_anomalies; /* one bit each */
typedef uint64_t txn_levels;    /* one bit each, in the order of txn_level_names */

const char *txn_anomaly_name(enum txn_anomaly anomaly);
/* What it means, in a sentence without subject, for lists. */
const char *txn_anomaly_summary(enum txn_anomaly anomaly);
/* Found cycles of one class prove cycles of these, itself included: a G0 is a G1c is a
 * G1c-realtime. Only for cycle classes. */
txn_anomalies txn_anomaly_implied(enum txn_anomaly anomaly);

/* Ends with NULL; the choices of the option "level". */
extern const char *const txn_level_names[];
/* The number of a level by its name or Adya's ("PL-3"), or -1. */
int txn_level_find(const char *name);
txn_levels txn_level_implied(int level);
/* The anomalies that a level forbids. */
txn_anomalies txn_level_forbids(int level);
/* Relations that a level speaks of: process and realtime only where it orders by them. */
txn_relations txn_level_relations(int level);

/* Levels that cannot hold where these anomalies were found. */
txn_levels txn_levels_ruled_out(txn_anomalies found);
/* The members that imply no other member: the weakest. */
txn_levels txn_levels_weakest(txn_levels levels);
/* The members that no other member implies: the strongest. */
txn_levels txn_levels_strongest(txn_levels levels);
/* Levels that this kind of check can rule out at all. */
txn_levels txn_levels_all(void);

#endif

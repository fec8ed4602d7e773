/* Two tables and their closures. A level holds the levels that it directly implies; an anomaly the
 * weakest levels that forbid it. */
#include "checkers/txn/lattice.h"

#include <stddef.h>
#include <string.h>

enum level {
    READ_UNCOMMITTED,
    READ_COMMITTED,
    MONOTONIC_READ_COMMITTED,
    CURSOR_STABILITY,
    MONOTONIC_VIEW,
    MONOTONIC_SNAPSHOT_READ,
    MONOTONIC_ATOMIC_VIEW,
    READ_ATOMIC,
    UPDATE_ATOMIC,
    CONSISTENT_VIEW,
    FORWARD_CONSISTENT_VIEW,
    UPDATE_SERIALIZABLE,
    REPEATABLE_READ,
    CAUSAL_CERONE,
    PARALLEL_SNAPSHOT_ISOLATION,
    PREFIX,
    SNAPSHOT_ISOLATION,
    SERIALIZABLE,
    STRONG_SESSION_READ_UNCOMMITTED,
    STRONG_SESSION_READ_COMMITTED,
    STRONG_SESSION_MONOTONIC_READ_COMMITTED,
    STRONG_SESSION_READ_ATOMIC,
    STRONG_SESSION_CAUSAL,
    STRONG_SESSION_PREFIX,
    STRONG_SESSION_SNAPSHOT_ISOLATION,
    STRONG_SESSION_SERIALIZABLE,
    STRONG_READ_UNCOMMITTED,
    STRONG_READ_COMMITTED,
    STRONG_SNAPSHOT_ISOLATION,
    STRICT_SERIALIZABLE,
    LEVEL_COUNT,
};

#define LEVEL(x) (UINT64_C(1) << (x))
#define FOUND(x) (UINT64_C(1) << (x))

const char *const txn_level_names[] = {
    "read-uncommitted",
    "read-committed",
    "monotonic-read-committed",
    "cursor-stability",
    "monotonic-view",
    "monotonic-snapshot-read",
    "monotonic-atomic-view",
    "read-atomic",
    "update-atomic",
    "consistent-view",
    "forward-consistent-view",
    "update-serializable",
    "repeatable-read",
    "causal-cerone",
    "parallel-snapshot-isolation",
    "prefix",
    "snapshot-isolation",
    "serializable",
    "strong-session-read-uncommitted",
    "strong-session-read-committed",
    "strong-session-monotonic-read-committed",
    "strong-session-read-atomic",
    "strong-session-causal",
    "strong-session-prefix",
    "strong-session-snapshot-isolation",
    "strong-session-serializable",
    "strong-read-uncommitted",
    "strong-read-committed",
    "strong-snapshot-isolation",
    "strict-serializable",
    NULL,
};

static const struct {
    const char *alias;
    enum level level;
} level_aliases[] = {
    {"PL-1", READ_UNCOMMITTED},
    {"PL-2", READ_COMMITTED},
    {"PL-2+", CONSISTENT_VIEW},
    {"PL-2.99", REPEATABLE_READ},
    {"PL-2L", MONOTONIC_VIEW},
    {"PL-3", SERIALIZABLE},
    {"PL-3U", UPDATE_SERIALIZABLE},
    {"PL-CS", CURSOR_STABILITY},
    {"PL-FCV", FORWARD_CONSISTENT_VIEW},
    {"PL-MSR", MONOTONIC_SNAPSHOT_READ},
    {"PL-SI", SNAPSHOT_ISOLATION},
    {"PL-SS", STRICT_SERIALIZABLE},
    {"conflict-serializable", SERIALIZABLE},
    {"causal", STRONG_SESSION_CAUSAL},
    {"strong-serializable", STRICT_SERIALIZABLE},
    {"strong-PL-1", STRONG_READ_UNCOMMITTED},
    {"strong-PL-2", STRONG_READ_COMMITTED},
    {"strong-session-PL-1", STRONG_SESSION_READ_UNCOMMITTED},
    {"strong-session-PL-2", STRONG_SESSION_READ_COMMITTED},
};

static const txn_levels directly_implied[LEVEL_COUNT] = {
    [READ_COMMITTED] = LEVEL(READ_UNCOMMITTED),
    [CURSOR_STABILITY] = LEVEL(READ_COMMITTED),
    [MONOTONIC_READ_COMMITTED] = LEVEL(READ_COMMITTED),
    [MONOTONIC_VIEW] = LEVEL(MONOTONIC_READ_COMMITTED),
    [MONOTONIC_SNAPSHOT_READ] = LEVEL(READ_COMMITTED),
    [MONOTONIC_ATOMIC_VIEW] = LEVEL(READ_COMMITTED),
    [READ_ATOMIC] = LEVEL(MONOTONIC_ATOMIC_VIEW) | LEVEL(MONOTONIC_READ_COMMITTED),
    [UPDATE_ATOMIC] = LEVEL(READ_ATOMIC),
    [CONSISTENT_VIEW] = LEVEL(MONOTONIC_VIEW) | LEVEL(CURSOR_STABILITY),
    [FORWARD_CONSISTENT_VIEW] = LEVEL(CONSISTENT_VIEW),
    [UPDATE_SERIALIZABLE] = LEVEL(FORWARD_CONSISTENT_VIEW),
    [REPEATABLE_READ] = LEVEL(CURSOR_STABILITY) | LEVEL(MONOTONIC_ATOMIC_VIEW),
    [CAUSAL_CERONE] = LEVEL(READ_ATOMIC),
    [PARALLEL_SNAPSHOT_ISOLATION] = LEVEL(CAUSAL_CERONE) | LEVEL(UPDATE_ATOMIC),
    [PREFIX] = LEVEL(CAUSAL_CERONE),
    [SNAPSHOT_ISOLATION] = LEVEL(FORWARD_CONSISTENT_VIEW) | LEVEL(MONOTONIC_SNAPSHOT_READ) |
                           LEVEL(MONOTONIC_ATOMIC_VIEW) | LEVEL(PARALLEL_SNAPSHOT_ISOLATION) |
                           LEVEL(PREFIX),
    [SERIALIZABLE] =
        LEVEL(REPEATABLE_READ) | LEVEL(UPDATE_SERIALIZABLE) | LEVEL(SNAPSHOT_ISOLATION),
    [STRONG_SESSION_READ_UNCOMMITTED] = LEVEL(READ_UNCOMMITTED),
    [STRONG_SESSION_READ_COMMITTED] =
        LEVEL(READ_COMMITTED) | LEVEL(STRONG_SESSION_READ_UNCOMMITTED),
    [STRONG_SESSION_MONOTONIC_READ_COMMITTED] =
        LEVEL(MONOTONIC_READ_COMMITTED) | LEVEL(STRONG_SESSION_READ_COMMITTED),
    [STRONG_SESSION_READ_ATOMIC] =
        LEVEL(READ_ATOMIC) | LEVEL(STRONG_SESSION_MONOTONIC_READ_COMMITTED),
    [STRONG_SESSION_CAUSAL] = LEVEL(CAUSAL_CERONE) | LEVEL(STRONG_SESSION_READ_ATOMIC),
    [STRONG_SESSION_PREFIX] = LEVEL(PREFIX) | LEVEL(STRONG_SESSION_CAUSAL),
    [STRONG_SESSION_SNAPSHOT_ISOLATION] = LEVEL(SNAPSHOT_ISOLATION) | LEVEL(STRONG_SESSION_PREFIX),
    [STRONG_SESSION_SERIALIZABLE] = LEVEL(SERIALIZABLE) | LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
    [STRONG_READ_UNCOMMITTED] = LEVEL(STRONG_SESSION_READ_UNCOMMITTED),
    [STRONG_READ_COMMITTED] = LEVEL(STRONG_READ_UNCOMMITTED) | LEVEL(STRONG_SESSION_READ_COMMITTED),
    [STRONG_SNAPSHOT_ISOLATION] =
        LEVEL(STRONG_READ_COMMITTED) | LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
    [STRICT_SERIALIZABLE] =
        LEVEL(SERIALIZABLE) | LEVEL(STRONG_SESSION_SERIALIZABLE) | LEVEL(STRONG_SNAPSHOT_ISOLATION),
};

static const struct {
    const char *name;
    txn_levels weakest; /* the weakest levels that forbid it */
    const char *summary;
} anomalies[TXN_ANOMALY_COUNT] = {
    [TXN_G0] = {"G0", LEVEL(READ_UNCOMMITTED), "a cycle of writes that overwrite each other"},
    [TXN_G0_PROCESS] = {"G0-process", LEVEL(STRONG_SESSION_READ_UNCOMMITTED),
                        "a cycle of overwrites and process order"},
    [TXN_G0_REALTIME] = {"G0-realtime", LEVEL(STRONG_READ_UNCOMMITTED),
                         "a cycle of overwrites and real time"},
    [TXN_G1C] = {"G1c", LEVEL(READ_COMMITTED), "a cycle of overwrites and observed writes"},
    [TXN_G1C_PROCESS] = {"G1c-process", LEVEL(STRONG_SESSION_READ_COMMITTED),
                         "a cycle of overwrites, observed writes and process order"},
    [TXN_G1C_REALTIME] = {"G1c-realtime", LEVEL(STRONG_READ_COMMITTED),
                          "a cycle of overwrites, observed writes and real time"},
    [TXN_G_SINGLE] = {"G-single", LEVEL(CONSISTENT_VIEW) | LEVEL(REPEATABLE_READ),
                      "a cycle with exactly one missed write (read skew)"},
    [TXN_G_SINGLE_PROCESS] = {"G-single-process", LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
                              "a cycle with exactly one missed write, and process order"},
    [TXN_G_SINGLE_REALTIME] = {"G-single-realtime", LEVEL(STRONG_SNAPSHOT_ISOLATION),
                               "a cycle with exactly one missed write, and real time (stale read)"},
    [TXN_G_NONADJACENT] = {"G-nonadjacent", LEVEL(SNAPSHOT_ISOLATION) | LEVEL(REPEATABLE_READ),
                           "a cycle in which no two missed writes follow each other"},
    [TXN_G_NONADJACENT_PROCESS] = {"G-nonadjacent-process",
                                   LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
                                   "a cycle without two missed writes in a row, and process order"},
    [TXN_G_NONADJACENT_REALTIME] = {"G-nonadjacent-realtime", LEVEL(STRONG_SNAPSHOT_ISOLATION),
                                    "a cycle without two missed writes in a row, and real time"},
    [TXN_G2_ITEM] = {"G2-item", LEVEL(REPEATABLE_READ), "a cycle with missed writes (write skew)"},
    [TXN_G2_ITEM_PROCESS] = {"G2-item-process", LEVEL(STRONG_SESSION_SERIALIZABLE),
                             "a cycle with missed writes and process order"},
    [TXN_G2_ITEM_REALTIME] = {"G2-item-realtime", LEVEL(STRICT_SERIALIZABLE),
                              "a cycle with missed writes and real time"},
    [TXN_G_SINGLE_PREDICATE] = {"G-single-predicate", LEVEL(CONSISTENT_VIEW),
                                "a G-single through what a predicate selected"},
    [TXN_G_SINGLE_PREDICATE_PROCESS] = {"G-single-predicate-process",
                                        LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
                                        "the same, and process order"},
    [TXN_G_SINGLE_PREDICATE_REALTIME] = {"G-single-predicate-realtime",
                                         LEVEL(STRONG_SNAPSHOT_ISOLATION),
                                         "the same, and real time"},
    [TXN_G_NONADJACENT_PREDICATE] = {"G-nonadjacent-predicate", LEVEL(SNAPSHOT_ISOLATION),
                                     "a G-nonadjacent through what a predicate selected"},
    [TXN_G_NONADJACENT_PREDICATE_PROCESS] = {"G-nonadjacent-predicate-process",
                                             LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
                                             "the same, and process order"},
    [TXN_G_NONADJACENT_PREDICATE_REALTIME] = {"G-nonadjacent-predicate-realtime",
                                              LEVEL(STRONG_SNAPSHOT_ISOLATION),
                                              "the same, and real time"},
    [TXN_G2] = {"G2", LEVEL(SERIALIZABLE),
                "a cycle with missed writes through what a predicate selected (phantoms)"},
    [TXN_G2_PROCESS] = {"G2-process", LEVEL(STRONG_SESSION_SERIALIZABLE),
                        "the same, and process order"},
    [TXN_G2_REALTIME] = {"G2-realtime", LEVEL(STRICT_SERIALIZABLE), "the same, and real time"},
    [TXN_LONG_FORK] = {"long fork", LEVEL(PREFIX) | LEVEL(REPEATABLE_READ),
                       "two readers saw two writes in opposite orders"},
    [TXN_G1A] = {"G1a", LEVEL(READ_COMMITTED), "a read of a write that was aborted"},
    [TXN_G1B] = {"G1b", LEVEL(READ_COMMITTED),
                 "a read of a version that its writer had not finished"},
    [TXN_GARBAGE_READ] = {"garbage read", LEVEL(READ_UNCOMMITTED),
                          "a read of a value that nobody wrote"},
    [TXN_INTERNAL] = {"internal", LEVEL(READ_ATOMIC),
                      "a transaction's own reads and writes contradict each other"},
    [TXN_NON_REPEATABLE_READ] = {"non-repeatable read",
                                 LEVEL(READ_ATOMIC) | LEVEL(REPEATABLE_READ) |
                                     LEVEL(CONSISTENT_VIEW),
                                 "a transaction read two versions of one key by others"},
    [TXN_PHANTOM] = {"phantom", LEVEL(READ_ATOMIC) | LEVEL(CONSISTENT_VIEW),
                     "a transaction selected one version of a key and read another"},
    [TXN_IMPOSSIBLE_PREDICATE_READ] = {"impossible predicate read", LEVEL(READ_COMMITTED),
                                       "a predicate read that no committed versions explain"},
    [TXN_FUTURE_READ] = {"future read", LEVEL(READ_COMMITTED),
                         "a read of what the same transaction wrote only later"},
    [TXN_LOST_UPDATE] = {"lost update", LEVEL(CURSOR_STABILITY) | LEVEL(UPDATE_ATOMIC),
                         "two transactions read one version and both replaced it"},
    [TXN_DIRTY_UPDATE] = {"dirty update", LEVEL(READ_COMMITTED),
                          "a committed version builds upon an aborted one"},
    [TXN_INCOMPATIBLE_ORDER] = {"incompatible order", LEVEL(READ_COMMITTED),
                                "two reads of a list of which neither begins with the other"},
    [TXN_DUPLICATE_ELEMENTS] = {"duplicate elements", LEVEL(READ_UNCOMMITTED),
                                "a list that holds one append twice"},
    [TXN_CYCLIC_VERSIONS] = {"cyclic versions", LEVEL(READ_UNCOMMITTED),
                             "no order of a key's versions fits what was observed"},
    [TXN_NON_MONOTONIC_READ] = {"non-monotonic read", LEVEL(MONOTONIC_READ_COMMITTED),
                                "a read went back behind a transaction observed before"},
    [TXN_NOT_READ_ATOMIC] = {"fractured read", LEVEL(READ_ATOMIC),
                             "a transaction saw another's writes in part"},
    [TXN_NOT_CAUSAL] = {"causality violation", LEVEL(CAUSAL_CERONE),
                        "a read missed a write that happened before"},
    [TXN_NON_MONOTONIC_READ_PROCESS] = {"non-monotonic read, process",
                                        LEVEL(STRONG_SESSION_MONOTONIC_READ_COMMITTED),
                                        "the same, in view of the order of sessions"},
    [TXN_NOT_READ_ATOMIC_PROCESS] = {"fractured read, process", LEVEL(STRONG_SESSION_READ_ATOMIC),
                                     "a session saw its own or another's writes in part"},
    [TXN_NOT_CAUSAL_PROCESS] = {"causality violation, process", LEVEL(STRONG_SESSION_CAUSAL),
                                "a read missed a write that a session had made visible before"},
    [TXN_NOT_PREFIX] = {"no common prefix", LEVEL(PREFIX),
                        "no order of the versions lets every snapshot be a prefix of it"},
    [TXN_NOT_PREFIX_PROCESS] = {"no common prefix, process", LEVEL(STRONG_SESSION_PREFIX),
                                "the same, in view of the order of sessions"},
    [TXN_NOT_SNAPSHOT_ISOLATED] = {"not snapshot isolated", LEVEL(SNAPSHOT_ISOLATION),
                                   "no order of the versions is free of forbidden cycles"},
    [TXN_NOT_SNAPSHOT_ISOLATED_PROCESS] = {"not snapshot isolated, process",
                                           LEVEL(STRONG_SESSION_SNAPSHOT_ISOLATION),
                                           "the same, in view of the order of sessions"},
    [TXN_NOT_SNAPSHOT_ISOLATED_REALTIME] = {"not snapshot isolated, realtime",
                                            LEVEL(STRONG_SNAPSHOT_ISOLATION),
                                            "the same, in view of real time"},
    [TXN_NOT_SERIALIZABLE] = {"not serializable", LEVEL(SERIALIZABLE),
                              "no order of the transactions explains the reads"},
    [TXN_NOT_SERIALIZABLE_PROCESS] = {"not serializable, process",
                                      LEVEL(STRONG_SESSION_SERIALIZABLE),
                                      "the same, in view of the order of sessions"},
    [TXN_NOT_STRICTLY_SERIALIZABLE] = {"not strictly serializable", LEVEL(STRICT_SERIALIZABLE),
                                       "no order that respects real time explains the reads"},
};

const char *txn_anomaly_name(enum txn_anomaly anomaly)
{
    return anomalies[anomaly].name;
}

const char *txn_anomaly_summary(enum txn_anomaly anomaly)
{
    return anomalies[anomaly].summary;
}

txn_anomalies txn_anomaly_implied(enum txn_anomaly anomaly)
{
    unsigned variant = anomaly % 3U, base = anomaly - variant;
    txn_anomalies implied = 0;
    for (unsigned v = variant; v < 3; v++) {
        implied |= FOUND(base + v);
        if (base == TXN_G0)
            implied |= FOUND(TXN_G1C + v);
        if (base == TXN_G_SINGLE)
            implied |= FOUND(TXN_G_NONADJACENT + v);
        if (base == TXN_G_SINGLE || base == TXN_G_NONADJACENT)
            implied |= FOUND(TXN_G2_ITEM + v);
        if (base == TXN_G_SINGLE || base == TXN_G_SINGLE_PREDICATE)
            implied |= FOUND(TXN_G_SINGLE_PREDICATE + v);
        if (base >= TXN_G_SINGLE && base <= TXN_G_NONADJACENT_PREDICATE && base != TXN_G2_ITEM)
            implied |= FOUND(TXN_G_NONADJACENT_PREDICATE + v);
        if (base >= TXN_G_SINGLE)
            implied |= FOUND(TXN_G2 + v);
    }
    return implied;
}

int txn_level_find(const char *name)
{
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (strcmp(txn_level_names[level], name) == 0)
            return level;
    for (size_t i = 0; i < sizeof level_aliases / sizeof *level_aliases; i++)
        if (strcmp(level_aliases[i].alias, name) == 0)
            return (int)level_aliases[i].level;
    return -1;
}

txn_levels txn_level_implied(int level)
{
    txn_levels closed = LEVEL(level), before = 0;
    while (closed != before) {
        before = closed;
        for (int i = 0; i < LEVEL_COUNT; i++)
            if (closed & LEVEL(i))
                closed |= directly_implied[i];
    }
    return closed;
}

txn_anomalies txn_level_forbids(int level)
{
    txn_levels implied = txn_level_implied(level);
    txn_anomalies forbidden = 0;
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (anomalies[i].weakest & implied)
            forbidden |= FOUND(i);
    return forbidden;
}

txn_relations txn_level_relations(int level)
{
    txn_relations relations = txn_relation_bit(TXN_WW) | txn_relation_bit(TXN_WR) |
                              txn_relation_bit(TXN_RW) | txn_relation_bit(TXN_RW_PREDICATE);
    txn_levels implied = txn_level_implied(level);
    if (implied & LEVEL(STRONG_SESSION_READ_UNCOMMITTED))
        relations |= txn_relation_bit(TXN_PROCESS);
    if (implied & LEVEL(STRONG_READ_UNCOMMITTED))
        relations |= txn_relation_bit(TXN_REALTIME);
    return relations;
}

txn_levels txn_levels_ruled_out(txn_anomalies found)
{
    txn_levels weakest = 0, out = 0;
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (found & FOUND(i))
            weakest |= anomalies[i].weakest;
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (txn_level_implied(level) & weakest)
            out |= LEVEL(level);
    return out;
}

txn_levels txn_levels_weakest(txn_levels levels)
{
    txn_levels weakest = 0;
    for (int level = 0; level < LEVEL_COUNT; level++)
        if ((levels & LEVEL(level)) && (txn_level_implied(level) & levels) == LEVEL(level))
            weakest |= LEVEL(level);
    return weakest;
}

txn_levels txn_levels_strongest(txn_levels levels)
{
    txn_levels strongest = levels;
    for (int level = 0; level < LEVEL_COUNT; level++)
        if (levels & LEVEL(level))
            strongest &= ~(txn_level_implied(level) & ~LEVEL(level));
    return strongest;
}

txn_levels txn_levels_all(void)
{
    return LEVEL(LEVEL_COUNT) - 1;
}

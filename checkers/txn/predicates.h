/* Predicate reads, made plain by a closed world: all versions of all keys are known, so what a
 * predicate did not return tells which version it saw, wherever only one does not match.
 *
 * [:rp P rows]: P is :true, [:= x] or [:mod m r]; it matches values, never an absent key (nil).
 * Adya's version set (thesis, 1999, 4.1), inferred as Elle's closed-predicate does. */
#ifndef CHECKERS_TXN_PREDICATES_H
#define CHECKERS_TXN_PREDICATES_H

#include "checkers/txn/txns.h"

struct txn_predicates;

/* Takes the versions of a set that was loaded without its predicate reads. */
struct txn_predicates *txn_predicates_create(const struct txn_set *set);
void txn_predicates_destroy(struct txn_predicates *predicates);

/* A key of which some version matches, and the versions that do not: option[i] is a transaction
 * that wrote it last, or TXN_NONE for the initial state. */
struct txn_predicate_key {
    uint32_t key;
    uint32_t option_count;
    const struct txn_predicate_option {
        uint32_t txn;
        struct rift_value value;
    } * option;
};

/* The keys that this predicate speaks of. -1 where it is none. The list lives as long as
 * predicates. */
int txn_predicates_find(struct txn_predicates *predicates, struct rift_value predicate,
                        const struct txn_predicate_key **keys, uint32_t *count);
/* Whether it is a predicate that txn_predicates_find knows, and the value matches. */
bool txn_predicate_matches(const struct rift_values *values, struct rift_value predicate,
                           struct rift_value value);

/* Rows of a predicate read: a map, or a list of [key value]. */
bool txn_predicate_rows(const struct rift_values *values, struct rift_value rows, size_t *count);
void txn_predicate_row(const struct rift_values *values, struct rift_value rows, size_t index,
                       struct rift_value *key, struct rift_value *value);

#endif

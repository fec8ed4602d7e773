/* Values of a history as small numbers, and how checkers of sets and queues tell of them. */
#ifndef CHECKERS_ELEMENTS_H
#define CHECKERS_ELEMENTS_H

#include "checkers/checker.h"

#define ELEMENT_NONE UINT32_MAX

/* Equal values have one id, counted up from 0. For one history. */
struct elements;

struct elements *elements_create(const struct rift_history *history);
void elements_destroy(struct elements *elements);
uint32_t elements_intern(struct elements *elements, struct rift_value value);
/* The ids of the items of a list or set from one on, in order; valid until the next call. */
const uint32_t *elements_intern_from(struct elements *elements, struct rift_value all, size_t from,
                                     size_t *count);
size_t elements_count(const struct elements *elements);
struct rift_value elements_value(const struct elements *elements, uint32_t id);

/* Some elements and the rows that show what happened to them. */
struct element_finding {
    uint32_t *ids;
    size_t count, capacity;
    json_t *rows; /* of the first few; NULL before the first */
};

/* row or other: ELEMENT_NONE where there is none. */
void element_finding_add(struct element_finding *finding, uint32_t id, uint32_t row,
                         uint32_t other);
void element_finding_finish(struct element_finding *finding);
/* Convicts where anything was found: "<what>: 1, 2, 3 and 40 more". key is the index of the key. */
void element_finding_convict(const struct element_finding *finding, const struct elements *elements,
                             uint32_t key, const char *name, const char *what,
                             struct rift_verdict *verdict);
/* The elements as text, the first few of them; free() it. */
char *element_finding_print(const struct element_finding *finding, const struct elements *elements);

/* Runs judge for each key of a keyed history, otherwise once; rows are in order of start. */
typedef void element_judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                           size_t row_count, struct rift_verdict *verdict);
void elements_by_key(const struct rift_check *check, element_judge *judge,
                     struct rift_verdict *verdict);

/* The operation has one of these names; names ends with NULL. */
bool element_op_is(const struct rift_history *history, uint32_t row, const char *const *names);

/* A take that found nothing: nil, or the word "empty". */
bool element_is_nothing(const struct rift_history *history, struct rift_value value);

/* Adds count to a number of the verdict's stats: the keys of a keyed history add up. */
void element_stat_add(struct rift_verdict *verdict, const char *name, size_t count);

#endif

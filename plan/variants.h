/* The ways in which one fault of a configuration may come: which grudge, which target. */
#ifndef PLAN_VARIANTS_H
#define PLAN_VARIANTS_H

#include "plan/reader.h"

enum { RIFT_VARIANTS_MAX = 256 };

struct rift_variants {
    struct rift_plan_reader *reader;
    bool varies; /* options are drawn anew while the fault is on */
    struct rift_fault_variant items[RIFT_VARIANTS_MAX];
    size_t count;
};

/* What the section system would have to say for the fault to be possible; NULL: nothing. */
const char *rift_plan_fault_lacks(const struct rift_plan *plan, const struct rift_fault *fault);

/* Adds every variant of the fault called key, value being what stands behind its name (or NULL):
 * KINDS of a fault on links is a grudge, a list of them to choose from, or a table with `kinds` or
 * `grudge` and options; of others a target, a list, or a table with `targets` and options. common
 * holds weight and length, which the variants share. Returns the frozen form of value, a new
 * reference. */
json_t *rift_plan_read_variants(struct rift_variants *list, const struct rift_fault *fault,
                                const struct rift_tree *key, const struct rift_tree *value,
                                const struct rift_fault_variant *common);

#endif

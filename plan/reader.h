/* What the parts of the configuration's reader share. Each part reads its section, adds its
 * problems, and writes its share of the plan and of the frozen form. */
#ifndef PLAN_READER_H
#define PLAN_READER_H

#include <jansson.h>

#include "common/arena.h"
#include "plan/plan.h"
#include "plan/problems.h"
#include "plan/tree.h"

struct rift_plan_reader {
    struct rift_problems problems;
    const struct rift_catalogue *catalogue;
    struct rift_arena *arena; /* of the plan */
    struct rift_plan *plan;
    struct rift_tree *root;
    json_t *top;    /* the keys of the top level, defaults filled in */
    json_t *frozen; /* becomes plan->json */
    json_t *kept;   /* an array of what the plan points into besides the frozen form */
    const char *client_of_recipe; /* or NULL */
    bool is_past;                 /* of a run that is over: its artifacts may be gone */
};

/* An object that lives as long as the plan; takes the reference. */
const json_t *rift_plan_keep(struct rift_plan_reader *reader, json_t *json);
/* The text in the plan's arena; NULL where the object has none of that name. */
const char *rift_plan_text(struct rift_plan_reader *reader, const json_t *object, const char *key);
/* A file named in the configuration: absolute, or seen from the configuration's folder. */
const char *rift_plan_path(struct rift_plan_reader *reader, const char *path);
/* The names of catalogue entries, NULL-terminated, in the arena. */
const char *const *rift_plan_names(struct rift_plan_reader *reader,
                                   const struct rift_catalogue_entry *entries, size_t *count);
const struct rift_catalogue_entry *rift_plan_entry(const struct rift_catalogue_entry *entries,
                                                   const char *name);

void rift_plan_read_nodes(struct rift_plan_reader *reader);
void rift_plan_read_system(struct rift_plan_reader *reader);
void rift_plan_read_workload(struct rift_plan_reader *reader);
void rift_plan_read_faults(struct rift_plan_reader *reader);
void rift_plan_read_checkers(struct rift_plan_reader *reader);

#endif

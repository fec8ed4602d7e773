/* The contract of a workload: which operations it asks for, what a client must be able to do for
 * it, and which checkers judge the result. */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/option.h"
#include "plan/catalogue.h"
#include "plan/generators/generator.h"
#include "plan/plan.h"

struct rift_workload_request {
    const json_t *options; /* every option, defaults filled in */
    unsigned thread_count;
    size_t node_count;
    double rate_hz; /* of all threads together; 0: as fast as they can */
    uint64_t seed;
    struct rift_arena *arena; /* generators live here */
};

/* The three phases of a workload. A phase begins when all client threads are free, with its own
 * time 0. */
struct rift_workload_phases {
    struct rift_generator *setup; /* before the first fault; NULL: none. Deadline of the plan. */
    struct rift_generator
        *main; /* with faults, and on through the recovery phase; cut off by its time limit */
    struct rift_generator *final; /* after all is healed; NULL: none. Deadline of the plan. */
};

struct rift_workload {
    const char *name;
    const char *summary;
    const struct rift_option *options; /* ends with a NULL name; or NULL */
    const char *const *operations;     /* the f's a client must support, NULL-terminated */
    const struct rift_optional_operation *optional_operations; /* ends with a NULL f; or NULL */
    const char *const *client_options; /* options of ours that the client gets too; or NULL */
    const char *client_settings; /* a JSON object of what else it gets: {"shape": "set"}; or NULL */
    const struct rift_checker_choice *checkers; /* by default; ends with a NULL name */
    /* Builds the generators without their time limit. Fails where options contradict each other. */
    int (*build)(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err);
};

/* Every workload, in the order of the docs; ends with NULL. */
extern const struct rift_workload *const rift_workloads[];
const struct rift_workload *rift_workload_find(const char *name);

/* The phases of the plan's workload, main limited to time_limit + recovery. The arena outlives
 * them. */
int rift_workload_start(const struct rift_plan *plan, struct rift_arena *arena,
                        struct rift_workload_phases *phases, struct rift_error *err);

/* What `rift run --dry-run --schedule` prints: every fault window and every client operation that
 * the seed fixes, one a line, as they would come if every operation ended at once. */
int rift_workload_print_schedule(const struct rift_plan *plan, FILE *out, struct rift_error *err);

#endif

/* What this build can do, handed to the plan as data: plan/ links to none of the folders that it
 * checks names and options against. Control fills it from their registries. */
#ifndef PLAN_CATALOGUE_H
#define PLAN_CATALOGUE_H

#include <stddef.h>

#include "common/option.h"
#include "nemesis/fault.h"

/* A checker that a workload brings along unless the plan lists its own. */
struct rift_checker_choice {
    const char *name;
    const char *options; /* a JSON object, or NULL */
};

/* An operation that a workload needs only where one of its options, a number, is more than 0. */
struct rift_optional_operation {
    const char *f, *option;
};

struct rift_catalogue_entry {
    const char *name;
    const char *summary;
    const struct rift_option *options; /* ends with a NULL name; or NULL */
    /* Of a client: the f's that it can invoke (NULL: any). Of a workload: those that it needs. */
    const char *const *operations;
    const struct rift_optional_operation *optional_operations; /* ends with a NULL f; or NULL */
    /* Of a workload: options that the client gets too, and a JSON object of further ones, or NULL.
     */
    const char *const *client_options;
    const char *client_settings;
    const struct rift_checker_choice *checkers; /* of a workload; ends with a NULL name */
};

/* Arrays end with a NULL name (faults: with NULL). */
struct rift_catalogue {
    const struct rift_fault *const *faults;
    const struct rift_catalogue_entry *workloads;
    const struct rift_catalogue_entry *checkers;
    const struct rift_catalogue_entry *clients;
    const char *const *system_folders; /* where NAME.yaml recipes are looked for, NULL-terminated */
};

#endif

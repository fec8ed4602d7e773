/* Which faults these are is known by their records. */
#include "nemesis/faults/tracing.h"

#include <stdio.h>
#include <string.h>

#include "nemesis/faults/ledger.h"

struct search {
    const char *own_id;
    enum rift_tracing tracing;
    bool is_found;
    char id[RIFT_FAULT_ID_SIZE], fault[32];
};

static enum rift_tracing tracing_of(const char *fault, const json_t *undo)
{
    const char *clock = json_string_value(json_object_get(undo, "of"));
    if (strcmp(fault, "pause") == 0 && json_object_get(undo, "stopped_before"))
        return RIFT_TRACING_STOPS;
    if (strcmp(fault, "pause") == 0)
        return json_object_get(undo, "holder") ? RIFT_TRACING_HOLDS : RIFT_TRACING_FREEZES;
    if (strcmp(fault, "pause-host") == 0)
        return RIFT_TRACING_HOLDS;
    if (strcmp(fault, "hang") == 0)
        return RIFT_TRACING_HOLDS_ONE;
    return strcmp(fault, "clock") == 0 && clock && strcmp(clock, "process") == 0
               ? RIFT_TRACING_VISITS
               : RIFT_TRACING_NONE;
}

static void search_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    struct search *search = context;
    if (strcmp(id, search->own_id) == 0 ||
        !rift_tracing_clashes(search->tracing, tracing_of(fault, undo)))
        return;
    search->is_found = true;
    snprintf(search->id, sizeof search->id, "%s", id);
    snprintf(search->fault, sizeof search->fault, "%s", fault);
}

int rift_tracing_check(const struct rift_injection *injection, enum rift_tracing tracing,
                       const char *ledger, struct rift_error *err)
{
    struct search search = {.own_id = injection->id, .tracing = tracing};
    if (ledger)
        rift_ledger_visit(ledger, search_visit, &search);
    if (!search.is_found)
        return 0;
    return rift_fail(err, RIFT_ERR_CONFLICT,
                     "%s: %s (%s) is on, and the two cannot hold the system's threads at one time: "
                     "put them in one lane, or apart in time",
                     injection->driver->name, search.fault, search.id);
}

/* What every file of the agent's faults needs of one. */
#include "agent/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

struct fault *fault_find(struct agent *agent, const char *id)
{
    struct fault *fault = agent->faults;
    while (fault && strcmp(fault->injection.id, id) != 0)
        fault = fault->next;
    return fault;
}

void fault_destroy(struct fault *fault)
{
    struct fault **link = &fault->agent->faults;
    while (*link && *link != fault)
        link = &(*link)->next;
    if (*link)
        *link = fault->next;
    loop_timer_cancel(&fault->agent->loop, fault->timer);
    crash_loop_end(fault->loop);
    if (fault->injection.driver && fault->injection.driver->forget)
        fault->injection.driver->forget(&fault->injection);
    json_decref(fault->injection.undo);
    json_decref(fault->args);
    rift_arena_finish(&fault->arena);
    free(fault);
}

void fault_undo(struct fault *fault)
{
    struct rift_injection *injection = &fault->injection;
    struct rift_error err = {0};
    const char *ledger = fault->agent->paths.ledger;
    if (rift_undo(injection->driver, injection->id, injection->undo, ledger, &err) == 0)
        rift_ledger_remove(ledger, injection->id, &err);
    if (err.code)
        fprintf(stderr, "rift-agent: undo '%s': %s\n", injection->id, err.text);
}

void fault_describe(const struct fault *fault, json_t *ok)
{
    json_object_set_new(ok, "planned_ns", json_integer(fault->injection.start_ns));
    json_object_set_new(ok, "ready_ns", json_integer(fault->ready_ns));
    json_object_set_new(ok, "applied_ns", json_integer(fault->injection.applied_ns));
    json_object_set_new(ok, "lease_end_ns", json_integer(fault->injection.lease_end_ns));
    json_object_set(ok, "details", fault->injection.undo);
}

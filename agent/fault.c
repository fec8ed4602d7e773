/* What every file of the agent's faults needs of one. */
#include "agent/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/heal_lane.h"
#include "agent/job.h"
#include "common/clock.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

struct fault *fault_find(struct agent *agent, const char *id)
{
    struct fault *fault = agent->faults;
    while (fault && strcmp(fault->injection.id, id) != 0)
        fault = fault->next;
    return fault;
}

struct fault *fault_in_job(struct agent *agent, int64_t request_id)
{
    struct fault *fault = agent->faults;
    while (fault && !(fault->is_in_job && fault->request_id == request_id))
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
    heal_lane_remove(fault->agent->lane, &fault->injection);
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

/* A job may work for several faults, whose request is answered once. */
static void jobs_leave(struct agent *agent, int64_t request_id)
{
    for (struct fault *fault = agent->faults; fault; fault = fault->next)
        if (fault->request_id == request_id) {
            fault->request_id = 0;
            fault->is_in_job = fault->is_in_heal_all = false;
        }
}

void fault_interrupt(struct fault *fault)
{
    struct rift_error cancelled;
    struct agent *agent = fault->agent;
    int64_t request_id = fault->request_id;
    crash_loop_end(fault->loop);
    fault->loop = NULL;
    if (request_id == 0)
        return;
    if (fault->is_in_job)
        job_cancel(agent, request_id);
    jobs_leave(agent, request_id);
    rift_fail(&cancelled, RIFT_ERR_CANCELLED, "'%s' is healed by another request",
              fault->injection.id);
    if (request_id > 0) /* else it is a job of our own */
        agent_reply(agent, request_id, NULL, &cancelled);
}

bool fault_inject_waits(const struct fault *fault)
{
    const struct rift_fault_driver *driver = fault->injection.driver;
    return driver->inject_takes_time ||
           (driver->descriptor && driver->descriptor(&fault->injection) >= 0);
}

bool fault_heal_waits(const struct fault *fault)
{
    return fault->is_on && (fault->injection.driver->heal_takes_time ||
                            json_object_get(fault->injection.undo, "unit"));
}

int fault_heal(struct fault *fault, int64_t *applied_ns, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    const char *ledger = fault->agent->paths.ledger;
    fault_interrupt(fault);
    fault->is_in_heal = true;
    if (fault->is_on &&
        (rift_undo(injection->driver, injection->id, injection->undo, ledger, err) ||
         rift_ledger_remove(ledger, injection->id, err)))
        return rift_wrap(err, "heal '%s'", injection->id);
    *applied_ns = heal_lane_remove(fault->agent->lane, injection);
    if (*applied_ns == 0)
        *applied_ns = rift_clock_now();
    fault_destroy(fault);
    return 0;
}

void fault_describe_end(const struct fault *fault, json_t *ok)
{
    json_object_set_new(ok, "was", json_string(fault->has_ended ? "ended" : "on"));
    if (fault->has_ended)
        json_object_set_new(ok, "how", json_string(fault->ended));
}

void fault_describe(const struct fault *fault, json_t *ok)
{
    json_object_set_new(ok, "planned_ns", json_integer(fault->injection.start_ns));
    json_object_set_new(ok, "ready_ns", json_integer(fault->ready_ns));
    if (fault->injection.applied_ns > 0)
        json_object_set_new(ok, "applied_ns", json_integer(fault->injection.applied_ns));
    json_object_set_new(ok, "lease_end_ns", json_integer(fault->injection.lease_end_ns));
    json_object_set(ok, "details", fault->injection.undo);
}

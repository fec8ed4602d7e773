/* What every file of the agent's faults needs of one. */
#include "agent/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/heal_lane.h"
#include "agent/job.h"
#include "agent/system.h"
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

int fault_prepare(struct fault *fault, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    injection->lease_end_ns = fault->agent->lease_until_ns;
    if (fault->agent->lease_until_ns == 0)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the lease has ended: renew it first");
    if (!rift_fault_driver_stops_system(injection->driver))
        return 0;
    system_note_running(fault->agent);
    return crash_loop_begin(fault->agent, injection, &fault->target, &fault->loop, err);
}

int fault_note(struct fault *fault, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    const char *ledger = fault->agent->paths.ledger;
    if (injection->driver->plan(injection, &fault->target, ledger, err))
        return -1;
    if (rift_fault_driver_stops_system(injection->driver))
        rift_undo_plan_unit(injection->undo, fault->target.unit);
    if (rift_ledger_write(ledger, injection, err) == 0)
        return 0;
    rift_ledger_remove(ledger, injection->id, NULL);
    return -1;
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

int fault_end(struct fault *fault, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    const char *ledger = fault->agent->paths.ledger;
    return rift_undo(injection->driver, injection->id, injection->undo, ledger, err) ||
                   rift_ledger_remove(ledger, injection->id, err)
               ? rift_wrap(err, "heal '%s'", injection->id)
               : 0;
}

int64_t fault_close(struct fault *fault)
{
    int64_t lifted_ns = heal_lane_remove(fault->agent->lane, &fault->injection);
    fault_destroy(fault);
    return lifted_ns ? lifted_ns : rift_clock_now();
}

int fault_heal(struct fault *fault, int64_t *applied_ns, struct rift_error *err)
{
    fault_interrupt(fault);
    fault->is_in_heal = true;
    if (fault->is_on && fault_end(fault, err))
        return -1;
    *applied_ns = fault_close(fault);
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

struct fault *fault_find_changeable(struct agent *agent, const json_t *args, struct rift_error *err)
{
    const char *id = json_string_value(json_object_get(args, "id"));
    struct fault *fault = id ? fault_find(agent, id) : NULL;
    bool has_ended = fault && fault->has_ended;
    if (!fault || !fault->is_on || has_ended)
        rift_fail(err, RIFT_ERR_MISSING, "no fault '%s' is on%s%s", id ? id : "",
                  has_ended ? ": " : "", has_ended ? fault->ended : "");
    else if (!fault->injection.driver->change)
        rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s cannot be changed while it is on: heal it",
                  fault->injection.driver->name);
    else
        return fault;
    return NULL;
}

void fault_note_change(struct fault *fault, const json_t *args, json_t *ok)
{
    json_object_set(fault->args, "options", json_object_get(args, "options"));
    fault->injection.options = json_object_get(fault->args, "options");
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
}

/* Three kinds, one after another: what does not wait; what waits for the network's settings, in the
 * thread for that; what waits for processes, a disk or another program, in a forked process, of
 * which the ledger tells what came of it, also where it was killed. */
#include "agent/heal_all.h"

#include <stdio.h>
#include <string.h>

#include "agent/fault.h"
#include "agent/heal_lane.h"
#include "agent/job.h"
#include "agent/net_thread.h"
#include "agent/pulse.h"
#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

enum { HEAL_ALL_MS = 120000, NOW_MS = 600000 };

static void keep_first(int *rc, struct rift_error *err, const struct rift_error *failure)
{
    if (*rc == 0 && err)
        *err = *failure;
    *rc = -1;
}

static int heal_one(struct fault *fault, json_t *healed, struct rift_error *err)
{
    char id[RIFT_FAULT_ID_SIZE];
    int64_t applied_ns;
    memcpy(id, fault->injection.id, sizeof id);
    if (fault_heal(fault, &applied_ns, err))
        return -1;
    if (healed)
        json_array_append_new(healed, json_string(id));
    return 0;
}

int heal_all_now(struct agent *agent, json_t *healed, struct rift_error *err)
{
    int rc = 0;
    int64_t expected = pulse_expect(agent->pulse, rift_clock_now() + NOW_MS * RIFT_MS);
    struct fault *next;
    heal_lane_lift_all(agent->lane);
    net_thread_pause(agent->net_thread);
    for (struct fault *fault = agent->faults; fault; fault = next) {
        struct rift_error failure = {0};
        next = fault->next;
        if (heal_one(fault, healed, &failure))
            keep_first(&rc, err, &failure);
    }
    struct rift_error failure = {0};
    if (rift_ledger_heal_all(agent->paths.ledger, healed, &failure))
        keep_first(&rc, err, &failure);
    net_thread_resume(agent->net_thread);
    pulse_expect(agent->pulse, expected);
    return rc;
}

/* --- in a job */

bool heal_all_is_under_way(const struct agent *agent)
{
    const struct fault *fault = agent->faults;
    while (fault && !fault->is_in_heal_all)
        fault = fault->next;
    return fault || agent->heal_alls > 0;
}

struct unknown {
    struct agent *agent;
    json_t *ids;
};

static void unknown_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)fault;
    (void)undo;
    struct unknown *unknown = context;
    if (!fault_find(unknown->agent, id))
        json_array_append_new(unknown->ids, json_string(id));
}

/* What was done to the network, or is. */
static bool is_for_thread(const struct fault *fault)
{
    return fault->injection.driver->takes_rtnl && (fault->is_on || fault->is_in_thread);
}

/* Heals what does not wait. */
static void heal_quick_ones(struct agent *agent, json_t *healed, struct rift_error *first)
{
    struct fault *next;
    for (struct fault *fault = agent->faults; fault; fault = next) {
        struct rift_error failure = {0};
        next = fault->next;
        if (!fault_heal_waits(fault) && !is_for_thread(fault))
            heal_one(fault, healed, &failure);
        if (first->code == RIFT_ERR_NONE)
            *first = failure;
    }
}

/* Those of them, up to the one of this number, that a job is to heal; nothing else is at them. */
static json_t *take_slow_ones(struct agent *agent, uint64_t last)
{
    json_t *ids = json_array();
    for (struct fault *fault = agent->faults; fault; fault = fault->next) {
        if (fault->number > last || !fault_heal_waits(fault))
            continue;
        fault_interrupt(fault);
        json_array_append_new(ids, json_string(fault->injection.id));
    }
    struct unknown unknown = {.agent = agent, .ids = ids};
    rift_ledger_visit(agent->paths.ledger, unknown_visit, &unknown);
    return ids;
}

/* What the agent knows of a fault is more than the ledger does. */
static int heal_all_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                         struct rift_error *err)
{
    (void)deadline_ns;
    const json_t *ids = json_object_get(args, "ids");
    json_t *healed = json_deep_copy(json_object_get(args, "healed"));
    size_t i;
    json_t *id;
    json_object_set_new(ok, "healed", healed);
    json_array_foreach((json_t *)ids, i, id)
    {
        struct fault *fault = fault_find(agent, json_string_value(id));
        if (!fault)
            continue;
        const struct rift_injection *injection = &fault->injection;
        if (rift_undo(injection->driver, injection->id, injection->undo, agent->paths.ledger,
                      NULL) == 0 &&
            rift_ledger_remove(agent->paths.ledger, injection->id, NULL) == 0)
            json_array_append(healed, id);
    }
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    const char *failure = json_string_value(json_object_get(args, "failure"));
    if (rift_ledger_heal(agent->paths.ledger, ids, healed, err))
        return -1;
    return failure ? rift_fail(err, RIFT_ERR_IO, "%s", failure) : 0;
}

static void listed_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)fault;
    (void)undo;
    json_object_set_new(context, id, json_true());
}

/* Those that are out of the ledger are over, the others still on; ids of the former. */
static json_t *settle(struct agent *agent)
{
    json_t *listed = json_object(), *over = json_array();
    struct fault *next;
    rift_ledger_visit(agent->paths.ledger, listed_visit, listed);
    for (struct fault *fault = agent->faults; fault; fault = next) {
        next = fault->next;
        if (!fault->is_in_heal_all)
            continue;
        fault->request_id = 0;
        fault->is_in_job = fault->is_in_heal_all = false;
        if (json_object_get(listed, fault->injection.id))
            continue;
        json_array_append_new(over, json_string(fault->injection.id));
        fault_destroy(fault);
    }
    json_decref(listed);
    return over;
}

static void tell_lease_end(struct agent *agent, json_t *healed)
{
    agent_event(agent, "lease_ended", json_pack("{s:O}", "healed", healed));
}

static void end_lease(struct agent *agent, json_t *healed, int rc, const struct rift_error *err)
{
    if (rc)
        fprintf(stderr, "rift-agent: %s\n", err->text);
    tell_lease_end(agent, healed);
}

static void verb_done(struct agent *agent, const json_t *ok)
{
    (void)ok;
    json_decref(settle(agent));
}

static void lease_done(struct agent *agent, const json_t *ok)
{
    json_decref(settle(agent));
    tell_lease_end(agent, json_object_get(ok, "healed"));
}

static void heal_all_failed(struct agent *agent, int64_t id)
{
    json_t *over = settle(agent);
    if (id < 0)
        tell_lease_end(agent, over);
    json_decref(over);
}

/* VERB_LATER, or what came of it where no job is needed, or can be had. request NULL: for the end
 * of the lease. */
static int heal_slow_ones(struct agent *agent, const struct request *request, uint64_t last,
                          json_t *healed, const struct rift_error *failure, struct rift_error *err)
{
    json_t *ids = take_slow_ones(agent, last);
    if (json_array_size(ids) == 0) {
        /* Entries that nobody can read are told of. */
        int rc = rift_ledger_heal(agent->paths.ledger, ids, healed, err);
        json_decref(ids);
        if (failure->code && err)
            *err = *failure;
        return failure->code ? -1 : rc;
    }
    json_t *args = json_pack("{s:O, s:O}", "ids", ids, "healed", healed);
    int64_t id = request ? request->id : 0;
    if (failure->code)
        json_object_set_new(args, "failure", json_string(failure->text));
    if (request && json_object_get(request->args, "deadline_ms"))
        json_object_set(args, "deadline_ms", json_object_get(request->args, "deadline_ms"));
    const struct request with = {.id = id, .verb = "heal_all", .args = args};
    int rc = request ? job_start(agent, &with, heal_all_work, verb_done, HEAL_ALL_MS, err)
                     : job_start_own(agent, args, heal_all_work, lease_done, HEAL_ALL_MS, &id, err);
    json_decref(args);
    if (rc != VERB_LATER) { /* no process can be had: better late than not at all */
        json_decref(ids);
        return heal_all_now(agent, healed, err);
    }
    job_on_failure(agent, id, heal_all_failed);
    size_t i;
    json_t *name;
    json_array_foreach(ids, i, name)
    {
        struct fault *fault = fault_find(agent, json_string_value(name));
        if (!fault)
            continue;
        fault->request_id = id;
        fault->is_in_job = fault->is_in_heal = fault->is_in_heal_all = true;
    }
    json_decref(ids);
    return VERB_LATER;
}

/* --- by the thread first */

struct net_heal {
    struct net_work work;
    struct agent *agent;
    struct request request; /* id 0: none, for the end of the lease */
    uint64_t last;          /* the number of the last fault that is meant */
    json_t *healed;
    struct rift_error failure; /* the first one */
    struct fault *faults[AGENT_FAULTS_MAX];
    bool is_off[AGENT_FAULTS_MAX];
    size_t count;
};

static bool net_heal_begin(struct net_work *work)
{
    struct net_heal *heal = (struct net_heal *)work;
    for (struct fault *fault = heal->agent->faults; fault; fault = fault->next) {
        if (!is_for_thread(fault) || fault->number > heal->last)
            continue;
        fault->is_in_heal = fault->is_in_thread = true;
        heal->faults[heal->count++] = fault;
    }
    return heal->count > 0;
}

static void net_heal_run(struct net_work *work)
{
    struct net_heal *heal = (struct net_heal *)work;
    for (size_t i = 0; i < heal->count; i++) {
        struct rift_error failure = {0};
        heal->is_off[i] = fault_end(heal->faults[i], &failure) == 0;
        if (heal->failure.code == RIFT_ERR_NONE)
            heal->failure = failure;
    }
}

static void net_heal_settle(struct net_heal *heal)
{
    for (size_t i = 0; i < heal->count; i++) {
        struct fault *fault = heal->faults[i];
        fault->is_in_thread = false;
        if (!heal->is_off[i])
            continue;
        json_array_append_new(heal->healed, json_string(fault->injection.id));
        fault_close(fault);
    }
}

static void net_heal_done(struct net_work *work)
{
    struct net_heal *heal = (struct net_heal *)work;
    struct agent *agent = heal->agent;
    const struct request *request = heal->request.id ? &heal->request : NULL;
    struct rift_error err = {0};
    net_heal_settle(heal);
    agent->heal_alls--;
    int rc = heal_slow_ones(agent, request, heal->last, heal->healed, &heal->failure, &err);
    if (rc != VERB_LATER && request) {
        json_t *ok = json_pack("{s:O, s:I}", "healed", heal->healed, "applied_ns",
                               (json_int_t)rift_clock_now());
        agent_reply(agent, request->id, ok, rc ? &err : NULL);
        json_decref(ok);
    } else if (rc != VERB_LATER) {
        end_lease(agent, heal->healed, rc, &err);
    }
    json_decref((json_t *)heal->request.args);
    json_decref(heal->healed);
    free(heal);
}

static bool needs_thread(const struct agent *agent)
{
    const struct fault *fault = agent->faults;
    while (fault && !is_for_thread(fault))
        fault = fault->next;
    return fault != NULL;
}

static int heal_by_thread(struct agent *agent, const struct request *request, json_t *healed,
                          const struct rift_error *failure, struct rift_error *err)
{
    struct net_heal *heal = rift_calloc(1, sizeof *heal);
    heal->work =
        (struct net_work){.begin = net_heal_begin, .run = net_heal_run, .done = net_heal_done};
    heal->agent = agent;
    heal->last = agent->fault_count;
    heal->healed = json_incref(healed);
    heal->failure = *failure;
    if (request)
        heal->request = *request;
    json_incref((json_t *)heal->request.args);
    agent->heal_alls++;
    if (net_thread_do(agent->net_thread, &heal->work, NULL) == 0)
        return VERB_LATER;
    agent->heal_alls--;
    json_decref((json_t *)heal->request.args);
    json_decref(heal->healed);
    free(heal);
    return heal_all_now(agent, healed, err);
}

/* --- both */

static int heal_all_begin(struct agent *agent, const struct request *request, json_t *healed,
                          struct rift_error *err)
{
    struct rift_error failure = {0};
    heal_quick_ones(agent, healed, &failure);
    return needs_thread(agent)
               ? heal_by_thread(agent, request, healed, &failure, err)
               : heal_slow_ones(agent, request, agent->fault_count, healed, &failure, err);
}

int heal_all_verb(struct agent *agent, const struct request *request, json_t *ok,
                  struct rift_error *err)
{
    json_t *healed = json_array();
    json_object_set_new(ok, "healed", healed);
    int rc = heal_all_begin(agent, request, healed, err);
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    return rc;
}

void heal_all_at_lease_end(struct agent *agent)
{
    struct rift_error err = {0};
    json_t *healed = json_array();
    int rc = heal_all_begin(agent, NULL, healed, &err);
    if (rc != VERB_LATER)
        end_lease(agent, healed, rc, &err);
    json_decref(healed);
}

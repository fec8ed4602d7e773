/* What is done to a fault on the network, in the thread that may wait for rtnl. A fault whose turn
 * comes may be gone by then, or be another one of that name. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/fault.h"
#include "agent/heal_lane.h"
#include "agent/net_thread.h"
#include "common/clock.h"
#include "common/memory.h"

struct act {
    struct net_work work;
    struct agent *agent;
    int64_t request_id;
    json_t *args; /* the request's; or NULL */
    char id[RIFT_FAULT_ID_SIZE];
    struct fault *fault;             /* that the thread works on; or NULL */
    struct rift_injection injection; /* as it was then: it is renewed meanwhile */
    struct rift_error found;         /* that it does not stand any more */
    json_t *ok;
    int rc;
    struct rift_error err;
};

static void act_close(struct act *act)
{
    json_decref(act->args);
    json_decref(act->ok);
    free(act);
}

/* kind has the steps. */
static int act_queue(const struct net_work *kind, struct fault *fault, int64_t request_id,
                     const json_t *args, struct rift_error *err)
{
    struct act *act = rift_calloc(1, sizeof *act);
    *act = (struct act){.work = *kind,
                        .agent = fault->agent,
                        .request_id = request_id,
                        .args = json_incref((json_t *)args),
                        .ok = json_object()};
    snprintf(act->id, sizeof act->id, "%s", fault->injection.id);
    if (net_thread_do(fault->agent->net_thread, &act->work, err) == 0)
        return VERB_LATER;
    act_close(act);
    return -1;
}

static bool act_take(struct act *act, struct fault *fault)
{
    act->fault = fault;
    act->injection = fault->injection;
    fault->is_in_thread = true;
    return true;
}

static void act_answer(struct act *act)
{
    agent_reply(act->agent, act->request_id, act->ok, act->rc ? &act->err : NULL);
    act_close(act);
}

/* --- inject */

/* One that was healed before its turn has been answered. */
static bool inject_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    if (!fault || fault->request_id != act->request_id)
        return false;
    act_take(act, fault);
    act->rc = fault_prepare(fault, &act->err);
    return act->rc == 0;
}

static void inject_run(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = act->fault;
    act->rc = fault_note(fault, &act->err);
    if (act->rc)
        return;
    act->rc = fault->injection.driver->inject(&fault->injection, &fault->target, &act->err);
    fault->ready_ns = rift_clock_now();
    if (act->rc)
        fault_undo(fault);
}

static void inject_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = act->fault;
    if (!fault) {
        act_close(act);
        return;
    }
    fault->is_in_thread = false;
    fault->request_id = 0;
    fault->is_on = act->rc == 0;
    if (fault->is_on) {
        heal_lane_add(act->agent->lane, &fault->injection);
        if (act->agent->lease_until_ns != fault->injection.lease_end_ns)
            fault_renew(fault);
        fault_describe(fault, act->ok);
    } else {
        fault_destroy(fault);
    }
    act_answer(act);
}

int fault_inject_in_thread(struct fault *fault, int64_t request_id, struct rift_error *err)
{
    static const struct net_work kind = {
        .begin = inject_begin, .run = inject_run, .done = inject_done};
    fault->request_id = request_id;
    return act_queue(&kind, fault, request_id, NULL, err);
}

/* --- change */

static bool change_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find_changeable(act->agent, act->args, &act->err);
    act->rc = fault ? 0 : -1;
    return fault && act_take(act, fault);
}

static void change_run(struct net_work *work)
{
    struct act *act = (struct act *)work;
    act->rc = act->injection.driver->change(&act->injection, &act->fault->target,
                                            json_object_get(act->args, "options"), &act->err);
}

static void change_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    if (act->rc == 0)
        fault_note_change(act->fault, act->args, act->ok);
    act_answer(act);
}

int fault_change_in_thread(struct fault *fault, const struct request *request,
                           struct rift_error *err)
{
    static const struct net_work kind = {
        .begin = change_begin, .run = change_run, .done = change_done};
    return act_queue(&kind, fault, request->id, request->args, err);
}

/* --- check */

static void check(struct act *act)
{
    const struct rift_fault_driver *driver = act->injection.driver;
    if (driver->stands && driver->stands(&act->injection, &act->found) &&
        act->found.code != RIFT_ERR_MISSING)
        act->found = (struct rift_error){0}; /* nobody knows */
}

static bool check_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    if (fault)
        fault->is_check_due = false;
    return fault && fault->is_on && !fault->has_ended && act_take(act, fault);
}

static void check_run(struct net_work *work)
{
    check((struct act *)work);
}

static void check_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    if (act->found.code)
        fault_take_end(act->fault, &act->found);
    act_close(act);
}

void fault_check_in_thread(struct fault *fault)
{
    static const struct net_work kind = {
        .begin = check_begin, .run = check_run, .done = check_done};
    if (fault->injection.driver->stands && !fault->is_check_due)
        fault->is_check_due = act_queue(&kind, fault, 0, NULL, NULL) == VERB_LATER;
}

/* --- heal */

static bool heal_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    json_object_set_new(act->ok, "planned_ns", json_integer(rift_clock_now()));
    if (!fault) { /* another heal was faster, or its inject failed */
        json_object_set_new(act->ok, "was", json_string("absent"));
        json_object_set_new(act->ok, "applied_ns", json_integer(rift_clock_now()));
        return false;
    }
    fault->is_check_due = true; /* it is done here */
    fault_renew(fault);         /* does it hold until now? */
    fault->is_in_heal = true;
    return act_take(act, fault);
}

static void heal_run(struct net_work *work)
{
    struct act *act = (struct act *)work;
    check(act);
    act->rc = fault_end(act->fault, &act->err);
}

static void heal_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    if (act->fault && act->found.code && !act->fault->has_ended)
        fault_take_end(act->fault, &act->found);
    if (act->fault)
        fault_describe_end(act->fault, act->ok);
    if (act->fault && act->rc == 0)
        json_object_set_new(act->ok, "applied_ns", json_integer(fault_close(act->fault)));
    act_answer(act);
}

int fault_heal_in_thread(struct fault *fault, const struct request *request, struct rift_error *err)
{
    static const struct net_work kind = {.begin = heal_begin, .run = heal_run, .done = heal_done};
    return act_queue(&kind, fault, request->id, NULL, err);
}

/* --- undo */

static bool undo_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    return fault && fault->has_ended && act_take(act, fault);
}

static void undo_run(struct net_work *work)
{
    fault_undo(((struct act *)work)->fault);
}

static void undo_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    act_close(act);
}

void fault_undo_in_thread(struct fault *fault)
{
    static const struct net_work kind = {.begin = undo_begin, .run = undo_run, .done = undo_done};
    act_queue(&kind, fault, 0, NULL, NULL); /* else it is left for the heal */
}

/* Inject, change and heal of a fault on the network, in the thread that may wait for rtnl. */
#include "agent/fault_act.h"
#include "agent/heal_lane.h"
#include "common/clock.h"

/* --- inject */

/* One that was healed before its turn has been answered. */
static bool inject_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    if (!fault || fault->request_id != act->request_id)
        return false;
    fault_act_take(act, fault);
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
        fault_act_close(act);
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
    fault_act_answer(act);
}

int fault_inject_in_thread(struct fault *fault, int64_t request_id, struct rift_error *err)
{
    static const struct net_work kind = {
        .begin = inject_begin, .run = inject_run, .done = inject_done};
    fault->request_id = request_id;
    return fault_act_queue(&kind, fault, request_id, NULL, err);
}

/* --- change */

static bool change_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find_changeable(act->agent, act->args, &act->err);
    act->rc = fault ? 0 : -1;
    return fault && fault_act_take(act, fault);
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
    fault_act_answer(act);
}

int fault_change_in_thread(struct fault *fault, const struct request *request,
                           struct rift_error *err)
{
    static const struct net_work kind = {
        .begin = change_begin, .run = change_run, .done = change_done};
    return fault_act_queue(&kind, fault, request->id, request->args, err);
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
    return fault_act_take(act, fault);
}

static void heal_run(struct net_work *work)
{
    struct act *act = (struct act *)work;
    fault_act_check(act);
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
    fault_act_answer(act);
}

int fault_heal_in_thread(struct fault *fault, const struct request *request, struct rift_error *err)
{
    static const struct net_work kind = {.begin = heal_begin, .run = heal_run, .done = heal_done};
    return fault_act_queue(&kind, fault, request->id, NULL, err);
}

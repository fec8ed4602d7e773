/* A fault holds as long as the agent's lease, if what holds it is still there. */
#include "agent/fault_act.h"

static bool check_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    if (fault)
        fault->is_check_due = false;
    return fault && fault->is_on && !fault->has_ended && fault_act_take(act, fault);
}

static void check_run(struct net_work *work)
{
    fault_act_check((struct act *)work);
}

static void check_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    if (act->found.code)
        fault_take_end(act->fault, &act->found);
    fault_act_close(act);
}

static void check_in_thread(struct fault *fault)
{
    static const struct net_work kind = {
        .begin = check_begin, .run = check_run, .done = check_done};
    if (fault->injection.driver->stands && !fault->is_check_due)
        fault->is_check_due = fault_act_queue(&kind, fault, 0, NULL, NULL) == VERB_LATER;
}

void fault_renew(struct fault *fault)
{
    struct rift_injection *injection = &fault->injection;
    struct rift_error err = {0};
    if (fault->is_in_thread && !fault->is_on)
        return; /* it is once it is on */
    injection->lease_end_ns = fault->agent->lease_until_ns;
    if (!fault->is_on || fault->has_ended || fault->is_in_job || fault->is_in_heal)
        return;
    if (injection->driver->renew && injection->driver->renew(injection, &err))
        fault_take_end(fault, &err);
    else
        check_in_thread(fault);
}

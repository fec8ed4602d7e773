#include "agent/fault_act.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"

void fault_act_close(struct act *act)
{
    json_decref(act->args);
    json_decref(act->ok);
    free(act);
}

int fault_act_queue(const struct net_work *kind, struct fault *fault, int64_t request_id,
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
    fault_act_close(act);
    return -1;
}

bool fault_act_take(struct act *act, struct fault *fault)
{
    act->fault = fault;
    act->injection = fault->injection;
    fault->is_in_thread = true;
    return true;
}

void fault_act_answer(struct act *act)
{
    agent_reply(act->agent, act->request_id, act->ok, act->rc ? &act->err : NULL);
    fault_act_close(act);
}

void fault_act_check(struct act *act)
{
    const struct rift_fault_driver *driver = act->injection.driver;
    if (driver->stands && driver->stands(&act->injection, &act->found) &&
        act->found.code != RIFT_ERR_MISSING)
        act->found = (struct rift_error){0}; /* nobody knows */
}

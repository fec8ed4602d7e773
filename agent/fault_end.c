/* A fault that nothing holds any more, its helper having died alone, is over before its time. */
#include <stdio.h>

#include "agent/fault_act.h"
#include "agent/job.h"

enum { UNDO_MS = 120000 };

static int undo_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                     struct rift_error *err)
{
    (void)deadline_ns;
    (void)err;
    json_object_set(ok, "id", json_object_get(args, "id"));
    fault_undo(fault_find(agent, json_string_value(json_object_get(args, "id"))));
    return 0;
}

static void undo_failed(struct agent *agent, int64_t id)
{
    struct fault *fault = fault_in_job(agent, id);
    if (!fault)
        return;
    fault->request_id = 0;
    fault->is_in_job = false;
}

/* What could not be undone is still in the ledger, for the heal. */
static void undo_done(struct agent *agent, const json_t *ok)
{
    struct fault *fault = fault_find(agent, json_string_value(json_object_get(ok, "id")));
    if (fault)
        undo_failed(agent, fault->request_id);
}

/* In a job of our own; it is kept in mind for the heal that is still to come. */
static int undo_in_job(struct fault *fault)
{
    int64_t job;
    json_t *args = json_pack("{s:s}", "id", fault->injection.id);
    int rc = job_start_own(fault->agent, args, undo_work, undo_done, UNDO_MS, &job, NULL);
    json_decref(args);
    if (rc != VERB_LATER)
        return -1;
    job_on_failure(fault->agent, job, undo_failed);
    fault->request_id = job;
    fault->is_in_job = true;
    return 0;
}

static bool thread_undo_begin(struct net_work *work)
{
    struct act *act = (struct act *)work;
    struct fault *fault = fault_find(act->agent, act->id);
    return fault && fault->has_ended && fault_act_take(act, fault);
}

static void thread_undo_run(struct net_work *work)
{
    fault_undo(((struct act *)work)->fault);
}

static void thread_undo_done(struct net_work *work)
{
    struct act *act = (struct act *)work;
    if (act->fault)
        act->fault->is_in_thread = false;
    fault_act_close(act);
}

static void undo_in_thread(struct fault *fault)
{
    static const struct net_work kind = {
        .begin = thread_undo_begin, .run = thread_undo_run, .done = thread_undo_done};
    fault_act_queue(&kind, fault, 0, NULL, NULL); /* else it is left for the heal */
}

void fault_take_end(struct fault *fault, const struct rift_error *found)
{
    const struct rift_injection *injection = &fault->injection;
    if (found->code == RIFT_ERR_MISSING) {
        fault->has_ended = true;
        snprintf(fault->ended, sizeof fault->ended, "it ended before its time: %.100s",
                 found->text);
    }
    if (fault->has_ended && !fault->is_in_heal) {
        if (injection->driver->takes_rtnl)
            undo_in_thread(fault);
        else if (!fault_heal_waits(fault) || undo_in_job(fault))
            fault_undo(fault);
    }
    agent_event(fault->agent, "fault_ended",
                json_pack("{s:s, s:s}", "id", injection->id, "text", found->text));
}

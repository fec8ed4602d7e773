/* A look at a fault whose signs may take a moment: it is repeated for a while. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/fault.h"
#include "agent/faults.h"
#include "agent/net_thread.h"
#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/ledger.h"

enum { LOOK_FOR_MS = 700, LOOK_EVERY_MS = 50 }; /* unless the request says for how long */

struct look {
    struct net_work work;
    struct agent *agent;
    int64_t request_id, until_ns;
    char id[RIFT_FAULT_ID_SIZE];
    struct fault *fault;             /* that is being looked at; or NULL */
    struct rift_injection injection; /* as it was then: it is renewed meanwhile */
    bool is_observed;
    json_t *details;
    int rc;
    struct rift_error err;
};

/* Others of its kind: of those that hit the same packets the first one has them all. */
static int others_like(const struct fault *fault)
{
    int count = 0;
    for (const struct fault *other = fault->agent->faults; other; other = other->next)
        count += other != fault && other->is_on && !other->has_ended &&
                 other->injection.driver == fault->injection.driver;
    return count;
}

static bool look_begin(struct net_work *work)
{
    struct look *look = (struct look *)work;
    struct fault *fault = fault_find(look->agent, look->id);
    look->is_observed = false;
    look->details = json_object();
    look->rc = 0;
    if (!fault || !fault->is_on) {
        look->rc = rift_fail(&look->err, RIFT_ERR_MISSING, "no fault '%s' is on", look->id);
        return false;
    }
    json_object_set_new(look->details, "others", json_integer(others_like(fault)));
    if (fault->has_ended) {
        json_object_set_new(look->details, "how", json_string(fault->ended));
        return false;
    }
    look->fault = fault;
    look->injection = fault->injection;
    fault->is_in_thread = true;
    return true;
}

static void look_run(struct net_work *work)
{
    struct look *look = (struct look *)work;
    look->rc = look->injection.driver->observe(&look->injection, &look->fault->target,
                                               &look->is_observed, look->details, &look->err);
}

static void look_answer(struct look *look)
{
    const json_t *how = json_object_get(look->details, "how");
    json_t *ok = json_pack("{s:b, s:s, s:O?}", "observed", (int)look->is_observed, "how",
                           how ? json_string_value(how) : "", "details", look->details);
    agent_reply(look->agent, look->request_id, ok, look->rc ? &look->err : NULL);
    json_decref(ok);
    json_decref(look->details);
    free(look);
}

static void look_due(void *context);

static void look_done(struct net_work *work)
{
    struct look *look = (struct look *)work;
    int64_t now = rift_clock_now();
    if (look->fault)
        look->fault->is_in_thread = false;
    look->fault = NULL;
    if (look->rc || look->is_observed || now >= look->until_ns ||
        !loop_timer_set(&look->agent->loop, now + LOOK_EVERY_MS * RIFT_MS, look_due, look)) {
        look_answer(look);
        return;
    }
    json_decref(look->details);
    look->details = NULL;
}

static void look_due(void *context)
{
    struct look *look = context;
    const struct fault *fault = fault_find(look->agent, look->id);
    if (fault && fault->injection.driver->takes_rtnl) {
        struct rift_error err;
        if (net_thread_do(look->agent->net_thread, &look->work, &err)) {
            look->rc = -1;
            look->err = err;
            look_answer(look);
        }
        return;
    }
    if (look_begin(&look->work))
        look_run(&look->work);
    look_done(&look->work);
}

int faults_verb_observe(struct agent *agent, const struct request *request, json_t *ok,
                        struct rift_error *err)
{
    (void)ok;
    const char *id = json_string_value(json_object_get(request->args, "id"));
    const json_t *given = json_object_get(request->args, "for_ms");
    json_int_t for_ms = given ? json_integer_value(given) : LOOK_FOR_MS;
    if (!id || !rift_fault_id_is_valid(id))
        return rift_fail(err, RIFT_ERR_MISSING, "no fault '%s' is on", id ? id : "");
    struct look *look = rift_calloc(1, sizeof *look);
    *look = (struct look){.work = {.begin = look_begin, .run = look_run, .done = look_done},
                          .agent = agent,
                          .request_id = request->id,
                          .until_ns = rift_clock_now() +
                                      (for_ms < LOOK_FOR_MS ? for_ms : LOOK_FOR_MS) * RIFT_MS};
    snprintf(look->id, sizeof look->id, "%s", id);
    look_due(look);
    return VERB_LATER;
}

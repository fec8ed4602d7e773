/* What waits, for processes that end or for a disk, is done in a forked process: heartbeats and the
 * heals of other faults go on meanwhile. The process has the fault as it was when it began; what it
 * has to tell comes back in the reply. */
#include <signal.h>
#include <string.h>

#include "agent/fault.h"
#include "agent/job.h"
#include "agent/operate.h"
#include "agent/system.h"
#include "common/clock.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

enum { INJECT_MS = 10000, HEAL_MS = 120000 };

struct search {
    const char *id;
    bool is_found;
};

static void search_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)fault;
    (void)undo;
    struct search *search = context;
    search->is_found = search->is_found || strcmp(id, search->id) == 0;
}

static bool is_in_ledger(const struct agent *agent, const char *id)
{
    struct search search = {.id = id};
    rift_ledger_visit(agent->paths.ledger, search_visit, &search);
    return search.is_found;
}

/* --- inject */

/* In a process apart, which undoes what it cannot finish. */
static int inject_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                       struct rift_error *err)
{
    (void)deadline_ns;
    struct fault *fault = fault_find(agent, json_string_value(json_object_get(args, "id")));
    if (fault->injection.driver->inject(&fault->injection, &fault->target, err)) {
        fault_undo(fault);
        return -1;
    }
    json_object_set(ok, "id", json_object_get(args, "id"));
    fault_describe(fault, ok);
    return 0;
}

static void inject_done(struct agent *agent, const json_t *ok)
{
    struct fault *fault = fault_find(agent, json_string_value(json_object_get(ok, "id")));
    if (!fault)
        return;
    fault->request_id = 0;
    fault->is_in_job = false;
    fault->injection.applied_ns = json_integer_value(json_object_get(ok, "applied_ns"));
    json_object_update(fault->injection.undo, json_object_get(ok, "details"));
    fault_renew(fault);
}

/* The process has undone it, unless it was killed before it could: an undo may take its time. */
static void inject_failed(struct agent *agent, int64_t id)
{
    struct fault *fault = fault_in_job(agent, id);
    if (!fault)
        return;
    if (is_in_ledger(agent, fault->injection.id))
        fault_undo(fault);
    fault_destroy(fault);
}

int fault_inject_in_job(struct fault *fault, int64_t request_id, struct rift_error *err)
{
    const struct rift_fault_driver *driver = fault->injection.driver;
    int fd = driver->descriptor ? driver->descriptor(&fault->injection) : -1;
    const struct request request = {
        .id = request_id, .verb = "inject", .args = fault->args, .kept_fd = fd > 0 ? fd : 0};
    int rc = job_start(fault->agent, &request, inject_work, inject_done, INJECT_MS, err);
    if (rc != VERB_LATER)
        return rc;
    job_on_failure(fault->agent, request_id, inject_failed);
    fault->request_id = request_id;
    fault->is_in_job = true;
    return rc;
}

/* --- heal */

/* The last act of a fault, with the system stopped. */
static int finish(struct fault *fault, int64_t deadline_ns, struct rift_error *err)
{
    struct agent *agent = fault->agent;
    json_t *stop = json_pack("{s:i}", "signal", SIGKILL), *stopped = json_object();
    int rc = system_is_configured(agent) ? operate_stop(agent, stop, deadline_ns, stopped, err) : 0;
    json_decref(stop);
    json_decref(stopped);
    return rc ? -1 : fault->injection.driver->finish(&fault->injection, &fault->target, err);
}

static int heal_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                     struct rift_error *err)
{
    struct fault *fault = fault_find(agent, json_string_value(json_object_get(args, "id")));
    struct rift_injection *injection = &fault->injection;
    const char *ledger = agent->paths.ledger;
    if ((injection->driver->finish && finish(fault, deadline_ns, err)) ||
        rift_undo(injection->driver, injection->id, injection->undo, ledger, err) ||
        rift_ledger_remove(ledger, injection->id, err))
        return rift_wrap(err, "heal '%s'", injection->id);
    json_object_set_new(ok, "planned_ns", json_integer(rift_clock_now()));
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    fault_describe_end(fault, ok);
    json_object_set(ok, "id", json_object_get(args, "id"));
    if (json_object_get(injection->undo, "finished"))
        json_object_set(ok, "how", json_object_get(injection->undo, "finished"));
    if (!rift_fault_driver_stops_system(injection->driver) ||
        json_is_false(json_object_get(args, "restart")) || !system_is_configured(agent))
        return 0;
    json_t *with = json_copy((json_t *)args), *dying = json_object_get(injection->undo, "dying");
    if (dying)
        json_object_set(with, "dying", dying);
    int rc = operate_start_again(agent, with, deadline_ns, ok, err);
    json_decref(with);
    return rc;
}

static void heal_done(struct agent *agent, const json_t *ok)
{
    struct fault *fault = fault_find(agent, json_string_value(json_object_get(ok, "id")));
    if (fault)
        fault_destroy(fault);
    system_note_started(agent, ok);
}

/* Where only the start of the system failed, the fault is over all the same. */
static void heal_failed(struct agent *agent, int64_t id)
{
    struct fault *fault = fault_in_job(agent, id);
    if (!fault)
        return;
    fault->request_id = 0;
    fault->is_in_job = false;
    if (!is_in_ledger(agent, fault->injection.id))
        fault_destroy(fault);
}

int fault_heal_in_job(struct fault *fault, const struct request *request, struct rift_error *err)
{
    fault_interrupt(fault);
    int rc = job_start(fault->agent, request, heal_work, heal_done, HEAL_MS, err);
    if (rc != VERB_LATER)
        return rc;
    job_on_failure(fault->agent, request->id, heal_failed);
    fault->is_in_heal = true;
    fault->request_id = request->id;
    fault->is_in_job = true;
    return rc;
}

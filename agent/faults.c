/* Ledger first, then the fault; the fault healed first, then the ledger. */
#include "agent/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/addresses.h"
#include "agent/fault.h"
#include "agent/heal_lane.h"
#include "agent/job.h"
#include "agent/system.h"
#include "common/arena.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

enum { LOOK_FOR_MS = 700, LOOK_EVERY_MS = 50 }; /* unless the request says for how long */
enum { PEERS_MAX = 512, PEER_ADDRESSES_MAX = 16, FAULTS_MAX = 128 };

static bool is_protected(const struct agent *agent, const char *address)
{
    for (const char *const *one = agent->protected_addresses; *one; one++)
        if (strcmp(*one, address) == 0)
            return true;
    return false;
}

static int target_read_peer(const struct agent *agent, struct rift_arena *arena, const json_t *json,
                            struct rift_peer *peer, struct rift_error *err)
{
    const json_t *addresses = json_object_get(json, "addresses");
    const json_t *further = json_object_get(json, "further");
    size_t count = json_array_size(addresses);
    peer->name = json_string_value(json_object_get(json, "name"));
    if (!peer->name || count == 0 || count > PEER_ADDRESSES_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "a peer needs a name and 1 to %d addresses",
                         PEER_ADDRESSES_MAX);
    const char **list = rift_arena_calloc(arena, PEER_ADDRESSES_MAX + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = json_string_value(json_array_get(addresses, i));
        if (!list[i])
            return rift_fail(err, RIFT_ERR_INVALID, "peer '%s': an address is not a text",
                             peer->name);
    }
    for (size_t i = 0; i < json_array_size(further) && count < PEER_ADDRESSES_MAX; i++) {
        const char *address = json_string_value(json_array_get(further, i));
        if (address && address_is_elsewhere(address) && !is_protected(agent, address))
            list[count++] = address;
    }
    peer->addresses = list;
    peer->options = json_object_get(json, "options");
    return 0;
}

/* The target points into args and arena. */
static int target_read(struct agent *agent, const json_t *args, struct rift_arena *arena,
                       struct rift_target *target, struct rift_error *err)
{
    const json_t *peers = json_object_get(args, "peers");
    size_t count = json_array_size(peers);
    if (count > PEERS_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "more than %d peers", PEERS_MAX);
    struct rift_peer *list = rift_arena_calloc(arena, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        if (target_read_peer(agent, arena, json_array_get(peers, i), &list[i], err))
            return -1;
    *target = (struct rift_target){.peers = list,
                                   .peer_count = count,
                                   .protected_addresses = agent->protected_addresses,
                                   .own_port = agent->own_port,
                                   .system = &agent->cgroup,
                                   .unit = system_unit(agent),
                                   .data_folders = system_data_folders(agent)};
    return 0;
}

/* The controller asks before it comes; this is for one that did not. */
static int check_allowed(const struct agent *agent, struct rift_error *err)
{
    struct stat found;
    if (agent->may_fault || (stat(RIFT_ALLOW_FILE, &found) == 0 && S_ISREG(found.st_mode)))
        return 0;
    return rift_fail(err, RIFT_ERR_DENIED, "faults are not allowed here: there is no file %s",
                     RIFT_ALLOW_FILE);
}

/* Nothing is brought down that nobody could bring up again. */
static int check_restart(const struct agent *agent, const struct rift_fault_driver *driver,
                         struct rift_error *err)
{
    if (!rift_fault_driver_stops_system(driver) || system_can_start(agent))
        return 0;
    return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                     "%s: nothing could start the system again: attach to a unit, not to a cgroup",
                     driver->name);
}

static const struct rift_fault_driver *driver_from(const json_t *args, struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(args, "fault"));
    const struct rift_fault_driver *driver = name ? rift_fault_driver_find(name) : NULL;
    if (!driver)
        rift_fail(err, RIFT_ERR_UNSUPPORTED, "this agent knows no fault '%s'", name ? name : "");
    return driver;
}

int faults_verb_probe(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    const struct rift_fault_driver *driver = driver_from(request->args, err);
    if (!driver || check_allowed(agent, err) || check_restart(agent, driver, err))
        return -1;
    struct rift_arena arena = {0};
    struct rift_target target;
    struct rift_fault_ability ability = {0};
    int rc = target_read(agent, request->args, &arena, &target, err);
    if (rc == 0)
        rc = driver->probe(&target, json_object_get(request->args, "options"), &ability, err);
    rift_arena_finish(&arena);
    json_object_set_new(ok, "can", json_boolean(ability.can));
    json_object_set_new(ok, "why", json_string(ability.why));
    json_object_set_new(ok, "backend", json_string(ability.backend ? ability.backend : ""));
    json_object_set_new(ok, "end", json_string(ability.end ? ability.end : ""));
    return rc;
}

/* Plans, writes the ledger, injects. On failure all is undone again. VERB_LATER where a job injects
 * it, and answers the request. */
static int fault_apply(struct fault *fault, int64_t request_id, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    const char *ledger = fault->agent->paths.ledger;
    injection->lease_end_ns = fault->agent->lease_until_ns;
    if (fault->agent->lease_until_ns == 0)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the lease has ended: renew it first");
    if (rift_fault_driver_stops_system(injection->driver)) {
        system_note_running(fault->agent);
        if (crash_loop_begin(fault->agent, injection, &fault->target, &fault->loop, err))
            return -1;
    }
    if (injection->driver->plan(injection, &fault->target, ledger, err))
        return -1;
    bool takes_time = fault_inject_waits(fault);
    if (takes_time && fault->ready_ns == 0)
        fault->ready_ns = rift_clock_now();
    if (rift_fault_driver_stops_system(injection->driver))
        rift_undo_plan_unit(injection->undo, fault->target.unit);
    if (rift_ledger_write(ledger, injection, err)) {
        rift_ledger_remove(ledger, injection->id, NULL);
        return -1; /* nothing was touched */
    }
    int rc = takes_time ? fault_inject_in_job(fault, request_id, err)
                        : injection->driver->inject(injection, &fault->target, err);
    fault->is_on = rc >= 0;
    if (rc == 0)
        heal_lane_add(fault->agent->lane, injection);
    if (fault->ready_ns == 0)
        fault->ready_ns = rift_clock_now();
    if (rc < 0)
        fault_undo(fault);
    return rc;
}

static void fault_start_due(void *context)
{
    struct fault *fault = context;
    struct agent *agent = fault->agent;
    struct rift_error err = {0};
    int64_t id = fault->request_id;
    fault->timer = 0;
    fault->request_id = 0;
    json_t *ok = json_object();
    int rc = fault_apply(fault, id, &err);
    if (rc == 0)
        fault_describe(fault, ok);
    else if (rc < 0)
        fault_destroy(fault);
    if (rc != VERB_LATER)
        agent_reply(agent, id, ok, rc ? &err : NULL);
    json_decref(ok);
}

static int inject_check(struct agent *agent, const json_t *args, const char **id,
                        struct rift_error *err)
{
    size_t count = 0;
    for (const struct fault *fault = agent->faults; fault; fault = fault->next)
        count++;
    *id = json_string_value(json_object_get(args, "id"));
    if (count >= FAULTS_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%zu faults are on already", count);
    if (!*id || !rift_fault_id_is_valid(*id))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'id' must be 1 to %d letters, digits, dots, underscores or dashes",
                         RIFT_FAULT_ID_SIZE - 1);
    if (fault_find(agent, *id))
        return rift_fail(err, RIFT_ERR_CONFLICT, "fault '%s' is on already", *id);
    return 0;
}

int faults_verb_inject(struct agent *agent, const struct request *request, json_t *ok,
                       struct rift_error *err)
{
    const char *id;
    const struct rift_fault_driver *driver = driver_from(request->args, err);
    if (!driver || check_allowed(agent, err) || check_restart(agent, driver, err) ||
        inject_check(agent, request->args, &id, err))
        return -1;
    struct fault *fault = rift_calloc(1, sizeof *fault);
    fault->agent = agent;
    fault->args = json_incref((json_t *)request->args);
    fault->next = agent->faults;
    agent->faults = fault;
    struct rift_injection *injection = &fault->injection;
    snprintf(injection->id, sizeof injection->id, "%s", id);
    injection->driver = driver;
    injection->options = json_object_get(request->args, "options");
    injection->seed = (uint64_t)json_integer_value(json_object_get(request->args, "seed"));
    injection->undo = json_object();
    int64_t now = rift_clock_now();
    json_int_t start = json_integer_value(json_object_get(request->args, "start_ns"));
    injection->start_ns = start > 0 ? start : now;
    int rc = target_read(agent, request->args, &fault->arena, &fault->target, err);
    if (rc == 0 && start > now && !driver->starts_itself) {
        fault->request_id = request->id;
        fault->timer = loop_timer_set(&agent->loop, start, fault_start_due, fault);
        fault->ready_ns = rift_clock_now();
        return VERB_LATER;
    }
    if (rc == 0)
        rc = fault_apply(fault, request->id, err);
    if (rc == 0)
        fault_describe(fault, ok);
    else if (rc < 0)
        fault_destroy(fault);
    return rc;
}

int faults_verb_change(struct agent *agent, const struct request *request, json_t *ok,
                       struct rift_error *err)
{
    const char *id = json_string_value(json_object_get(request->args, "id"));
    json_t *options = json_object_get(request->args, "options");
    struct fault *fault = id ? fault_find(agent, id) : NULL;
    if (!fault || !fault->is_on || fault->has_ended)
        return rift_fail(err, RIFT_ERR_MISSING, "no fault '%s' is on%s%s", id ? id : "",
                         fault && fault->has_ended ? ": " : "", fault ? fault->ended : "");
    struct rift_injection *injection = &fault->injection;
    if (!injection->driver->change)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s cannot be changed while it is on: heal it",
                         injection->driver->name);
    if (injection->driver->change(injection, &fault->target, options, err))
        return -1;
    json_object_set(fault->args, "options", options);
    injection->options = json_object_get(fault->args, "options");
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    return 0;
}

/* A look at a fault whose signs may take a moment: it is repeated for a while. */
struct look {
    struct agent *agent;
    int64_t request_id, until_ns;
    char id[RIFT_FAULT_ID_SIZE];
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

static int look_once(struct agent *agent, const char *id, bool *is_observed, json_t *ok,
                     struct rift_error *err)
{
    struct fault *fault = fault_find(agent, id);
    *is_observed = false;
    if (!fault || !fault->is_on)
        return rift_fail(err, RIFT_ERR_MISSING, "no fault '%s' is on", id);
    json_t *details = json_object();
    if (fault->has_ended)
        json_object_set_new(details, "how", json_string(fault->ended));
    int rc = fault->has_ended ? 0
                              : fault->injection.driver->observe(&fault->injection, &fault->target,
                                                                 is_observed, details, err);
    const json_t *how = json_object_get(details, "how");
    json_object_set_new(ok, "observed", json_boolean(*is_observed));
    json_object_set_new(ok, "how", json_string(how ? json_string_value(how) : ""));
    json_object_set_new(details, "others", json_integer(others_like(fault)));
    json_object_set_new(ok, "details", details);
    return rc;
}

static void look_due(void *context)
{
    struct look *look = context;
    struct rift_error err = {0};
    bool is_observed;
    json_t *ok = json_object();
    int rc = look_once(look->agent, look->id, &is_observed, ok, &err);
    if (rc == 0 && !is_observed && rift_clock_now() < look->until_ns &&
        loop_timer_set(&look->agent->loop, rift_clock_now() + LOOK_EVERY_MS * RIFT_MS, look_due,
                       look)) {
        json_decref(ok);
        return;
    }
    agent_reply(look->agent, look->request_id, ok, rc ? &err : NULL);
    json_decref(ok);
    free(look);
}

int faults_verb_observe(struct agent *agent, const struct request *request, json_t *ok,
                        struct rift_error *err)
{
    const char *id = json_string_value(json_object_get(request->args, "id"));
    const json_t *given = json_object_get(request->args, "for_ms");
    json_int_t for_ms = given ? json_integer_value(given) : LOOK_FOR_MS;
    bool is_observed;
    if (!id || !rift_fault_id_is_valid(id))
        return rift_fail(err, RIFT_ERR_MISSING, "no fault '%s' is on", id ? id : "");
    int rc = look_once(agent, id, &is_observed, ok, err);
    if (rc || is_observed)
        return rc;
    struct look *look = rift_calloc(1, sizeof *look);
    look->agent = agent;
    look->request_id = request->id;
    look->until_ns = rift_clock_now() + (for_ms < LOOK_FOR_MS ? for_ms : LOOK_FOR_MS) * RIFT_MS;
    snprintf(look->id, sizeof look->id, "%s", id);
    if (loop_timer_set(&agent->loop, rift_clock_now() + LOOK_EVERY_MS * RIFT_MS, look_due, look))
        return VERB_LATER;
    free(look);
    return 0;
}

static int start_again(struct agent *agent, const struct request *request, struct rift_error *err)
{
    if (json_is_false(json_object_get(request->args, "restart")) || !system_is_configured(agent))
        return 0;
    return system_start_again(agent, request, err);
}

/* One that an agent before this one took along, or that never came to be. What it stopped is to run
 * again all the same, unless another fault sees to that: whoever asks says which fault it was. */
static int heal_absent(struct agent *agent, const struct request *request, int64_t now, json_t *ok,
                       struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(request->args, "fault"));
    const struct rift_fault_driver *driver = name ? rift_fault_driver_find(name) : NULL;
    json_object_set_new(ok, "was", json_string("absent"));
    json_object_set_new(ok, "applied_ns", json_integer(now));
    bool is_to_run = driver && rift_fault_driver_stops_system(driver);
    for (const struct fault *other = agent->faults; other; other = other->next)
        is_to_run =
            is_to_run && !(other->is_on && rift_fault_driver_stops_system(other->injection.driver));
    return is_to_run ? start_again(agent, request, err) : 0;
}

int faults_verb_heal(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    const char *id = json_string_value(json_object_get(request->args, "id"));
    struct fault *fault = id ? fault_find(agent, id) : NULL;
    int64_t now = rift_clock_now(), applied_ns = now;
    json_object_set_new(ok, "planned_ns", json_integer(now));
    if (!fault)
        return heal_absent(agent, request, now, ok, err);
    fault_renew(fault); /* does it hold until now? */
    fault_describe_end(fault, ok);
    bool stops_system = fault->is_on && rift_fault_driver_stops_system(fault->injection.driver);
    if (fault_heal_waits(fault))
        return fault_heal_in_job(fault, request, err);
    if (fault_heal(fault, &applied_ns, err))
        return -1;
    json_object_set_new(ok, "applied_ns", json_integer(applied_ns));
    return stops_system ? start_again(agent, request, err) : 0;
}

void faults_renew_all(struct agent *agent)
{
    for (struct fault *fault = agent->faults; fault; fault = fault->next)
        fault_renew(fault);
}

json_t *faults_list(struct agent *agent)
{
    json_t *list = json_array();
    for (struct fault *fault = agent->faults; fault; fault = fault->next) {
        struct rift_injection *injection = &fault->injection;
        bool is_observed = false;
        json_t *details = json_object();
        if (fault->has_ended)
            json_object_set_new(details, "how", json_string(fault->ended));
        else if (fault->is_on)
            injection->driver->observe(injection, &fault->target, &is_observed, details, NULL);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:b, s:o}", "id", injection->id,
                                              "fault", injection->driver->name, "start_ns",
                                              (json_int_t)injection->start_ns, "lease_end_ns",
                                              (json_int_t)injection->lease_end_ns, "observed",
                                              (int)is_observed, "details", details));
    }
    return list;
}

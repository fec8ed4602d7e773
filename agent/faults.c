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
#include "agent/net_thread.h"
#include "agent/system.h"
#include "common/arena.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/undo.h"

enum { PEERS_MAX = 512, PEER_ADDRESSES_MAX = 16 };

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

/* Of what a node can do. */
struct trial {
    struct net_work work;
    struct agent *agent;
    int64_t request_id;
    json_t *args; /* which the target points into */
    struct rift_arena arena;
    struct rift_target target;
    const struct rift_fault_driver *driver;
    struct rift_fault_ability ability;
    int rc;
    struct rift_error err;
};

static bool trial_begin(struct net_work *work)
{
    (void)work;
    return true;
}

static void trial_run(struct net_work *work)
{
    struct trial *trial = (struct trial *)work;
    const json_t *options = json_object_get(trial->args, "options");
    trial->rc = trial->driver->probe(&trial->target, options, &trial->ability, &trial->err);
}

static void trial_done(struct net_work *work)
{
    struct trial *trial = (struct trial *)work;
    const struct rift_fault_ability *ability = &trial->ability;
    json_t *ok = json_pack("{s:b, s:s, s:s, s:s}", "can", (int)ability->can, "why", ability->why,
                           "backend", ability->backend ? ability->backend : "", "end",
                           ability->end ? ability->end : "");
    agent_reply(trial->agent, trial->request_id, ok, trial->rc ? &trial->err : NULL);
    json_decref(ok);
    rift_arena_finish(&trial->arena);
    json_decref(trial->args);
    free(trial);
}

int faults_verb_probe(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    (void)ok;
    const struct rift_fault_driver *driver = driver_from(request->args, err);
    if (!driver || check_allowed(agent, err) || check_restart(agent, driver, err))
        return -1;
    struct trial *trial = rift_calloc(1, sizeof *trial);
    struct net_work *work = &trial->work;
    *trial = (struct trial){.work = {.begin = trial_begin, .run = trial_run, .done = trial_done},
                            .agent = agent,
                            .request_id = request->id,
                            .args = json_incref((json_t *)request->args),
                            .driver = driver};
    trial->rc = target_read(agent, trial->args, &trial->arena, &trial->target, &trial->err);
    if (trial->rc == 0 && driver->takes_rtnl) {
        if (net_thread_do(agent->net_thread, work, &trial->err) == 0)
            return VERB_LATER;
        trial->rc = -1;
    } else if (trial->rc == 0) {
        work->run(work);
    }
    work->done(work);
    return VERB_LATER;
}

/* Plans, writes the ledger, injects. On failure all is undone again. VERB_LATER where a job or the
 * thread injects it, and answers the request. */
static int fault_apply(struct fault *fault, int64_t request_id, struct rift_error *err)
{
    struct rift_injection *injection = &fault->injection;
    if (injection->driver->takes_rtnl)
        return fault_inject_in_thread(fault, request_id, err);
    if (fault_prepare(fault, err) || fault_note(fault, err))
        return -1;
    bool takes_time = fault_inject_waits(fault);
    if (takes_time && fault->ready_ns == 0)
        fault->ready_ns = rift_clock_now();
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
    if (count >= AGENT_FAULTS_MAX)
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
    fault->number = ++agent->fault_count;
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
    struct fault *fault = fault_find_changeable(agent, request->args, err);
    if (!fault)
        return -1;
    const struct rift_fault_driver *driver = fault->injection.driver;
    if (driver->takes_rtnl)
        return fault_change_in_thread(fault, request, err);
    if (driver->change(&fault->injection, &fault->target, json_object_get(request->args, "options"),
                       err))
        return -1;
    fault_note_change(fault, request->args, ok);
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
    if (fault->injection.driver->takes_rtnl && (fault->is_on || fault->is_in_thread))
        return fault_heal_in_thread(fault, request, err);
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
        else if (fault->is_in_thread)
            json_object_set_new(details, "how", json_string("it is being worked on: ask again"));
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

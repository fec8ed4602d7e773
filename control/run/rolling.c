/* The turn of a node: all nodes are ready, it is stopped, it gets the other version where that is
 * asked, it is started, it is ready. A node whose turn did not end is noted as down, and the heal
 * starts it. */
#include "control/run/rolling.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "control/run/node_system.h"

enum { STEP_DEADLINE_MS = 20000, HEAL_PATIENCE_MS = 10000, SHA256_TOLD = 12 };
enum { STOP_MAX_MS = 3600000 };

static int stop_signal_of(const struct fault_window *fault)
{
    static const struct {
        const char *word;
        int number;
    } known[] = {{"TERM", SIGTERM}, {"INT", SIGINT}, {"QUIT", SIGQUIT}, {"KILL", SIGKILL}};
    const char *word = json_string_value(json_object_get(fault->window->what.options, "signal"));
    for (size_t i = 0; word && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i].word) == 0)
            return known[i].number;
    }
    return 0; /* the recipe's own */
}

static json_t *stop_args(const struct fault_window *fault)
{
    int number = stop_signal_of(fault);
    return number ? json_pack("{s:i}", "signal", number) : json_object();
}

static json_t *version_args(const char *version)
{
    return json_pack("{s:s}", "version", version);
}

/* A unit that does not end has until its owner's TimeoutStopSec before systemd kills it. */
static int64_t stop_deadline_ms(struct cluster *cluster, size_t node)
{
    struct rift_error ignored;
    json_t *status =
        node_system_ask(cluster, node, "system.status", NULL, STEP_DEADLINE_MS, &ignored);
    int64_t given_ms = json_integer_value(json_object_get(status, "stop_ms"));
    json_decref(status);
    return STEP_DEADLINE_MS + (given_ms < STOP_MAX_MS ? given_ms : STOP_MAX_MS);
}

/* version NULL: it keeps the one that it has. */
static int turn_carry_out(struct fault_window *fault, size_t node, const char *version,
                          struct rift_error *err)
{
    struct cluster *cluster = fault->cluster;
    json_t *note = cluster_fault_note(fault, node);
    json_object_set_new(note, "is_down", json_true());
    if (node_system_tell(cluster, node, "system.stop", stop_args(fault),
                         stop_deadline_ms(cluster, node), err))
        return -1;
    if (version && node_system_tell(cluster, node, "system.use", version_args(version),
                                    STEP_DEADLINE_MS, err) != 0)
        return -1;
    json_object_set_new(note, "applied_ns", json_integer(rift_clock_now() - fault->run_origin_ns));
    if (node_system_start(cluster, node, NULL, STEP_DEADLINE_MS, err) != 0)
        return -1;
    json_object_del(note, "is_down");
    return 0;
}

static bool runs_version(struct cluster *cluster, size_t node, const char *version)
{
    struct rift_error ignored;
    json_t *status =
        node_system_ask(cluster, node, "system.status", NULL, STEP_DEADLINE_MS, &ignored);
    const char *is = json_string_value(json_object_get(status, "version"));
    bool runs = is && strcmp(is, version) == 0;
    json_decref(status);
    return runs;
}

static int64_t left_ms(int64_t by_ns)
{
    int64_t left = (by_ns - rift_clock_now()) / RIFT_MS;
    return left > 1 ? left : 1;
}

static int turn(struct fault_window *fault, size_t node, const char *version, int64_t by_ns,
                struct rift_error *err)
{
    json_t *note = cluster_fault_note(fault, node);
    json_object_set_new(note, "before", node_system_programs(fault->cluster, node));
    if (version && runs_version(fault->cluster, node, version)) {
        json_object_set_new(note, "had_it", json_true());
        return 0;
    }
    if (node_system_others_ready(fault->cluster, fault->cluster->node_count, left_ms(by_ns), err))
        return rift_wrap(err, "%s is not stopped while a node is not ready",
                         fault->cluster->names[node]);
    return turn_carry_out(fault, node, version, err);
}

static size_t take_order(const struct fault_window *fault, uint16_t order[RIFT_NODES_MAX])
{
    size_t count = 0;
    struct rift_rng rng;
    rift_rng_init_named(&rng, fault->window->seed, "rolling");
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        if (rift_node_set_has(&fault->resolved.nodes, i))
            order[count++] = (uint16_t)i;
    }
    rift_rng_shuffle(&rng, order, count, sizeof order[0]);
    return count;
}

static void roll(struct fault_window *fault, const char *version, int64_t by_ns)
{
    uint16_t order[RIFT_NODES_MAX];
    size_t count = take_order(fault, order);
    double wait_s = json_number_value(json_object_get(fault->window->what.options, "wait_s"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fault_window_wait(fault, rift_clock_now() + (int64_t)(wait_s * (double)RIFT_SECOND));
        if (rift_clock_now() >= by_ns || !fault_window_goes_on(fault))
            return;
        struct rift_error err = {.code = RIFT_ERR_NONE};
        if (turn(fault, order[i], version, by_ns, &err) == 0)
            continue;
        json_object_set_new(cluster_fault_note(fault, order[i]), "why", json_string(err.text));
        fault->error = err;
        return;
    }
}

/* --- what is seen */

static void tell_programs(const json_t *programs, struct rift_text *text)
{
    size_t i = 0;
    const json_t *process = NULL;
    json_array_foreach(programs, i, process)
    {
        const char *sha256 = json_string_value(json_object_get(process, "sha256"));
        rift_text_printf(text, "%s%d (sha256 %.*s)", i ? ", " : "process ",
                         (int)json_integer_value(json_object_get(process, "pid")), SHA256_TOLD,
                         sha256 ? sha256 : "");
    }
    if (json_array_size(programs) == 0)
        rift_text_append(text, "no process");
}

/* Other processes than before; of an upgrade, of another program too. */
static bool is_as_asked(const json_t *note, const json_t *now, bool is_upgrade)
{
    const json_t *before = json_object_get(note, "before");
    if (json_is_true(json_object_get(note, "had_it")))
        return json_array_size(now) > 0;
    return before && json_array_size(now) > 0 && json_object_get(note, "applied_ns") &&
           node_system_are_others(before, now) &&
           (!is_upgrade || !node_system_same_programs(before, now));
}

static json_t *look_at(struct fault_window *fault, size_t node, bool is_upgrade)
{
    const json_t *note = cluster_fault_note(fault, node);
    const json_t *before = json_object_get(note, "before");
    const char *why = json_string_value(json_object_get(note, "why"));
    json_t *now = node_system_programs(fault->cluster, node);
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    if (why)
        rift_text_printf(&text, "%s; ", why);
    else if (!before)
        rift_text_append(&text, "not reached before the end; ");
    else if (json_is_true(json_object_get(note, "had_it")))
        rift_text_append(&text, "upgraded already; ");
    tell_programs(now, &text);
    if (before && !json_is_true(json_object_get(note, "had_it"))) {
        rift_text_append(&text, " in place of ");
        tell_programs(before, &text);
    }
    json_t *applied = json_object_get(note, "applied_ns");
    return json_pack("{s:O, s:s, s:b, s:o}", "applied_ns", applied ? applied : json_null(),
                     "observed", text.data, "is_observed",
                     (int)(!why && is_as_asked(note, now, is_upgrade)), "programs", now);
}

/* Which version runs where is told of every node: of one that is not a target too. */
static json_t *look_at_bystander(struct fault_window *fault, size_t node)
{
    json_t *now = node_system_programs(fault->cluster, node);
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    rift_text_append(&text, "not a target; ");
    tell_programs(now, &text);
    return json_pack("{s:s, s:b, s:o}", "observed", text.data, "is_observed", 1, "programs", now);
}

static json_t *observe(struct fault_window *fault, bool is_upgrade)
{
    json_t *nodes = json_object();
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        if (rift_node_set_has(&fault->resolved.nodes, i))
            json_object_set_new(nodes, fault->cluster->names[i], look_at(fault, i, is_upgrade));
        else if (is_upgrade)
            json_object_set_new(nodes, fault->cluster->names[i], look_at_bystander(fault, i));
    }
    return cluster_fault_result(nodes);
}

/* --- heal */

/* A node whose turn did not end. Where the upgrade does not get ready, the first version may. */
static void start_again(struct fault_window *fault, size_t node, bool is_upgrade)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    struct cluster *cluster = fault->cluster;
    json_t *note = cluster_fault_note(fault, node);
    int result = node_system_start(cluster, node, NULL, STEP_DEADLINE_MS, &err);
    if (result != 0 && is_upgrade)
        result = turn_carry_out(fault, node, "first", &err);
    if (result == 0)
        json_object_del(note, "is_down");
    else if (fault->error.code == RIFT_ERR_NONE)
        fault->error = err;
}

static void go_back(struct fault_window *fault, size_t node)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    const json_t *note = cluster_fault_note(fault, node);
    if (!json_object_get(note, "before") || runs_version(fault->cluster, node, "first"))
        return;
    /* A node that stays unready is no reason to leave this one where it is. */
    node_system_others_ready(fault->cluster, fault->cluster->node_count, HEAL_PATIENCE_MS, &err);
    if (turn_carry_out(fault, node, "first", &err) != 0 && fault->error.code == RIFT_ERR_NONE)
        fault->error = err;
}

static json_t *heal(struct fault_window *fault, bool is_upgrade)
{
    bool goes_back = json_is_true(json_object_get(fault->window->what.options, "downgrade"));
    uint16_t order[RIFT_NODES_MAX];
    size_t count = take_order(fault, order);
    json_t *nodes = json_object();
    for (size_t i = 0; i < count; i++) {
        if (json_is_true(json_object_get(cluster_fault_note(fault, order[i]), "is_down")))
            start_again(fault, order[i], is_upgrade);
    }
    for (size_t i = 0; i < count; i++) {
        if (goes_back)
            go_back(fault, order[i]);
        const json_t *note = cluster_fault_note(fault, order[i]);
        json_t *now = node_system_programs(fault->cluster, order[i]);
        const json_t *before = json_object_get(note, "before");
        bool had_it = json_is_true(json_object_get(note, "had_it"));
        bool is_back = !goes_back || !before || had_it || node_system_same_programs(before, now);
        struct rift_text CLEANUP(rift_text_finish) text = {0};
        tell_programs(now, &text);
        rift_text_append(&text, is_back ? "" : ", which is not the first version");
        json_object_set_new(nodes, fault->cluster->names[order[i]],
                            json_pack("{s:I, s:s, s:b, s:O}", "healed_ns",
                                      (json_int_t)(rift_clock_now() - fault->run_origin_ns),
                                      "after", text.data, "is_observed",
                                      (int)(is_back && json_array_size(now) > 0), "programs", now));
        json_decref(now);
    }
    return cluster_fault_result(nodes);
}

/* --- the two */

static void restart_inject(struct fault_window *fault, int64_t by_ns)
{
    roll(fault, NULL, by_ns);
    fault->is_over = true;
}

static json_t *restart_observe(struct fault_window *fault)
{
    return observe(fault, false);
}

static json_t *restart_heal(struct fault_window *fault)
{
    return heal(fault, false);
}

static void upgrade_inject(struct fault_window *fault, int64_t by_ns)
{
    roll(fault, "upgrade", by_ns);
}

static json_t *upgrade_observe(struct fault_window *fault)
{
    return observe(fault, true);
}

static json_t *upgrade_heal(struct fault_window *fault)
{
    return heal(fault, true);
}

const struct cluster_fault rolling_restart = {
    .name = "restart",
    .inject = restart_inject,
    .observe = restart_observe,
    .heal = restart_heal,
};
const struct cluster_fault rolling_upgrade = {
    .name = "upgrade",
    .inject = upgrade_inject,
    .observe = upgrade_observe,
    .heal = upgrade_heal,
};

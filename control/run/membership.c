/* Only legal changes are asked for, one at a time. A node is removed while all other members are
 * ready and a majority of the original size stays. Whatever the command answered, a change is
 * resolved only by the list, asked of another member than the one that carried it out; before that
 * there is no next one. A removed node loses its data and joins as a new member. */
#include "control/run/membership.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"
#include "control/run/node_system.h"

enum { ASK_MS = 6000, RESOLVE_MS = 3000, HEAL_MS = 60000, JOIN_MS = 20000 };
#define PAUSE_NS (100 * RIFT_MS)

static bool note_is(struct fault_window *fault, size_t node, const char *key)
{
    return json_is_true(json_object_get(cluster_fault_note(fault, node), key));
}

static json_t *change_args(const char *what, const char *member, json_t *id)
{
    return json_pack("{s:s, s:s*, s:O*}", "do", what, "member", member, "id", id);
}

/* [{"name", "id"}] as the node sees it; the caller owns it, NULL with an error. */
static json_t *list_at(struct fault_window *fault, size_t node, struct rift_error *err)
{
    json_t *ok = node_system_ask(fault->cluster, node, "system.membership",
                                 change_args("list", NULL, NULL), ASK_MS, err);
    json_t *members = json_incref(json_object_get(ok, "members"));
    json_decref(ok);
    return members;
}

/* NULL: the node has no entry. Borrowed. */
static json_t *entry_of(const struct fault_window *fault, const json_t *members, size_t node)
{
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)members, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name && strcmp(name, fault->cluster->names[node]) == 0)
            return entry;
    }
    return NULL;
}

/* A node that may carry out or tell of a change of `about`: neither itself nor one that is out; not
 * `other` where there is a third. node_count: there is none. Which one, turn tells. */
static size_t find_helper(struct fault_window *fault, size_t about, size_t other, size_t turn)
{
    size_t n = fault->cluster->node_count, second = n;
    for (size_t i = 0; i < n; i++) {
        size_t node = (about + 1 + turn + i) % n;
        if (node == about || note_is(fault, node, "left"))
            continue;
        if (node != other)
            return node;
        second = node;
    }
    return second;
}

/* Until the list, asked of another than `asked`, has (or has not) the node. */
static bool resolve(struct fault_window *fault, size_t node, size_t asked, bool is_wanted)
{
    int64_t end_ns = rift_clock_now() + RESOLVE_MS * RIFT_MS;
    size_t witness = find_helper(fault, node, asked, 0);
    do {
        struct rift_error ignored;
        json_t *members = list_at(fault, witness, &ignored);
        bool is_member = entry_of(fault, members, node) != NULL, is_told = members != NULL;
        json_decref(members);
        if (is_told && is_member == is_wanted)
            return true;
        rift_clock_sleep_until(rift_clock_now() + PAUSE_NS);
    } while (rift_clock_now() < end_ns);
    return false;
}

/* Asks one member after another until the change is there. */
static int change(struct fault_window *fault, size_t node, const char *what, bool is_wanted,
                  int64_t by_ns, struct rift_error *err)
{
    const char *name = fault->cluster->names[node];
    rift_fail(err, RIFT_ERR_TIMEOUT, "nobody answered");
    for (size_t turn = 0;; turn++) {
        size_t asked = find_helper(fault, node, fault->cluster->node_count, turn);
        if (asked == fault->cluster->node_count)
            return rift_fail(err, RIFT_ERR_MISSING, "%s: no other member can be asked", name);
        json_t *members = list_at(fault, asked, err);
        json_t *entry = entry_of(fault, members, node);
        if (members && (entry != NULL) != is_wanted)
            node_system_tell(fault->cluster, asked, "system.membership",
                             change_args(what, name, json_object_get(entry, "id")), ASK_MS, err);
        json_decref(members);
        if (members && resolve(fault, node, asked, is_wanted))
            return 0;
        if (rift_clock_now() >= by_ns)
            return rift_wrap(err, "%s: %s is not resolved", name, what);
        rift_clock_sleep_until(rift_clock_now() + PAUSE_NS);
    }
}

/* --- out */

/* Is it a member, are all others ready, and does a majority of the original size stay? */
static int check_legal(struct fault_window *fault, size_t node, int64_t by_ns, bool *is_legal,
                       struct rift_error *err)
{
    struct cluster *cluster = fault->cluster;
    int64_t left_ms = (by_ns - rift_clock_now()) / RIFT_MS;
    struct rift_node_set others;
    cluster_all(cluster, &others);
    rift_node_set_remove(&others, node);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (note_is(fault, i, "left"))
            rift_node_set_remove(&others, i);
    }
    *is_legal = rift_node_set_count(&others) >= cluster->node_count / 2 + 1;
    if (!*is_legal)
        return 0;
    json_t *args = json_pack("{s:I}", "deadline_ms", (json_int_t)(left_ms > 1 ? left_ms : 1));
    int rc =
        cluster_tell(cluster, &others, "system.wait_ready", args, left_ms > 1 ? left_ms : 1, err);
    json_decref(args);
    if (rc != 0)
        return rift_wrap(err, "%s is not removed while a member is not ready",
                         cluster->names[node]);
    json_t *members = list_at(fault, find_helper(fault, node, cluster->node_count, 0), err);
    bool is_as_known = members && entry_of(fault, members, node) &&
                       json_array_size(members) == rift_node_set_count(&others) + 1;
    bool is_told = members != NULL;
    json_decref(members);
    return is_as_known ? 0
           : is_told   ? rift_fail(err, RIFT_ERR_CONFLICT,
                                   "%s: the members are not those that are left: somebody else "
                                     "changes them",
                                   cluster->names[node])
                       : -1;
}

static int take_out(struct fault_window *fault, size_t node, int64_t by_ns, struct rift_error *err)
{
    json_t *note = cluster_fault_note(fault, node);
    bool is_legal;
    if (check_legal(fault, node, by_ns, &is_legal, err) != 0)
        return -1;
    if (!is_legal) {
        json_object_set_new(note, "kept", json_true());
        return 0;
    }
    json_object_set_new(note, "leaving", json_true());
    if (change(fault, node, "remove", false, by_ns, err) != 0)
        return -1;
    json_object_set_new(note, "applied_ns", json_integer(rift_clock_now() - fault->run_origin_ns));
    json_object_set_new(note, "left", json_true());
    return node_system_tell(fault->cluster, node, "system.leave", NULL, ASK_MS, err);
}

static size_t take_order(const struct fault_window *fault, uint16_t order[RIFT_NODES_MAX])
{
    size_t count = 0;
    struct rift_rng rng;
    rift_rng_init_named(&rng, fault->window->seed, "membership");
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        if (rift_node_set_has(&fault->resolved.nodes, i))
            order[count++] = (uint16_t)i;
    }
    rift_rng_shuffle(&rng, order, count, sizeof order[0]);
    return count;
}

static void membership_inject(struct fault_window *fault, int64_t by_ns)
{
    uint16_t order[RIFT_NODES_MAX];
    size_t count = take_order(fault, order);
    for (size_t i = 0; i < count; i++) {
        if (rift_clock_now() >= by_ns || !fault_window_goes_on(fault))
            return;
        struct rift_error err = {.code = RIFT_ERR_NONE};
        if (take_out(fault, order[i], by_ns, &err) == 0)
            continue;
        json_object_set_new(cluster_fault_note(fault, order[i]), "why", json_string(err.text));
        fault->error = err;
        return;
    }
}

/* Another member's list and /proc: is it one, does it run? */
static json_t *look_at(struct fault_window *fault, size_t node, bool *is_member, bool *runs,
                       struct rift_text *text)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    size_t witness = find_helper(fault, node, fault->cluster->node_count, 1);
    json_t *members = witness < fault->cluster->node_count ? list_at(fault, witness, &err) : NULL;
    json_t *programs = node_system_programs(fault->cluster, node);
    *is_member = entry_of(fault, members, node) != NULL;
    *runs = json_array_size(programs) > 0;
    if (members)
        rift_text_printf(text, "%s, says %s; %s", *is_member ? "a member" : "no member",
                         fault->cluster->names[witness], *runs ? "it runs" : "it has no process");
    else
        rift_text_printf(text, "nobody tells who is a member: %s", err.text);
    json_decref(programs);
    return members;
}

static json_t *membership_observe(struct fault_window *fault)
{
    json_t *nodes = json_object();
    bool has_left = false;
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        if (!rift_node_set_has(&fault->resolved.nodes, i))
            continue;
        bool is_member, runs, is_kept = note_is(fault, i, "kept");
        const json_t *note = cluster_fault_note(fault, i);
        const char *why = json_string_value(json_object_get(note, "why"));
        struct rift_text CLEANUP(rift_text_finish) text = {0};
        if (why || is_kept)
            rift_text_printf(&text, "%s; ", why ? why : "kept, as a majority must stay");
        json_t *members = look_at(fault, i, &is_member, &runs, &text);
        bool is_out = members && !is_member && !runs;
        has_left = has_left || is_out;
        json_decref(members);
        json_t *applied = json_object_get(note, "applied_ns");
        json_object_set_new(nodes, fault->cluster->names[i],
                            json_pack("{s:O, s:s, s:b}", "applied_ns",
                                      applied ? applied : json_null(), "observed", text.data,
                                      "is_observed", (int)(!why && (is_out || is_kept))));
    }
    json_t *result = cluster_fault_result(nodes);
    if (!has_left)
        json_object_set_new(result, "observed", json_false());
    return result;
}

/* --- back */

/* The names of the members, the node among them. */
static json_t *names_with(struct fault_window *fault, const json_t *members, size_t node)
{
    json_t *names = json_array();
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        if (i == node || entry_of(fault, members, i))
            json_array_append_new(names, json_string(fault->cluster->names[i]));
    }
    return names;
}

/* One that was not removed after all keeps its data. One that lost them must be a new member: an
 * entry from an attempt that failed is removed first. */
static int bring_back(struct fault_window *fault, size_t node, int64_t by_ns,
                      struct rift_error *err)
{
    struct cluster *cluster = fault->cluster;
    json_t *note = cluster_fault_note(fault, node);
    size_t helper = find_helper(fault, node, cluster->node_count, 0);
    if (helper == cluster->node_count)
        return rift_fail(err, RIFT_ERR_MISSING, "no member is left to join");
    json_t *members = list_at(fault, helper, err);
    if (!members)
        return -1;
    bool is_member = entry_of(fault, members, node) != NULL;
    json_decref(members);
    if (is_member && !note_is(fault, node, "left"))
        return node_system_start(cluster, node, NULL, JOIN_MS, err);
    json_object_set_new(note, "left", json_true());
    if ((is_member && change(fault, node, "remove", false, by_ns, err) != 0) ||
        node_system_tell(cluster, node, "system.leave", NULL, ASK_MS, err) != 0 ||
        change(fault, node, "add", true, by_ns, err) != 0)
        return -1;
    members = list_at(fault, helper, err);
    json_t *args = json_pack("{s:o}", "members", names_with(fault, members, node));
    json_decref(members);
    return node_system_start(cluster, node, args, JOIN_MS, err);
}

static void heal_node(struct fault_window *fault, size_t node, int64_t by_ns)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    json_t *note = cluster_fault_note(fault, node);
    if (!note_is(fault, node, "leaving"))
        return;
    do {
        if (bring_back(fault, node, by_ns, &err) == 0) {
            json_object_del(note, "left");
            json_object_del(note, "leaving");
            return;
        }
        rift_log(RIFT_LOG_DEBUG, "membership: %s does not join yet: %s",
                 fault->cluster->names[node], err.text);
        rift_clock_sleep_until(rift_clock_now() + PAUSE_NS);
    } while (rift_clock_now() < by_ns);
    if (fault->error.code == RIFT_ERR_NONE)
        fault->error = err;
}

static json_t *membership_heal(struct fault_window *fault)
{
    uint16_t order[RIFT_NODES_MAX];
    size_t count = take_order(fault, order);
    int64_t by_ns = rift_clock_now() + HEAL_MS * RIFT_MS;
    json_t *nodes = json_object();
    for (size_t i = 0; i < count; i++)
        heal_node(fault, order[i], by_ns);
    for (size_t i = 0; i < count; i++) {
        bool is_member, runs;
        struct rift_text CLEANUP(rift_text_finish) text = {0};
        json_decref(look_at(fault, order[i], &is_member, &runs, &text));
        json_object_set_new(nodes, fault->cluster->names[order[i]],
                            json_pack("{s:I, s:s, s:b}", "healed_ns",
                                      (json_int_t)(rift_clock_now() - fault->run_origin_ns),
                                      "after", text.data, "is_observed", (int)(is_member && runs)));
    }
    return cluster_fault_result(nodes);
}

const struct cluster_fault membership_change = {
    .name = "membership",
    .inject = membership_inject,
    .observe = membership_observe,
    .heal = membership_heal,
};

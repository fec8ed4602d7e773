/* The qdisc is shared by faults that overlap and by strangers. Each of our faults that found none,
 * or found one that another of ours had made, carries the duty to remove it; the last one that is
 * healed does, if no filter is left. */
#include "nemesis/faults/network/clsact.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "nemesis/faults/ledger.h"

static void clsact_filter_name(const char *id, char name[RIFT_TC_NAME_SIZE])
{
    snprintf(name, RIFT_TC_NAME_SIZE, "%s%s", RIFT_TC_OWN_NAME, id);
}

static int interfaces_add(json_t *interfaces, int index, struct rift_error *err)
{
    char name[IF_NAMESIZE];
    if (!if_indextoname((unsigned)index, name))
        return rift_fail_errno(err, RIFT_ERR_MISSING, "interface %d", index);
    if (json_object_size(interfaces) >= RIFT_TC_INTERFACES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "more than %d interfaces", RIFT_TC_INTERFACES_MAX);
    json_object_set_new(interfaces, name, json_integer(index));
    return 0;
}

/* {"eth0": 2, ...} */
static int interfaces_find(struct rift_tc *tc, const struct rift_target *target,
                           const json_t *options, json_t *interfaces, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "interfaces");
    size_t i;
    json_t *item;
    if (json_is_array(given) && json_array_size(given) > 0) {
        json_array_foreach((json_t *)given, i, item)
        {
            const char *name = json_string_value(item);
            unsigned index = name ? if_nametoindex(name) : 0;
            if (index == 0)
                return rift_fail(err, RIFT_ERR_MISSING, "there is no interface '%s' on this node",
                                 name ? name : "(not a text)");
            if (interfaces_add(interfaces, (int)index, err))
                return -1;
        }
        return 0;
    }
    for (i = 0; i < target->peer_count; i++)
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            int index;
            if (rift_tc_route_interface(tc, *a, target->peers[i].may_be_here, &index, err))
                return rift_wrap(err, "peer '%s'", target->peers[i].name);
            if (interfaces_add(interfaces, index, err))
                return -1;
        }
    return 0;
}

/* By index: an interface may have had another name. */
struct claim_search {
    int index;
    bool is_claimed;
};

static void claim_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct claim_search *search = context;
    const char *name;
    json_t *made;
    json_object_foreach(json_object_get(undo, "clsact_made"), name, made)
    {
        if (json_integer_value(made) == search->index)
            search->is_claimed = true;
    }
}

int rift_interfaces_plan(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    json_t *interfaces = json_object();
    json_object_set_new(injection->undo, "interfaces", interfaces);
    return interfaces_find(tc, target, injection->options, interfaces, err);
}

int rift_interfaces_each(const json_t *undo, rift_interface_work *work, void *context,
                         struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(undo, "interfaces"), name, index)
    {
        char now[IF_NAMESIZE];
        int interface = (int)json_integer_value(index);
        int is_there = rift_tc_interface_name(tc, interface, now, err);
        if (is_there < 0 || (is_there && work(tc, interface, context, err)))
            return -1;
    }
    return 0;
}

int rift_interfaces_unstack(const json_t *undo, struct rift_error *err)
{
    json_t *interfaces = json_object_get(undo, "interfaces");
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    json_t *all = json_copy(interfaces), *index, *other;
    const char *name, *other_name;
    int rc = tc ? 0 : -1;
    json_object_foreach(all, name, index)
    {
        int lower = 0;
        if (rc == 0)
            rc = rift_tc_lower(tc, (int)json_integer_value(index), &lower, err);
        json_object_foreach(all, other_name,
                            other) if (lower > 0 && json_integer_value(other) == lower)
        {
            json_object_del(interfaces, name);
            json_object_del(json_object_get(undo, "clsact_made"), name);
        }
    }
    json_decref(all);
    return rc;
}

int rift_clsact_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    if (rift_interfaces_plan(injection, target, err))
        return -1;
    json_t *interfaces = json_object_get(injection->undo, "interfaces"), *made = json_object();
    json_object_set_new(injection->undo, "clsact_made", made);
    const char *name;
    json_t *index;
    json_object_foreach(interfaces, name, index)
    {
        struct claim_search search = {.index = (int)json_integer_value(index)};
        bool exists;
        if (rift_tc_clsact_exists(tc, search.index, &exists, err))
            return -1;
        if (exists && ledger)
            rift_ledger_visit(ledger, claim_visit, &search);
        if (!exists || search.is_claimed)
            json_object_set(made, name, index);
    }
    return 0;
}

int rift_clsact_attach(const struct rift_injection *injection, enum rift_tc_hook hook,
                       int program_fd, struct rift_error *err)
{
    char filter[RIFT_TC_NAME_SIZE];
    clsact_filter_name(injection->id, filter);
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(injection->undo, "interfaces"), name, index)
    {
        int interface = (int)json_integer_value(index);
        if (rift_tc_clsact_add(tc, interface, err) ||
            rift_tc_filter_add(tc, interface, hook, program_fd, filter, err))
            return -1;
    }
    return 0;
}

int rift_clsact_is_attached(const struct rift_injection *injection, enum rift_tc_hook hook,
                            bool *is_attached, struct rift_error *err)
{
    char filter[RIFT_TC_NAME_SIZE];
    clsact_filter_name(injection->id, filter);
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    *is_attached = true;
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(injection->undo, "interfaces"), name, index)
    {
        size_t count;
        if (rift_tc_filter_count(tc, (int)json_integer_value(index), hook, filter, &count, err))
            return -1;
        if (count == 0)
            *is_attached = false;
    }
    return 0;
}

int rift_clsact_detach(const char *id, const json_t *undo, const char *ledger,
                       struct rift_error *err)
{
    (void)ledger;
    char filter[RIFT_TC_NAME_SIZE];
    clsact_filter_name(id, filter);
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *index;
    int rc = 0;
    json_object_foreach(json_object_get(undo, "interfaces"), name, index)
    {
        int interface = (int)json_integer_value(index);
        char now[IF_NAMESIZE];
        /* An interface that went away took its filters along; its index may be another's by now,
         * but our filters are known by their name, wherever they are. Where one was, or the name is
         * as it was, it is the interface that clsact was put on. */
        int is_there = rift_tc_interface_name(tc, interface, now, err);
        if (is_there < 0)
            rc = -1;
        if (is_there <= 0)
            continue;
        bool is_known = strcmp(now, name) == 0;
        for (int hook = RIFT_TC_INGRESS; hook <= RIFT_TC_EGRESS; hook++) {
            size_t count = 0;
            if (rift_tc_filter_count(tc, interface, (enum rift_tc_hook)hook, filter, &count, err) ||
                rift_tc_filter_remove(tc, interface, (enum rift_tc_hook)hook, filter, err))
                rc = -1;
            is_known = is_known || count > 0;
        }
        bool is_ours = json_object_get(json_object_get(undo, "clsact_made"), name) != NULL;
        if (is_ours && is_known && rift_tc_clsact_remove_unused(tc, interface, err))
            rc = -1;
    }
    return rc;
}

int rift_clsact_try(const struct rift_target *target, const json_t *options, enum rift_tc_hook hook,
                    int program_fd, struct rift_error *err)
{
    struct rift_injection trial = {.id = "probe", .options = options, .undo = json_object()};
    int rc = rift_clsact_plan(&trial, target, NULL, err);
    if (rc == 0)
        rc = rift_clsact_attach(&trial, hook, program_fd, err);
    struct rift_error heal_error = {0};
    if (rift_clsact_detach(trial.id, trial.undo, NULL, &heal_error) && rc == 0) {
        *err = heal_error;
        rc = -1;
    }
    json_decref(trial.undo);
    return rc;
}

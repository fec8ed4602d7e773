/* The list is the system's own, as this node sees it; an entry is some node's when it holds the
 * text that the recipe knows that node by. */
#include "agent/membership.h"

#include <string.h>

#include "agent/check.h"
#include "agent/system_state.h"
#include "common/memory.h"

static const json_t *find_node(const json_t *context, const char *name)
{
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(context, "nodes"), i, node)
    {
        const char *is = json_string_value(json_object_get(node, "name"));
        if (name && is && strcmp(is, name) == 0)
            return node;
    }
    return NULL;
}

static bool holds_text(const json_t *value, const char *text)
{
    size_t i;
    const char *key;
    json_t *inner;
    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    json_array_foreach((json_t *)value, i, inner) if (holds_text(inner, text)) return true;
    json_object_foreach((json_t *)value, key, inner) if (holds_text(inner, text)) return true;
    return false;
}

/* The name of the node whose entry it is; null: of no node of the plan. */
static json_t *name_of_entry(const struct system *system, const json_t *entry,
                             struct rift_arena *arena)
{
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(system->context, "nodes"), i, node)
    {
        struct rift_error ignored;
        json_t *context = json_copy(system->context);
        json_object_set(context, "node", node);
        const char *text = rift_recipe_expand(system->recipe, context,
                                              system->recipe->membership.known_by, arena, &ignored);
        json_decref(context);
        if (text && holds_text(entry, text))
            return json_incref(json_object_get(node, "name"));
    }
    return json_null();
}

static int list_members(const struct system *system, const char *answer, json_t *ok,
                        struct rift_error *err)
{
    const struct rift_recipe_membership *membership = &system->recipe->membership;
    json_t *json = json_loads(answer, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *list = agent_json_at(json, membership->members);
    if (!json_is_array(list)) {
        json_decref(json);
        return rift_fail(err, RIFT_ERR_INVALID, "the answer has no list '%s': %.200s",
                         membership->members, answer);
    }
    struct rift_arena arena = {0};
    json_t *members = json_array();
    size_t i;
    json_t *entry;
    json_array_foreach((json_t *)list, i, entry)
    {
        const json_t *id = agent_json_at(entry, membership->id);
        json_array_append_new(members,
                              json_pack("{s:o, s:O}", "name", name_of_entry(system, entry, &arena),
                                        "id", id ? id : json_null()));
    }
    json_object_set_new(ok, "members", members);
    rift_arena_finish(&arena);
    json_decref(json);
    return 0;
}

int membership_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                    struct rift_error *err)
{
    const struct system *system = agent->system;
    const struct rift_recipe_membership *membership = &system->recipe->membership;
    const char *what = json_string_value(json_object_get(args, "do"));
    bool is_list = what && strcmp(what, "list") == 0, is_add = what && strcmp(what, "add") == 0;
    const struct rift_recipe_check *check = is_list  ? &membership->list
                                            : is_add ? &membership->add
                                                     : &membership->remove;
    const char *name = json_string_value(json_object_get(args, "member"));
    const json_t *node = find_node(system->context, name);
    if (!what || (!is_list && !is_add && strcmp(what, "remove") != 0) || (!is_list && !node))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'do' must be list, add or remove, and 'member' a node of the plan");
    json_t *context = json_copy(system->context);
    if (!is_list) {
        json_t *member = json_deep_copy(node);
        json_t *id = json_object_get(args, "id");
        json_object_set(member, "id", id ? id : json_null());
        json_object_set_new(context, "member", member);
    }
    CLEANUP(rift_text_finish) struct rift_text answer = {0};
    CLEANUP(rift_text_finish) struct rift_text reason = {0};
    bool holds = false;
    int rc = agent_check_answer(system->recipe, context, check, deadline_ns, &holds, &answer,
                                &reason, err);
    json_decref(context);
    if (rc == 0 && !holds)
        rc = rift_fail(err, RIFT_ERR_IO, "%s", reason.data ? reason.data : "no answer");
    if (rc == 0 && is_list)
        rc = list_members(system, answer.data ? answer.data : "", ok, err);
    return rc ? rift_wrap(err, "membership: %s %s", what, name ? name : "") : 0;
}

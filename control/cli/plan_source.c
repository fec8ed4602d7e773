/* A configuration from the command line. The file is read alone first, so that its own mistakes are
 * named with their places; only then are values replaced. */
#include "control/cli/plan_source.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "control/cli/catalogue.h"
#include "plan/file.h"
#include "plan/tree.h"

/* "workload: register" is short for {name: register}, "system: etcd" for {recipe: etcd}. */
static json_t *expand_short_form(json_t *parent, const char *key)
{
    json_t *child = json_object_get(parent, key);
    if (child && !json_is_string(child))
        return child;
    json_t *map = json_object();
    if (child)
        json_object_set(map, strcmp(key, "system") == 0 ? "recipe" : "name", child);
    json_object_set_new(parent, key, map);
    return map;
}

static json_t *descend(json_t *parent, const char *key)
{
    if (!json_is_array(parent))
        return json_is_object(parent) ? expand_short_form(parent, key) : NULL;
    char *end = NULL;
    unsigned long index = strtoul(key, &end, 10);
    return *end == '\0' ? json_array_get(parent, index) : NULL;
}

static int assign_at(json_t *root, char *path, json_t *value, struct rift_error *err)
{
    json_t *parent = root;
    char *rest = path;
    char *key = strsep(&rest, ".");
    while (rest) {
        parent = descend(parent, key);
        if (!parent)
            return rift_fail(err, RIFT_ERR_INVALID, "there is nothing at '%s'", key);
        key = strsep(&rest, ".");
    }
    if (json_is_object(parent) && json_object_set(parent, key, value) == 0)
        return 0;
    if (json_is_array(parent) && json_array_set(parent, strtoul(key, NULL, 10), value) == 0)
        return 0;
    return rift_fail(err, RIFT_ERR_INVALID, "'%s' cannot be set there", key);
}

static int assign(json_t *root, const char *assignment, struct rift_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return rift_fail(err, RIFT_ERR_INVALID, "--set %s: it must be key=value", assignment);
    struct rift_arena CLEANUP(rift_arena_finish) arena = {0};
    struct rift_tree *tree = rift_tree_parse(&arena, "value", equals + 1, strlen(equals + 1), err);
    if (!tree)
        return rift_wrap(err, "--set %s", assignment);
    CLEANUP(rift_free) char *path = rift_strndup(assignment, (size_t)(equals - assignment));
    json_t *value = rift_tree_to_json(tree);
    int result = assign_at(root, path, value, err);
    json_decref(value);
    return result == 0 ? 0 : rift_wrap(err, "--set %s", assignment);
}

static struct rift_plan *read_with_assignments(const char *path, const char *const *assignments,
                                               size_t count, uint64_t seed, struct rift_error *err)
{
    struct rift_arena CLEANUP(rift_arena_finish) arena = {0};
    CLEANUP(rift_free) char *text = NULL;
    size_t length = 0;
    if (rift_plan_file_read(path, &text, &length, err) != 0)
        return NULL;
    struct rift_tree *tree = rift_tree_parse(&arena, path, text, length, err);
    if (!tree)
        return NULL;
    json_t *root = rift_tree_to_json(tree);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = assign(root, assignments[i], err);
    /* JSON is YAML. */
    CLEANUP(rift_free) char *changed = result == 0 ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!changed)
        return NULL;
    struct rift_plan *plan =
        rift_plan_parse(path, changed, strlen(changed), rift_catalogue_of_build(), seed, err);
    if (!plan)
        rift_wrap(err, "with --set (lines are those of the changed file)");
    return plan;
}

struct rift_plan *plan_source_read(const char *path, const char *const *assignments, size_t count,
                                   uint64_t seed, struct rift_error *err)
{
    struct rift_plan *plan = rift_plan_read(path, rift_catalogue_of_build(), seed, err);
    if (!plan || count == 0)
        return plan;
    rift_plan_destroy(plan);
    return read_with_assignments(path, assignments, count, seed, err);
}

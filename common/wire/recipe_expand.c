/* Fills the templates of a recipe: looks names up in the context, then among the recipe's own
 * variables, which may use others up to a small depth. */
#include "common/wire/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

enum { DEPTH_MAX = 16, STEPS_MAX = 100000, NAME_MAX_BYTES = 64 };

struct expansion {
    const struct rift_recipe *recipe;
    const json_t *context;
    const json_t *node; /* whose ${node...} it is now */
    struct rift_arena *arena;
    struct rift_error *err;
    int depth; /* templates within templates: a circle ends at DEPTH_MAX */
    int steps; /* `each` within `each` multiplies without growing any text */
};

static int expand_into(struct expansion *e, const char *template, struct rift_text *out);

static int expand_scalar(struct expansion *e, const char *name, const json_t *value,
                         struct rift_text *out)
{
    if (json_is_string(value))
        rift_text_append(out, json_string_value(value));
    else if (json_is_integer(value))
        rift_text_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        rift_text_printf(out, "%.15g", json_real_value(value));
    else if (json_is_boolean(value))
        rift_text_append(out, json_is_true(value) ? "true" : "false");
    else
        return rift_fail(e->err, RIFT_ERR_INVALID, "'${%s}' has no value here", name);
    return 0;
}

static int expand_node(struct expansion *e, const char *name, const char *field, const json_t *node,
                       struct rift_text *out)
{
    if (strcmp(field, "host") != 0)
        return expand_scalar(e, name, json_object_get(node, field), out);
    const char *address = json_string_value(json_object_get(node, "address"));
    if (!address)
        return rift_fail(e->err, RIFT_ERR_INVALID, "'${%s}': the node has no address", name);
    rift_text_printf(out, strchr(address, ':') ? "[%s]" : "%s", address);
    return 0;
}

static bool is_same_node(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "name"), json_object_get(b, "name"));
}

static int expand_each(struct expansion *e, const struct rift_recipe_variable *variable,
                       struct rift_text *out)
{
    const json_t *self = e->node;
    size_t i;
    json_t *node;
    bool is_first = true;
    json_array_foreach(json_object_get(e->context, "nodes"), i, node)
    {
        if (variable->without_self && is_same_node(node, self))
            continue;
        if (!is_first)
            rift_text_append(out, variable->join);
        is_first = false;
        e->node = node;
        int rc = expand_into(e, variable->each, out);
        e->node = self;
        if (rc)
            return -1;
    }
    return 0;
}

static int expand_variable(struct expansion *e, const struct rift_recipe_variable *variable,
                           struct rift_text *out)
{
    if (variable->each)
        return expand_each(e, variable, out);
    if (variable->text)
        return expand_into(e, variable->text, out);
    if (variable->founding)
        return expand_into(e,
                           json_is_true(json_object_get(e->context, "joining"))
                               ? variable->joining
                               : variable->founding,
                           out);
    const json_t *first = json_array_get(json_object_get(e->context, "nodes"), 0);
    return expand_into(e, is_same_node(first, e->node) ? variable->first : variable->others, out);
}

static int expand_option(struct expansion *e, const char *name, const char *option,
                         struct rift_text *out)
{
    const json_t *given = json_object_get(json_object_get(e->context, "options"), option);
    if (given)
        return expand_scalar(e, name, given, out);
    for (size_t i = 0; i < e->recipe->option_count; i++) {
        if (strcmp(e->recipe->options[i].name, option) != 0)
            continue;
        if (!e->recipe->options[i].fallback)
            return rift_fail(e->err, RIFT_ERR_INVALID, "option '%s' of system '%s' must be given",
                             option, e->recipe->name);
        rift_text_append(out, e->recipe->options[i].fallback);
        return 0;
    }
    return rift_fail(e->err, RIFT_ERR_INVALID, "'${%s}': system '%s' has no option '%s'", name,
                     e->recipe->name, option);
}

static int expand_artifact(struct expansion *e, const char *name, const char *artifact,
                           struct rift_text *out)
{
    const json_t *given = json_object_get(json_object_get(e->context, "artifacts"), artifact);
    if (given)
        return expand_scalar(e, name, given, out);
    for (size_t i = 0; i < e->recipe->artifact_count; i++) {
        if (strcmp(e->recipe->artifacts[i].name, artifact) != 0)
            continue;
        if (!e->recipe->artifacts[i].fallback)
            return rift_fail(e->err, RIFT_ERR_INVALID, "artifact '%s' of system '%s' must be given",
                             artifact, e->recipe->name);
        return expand_into(e, e->recipe->artifacts[i].fallback, out);
    }
    return rift_fail(e->err, RIFT_ERR_INVALID, "'${%s}': system '%s' has no artifact '%s'", name,
                     e->recipe->name, artifact);
}

static int expand_secret(struct expansion *e, const char *name, const char *secret,
                         struct rift_text *out)
{
    for (size_t i = 0; i < e->recipe->secret_count; i++) {
        if (strcmp(e->recipe->secrets[i].name, secret) != 0)
            continue;
        rift_text_printf(out, "%s/%s", RIFT_SECRETS_FOLDER, secret);
        return 0;
    }
    return rift_fail(e->err, RIFT_ERR_INVALID, "'${%s}': system '%s' has no secret '%s'", name,
                     e->recipe->name, secret);
}

static int expand_unknown(struct expansion *e, const char *name)
{
    const char *names[RIFT_RECIPE_ITEMS_MAX + 8] = {"node.name",  "node.address", "node.host",
                                                    "node.index", "first.name",   "first.address",
                                                    "first.host", "nodes.count"};
    size_t count = 8;
    for (size_t i = 0; i < e->recipe->variable_count; i++)
        names[count++] = e->recipe->variables[i].name;
    const char *near = rift_text_nearest(name, names, count);
    return rift_fail(e->err, RIFT_ERR_INVALID, "nothing is called '${%s}'%s%s%s", name,
                     near ? " (did you mean '${" : "", near ? near : "", near ? "}'?)" : "");
}

static int expand_name(struct expansion *e, const char *name, struct rift_text *out)
{
    const json_t *nodes = json_object_get(e->context, "nodes");
    if (rift_text_starts_with(name, "node."))
        return expand_node(e, name, name + 5, e->node, out);
    if (rift_text_starts_with(name, "first."))
        return expand_node(e, name, name + 6, json_array_get(nodes, 0), out);
    const json_t *member = json_object_get(e->context, "member");
    if (member && rift_text_starts_with(name, "member."))
        return expand_node(e, name, name + 7, member, out);
    if (rift_text_starts_with(name, "options."))
        return expand_option(e, name, name + 8, out);
    if (rift_text_starts_with(name, "artifacts."))
        return expand_artifact(e, name, name + 10, out);
    if (rift_text_starts_with(name, "secrets."))
        return expand_secret(e, name, name + 8, out);
    if (strcmp(name, "nodes.count") == 0) {
        rift_text_printf(out, "%zu", json_array_size(nodes));
        return 0;
    }
    for (size_t i = 0; i < e->recipe->variable_count; i++)
        if (strcmp(name, e->recipe->variables[i].name) == 0)
            return expand_variable(e, &e->recipe->variables[i], out);
    return expand_unknown(e, name);
}

static int expand_template(struct expansion *e, const char *template, struct rift_text *out)
{
    for (const char *c = template; *c;) {
        size_t plain = strcspn(c, "$");
        rift_text_append_bytes(out, c, plain);
        c += plain;
        if (out->length > RIFT_RECIPE_EXPANDED_MAX)
            return rift_fail(e->err, RIFT_ERR_LIMIT, "a template grew beyond %d bytes",
                             RIFT_RECIPE_EXPANDED_MAX);
        if (!*c)
            return 0;
        if (c[1] == '$') {
            rift_text_append(out, "$");
            c += 2;
            continue;
        }
        const char *end = c[1] == '{' ? strchr(c, '}') : NULL;
        if (!end || end - c - 2 >= NAME_MAX_BYTES || end == c + 2)
            return rift_fail(e->err, RIFT_ERR_INVALID,
                             "'%.32s': write ${name}, or $$ for a dollar sign", c);
        char name[NAME_MAX_BYTES] = "";
        memcpy(name, c + 2, (size_t)(end - c - 2));
        if (expand_name(e, name, out))
            return -1;
        c = end + 1;
    }
    return 0;
}

static int expand_into(struct expansion *e, const char *template, struct rift_text *out)
{
    if (e->depth >= DEPTH_MAX || e->steps++ >= STEPS_MAX)
        return rift_fail(e->err, RIFT_ERR_INVALID, "'%.64s' is defined by itself", template);
    e->depth++;
    int rc = expand_template(e, template, out);
    e->depth--;
    return rc;
}

const char *rift_recipe_expand(const struct rift_recipe *recipe, const json_t *context,
                               const char *template, struct rift_arena *arena,
                               struct rift_error *err)
{
    struct expansion e = {.recipe = recipe,
                          .context = context,
                          .node = json_object_get(context, "node"),
                          .arena = arena,
                          .err = err};
    CLEANUP(rift_text_finish) struct rift_text out = {0};
    if (expand_into(&e, template, &out)) {
        rift_wrap(err, "recipe '%s'", recipe->name);
        return NULL;
    }
    return rift_arena_strdup(arena, out.data ? out.data : "");
}

char **rift_recipe_expand_all(const struct rift_recipe *recipe, const json_t *context,
                              const char *const *templates, struct rift_arena *arena,
                              struct rift_error *err)
{
    size_t count = 0;
    while (templates[count])
        count++;
    char **list = rift_arena_calloc(arena, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = (char *)rift_recipe_expand(recipe, context, templates[i], arena, err);
        if (!list[i])
            return NULL;
    }
    return list;
}

static int check_texts(const struct rift_recipe *recipe, const json_t *context,
                       const char *const *texts, size_t count, struct rift_arena *arena,
                       struct rift_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i] && !rift_recipe_expand(recipe, context, texts[i], arena, err))
            return -1;
    return 0;
}

static int check_list(const struct rift_recipe *recipe, const json_t *context,
                      const char *const *list, struct rift_arena *arena, struct rift_error *err)
{
    return !list || rift_recipe_expand_all(recipe, context, list, arena, err) ? 0 : -1;
}

static int check_question(const struct rift_recipe *recipe, const json_t *context,
                          const struct rift_recipe_check *check, struct rift_arena *arena,
                          struct rift_error *err)
{
    const char *texts[] = {check->address, check->port, check->send,
                           check->url,     check->body, check->contains};
    if (check_texts(recipe, context, texts, 6, arena, err))
        return -1;
    return check_list(recipe, context, check->command, arena, err);
}

static int check_process(const struct rift_recipe *recipe, const json_t *context,
                         const struct rift_recipe_process *process, struct rift_arena *arena,
                         struct rift_error *err)
{
    for (size_t i = 0; i < process->environment_count; i++)
        if (check_texts(recipe, context, &process->environment[i].value, 1, arena, err))
            return -1;
    if (check_list(recipe, context, process->command, arena, err) ||
        check_texts(recipe, context, &process->working_folder, 1, arena, err))
        return -1;
    return check_question(recipe, context, &process->ready, arena, err);
}

/* Any node may be the one that is added or removed: this one stands for them. */
static int check_membership(const struct rift_recipe *recipe, const json_t *context,
                            struct rift_arena *arena, struct rift_error *err)
{
    const struct rift_recipe_membership *membership = &recipe->membership;
    if (membership->list.kind == RIFT_CHECK_NONE)
        return 0;
    json_t *with_member = json_copy((json_t *)context);
    json_t *member = json_deep_copy(json_object_get(context, "node"));
    json_object_set_new(member, "id", json_string("0"));
    json_object_set_new(with_member, "member", member);
    int rc = check_question(recipe, with_member, &membership->list, arena, err) ||
                     check_question(recipe, with_member, &membership->add, arena, err) ||
                     check_question(recipe, with_member, &membership->remove, arena, err) ||
                     check_texts(recipe, with_member, &membership->known_by, 1, arena, err)
                 ? -1
                 : 0;
    json_decref(with_member);
    return rc;
}

static int check_everything(const struct rift_recipe *recipe, const json_t *context,
                            struct rift_arena *arena, struct rift_error *err)
{
    for (size_t i = 0; i < recipe->process_count; i++)
        if (check_process(recipe, context, &recipe->processes[i], arena, err))
            return -1;
    for (size_t i = 0; i < recipe->file_count; i++) {
        const char *texts[] = {recipe->files[i].path, recipe->files[i].content};
        if (check_texts(recipe, context, texts, 2, arena, err))
            return -1;
    }
    for (size_t i = 0; i < recipe->prepare_count; i++)
        if (check_list(recipe, context, recipe->prepare[i], arena, err))
            return -1;
    for (size_t i = 0; i < recipe->founded_count; i++)
        if (check_list(recipe, context, recipe->founded[i], arena, err))
            return -1;
    if (check_list(recipe, context, recipe->version, arena, err) ||
        check_list(recipe, context, recipe->data_folders, arena, err) ||
        check_list(recipe, context, recipe->logs, arena, err) ||
        check_membership(recipe, context, arena, err))
        return -1;
    return check_question(recipe, context, &recipe->role, arena, err);
}

int rift_recipe_check_context(const struct rift_recipe *recipe, const json_t *context,
                              struct rift_error *err)
{
    struct rift_arena arena = {0};
    int rc = check_everything(recipe, context, &arena, err);
    rift_arena_finish(&arena);
    return rc;
}

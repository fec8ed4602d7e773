/* The section `system`: finds the recipe, checks it, and its options and artifacts against it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/sha256.h"
#include "common/wire/recipe.h"
#include "plan/file.h"
#include "plan/options.h"
#include "plan/reader.h"
#include "plan/recipe_options.h"
#include "plan/tables.h"

enum { SYSTEMS_MAX = 128, XFS_MIN_MB = 300 };

/* A recipe on its way into the plan. */
struct recipe_source {
    const char *path;
    const struct rift_tree *tree; /* NULL: found nowhere */
    json_t *json;
};

static size_t list_systems(struct rift_plan_reader *reader, const char *names[SYSTEMS_MAX])
{
    size_t count = 0;
    names[count++] = "none";
    const char *const *folder = reader->catalogue->system_folders;
    for (; folder && *folder; folder++) {
        DIR *directory = opendir(*folder);
        struct dirent *entry;
        while (directory && count < SYSTEMS_MAX && (entry = readdir(directory))) {
            size_t length = strlen(entry->d_name);
            if (!rift_text_ends_with(entry->d_name, ".yaml"))
                continue;
            char *name = rift_arena_strdup(reader->arena, entry->d_name);
            name[length - strlen(".yaml")] = '\0';
            size_t at = 0;
            while (at < count && strcmp(names[at], name) != 0)
                at++;
            if (at == count)
                names[count++] = name;
        }
        if (directory)
            closedir(directory);
    }
    return count;
}

static const char *find_recipe(struct rift_plan_reader *reader, const char *name,
                               const struct rift_tree *place)
{
    if (strchr(name, '/') || rift_text_ends_with(name, ".yaml"))
        return rift_plan_path(reader, name);
    const char *const *folder = reader->catalogue->system_folders;
    for (; folder && *folder; folder++) {
        const char *path = rift_arena_printf(reader->arena, "%s/%s.yaml", *folder, name);
        if (access(path, F_OK) == 0)
            return path;
    }
    const char *known[SYSTEMS_MAX];
    size_t count = list_systems(reader, known);
    rift_problem_unknown(&reader->problems, place, "system", name, known, count);
    return NULL;
}

/* The place of "processes[0].command" in the recipe; as far as it can be followed. */
static const struct rift_tree *follow_path(const struct rift_tree *tree, const char *path,
                                           size_t length)
{
    const struct rift_tree *at = tree;
    size_t i = 0;
    while (i < length) {
        if (path[i] == '[') {
            size_t index = strtoul(path + i + 1, NULL, 10);
            if (at->kind != RIFT_TREE_LIST || index >= at->count)
                return at;
            at = at->items[index];
            i += strcspn(path + i, "]") + 1;
            continue;
        }
        i += path[i] == '.';
        size_t key_length = strcspn(path + i, ".['");
        char key[128];
        snprintf(key, sizeof key, "%.*s", (int)key_length, path + i);
        const struct rift_tree *next = rift_tree_get(at, key);
        if (!next)
            return at;
        at = next;
        i += key_length;
        if (key_length == 0)
            return at;
    }
    return at;
}

/* "recipe: 'path' is wrong" becomes a problem at that path in the recipe's own file. */
static void add_recipe_problem(struct rift_plan_reader *reader, const struct recipe_source *source,
                               const struct rift_error *error)
{
    const struct rift_tree *at = source->tree;
    const char *quote = strchr(error->text, '\'');
    const char *end = quote ? strchr(quote + 1, '\'') : NULL;
    if (at && end)
        at = follow_path(at, quote + 1, (size_t)(end - quote - 1));
    const char *config = reader->problems.path;
    reader->problems.path = source->path;
    rift_problem_add(&reader->problems, at, "%s", error->text);
    reader->problems.path = config;
}

static int load_recipe(struct rift_plan_reader *reader, struct recipe_source *source,
                       const struct rift_tree *place)
{
    struct rift_error err;
    char *text;
    size_t length;
    if (rift_plan_file_read(source->path, &text, &length, &err) != 0) {
        rift_problem_add(&reader->problems, place, "%s", err.text);
        return -1;
    }
    source->tree = rift_tree_parse(reader->arena, source->path, text, length, &err);
    free(text);
    if (!source->tree) {
        /* It names its own file and place already. */
        if (reader->problems.count++)
            rift_text_append(&reader->problems.lines, "\n");
        rift_text_append(&reader->problems.lines, err.text);
        return -1;
    }
    source->json = rift_tree_to_json(source->tree);
    return 0;
}

/* One artifact: a local file, or what a frozen plan makes of it, {file, sha256}: a plan is repeated
 * with the same build or not at all. Its path goes to paths, both to frozen. */
static void read_artifact(struct rift_plan_reader *reader, const struct rift_tree *key,
                          const struct rift_tree *value, json_t *paths, json_t *frozen)
{
    bool is_frozen = value->kind == RIFT_TREE_MAP;
    const struct rift_tree *file = is_frozen ? rift_tree_get(value, "file") : value;
    const struct rift_tree *planned = is_frozen ? rift_tree_get(value, "sha256") : NULL;
    if (rift_tree_is_nothing(file) || file->kind != RIFT_TREE_SCALAR) {
        rift_problem_add(&reader->problems, value, "artifact '%s' must be a local file", key->text);
        return;
    }
    const char *path = rift_plan_path(reader, file->text);
    if (is_frozen && reader->is_past) {
        json_object_set_new(paths, key->text, json_string(path));
        json_object_set_new(frozen, key->text, rift_tree_to_json(value));
        return;
    }
    char sha256[RIFT_SHA256_HEX_SIZE] = "";
    struct rift_error err;
    if (access(path, R_OK) != 0)
        rift_problem_add(&reader->problems, file, "artifact '%s': cannot read '%s': %s", key->text,
                         path, strerror(errno));
    else if (rift_sha256_file(path, sha256, &err) != 0)
        rift_problem_add(&reader->problems, file, "artifact '%s': %s", key->text, err.text);
    else if (planned && (planned->kind != RIFT_TREE_SCALAR || strcmp(planned->text, sha256) != 0))
        rift_problem_add(&reader->problems, planned,
                         "artifact '%s': '%s' is not the file of this plan, its sha256 is %s; "
                         "bring that file back, or leave out sha256 to test another one",
                         key->text, path, sha256);
    json_object_set_new(paths, key->text, json_string(path));
    json_object_set_new(frozen, key->text, json_pack("{s:s, s:s}", "file", path, "sha256", sha256));
}

/* What an artifact of the recipe is in the configuration: its name to its path. */
static json_t *read_files(struct rift_plan_reader *reader, const struct rift_tree *node,
                          const struct rift_recipe *recipe, json_t *frozen)
{
    json_t *paths = json_object();
    const char *known[RIFT_RECIPE_ITEMS_MAX];
    for (size_t i = 0; i < recipe->artifact_count; i++)
        known[i] = recipe->artifacts[i].name;
    for (size_t i = 0; node && node->kind == RIFT_TREE_MAP && i < node->count; i++) {
        const struct rift_tree *key = node->keys[i];
        size_t at = 0;
        while (at < recipe->artifact_count && strcmp(known[at], key->text) != 0)
            at++;
        if (at == recipe->artifact_count)
            rift_problem_unknown(&reader->problems, key, "artifact", key->text, known,
                                 recipe->artifact_count);
        else
            read_artifact(reader, key, node->items[i], paths, frozen);
    }
    return paths;
}

char *rift_plan_secret_path(const char *file, const char *node)
{
    static const char name[] = "${node.name}";
    struct rift_text path = {0};
    for (const char *at; (at = strstr(file, name)); file = at + strlen(name)) {
        rift_text_append_bytes(&path, file, (size_t)(at - file));
        rift_text_append(&path, node);
    }
    rift_text_append(&path, file);
    return rift_text_take(&path);
}

/* Their names to their paths. What is in them is read when it is sent, and nowhere else. */
static json_t *read_secrets(struct rift_plan_reader *reader, const struct rift_tree *system,
                            const struct rift_recipe *recipe)
{
    json_t *paths = json_object();
    const struct rift_tree *node = rift_tree_get(system, "secrets");
    const char *known[RIFT_RECIPE_ITEMS_MAX];
    if (!rift_tree_is_nothing(node) && node->kind != RIFT_TREE_MAP)
        rift_problem_add(&reader->problems, node, "secrets must be a table: {NAME: FILE}");
    for (size_t i = 0; i < recipe->secret_count; i++)
        known[i] = recipe->secrets[i].name;
    for (size_t i = 0; node && node->kind == RIFT_TREE_MAP && i < node->count; i++) {
        const struct rift_tree *key = node->keys[i], *file = node->items[i];
        size_t at = 0;
        while (at < recipe->secret_count && strcmp(known[at], key->text) != 0)
            at++;
        if (at == recipe->secret_count)
            rift_problem_unknown(&reader->problems, key, "secret", key->text, known,
                                 recipe->secret_count);
        else if (rift_tree_is_nothing(file) || file->kind != RIFT_TREE_SCALAR)
            rift_problem_add(&reader->problems, key, "secret '%s' must be a local file", key->text);
        else
            json_object_set_new(paths, key->text, json_string(rift_plan_path(reader, file->text)));
    }
    for (size_t i = 0; i < recipe->secret_count && !reader->plan->attach; i++)
        if (!json_object_get(paths, known[i]))
            rift_problem_add(&reader->problems, system, "the recipe needs secrets: {%s: FILE}%s%s",
                             known[i], recipe->secrets[i].summary[0] ? ", " : "",
                             recipe->secrets[i].summary);
    return paths;
}

static json_t *read_artifacts(struct rift_plan_reader *reader, const struct rift_tree *node,
                              const struct rift_recipe *recipe, const struct rift_tree *place,
                              json_t *frozen)
{
    json_t *paths = read_files(reader, node, recipe, frozen);
    for (size_t i = 0; i < recipe->artifact_count && !reader->plan->attach; i++)
        if (!recipe->artifacts[i].fallback && !json_object_get(paths, recipe->artifacts[i].name))
            rift_problem_add(&reader->problems, place, "the recipe needs artifacts: {%s: FILE}",
                             recipe->artifacts[i].name);
    return paths;
}

static void read_attach(struct rift_plan_reader *reader, const struct rift_tree *node)
{
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *given = rift_tree_get(node, "attach");
    if (rift_tree_is_nothing(given))
        return;
    json_t *attach =
        rift_options_check(&reader->problems, given, rift_attach_options, NULL, "attach", given);
    const char *unit = json_string_value(json_object_get(attach, "unit"));
    const char *cgroup = json_string_value(json_object_get(attach, "cgroup"));
    bool wipes = json_is_true(json_object_get(attach, "wipe"));
    if (!unit == !cgroup)
        rift_problem_add(&reader->problems, given,
                         "attach needs one of two: the unit of systemd, or a cgroup");
    if (unit && !strchr(unit, '.'))
        rift_problem_add(&reader->problems, rift_tree_get(given, "unit"),
                         "the unit must have its whole name: %s.service", unit);
    if (cgroup && wipes)
        rift_problem_add(&reader->problems, given, "wipe needs a unit, which can be stopped");
    const struct rift_tree *artifacts = rift_tree_get(node, "artifacts");
    const struct rift_tree *upgrade = rift_tree_get(node, "upgrade_to");
    if (plan->disk_mb > 0 || strcmp(plan->disk_layer, "none") != 0 ||
        (artifacts && artifacts->count > 0) || (upgrade && upgrade->count > 0))
        rift_problem_add(&reader->problems, given,
                         "artifacts, upgrade_to, disk_mb and disk_layer are for a system that Rift "
                         "installs, not for one with attach");
    plan->attach = rift_plan_keep(reader, attach);
    plan->attach_wipes = wipes;
}

/* What its disk is made with comes as the packages of the recipe do. */
static void add_package(json_t *recipe, const char *name)
{
    json_t *packages = json_object_get(recipe, "packages"), *package;
    size_t i;
    if (!packages)
        json_object_set_new(recipe, "packages", packages = json_array());
    json_array_foreach(packages, i, package)
    {
        if (json_is_string(package) && strcmp(json_string_value(package), name) == 0)
            return;
    }
    json_array_append_new(packages, json_string(name));
}

static void read_disk(struct rift_plan_reader *reader, const struct rift_tree *node,
                      const json_t *checked)
{
    struct rift_plan *plan = reader->plan;
    const char *layer = json_string_value(json_object_get(checked, "disk_layer"));
    const char *fs = json_string_value(json_object_get(checked, "disk_fs"));
    plan->disk_mb = json_integer_value(json_object_get(checked, "disk_mb"));
    plan->disk_layer = rift_arena_strdup(reader->arena, layer ? layer : "none");
    plan->disk_fs = rift_arena_strdup(reader->arena, fs ? fs : "ext4");
    if (strcmp(plan->disk_fs, "xfs") == 0 && plan->disk_mb < XFS_MIN_MB)
        rift_problem_add(&reader->problems, rift_tree_get(node, "disk_fs"),
                         "xfs needs a disk_mb of %d or more", XFS_MIN_MB);
}

static void read_recipe(struct rift_plan_reader *reader, const struct rift_tree *node,
                        const struct recipe_source *source)
{
    struct rift_plan *plan = reader->plan;
    struct rift_error err;
    if (strcmp(plan->disk_fs, "xfs") == 0)
        add_package(source->json, "xfsprogs");
    struct rift_recipe *recipe = rift_recipe_from_json(source->json, reader->arena, &err);
    if (!recipe) {
        add_recipe_problem(reader, source, &err);
        return;
    }
    const struct rift_tree *options_node = rift_tree_get(node, "options");
    json_t *options = rift_options_check(
        &reader->problems, options_node, rift_recipe_option_table(recipe, reader->arena), NULL,
        "the system's options", options_node ? options_node : node);
    json_t *artifacts = json_object(), *upgrade = json_object();
    plan->system.options = options;
    plan->artifacts = rift_plan_keep(
        reader, read_artifacts(reader, rift_tree_get(node, "artifacts"), recipe, node, artifacts));
    plan->upgrade_to = rift_plan_keep(
        reader, read_files(reader, rift_tree_get(node, "upgrade_to"), recipe, upgrade));
    plan->secrets = rift_plan_keep(reader, read_secrets(reader, node, recipe));
    plan->recipe = source->json;
    reader->client_of_recipe = recipe->client;
    json_object_set_new(reader->frozen, "system",
                        json_pack("{s:s, s:o, s:o, s:o, s:O, s:I, s:s, s:s, s:b, s:O}", "recipe",
                                  plan->system.name, "options", options, "artifacts", artifacts,
                                  "upgrade_to", upgrade, "secrets", plan->secrets, "disk_mb",
                                  (json_int_t)plan->disk_mb, "disk_fs", plan->disk_fs, "disk_layer",
                                  plan->disk_layer, "keep_data", (int)plan->keep_data, "definition",
                                  source->json));
    if (plan->attach)
        json_object_set(json_object_get(reader->frozen, "system"), "attach",
                        (json_t *)plan->attach);
    rift_recipe_finish(recipe);
}

void rift_plan_read_system(struct rift_plan_reader *reader)
{
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *node = rift_tree_get(reader->root, "system");
    plan->system.name = "none";
    plan->disk_layer = "none";
    plan->disk_fs = "ext4";
    plan->system.options = rift_plan_keep(reader, json_object());
    plan->artifacts = rift_plan_keep(reader, json_object());
    plan->upgrade_to = rift_plan_keep(reader, json_object());
    plan->secrets = rift_plan_keep(reader, json_object());
    const struct rift_tree *name = node;
    if (node && node->kind == RIFT_TREE_MAP) {
        json_t *checked =
            rift_options_check(&reader->problems, node, rift_system_options, NULL, "system", node);
        read_disk(reader, node, checked);
        plan->keep_data = json_is_true(json_object_get(checked, "keep_data"));
        json_decref(checked);
        read_attach(reader, node);
        name = rift_tree_get(node, "recipe");
    }
    bool is_none = rift_tree_is_nothing(name) ||
                   (name->kind == RIFT_TREE_SCALAR && strcmp(name->text, "none") == 0);
    if (is_none && plan->attach)
        rift_problem_add(&reader->problems, node,
                         "attach needs a recipe, which tells how to ask "
                         "the system whether it is ready");
    if (is_none) {
        json_object_set_new(reader->frozen, "system", json_string("none"));
        return;
    }
    if (name->kind != RIFT_TREE_SCALAR) {
        rift_problem_add(&reader->problems, name, "the system must be the name of a recipe");
        return;
    }
    plan->system.name = name->text;
    struct recipe_source source = {.path = reader->problems.path,
                                   .tree = rift_tree_get(node, "definition")};
    if (source.tree) {
        source.json = rift_tree_to_json(source.tree);
    } else {
        source.path = find_recipe(reader, name->text, name);
        if (!source.path || load_recipe(reader, &source, name) != 0)
            return;
    }
    read_recipe(reader, node, &source);
    json_decref(source.json);
}

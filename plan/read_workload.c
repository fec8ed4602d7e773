/* The sections `workload` and `client`, which must fit each other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "plan/generators/generator.h"
#include "plan/options.h"
#include "plan/reader.h"
#include "plan/tables.h"

/* A section that is a name, or a table with `name` and options. */
struct named_section {
    const struct rift_tree *node; /* or NULL */
    const struct rift_tree *name; /* or NULL */
    const struct rift_catalogue_entry *entry;
};

static void read_named(struct rift_plan_reader *reader, const char *key,
                       const struct rift_catalogue_entry *entries, const char *fallback,
                       struct named_section *section)
{
    section->node = rift_tree_get(reader->root, key);
    if (rift_tree_is_nothing(section->node))
        section->node = NULL;
    section->name = section->node;
    if (section->node && section->node->kind == RIFT_TREE_MAP)
        section->name = rift_tree_get(section->node, "name");
    if (section->node && section->node->kind == RIFT_TREE_MAP && !section->name && !fallback)
        rift_problem_add(&reader->problems, section->node, "%s needs 'name'", key);
    if (section->name && section->name->kind != RIFT_TREE_SCALAR) {
        rift_problem_add(&reader->problems, section->name,
                         "%s must be a name, or a table with 'name' and options", key);
        return;
    }
    const char *word = section->name ? section->name->text : fallback;
    if (!word || strcmp(word, "none") == 0)
        return;
    section->entry = rift_plan_entry(entries, word);
    if (section->entry)
        return;
    size_t count;
    const char *const *names = rift_plan_names(reader, entries, &count);
    rift_problem_unknown(&reader->problems, section->name ? section->name : reader->root, key, word,
                         names, count);
}

static const struct rift_tree *map_of(const struct named_section *section)
{
    return section->node && section->node->kind == RIFT_TREE_MAP ? section->node : NULL;
}

/* "2n" or "10" threads; 0 after a problem. */
static unsigned read_concurrency(struct rift_plan_reader *reader, const json_t *load,
                                 const struct rift_tree *place)
{
    const char *text = json_string_value(json_object_get(load, "concurrency"));
    if (!text)
        return 0;
    char *end;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10);
    bool has_digits = end != text && text[0] >= '0' && text[0] <= '9';
    if (*end == 'n' && end[1] == '\0' && (has_digits || end == text)) {
        count = (has_digits ? count : 1) * reader->plan->host_count;
        end++;
        has_digits = true;
        if (reader->plan->host_count == 0) /* which is named already */
            return 0;
    }
    if (!has_digits || *end || errno || count == 0 || count > RIFT_THREADS_MAX) {
        rift_problem_add(&reader->problems, place,
                         "'concurrency' must be a number of threads up to %d, or a multiple of the "
                         "number of nodes as '2n', not '%s'",
                         RIFT_THREADS_MAX, text);
        return 0;
    }
    return (unsigned)count;
}

static size_t count_options(const struct rift_option *options)
{
    size_t count = 0;
    while (options && options[count].name)
        count++;
    return count;
}

/* The options of every workload and its own, as one table. */
static const struct rift_option *workload_options(struct rift_plan_reader *reader,
                                                  const struct rift_catalogue_entry *entry)
{
    size_t own = count_options(entry->options), load = count_options(rift_load_options);
    struct rift_option *both = rift_arena_calloc(reader->arena, own + load + 1, sizeof *both);
    memcpy(both, rift_load_options, load * sizeof *both);
    if (own)
        memcpy(both + load, entry->options, own * sizeof *both);
    return both;
}

static void read_workload(struct rift_plan_reader *reader, const struct named_section *section)
{
    static const char *const also[] = {"name", NULL};
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *map = map_of(section);
    CLEANUP(rift_free) char *owner = rift_printf("workload '%s'", section->entry->name);
    json_t *options =
        rift_options_check(&reader->problems, map, workload_options(reader, section->entry), also,
                           owner, section->node);
    const struct rift_tree *concurrency = rift_tree_get(map, "concurrency");
    plan->concurrency =
        read_concurrency(reader, options, concurrency ? concurrency : section->node);
    plan->rate_hz = json_number_value(json_object_get(options, "rate_hz"));
    plan->op_timeout_ms = json_integer_value(json_object_get(options, "op_timeout_ms"));
    json_object_set_new(options, "concurrency", json_integer(plan->concurrency));
    plan->workload.name = section->entry->name;
    plan->workload.options = rift_plan_keep(reader, options);
}

/* What the workload asks of the client. A value that stands only in the client's section is kept.
 */
static void pass_options(struct rift_plan_reader *reader, const struct named_section *workload,
                         const struct named_section *client, json_t *options)
{
    const char *const *name = workload->entry->client_options;
    for (; name && *name; name++) {
        bool is_clients =
            rift_tree_get(map_of(client), *name) && !rift_tree_get(map_of(workload), *name);
        json_t *own = (json_t *)reader->plan->workload.options;
        if (is_clients)
            json_object_set(own, *name, json_object_get(options, *name));
        else
            json_object_set(options, *name, json_object_get(own, *name));
    }
    if (!workload->entry->client_settings)
        return;
    json_t *settings = json_loads(workload->entry->client_settings, 0, NULL);
    json_object_update(options, settings);
    json_decref(settings);
}

/* Keys that a client's section may have besides the client's own: what its workload passes on. */
static const char *const *passed_names(struct rift_plan_reader *reader,
                                       const struct rift_catalogue_entry *workload)
{
    json_t *settings = NULL;
    if (workload && workload->client_settings)
        settings = json_loads(workload->client_settings, 0, NULL);
    size_t count = 1, passed = 0;
    while (workload && workload->client_options && workload->client_options[passed])
        passed++;
    const char **names =
        rift_arena_calloc(reader->arena, passed + json_object_size(settings) + 2, sizeof *names);
    names[0] = "name";
    for (size_t i = 0; i < passed; i++)
        names[count++] = workload->client_options[i];
    const char *key;
    json_t *value;
    json_object_foreach(settings, key, value) names[count++] =
        rift_arena_strdup(reader->arena, key);
    json_decref(settings);
    return names;
}

static void check_operation(struct rift_plan_reader *reader, const struct named_section *workload,
                            const struct named_section *client, const char *needed)
{
    const char *const *offered = client->entry->operations;
    while (*offered && strcmp(*offered, needed) != 0)
        offered++;
    if (!*offered)
        rift_problem_add(&reader->problems, workload->node,
                         "workload '%s' needs the operation '%s', which client '%s' does not have",
                         workload->entry->name, needed, client->entry->name);
}

static void check_operations(struct rift_plan_reader *reader, const struct named_section *workload,
                             const struct named_section *client)
{
    if (!client->entry->operations)
        return;
    for (const char *const *needed = workload->entry->operations; needed && *needed; needed++)
        check_operation(reader, workload, client, *needed);
    const struct rift_optional_operation *optional = workload->entry->optional_operations;
    for (; optional && optional->f; optional++)
        if (json_number_value(json_object_get(reader->plan->workload.options, optional->option)) >
            0)
            check_operation(reader, workload, client, optional->f);
}

static void read_client(struct rift_plan_reader *reader, const struct named_section *section,
                        const struct named_section *workload)
{
    struct rift_plan *plan = reader->plan;
    CLEANUP(rift_free) char *owner = rift_printf("client '%s'", section->entry->name);
    const char *const *known = passed_names(reader, workload->entry);
    json_t *options =
        rift_options_check(&reader->problems, map_of(section), section->entry->options, known,
                           owner, section->node ? section->node : reader->root);
    for (size_t i = 1; known[i]; i++) {
        const struct rift_tree *given = rift_tree_get(map_of(section), known[i]);
        if (given && !json_object_get(options, known[i]))
            json_object_set_new(options, known[i], rift_tree_to_json(given));
    }
    for (const struct rift_option *option = section->entry->options; option && option->name;
         option++) {
        const char *path = json_string_value(json_object_get(options, option->name));
        if (option->kind == RIFT_OPTION_FILE && path && path[0])
            json_object_set_new(options, option->name, json_string(rift_plan_path(reader, path)));
    }
    plan->client.name = section->entry->name;
    plan->client.options = rift_plan_keep(reader, options);
    if (!workload->entry)
        return;
    check_operations(reader, workload, section);
    pass_options(reader, workload, section, options);
}

static void freeze(struct rift_plan_reader *reader, const char *key,
                   const struct rift_plan_component *component)
{
    if (!component->name)
        return;
    json_t *section = json_pack("{s:s}", "name", component->name);
    json_object_update(section, (json_t *)component->options);
    json_object_set_new(reader->frozen, key, section);
}

void rift_plan_read_workload(struct rift_plan_reader *reader)
{
    struct named_section workload = {0}, client = {0};
    read_named(reader, "workload", reader->catalogue->workloads, NULL, &workload);
    read_named(reader, "client", reader->catalogue->clients, reader->client_of_recipe, &client);
    if (workload.entry)
        read_workload(reader, &workload);
    if (client.entry)
        read_client(reader, &client, &workload);
    else if (workload.entry && reader->problems.count == 0)
        rift_problem_add(&reader->problems, reader->root,
                         "'client' is missing, and no recipe names one");
    freeze(reader, "client", &reader->plan->client);
    freeze(reader, "workload", &reader->plan->workload);
}

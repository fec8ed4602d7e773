/* The section `checkers`: what the configuration lists, or what the workload brings along. */
#include <string.h>

#include "common/memory.h"
#include "plan/options.h"
#include "plan/reader.h"

/* A run is never valid by emptiness, so evidence judges every run; the others describe it. */
static const char *const always[] = {"evidence", "performance", "clock", NULL};

struct checker_list {
    struct rift_plan_component *components;
    size_t count, capacity;
};

static bool has_checker(const struct checker_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->components[i].name, name) == 0)
            return true;
    return false;
}

/* options NULL: defaults; place: where problems are shown. */
static void add_checker(struct rift_plan_reader *reader, struct checker_list *list,
                        const char *name, const struct rift_tree *options,
                        const struct rift_tree *place)
{
    const struct rift_catalogue_entry *entry = rift_plan_entry(reader->catalogue->checkers, name);
    if (!entry) {
        size_t count;
        const char *const *names = rift_plan_names(reader, reader->catalogue->checkers, &count);
        rift_problem_unknown(&reader->problems, place, "checker", name, names, count);
        return;
    }
    if (has_checker(list, entry->name)) {
        rift_problem_add(&reader->problems, place, "checker '%s' is listed twice", name);
        return;
    }
    CLEANUP(rift_free) char *owner = rift_printf("checker '%s'", name);
    json_t *json =
        rift_options_check(&reader->problems, options, entry->options, NULL, owner, place);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        struct rift_plan_component *more = rift_arena_calloc(reader->arena, capacity, sizeof *more);
        for (size_t i = 0; i < list->count; i++)
            more[i] = list->components[i];
        list->components = more;
        list->capacity = capacity;
    }
    list->components[list->count++] =
        (struct rift_plan_component){.name = entry->name, .options = rift_plan_keep(reader, json)};
}

static void add_listed(struct rift_plan_reader *reader, struct checker_list *list,
                       const struct rift_tree *node)
{
    if (node->kind == RIFT_TREE_SCALAR)
        add_checker(reader, list, node->text, NULL, node);
    else if (node->kind == RIFT_TREE_MAP && node->count == 1)
        add_checker(reader, list, node->keys[0]->text, node->items[0], node->keys[0]);
    else
        rift_problem_add(&reader->problems, node,
                         "a checker must be a name, or one 'name: {options}'");
}

/* Options of a workload's own choice are texts of ours, read as a configuration would be. */
static void add_chosen(struct rift_plan_reader *reader, struct checker_list *list,
                       const struct rift_checker_choice *choice)
{
    const struct rift_tree *place = rift_tree_get(reader->root, "workload");
    if (!rift_plan_entry(reader->catalogue->checkers, choice->name)) {
        rift_problem_add(&reader->problems, place,
                         "workload '%s' is judged by the checker '%s', which this build does not "
                         "have; 'checkers: [...]' names others",
                         reader->plan->workload.name, choice->name);
        return;
    }
    struct rift_tree *options = NULL;
    if (choice->options)
        options = rift_tree_parse(reader->arena, choice->name, choice->options,
                                  strlen(choice->options), NULL);
    add_checker(reader, list, choice->name, options, place);
}

void rift_plan_read_checkers(struct rift_plan_reader *reader)
{
    const struct rift_tree *node = rift_tree_get(reader->root, "checkers");
    struct checker_list list = {0};
    bool is_auto = rift_tree_is_nothing(node) ||
                   (node->kind == RIFT_TREE_SCALAR && strcmp(node->text, RIFT_OPTION_AUTO) == 0);
    const struct rift_catalogue_entry *workload = NULL;
    if (reader->plan->workload.name)
        workload = rift_plan_entry(reader->catalogue->workloads, reader->plan->workload.name);
    if (!is_auto && node->kind == RIFT_TREE_LIST)
        for (size_t i = 0; i < node->count; i++)
            add_listed(reader, &list, node->items[i]);
    else if (!is_auto)
        add_listed(reader, &list, node);
    else
        for (size_t i = 0; workload && workload->checkers && workload->checkers[i].name; i++)
            add_chosen(reader, &list, &workload->checkers[i]);
    for (size_t i = 0; always[i]; i++)
        if (!has_checker(&list, always[i]) &&
            rift_plan_entry(reader->catalogue->checkers, always[i]))
            add_checker(reader, &list, always[i], NULL, node);
    reader->plan->checkers = list.components;
    reader->plan->checker_count = list.count;
    json_t *frozen = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(
            frozen, json_pack("{s:O}", list.components[i].name, list.components[i].options));
    json_object_set_new(reader->frozen, "checkers", frozen);
}

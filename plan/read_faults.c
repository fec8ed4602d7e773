/* The section `faults`. An entry is one of
 *     {partition: KINDS, every_s: .., for_s: ..}      a fault, with timing
 *     {chaos: [ITEMS], ..}                            one of many at random, by weight
 *     {sequence: [ITEMS], ..}                         one after another
 * where an item is a fault without timing, but may have its own for_s (and, in a chaos, weight). */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "plan/options.h"
#include "plan/tables.h"
#include "plan/variants.h"

enum { FAULTS_MAX = 128 };
static const double VARY_LEAST_S = 0.1;

/* A name with what stands behind it. */
struct named_value {
    const struct rift_tree *key;   /* NULL: there is none */
    const struct rift_tree *value; /* or NULL */
};

static const struct rift_fault *find_fault(const struct rift_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; catalogue->faults[i]; i++)
        if (strcmp(catalogue->faults[i]->name, name) == 0)
            return catalogue->faults[i];
    return NULL;
}

static bool is_group(const char *name)
{
    return strcmp(name, "chaos") == 0 || strcmp(name, "sequence") == 0;
}

static bool has_option(const struct rift_option *options, const char *name)
{
    for (; options->name; options++)
        if (strcmp(options->name, name) == 0)
            return true;
    return false;
}

/* "unknown fault": most likely the first key that is no option is the name, mistyped. */
static void add_unknown(struct rift_plan_reader *reader, const struct rift_tree *node,
                        const struct rift_option *options, bool may_be_group)
{
    const char *names[FAULTS_MAX + 2];
    size_t count = 0;
    for (; reader->catalogue->faults[count] && count < FAULTS_MAX; count++)
        names[count] = reader->catalogue->faults[count]->name;
    if (may_be_group) {
        names[count++] = "chaos";
        names[count++] = "sequence";
    }
    const struct rift_tree *odd = node;
    for (size_t i = 0; node->kind == RIFT_TREE_MAP && i < node->count && odd == node; i++)
        if (!has_option(options, node->keys[i]->text))
            odd = node->keys[i];
    rift_problem_unknown(&reader->problems, odd, "fault",
                         odd->kind == RIFT_TREE_SCALAR ? odd->text : "", names, count);
}

/* The fault (or group) that an entry or item names; a problem where it names none, or two. */
static struct named_value find_name(struct rift_plan_reader *reader, const struct rift_tree *node,
                                    const struct rift_option *options, bool may_be_group)
{
    struct named_value found = {NULL, NULL};
    const struct rift_tree *const one[] = {node};
    bool is_map = node->kind == RIFT_TREE_MAP;
    size_t count = is_map ? node->count : node->kind == RIFT_TREE_SCALAR;
    for (size_t i = 0; i < count; i++) {
        const struct rift_tree *key = is_map ? node->keys[i] : one[0];
        if (!find_fault(reader->catalogue, key->text) && !(may_be_group && is_group(key->text)))
            continue;
        if (found.key) {
            rift_problem_add(&reader->problems, key,
                             "two faults in one entry: each needs its own '- '");
            return (struct named_value){NULL, NULL};
        }
        found = (struct named_value){key, is_map ? node->items[i] : NULL};
    }
    if (!found.key)
        add_unknown(reader, node, options, may_be_group);
    return found;
}

static struct rift_range range_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    bool is_pair = json_is_array(value);
    return (struct rift_range){json_number_value(is_pair ? json_array_get(value, 0) : value),
                               json_number_value(is_pair ? json_array_get(value, 1) : value)};
}

static double time_of(const json_t *timing, const char *key)
{
    const json_t *value = json_object_get(timing, key);
    return value ? json_number_value(value) : -1;
}

/* The frozen form has a weight of 1 everywhere. */
static void check_weight(struct rift_plan_reader *reader, const struct rift_tree *node,
                         const json_t *options, bool is_sequence)
{
    double weight = json_number_value(json_object_get(options, "weight"));
    if (is_sequence && rift_tree_get(node, "weight") && (weight < 1 || weight > 1))
        rift_problem_add(&reader->problems, rift_tree_get(node, "weight"),
                         "weight is for the items of a chaos; of a sequence every step comes");
}

/* The step {wait_for: CONDITION} of a sequence; its frozen form. */
static json_t *read_wait(struct rift_variants *list, const struct rift_tree *node,
                         const struct rift_tree *word)
{
    static const char *const also[] = {"wait_for", NULL};
    struct rift_plan_reader *reader = list->reader;
    json_t *options =
        rift_options_check(&reader->problems, node, rift_item_options, also, "wait_for", node);
    check_weight(reader, node, options, true);
    const char *text = word->kind == RIFT_TREE_SCALAR ? word->text : "";
    size_t known = 0, at = 0;
    while (rift_wait_words[known])
        known++;
    while (at < known && strcmp(rift_wait_words[at], text) != 0)
        at++;
    if (at == known)
        rift_problem_unknown(&reader->problems, word, "condition", text, rift_wait_words, known);
    if (!json_object_get(reader->plan->recipe, strcmp(text, "healthy") == 0 ? "processes" : "role"))
        rift_problem_add(&reader->problems, word,
                         "wait_for needs a recipe that tells who leads (role)");
    const json_t *at_s = json_object_get(options, "at_s");
    if (list->count < RIFT_VARIANTS_MAX)
        list->items[list->count++] = (struct rift_fault_variant){
            .fault = &rift_wait_for,
            .target = {.kind = RIFT_TARGET_ALL},
            .options = rift_plan_keep(reader, json_pack("{s:s}", "until", text)),
            .weight = 1,
            .for_s = range_of(options, "for_s"),
            .at_s = json_number_value(at_s),
            .begins_with = at_s == NULL};
    json_t *frozen = json_pack("{s:s}", "wait_for", text);
    json_object_update(frozen, options);
    json_decref(options);
    return frozen;
}

/* An item of a group; its frozen form, or NULL after a problem. */
static json_t *read_item(struct rift_variants *list, const struct rift_tree *node, bool is_sequence)
{
    struct rift_plan_reader *reader = list->reader;
    const struct rift_tree *wait =
        is_sequence && node->kind == RIFT_TREE_MAP ? rift_tree_get(node, "wait_for") : NULL;
    if (wait)
        return read_wait(list, node, wait);
    struct named_value name = find_name(reader, node, rift_item_options, false);
    if (!name.key)
        return NULL;
    const char *also[] = {name.key->text, NULL};
    const struct rift_tree *map = node->kind == RIFT_TREE_MAP ? node : NULL;
    json_t *options = rift_options_check(&reader->problems, map, rift_item_options, also,
                                         "an item of faults", node);
    const json_t *at = json_object_get(options, "at_s");
    if (at && !is_sequence)
        rift_problem_add(
            &reader->problems, rift_tree_get(node, "at_s"),
            "at_s is for the steps of a sequence; of a chaos one item comes at a time");
    check_weight(reader, node, options, is_sequence);
    const struct rift_fault_variant common = {
        .weight = json_number_value(json_object_get(options, "weight")),
        .for_s = range_of(options, "for_s"),
        .at_s = json_number_value(at),
        .follows = at == NULL};
    const struct rift_fault *fault = find_fault(reader->catalogue, name.key->text);
    json_t *frozen = json_object();
    json_object_set_new(frozen, fault->name,
                        rift_plan_read_variants(list, fault, name.key, name.value, &common));
    json_object_update(frozen, options);
    json_decref(options);
    return frozen;
}

static bool has_client_port(const struct rift_plan_reader *reader)
{
    return json_object_get(json_object_get(reader->plan->recipe, "ports"), "client") != NULL;
}

/* A chaos without a list is one of every fault of this build that the system has what it takes for,
 * but those that damage its data for good, those that an idle system does not feel, and those that
 * go from node to node and need a for_s of their own for it; a wide-area network is where a cluster
 * lives, not what befalls it. */
static json_t *read_everything(struct rift_variants *list, const struct rift_tree *key)
{
    const struct rift_fault_variant common = {.weight = 1};
    json_t *frozen = json_array();
    for (size_t i = 0; list->reader->catalogue->faults[i]; i++) {
        const struct rift_fault *fault = list->reader->catalogue->faults[i];
        if ((fault->hits_clients && !has_client_port(list->reader)) || fault->is_given_by_link ||
            fault->damages_data || fault->hits_host || fault->needs_load ||
            fault->scope == RIFT_FAULT_ON_MEMBERSHIP ||
            rift_plan_fault_lacks(list->reader->plan, fault))
            continue;
        json_t *item = json_object();
        json_object_set_new(item, fault->name,
                            rift_plan_read_variants(list, fault, key, NULL, &common));
        json_object_set_new(item, "weight", json_integer(1));
        json_array_append_new(frozen, item);
    }
    return frozen;
}

static json_t *read_group(struct rift_variants *list, const struct named_value *name,
                          bool is_sequence)
{
    struct rift_plan_reader *reader = list->reader;
    const struct rift_tree *items = name->value;
    if (rift_tree_is_nothing(items) && !is_sequence)
        return read_everything(list, name->key);
    json_t *frozen = json_array();
    if (rift_tree_is_nothing(items) || items->kind != RIFT_TREE_LIST || items->count == 0) {
        rift_problem_add(&reader->problems, items ? items : name->key,
                         "'%s' must be a list of faults", name->key->text);
        return frozen;
    }
    for (size_t i = 0; i < items->count; i++) {
        size_t before = list->count;
        json_t *item = read_item(list, items->items[i], is_sequence);
        if (item)
            json_array_append_new(frozen, item);
        if (is_sequence && list->count > before + 1)
            rift_problem_add(&reader->problems, items->items[i],
                             "a step of a sequence has one target, not a list to choose from");
    }
    return frozen;
}

static void take_variants(struct rift_plan_reader *reader, const struct rift_variants *list,
                          struct rift_fault_entry *entry)
{
    struct rift_fault_variant *variants =
        rift_arena_calloc(reader->arena, list->count, sizeof *variants);
    memcpy(variants, list->items, list->count * sizeof *variants);
    entry->variants = variants;
    entry->variant_count = list->count;
}

/* The frozen form, or NULL after a problem. */
static json_t *read_entry(struct rift_plan_reader *reader, const struct rift_tree *node,
                          struct rift_fault_entry *entry)
{
    struct named_value name = find_name(reader, node, rift_timing_options, true);
    if (!name.key)
        return NULL;
    const char *also[] = {name.key->text, NULL};
    CLEANUP(rift_free) char *owner = rift_printf("fault '%s'", name.key->text);
    json_t *timing =
        rift_options_check(&reader->problems, node->kind == RIFT_TREE_MAP ? node : NULL,
                           rift_timing_options, also, owner, node);
    CLEANUP(rift_free) struct rift_variants *list = rift_calloc(1, sizeof *list);
    list->reader = reader;
    list->varies = range_of(timing, "vary_s").low > 0;
    const struct rift_fault *fault = find_fault(reader->catalogue, name.key->text);
    const struct rift_fault_variant common = {.weight = 1};
    const char *lane = rift_plan_text(reader, timing, "lane");
    *entry = (struct rift_fault_entry){.lane = lane ? lane : name.key->text,
                                       .is_sequence = strcmp(name.key->text, "sequence") == 0,
                                       .every_s = range_of(timing, "every_s"),
                                       .for_s = range_of(timing, "for_s"),
                                       .first_s = time_of(timing, "start_s"),
                                       .until_s = time_of(timing, "until_s"),
                                       .change_s = range_of(timing, "change_s").low,
                                       .vary_s = range_of(timing, "vary_s").low,
                                       .line = node->line,
                                       .column = node->column};
    json_t *frozen = json_object();
    json_object_set_new(frozen, name.key->text,
                        fault ? rift_plan_read_variants(list, fault, name.key, name.value, &common)
                              : read_group(list, &name, entry->is_sequence));
    take_variants(reader, list, entry);
    if (!*entry->lane || strchr(entry->lane, '/'))
        rift_problem_add(&reader->problems, rift_tree_get(node, "lane"),
                         "a lane is a word without '/', which those of a sequence's steps have");
    if (entry->vary_s > 0 && entry->vary_s < VARY_LEAST_S)
        rift_problem_add(&reader->problems, node, "vary_s must be %g s at least, or 0",
                         VARY_LEAST_S);
    if (entry->vary_s > 0 && !(fault && fault->can_change))
        rift_problem_add(&reader->problems, node,
                         "vary_s is for faults that can change while they are on, as link, each in "
                         "an entry of its own");
    if (entry->for_s.low > entry->every_s.high && !entry->is_sequence)
        rift_problem_add(&reader->problems, node,
                         "for_s is longer than every_s: the windows would overlap");
    json_object_set_new(timing, "lane", json_string(entry->lane));
    json_object_update(frozen, timing);
    json_decref(timing);
    return frozen;
}

void rift_plan_read_faults(struct rift_plan_reader *reader)
{
    const struct rift_tree *node = rift_tree_get(reader->root, "faults");
    json_t *frozen = json_array();
    json_object_set_new(reader->frozen, "faults", frozen);
    if (rift_tree_is_nothing(node) || reader->plan->host_count == 0)
        return;
    if (node->kind != RIFT_TREE_LIST) {
        rift_problem_add(&reader->problems, node, "faults must be a list: each with '- ' in front");
        return;
    }
    struct rift_fault_entry *entries =
        rift_arena_calloc(reader->arena, node->count, sizeof *entries);
    for (size_t i = 0; i < node->count; i++) {
        json_t *entry = read_entry(reader, node->items[i], &entries[i]);
        if (entry)
            json_array_append_new(frozen, entry);
    }
    reader->plan->faults = entries;
    reader->plan->fault_count = node->count;
}

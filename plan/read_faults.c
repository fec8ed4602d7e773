/* The section `faults`. An entry is one of
 *     {partition: KINDS, every_s: .., for_s: ..}      a fault, with timing
 *     {chaos: [ITEMS], ..}                            one of many at random, by weight
 *     {sequence: [ITEMS], ..}                         one after another
 * where an item is a fault without timing, but may have its own for_s (and, in a chaos, weight).
 * KINDS of a fault on links is a grudge, a list of them to choose from, or a table with `kinds` or
 * `grudge` and options; TARGETS of others a target, a list, or a table with `targets` and options.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "plan/options.h"
#include "plan/reader.h"
#include "plan/tables.h"

enum { VARIANTS_MAX = 256, FAULTS_MAX = 128 };

static const char *const DEFAULT_GRUDGES[] = {"halves", "majorities-ring", "isolate-primary", NULL};

/* The entry that is being read. */
struct entry_reader {
    struct rift_plan_reader *reader;
    struct rift_fault_variant variants[VARIANTS_MAX];
    size_t count;
};

static size_t fault_names(const struct rift_catalogue *catalogue, const char *names[FAULTS_MAX])
{
    size_t count = 0;
    for (; catalogue->faults[count] && count + 3 < FAULTS_MAX; count++)
        names[count] = catalogue->faults[count]->name;
    names[count++] = "chaos";
    names[count++] = "sequence";
    return count;
}

static const struct rift_fault *find_fault(const struct rift_catalogue *catalogue, const char *name)
{
    for (size_t i = 0; catalogue->faults[i]; i++)
        if (strcmp(catalogue->faults[i]->name, name) == 0)
            return catalogue->faults[i];
    return NULL;
}

static size_t word_index(const char *const *words, const char *word)
{
    size_t i = 0;
    while (words[i] && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static void add_variant(struct entry_reader *entry, const struct rift_fault_variant *variant,
                        const struct rift_tree *place)
{
    if (entry->count == VARIANTS_MAX)
        rift_problem_add(&entry->reader->problems, place, "more than %d faults in one entry",
                         VARIANTS_MAX);
    else
        entry->variants[entry->count++] = *variant;
}

/* The kinds of grudge that a cluster of this size cannot have are found before the run. */
static void add_grudge(struct entry_reader *entry, struct rift_fault_variant variant,
                       const char *word, const struct rift_tree *place)
{
    struct rift_plan_reader *reader = entry->reader;
    size_t index = word_index(rift_grudge_words, word);
    if (!rift_grudge_words[index]) {
        rift_problem_unknown(&reader->problems, place, "partition", word, rift_grudge_words, index);
        return;
    }
    variant.grudge = (enum rift_grudge_kind)index;
    struct rift_cluster cluster = {.node_count = reader->plan->host_count,
                                   .names = reader->plan->host_names};
    struct rift_rng rng;
    rift_rng_init(&rng, 1);
    CLEANUP(rift_free) struct rift_grudge *grudge = rift_malloc(sizeof *grudge);
    bool is_guess;
    struct rift_error err;
    if (rift_grudge_resolve(variant.grudge, &cluster, &rng, grudge, &is_guess, &err) != 0)
        rift_problem_add(&reader->problems, place, "%s", err.text);
    add_variant(entry, &variant, place);
}

static void add_explicit(struct entry_reader *entry, struct rift_fault_variant variant,
                         const struct rift_tree *node)
{
    struct rift_plan_reader *reader = entry->reader;
    struct rift_grudge *grudge = rift_arena_calloc(reader->arena, 1, sizeof *grudge);
    json_t *json = rift_tree_to_json(node);
    struct rift_error err;
    if (rift_grudge_from_json(grudge, json, reader->plan->host_names, reader->plan->host_count,
                              &err) != 0)
        rift_problem_add(&reader->problems, node, "%s", err.text);
    json_decref(json);
    variant.grudge = RIFT_GRUDGE_EXPLICIT;
    variant.explicit_grudge = grudge;
    add_variant(entry, &variant, node);
}

static void add_target_kind(struct entry_reader *entry, struct rift_fault_variant variant,
                            enum rift_target_kind kind, const struct rift_tree *place)
{
    struct rift_plan_reader *reader = entry->reader;
    variant.target = (struct rift_target_choice){.kind = kind};
    if (kind == RIFT_TARGET_MINORITY && reader->plan->host_count < 3)
        rift_problem_add(&reader->problems, place, "a minority of %zu nodes is nobody",
                         reader->plan->host_count);
    add_variant(entry, &variant, place);
}

/* Words are targets to choose from; the names of nodes in the list are one target together. */
static void add_targets(struct entry_reader *entry, struct rift_fault_variant variant,
                        const struct rift_tree *node)
{
    struct rift_plan_reader *reader = entry->reader;
    struct rift_tree *const one[] = {(struct rift_tree *)node};
    struct rift_tree *const *items = node->kind == RIFT_TREE_LIST ? node->items : one;
    size_t count = node->kind == RIFT_TREE_LIST ? node->count : 1;
    struct rift_node_set named = {0};
    const char *const *names = reader->plan->host_names;
    for (size_t i = 0; i < count; i++) {
        const char *word = items[i]->kind == RIFT_TREE_SCALAR ? items[i]->text : "";
        size_t kind = word_index(rift_target_words, word), host = word_index(names, word);
        if (names[host]) {
            rift_node_set_add(&named, host);
        } else if (rift_target_words[kind]) {
            add_target_kind(entry, variant, (enum rift_target_kind)kind, items[i]);
        } else {
            const char *known[RIFT_NODES_MAX + 16];
            memcpy(known, rift_target_words, kind * sizeof *known);
            memcpy(known + kind, names, host * sizeof *known);
            rift_problem_unknown(&reader->problems, items[i], "target", word, known, kind + host);
        }
    }
    if (rift_node_set_count(&named) == 0)
        return;
    variant.target = (struct rift_target_choice){.kind = RIFT_TARGET_NAMED, .named = named};
    add_variant(entry, &variant, node);
}

static void add_grudges(struct entry_reader *entry, const struct rift_fault_variant *variant,
                        const struct rift_tree *node, const struct rift_tree *place)
{
    for (size_t i = 0; !node && DEFAULT_GRUDGES[i]; i++)
        if (entry->reader->plan->host_count >= 3 || strcmp(DEFAULT_GRUDGES[i], "majorities-ring"))
            add_grudge(entry, *variant, DEFAULT_GRUDGES[i], place);
    for (size_t i = 0; node && node->kind == RIFT_TREE_LIST && i < node->count; i++)
        add_grudge(entry, *variant,
                   node->items[i]->kind == RIFT_TREE_SCALAR ? node->items[i]->text : "",
                   node->items[i]);
    if (node && node->kind == RIFT_TREE_SCALAR)
        add_grudge(entry, *variant, node->text, node);
    else if (node && node->kind == RIFT_TREE_MAP)
        rift_problem_add(&entry->reader->problems, node, "kinds must be a word or a list of words");
}

/* Adds every variant of one fault: value is what stands behind its name. */
static void read_fault(struct entry_reader *entry, const struct rift_fault *fault,
                       const struct rift_tree *key, const struct rift_tree *value,
                       const struct rift_fault_variant *common)
{
    static const char *const link_keys[] = {"kinds", "grudge", NULL};
    static const char *const node_keys[] = {"targets", NULL};
    struct rift_plan_reader *reader = entry->reader;
    bool is_on_links = fault->scope == RIFT_FAULT_ON_LINKS;
    const struct rift_tree *map = value && value->kind == RIFT_TREE_MAP ? value : NULL;
    const struct rift_tree *whom = map ? NULL : rift_tree_is_nothing(value) ? NULL : value;
    CLEANUP(rift_free) char *owner = rift_printf("fault '%s'", fault->name);
    struct rift_fault_variant variant = *common;
    variant.fault = fault;
    variant.options =
        rift_plan_keep(reader, rift_options_check(&reader->problems, map, fault->options,
                                                  is_on_links ? link_keys : node_keys, owner, key));
    size_t before = entry->count, problems = reader->problems.count;
    if (is_on_links) {
        const struct rift_tree *grudge = rift_tree_get(map, "grudge");
        if (map)
            whom = rift_tree_get(map, "kinds");
        if (grudge)
            add_explicit(entry, variant, grudge);
        if (whom || !grudge)
            add_grudges(entry, &variant, whom, key);
    } else {
        if (map)
            whom = rift_tree_get(map, "targets");
        if (whom)
            add_targets(entry, variant, whom);
        else
            add_target_kind(entry, variant, RIFT_TARGET_ONE, key);
    }
    if (entry->count == before && reader->problems.count == problems)
        rift_problem_add(&reader->problems, key, "fault '%s' hits nobody: its list is empty",
                         fault->name);
    /* The weight is that of the item, however many variants it has. */
    for (size_t i = before; i < entry->count; i++)
        entry->variants[i].weight = common->weight / (double)(entry->count - before);
}

/* An item of a chaos or sequence. */
static void read_item(struct entry_reader *entry, const struct rift_tree *node)
{
    static const struct rift_option item_options[] = {
        {.name = "weight",
         .kind = RIFT_OPTION_REAL,
         .unit = "",
         .fallback = "1",
         .minimum = 1e-6,
         .maximum = 1e6,
         .summary = "chance among the items"},
        {.name = "for_s",
         .kind = RIFT_OPTION_RANGE,
         .unit = "s",
         .fallback = "auto",
         .minimum = 0.001,
         .maximum = 1e6,
         .summary = "length"},
        {.name = NULL},
    };
    struct rift_plan_reader *reader = entry->reader;
    const char *names[FAULTS_MAX];
    size_t name_count = fault_names(reader->catalogue, names) - 2;
    const struct rift_tree *key = NULL, *value = NULL;
    if (node->kind == RIFT_TREE_SCALAR)
        key = node;
    for (size_t i = 0; node->kind == RIFT_TREE_MAP && i < node->count; i++) {
        if (find_fault(reader->catalogue, node->keys[i]->text)) {
            key = node->keys[i];
            value = node->items[i];
        }
    }
    if (!key || !find_fault(reader->catalogue, key->text)) {
        const struct rift_tree *word =
            node->kind == RIFT_TREE_MAP && node->count ? node->keys[0] : node;
        rift_problem_unknown(&reader->problems, word, "fault",
                             word->kind == RIFT_TREE_SCALAR ? word->text : "", names, name_count);
        return;
    }
    const char *also[] = {key->text, NULL};
    const struct rift_tree *map = node->kind == RIFT_TREE_MAP ? node : NULL;
    json_t *json =
        rift_options_check(&reader->problems, map, item_options, also, "an item of faults", node);
    struct rift_fault_variant common = {.weight =
                                            json_number_value(json_object_get(json, "weight"))};
    const json_t *for_s = json_object_get(json, "for_s");
    if (json_is_array(for_s))
        common.for_s = (struct rift_range){json_number_value(json_array_get(for_s, 0)),
                                           json_number_value(json_array_get(for_s, 1))};
    else if (for_s)
        common.for_s = (struct rift_range){json_number_value(for_s), json_number_value(for_s)};
    json_decref(json);
    read_fault(entry, find_fault(reader->catalogue, key->text), key, value, &common);
}

static void read_items(struct entry_reader *entry, const struct rift_tree *key,
                       const struct rift_tree *value, bool is_sequence)
{
    struct rift_plan_reader *reader = entry->reader;
    const struct rift_fault_variant common = {.weight = 1};
    if (rift_tree_is_nothing(value) && !is_sequence) {
        for (size_t i = 0; reader->catalogue->faults[i]; i++)
            read_fault(entry, reader->catalogue->faults[i], key, NULL, &common);
        return;
    }
    if (!value || value->kind != RIFT_TREE_LIST || value->count == 0) {
        rift_problem_add(&reader->problems, value ? value : key, "'%s' must be a list of faults",
                         key->text);
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        size_t before = entry->count;
        read_item(entry, value->items[i]);
        if (is_sequence && entry->count > before + 1)
            rift_problem_add(&reader->problems, value->items[i],
                             "a step of a sequence has one target, not a list to choose from");
    }
}

static struct rift_range range_of(const json_t *timing, const char *key)
{
    const json_t *value = json_object_get(timing, key);
    if (json_is_array(value))
        return (struct rift_range){json_number_value(json_array_get(value, 0)),
                                   json_number_value(json_array_get(value, 1))};
    return (struct rift_range){json_number_value(value), json_number_value(value)};
}

static double time_of(const json_t *timing, const char *key)
{
    const json_t *value = json_object_get(timing, key);
    return value ? json_number_value(value) : -1;
}

/* The frozen form keeps what was written: it is read again by the same code. */
static json_t *freeze_entry(const struct rift_tree *key, const struct rift_tree *value,
                            json_t *timing)
{
    json_t *frozen = json_object();
    json_object_set_new(frozen, key->text, value ? rift_tree_to_json(value) : json_null());
    json_object_update(frozen, timing);
    return frozen;
}

static void read_entry(struct rift_plan_reader *reader, const struct rift_tree *node,
                       struct rift_fault_entry *result, json_t *frozen)
{
    const struct rift_tree *key = NULL, *value = NULL;
    const char *names[FAULTS_MAX];
    size_t name_count = fault_names(reader->catalogue, names);
    if (node->kind == RIFT_TREE_SCALAR)
        key = node;
    for (size_t i = 0; node->kind == RIFT_TREE_MAP && i < node->count; i++) {
        size_t at = 0;
        while (at < name_count && strcmp(names[at], node->keys[i]->text) != 0)
            at++;
        if (at == name_count)
            continue;
        if (key)
            rift_problem_add(&reader->problems, node->keys[i],
                             "two faults in one entry: each needs its own '- '");
        key = node->keys[i];
        value = node->items[i];
    }
    const char *also[] = {key ? key->text : NULL, NULL};
    if (!key) {
        /* Most likely its name is mistyped: show the first key that is no timing. */
        const struct rift_tree *odd = node;
        for (size_t i = node->count; node->kind == RIFT_TREE_MAP && i-- > 0;)
            if (!strchr("efsul", node->keys[i]->text[0]) || odd == node)
                odd = node->keys[i];
        rift_problem_unknown(&reader->problems, odd, "fault",
                             odd->kind == RIFT_TREE_SCALAR ? odd->text : "", names, name_count);
        return;
    }
    CLEANUP(rift_free) char *owner = rift_printf("fault '%s'", key->text);
    json_t *timing =
        rift_options_check(&reader->problems, node->kind == RIFT_TREE_MAP ? node : NULL,
                           rift_timing_options, also, owner, node);
    struct entry_reader *entry = rift_calloc(1, sizeof *entry);
    entry->reader = reader;
    const struct rift_fault *fault = find_fault(reader->catalogue, key->text);
    const struct rift_fault_variant common = {.weight = 1};
    result->is_sequence = strcmp(key->text, "sequence") == 0;
    if (fault)
        read_fault(entry, fault, key, value, &common);
    else if (strcmp(key->text, "chaos") == 0 || result->is_sequence)
        read_items(entry, key, value, result->is_sequence);
    else
        rift_problem_unknown(&reader->problems, key, "fault", key->text, names, name_count);
    const char *lane = rift_plan_text(reader, timing, "lane");
    struct rift_fault_variant *variants =
        rift_arena_calloc(reader->arena, entry->count, sizeof *variants);
    memcpy(variants, entry->variants, entry->count * sizeof *variants);
    result->variants = variants;
    result->variant_count = entry->count;
    result->lane = lane ? lane : key->text;
    result->every_s = range_of(timing, "every_s");
    result->for_s = range_of(timing, "for_s");
    result->first_s = time_of(timing, "start_s");
    result->until_s = time_of(timing, "until_s");
    if (result->for_s.low > result->every_s.high && !result->is_sequence)
        rift_problem_add(&reader->problems, node,
                         "for_s is longer than every_s: the windows would overlap");
    json_object_set_new(timing, "lane", json_string(result->lane));
    json_array_append_new(frozen, freeze_entry(key, value, timing));
    json_decref(timing);
    free(entry);
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
    for (size_t i = 0; i < node->count; i++)
        read_entry(reader, node->items[i], &entries[i], frozen);
    reader->plan->faults = entries;
    reader->plan->fault_count = node->count;
}

/* Words of the configuration become variants; what a cluster of this size cannot have is found
 * here. */
#include "plan/variants.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "plan/options.h"
#include "plan/ports.h"
#include "plan/wan.h"

enum { DELAY_MS_MAX = 600000 }; /* as of delay_ms */

static const char *const DEFAULT_GRUDGES[] = {"halves", "majorities-ring", "isolate-primary", NULL};

static size_t word_index(const char *const *words, const char *word)
{
    size_t i = 0;
    while (words[i] && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static void add_variant(struct rift_variants *list, const struct rift_fault_variant *variant,
                        const struct rift_tree *place)
{
    if (list->count == RIFT_VARIANTS_MAX)
        rift_problem_add(&list->reader->problems, place, "more than %d faults in one entry",
                         RIFT_VARIANTS_MAX);
    else
        list->items[list->count++] = *variant;
}

/* The kinds of grudge that a cluster of this size cannot have are found before the run. */
static void add_grudge(struct rift_variants *list, struct rift_fault_variant variant,
                       const char *word, const struct rift_tree *place)
{
    struct rift_plan_reader *reader = list->reader;
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
    add_variant(list, &variant, place);
}

static void add_explicit(struct rift_variants *list, struct rift_fault_variant variant,
                         const struct rift_tree *node)
{
    struct rift_plan_reader *reader = list->reader;
    struct rift_grudge *grudge = rift_arena_calloc(reader->arena, 1, sizeof *grudge);
    json_t *json = rift_tree_to_json(node);
    struct rift_error err;
    if (rift_grudge_from_json(grudge, json, reader->plan->host_names, reader->plan->host_count,
                              &err) != 0)
        rift_problem_add(&reader->problems, node, "%s", err.text);
    else if (rift_grudge_cut_count(grudge) == 0)
        rift_problem_add(&reader->problems, node, "a grudge that drops nothing: {n1: [n2]}");
    json_decref(json);
    variant.grudge = RIFT_GRUDGE_EXPLICIT;
    variant.explicit_grudge = grudge;
    add_variant(list, &variant, node);
}

static void add_target_kind(struct rift_variants *list, struct rift_fault_variant variant,
                            enum rift_target_kind kind, const struct rift_tree *place)
{
    struct rift_plan_reader *reader = list->reader;
    variant.target = (struct rift_target_choice){.kind = kind};
    if (kind == RIFT_TARGET_MINORITY && reader->plan->host_count < 3)
        rift_problem_add(&reader->problems, place, "a minority of %zu nodes is nobody",
                         reader->plan->host_count);
    if (kind == RIFT_TARGET_FOLLOWERS && reader->plan->host_count < 2)
        rift_problem_add(&reader->problems, place, "one node leads itself: it has no followers");
    add_variant(list, &variant, place);
}

/* Words are targets to choose from; the names of nodes in the list are one target together. */
static void add_targets(struct rift_variants *list, struct rift_fault_variant variant,
                        const struct rift_tree *node)
{
    struct rift_plan_reader *reader = list->reader;
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
            add_target_kind(list, variant, (enum rift_target_kind)kind, items[i]);
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
    add_variant(list, &variant, node);
}

/* Adds the grudges of a word or a list of words; returns the words. */
static json_t *add_grudges(struct rift_variants *list, const struct rift_fault_variant *variant,
                           const struct rift_tree *node)
{
    struct rift_tree *const one[] = {(struct rift_tree *)node};
    struct rift_tree *const *items = node->kind == RIFT_TREE_LIST ? node->items : one;
    size_t count = node->kind == RIFT_TREE_LIST ? node->count : 1;
    for (size_t i = 0; i < count; i++)
        add_grudge(list, *variant, items[i]->kind == RIFT_TREE_SCALAR ? items[i]->text : "",
                   items[i]);
    return rift_tree_to_json(node);
}

static json_t *add_default_grudges(struct rift_variants *list,
                                   const struct rift_fault_variant *variant,
                                   const struct rift_tree *place)
{
    static const char *const everyone[] = {"isolate-all", NULL};
    const char *const *grudges = variant->fault->is_given_by_link ? everyone : DEFAULT_GRUDGES;
    json_t *words = json_array();
    size_t host_count = list->reader->plan->host_count;
    for (size_t i = 0; grudges[i]; i++) {
        if (host_count < 3 && strcmp(grudges[i], "majorities-ring") == 0)
            continue;
        add_grudge(list, *variant, grudges[i], place);
        json_array_append_new(words, json_string(grudges[i]));
    }
    return words;
}

const char *rift_plan_fault_lacks(const struct rift_plan *plan, const struct rift_fault *fault)
{
    if (fault->needs_disk && plan->disk_mb == 0)
        return "a disk of the system's own: set disk_mb";
    if (fault->needs_layer && strcmp(plan->disk_layer, "none") == 0)
        return "a layer over the system's data folders: set disk_layer";
    if (fault->scope == RIFT_FAULT_ON_MEMBERSHIP && !plan->recipe)
        return "a recipe, which tells how a node is stopped and started";
    if ((fault->scope == RIFT_FAULT_ON_MEMBERSHIP || fault->stops_system) &&
        json_object_get(plan->attach, "cgroup"))
        return "a system that can be started again: attach to a unit, not to a cgroup";
    if (fault->needs_upgrade && json_object_size(plan->upgrade_to) == 0)
        return "another version of its artifacts: set upgrade_to";
    if (fault->needs_membership && !json_object_get(plan->recipe, "membership"))
        return "a recipe that has a section membership";
    if (fault->needs_membership && plan->attach)
        return "a system that Rift installs: the data of a removed node are wiped";
    if (fault->needs_membership && plan->host_count < 3)
        return "three nodes at least: a majority must stay";
    return NULL;
}

/* An end of a number or [low, high]. */
static double end_of(const json_t *options, const char *name, bool is_high)
{
    const json_t *value = json_object_get(options, name);
    return json_number_value(json_is_array(value) ? json_array_get(value, is_high) : value);
}

/* A packet cannot come earlier than it would without the fault, whatever is drawn. */
static void check_jitter(struct rift_plan_reader *reader, const json_t *options, const char *name,
                         const char *whose, const struct rift_tree *place)
{
    double jitter_ms = end_of(options, name, true), least_ms = end_of(options, whose, false);
    if (jitter_ms > least_ms)
        rift_problem_add(&reader->problems, place,
                         "%s may be %g, and must never be above %s, which may be %g", name,
                         jitter_ms, whose, least_ms);
}

enum zero { ZERO_NEVER, ZERO_PERHAPS, ZERO_ALWAYS };

/* Of [low, high] on both sides of 0 it is hardly ever drawn. */
static enum zero zero_of(const json_t *value)
{
    if (!json_is_array(value))
        return json_number_value(value) == 0 ? ZERO_ALWAYS : ZERO_NEVER;
    const json_t *low = json_array_get(value, 0), *high = json_array_get(value, 1);
    if (!json_is_number(low)) /* a list */
        return low ? ZERO_NEVER : ZERO_ALWAYS;
    bool is_low_zero = json_number_value(low) == 0, is_high_zero = json_number_value(high) == 0;
    return is_low_zero && is_high_zero   ? ZERO_ALWAYS
           : is_low_zero || is_high_zero ? ZERO_PERHAPS
                                         : ZERO_NEVER;
}

/* What is usual stands in the plan, so that a 0 that is drawn, or asked for later, is a 0. */
static bool add_usual_ask(const struct rift_fault *fault, const struct rift_tree *map,
                          json_t *options)
{
    for (size_t i = 0; fault->asks[i]; i++)
        if (rift_tree_get(map, fault->asks[i]))
            return false;
    json_object_set_new(options, fault->asks[0], json_integer(fault->usual_ask));
    return true;
}

/* What does nothing must not count as a fault that was tried. */
static void check_asks(struct rift_variants *list, const struct rift_fault *fault,
                       const json_t *options, const struct rift_tree *place)
{
    struct rift_plan_reader *reader = list->reader;
    enum zero least = ZERO_ALWAYS;
    struct rift_text CLEANUP(rift_text_finish) names = {0};
    for (size_t i = 0; fault->asks[i]; i++) {
        const json_t *value = json_object_get(options, fault->asks[i]);
        enum zero zero = value ? zero_of(value) : ZERO_NEVER; /* a problem by now */
        least = zero < least ? zero : least;
        rift_text_printf(&names, "%s%s", i ? ", " : "", fault->asks[i]);
    }
    if (json_is_true(json_object_get(options, "changeable"))) /* rift shell will ask later */
        return;
    if (least == ZERO_ALWAYS)
        rift_problem_add(&reader->problems, place,
                         "fault '%s' would do nothing: one of %s must be other than 0", fault->name,
                         names.data);
    else if (least == ZERO_PERHAPS && !list->varies)
        rift_problem_add(&reader->problems, place,
                         "fault '%s' could do nothing: of %s one must be other than 0, whatever is "
                         "drawn",
                         fault->name, names.data);
}

static bool is_delay(const json_t *value)
{
    char *end = NULL;
    const char *text = json_string_value(value);
    double ms = text ? strtod(text, &end) : -1;
    return text && end != text && !*end && ms >= 0 && ms <= DELAY_MS_MAX;
}

static void check_delays(struct rift_plan_reader *reader, const json_t *options,
                         const struct rift_tree *place)
{
    const json_t *delays = json_object_get(options, "delays_ms"), *value;
    const char *distribution = json_string_value(json_object_get(options, "distribution"));
    bool is_table = distribution && strcmp(distribution, "table") == 0;
    size_t i;
    if (!delays)
        return;
    if (is_table != (json_array_size(delays) > 0))
        rift_problem_add(&reader->problems, place, "distribution: table and delays_ms go together");
    json_array_foreach(delays, i, value) if (!is_delay(value))
    {
        rift_problem_add(&reader->problems, place, "'delays_ms' must be numbers from 0 to %d",
                         DELAY_MS_MAX);
        return;
    }
}

static void check_servers(struct rift_plan_reader *reader, const json_t *options,
                          const struct rift_tree *place)
{
    const json_t *server;
    size_t i;
    json_array_foreach(json_object_get(options, "servers"), i, server)
    {
        unsigned char bytes[16];
        const char *text = json_string_value(server);
        if (inet_pton(AF_INET, text, bytes) != 1 && inet_pton(AF_INET6, text, bytes) != 1)
            rift_problem_add(&reader->problems, place, "'servers': '%s' is no numeric address",
                             text);
    }
}

json_t *rift_plan_read_variants(struct rift_variants *list, const struct rift_fault *fault,
                                const struct rift_tree *key, const struct rift_tree *value,
                                const struct rift_fault_variant *common)
{
    static const char *const link_keys[] = {"kinds", "grudge", NULL};
    static const char *const node_keys[] = {"targets", NULL};
    struct rift_plan_reader *reader = list->reader;
    bool is_on_links = fault->scope == RIFT_FAULT_ON_LINKS;
    const char *whom_key = is_on_links ? link_keys[0] : node_keys[0];
    const struct rift_tree *map = value && value->kind == RIFT_TREE_MAP ? value : NULL;
    const struct rift_tree *whom = map ? rift_tree_get(map, whom_key) : value;
    const struct rift_tree *grudge = is_on_links ? rift_tree_get(map, "grudge") : NULL;
    CLEANUP(rift_free) char *owner = rift_printf("fault '%s'", fault->name);
    json_t *options = rift_options_check(&reader->problems, map, fault->options,
                                         is_on_links ? link_keys : node_keys, owner, key);
    const struct rift_tree *ports = rift_tree_get(map, "ports");
    rift_plan_resolve_ports(reader, options, ports ? ports : key);
    if (fault->is_given_by_link)
        rift_plan_read_wan(reader, options, key);
    if (fault->asks && !add_usual_ask(fault, map, options) && !reader->is_past)
        check_asks(list, fault, options, map);
    check_jitter(reader, options, "jitter_ms", "delay_ms", map ? map : key);
    check_jitter(reader, options, "slot_jitter_ms", "slot_ms", map ? map : key);
    check_delays(reader, options, map ? map : key);
    check_servers(reader, options, map ? map : key);
    json_t *frozen = json_object();
    struct rift_fault_variant variant = *common;
    variant.fault = fault;
    variant.options = rift_plan_keep(reader, options);
    const char *lack = rift_plan_fault_lacks(reader->plan, fault);
    if (lack)
        rift_problem_add(&reader->problems, key, "fault '%s' needs %s (section system)",
                         fault->name, lack);
    size_t before = list->count, problems = reader->problems.count;
    if (rift_tree_is_nothing(whom))
        whom = NULL;
    if (grudge) {
        add_explicit(list, variant, grudge);
        json_object_set_new(frozen, "grudge", rift_tree_to_json(grudge));
    }
    if (is_on_links && (whom || !grudge))
        json_object_set_new(frozen, whom_key,
                            whom ? add_grudges(list, &variant, whom)
                                 : add_default_grudges(list, &variant, key));
    if (!is_on_links && whom)
        add_targets(list, variant, whom);
    else if (!is_on_links)
        add_target_kind(list, variant, fault->hits_all ? RIFT_TARGET_ALL : RIFT_TARGET_ONE, key);
    if (!is_on_links)
        json_object_set_new(frozen, whom_key,
                            whom ? rift_tree_to_json(whom)
                                 : json_string(fault->hits_all ? "all" : "one"));
    json_object_update(frozen, options);
    if (list->count == before && reader->problems.count == problems)
        rift_problem_add(&reader->problems, key, "fault '%s' hits nobody: its list is empty",
                         fault->name);
    /* The weight is that of the item, however many variants it has. */
    for (size_t i = before; i < list->count; i++)
        list->items[i].weight = common->weight / (double)(list->count - before);
    return frozen;
}

/* One reader for each kind of option; a default is read by the same code as a value. */
#include "plan/options.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { KNOWN_MAX = 128 };

static const char *kind_phrase(enum rift_option_kind kind)
{
    static const char *const phrases[] = {
        "a whole number", "a number",        "true or false",           "a text",  "a file",
        "one word",       "a list of words", "a number or [low, high]", "anything"};
    return phrases[kind];
}

/* How many of the option's unit one of the suffix is; 0: not a unit of time, or the option is not.
 */
static double suffix_factor(const char *suffix, const char *unit)
{
    static const struct {
        const char *suffix;
        double seconds;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
    double per_unit = strcmp(unit, "s") == 0 ? 1 : strcmp(unit, "ms") == 0 ? 1000 : 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(units[i].suffix, suffix) == 0)
            return units[i].seconds * per_unit;
    return 0;
}

static bool read_number(const struct rift_tree *node, const char *unit, double *number)
{
    if (node->kind != RIFT_TREE_SCALAR || !strchr("+-.0123456789", node->text[0]) ||
        node->text[0] == '\0')
        return false;
    size_t digits = strspn(node->text, "+-.0123456789eE");
    char *end;
    *number = strtod(node->text, &end);
    if (end == node->text || (size_t)(end - node->text) > digits || !isfinite(*number))
        return false;
    if (*end == '\0')
        return node->is_plain; /* "5" is a text; "5m" is what --set makes of 5m */
    while (*end == ' ')
        end++;
    double factor = suffix_factor(end, unit);
    *number *= factor;
    return factor > 0;
}

static json_t *number_to_json(double number, bool is_whole)
{
    return is_whole || (number == floor(number) && fabs(number) < 1e15)
               ? json_integer((json_int_t)number)
               : json_real(number);
}

/* A number within the option's bounds, or NULL after a problem. */
static json_t *number_value(struct rift_problems *problems, const struct rift_tree *node,
                            const struct rift_option *option)
{
    double number;
    bool is_count = option->kind == RIFT_OPTION_RANGE && option->unit[0] == '\0';
    bool is_whole = option->kind == RIFT_OPTION_INTEGER || is_count;
    if (!read_number(node, option->unit, &number) || (is_whole && number != floor(number)) ||
        (is_whole && fabs(number) > 9.2e18)) {
        rift_problem_add(problems, node, "'%s' must be %s%s%s%s%s", option->name,
                         kind_phrase(option->kind), is_count ? ", whole" : "",
                         option->unit[0] ? " (" : "", option->unit, option->unit[0] ? ")" : "");
        return NULL;
    }
    bool is_bounded = option->minimum != 0 || option->maximum != 0;
    if (is_bounded && (number < option->minimum || number > option->maximum)) {
        if (option->maximum >= DBL_MAX)
            rift_problem_add(problems, node, "'%s' must be at least %g%s%s", option->name,
                             option->minimum, option->unit[0] ? " " : "", option->unit);
        else
            rift_problem_add(problems, node, "'%s' must lie between %g and %g%s%s", option->name,
                             option->minimum, option->maximum, option->unit[0] ? " " : "",
                             option->unit);
        return NULL;
    }
    /* Whole numbers past 2^53 keep all their digits. */
    if (is_whole && strspn(node->text, "+-0123456789") == strlen(node->text))
        return json_integer(strtoll(node->text, NULL, 10));
    return number_to_json(number, is_whole);
}

static json_t *range_value(struct rift_problems *problems, const struct rift_tree *node,
                           const struct rift_option *option)
{
    if (node->kind == RIFT_TREE_SCALAR)
        return number_value(problems, node, option);
    if (node->kind != RIFT_TREE_LIST || node->count != 2) {
        rift_problem_add(problems, node, "'%s' must be %s", option->name,
                         kind_phrase(RIFT_OPTION_RANGE));
        return NULL;
    }
    json_t *low = number_value(problems, node->items[0], option);
    json_t *high = low ? number_value(problems, node->items[1], option) : NULL;
    if (high && json_number_value(low) > json_number_value(high)) {
        rift_problem_add(problems, node, "'%s' must be [low, high], low first", option->name);
        json_decref(high);
        high = NULL;
    }
    if (!high) {
        json_decref(low);
        return NULL;
    }
    return json_pack("[o, o]", low, high);
}

static json_t *word_value(struct rift_problems *problems, const struct rift_tree *node,
                          const struct rift_option *option)
{
    if (node->kind != RIFT_TREE_SCALAR || rift_tree_is_nothing(node)) {
        rift_problem_add(problems, node, "'%s' must be %s", option->name,
                         kind_phrase(option->kind));
        return NULL;
    }
    size_t count = 0;
    for (; option->choices && option->choices[count]; count++)
        if (strcmp(option->choices[count], node->text) == 0)
            return json_string(node->text);
    if (!option->choices)
        return json_string(node->text);
    char what[128];
    snprintf(what, sizeof what, "value of '%s':", option->name);
    rift_problem_unknown(problems, node, what, node->text, option->choices, count);
    return NULL;
}

static json_t *list_value(struct rift_problems *problems, const struct rift_tree *node,
                          const struct rift_option *option)
{
    json_t *list = json_array();
    const struct rift_tree *one[] = {node};
    bool is_list = node->kind == RIFT_TREE_LIST;
    const struct rift_tree *const *items =
        is_list ? (const struct rift_tree *const *)node->items : one;
    size_t before = problems->count;
    for (size_t i = 0; i < (is_list ? node->count : 1); i++) {
        json_t *word = word_value(problems, items[i], option);
        if (word)
            json_array_append_new(list, word);
    }
    if (problems->count == before)
        return list;
    json_decref(list);
    return NULL;
}

/* One value; NULL after a problem. Numbers may carry a unit (ms, s, m, h) where the option is a
 * time. */
static json_t *option_value(struct rift_problems *problems, const struct rift_tree *node,
                            const struct rift_option *option)
{
    switch (option->kind) {
    case RIFT_OPTION_INTEGER:
    case RIFT_OPTION_REAL:
        return number_value(problems, node, option);
    case RIFT_OPTION_RANGE:
        return range_value(problems, node, option);
    case RIFT_OPTION_BOOL:
        if (node->kind == RIFT_TREE_SCALAR && node->is_plain &&
            (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
            return json_boolean(node->text[0] == 't');
        rift_problem_add(problems, node, "'%s' must be true or false", option->name);
        return NULL;
    case RIFT_OPTION_TEXT:
    case RIFT_OPTION_FILE:
    case RIFT_OPTION_CHOICE:
        return word_value(problems, node, option);
    case RIFT_OPTION_LIST:
        return list_value(problems, node, option);
    case RIFT_OPTION_ANY:
        return rift_tree_to_json(node);
    }
    return NULL;
}

/* The default, read from its text in the table; NULL for RIFT_OPTION_AUTO. */
static json_t *default_value(const struct rift_option *option)
{
    if (strcmp(option->fallback, RIFT_OPTION_AUTO) == 0)
        return NULL;
    if (option->kind == RIFT_OPTION_TEXT || option->kind == RIFT_OPTION_FILE ||
        option->kind == RIFT_OPTION_CHOICE)
        return json_string(option->fallback);
    struct rift_arena arena = {0};
    struct rift_problems problems = {.path = option->name};
    struct rift_tree *node =
        rift_tree_parse(&arena, option->name, option->fallback, strlen(option->fallback), NULL);
    json_t *value = node ? option_value(&problems, node, option) : NULL;
    rift_problems_finish(&problems);
    rift_arena_finish(&arena);
    return value;
}

static size_t list_known(const struct rift_option *options, const char *const *also_known,
                         const char *known[KNOWN_MAX])
{
    size_t count = 0;
    for (; options && options->name && count < KNOWN_MAX; options++)
        known[count++] = options->name;
    for (; also_known && *also_known && count < KNOWN_MAX; also_known++)
        known[count++] = *also_known;
    return count;
}

json_t *rift_options_check(struct rift_problems *problems, const struct rift_tree *map,
                           const struct rift_option *options, const char *const *also_known,
                           const char *owner, const struct rift_tree *place)
{
    json_t *result = json_object();
    const char *known[KNOWN_MAX];
    size_t known_count = list_known(options, also_known, known);
    if (rift_tree_is_nothing(map))
        map = NULL;
    if (map && map->kind != RIFT_TREE_MAP) {
        rift_problem_add(problems, map, "%s must be a table of keys", owner);
        return result;
    }
    for (size_t i = 0; map && i < map->count; i++) {
        size_t at = 0;
        while (at < known_count && strcmp(known[at], map->keys[i]->text) != 0)
            at++;
        if (at < known_count)
            continue;
        CLEANUP(rift_free) char *what = rift_printf("key of %s:", owner);
        rift_problem_unknown(problems, map->keys[i], what, map->keys[i]->text, known, known_count);
    }
    for (const struct rift_option *option = options; option && option->name; option++) {
        const struct rift_tree *node = rift_tree_get(map, option->name);
        json_t *value = NULL;
        bool is_auto = node && node->kind == RIFT_TREE_SCALAR && option->fallback &&
                       strcmp(option->fallback, RIFT_OPTION_AUTO) == 0 &&
                       strcmp(node->text, RIFT_OPTION_AUTO) == 0;
        if (!option->fallback && rift_tree_is_nothing(node))
            rift_problem_add(problems, node ? node : place, "%s needs '%s': %s", owner,
                             option->name, option->summary);
        else if (node && !is_auto)
            value = option_value(problems, node, option);
        else
            value = default_value(option);
        if (value)
            json_object_set_new(result, option->name, value);
    }
    return result;
}

void rift_option_print_value(const struct rift_option *option, struct rift_text *text)
{
    if (option->choices) {
        rift_text_append(text, option->kind == RIFT_OPTION_LIST ? "any of" : "one of");
        for (size_t i = 0; option->choices[i]; i++)
            rift_text_printf(text, "%s `%s`", i ? "," : "", option->choices[i]);
        return;
    }
    rift_text_append(text,
                     option->kind == RIFT_OPTION_ANY ? "see above" : kind_phrase(option->kind));
    if (option->unit[0])
        rift_text_printf(text, ", %s", option->unit);
    if (option->minimum == 0 && option->maximum == 0)
        return;
    if (option->maximum >= DBL_MAX)
        rift_text_printf(text, ", at least %g", option->minimum);
    else
        rift_text_printf(text, ", %.12g to %.12g", option->minimum, option->maximum);
}

void rift_options_print(const struct rift_option *options, struct rift_text *text)
{
    rift_text_append(text, "| key | default | value | meaning |\n|---|---|---|---|\n");
    for (; options && options->name; options++) {
        rift_text_printf(text, "| `%s` | ", options->name);
        if (!options->fallback)
            rift_text_append(text, "required");
        else if (options->fallback[0])
            rift_text_printf(text, "`%s`", options->fallback);
        else
            rift_text_append(text, "none");
        rift_text_append(text, " | ");
        rift_option_print_value(options, text);
        rift_text_printf(text, " | %s |\n", options->summary);
    }
}

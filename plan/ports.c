/* The frozen plan holds numbers, so it needs no recipe to be read again. */
#include "plan/ports.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 256 };

static bool is_number_or_range(const char *word)
{
    return word[0] >= '0' && word[0] <= '9' && strspn(word, "0123456789-") == strlen(word);
}

/* "7000", "7000-7010": from 1 to 65535, low first. */
static bool is_good(const char *word)
{
    char *end;
    unsigned long low = strtoul(word, &end, 10), high = low;
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        high = strtoul(end + 1, &end, 10);
    return !*end && low >= 1 && low <= high && high <= UINT16_MAX;
}

static void add_unknown(struct rift_plan_reader *reader, const struct rift_tree *place,
                        const json_t *known, const char *word)
{
    const char *names[NAMES_MAX], *name;
    json_t *number;
    size_t count = 0;
    json_object_foreach((json_t *)known, name, number)
    {
        if (count < NAMES_MAX)
            names[count++] = name;
    }
    if (count > 0)
        rift_problem_unknown(&reader->problems, place, "port", word, names, count);
    else
        rift_problem_add(&reader->problems, place,
                         "'%s' is no number, and the recipe names no ports: give it ports: {%s: "
                         "NUMBER}, or write the number here",
                         word, word);
}

void rift_plan_resolve_ports(struct rift_plan_reader *reader, json_t *options,
                             const struct rift_tree *node)
{
    const json_t *known = json_object_get(reader->plan->recipe, "ports");
    json_t *list = json_object_get(options, "ports"), *word;
    size_t i;
    json_array_foreach(list, i, word)
    {
        const char *text = json_string_value(word);
        const json_t *number = text ? json_object_get(known, text) : NULL;
        if (json_is_integer(number))
            json_array_set_new(list, i, json_sprintf("%lld", json_integer_value(number)));
        else if (json_is_string(number)) /* YAML does not tell 80 from "80" */
            json_array_set_new(list, i, json_string(json_string_value(number)));
        const struct rift_tree *place =
            node && node->kind == RIFT_TREE_LIST && i < node->count ? node->items[i] : node;
        if (text && !number && !is_number_or_range(text))
            add_unknown(reader, place, known, text);
        else if (text && !number && !is_good(text))
            rift_problem_add(&reader->problems, place,
                             "'%s' is no port from 1 to 65535, nor a range such as 7000-7010",
                             text);
    }
}

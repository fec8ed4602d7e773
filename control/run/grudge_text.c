/* A grudge as a person reads it. */
#include "control/run/grudge_text.h"

#include <string.h>

static bool hear_each_other(const struct rift_grudge *grudge, size_t a, size_t b)
{
    return !rift_grudge_is_dropped(grudge, a, b) && !rift_grudge_is_dropped(grudge, b, a);
}

/* The groups where every node hears exactly its own group; 0 where there are no such groups. */
static size_t find_groups(const struct rift_grudge *grudge, size_t group_of[RIFT_NODES_MAX])
{
    size_t groups = 0;
    for (size_t i = 0; i < grudge->node_count; i++) {
        group_of[i] = groups;
        for (size_t j = 0; j < i; j++) {
            if (hear_each_other(grudge, i, j))
                group_of[i] = group_of[j];
        }
        groups += group_of[i] == groups;
    }
    for (size_t i = 0; i < grudge->node_count; i++) {
        for (size_t j = 0; j < grudge->node_count; j++) {
            if (i != j && rift_grudge_is_dropped(grudge, i, j) != (group_of[i] != group_of[j]))
                return 0;
        }
    }
    return groups;
}

static void print_pairs(const struct rift_grudge *grudge, const char *const *names,
                        const char *words, struct rift_text *text)
{
    bool is_first = true;
    for (size_t d = 0; d < grudge->node_count; d++) {
        if (rift_node_set_count(&grudge->drops[d]) == 0)
            continue;
        rift_text_printf(text, "%s%s %s", is_first ? "" : "; ", names[d], words);
        is_first = false;
        for (size_t s = 0; s < grudge->node_count; s++) {
            if (rift_node_set_has(&grudge->drops[d], s))
                rift_text_printf(text, " %s", names[s]);
        }
    }
}

void grudge_print(const struct rift_grudge *grudge, const char *const *names, const char *words,
                  struct rift_text *text)
{
    size_t group_of[RIFT_NODES_MAX];
    size_t groups = find_groups(grudge, group_of);
    if (groups == 0) {
        print_pairs(grudge, names, words, text);
        return;
    }
    for (size_t group = 0; group < groups; group++) {
        if (group > 0)
            rift_text_append(text, " |");
        for (size_t i = 0; i < grudge->node_count; i++) {
            if (group_of[i] == group)
                rift_text_printf(text, "%s%s", i == 0 ? "" : " ", names[i]);
        }
    }
}

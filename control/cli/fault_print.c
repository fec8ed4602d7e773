/* What the nodes say of a fault, for people: a line for each that has something to say. */
#include "control/cli/fault_print.h"

#include <stdio.h>

#include "control/run/fault_heal.h"

void fault_print_nodes(const json_t *result, const char *member)
{
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
    {
        const char *text = json_string_value(json_object_get(node, member));
        bool is_observed = json_is_true(json_object_get(node, "is_observed"));
        if (!is_observed || (text && *text))
            printf("  %-8s %s%s\n", name, text ? text : "", is_observed ? "" : "   NOT OBSERVED");
    }
    fflush(stdout);
}

struct ends {
    bool are_all_healed; /* the nodes say so */
    bool is_one_early;   /* it had ended before */
};

static struct ends ends_of(const json_t *healed)
{
    struct ends ends = {.are_all_healed = true};
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(healed, "nodes"), name, node)
    {
        ends.are_all_healed =
            ends.are_all_healed && (!json_object_get(node, "healed_ns") ||
                                    json_is_integer(json_object_get(node, "healed_ns")));
        ends.is_one_early |= json_is_true(json_object_get(node, "ended_early"));
    }
    return ends;
}

bool fault_print_end(struct fault_window *fault, const char *name, bool is_alone)
{
    bool was_injected = fault->error.code == RIFT_ERR_NONE;
    json_t *healed = fault_window_heal(fault);
    struct ends ends = ends_of(healed);
    bool is_seen = json_is_true(json_object_get(healed, "observed"));
    if (ends.are_all_healed && !was_injected && !fault->cluster_fault) {
        printf("%snot injected; nothing is on\n", name);
    } else {
        printf("%s%s: %s\n", name,
               ends.are_all_healed ? "healed"
                                   : "NOT HEALED on every node, where it ends with its lease",
               fault->what);
        fault_print_nodes(healed, "after");
    }
    json_decref(healed);
    return was_injected && ends.are_all_healed && !ends.is_one_early && (is_seen || !is_alone);
}

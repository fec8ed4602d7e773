/* What the nodes say of a fault, for people: a line each. */
#include "control/cli/fault_print.h"

#include <stdio.h>

void fault_print_nodes(const json_t *result, const char *member)
{
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
        printf("  %-8s %s%s\n", name, json_string_value(json_object_get(node, member)),
               json_is_true(json_object_get(node, "is_observed")) ? "" : "   NOT OBSERVED");
    fflush(stdout);
}

bool fault_ended_early(const json_t *healed)
{
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(healed, "nodes"), name, node)
    {
        if (json_is_true(json_object_get(node, "ended_early")))
            return true;
    }
    return false;
}

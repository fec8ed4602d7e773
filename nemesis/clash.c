/* What the drivers refuse at the node, as far as the plan tells. */
#include "nemesis/clash.h"

#include <string.h>

bool rift_tracing_clashes(enum rift_tracing a, enum rift_tracing b)
{
    if (a == RIFT_TRACING_NONE || b == RIFT_TRACING_NONE)
        return false;
    if (a == RIFT_TRACING_VISITS || b == RIFT_TRACING_VISITS)
        return true;
    if (a == RIFT_TRACING_STOPS || b == RIFT_TRACING_STOPS)
        return a == b; /* the first heal would let all go on */
    if (a == RIFT_TRACING_FREEZES || b == RIFT_TRACING_FREEZES)
        return false;
    return a == RIFT_TRACING_HOLDS || b == RIFT_TRACING_HOLDS; /* two threads may hang */
}

static bool has_word(const struct rift_fault_variant *variant, const char *name, const char *word)
{
    const char *text = json_string_value(json_object_get(variant->options, name));
    return text && strcmp(text, word) == 0;
}

static enum rift_tracing tracing_of(const struct rift_fault_variant *variant)
{
    const char *fault = variant->fault->name;
    if (strcmp(fault, "pause") == 0)
        return has_word(variant, "by", "sigstop")   ? RIFT_TRACING_STOPS
               : has_word(variant, "by", "freezer") ? RIFT_TRACING_FREEZES
                                                    : RIFT_TRACING_HOLDS;
    if (strcmp(fault, "pause-host") == 0)
        return RIFT_TRACING_HOLDS;
    if (strcmp(fault, "hang") == 0)
        return RIFT_TRACING_HOLDS_ONE;
    return strcmp(fault, "clock") == 0 && has_word(variant, "of", "process") ? RIFT_TRACING_VISITS
                                                                             : RIFT_TRACING_NONE;
}

/* Whose clock it is may be up to the node, but is the same for both then. */
static bool is_of_the_same(const struct rift_fault_variant *a, const struct rift_fault_variant *b)
{
    const char *of_a = json_string_value(json_object_get(a->options, "of"));
    const char *of_b = json_string_value(json_object_get(b->options, "of"));
    return strcmp(of_a ? of_a : "", of_b ? of_b : "") == 0;
}

const char *rift_clash_between(const struct rift_fault_variant *first,
                               const struct rift_fault_variant *second)
{
    if (first->fault == second->fault && first->fault->is_alone && is_of_the_same(first, second))
        return "a node bears one of them at a time";
    enum rift_tracing later =
        strcmp(second->fault->name, "rollback") == 0 ? RIFT_TRACING_VISITS : tracing_of(second);
    return rift_tracing_clashes(tracing_of(first), later)
               ? "the two cannot hold the system's threads at one time"
               : NULL;
}

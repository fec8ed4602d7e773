/* Windows of different lanes that a node does not bear at one time. The schedule knows when they
 * are and, but for who leads, whom they hit; rift_clash_between knows which faults these are. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/clash.h"
#include "plan/plan.h"

/* False where that is found only when the window comes. */
static bool find_nodes(const struct rift_plan *plan, const struct rift_window *window,
                       struct rift_node_set *nodes)
{
    const struct rift_cluster cluster = {.node_count = plan->host_count, .names = plan->host_names};
    CLEANUP(rift_free) struct rift_resolved *resolved = rift_malloc(sizeof *resolved);
    enum rift_target_kind kind = window->what.target.kind;
    if (window->wait_lane || kind == RIFT_TARGET_PRIMARIES || kind == RIFT_TARGET_FOLLOWERS ||
        rift_window_resolve(window, &cluster, resolved, NULL) != 0)
        return false;
    *nodes = resolved->nodes;
    return true;
}

static bool has_fixed_nodes(const struct rift_window *window)
{
    enum rift_target_kind kind = window->what.target.kind;
    return kind == RIFT_TARGET_ALL || kind == RIFT_TARGET_NAMED;
}

static bool has_fixed_start(const struct rift_plan *plan, const struct rift_window *window)
{
    double first_s = plan->faults[window->entry].first_s;
    return first_s >= 0 && window->start_ns == (int64_t)(first_s * 1000 + 0.5) * RIFT_MS;
}

static int64_t shortest_ns(const struct rift_plan *plan, const struct rift_window *window)
{
    double own_s = window->what.for_s.low;
    return (int64_t)((own_s > 0 ? own_s : plan->faults[window->entry].for_s.low) *
                     (double)RIFT_SECOND);
}

/* Steps of one sequence keep their distance. */
static bool is_always(const struct rift_plan *plan, const struct rift_window *first,
                      const struct rift_window *second)
{
    bool is_sequence = first->entry == second->entry && !second->what.follows;
    bool is_fixed = has_fixed_start(plan, first) && has_fixed_start(plan, second);
    return has_fixed_nodes(first) && has_fixed_nodes(second) && (is_sequence || is_fixed) &&
           first->start_ns + shortest_ns(plan, first) > second->start_ns;
}

static void describe(const struct rift_plan *plan, const struct rift_window *first,
                     const struct rift_window *second, const struct rift_node_set *nodes,
                     const char *why, const char *path, struct rift_text *text)
{
    const struct rift_fault_entry *entry = &plan->faults[second->entry];
    rift_text_clear(text);
    rift_text_printf(text, "%s:%u:%u: '%s' at %g s meets '%s' of line %u, on from %g to %g s, on ",
                     path, entry->line, entry->column, second->what.fault->name,
                     (double)second->start_ns / 1e9, first->what.fault->name,
                     plan->faults[first->entry].line, (double)first->start_ns / 1e9,
                     (double)(first->start_ns + first->length_ns) / 1e9);
    rift_node_set_print(nodes, plan->host_names, text);
    rift_text_printf(text, ", and %s: put them in one lane, or apart in time", why);
}

static bool do_meet(const struct rift_plan *plan, const struct rift_window *first,
                    const struct rift_window *second, struct rift_node_set *both)
{
    struct rift_node_set theirs;
    if (!find_nodes(plan, first, both) || !find_nodes(plan, second, &theirs))
        return false;
    for (size_t i = 0; i < sizeof both->bits / sizeof *both->bits; i++)
        both->bits[i] &= theirs.bits[i];
    return rift_node_set_count(both) > 0;
}

enum rift_plan_clash rift_plan_find_clash(const struct rift_plan *plan,
                                          const struct rift_schedule *schedule, const char *path,
                                          struct rift_text *text)
{
    enum rift_plan_clash found = RIFT_PLAN_CLASH_NONE;
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_window *first = &schedule->windows[i], *second = first + 1;
        int64_t end_ns = first->start_ns + first->length_ns;
        for (; second < schedule->windows + schedule->count && second->start_ns < end_ns;
             second++) {
            struct rift_node_set nodes;
            const char *why = rift_clash_between(&first->what, &second->what);
            bool is_sure = why && is_always(plan, first, second);
            if (!why || (found && !is_sure) || !do_meet(plan, first, second, &nodes))
                continue;
            describe(plan, first, second, &nodes, why, path, text);
            found = is_sure ? RIFT_PLAN_CLASH_ALWAYS : RIFT_PLAN_CLASH_WITH_SEED;
            if (is_sure)
                return found;
        }
    }
    return found;
}

/* Streams and the like. Each stream has a name of its own, so that a workload that gains a phase
 * does not change the operations of another. */
#include "workloads/parts.h"

#include <string.h>

int64_t workload_integer(const struct rift_workload_request *request, const char *option)
{
    return json_integer_value(json_object_get(request->options, option));
}

double workload_number(const struct rift_workload_request *request, const char *option)
{
    return json_number_value(json_object_get(request->options, option));
}

const char *workload_word(const struct rift_workload_request *request, const char *option)
{
    const char *word = json_string_value(json_object_get(request->options, option));
    return word ? word : "";
}

struct rift_generator *workload_paced(const struct rift_workload_request *request,
                                      struct rift_generator *child)
{
    return rift_generator_rate(request->arena, request->rate_hz, request->seed, "rate", 0, child);
}

struct rift_generator *workload_stream(const struct rift_workload_request *request,
                                       rift_source_make *make, void *shared)
{
    return workload_paced(
        request, rift_generator_source(request->arena, make, shared, request->seed, "main", 0));
}

struct rift_generator *workload_thread_streams(const struct rift_workload_request *request,
                                               rift_source_make *make, void *shared)
{
    unsigned count = request->thread_count;
    struct rift_generator **children = rift_arena_calloc(request->arena, count, sizeof *children);
    for (unsigned i = 0; i < count; i++) {
        struct rift_generator *source =
            rift_generator_source(request->arena, make, shared, request->seed, "thread", i);
        children[i] = rift_generator_rate(request->arena, request->rate_hz / count, request->seed,
                                          "rate", i, source);
    }
    return rift_generator_each_thread(request->arena, count, children);
}

struct rift_generator *workload_until_each_ok(const struct rift_workload_request *request,
                                              rift_source_make *make, void *shared)
{
    unsigned count = request->thread_count;
    struct rift_generator **children = rift_arena_calloc(request->arena, count, sizeof *children);
    for (unsigned i = 0; i < count; i++) {
        struct rift_generator *source =
            rift_generator_source(request->arena, make, shared, request->seed, "final", i);
        children[i] = rift_generator_until_ok(request->arena, WORKLOAD_RETRY_GAP_NS, source);
    }
    return rift_generator_each_thread(request->arena, count, children);
}

struct rift_generator *workload_first(const struct rift_workload_request *request,
                                      rift_source_make *make, void *shared, uint64_t count)
{
    struct rift_generator *source =
        rift_generator_source(request->arena, make, shared, request->seed, "setup", 0);
    struct rift_generator *children[] = {rift_generator_limit(request->arena, count, source), NULL};
    unsigned one = 1;
    return rift_generator_reserve(request->arena, request->thread_count, &one, children, 1);
}

void workload_make_read(struct rift_source *source, struct rift_values *values,
                        struct rift_planned_op *op)
{
    (void)source;
    (void)values;
    op->f = "read";
}

struct rift_value workload_record(struct rift_values *values, const char *const *names,
                                  const struct rift_value *members, size_t count)
{
    struct rift_value items[16];
    for (size_t i = 0; i < count && i < 8; i++) {
        items[2 * i] = rift_value_keyword(values, names[i], strlen(names[i]));
        items[2 * i + 1] = members[i];
    }
    return rift_value_box(values, RIFT_MAP, items, 2 * count);
}

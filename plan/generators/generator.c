#include "plan/generators/generator.h"

enum rift_next rift_generator_next(struct rift_generator *generator,
                                   const struct rift_generator_context *context,
                                   struct rift_planned_op *op, int64_t *wake_ns)
{
    *wake_ns = RIFT_TIME_NEVER;
    return generator->kind->next(generator, context, op, wake_ns);
}

void rift_generator_update(struct rift_generator *generator,
                           const struct rift_generator_event *event)
{
    if (generator && generator->kind->update)
        generator->kind->update(generator, event);
}

bool rift_generator_has_free_thread(const struct rift_generator_context *context)
{
    for (unsigned i = context->first_thread; i < context->thread_count; i++)
        if (context->is_free[i])
            return true;
    return false;
}

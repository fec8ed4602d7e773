/* Which threads: reserve and each thread. Both split the threads into groups, each with a child
 * that knows only of its own threads. */
#include <string.h>

#include "plan/generators/combinators.h"

struct group {
    struct rift_generator *child; /* NULL: these threads stay idle */
    unsigned first, end;          /* threads */
    unsigned turn;                /* the thread that takes the next operation if it is free */
    bool is_done;
};

struct groups_generator {
    struct rift_generator base;
    struct group *groups;
    size_t count;
    size_t turn; /* the group that is asked first; goes round, so that none starves */
    unsigned thread_count;
};

/* Asks one group's child; a thread of RIFT_THREAD_ANY becomes a free one of the group, in turn. */
static enum rift_next group_next(struct group *group, const struct rift_generator_context *context,
                                 struct rift_planned_op *op, int64_t *wake_ns)
{
    unsigned size = group->end - group->first, tried = 0, thread = group->turn;
    while (tried < size && !context->is_free[thread]) {
        thread = thread + 1 < group->end ? thread + 1 : group->first;
        tried++;
    }
    if (tried == size)
        return RIFT_NEXT_PENDING;
    struct rift_generator_context narrowed = *context;
    narrowed.first_thread = group->first;
    narrowed.thread_count = group->end;
    enum rift_next next = rift_generator_next(group->child, &narrowed, op, wake_ns);
    if (next == RIFT_NEXT_OP && op->thread == RIFT_THREAD_ANY) {
        op->thread = (int32_t)thread;
        group->turn = thread + 1 < group->end ? thread + 1 : group->first;
    }
    group->is_done = next == RIFT_NEXT_DONE;
    return next;
}

static enum rift_next groups_next(struct rift_generator *generator,
                                  const struct rift_generator_context *context,
                                  struct rift_planned_op *op, int64_t *wake_ns)
{
    struct groups_generator *self = (struct groups_generator *)generator;
    int64_t soonest = RIFT_TIME_NEVER;
    bool is_done = true;
    for (size_t i = 0; i < self->count; i++) {
        size_t index = (self->turn + i) % self->count;
        struct group *group = &self->groups[index];
        if (group->is_done)
            continue;
        int64_t wake = RIFT_TIME_NEVER;
        enum rift_next next = group_next(group, context, op, &wake);
        if (next == RIFT_NEXT_OP) {
            self->turn = (index + 1) % self->count;
            return next;
        }
        is_done = is_done && next == RIFT_NEXT_DONE;
        if (next == RIFT_NEXT_PENDING && wake < soonest)
            soonest = wake;
    }
    *wake_ns = soonest;
    return is_done ? RIFT_NEXT_DONE : RIFT_NEXT_PENDING;
}

static void groups_update(struct rift_generator *generator,
                          const struct rift_generator_event *event)
{
    struct groups_generator *self = (struct groups_generator *)generator;
    for (size_t i = 0; i < self->count; i++) {
        const struct group *group = &self->groups[i];
        if (event->thread >= group->first && event->thread < group->end)
            rift_generator_update(group->child, event);
    }
}

static struct groups_generator *groups_create(struct rift_arena *arena, unsigned thread_count,
                                              size_t group_count)
{
    static const struct rift_generator_kind kind = {"threads", groups_next, groups_update};
    struct groups_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    self->base.kind = &kind;
    self->groups = rift_arena_calloc(arena, group_count, sizeof *self->groups);
    self->thread_count = thread_count;
    return self;
}

static void groups_add(struct groups_generator *self, unsigned first, unsigned end,
                       struct rift_generator *child)
{
    if (end > self->thread_count)
        end = self->thread_count;
    if (child && first < end)
        self->groups[self->count++] =
            (struct group){.child = child, .first = first, .end = end, .turn = first};
}

struct rift_generator *rift_generator_reserve(struct rift_arena *arena, unsigned thread_count,
                                              const unsigned *thread_counts,
                                              struct rift_generator *const *children, size_t count)
{
    struct groups_generator *self = groups_create(arena, thread_count, count + 1);
    unsigned first = 0;
    for (size_t i = 0; i < count; first += thread_counts[i], i++)
        groups_add(self, first, first + thread_counts[i], children[i]);
    groups_add(self, first, thread_count, children[count]);
    return &self->base;
}

struct rift_generator *rift_generator_each_thread(struct rift_arena *arena, unsigned thread_count,
                                                  struct rift_generator *const *children)
{
    struct groups_generator *self = groups_create(arena, thread_count, thread_count);
    for (unsigned i = 0; i < thread_count; i++)
        groups_add(self, i, i + 1, children[i]);
    return &self->base;
}

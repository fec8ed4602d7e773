/* Independent keys. Each planned key has a stream of its own, so its operations do not depend on
 * what became of other keys; which slot comes next is drawn from a stream that only counts
 * operations. */
#include <assert.h>

#include "plan/generators/combinators.h"

struct key_slot {
    struct rift_source source; /* source.number: the planned key */
    int64_t incarnation;
    uint64_t infos; /* of this incarnation */
};

struct keys_generator {
    struct rift_generator base;
    struct rift_keys_request request;
    struct rift_distribution distribution;
    struct rift_rng rng;
    struct key_slot *slots;
    int64_t next_key;
};

static void slot_take_key(struct keys_generator *self, struct key_slot *slot)
{
    assert(self->next_key < RIFT_KEY_STRIDE);
    *slot = (struct key_slot){.incarnation = 0};
    rift_source_init(&slot->source, self->request.shared, self->request.seed, "key",
                     self->next_key++);
}

static enum rift_next keys_next(struct rift_generator *generator,
                                const struct rift_generator_context *context,
                                struct rift_planned_op *op, int64_t *wake_ns)
{
    (void)wake_ns;
    struct keys_generator *self = (struct keys_generator *)generator;
    if (!rift_generator_has_free_thread(context))
        return RIFT_NEXT_PENDING;
    struct key_slot *slot = &self->slots[rift_distribution_draw(&self->distribution, &self->rng)];
    if (self->request.ops_per_key && slot->source.index >= self->request.ops_per_key)
        slot_take_key(self, slot);
    *op = (struct rift_planned_op){.thread = RIFT_THREAD_ANY};
    self->request.make(&slot->source, context->values, op);
    slot->source.index++;
    op->key = rift_value_integer(context->values,
                                 slot->source.number + slot->incarnation * RIFT_KEY_STRIDE);
    return RIFT_NEXT_OP;
}

static void keys_update(struct rift_generator *generator, const struct rift_generator_event *event)
{
    struct keys_generator *self = (struct keys_generator *)generator;
    if (event->type != RIFT_OP_INFO || self->request.infos_per_key == 0 ||
        rift_value_kind(event->values, event->op->key) != RIFT_INTEGER)
        return;
    int64_t key = rift_value_as_integer(event->values, event->op->key);
    for (size_t i = 0; i < self->request.active_count; i++) {
        struct key_slot *slot = &self->slots[i];
        if (slot->source.number + slot->incarnation * RIFT_KEY_STRIDE != key)
            continue;
        if (++slot->infos >= self->request.infos_per_key) {
            slot->incarnation++;
            slot->infos = 0;
        }
        return;
    }
}

struct rift_generator *rift_generator_keys(struct rift_arena *arena,
                                           const struct rift_keys_request *request)
{
    static const struct rift_generator_kind kind = {"keys", keys_next, keys_update};
    struct keys_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    self->base.kind = &kind;
    self->request = *request;
    rift_distribution_init(&self->distribution, arena, request->distribution,
                           request->active_count);
    rift_rng_init_named(&self->rng, request->seed, "keys");
    self->slots = rift_arena_calloc(arena, request->active_count, sizeof *self->slots);
    for (size_t i = 0; i < request->active_count; i++)
        slot_take_key(self, &self->slots[i]);
    return &self->base;
}

#include "checkers/linearizability/jit/set.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { CAPACITY_FIRST = 16, TABLE_FIRST = 64, INSERTED_MAX = 64 };

/* For the best of a set. */
struct jit_ranked {
    uint64_t rank; /* small is good */
    uint32_t index;
};

void jit_set_init(struct jit_set *set, uint32_t class_slots)
{
    size_t size = sizeof(struct jit_config) + class_slots * sizeof(uint16_t);
    *set = (struct jit_set){
        .stride = (size + 7) / 8 * 8,
        .class_slots = class_slots,
        .capacity = CAPACITY_FIRST,
        .table_size = TABLE_FIRST,
    };
    set->data = rift_calloc(set->capacity, set->stride);
    set->chain = rift_calloc(set->capacity, sizeof *set->chain);
    set->table = rift_calloc(set->table_size, sizeof *set->table);
}

void jit_set_finish(struct jit_set *set)
{
    free(set->data);
    free(set->spare);
    free(set->ranked);
    free(set->chain);
    free(set->table);
    *set = (struct jit_set){0};
}

size_t jit_set_size_bytes(const struct jit_set *set)
{
    return set->capacity * (set->stride + sizeof *set->chain) +
           set->spare_capacity * (set->stride + sizeof *set->ranked) +
           set->table_size * sizeof *set->table;
}

void jit_set_clear(struct jit_set *set)
{
    /* A table that one burst made large would be slow to wipe for ever after. */
    if (set->table_size > TABLE_FIRST && set->count * 8 < set->table_size) {
        set->table_size /= 2;
        set->table = rift_reallocarray(set->table, set->table_size, sizeof *set->table);
    }
    memset(set->table, 0, set->table_size * sizeof *set->table);
    set->count = 0;
}

static uint32_t config_hash(const struct jit_config *config)
{
    uint64_t x = config->used * UINT64_C(0x9e3779b97f4a7c15) + config->state;
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(x >> 32);
}

static void set_grow(struct jit_set *set)
{
    set->capacity *= 2;
    set->data = rift_reallocarray(set->data, set->capacity, set->stride);
    set->chain = rift_reallocarray(set->chain, set->capacity, sizeof *set->chain);
}

static void set_grow_table(struct jit_set *set)
{
    set->table_size *= 2;
    free(set->table);
    set->table = rift_calloc(set->table_size, sizeof *set->table);
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t *head = &set->table[config_hash(jit_set_at(set, i)) & (set->table_size - 1)];
        set->chain[i] = *head;
        *head = i + 1;
    }
}

/* Whatever b can still become, a can too. Both have the same state and open updates done. */
static bool makes_superfluous(const struct jit_set *set, const struct jit_config *a,
                              const struct jit_config *b)
{
    if (a->crashed > b->crashed || (b->seen & ~a->seen) || a->last_write < b->last_write ||
        a->is_fresh > b->is_fresh)
        return false;
    for (uint32_t slot = 0; b->crashed > 0 && slot < set->class_slots; slot++)
        if (a->counts[slot] > b->counts[slot])
            return false;
    return true;
}

static bool have_same_usage(const struct jit_set *set, const struct jit_config *a,
                            const struct jit_config *b)
{
    return a->crashed == b->crashed &&
           (a->crashed == 0 ||
            memcmp(a->counts, b->counts, set->class_slots * sizeof *a->counts) == 0);
}

static int bits(uint64_t word)
{
    return __builtin_popcountll(word);
}

static bool is_better(const struct jit_config *a, const struct jit_config *b)
{
    if (a->crashed != b->crashed)
        return a->crashed < b->crashed;
    if (bits(a->seen) != bits(b->seen))
        return bits(a->seen) > bits(b->seen);
    return a->last_write > b->last_write;
}

/* The node of a configuration that is kept, with a reference for it. */
static uint32_t hold_trail(const struct jit_config *config, struct jit_put *put,
                           struct jit_trail *trail)
{
    if (!put)
        return jit_trail_hold(trail, config->trail);
    if (put->node)
        return jit_trail_hold(trail, put->node);
    put->node = jit_trail_add(trail, config->trail, put->what, put->is_class, put->event);
    return put->node;
}

static void set_write(struct jit_set *set, uint32_t at, const struct jit_config *config,
                      uint32_t node)
{
    memcpy(jit_set_at(set, at), config, set->stride);
    jit_set_at(set, at)->trail = node;
}

void jit_set_add(struct jit_set *set, const struct jit_config *config, struct jit_put *put,
                 enum jit_keep keep, struct jit_trail *trail, bool *is_cut)
{
    uint32_t hash = config_hash(config);
    for (uint32_t at = set->table[hash & (set->table_size - 1)]; at; at = set->chain[at - 1]) {
        struct jit_config *other = jit_set_at(set, at - 1);
        set->compared++;
        if (other->state != config->state || other->used != config->used)
            continue;
        if (makes_superfluous(set, other, config))
            return;
        bool is_superfluous = keep != JIT_KEEP_QUEUE && makes_superfluous(set, config, other);
        bool is_rival = keep == JIT_KEEP_SINGLE && !is_superfluous &&
                        !have_same_usage(set, other, config) &&
                        (is_better(other, config) ? !(config->seen & ~other->seen)
                                                  : !(other->seen & ~config->seen));
        if (is_rival) {
            *is_cut = true;
            if (is_better(other, config))
                return;
        }
        if (is_rival || is_superfluous) {
            uint32_t node = hold_trail(config, put, trail);
            jit_trail_release(trail, other->trail);
            set_write(set, at - 1, config, node);
            return;
        }
    }
    if (set->count == set->capacity)
        set_grow(set);
    if (set->count * 2 >= set->table_size)
        set_grow_table(set);
    set_write(set, set->count, config, hold_trail(config, put, trail));
    uint32_t *head = &set->table[hash & (set->table_size - 1)];
    set->chain[set->count] = *head;
    *head = ++set->count;
}

static int compare_ranked(const void *a, const void *b)
{
    const struct jit_ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Brings the best `width` to the front, in order; of equal ones the first. A narrow beam does this
 * after nearly every event, and most entries are worse than its worst. */
static void ranked_select(struct jit_ranked *ranked, uint32_t count, uint32_t width)
{
    if (width > INSERTED_MAX) {
        qsort(ranked, count, sizeof *ranked, compare_ranked);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        struct jit_ranked item = ranked[i];
        uint32_t at = i < width ? i : width;
        if (item.rank >= ranked[at - 1].rank)
            continue;
        ranked[i] = ranked[at - 1]; /* falls out of the best, or moves up by one */
        for (at--; at > 0 && item.rank < ranked[at - 1].rank; at--)
            ranked[at] = ranked[at - 1];
        ranked[at] = item;
    }
}

bool jit_set_trim(struct jit_set *set, uint32_t width, struct jit_trail *trail)
{
    if (set->count <= width)
        return false;
    if (set->spare_capacity < set->capacity) {
        set->spare_capacity = set->capacity;
        set->spare = rift_reallocarray(set->spare, set->capacity, set->stride);
        set->ranked = rift_reallocarray(set->ranked, set->capacity, sizeof *set->ranked);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct jit_config *config = jit_set_at(set, i);
        uint64_t rank = (uint64_t)config->crashed << 16 | (uint64_t)(64 - bits(config->seen)) << 8 |
                        (uint64_t)bits(config->used);
        set->ranked[i] = (struct jit_ranked){rank, i};
    }
    ranked_select(set->ranked, set->count, width);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct jit_config *config = jit_set_at(set, set->ranked[i].index);
        if (i < width)
            memcpy(set->spare + i * set->stride, config, set->stride);
        else
            jit_trail_release(trail, config->trail);
    }
    char *swap = set->data;
    set->data = set->spare;
    set->spare = swap;
    set->count = width;
    return true;
}

void jit_set_release(struct jit_set *set, struct jit_trail *trail)
{
    for (uint32_t i = 0; i < set->count; i++)
        jit_trail_release(trail, jit_set_at(set, i)->trail);
    jit_set_clear(set);
}

#include "checkers/linearizability/jit/set.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { CAPACITY_FIRST = 16, TABLE_FIRST = 64 };

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
    free(set->chain);
    free(set->table);
    *set = (struct jit_set){0};
}

size_t jit_set_size_bytes(const struct jit_set *set)
{
    return set->capacity * (set->stride + sizeof *set->chain) +
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

static void set_replace(struct jit_set *set, uint32_t at, const struct jit_config *config,
                        struct jit_trail *trail)
{
    jit_trail_release(trail, jit_set_at(set, at)->trail);
    memcpy(jit_set_at(set, at), config, set->stride);
}

bool jit_set_add(struct jit_set *set, const struct jit_config *config, enum jit_keep keep,
                 struct jit_trail *trail, bool *is_cut)
{
    uint32_t hash = config_hash(config);
    for (uint32_t at = set->table[hash & (set->table_size - 1)]; at; at = set->chain[at - 1]) {
        struct jit_config *other = jit_set_at(set, at - 1);
        set->compared++;
        if (other->state != config->state || other->used != config->used)
            continue;
        if (makes_superfluous(set, other, config)) {
            jit_trail_release(trail, config->trail);
            return false;
        }
        bool is_superfluous = keep != JIT_KEEP_QUEUE && makes_superfluous(set, config, other);
        bool is_rival = keep == JIT_KEEP_SINGLE && !is_superfluous &&
                        !have_same_usage(set, other, config) &&
                        (is_better(other, config) ? !(config->seen & ~other->seen)
                                                  : !(other->seen & ~config->seen));
        if (is_rival) {
            *is_cut = true;
            if (is_better(other, config)) {
                jit_trail_release(trail, config->trail);
                return false;
            }
        }
        if (is_rival || is_superfluous) {
            set_replace(set, at - 1, config, trail);
            return true;
        }
    }
    if (set->count == set->capacity)
        set_grow(set);
    if (set->count * 2 >= set->table_size)
        set_grow_table(set);
    memcpy(jit_set_at(set, set->count), config, set->stride);
    uint32_t *head = &set->table[hash & (set->table_size - 1)];
    set->chain[set->count] = *head;
    *head = ++set->count;
    return true;
}

struct ranked {
    uint64_t rank; /* small is good */
    uint32_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

bool jit_set_trim(struct jit_set *set, uint32_t width, struct jit_trail *trail)
{
    if (set->count <= width)
        return false;
    struct ranked *ranked = rift_reallocarray(NULL, set->count, sizeof *ranked);
    char *best = rift_reallocarray(NULL, width, set->stride);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct jit_config *config = jit_set_at(set, i);
        uint64_t rank = (uint64_t)config->crashed << 16 | (uint64_t)(64 - bits(config->seen)) << 8 |
                        (uint64_t)bits(config->used);
        ranked[i] = (struct ranked){rank, i};
    }
    qsort(ranked, set->count, sizeof *ranked, compare_ranked);
    for (uint32_t i = 0; i < set->count; i++) {
        if (i < width)
            memcpy(best + i * set->stride, jit_set_at(set, ranked[i].index), set->stride);
        else
            jit_trail_release(trail, jit_set_at(set, ranked[i].index)->trail);
    }
    memcpy(set->data, best, width * set->stride);
    set->count = width;
    free(ranked);
    free(best);
    return true;
}

void jit_set_release(struct jit_set *set, struct jit_trail *trail)
{
    for (uint32_t i = 0; i < set->count; i++)
        jit_trail_release(trail, jit_set_at(set, i)->trail);
    jit_set_clear(set);
}

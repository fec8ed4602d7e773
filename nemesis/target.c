/* Random choices are prefixes of one shuffle of all nodes: a target of a given size is then uniform
 * among all sets of that size. */
#include "nemesis/target.h"

#include <assert.h>

const char *const rift_target_words[] = {
    "one",       "minority", "majority", "minority-third", "all", "primaries",
    "followers", "subset",   NULL,
};

const char *const rift_target_summaries[] = {
    "one node at random",
    "the largest minority: (n - 1) / 2 nodes",
    "the smallest majority: n / 2 + 1 nodes",
    "(n - 1) / 3 nodes, at least one: what a Byzantine quorum bears",
    "every node",
    "every node that says it leads; one at random where none does",
    "every node that does not",
    "a random number of random nodes",
};

void rift_node_set_add(struct rift_node_set *set, size_t node)
{
    assert(node < RIFT_NODES_MAX);
    set->bits[node / 64] |= UINT64_C(1) << (node % 64);
}

void rift_node_set_remove(struct rift_node_set *set, size_t node)
{
    assert(node < RIFT_NODES_MAX);
    set->bits[node / 64] &= ~(UINT64_C(1) << (node % 64));
}

bool rift_node_set_has(const struct rift_node_set *set, size_t node)
{
    return node < RIFT_NODES_MAX && (set->bits[node / 64] >> (node % 64) & 1);
}

size_t rift_node_set_count(const struct rift_node_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < RIFT_NODES_MAX / 64; i++)
        count += (size_t)__builtin_popcountll(set->bits[i]);
    return count;
}

void rift_node_set_print(const struct rift_node_set *set, const char *const *names,
                         struct rift_text *text)
{
    const char *separator = "";
    for (size_t i = 0; i < RIFT_NODES_MAX; i++) {
        if (!rift_node_set_has(set, i))
            continue;
        rift_text_printf(text, "%s%s", separator, names[i]);
        separator = ", ";
    }
}

/* Nodes of a kind whose size is fixed by the size of the cluster; 0 for the others. */
static size_t target_size(enum rift_target_kind kind, size_t node_count)
{
    size_t third = (node_count - 1) / 3;
    switch (kind) {
    case RIFT_TARGET_ONE:
        return 1;
    case RIFT_TARGET_MINORITY:
        return (node_count - 1) / 2;
    case RIFT_TARGET_MAJORITY:
        return node_count / 2 + 1;
    case RIFT_TARGET_MINORITY_THIRD:
        return third ? third : 1;
    case RIFT_TARGET_ALL:
        return node_count;
    default:
        return 0;
    }
}

static void take_random(size_t count, size_t node_count, struct rift_rng *rng,
                        struct rift_node_set *nodes)
{
    uint16_t order[RIFT_NODES_MAX];
    for (size_t i = 0; i < node_count; i++)
        order[i] = (uint16_t)i;
    rift_rng_shuffle(rng, order, node_count, sizeof order[0]);
    for (size_t i = 0; i < count; i++)
        rift_node_set_add(nodes, order[i]);
}

static void take_role(enum rift_target_kind kind, const struct rift_cluster *cluster,
                      struct rift_rng *rng, struct rift_node_set *nodes, bool *is_guess)
{
    struct rift_node_set primaries = cluster->primaries;
    *is_guess = rift_node_set_count(&primaries) == 0;
    if (*is_guess)
        take_random(1, cluster->node_count, rng, &primaries);
    for (size_t i = 0; i < cluster->node_count; i++)
        if (rift_node_set_has(&primaries, i) == (kind == RIFT_TARGET_PRIMARIES))
            rift_node_set_add(nodes, i);
}

int rift_target_resolve(const struct rift_target_choice *choice, const struct rift_cluster *cluster,
                        struct rift_rng *rng, struct rift_node_set *nodes, bool *is_guess,
                        struct rift_error *err)
{
    size_t n = cluster->node_count;
    if (n == 0 || n > RIFT_NODES_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "a fault needs 1 to %d nodes, there are %zu",
                         RIFT_NODES_MAX, n);
    *nodes = (struct rift_node_set){0};
    *is_guess = false;
    switch (choice->kind) {
    case RIFT_TARGET_NAMED:
        *nodes = choice->named;
        return 0;
    case RIFT_TARGET_PRIMARIES:
    case RIFT_TARGET_FOLLOWERS:
        take_role(choice->kind, cluster, rng, nodes, is_guess);
        return 0;
    case RIFT_TARGET_SUBSET:
        take_random((size_t)rift_rng_between(rng, 1, (int64_t)n), n, rng, nodes);
        return 0;
    default:
        take_random(target_size(choice->kind, n), n, rng, nodes);
        return 0;
    }
}

void rift_target_print(const struct rift_target_choice *choice, size_t node_count,
                       const char *const *names, struct rift_text *text)
{
    if (choice->kind == RIFT_TARGET_NAMED) {
        rift_node_set_print(&choice->named, names, text);
        return;
    }
    rift_text_append(text, rift_target_words[choice->kind]);
    size_t size = target_size(choice->kind, node_count);
    if (size && choice->kind != RIFT_TARGET_ONE && choice->kind != RIFT_TARGET_ALL)
        rift_text_printf(text, " %zu", size);
}

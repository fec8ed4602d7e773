/* A serial order made step by step: of the transactions whose predecessors are done, the one that
 * ended first, unless it would overwrite a version that others have yet to read. On histories of a
 * healthy system this mostly reaches the end; where it gets stuck nothing is lost. */
#include "checkers/txn/polygraph.h"

#include <stdlib.h>

#include "common/memory.h"

struct guess {
    const struct polygraph *polygraph;
    struct txn_graph graph;
    uint32_t *waits_for; /* per vertex: predecessors not done */
    uint32_t *current;   /* per key: the version in place */
    uint32_t *unread;    /* per version: readers not done */
    uint32_t *heap;      /* transactions that are ready, by priority */
    uint32_t heap_count;
    uint32_t *blocked;      /* per key: first of a list of blocked transactions, or TXN_NONE */
    uint32_t *next_blocked; /* per transaction */
    int64_t *time;
};

/* The one that ended first, or else comes first in its process. */
static int64_t priority(const struct guess *guess, uint32_t t)
{
    int64_t end = txn_end(guess->polygraph->model->set, t);
    return end != RIFT_TIME_NEVER ? end : guess->time[t];
}

static bool comes_first(const struct guess *guess, uint32_t a, uint32_t b)
{
    int64_t x = priority(guess, a), y = priority(guess, b);
    return x != y ? x < y : a < b;
}

static void heap_push(struct guess *guess, uint32_t t)
{
    uint32_t i = guess->heap_count++;
    for (; i > 0 && comes_first(guess, t, guess->heap[(i - 1) / 2]); i = (i - 1) / 2)
        guess->heap[i] = guess->heap[(i - 1) / 2];
    guess->heap[i] = t;
}

static uint32_t heap_pop(struct guess *guess)
{
    uint32_t top = guess->heap[0], last = guess->heap[--guess->heap_count], i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= guess->heap_count)
            break;
        if (child + 1 < guess->heap_count &&
            comes_first(guess, guess->heap[child + 1], guess->heap[child]))
            child++;
        if (!comes_first(guess, guess->heap[child], last))
            break;
        guess->heap[i] = guess->heap[child];
        i = child;
    }
    guess->heap[i] = last;
    return top;
}

/* A key whose current version others have yet to read and the transaction writes, or TXN_NONE. */
static uint32_t blocking_key(const struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++) {
        uint32_t k = set->mop_key[mop], own = 0;
        if (set->mop_function[mop] == TXN_READ || model->has_later_write[mop])
            continue;
        uint32_t version = guess->current[k];
        for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at])
            own |= model->read_version[at] == version;
        if (guess->unread[version] > own)
            return k;
    }
    return TXN_NONE;
}

static void become_ready(struct guess *guess, uint32_t vertex)
{
    uint32_t *stack = rift_malloc(sizeof *stack), depth = 0, capacity = 1;
    stack[depth++] = vertex;
    while (depth > 0) {
        uint32_t v = stack[--depth];
        if (v < guess->graph.transaction_count && guess->polygraph->is_included[v]) {
            heap_push(guess, v);
            continue;
        }
        /* Junctions, and transactions that do not count, are done at once. */
        for (uint32_t e = guess->graph.first[v]; e < guess->graph.first[v + 1]; e++) {
            uint32_t target = txn_edge_target(guess->graph.edge[e]);
            if (--guess->waits_for[target] > 0)
                continue;
            if (depth == capacity) {
                capacity *= 2;
                stack = rift_reallocarray(stack, capacity, sizeof *stack);
            }
            stack[depth++] = target;
        }
    }
    free(stack);
}

static void unblock(struct guess *guess, uint32_t k)
{
    uint32_t t = guess->blocked[k];
    guess->blocked[k] = TXN_NONE;
    while (t != TXN_NONE) {
        uint32_t next = guess->next_blocked[t];
        heap_push(guess, t);
        t = next;
    }
}

static void perform(struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++) {
        uint32_t version = model->read_version[mop];
        if (version != TXN_NONE && register_writer(model, version) != t) {
            uint32_t before = set->mop_before[mop];
            if (before != TXN_NONE && model->read_version[before] == version)
                continue;
            if (--guess->unread[version] <= 1)
                unblock(guess, set->mop_key[mop]);
        }
    }
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (set->mop_function[mop] != TXN_READ && !model->has_later_write[mop]) {
            guess->current[set->mop_key[mop]] = mop;
            unblock(guess, set->mop_key[mop]);
        }
    for (uint32_t e = guess->graph.first[t]; e < guess->graph.first[t + 1]; e++) {
        uint32_t target = txn_edge_target(guess->graph.edge[e]);
        if (--guess->waits_for[target] == 0)
            become_ready(guess, target);
    }
}

static void guess_init(struct guess *guess, const struct polygraph *polygraph)
{
    const struct register_model *model = polygraph->model;
    const struct txn_set *set = model->set;
    *guess = (struct guess){.polygraph = polygraph};
    txn_edges_copy(&polygraph->known, &guess->graph);
    guess->waits_for = rift_calloc((size_t)guess->graph.vertex_count + 1, sizeof *guess->waits_for);
    guess->current = rift_reallocarray(NULL, (size_t)set->key_count + 1, sizeof(uint32_t));
    guess->blocked = rift_reallocarray(NULL, (size_t)set->key_count + 1, sizeof(uint32_t));
    guess->unread = rift_calloc((size_t)model->version_count + 1, sizeof(uint32_t));
    guess->heap = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof(uint32_t));
    guess->next_blocked = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof(uint32_t));
    for (uint32_t k = 0; k < set->key_count; k++) {
        guess->current[k] = set->mop_count + k;
        guess->blocked[k] = TXN_NONE;
    }
    for (uint32_t v = 0; v < model->version_count; v++)
        guess->unread[v] = model->reader_first[v + 1] - model->reader_first[v];
    for (uint32_t e = 0; e < guess->graph.edge_count; e++)
        guess->waits_for[txn_edge_target(guess->graph.edge[e])]++;
    guess->time = polygraph_times(polygraph);
}

static void guess_finish(struct guess *guess)
{
    txn_graph_finish(&guess->graph);
    free(guess->waits_for);
    free(guess->current);
    free(guess->unread);
    free(guess->heap);
    free(guess->blocked);
    free(guess->next_blocked);
    free(guess->time);
}

bool polygraph_guess(const struct polygraph *polygraph)
{
    const struct txn_set *set = polygraph->model->set;
    struct guess guess;
    uint32_t left = 0, roots = 0;
    guess_init(&guess, polygraph);
    for (uint32_t t = 0; t < set->count; t++)
        left += polygraph->is_included[t];
    uint32_t *root = rift_reallocarray(NULL, (size_t)guess.graph.vertex_count + 1, sizeof *root);
    for (uint32_t v = 0; v < guess.graph.vertex_count; v++)
        if (guess.waits_for[v] == 0)
            root[roots++] = v;
    for (uint32_t i = 0; i < roots; i++)
        become_ready(&guess, root[i]);
    free(root);
    while (guess.heap_count > 0) {
        uint32_t t = heap_pop(&guess), k = blocking_key(&guess, t);
        if (k != TXN_NONE) {
            guess.next_blocked[t] = guess.blocked[k];
            guess.blocked[k] = t;
            continue;
        }
        perform(&guess, t);
        left--;
    }
    guess_finish(&guess);
    return left == 0;
}

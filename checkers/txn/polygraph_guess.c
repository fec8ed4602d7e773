/* A serial order made step by step: of the transactions whose predecessors are done, the one that
 * ended first, unless it would overwrite a version that others have yet to read.
 * Where that gets stuck it goes back (polygraph_back.c). On histories of a healthy system this
 * mostly reaches the end; where it does not, nothing is lost. */
#include "checkers/txn/polygraph_attempt.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { WORK_PER_TRANSACTION = 64, WORK_AT_LEAST = 1 << 16 };

/* A vertex waits for nothing any more. Junctions, and transactions that do not count, are done at
 * once. */
static void become_ready(struct guess *guess, uint32_t vertex)
{
    uint32_t *stack = rift_malloc(sizeof *stack), depth = 0, capacity = 1;
    stack[depth++] = vertex;
    while (depth > 0) {
        uint32_t v = stack[--depth];
        if (guess_counts(guess, v)) {
            guess_list_ready(guess, v);
            guess_heap_push(guess, v);
            continue;
        }
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
        guess_heap_push(guess, t);
        t = next;
    }
}

static void perform(struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    guess->place[t] = guess->done_count;
    guess->done[guess->done_count++] = t;
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (guess_is_first_read(guess, mop) && --guess->unread[model->read_version[mop]] <= 1)
            unblock(guess, set->mop_key[mop]);
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (guess_is_last_write(guess, mop)) {
            guess->replaced[guess->replaced_count++] = guess->current[set->mop_key[mop]];
            guess->current[set->mop_key[mop]] = mop;
            unblock(guess, set->mop_key[mop]);
        }
    for (uint32_t e = guess->graph.first[t]; e < guess->graph.first[t + 1]; e++) {
        uint32_t target = txn_edge_target(guess->graph.edge[e]);
        if (--guess->waits_for[target] == 0)
            become_ready(guess, target);
    }
    for (uint32_t i = guess->lesson_from ? guess->lesson_from[t] : TXN_NONE; i != TXN_NONE;
         i = guess->lessons[i].next_from)
        if (!guess->lessons[i].is_void && --guess->waits_for[guess->lessons[i].after] == 0)
            become_ready(guess, guess->lessons[i].after);
}

/* Nothing is done yet. */
static void restart(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    uint32_t vertex_count = guess->graph.vertex_count, roots = 0;
    guess->heap_count = guess->ready_count = 0;
    memset(guess->is_listed, 0, set->count * sizeof *guess->is_listed);
    memset(guess->waits_for, 0, vertex_count * sizeof *guess->waits_for);
    for (uint32_t e = 0; e < guess->graph.edge_count; e++)
        guess->waits_for[txn_edge_target(guess->graph.edge[e])]++;
    for (uint32_t k = 0; k < set->key_count; k++) {
        guess->current[k] = set->mop_count + k;
        guess->blocked[k] = TXN_NONE;
    }
    for (uint32_t v = 0; v < model->version_count; v++) {
        guess->unread[v] = 0;
        for (uint32_t r = model->reader_first[v]; r < model->reader_first[v + 1]; r++)
            guess->unread[v] += guess->polygraph->is_included[model->reader[r]];
    }
    CLEANUP(rift_free)
    uint32_t *root = rift_reallocarray(NULL, (size_t)vertex_count + 1, sizeof *root);
    for (uint32_t v = 0; v < vertex_count; v++)
        if (guess->waits_for[v] == 0)
            root[roots++] = v;
    for (uint32_t i = 0; i < roots; i++)
        become_ready(guess, root[i]);
}

static void guess_init(struct guess *guess, const struct polygraph *polygraph)
{
    const struct register_model *model = polygraph->model;
    const struct txn_set *set = model->set;
    size_t txns = (size_t)set->count + 1, keys = (size_t)set->key_count + 1;
    *guess = (struct guess){.polygraph = polygraph};
    txn_edges_copy(&polygraph->known, &guess->graph);
    guess->waits_for =
        rift_reallocarray(NULL, (size_t)guess->graph.vertex_count + 1, sizeof *guess->waits_for);
    guess->current = rift_reallocarray(NULL, keys, sizeof *guess->current);
    guess->blocked = rift_reallocarray(NULL, keys, sizeof *guess->blocked);
    guess->unread =
        rift_reallocarray(NULL, (size_t)model->version_count + 1, sizeof *guess->unread);
    guess->heap = rift_reallocarray(NULL, txns, sizeof *guess->heap);
    guess->next_blocked = rift_reallocarray(NULL, txns, sizeof *guess->next_blocked);
    guess->done = rift_reallocarray(NULL, txns, sizeof *guess->done);
    guess->place = rift_reallocarray(NULL, txns, sizeof *guess->place);
    guess->ready = rift_reallocarray(NULL, txns, sizeof *guess->ready);
    guess->is_listed = rift_calloc(txns, sizeof *guess->is_listed);
    guess->replaced = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *guess->replaced);
    for (uint32_t t = 0; t < set->count; t++)
        guess->place[t] = TXN_NONE;
    guess->time = polygraph_times(polygraph);
    rift_rng_init(&guess->rng, 1);
    restart(guess);
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
    free(guess->done);
    free(guess->place);
    free(guess->replaced);
    free(guess->ready);
    free(guess->is_listed);
    guess_finish_back(guess);
}

/* Goes on until nothing is ready. */
static void advance(struct guess *guess)
{
    while (guess->heap_count > 0) {
        if (guess->done_count < guess->shuffle_until && rift_rng_below(&guess->rng, 4) == 0)
            guess_heap_raise(guess, (uint32_t)rift_rng_below(&guess->rng, guess->heap_count));
        uint32_t t = guess_heap_pop(guess), k = guess_blocking_key(guess, t);
        if (k == TXN_NONE) {
            perform(guess, t);
            continue;
        }
        guess->next_blocked[t] = guess->blocked[k];
        guess->blocked[k] = t;
    }
}

/* Whether the order made explains everything, from the start and without a thought of how it was
 * made: nothing comes before what it waits for, and each read sees the last write. */
static bool is_explanation(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    restart(guess);
    for (uint32_t i = 0; i < guess->done_count; i++) {
        uint32_t t = guess->done[i];
        if (guess->waits_for[t] > 0)
            return false;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
            if (guess_is_first_read(guess, mop) &&
                guess->current[set->mop_key[mop]] != model->read_version[mop])
                return false;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
            if (guess_is_last_write(guess, mop))
                guess->current[set->mop_key[mop]] = mop;
        for (uint32_t e = guess->graph.first[t]; e < guess->graph.first[t + 1]; e++)
            if (--guess->waits_for[txn_edge_target(guess->graph.edge[e])] == 0)
                become_ready(guess, txn_edge_target(guess->graph.edge[e]));
    }
    return true;
}

bool polygraph_guess(const struct polygraph *polygraph)
{
    const struct txn_set *set = polygraph->model->set;
    struct guess guess;
    uint32_t count = 0;
    guess_init(&guess, polygraph);
    for (uint32_t t = 0; t < set->count; t++)
        count += polygraph->is_included[t];
    uint64_t work_max = (uint64_t)WORK_PER_TRANSACTION * count + WORK_AT_LEAST;
    advance(&guess);
    while (guess.done_count < count && guess.work <= work_max && guess_go_back(&guess))
        advance(&guess);
    bool is_explained = guess.done_count == count && (!guess.into || is_explanation(&guess));
    guess_finish(&guess);
    return is_explained;
}

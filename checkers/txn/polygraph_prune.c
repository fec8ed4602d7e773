/* Pruning: the order of two writes is decided where one of the two orders would close a forbidden
 * cycle with what is known. What follows is added, reachability computed anew, and so on until
 * nothing changes. */
#include "checkers/txn/polygraph.h"

#include <stdlib.h>

#include "common/memory.h"

static const uint64_t MEMORY_DEFAULT = UINT64_C(1) << 30;

/* Of real time, nearly all that can be decided is decided within a narrow band; the rest is cheaper
 * for the solver. */
enum { BAND_WORDS_REALTIME = 16 };

/* The versions that compete for each key, in an order that keeps what is known. */
struct contest {
    uint32_t *first; /* per key */
    uint32_t *version;
};

static bool competes(const struct polygraph *polygraph, uint32_t mop)
{
    const struct register_model *model = polygraph->model;
    const struct txn_set *set = model->set;
    return set->mop_function[mop] != TXN_READ && !model->has_later_write[mop] &&
           polygraph->is_included[set->mop_txn[mop]];
}

struct numbered {
    uint32_t number, version;
};

static int compare_numbered(const void *a, const void *b)
{
    uint32_t x = ((const struct numbered *)a)->number, y = ((const struct numbered *)b)->number;
    return (x > y) - (x < y);
}

static void contest_init(struct contest *contest, const struct polygraph *polygraph,
                         const struct txn_closure *closure)
{
    const struct txn_set *set = polygraph->model->set;
    uint32_t states = closure->states, *place = rift_calloc((size_t)set->key_count + 2, 4);
    contest->version = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof(uint32_t));
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (competes(polygraph, mop))
            place[set->mop_key[mop] + 2]++;
    for (uint32_t k = 0; k < set->key_count; k++)
        place[k + 2] += place[k + 1];
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (competes(polygraph, mop))
            contest->version[place[set->mop_key[mop] + 1]++] = mop;
    contest->first = place;
    /* Of real time the mops keep the order by themselves. */
    if (polygraph->order == POLYGRAPH_REALTIME)
        return;
    struct numbered *sorted = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *sorted);
    for (uint32_t k = 0; k < set->key_count; k++) {
        uint32_t count = place[k + 1] - place[k], *version = contest->version + place[k];
        for (uint32_t i = 0; i < count; i++)
            sorted[i] =
                (struct numbered){closure->number[set->mop_txn[version[i]] * states], version[i]};
        qsort(sorted, count, sizeof *sorted, compare_numbered);
        for (uint32_t i = 0; i < count; i++)
            version[i] = sorted[i].version;
    }
    free(sorted);
}

static void contest_finish(struct contest *contest)
{
    free(contest->first);
    free(contest->version);
}

/* Whether an edge of this relation would close a cycle: from its end a walk leads back to its
 * start, in a state from which the edge may be taken. */
static bool closes(const struct polygraph *polygraph, const struct txn_closure *closure,
                   uint32_t start, uint32_t end, enum txn_relation relation)
{
    const struct txn_automaton *automaton = &polygraph->automaton;
    for (uint32_t state = 0; state < closure->states; state++) {
        int8_t next = automaton->next[state][relation];
        if (next >= 0 && txn_reaches(closure, end * closure->states + (uint8_t)next,
                                     start * closure->states + state))
            return true;
    }
    return false;
}

/* Whether writing a before b contradicts what is known. */
static bool is_impossible(const struct polygraph *polygraph, const struct txn_closure *closure,
                          uint32_t a, uint32_t b)
{
    const struct register_model *model = polygraph->model;
    uint32_t before = model->set->mop_txn[a], after = model->set->mop_txn[b];
    if (closes(polygraph, closure, before, after, TXN_WW))
        return true;
    for (uint32_t r = model->reader_first[a]; r < model->reader_first[a + 1]; r++)
        if (model->reader[r] != after &&
            closes(polygraph, closure, model->reader[r], after, TXN_RW))
            return true;
    return false;
}

/* Whether version b surely follows a. */
static bool is_before(const struct polygraph *polygraph, const struct txn_closure *closure,
                      uint32_t a, uint32_t b)
{
    const struct txn_set *set = polygraph->model->set;
    return closes(polygraph, closure, set->mop_txn[b], set->mop_txn[a], TXN_WW);
}

static int keep_pair(struct polygraph *polygraph, size_t *capacity, uint32_t a, uint32_t b)
{
    if (polygraph->pair_count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 1024;
        uint64_t limit = polygraph->memory_bytes ? polygraph->memory_bytes : MEMORY_DEFAULT;
        if (*capacity * sizeof *polygraph->pairs > limit)
            return -1;
        polygraph->pairs = rift_reallocarray(polygraph->pairs, *capacity, sizeof *polygraph->pairs);
    }
    polygraph->pairs[polygraph->pair_count++] = (struct polygraph_pair){a, b};
    return 0;
}

/* The versions of one key: adds what the known order says, of each version only towards the nearest
 * that follow it, and keeps the pairs that it does not order. */
static int contend(struct polygraph *polygraph, const struct txn_closure *closure,
                   const uint32_t *version, uint32_t count, size_t *capacity)
{
    const struct txn_set *set = polygraph->model->set;
    uint32_t *nearest = rift_reallocarray(NULL, (size_t)count + 1, sizeof *nearest);
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        uint32_t nearest_count = 0;
        if (i % 256 == 255 && polygraph_is_late(polygraph))
            result = -1;
        int64_t end = txn_end(set, set->mop_txn[version[i]]), covered_at = INT64_MAX;
        for (uint32_t j = i + 1; j < count && result == 0; j++) {
            bool is_behind = false;
            uint32_t other = set->mop_txn[version[j]];
            /* What starts later is ordered by real time. That is known already but for unknown
             * transactions, and for these once a committed one ended in between. */
            if (polygraph->order == POLYGRAPH_REALTIME && end < txn_start(set, other)) {
                if (covered_at < txn_start(set, other))
                    break;
                if (!txn_is_committed(set, other))
                    polygraph_add_choice(polygraph, version[i], version[j], &polygraph->known);
                else if (txn_end(set, other) < covered_at)
                    covered_at = txn_end(set, other);
                continue;
            }
            if (!is_before(polygraph, closure, version[i], version[j])) {
                result = keep_pair(polygraph, capacity, version[i], version[j]);
                continue;
            }
            for (uint32_t n = 0; n < nearest_count && !is_behind; n++)
                is_behind = is_before(polygraph, closure, nearest[n], version[j]);
            if (is_behind)
                continue;
            nearest[nearest_count++] = version[j];
            polygraph_add_choice(polygraph, version[i], version[j], &polygraph->known);
        }
    }
    free(nearest);
    return result;
}

static int contend_all(struct polygraph *polygraph, const struct txn_closure *closure)
{
    struct contest contest;
    size_t capacity = 0;
    int result = 0;
    contest_init(&contest, polygraph, closure);
    for (uint32_t k = 0; k < polygraph->model->set->key_count && result == 0; k++) {
        result = contend(polygraph, closure, contest.version + contest.first[k],
                         contest.first[k + 1] - contest.first[k], &capacity);
        if (k % 64 == 0 && polygraph_is_late(polygraph))
            result = -1;
    }
    contest_finish(&contest);
    return result;
}

/* Decides the pairs that reachability decides. Returns how many, or -1 where neither order of a
 * pair is possible. */
static int64_t decide_pairs(struct polygraph *polygraph, const struct txn_closure *closure)
{
    size_t kept = 0;
    for (size_t i = 0; i < polygraph->pair_count; i++) {
        struct polygraph_pair pair = polygraph->pairs[i];
        bool no_ab = is_impossible(polygraph, closure, pair.a, pair.b);
        bool no_ba = is_impossible(polygraph, closure, pair.b, pair.a);
        if (!no_ab && !no_ba) {
            polygraph->pairs[kept++] = pair;
            continue;
        }
        if (no_ab)
            polygraph_add_choice(polygraph, pair.b, pair.a, &polygraph->known);
        else
            polygraph_add_choice(polygraph, pair.a, pair.b, &polygraph->known);
        /* Both impossible: the choice just added closes a cycle, which will be shown. */
        if (no_ab && no_ba)
            return -1;
    }
    int64_t decided = (int64_t)(polygraph->pair_count - kept);
    polygraph->pair_count = kept;
    return decided;
}

enum { VIOLATED = -1, GIVE_UP = -2 /* with a reason */ };

/* One round; returns how many pairs it decided, or one of these. */
static int64_t prune_once(struct polygraph *polygraph, const int64_t *time, const char **reason)
{
    uint64_t limit = polygraph->memory_bytes ? polygraph->memory_bytes : MEMORY_DEFAULT;
    uint32_t words = polygraph->order == POLYGRAPH_REALTIME ? BAND_WORDS_REALTIME : UINT32_MAX;
    struct txn_graph graph;
    struct txn_closure closure;
    int64_t decided = 1;
    if (polygraph_is_late(polygraph) || polygraph->known.is_full) {
        *reason = "the time ran out while pruning";
        return GIVE_UP;
    }
    txn_edges_copy(&polygraph->known, &graph);
    bool is_acyclic = txn_closure_init(&closure, &graph, &polygraph->automaton, time, words, limit);
    txn_graph_finish(&graph);
    if (!is_acyclic)
        return VIOLATED;
    if (polygraph->rounds == 0) {
        if (contend_all(polygraph, &closure) < 0) {
            *reason = "it has more pairs of writes than time or memory allow";
            decided = GIVE_UP;
        }
        polygraph->pairs_at_first = polygraph->pair_count;
    } else {
        decided = decide_pairs(polygraph, &closure);
    }
    txn_closure_finish(&closure);
    polygraph->pairs_left = polygraph->pair_count;
    return decided;
}

enum polygraph_answer polygraph_prune(struct polygraph *polygraph, const char **reason)
{
    CLEANUP(rift_free) int64_t *time = polygraph_times(polygraph);
    for (polygraph->rounds = 0;; polygraph->rounds++) {
        int64_t decided = prune_once(polygraph, time, reason);
        if (decided == VIOLATED)
            return POLYGRAPH_VIOLATED;
        if (decided == GIVE_UP || decided == 0 || polygraph->rounds + 1 == polygraph->rounds_max)
            return POLYGRAPH_UNDECIDED;
    }
}

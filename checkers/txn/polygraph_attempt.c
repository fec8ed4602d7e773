/* The transactions that a guessed order may take next, by priority. */
#include "checkers/txn/polygraph_attempt.h"

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

void guess_heap_push(struct guess *guess, uint32_t t)
{
    uint32_t i = guess->heap_count++;
    for (; i > 0 && comes_first(guess, t, guess->heap[(i - 1) / 2]); i = (i - 1) / 2)
        guess->heap[i] = guess->heap[(i - 1) / 2];
    guess->heap[i] = t;
}

uint32_t guess_heap_pop(struct guess *guess)
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

void guess_heap_raise(struct guess *guess, uint32_t i)
{
    uint32_t t = guess->heap[i];
    for (; i > 0; i = (i - 1) / 2)
        guess->heap[i] = guess->heap[(i - 1) / 2];
    guess->heap[0] = t;
}

uint32_t guess_blocking_key(const struct guess *guess, uint32_t t)
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

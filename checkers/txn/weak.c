/* Read committed and read atomic.
 *
 * Read committed: if a transaction read from t2 and later read x from t1, and t2 wrote x too, then
 * t2 committed before t1. Of the reads of one predicate none is later than another. Only the
 * earliest later writer of x other than t2 matters: those read after it follow it by the same rule.
 * Read atomic: the same wherever in the transaction the two reads stand, and also for what came
 * before in the session. */
#include "checkers/txn/weak.h"

#include <stdlib.h>

#include "common/memory.h"

/* The two earliest different writers of a key among the reads that follow, backwards. */
struct upcoming {
    uint32_t mark; /* transaction plus one for which the rest is set */
    uint32_t writer[2];
};

static bool writes_key(const struct weak_index *index, uint32_t t, uint32_t key)
{
    uint32_t low = index->write_first[t], high = index->write_first[t + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->write_key[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->write_first[t + 1] && index->write_key[low] == key;
}

/* before must commit before after, as reader saw both. */
static void must_precede(uint32_t before, uint32_t after, uint32_t reader, uint32_t key,
                         struct txn_edges *edges, struct weak_conflict *conflict)
{
    if (after != TXN_NONE)
        txn_edges_add(edges, before, after, TXN_WW);
    else if (conflict->reader == TXN_NONE)
        *conflict = (struct weak_conflict){reader, before, key};
}

/* Sessions, and who was read from. */
static void add_base(const struct weak_index *index, struct txn_edges *edges)
{
    for (uint32_t t = 0; t < index->txn_count; t++)
        if (index->before[t] != TXN_NONE)
            txn_edges_add(edges, index->before[t], t, TXN_PROCESS);
    for (uint32_t t = 0; t < index->txn_count; t++)
        for (uint32_t r = index->read_first[t]; r < index->read_first[t + 1]; r++)
            if (index->read_from[r] != TXN_NONE)
                txn_edges_add(edges, index->read_from[r], t, TXN_WR);
}

/* The transaction read from at r, if no read of t before r is from it; else TXN_NONE. */
static uint32_t first_read_from(const struct weak_index *index, uint32_t t, uint32_t r,
                                uint32_t *seen)
{
    enum { FEW = 16 };
    uint32_t from = index->read_from[r], first = index->read_first[t];
    if (from == TXN_NONE)
        return TXN_NONE;
    if (index->read_first[t + 1] - first > FEW) {
        bool is_first = seen[from] != t + 1;
        seen[from] = t + 1;
        return is_first ? from : TXN_NONE;
    }
    while (first < r && index->read_from[first] != from)
        first++;
    return first == r ? from : TXN_NONE;
}

/* Asks memory for the first thing that the reads of a transaction some way ahead will look at. */
static void expect_reads(const struct weak_index *index, uint32_t t)
{
    enum { AHEAD = 8 };
    if (t + AHEAD >= index->txn_count)
        return;
    for (uint32_t r = index->read_first[t + AHEAD]; r < index->read_first[t + AHEAD + 1]; r++)
        if (index->read_from[r] != TXN_NONE)
            __builtin_prefetch(&index->write_bits[index->read_from[r]]);
}

/* Calls for each key that t2 wrote and that upcoming knows for t: by the smaller of the two sets.
 * bits are those of the keys that it knows. */
static void relate_upcoming(const struct weak_index *index, uint32_t t, uint32_t t2, uint32_t r,
                            const struct upcoming *upcoming, uint64_t bits, struct txn_edges *edges,
                            struct weak_conflict *conflict)
{
    if (!(bits & index->write_bits[t2]))
        return;
    uint32_t writes = index->write_first[t2 + 1] - index->write_first[t2];
    uint32_t later = index->read_first[t + 1] - r;
    bool by_writes = writes <= later * 4;
    for (uint32_t i = 0; i < (by_writes ? writes : later); i++) {
        uint32_t key =
            by_writes ? index->write_key[index->write_first[t2] + i] : index->read_key[r + i];
        if (!(bits & weak_key_bit(key)))
            continue;
        const struct upcoming *at = &upcoming[key];
        if (at->mark != t + 1 || (!by_writes && !writes_key(index, t2, key)))
            continue;
        uint32_t after = at->writer[0] != t2 ? at->writer[0] : at->writer[1];
        if (after != t2)
            must_precede(t2, after, t, key, edges, conflict);
    }
}

static void note_upcoming(struct upcoming *at, uint32_t t, uint32_t from)
{
    if (at->mark != t + 1)
        *at = (struct upcoming){t + 1, {from, from}};
    else if (at->writer[0] != from)
        *at = (struct upcoming){t + 1, {from, at->writer[0]}};
}

void weak_read_committed(const struct weak_index *index, struct txn_edges *edges,
                         struct weak_conflict *conflict)
{
    uint32_t key_count = index->model->set->key_count;
    struct upcoming *upcoming = rift_calloc((size_t)key_count + 1, sizeof *upcoming);
    uint32_t *seen = rift_calloc((size_t)index->txn_count + 1, sizeof *seen);
    uint32_t *firsts =
        rift_reallocarray(NULL, (size_t)index->read_first[index->txn_count] + 1, sizeof *firsts);
    conflict->reader = TXN_NONE;
    add_base(index, edges);
    for (uint32_t t = 0; t < index->txn_count; t++) {
        expect_reads(index, t);
        for (uint32_t r = index->read_first[t]; r < index->read_first[t + 1]; r++)
            firsts[r] = first_read_from(index, t, r, seen);
        uint64_t bits = 0;
        for (uint32_t r = index->read_first[t + 1]; r > index->read_first[t];) {
            uint32_t end = r, at = index->read_at[r - 1];
            while (r > index->read_first[t] && index->read_at[r - 1] == at)
                r--;
            for (uint32_t i = r; i < end; i++)
                if (firsts[i] != TXN_NONE)
                    relate_upcoming(index, t, firsts[i], end - 1, upcoming, bits, edges, conflict);
            for (uint32_t i = r; i < end; i++) {
                note_upcoming(&upcoming[index->read_key[i]], t, index->read_from[i]);
                bits |= weak_key_bit(index->read_key[i]);
            }
        }
    }
    free(upcoming);
    free(seen);
    free(firsts);
}

/* Per key and session the last transaction that wrote it, while sessions are walked one by one. */
struct last_write {
    uint32_t mark; /* session plus one */
    uint32_t txn;
};

/* Transactions sorted by session, in order within each. */
static uint32_t *sort_by_session(const struct weak_index *index)
{
    uint32_t *place = rift_calloc((size_t)index->session_count + 2, sizeof *place);
    uint32_t *sorted = rift_reallocarray(NULL, (size_t)index->txn_count + 1, sizeof *sorted);
    for (uint32_t t = 0; t < index->txn_count; t++)
        place[index->session[t] + 1]++;
    for (uint32_t s = 0; s < index->session_count; s++)
        place[s + 1] += place[s];
    for (uint32_t t = 0; t < index->txn_count; t++)
        sorted[place[index->session[t]]++] = t;
    free(place);
    return sorted;
}

static void relate_sessions(const struct weak_index *index, struct txn_edges *edges,
                            struct weak_conflict *conflict)
{
    uint32_t *sorted = sort_by_session(index);
    struct last_write *last = rift_calloc((size_t)index->model->set->key_count + 1, sizeof *last);
    for (uint32_t i = 0; i < index->txn_count; i++) {
        uint32_t t = sorted[i];
        if (index->place[t] == 0)
            continue;
        for (uint32_t r = index->read_first[t]; r < index->read_first[t + 1]; r++) {
            const struct last_write *at = &last[index->read_key[r]];
            if (at->mark == index->session[t] + 1 && at->txn != index->read_from[r])
                must_precede(at->txn, index->read_from[r], t, index->read_key[r], edges, conflict);
        }
        for (uint32_t w = index->write_first[t]; w < index->write_first[t + 1]; w++)
            last[index->write_key[w]] = (struct last_write){index->session[t] + 1, t};
    }
    free(sorted);
    free(last);
}

void weak_read_atomic(const struct weak_index *index, struct txn_edges *edges,
                      struct weak_conflict *conflict)
{
    uint32_t key_count = index->model->set->key_count;
    struct upcoming *read = rift_calloc((size_t)key_count + 1, sizeof *read);
    uint32_t *seen = rift_calloc((size_t)index->txn_count + 1, sizeof *seen);
    conflict->reader = TXN_NONE;
    add_base(index, edges);
    for (uint32_t t = 0; t < index->txn_count; t++) {
        uint32_t first = index->read_first[t], end = index->read_first[t + 1];
        expect_reads(index, t);
        uint64_t bits = 0;
        for (uint32_t r = end; r-- > first;) {
            bits |= weak_key_bit(index->read_key[r]);
            read[index->read_key[r]] =
                (struct upcoming){t + 1, {index->read_from[r], index->read_from[r]}};
        }
        for (uint32_t r = first; r < end; r++) {
            uint32_t t2 = first_read_from(index, t, r, seen);
            if (t2 != TXN_NONE)
                relate_upcoming(index, t, t2, first, read, bits, edges, conflict);
        }
    }
    relate_sessions(index, edges, conflict);
    free(read);
    free(seen);
}

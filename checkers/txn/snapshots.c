/* A snapshot is the set of the transactions that had ended: those below xmax that are not in xip.
 * They end one after another, so the snapshots are a chain, and the number of a snapshot's members
 * is a clock: it ticks when a transaction ends. A snapshot of n members is at 2 n; a commit is
 * right after the largest snapshot without it, at an odd number. Then a snapshot is after a commit
 * exactly if it has it. Commits that no snapshot tells apart have the same number: who writes what
 * another wrote has a snapshot of its own in between. */
#include "checkers/txn/snapshots.h"

#include <stdlib.h>

#include "common/memory.h"

struct snapshot {
    int64_t member_count, xmax;
    const char *open; /* xip as text, ascending */
};

static int compare_snapshots(const void *a, const void *b)
{
    const struct snapshot *x = a, *y = b;
    return (x->member_count > y->member_count) - (x->member_count < y->member_count);
}

static bool parse_snapshot(const char *text, struct snapshot *snapshot)
{
    char *rest;
    int64_t open_count = 0;
    strtoll(text, &rest, 10);
    if (rest == text || *rest != ':')
        return false;
    text = rest + 1;
    snapshot->xmax = strtoll(text, &rest, 10);
    if (rest == text || *rest != ':')
        return false;
    snapshot->open = rest + 1;
    for (const char *at = snapshot->open; *at; at = *rest == ',' ? rest + 1 : rest) {
        strtoll(at, &rest, 10);
        if (rest == at || (*rest && *rest != ','))
            return false;
        open_count++;
    }
    snapshot->member_count = snapshot->xmax - 1 - open_count;
    return true;
}

static bool has_ended(const struct snapshot *snapshot, int64_t xid)
{
    char *rest;
    if (xid >= snapshot->xmax)
        return false;
    for (const char *at = snapshot->open; *at; at = *rest == ',' ? rest + 1 : rest)
        if (strtoll(at, &rest, 10) == xid)
            return false;
    return true;
}

/* The moment right after the largest snapshot without it. */
static int64_t commit_moment(const struct snapshot *snapshots, size_t count, int64_t xid)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (has_ended(&snapshots[middle], xid))
            high = middle;
        else
            low = middle + 1;
    }
    return low > 0 ? 2 * snapshots[low - 1].member_count + 1 : 2 * snapshots[0].member_count - 1;
}

static bool find_extra(const struct txn_set *set, uint32_t txn, const char *name,
                       struct rift_value *value)
{
    const struct rift_history *history = set->history;
    return history->ops.extra_end &&
           rift_value_map_get(history->values, history->ops.extra_end[set->row[txn]], name, value);
}

static void mark_seen(const struct txn_set *set, uint32_t key, struct rift_value value,
                      bool *is_seen)
{
    uint32_t writer = txn_set_writer(set, key, value);
    if (writer != TXN_NONE)
        is_seen[set->mop_txn[writer]] = true;
}

/* By transaction: a committed one read what it wrote. */
static bool *find_seen(const struct txn_set *set)
{
    bool *is_seen = rift_calloc((size_t)set->count + 1, sizeof *is_seen);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct rift_value value = set->mop_value[mop];
        if (set->mop_function[mop] != TXN_READ || !txn_is_committed(set, set->mop_txn[mop]))
            continue;
        if (set->write_function != TXN_APPEND)
            mark_seen(set, set->mop_key[mop], value, is_seen);
        for (size_t i = 0;
             set->write_function == TXN_APPEND && i < rift_value_count(set->values, value); i++)
            mark_seen(set, set->mop_key[mop], rift_value_item(set->values, value, i), is_seen);
    }
    return is_seen;
}

uint32_t txn_snapshots_read(const struct txn_set *set, int64_t *start, int64_t *commit,
                            uint8_t *has)
{
    CLEANUP(rift_free)
    struct snapshot *snapshots = rift_calloc((size_t)set->count + 1, sizeof *snapshots);
    CLEANUP(rift_free) bool *is_seen = find_seen(set);
    uint32_t count = 0;
    struct rift_value value;
    for (uint32_t t = 0; t < set->count; t++) {
        struct snapshot *snapshot = &snapshots[count];
        if (set->type[t] == RIFT_OP_FAIL || !find_extra(set, t, "snapshot", &value) ||
            !parse_snapshot(rift_value_as_text(set->history->values, value, NULL), snapshot))
            continue;
        start[t] = 2 * snapshot->member_count;
        has[t] |= TXN_HAS_START;
        count++;
    }
    qsort(snapshots, count, sizeof *snapshots, compare_snapshots);
    for (uint32_t t = 0; t < set->count && count > 0; t++) {
        bool is_certain = txn_is_committed(set, t) || (set->type[t] == RIFT_OP_INFO && is_seen[t]);
        if (!is_certain || !find_extra(set, t, "xid", &value) ||
            rift_value_kind(set->history->values, value) != RIFT_INTEGER)
            continue;
        commit[t] =
            commit_moment(snapshots, count, rift_value_as_integer(set->history->values, value));
        has[t] |= TXN_HAS_COMMIT;
    }
    return count;
}

/* long-fork: each key is written once, alone, and keys are read in groups. Of two reads of a group
 * one must hold everything that the other holds; else they saw two writes in opposite orders.
 *
 * Reads of a group as bit sets, sorted by size, must form a chain: linear but for the sorting. */
#include "checkers/registry.h"

#include <stdlib.h>

#include "checkers/txn/load.h"
#include "checkers/txn/txns.h"
#include "common/memory.h"

enum { GROUP_SIZE_MAX = 64, KEPT = 16 };

struct group_read {
    uint32_t group;
    uint32_t txn;
    uint64_t seen; /* keys by their place in the group */
};

struct forks {
    struct txn_set set;
    uint32_t *group; /* per key, TXN_NONE: not read yet */
    uint32_t *place;
    uint32_t *size; /* per group */
    uint32_t group_count;
    struct group_read *reads;
    size_t read_count;
};

static int compare_reads(const void *a, const void *b)
{
    const struct group_read *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    int by_size = __builtin_popcountll(x->seen) - __builtin_popcountll(y->seen);
    return by_size ? by_size : (x->txn > y->txn) - (x->txn < y->txn);
}

static bool is_group_read(const struct txn_set *set, uint32_t txn)
{
    uint32_t count = set->first[txn + 1] - set->first[txn];
    for (uint32_t mop = set->first[txn]; mop < set->first[txn + 1]; mop++)
        if (set->mop_function[mop] != TXN_READ || set->mop_before[mop] != TXN_NONE)
            return false;
    return txn_is_committed(set, txn) && count > 1;
}

/* False where the keys are no group: some of them belong to another one. */
static bool add_read(struct forks *forks, uint32_t txn)
{
    const struct txn_set *set = &forks->set;
    uint32_t first = set->first[txn], count = set->first[txn + 1] - first;
    uint32_t group = forks->group[set->mop_key[first]];
    if (count > GROUP_SIZE_MAX)
        return false;
    if (group == TXN_NONE) {
        group = forks->group_count++;
        forks->size[group] = count;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t k = set->mop_key[first + i];
            if (forks->group[k] != TXN_NONE)
                return false;
            forks->group[k] = group;
            forks->place[k] = i;
        }
    }
    struct group_read read = {.group = group, .txn = txn};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = set->mop_key[first + i];
        if (forks->group[k] != group || forks->size[group] != count)
            return false;
        if (!rift_value_is_nil(set->mop_value[first + i]))
            read.seen |= UINT64_C(1) << forks->place[k];
    }
    forks->reads[forks->read_count++] = read;
    return true;
}

static void report(const struct forks *forks, const struct group_read *a,
                   const struct group_read *b, struct rift_verdict *verdict)
{
    const struct txn_set *set = &forks->set;
    const struct rift_ops *ops = &set->history->ops;
    uint32_t rows[] = {set->row[a->txn], set->row[b->txn]};
    CLEANUP(rift_free) char *first = rift_value_print(set->values, ops->result[rows[0]]);
    CLEANUP(rift_free) char *second = rift_value_print(set->values, ops->result[rows[1]]);
    json_t *anomaly = rift_verdict_convict(
        verdict, "long fork",
        "operation %u read %s and operation %u read %s: each saw a write that the other missed",
        rows[0], first, rows[1], second);
    json_object_set_new(anomaly, "ops",
                        json_pack("[I, I]", (json_int_t)rows[0], (json_int_t)rows[1]));
}

static void judge(struct forks *forks, struct rift_verdict *verdict)
{
    size_t found = 0;
    qsort(forks->reads, forks->read_count, sizeof *forks->reads, compare_reads);
    for (size_t i = 1; i < forks->read_count; i++) {
        const struct group_read *a = &forks->reads[i - 1], *b = &forks->reads[i];
        if (a->group == b->group && (a->seen & ~b->seen) && ++found <= KEPT)
            report(forks, a, b, verdict);
    }
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "reads", json_integer((json_int_t)forks->read_count));
    json_object_set_new(stats, "groups", json_integer(forks->group_count));
    json_object_set_new(stats, "forks", json_integer((json_int_t)found));
}

/* Of a key that is written once only that value can be read, unless its write failed. */
static void judge_values(const struct txn_set *set, struct rift_verdict *verdict)
{
    size_t found = 0;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct rift_value value = set->mop_value[mop];
        if (set->mop_function[mop] != TXN_READ || rift_value_is_nil(value) ||
            !txn_is_committed(set, set->mop_txn[mop]))
            continue;
        uint32_t writer = txn_set_writer(set, set->mop_key[mop], value);
        if ((writer != TXN_NONE && set->type[set->mop_txn[writer]] != RIFT_OP_FAIL) ||
            ++found > KEPT)
            continue;
        uint32_t row = set->row[set->mop_txn[mop]];
        CLEANUP(rift_free) char *text = rift_value_print(set->values, value);
        json_t *anomaly = rift_verdict_convict(
            verdict, "garbage read", "operation %u read %s, which nobody wrote", row, text);
        json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)row));
    }
}

static int check_long_fork(const struct rift_check *check, struct rift_verdict *verdict,
                           struct rift_error *err)
{
    struct forks forks = {0};
    const struct txn_set *set = &forks.set;
    if (txn_set_init(&forks.set, check->history, TXN_WRITE, err) < 0)
        return -1;
    CLEANUP(rift_free) uint32_t *group = rift_calloc((size_t)set->key_count + 1, sizeof *group);
    CLEANUP(rift_free) uint32_t *place = rift_calloc((size_t)set->key_count + 1, sizeof *place);
    CLEANUP(rift_free) uint32_t *size = rift_calloc((size_t)set->key_count + 1, sizeof *size);
    CLEANUP(rift_free)
    struct group_read *reads = rift_calloc((size_t)set->count + 1, sizeof *reads);
    CLEANUP(rift_free) bool *is_written = rift_calloc((size_t)set->key_count + 1, sizeof(bool));
    bool has_writes = false;
    forks.group = group;
    forks.place = place;
    forks.size = size;
    forks.reads = reads;
    for (uint32_t k = 0; k < set->key_count; k++)
        group[k] = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (set->mop_function[mop] == TXN_READ)
            continue;
        if (is_written[set->mop_key[mop]] && verdict->validity == RIFT_VALID)
            rift_verdict_doubt(verdict, "a key is written twice: reads do not tell which write");
        is_written[set->mop_key[mop]] = has_writes = true;
    }
    /* A history of reads alone says nothing of what was written. */
    if (has_writes && verdict->validity == RIFT_VALID)
        judge_values(set, verdict);
    bool are_groups = true;
    for (uint32_t t = 0; t < set->count && are_groups; t++)
        if (is_group_read(set, t))
            are_groups = add_read(&forks, t);
    if (!are_groups)
        rift_verdict_doubt(verdict, "reads overlap without reading the same keys: no groups");
    else if (forks.read_count == 0)
        rift_verdict_doubt(verdict, "no read of a group succeeded");
    else if (verdict->validity != RIFT_UNKNOWN)
        judge(&forks, verdict);
    txn_set_finish(&forks.set);
    return 0;
}

const struct rift_checker rift_checker_long_fork = {
    .name = "long-fork",
    .summary = "reads of a group of keys see its writes in one order",
    .check = check_long_fork,
};

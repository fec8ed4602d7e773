#include "tests/lib/small_txns.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/builder.h"

enum { RANDOM_FAIL_ONE_IN = 10, RANDOM_INFO_ONE_IN = 8 };

/* The state of all keys: a list each; of registers only the last element counts. */
struct state {
    int list[SMALL_KEYS_MAX][SMALL_LIST_MAX];
    int count[SMALL_KEYS_MAX];
};

/* What a read by predicate returns of a key that has this value, 0: nil. */
static int row_of(const struct small_mop *mop, int value)
{
    return value != 0 && value % mop->modulus == mop->remainder ? value : 0;
}

static bool selection_fits(const struct small_mop *mop, const struct state *state)
{
    for (int k = 0; k < SMALL_KEYS_MAX; k++) {
        int value = state->count[k] ? state->list[k][state->count[k] - 1] : 0;
        if (mop->row[k] != row_of(mop, value))
            return false;
    }
    return true;
}

static bool read_fits(const struct small_history *history, const struct small_mop *mop,
                      const struct state *state)
{
    if (mop->modulus > 0)
        return selection_fits(mop, state);
    int count = state->count[mop->key];
    const int *list = state->list[mop->key];
    if (!history->is_list)
        return mop->value == (count ? list[count - 1] : 0);
    return mop->count == count && memcmp(mop->list, list, (size_t)count * sizeof *list) == 0;
}

/* Runs a transaction on a state; false where a read of a committed one does not fit. */
static bool run(const struct small_history *history, int t, struct state *state)
{
    const struct small_txn *txn = &history->txn[t];
    for (int i = 0; i < txn->mop_count; i++) {
        const struct small_mop *mop = &txn->mop[i];
        if (!mop->is_read)
            state->list[mop->key][state->count[mop->key]++] = mop->value;
        else if (txn->type == RIFT_OP_OK && !read_fits(history, mop, state))
            return false;
    }
    return true;
}

static bool must_precede(const struct small_history *history, enum small_order order, int a, int b)
{
    const struct small_txn *x = &history->txn[a], *y = &history->txn[b];
    if (x->type != RIFT_OP_OK || x->end >= y->start)
        return false;
    return order == SMALL_REAL_TIME || (order == SMALL_PROCESS_ORDER && x->process == y->process);
}

static bool try_serial(const struct small_history *history, enum small_order order, unsigned left,
                       const struct state *state)
{
    bool is_done = true;
    for (int t = 0; t < history->count; t++)
        if ((left >> t & 1) && history->txn[t].type == RIFT_OP_OK)
            is_done = false;
    if (is_done)
        return true;
    for (int t = 0; t < history->count; t++) {
        bool may_come = left >> t & 1;
        for (int before = 0; before < history->count && may_come; before++)
            may_come = !(left >> before & 1) || !must_precede(history, order, before, t);
        if (history->has_claim && t == history->claim_second && left >> history->claim_first & 1)
            may_come = false;
        struct state next = *state;
        if (may_come && run(history, t, &next) &&
            try_serial(history, order, left & ~(1U << t), &next))
            return true;
    }
    return false;
}

/* Everything but what failed. */
static unsigned candidates(const struct small_history *history)
{
    unsigned mask = 0;
    for (int t = 0; t < history->count; t++)
        if (history->txn[t].type != RIFT_OP_FAIL)
            mask |= 1U << t;
    return mask;
}

bool small_is_serializable(const struct small_history *history, enum small_order order)
{
    struct state empty = {0};
    return try_serial(history, order, candidates(history), &empty);
}

struct commits {
    int order[SMALL_TXNS_MAX];
    int count;
    struct state after[SMALL_TXNS_MAX + 1]; /* after so many commits */
    bool may_overlap;                       /* two that wrote a key */
};

static bool writes_key(const struct small_txn *txn, int key)
{
    for (int i = 0; i < txn->mop_count; i++)
        if (!txn->mop[i].is_read && txn->mop[i].key == key)
            return true;
    return false;
}

/* Whether t could have had its snapshot after so many commits and commit now. */
static bool snapshot_fits(const struct small_history *history, enum small_order order,
                          const struct commits *commits, int snapshot, int t)
{
    const struct small_txn *txn = &history->txn[t];
    for (int c = snapshot; c < commits->count; c++) {
        if (must_precede(history, order, commits->order[c], t))
            return false;
        for (int i = 0; i < txn->mop_count; i++)
            if (!commits->may_overlap && !txn->mop[i].is_read &&
                writes_key(&history->txn[commits->order[c]], txn->mop[i].key))
                return false;
    }
    struct state state = commits->after[snapshot];
    return run(history, t, &state);
}

static bool try_commits(const struct small_history *history, enum small_order order, unsigned left,
                        struct commits *commits)
{
    bool is_done = true;
    for (int t = 0; t < history->count; t++)
        if ((left >> t & 1) && history->txn[t].type == RIFT_OP_OK)
            is_done = false;
    if (is_done)
        return true;
    for (int t = 0; t < history->count; t++) {
        bool may_come = left >> t & 1, has_snapshot = false;
        for (int before = 0; before < history->count && may_come; before++)
            may_come = !(left >> before & 1) || !must_precede(history, order, before, t);
        for (int s = commits->count; may_come && !has_snapshot && s >= 0; s--)
            has_snapshot = snapshot_fits(history, order, commits, s, t);
        if (!has_snapshot)
            continue;
        struct state next = commits->after[commits->count];
        for (int i = 0; i < history->txn[t].mop_count; i++) {
            const struct small_mop *mop = &history->txn[t].mop[i];
            if (!mop->is_read)
                next.list[mop->key][next.count[mop->key]++] = mop->value;
        }
        commits->order[commits->count++] = t;
        commits->after[commits->count] = next;
        if (try_commits(history, order, left & ~(1U << t), commits))
            return true;
        commits->count--;
    }
    return false;
}

bool small_is_snapshot_isolated(const struct small_history *history, enum small_order order)
{
    struct commits commits = {0};
    return try_commits(history, order, candidates(history), &commits);
}

bool small_is_prefix_consistent(const struct small_history *history, enum small_order order)
{
    struct commits commits = {.may_overlap = true};
    return try_commits(history, order, candidates(history), &commits);
}

/* Orders of elements per key, built one element at a time. */
struct elements {
    int owner[SMALL_KEYS_MAX][SMALL_LIST_MAX]; /* transaction */
    int value[SMALL_KEYS_MAX][SMALL_LIST_MAX];
    int count[SMALL_KEYS_MAX];
};

static bool orders_fit(const struct small_history *history, unsigned committed,
                       const struct elements *elements)
{
    bool reach[SMALL_TXNS_MAX][SMALL_TXNS_MAX] = {0};
    for (int k = 0; k < SMALL_KEYS_MAX; k++)
        for (int i = 0; i < elements->count[k]; i++)
            for (int j = i + 1; j < elements->count[k]; j++)
                reach[elements->owner[k][i]][elements->owner[k][j]] = true;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++) {
            const struct small_mop *mop = &history->txn[t].mop[i];
            if (!mop->is_read || !(committed >> t & 1) || history->txn[t].type != RIFT_OP_OK)
                continue;
            if (mop->count > elements->count[mop->key] ||
                memcmp(mop->list, elements->value[mop->key],
                       (size_t)mop->count * sizeof *mop->list) != 0)
                return false;
            for (int j = 0; j < mop->count; j++)
                reach[elements->owner[mop->key][j]][t] = true;
        }
    for (int m = 0; m < history->count; m++)
        for (int a = 0; a < history->count; a++)
            for (int b = 0; b < history->count; b++)
                reach[a][b] |= reach[a][m] && reach[m][b];
    for (int t = 0; t < history->count; t++)
        if (reach[t][t])
            return false;
    return true;
}

static bool try_orders(const struct small_history *history, unsigned committed, unsigned left,
                       struct elements *elements)
{
    /* left: one bit for each mop that appends and has no place yet */
    if (left == 0)
        return orders_fit(history, committed, elements);
    int k = -1;
    for (int b = 0; b < SMALL_TXNS_MAX * SMALL_MOPS_MAX; b++) {
        if (!(left >> b & 1))
            continue;
        const struct small_mop *mop = &history->txn[b / SMALL_MOPS_MAX].mop[b % SMALL_MOPS_MAX];
        if (k >= 0 && mop->key != k)
            continue;
        k = mop->key;
        elements->owner[k][elements->count[k]] = b / SMALL_MOPS_MAX;
        elements->value[k][elements->count[k]++] = mop->value;
        bool fits = try_orders(history, committed, left & ~(1U << b), elements);
        elements->count[k]--;
        if (fits)
            return true;
    }
    return false;
}

bool small_is_read_committed(const struct small_history *history)
{
    unsigned all = candidates(history);
    for (unsigned committed = all;; committed = (committed - 1) & all) {
        unsigned left = 0;
        bool is_possible = true;
        for (int t = 0; t < history->count; t++) {
            if (!(committed >> t & 1)) {
                is_possible &= history->txn[t].type != RIFT_OP_OK;
                continue;
            }
            for (int i = 0; i < history->txn[t].mop_count; i++)
                if (!history->txn[t].mop[i].is_read)
                    left |= 1U << (t * SMALL_MOPS_MAX + i);
        }
        struct elements elements = {0};
        if (is_possible && try_orders(history, committed, left, &elements))
            return true;
        if (committed == 0)
            return false;
    }
}

enum {
    INITIAL_STATE = -1,
    NOBODY = -2,
    WEAK_READS_MAX = SMALL_TXNS_MAX * SMALL_MOPS_MAX * SMALL_KEYS_MAX
};

/* What a transaction saw of a key, from whom, and by which of its micro-operations: those of one
 * predicate come at once. */
struct weak_read {
    int reader, at, key, from;
};

struct weak_case {
    const struct small_history *history;
    enum small_weak level;
    bool with_sessions;
    int read_count, placed_max;
    struct weak_read read[WEAK_READS_MAX];
    bool sees[SMALL_TXNS_MAX][SMALL_TXNS_MAX]; /* SO or WR, closed where the level is causal */
};

/* Who wrote this value to the key. */
static int writer_of(const struct small_history *history, int key, int value)
{
    if (value == 0)
        return INITIAL_STATE;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            if (!history->txn[t].mop[i].is_read && history->txn[t].mop[i].key == key &&
                history->txn[t].mop[i].value == value)
                return history->txn[t].type == RIFT_OP_FAIL ? NOBODY : t;
    return NOBODY;
}

static bool commit_order_holds(const struct weak_case *weak, const int *position)
{
    for (int r = 0; r < weak->read_count; r++) {
        const struct weak_read *read = &weak->read[r];
        for (int t2 = 0; t2 < weak->history->count; t2++) {
            if (t2 == read->from || t2 == read->reader || position[t2] < 0 ||
                !writes_key(&weak->history->txn[t2], read->key))
                continue;
            bool is_seen = weak->level != SMALL_READ_COMMITTED && weak->sees[t2][read->reader];
            for (int j = 0; j < weak->read_count && weak->level == SMALL_READ_COMMITTED; j++)
                is_seen |= weak->read[j].reader == read->reader && weak->read[j].at < read->at &&
                           weak->read[j].from == t2;
            if (is_seen && (read->from < 0 || position[t2] > position[read->from]))
                return false;
        }
    }
    return true;
}

static bool try_commit_orders(const struct weak_case *weak, int *position, int placed)
{
    if (placed == weak->placed_max)
        return commit_order_holds(weak, position);
    for (int t = 0; t < weak->history->count; t++) {
        bool may_come = position[t] == SMALL_TXNS_MAX;
        for (int before = 0; before < weak->history->count && may_come; before++)
            may_come = !weak->sees[before][t] || position[before] < SMALL_TXNS_MAX;
        if (!may_come)
            continue;
        position[t] = placed;
        if (try_commit_orders(weak, position, placed + 1))
            return true;
        position[t] = SMALL_TXNS_MAX;
    }
    return false;
}

static bool has_commit_order(struct weak_case *weak)
{
    const struct small_history *history = weak->history;
    int position[SMALL_TXNS_MAX];
    memset(weak->sees, 0, sizeof weak->sees);
    weak->placed_max = 0;
    for (int t = 0; t < history->count; t++) {
        const struct small_txn *txn = &history->txn[t];
        position[t] = txn->type == RIFT_OP_FAIL ? -1 : SMALL_TXNS_MAX;
        weak->placed_max += txn->type != RIFT_OP_FAIL;
        for (int b = 0; b < history->count && weak->with_sessions; b++)
            weak->sees[b][t] =
                must_precede(history, SMALL_PROCESS_ORDER, b, t) && txn->type != RIFT_OP_FAIL;
    }
    for (int r = 0; r < weak->read_count; r++)
        if (weak->read[r].from >= 0)
            weak->sees[weak->read[r].from][weak->read[r].reader] = true;
    for (int m = 0; m < history->count && weak->level == SMALL_CAUSAL; m++)
        for (int a = 0; a < history->count; a++)
            for (int b = 0; b < history->count; b++)
                weak->sees[a][b] |= weak->sees[a][m] && weak->sees[m][b];
    return try_commit_orders(weak, position, 0);
}

/* The transaction's own write of the key before the micro-operation, or NULL. */
static const struct small_mop *own_write(const struct small_txn *txn, int at, int key)
{
    const struct small_mop *own = NULL;
    for (int i = 0; i < at; i++)
        if (!txn->mop[i].is_read && txn->mop[i].key == key)
            own = &txn->mop[i];
    return own;
}

/* Goes on with the key-th key of the mop-th micro-operation of transaction t: every version that a
 * predicate may have seen where it returned no row is tried. */
static bool try_versions(struct weak_case *weak, int t, int mop, int key)
{
    const struct small_history *history = weak->history;
    if (t == history->count)
        return has_commit_order(weak);
    const struct small_txn *txn = &history->txn[t];
    if (txn->type != RIFT_OP_OK || mop == txn->mop_count)
        return try_versions(weak, t + 1, 0, 0);
    const struct small_mop *read = &txn->mop[mop];
    if (!read->is_read || key == SMALL_KEYS_MAX)
        return try_versions(weak, t, mop + 1, 0);
    bool is_selection = read->modulus > 0;
    if (!is_selection && key != read->key)
        return try_versions(weak, t, mop, key + 1);
    const struct small_mop *own = own_write(txn, mop, key);
    int shown = is_selection ? read->row[key] : read->value;
    bool is_own = own && shown == (is_selection ? row_of(read, own->value) : own->value);
    /* Read committed does not ask that a transaction sees its own writes. */
    if (own && !is_own && weak->level != SMALL_READ_COMMITTED)
        return false;
    if (is_own || (own && shown == 0))
        return try_versions(weak, t, mop, key + 1);
    bool is_known = !is_selection || shown != 0, fits = false;
    weak->read_count++;
    for (int from = INITIAL_STATE; from < history->count && !fits; from++) {
        int value = 0;
        if (from >= 0 && (history->txn[from].type == RIFT_OP_FAIL || from == t))
            continue;
        for (int i = 0; from >= 0 && i < history->txn[from].mop_count; i++)
            if (!history->txn[from].mop[i].is_read && history->txn[from].mop[i].key == key)
                value = history->txn[from].mop[i].value;
        if (from >= 0 && value == 0)
            continue;
        if (is_known ? writer_of(history, key, shown) != from : row_of(read, value) != 0)
            continue;
        weak->read[weak->read_count - 1] = (struct weak_read){t, mop, key, from};
        fits = try_versions(weak, t, mop, key + 1);
    }
    weak->read_count--;
    return fits;
}

bool small_is_weakly_consistent(const struct small_history *history, enum small_weak level,
                                bool with_sessions)
{
    struct weak_case weak = {.history = history, .level = level, .with_sessions = with_sessions};
    return try_versions(&weak, 0, 0, 0);
}

static struct rift_value mop_to_value(struct rift_values *values,
                                      const struct small_history *history,
                                      const struct small_mop *mop)
{
    if (!mop->is_read)
        return rift_value_integer(values, mop->value);
    if (!history->is_list)
        return mop->value ? rift_value_integer(values, mop->value) : RIFT_VALUE_NIL;
    struct rift_value items[SMALL_LIST_MAX];
    for (int i = 0; i < mop->count; i++)
        items[i] = rift_value_integer(values, mop->list[i]);
    return rift_value_box(values, RIFT_LIST, items, (size_t)mop->count);
}

static void selection_to_values(struct rift_values *values, const struct small_mop *mop,
                                bool is_result, struct rift_value part[3])
{
    struct rift_value rows[SMALL_KEYS_MAX];
    size_t count = 0;
    for (int k = 0; k < SMALL_KEYS_MAX; k++)
        if (mop->row[k])
            rows[count++] = rift_value_list_of_int32(values, (const int32_t[]){k, mop->row[k]}, 2);
    part[0] = rift_value_keyword(values, "rp", 2);
    part[1] =
        rift_value_box(values, RIFT_LIST,
                       (const struct rift_value[]){rift_value_keyword(values, "mod", 3),
                                                   rift_value_integer(values, mop->modulus),
                                                   rift_value_integer(values, mop->remainder)},
                       3);
    part[2] = is_result ? rift_value_box(values, RIFT_LIST, rows, count) : RIFT_VALUE_NIL;
}

static struct rift_value txn_to_value(struct rift_values *values,
                                      const struct small_history *history, int t, bool is_result)
{
    const struct small_txn *txn = &history->txn[t];
    struct rift_value parts[3 * SMALL_MOPS_MAX];
    for (int i = 0; i < txn->mop_count; i++) {
        const struct small_mop *mop = &txn->mop[i];
        const char *f = mop->is_read ? "r" : history->is_list ? "append" : "w";
        if (mop->modulus > 0) {
            selection_to_values(values, mop, is_result, &parts[3 * i]);
            continue;
        }
        parts[3 * i] = rift_value_keyword(values, f, strlen(f));
        parts[3 * i + 1] = rift_value_integer(values, mop->key);
        parts[3 * i + 2] =
            mop->is_read && !is_result ? RIFT_VALUE_NIL : mop_to_value(values, history, mop);
    }
    return rift_value_box(values, RIFT_TXN, parts, 3 * (size_t)txn->mop_count);
}

struct rift_history *small_to_history(const struct small_history *small)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_LINES);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_error err = {0};
    for (int t = 0; t < small->count; t++) {
        const struct small_txn *txn = &small->txn[t];
        struct rift_event event = {.process = txn->process, .f = "txn"};
        event.value = txn_to_value(values, small, t, false);
        struct rift_value result = RIFT_VALUE_NIL;
        if (txn->type == RIFT_OP_OK)
            result = txn_to_value(values, small, t, true);
        if (rift_builder_add_op(builder, &event, txn->type, txn->start,
                                txn->type == RIFT_OP_INFO ? RIFT_TIME_NEVER : txn->end, result,
                                &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
    }
    struct rift_history *history = rift_builder_finish(builder, &err);
    if (!history) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return history;
}

void small_print(const struct small_history *small)
{
    struct rift_values *values = rift_values_create();
    static const char *const types[] = {"ok", "fail", "info"};
    for (int t = 0; t < small->count; t++) {
        const struct small_txn *txn = &small->txn[t];
        CLEANUP(rift_free)
        char *text = rift_value_print(values, txn_to_value(values, small, t, true));
        fprintf(stderr, "  [%2d, %2d] p%d %s %s\n", txn->start, txn->end, txn->process, text,
                types[txn->type]);
    }
    rift_values_destroy(values);
}

enum rift_validity small_check_history(const struct rift_history *history, const char *name,
                                       const char *level, const char *option,
                                       struct rift_verdict *verdict)
{
    const struct rift_checker *checker = rift_checker_find(name);
    struct rift_error err = {0};
    json_t *given = json_object();
    if (level)
        json_object_set_new(given, "level", json_string(level));
    if (option)
        json_object_set_new(given, option, json_true());
    json_t *options = rift_checker_options(checker, given, &err);
    struct rift_check check = {.history = history, .options = options};
    if (!options || checker->check(&check, verdict, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    json_decref(given);
    json_decref(options);
    return verdict->validity;
}

enum rift_validity small_check(const struct small_history *small, const char *level,
                               const char *option, char **reason)
{
    struct rift_history *history = small_to_history(small);
    struct rift_verdict verdict = {0};
    small_check_history(history, small->is_list ? "list-append" : "rw-register", level, option,
                        &verdict);
    if (reason)
        *reason = rift_strdup(verdict.reason ? verdict.reason : "");
    enum rift_validity validity = verdict.validity;
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    return validity;
}

/* Times: each process runs one transaction after another. */
static void random_times(struct small_history *history, struct rift_rng *rng)
{
    int slots[2 * SMALL_TXNS_MAX], count = 2 * history->count;
    for (int i = 0; i < count; i++)
        slots[i] = i / 2;
    rift_rng_shuffle(rng, slots, (size_t)count, sizeof *slots);
    for (int t = 0; t < history->count; t++) {
        int seen = 0;
        for (int i = 0; i < count; i++)
            if (slots[i] == t) {
                if (seen++ == 0)
                    history->txn[t].start = i;
                else
                    history->txn[t].end = i;
            }
    }
    for (int t = 0; t < history->count; t++) {
        struct small_txn *txn = &history->txn[t];
        txn->process = t;
        for (int before = 0; before < t; before++)
            if (history->txn[before].type == RIFT_OP_OK && history->txn[before].process == before &&
                history->txn[before].end < txn->start && rift_rng_below(rng, 2))
                txn->process = before;
        for (int other = 0; other < t; other++)
            if (history->txn[other].process == txn->process &&
                history->txn[other].start < txn->end && history->txn[other].end > txn->start)
                txn->process = t;
    }
}

/* A plausible read: a random sequence of elements written to the key, mostly from the beginning. */
static void random_read(const struct small_history *history, struct rift_rng *rng,
                        struct small_mop *mop)
{
    int written[SMALL_TXNS_MAX * SMALL_MOPS_MAX], count = 0;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            if (!history->txn[t].mop[i].is_read && history->txn[t].mop[i].key == mop->key)
                written[count++] = history->txn[t].mop[i].value;
    if (!history->is_list) {
        uint64_t pick = rift_rng_below(rng, (uint64_t)count + 1);
        mop->value = pick == 0 ? 0 : written[pick - 1];
        return;
    }
    if (rift_rng_below(rng, 4) == 0)
        rift_rng_shuffle(rng, written, (size_t)count, sizeof *written);
    if (count > SMALL_LIST_MAX)
        count = SMALL_LIST_MAX;
    mop->count = (int)rift_rng_below(rng, (uint64_t)count + 1);
    memcpy(mop->list, written, (size_t)mop->count * sizeof *written);
}

void small_random(struct small_history *history, struct rift_rng *rng, bool is_list, int txn_count,
                  int key_count)
{
    int next_value = 1;
    *history = (struct small_history){.is_list = is_list, .count = txn_count};
    for (int t = 0; t < txn_count; t++) {
        struct small_txn *txn = &history->txn[t];
        if (rift_rng_below(rng, RANDOM_FAIL_ONE_IN) == 0)
            txn->type = RIFT_OP_FAIL;
        else if (rift_rng_below(rng, RANDOM_INFO_ONE_IN) == 0)
            txn->type = RIFT_OP_INFO;
        txn->mop_count = 1 + (int)rift_rng_below(rng, 3);
        for (int i = 0; i < txn->mop_count; i++) {
            struct small_mop *mop = &txn->mop[i];
            mop->is_read = rift_rng_below(rng, 2);
            mop->key = (int)rift_rng_below(rng, (uint64_t)key_count);
            if (!mop->is_read)
                mop->value = next_value++;
        }
    }
    random_times(history, rng);
    for (int t = 0; t < txn_count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            if (history->txn[t].mop[i].is_read)
                random_read(history, rng, &history->txn[t].mop[i]);
}

void small_add_predicates(struct small_history *history, struct rift_rng *rng)
{
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++) {
            struct small_mop *mop = &history->txn[t].mop[i];
            if (!mop->is_read || rift_rng_below(rng, 2))
                continue;
            mop->modulus = 1 + (int)rift_rng_below(rng, 3);
            mop->remainder = (int)rift_rng_below(rng, (uint64_t)mop->modulus);
            for (int k = 0; k < SMALL_KEYS_MAX; k++) {
                struct small_mop read = {.key = k};
                random_read(history, rng, &read);
                mop->row[k] = row_of(mop, read.value);
            }
        }
}

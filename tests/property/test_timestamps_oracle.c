/* Transactions with the database's timestamps against their definition, read by read and pair by
 * pair: what was committed by then is looked for among all transactions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/lib/choices.h"
#include "tests/lib/judging.h"

enum { ROUNDS = 20000, TXNS_MAX = 5, MOPS_MAX = 3, KEYS = 2, LIST_MAX = 16, NONE = -1 };
enum flaw { BACKWARD, STALE_READ, CONFLICT, SESSION, REALTIME, FLAWS };

static const char *const flaw_names[FLAWS] = {"timestamps backwards", "read against timestamps",
                                              "write conflict", "session against timestamps",
                                              "real time against timestamps"};

struct mop {
    bool is_read;
    int key, value;            /* written; or read of a register, 0: nil */
    int list[LIST_MAX], count; /* read of a list */
};

struct txn {
    int process, begin, end; /* moments of the history, all different */
    int start_ts, commit_ts; /* NONE: not recorded */
    bool is_unknown;
    int mop_count;
    struct mop mop[MOPS_MAX];
};

struct stamped {
    bool is_list, is_serializable;
    int count;
    struct txn txn[TXNS_MAX];
};

static bool writes(const struct txn *txn, int key)
{
    for (int i = 0; i < txn->mop_count; i++)
        if (!txn->mop[i].is_read && (key == NONE || txn->mop[i].key == key))
            return true;
    return false;
}

/* The moment at which the reads of a transaction happen, and whether what commits then counts. */
static int read_ts(const struct stamped *history, const struct txn *txn, bool *with_equal)
{
    bool at_commit = txn->commit_ts != NONE && (history->is_serializable || txn->start_ts == NONE);
    *with_equal = !at_commit;
    return at_commit ? txn->commit_ts : txn->start_ts;
}

/* The list of what was committed to the key by the time of a read, and what the transaction itself
 * wrote before it. Of a register the last counts. */
static int expected(const struct stamped *history, int t, int mop, int *list)
{
    const struct txn *txn = &history->txn[t];
    bool with_equal, is_taken[TXNS_MAX] = {0};
    int moment = read_ts(history, txn, &with_equal), key = txn->mop[mop].key, count = 0;
    for (;;) {
        int next = NONE;
        for (int w = 0; w < history->count; w++) {
            const struct txn *other = &history->txn[w];
            bool is_by_then = other->commit_ts != NONE &&
                              (with_equal ? other->commit_ts <= moment : other->commit_ts < moment);
            if (w != t && is_by_then && !is_taken[w] &&
                (next == NONE || other->commit_ts < history->txn[next].commit_ts))
                next = w;
        }
        if (next == NONE)
            break;
        is_taken[next] = true;
        for (int i = 0; i < history->txn[next].mop_count; i++)
            if (!history->txn[next].mop[i].is_read && history->txn[next].mop[i].key == key)
                list[count++] = history->txn[next].mop[i].value;
    }
    for (int i = 0; i < mop; i++)
        if (!txn->mop[i].is_read && txn->mop[i].key == key)
            list[count++] = txn->mop[i].value;
    return count;
}

static void judge_reads(const struct stamped *history, int t, bool *has)
{
    for (int i = 0; i < history->txn[t].mop_count; i++) {
        const struct mop *mop = &history->txn[t].mop[i];
        int list[LIST_MAX];
        if (!mop->is_read || history->txn[t].is_unknown)
            continue;
        int count = expected(history, t, i, list);
        has[STALE_READ] |=
            history->is_list
                ? count != mop->count || memcmp(list, mop->list, (size_t)count * sizeof *list) != 0
                : mop->value != (count ? list[count - 1] : 0);
    }
}

static void judge_pair(const struct stamped *history, const struct txn *a, const struct txn *b,
                       bool *has)
{
    bool with_equal;
    int last = a->commit_ts != NONE ? a->commit_ts : a->start_ts;
    int first = read_ts(history, b, &with_equal);
    for (int key = 0; key < KEYS && !history->is_serializable; key++)
        has[CONFLICT] |= writes(a, key) && writes(b, key) && a->commit_ts != NONE &&
                         b->commit_ts != NONE && a->commit_ts < b->commit_ts &&
                         a->commit_ts > b->start_ts;
    if (last == NONE || first == NONE || a->is_unknown || a->end > b->begin)
        return;
    has[REALTIME] |= first < last;
    has[SESSION] |= !b->is_unknown && a->process == b->process && first < last;
}

static void find_flaws(const struct stamped *history, bool *has)
{
    for (int t = 0; t < history->count; t++) {
        const struct txn *txn = &history->txn[t];
        has[BACKWARD] |=
            txn->start_ts != NONE && txn->commit_ts != NONE && txn->commit_ts < txn->start_ts;
        judge_reads(history, t, has);
        for (int other = 0; other < history->count; other++)
            if (other != t)
                judge_pair(history, &history->txn[other], txn, has);
    }
}

static void choose_moments(struct choices *choices, struct stamped *history)
{
    int slots[2 * TXNS_MAX], count = 2 * history->count;
    for (int i = 0; i < count; i++)
        slots[i] = i / 2;
    for (int i = count - 1; i > 0; i--) {
        int other = (int)choose(choices, (unsigned)i + 1), kept = slots[i];
        slots[i] = slots[other];
        slots[other] = kept;
    }
    for (int t = 0; t < history->count; t++)
        history->txn[t].begin = history->txn[t].end = NONE;
    for (int i = 0; i < count; i++) {
        struct txn *txn = &history->txn[slots[i]];
        *(txn->begin == NONE ? &txn->begin : &txn->end) = i;
    }
    for (int t = 0; t < history->count; t++) {
        struct txn *txn = &history->txn[t];
        txn->process = t;
        for (int other = 0; other < t; other++)
            if (!history->txn[other].is_unknown && history->txn[other].end < txn->begin)
                txn->process = choose(choices, 2) ? history->txn[other].process : txn->process;
        for (int other = 0; other < t; other++)
            if (history->txn[other].process == txn->process &&
                history->txn[other].begin < txn->end &&
                (history->txn[other].end > txn->begin || history->txn[other].is_unknown))
                txn->process = t;
    }
}

/* Timestamps mostly follow the moments; reads mostly show what they should. */
static void generate(struct choices *choices, struct stamped *history)
{
    int next_value = 1, list[LIST_MAX];
    history->is_list = choose(choices, 2);
    history->count = 2 + (int)choose(choices, TXNS_MAX - 1);
    for (int t = 0; t < history->count; t++) {
        struct txn *txn = &history->txn[t];
        txn->is_unknown = choose(choices, 8) == 0;
        txn->mop_count = 1 + (int)choose(choices, MOPS_MAX);
        for (int i = 0; i < txn->mop_count; i++) {
            txn->mop[i].is_read = choose(choices, 2);
            txn->mop[i].key = (int)choose(choices, KEYS);
            txn->mop[i].value = txn->mop[i].is_read ? 0 : next_value++;
        }
    }
    choose_moments(choices, history);
    for (int t = 0; t < history->count; t++) {
        struct txn *txn = &history->txn[t];
        bool is_odd = choose(choices, 6) == 0;
        txn->start_ts = is_odd ? (int)choose(choices, 10) * 2 : 2 * txn->begin;
        txn->commit_ts = 2 * txn->end - (int)choose(choices, 2) * (is_odd ? 6 : 0) + 1;
        if (txn->commit_ts < 0)
            txn->commit_ts = 1;
        for (int other = 0; other < t; other++)
            if (history->txn[other].commit_ts == txn->commit_ts)
                txn->commit_ts += 40; /* no two commit at once */
        if (!writes(txn, NONE) && choose(choices, 2))
            txn->commit_ts = NONE;
    }
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++) {
            struct mop *mop = &history->txn[t].mop[i];
            if (!mop->is_read)
                continue;
            mop->count = expected(history, t, i, list);
            if (mop->count > 0 && choose(choices, 10) == 0)
                mop->count--;
            memcpy(mop->list, list, (size_t)mop->count * sizeof *list);
            mop->value = mop->count ? list[mop->count - 1] : 0;
        }
}

static void print_mops(const struct stamped *history, const struct txn *txn, struct rift_text *text)
{
    rift_text_append(text, "[");
    for (int i = 0; i < txn->mop_count; i++) {
        const struct mop *mop = &txn->mop[i];
        const char *f = mop->is_read ? "r" : history->is_list ? "append" : "w";
        rift_text_printf(text, "[:%s %d ", f, mop->key);
        if (mop->is_read && history->is_list) {
            rift_text_append(text, "[");
            for (int j = 0; j < mop->count; j++)
                rift_text_printf(text, "%d ", mop->list[j]);
            rift_text_append(text, "]");
        } else if (mop->is_read && mop->value == 0) {
            rift_text_append(text, "nil");
        } else {
            rift_text_printf(text, "%d", mop->value);
        }
        rift_text_append(text, "]");
    }
    rift_text_append(text, "]");
}

static char *to_edn(const struct stamped *history)
{
    struct rift_text text = {0};
    for (int moment = 0; moment < 2 * history->count; moment++)
        for (int t = 0; t < history->count; t++) {
            const struct txn *txn = &history->txn[t];
            if (txn->begin != moment && txn->end != moment)
                continue;
            bool is_begin = txn->begin == moment;
            rift_text_printf(&text, "{:type :%s :f :txn :process %d :value ",
                             is_begin          ? "invoke"
                             : txn->is_unknown ? "info"
                                               : "ok",
                             txn->process);
            if (is_begin)
                rift_text_append(&text, "nil");
            else
                print_mops(history, txn, &text);
            if (!is_begin && txn->start_ts != NONE)
                rift_text_printf(&text, " :start-ts %d", txn->start_ts);
            if (!is_begin && txn->commit_ts != NONE)
                rift_text_printf(&text, " :commit-ts %d", txn->commit_ts);
            rift_text_append(&text, "}\n");
        }
    return rift_text_take(&text);
}

static void compare(const struct stamped *history, uint64_t seed, uint64_t *seen)
{
    CLEANUP(rift_free) char *edn = to_edn(history);
    const char *options = history->is_serializable
                              ? "{\"level\": \"serializable\", \"order\": \"realtime\"}"
                              : "{\"level\": \"snapshot-isolation\", \"order\": \"realtime\"}";
    struct rift_history *read = judging_history(edn);
    struct rift_verdict verdict = judge("timestamps", options, read);
    bool has[FLAWS] = {0}, is_invalid = false;
    find_flaws(history, has);
    for (int flaw = 0; flaw < FLAWS; flaw++) {
        const json_t *stats = json_object_get(verdict.details, "stats");
        bool is_told = json_object_get(stats, flaw_names[flaw]) != NULL;
        seen[flaw] += has[flaw];
        is_invalid |= has[flaw];
        /* One that committed before it started makes nonsense of what the others say. */
        if (is_told != has[flaw] && (flaw == BACKWARD || !has[BACKWARD]))
            fail_msg("seed %llu, %s, %s: by definition %s, told %s\n%s", (unsigned long long)seed,
                     history->is_serializable ? "serializable" : "snapshot isolation",
                     flaw_names[flaw], has[flaw] ? "yes" : "no", is_told ? "yes" : "no", edn);
    }
    assert_int_equal(verdict.validity == RIFT_INVALID, is_invalid);
    seen[FLAWS] += verdict.validity == RIFT_VALID;
    rift_verdict_finish(&verdict);
    rift_history_destroy(read);
}

static void reads_and_pairs_are_judged_by_their_definition(void **state)
{
    uint64_t seen[FLAWS + 1] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < oracle_rounds(ROUNDS); seed++) {
        struct choices choices;
        struct stamped history = {.is_serializable = seed % 2};
        choices_random(&choices, seed);
        generate(&choices, &history);
        compare(&history, seed, seen);
    }
    for (int flaw = 0; flaw <= FLAWS; flaw++) {
        print_message("%s: %llu histories\n", flaw < FLAWS ? flaw_names[flaw] : "valid",
                      (unsigned long long)seen[flaw]);
        assert_true(seen[flaw] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_pairs_are_judged_by_their_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

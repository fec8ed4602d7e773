/* What the explanation of a cycle says is true: each sentence is taken apart again, and what it
 * says of the two operations is looked up in the history, without the checker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/choices.h"
#include "tests/lib/small_txns.h"

enum { ROUNDS = 6000, TXNS_MAX = 5, VALUE_SIZE = 16 };

enum sentence {
    APPENDED_AFTER,
    APPENDED_UNSEEN,
    OBSERVED_APPEND,
    MISSED_APPEND,
    OBSERVED_WRITE,
    SELECTED_WRITE,
    READ_BEFORE,
    SELECTED_BEFORE,
    WROTE_BEFORE,
    OTHER_ORDER,
    HAD_SEEN,
    SAME_PROCESS,
    ENDED_BEFORE,
    SENTENCES
};

static const char *const sentence_names[SENTENCES] = {
    "appended after",  "appended unseen", "observed append", "missed append", "observed write",
    "selected write",  "read before",     "selected before", "wrote before",  "other order",
    "had seen before", "same process",    "ended before"};

/* A level, and, where it asks for a serial order, what that order keeps. */
struct asked {
    const char *level;
    bool is_serial;
    enum small_order order;
};

/* A step of a cycle: two transactions and the names they have in the text. */
struct step {
    const struct small_history *history;
    int a, b;
    char name_a[16], name_b[16];
    const char *text;
    const struct asked *asked;
};

/* Rows are in order of start. */
static int txn_of_row(const struct small_history *history, json_int_t row)
{
    for (int t = 0; t < history->count; t++) {
        int rank = 0;
        for (int other = 0; other < history->count; other++)
            rank += history->txn[other].start < history->txn[t].start;
        if (rank == row)
            return t;
    }
    fail_msg("there is no operation %lld", (long long)row);
    return -1;
}

static int number_of(const char *word)
{
    return strcmp(word, "nil") == 0 ? 0 : (int)strtol(word, NULL, 10);
}

/* Whether the text begins as the pattern, in which A and B stand for the names, V and W for values,
 * and K for the key; rest is what follows. */
static bool fits(const struct step *step, const char *pattern, int found[3], const char **rest)
{
    const char *at = step->text;
    for (const char *p = pattern; *p; p++) {
        const char *name = *p == 'A' ? step->name_a : *p == 'B' ? step->name_b : NULL;
        char word[VALUE_SIZE];
        if (name) {
            if (strncmp(at, name, strlen(name)) != 0)
                return false;
            at += strlen(name);
        } else if (*p == 'V' || *p == 'W' || *p == 'K') {
            size_t length = strspn(at, "0123456789nil-");
            if (length == 0 || length >= sizeof word)
                return false;
            snprintf(word, sizeof word, "%.*s", (int)length, at);
            found[*p == 'V' ? 0 : *p == 'W' ? 1 : 2] = number_of(word);
            at += length;
        } else if (*at++ != *p) {
            return false;
        }
    }
    *rest = at;
    return true;
}

static bool writes(const struct step *step, int t, int key, int value)
{
    const struct small_txn *txn = &step->history->txn[t];
    for (int i = 0; i < txn->mop_count && txn->type != RIFT_OP_FAIL; i++)
        if (!txn->mop[i].is_read && txn->mop[i].key == key &&
            (value < 0 || txn->mop[i].value == value))
            return true;
    return false;
}

static int place_in(const struct small_mop *read, int value)
{
    for (int i = 0; i < read->count; i++)
        if (read->list[i] == value)
            return i;
    return -1;
}

/* A list that a committed transaction read: some one has the first value before the second. */
static bool is_seen_in_order(const struct step *step, int key, int first, int second)
{
    for (int t = 0; t < step->history->count; t++)
        for (int i = 0; i < step->history->txn[t].mop_count; i++) {
            const struct small_mop *mop = &step->history->txn[t].mop[i];
            if (step->history->txn[t].type != RIFT_OP_OK || !mop->is_read || mop->key != key)
                continue;
            if (place_in(mop, first) >= 0 && place_in(mop, second) > place_in(mop, first))
                return true;
        }
    return false;
}

/* t read a list of the key that has the value, or one that lacks it. */
static bool reads_list(const struct step *step, int t, int key, int value, bool has_it)
{
    const struct small_txn *txn = &step->history->txn[t];
    for (int i = 0; i < txn->mop_count && txn->type == RIFT_OP_OK; i++)
        if (txn->mop[i].is_read && txn->mop[i].key == key &&
            (place_in(&txn->mop[i], value) >= 0) == has_it)
            return true;
    return false;
}

/* t read this value of the register, by itself or in a row of a predicate. */
static bool reads(const struct step *step, int t, int key, int value)
{
    const struct small_txn *txn = &step->history->txn[t];
    for (int i = 0; i < txn->mop_count && txn->type == RIFT_OP_OK; i++) {
        const struct small_mop *mop = &txn->mop[i];
        bool is_row = mop->modulus > 0 && value != 0 && mop->row[key] == value;
        bool is_item = mop->is_read && mop->modulus == 0 && mop->key == key && mop->value == value;
        if (is_row || is_item)
            return true;
    }
    return false;
}

/* A predicate of t returned no row of the key, and this value would have made none. */
static bool selects_without_row(const struct step *step, int t, int key, int value)
{
    const struct small_txn *txn = &step->history->txn[t];
    for (int i = 0; i < txn->mop_count && txn->type == RIFT_OP_OK; i++) {
        const struct small_mop *mop = &txn->mop[i];
        if (mop->modulus > 0 && mop->row[key] == 0 &&
            (value == 0 || value % mop->modulus != mop->remainder))
            return true;
    }
    return false;
}

/* t saw the value of the key before it wrote the other one, or wrote it itself. */
static bool replaces(const struct step *step, int t, int key, int old)
{
    return reads(step, t, key, old) || writes(step, t, key, old) ||
           selects_without_row(step, t, key, old);
}

/* The moment from which a register surely had a value, for good or until something replaced it. */
static int first_sight(const struct step *step, int key, int value)
{
    int first = INT_MAX;
    for (int t = 0; t < step->history->count; t++) {
        const struct small_txn *txn = &step->history->txn[t];
        if (txn->type == RIFT_OP_OK && txn->end < first &&
            (writes(step, t, key, value) || reads(step, t, key, value)))
            first = txn->end;
    }
    return value == 0 ? -1 : first;
}

/* The last moment at which somebody who wrote or read it began. */
static int last_sight(const struct step *step, int key, int value)
{
    int last = -1;
    for (int t = 0; t < step->history->count; t++)
        if (step->history->txn[t].start > last &&
            (writes(step, t, key, value) || reads(step, t, key, value)))
            last = step->history->txn[t].start;
    return last;
}

/* Why the second of two values of a register comes after the first. */
static bool is_ordered(const struct step *step, const char *why, int key, int first, int second)
{
    if (strncmp(why, ", as the one was there before the other was last seen", 53) == 0)
        return first_sight(step, key, first) < last_sight(step, key, second);
    if (strcmp(why, ", which it replaced") == 0)
        return replaces(step, step->b, key, first);
    return first == 0 && why[0] == '\0';
}

/* Who wrote the value; -1: nobody, or nobody in particular. */
static int writer_of(const struct step *step, int key, int value)
{
    for (int t = 0; t < step->history->count && value != 0; t++)
        if (writes(step, t, key, value))
            return t;
    return -1;
}

/* Whether some order that the level allows has the first before the second. Of snapshot isolation
 * nothing is tried: its orders are of two moments each. */
static bool is_possible(const struct step *step, int first, int second)
{
    struct small_history claim = *step->history;
    claim.has_claim = true;
    claim.claim_first = first;
    claim.claim_second = second;
    return step->asked->is_serial && small_is_serializable(&claim, step->asked->order);
}

/* By who was read from and by the order of processes, any number of times. */
static bool had_seen(const struct step *step, int before, int reader)
{
    bool reach[SMALL_TXNS_MAX][SMALL_TXNS_MAX] = {0};
    const struct small_history *history = step->history;
    int count = history->count;
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++) {
            const struct small_txn *x = &history->txn[a], *y = &history->txn[b];
            reach[a][b] = x->process == y->process && x->end < y->start;
            for (int i = 0; i < x->mop_count; i++)
                reach[a][b] |= a != b && !x->mop[i].is_read && x->type != RIFT_OP_FAIL &&
                               (reads(step, b, x->mop[i].key, x->mop[i].value) ||
                                selects_without_row(step, b, x->mop[i].key, x->mop[i].value));
        }
    for (int m = 0; m < count; m++)
        for (int a = 0; a < count; a++)
            for (int b = 0; b < count; b++)
                reach[a][b] |= reach[a][m] && reach[m][b];
    return reach[before][reader];
}

/* "operation 3 read B's write of 2 to key 1 though it had seen A, ..." */
static bool is_seen_by(const struct step *step)
{
    struct step rest = *step;
    int found[3] = {0};
    const char *end;
    char *text;
    int reader = txn_of_row(step->history, strtol(step->text + strlen("operation "), &text, 10));
    rest.text = text;
    return fits(
               &rest,
               " read B's write of V to key K though it had seen A, which wrote that key too, so A "
               "came first",
               found, &end) &&
           *end == '\0' && writes(step, step->b, found[2], found[0]) &&
           writes(step, step->a, found[2], -1) && had_seen(step, step->a, reader) &&
           (reads(step, reader, found[2], found[0]) ||
            selects_without_row(step, reader, found[2], found[0]));
}

/* What the sentence says of lists, and whether it is so. */
static int judge_of_lists(const struct step *step, bool *is_true)
{
    int found[3] = {0}, v, w, k;
    const char *rest;
    if (fits(step, "B appended W after A had appended V to key K", found, &rest)) {
        v = found[0], w = found[1], k = found[2];
        bool is_unseen = strstr(rest, "no read of what came before it holds it") != NULL;
        *is_true = writes(step, step->a, k, v) && writes(step, step->b, k, w) &&
                   (is_unseen ? !is_seen_in_order(step, k, w, v)
                              : *rest == '\0' && is_seen_in_order(step, k, v, w));
        return is_unseen ? APPENDED_UNSEEN : APPENDED_AFTER;
    }
    if (fits(step, "B observed A's append of V to key K", found, &rest)) {
        v = found[0], k = found[2];
        *is_true =
            *rest == '\0' && writes(step, step->a, k, v) && reads_list(step, step->b, k, v, true);
        return OBSERVED_APPEND;
    }
    if (fits(step, "A did not observe B's append of V to key K", found, &rest)) {
        v = found[0], k = found[2];
        *is_true = writes(step, step->b, k, v) && reads_list(step, step->a, k, v, false);
        return MISSED_APPEND;
    }
    return SENTENCES;
}

static int judge_of_registers(const struct step *step, bool *is_true)
{
    int found[3] = {0};
    const char *rest;
    if (fits(step, "B observed A's write of V to key K", found, &rest)) {
        *is_true = *rest == '\0' && writes(step, step->a, found[2], found[0]) &&
                   reads(step, step->b, found[2], found[0]);
        return OBSERVED_WRITE;
    }
    if (fits(step, "B found by its predicate no row, so it observed A's write of V to key K", found,
             &rest)) {
        *is_true = *rest == '\0' && writes(step, step->a, found[2], found[0]) &&
                   selects_without_row(step, step->b, found[2], found[0]);
        return SELECTED_WRITE;
    }
    if (fits(step, "A read V of key K, and after it B wrote W", found, &rest) ||
        fits(step, "A read V of key K, its initial state, and B wrote W", found, &rest)) {
        *is_true = reads(step, step->a, found[2], found[0]) &&
                   writes(step, step->b, found[2], found[1]) &&
                   is_ordered(step, rest, found[2], found[0], found[1]);
        return READ_BEFORE;
    }
    if (fits(step,
             "A found by its predicate no row, so that it saw V of key K, and after it B wrote W",
             found, &rest) ||
        fits(step,
             "A found by its predicate no row, so that it saw V of key K, its initial state, and B "
             "wrote W",
             found, &rest)) {
        *is_true = selects_without_row(step, step->a, found[2], found[0]) &&
                   writes(step, step->b, found[2], found[1]) &&
                   is_ordered(step, rest, found[2], found[0], found[1]);
        return SELECTED_BEFORE;
    }
    if (fits(step, "A wrote V to key K, and after it B wrote W", found, &rest)) {
        *is_true = writes(step, step->a, found[2], found[0]) &&
                   writes(step, step->b, found[2], found[1]) &&
                   is_ordered(step, rest, found[2], found[0], found[1]);
        return WROTE_BEFORE;
    }
    bool is_read =
        fits(step, "A read V of key K, and B wrote W: with the other order", found, &rest);
    if (is_read ||
        fits(step, "A wrote V to key K, and B wrote W: with the other order", found, &rest)) {
        int writer = is_read ? writer_of(step, found[2], found[0]) : step->a;
        *is_true = writes(step, step->b, found[2], found[1]) && writer >= 0 &&
                   (is_read ? reads(step, step->a, found[2], found[0]) ||
                                  selects_without_row(step, step->a, found[2], found[0])
                            : writes(step, step->a, found[2], found[0])) &&
                   !is_possible(step, step->b, writer);
        return OTHER_ORDER;
    }
    if (strncmp(step->text, "operation ", strlen("operation ")) == 0) {
        *is_true = is_seen_by(step);
        return HAD_SEEN;
    }
    return SENTENCES;
}

static int judge_of_order(const struct step *step, bool *is_true)
{
    const struct small_txn *x = &step->history->txn[step->a], *y = &step->history->txn[step->b];
    int found[3] = {0};
    const char *rest;
    bool is_before = x->type == RIFT_OP_OK && y->type != RIFT_OP_FAIL && x->end < y->start;
    if (fits(step, "A had ended before B started", found, &rest)) {
        *is_true = *rest == '\0' && is_before;
        return ENDED_BEFORE;
    }
    if (fits(step, "process V ran A before B", found, &rest)) {
        *is_true = *rest == '\0' && is_before && x->process == y->process && found[0] == x->process;
        return SAME_PROCESS;
    }
    return SENTENCES;
}

/* The edge that a sentence speaks of. */
static bool is_of_edge(int sentence, const char *edge)
{
    static const char *const edges[SENTENCES] = {"ww", "ww", "wr", "rw", "wr",      "wr",      "rw",
                                                 "rw", "ww", NULL, "ww", "process", "realtime"};
    if (sentence == OTHER_ORDER)
        return strcmp(edge, "ww") == 0 || strcmp(edge, "rw") == 0;
    return strcmp(edges[sentence], edge) == 0;
}

static void check_step(const struct small_history *history, const json_t *step_json, int number,
                       int next, const struct asked *asked, uint64_t *seen)
{
    bool is_true = false;
    struct step step = {
        .history = history,
        .asked = asked,
        .a = txn_of_row(history, json_integer_value(json_object_get(step_json, "from"))),
        .b = txn_of_row(history, json_integer_value(json_object_get(step_json, "to"))),
        .text = json_string_value(json_object_get(step_json, "text"))};
    snprintf(step.name_a, sizeof step.name_a, "T%d", number);
    snprintf(step.name_b, sizeof step.name_b, "T%d", next);
    int sentence = judge_of_order(&step, &is_true);
    if (sentence == SENTENCES)
        sentence = history->is_list ? judge_of_lists(&step, &is_true)
                                    : judge_of_registers(&step, &is_true);
    const char *edge = json_string_value(json_object_get(step_json, "edge"));
    if (sentence == SENTENCES || !is_true || !is_of_edge(sentence, edge)) {
        small_print(history);
        fail_msg("%s: T%d is the %d. line and T%d the %d.: %s (%s): %s", asked->level, number,
                 step.a + 1, next, step.b + 1, step.text, edge,
                 sentence == SENTENCES ? "no such sentence is known" : "it is not so");
    }
    seen[sentence] += sentence != OTHER_ORDER || asked->is_serial;
}

/* "T2 = [...] (operation 3, process 1": the text introduces the operations of the cycle. */
static void check_introduction(const struct small_history *history, const json_t *anomaly, int i)
{
    const json_t *row = json_array_get(json_object_get(anomaly, "ops"), (size_t)i);
    int t = txn_of_row(history, json_integer_value(row));
    CLEANUP(rift_free) char *name = rift_printf("T%d = ", i + 1);
    CLEANUP(rift_free)
    char *end = rift_printf("(operation %lld, process %d", (long long)json_integer_value(row),
                            history->txn[t].process);
    const char *text = json_string_value(json_object_get(anomaly, "text"));
    const char *at = strstr(text, name);
    const char *stop = at ? strstr(at, "(operation ") : NULL;
    if (!stop || strncmp(stop, end, strlen(end)) != 0)
        fail_msg("%s: where is '%s ... %s'?", text, name, end);
}

static void check_history(const struct small_history *small, const struct asked *asked,
                          uint64_t *seen)
{
    struct rift_history *history = small_to_history(small);
    struct rift_verdict verdict = {0};
    small_check_history(history, small->is_list ? "list-append" : "rw-register", asked->level, NULL,
                        &verdict);
    size_t i, s;
    json_t *anomaly, *step;
    json_array_foreach(json_object_get(verdict.details, "anomalies"), i, anomaly)
    {
        json_t *steps = json_object_get(anomaly, "steps");
        size_t count = json_array_size(steps);
        json_array_foreach(steps, s, step)
        {
            check_introduction(small, anomaly, (int)s);
            check_step(small, step, (int)s + 1, (int)((s + 1) % count) + 1, asked, seen);
        }
    }
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void every_sentence_of_a_cycle_is_true(void **state)
{
    static const struct asked levels[] = {
        {"strict-serializable", true, SMALL_REAL_TIME},
        {"strong-session-serializable", true, SMALL_PROCESS_ORDER},
        {"serializable", true, SMALL_ANY_ORDER},
        {"snapshot-isolation", false, SMALL_ANY_ORDER},
        {"strong-session-causal", false, SMALL_PROCESS_ORDER},
        {"monotonic-read-committed", false, SMALL_ANY_ORDER},
    };
    uint64_t seen[SENTENCES] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < oracle_rounds(ROUNDS); seed++)
        for (int kind = 0; kind < 3; kind++) {
            struct rift_rng rng;
            struct small_history history;
            rift_rng_init(&rng, seed);
            small_random(&history, &rng, kind == 0, 2 + (int)rift_rng_below(&rng, TXNS_MAX - 1),
                         1 + (int)rift_rng_below(&rng, 3));
            if (kind == 2)
                small_add_predicates(&history, &rng);
            for (size_t level = 0; level < sizeof levels / sizeof *levels; level++)
                check_history(&history, &levels[level], seen);
        }
    for (int sentence = 0; sentence < SENTENCES; sentence++) {
        print_message("%s: %llu times\n", sentence_names[sentence],
                      (unsigned long long)seen[sentence]);
        /* Where keys are nil at first, nil is always what a predicate may have seen. */
        assert_true(seen[sentence] > 0 || sentence == SELECTED_WRITE);
    }
}

/* x and y are 0 at first, and each predicate missed the key that the other wrote. */
static void a_write_seen_by_a_predicate_is_told(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    struct rift_history *history =
        rift_history_from_notation("p9 init:[[1 0] [2 0]] ok, p0 txn:[[rp [= 0] [[1 0]]] [w 1 1]], "
                                   "p1 txn:[[rp [= 0] [[2 0]]] [w 2 1]], p0 ok, p1 ok",
                                   &err);
    if (!history)
        fail_msg("%s", err.text);
    small_check_history(history, "rw-register", "serializable", NULL, &verdict);
    const json_t *anomaly = json_array_get(json_object_get(verdict.details, "anomalies"), 0);
    assert_string_equal(json_string_value(json_object_get(anomaly, "name")), "G1c");
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(anomaly, "steps"), i, step)
    {
        /* Row 1 wrote key 1, row 2 key 2; row 0 is the init. */
        CLEANUP(rift_free)
        char *expected =
            rift_printf("T%d found by its predicate no row, so it observed T%d's write "
                        "of 1 to key %lld",
                        i == 0 ? 2 : 1, i == 0 ? 1 : 2,
                        (long long)json_integer_value(json_object_get(step, "from")));
        assert_string_equal(json_string_value(json_object_get(step, "text")), expected);
    }
    assert_int_equal(i, 2);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sentence_of_a_cycle_is_true),
        cmocka_unit_test(a_write_seen_by_a_predicate_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

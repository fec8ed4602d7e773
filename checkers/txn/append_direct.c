/* Anomalies of list-append that one or two transactions show by themselves. */
#include "checkers/txn/append.h"

#include <stdlib.h>

#include "common/memory.h"

struct judge {
    const struct append_model *model;
    const struct txn_set *set;
    struct txn_findings *findings;
};

static void report_read(const struct judge *judge, enum txn_anomaly anomaly, uint32_t mop,
                        struct rift_value element, uint32_t writer, const char *how)
{
    const struct txn_set *set = judge->set;
    uint32_t k = set->mop_key[mop];
    CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
    CLEANUP(rift_free) char *what = rift_value_print(set->values, element);
    json_t *object =
        txn_findings_add(judge->findings, anomaly, "operation %u read element %s of key %s, %s",
                         set->row[set->mop_txn[mop]], what, key, how);
    txn_findings_set_key(judge->findings, object, k);
    txn_findings_set_ops(judge->findings, object, set->mop_txn[mop],
                         writer == TXN_NONE ? TXN_NONE : set->mop_txn[writer]);
}

/* Whether the transaction of this append appends to the key again later. */
static bool *find_overwritten(const struct txn_set *set)
{
    bool *is_overwritten = rift_calloc((size_t)set->mop_count + 1, sizeof *is_overwritten);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (set->mop_function[mop] == TXN_READ)
            continue;
        uint32_t before = set->mop_before[mop];
        while (before != TXN_NONE && set->mop_function[before] == TXN_READ)
            before = set->mop_before[before];
        if (before != TXN_NONE)
            is_overwritten[before] = true;
    }
    return is_overwritten;
}

/* The first element of the list that is a garbage or failed one; its index, or count. */
static uint32_t first_bad(const struct judge *judge, uint32_t mop, const struct append_list *list,
                          bool is_garbage)
{
    const struct append_key *key = &judge->model->keys[judge->set->mop_key[mop]];
    if (judge->model->place[mop] != TXN_NONE) {
        uint32_t at = is_garbage ? key->garbage : key->failed;
        return at < list->count ? at : list->count;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t writer =
            txn_set_writer(judge->set, judge->set->mop_key[mop], append_list_item(list, i));
        if (is_garbage ? writer == TXN_NONE
                       : writer != TXN_NONE && !append_is_live(judge->set, writer))
            return i;
    }
    return list->count;
}

static void judge_reads(const struct judge *judge)
{
    const struct txn_set *set = judge->set;
    bool *is_overwritten = find_overwritten(set);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct append_list list;
        uint32_t txn = set->mop_txn[mop], k = set->mop_key[mop];
        if (set->mop_function[mop] != TXN_READ || !txn_is_committed(set, txn) ||
            !append_seen_of(judge->model, mop, &list) || list.count == 0)
            continue;
        uint32_t bad = first_bad(judge, mop, &list, true);
        if (bad < list.count)
            report_read(judge, TXN_GARBAGE_READ, mop, append_list_item(&list, bad), TXN_NONE,
                        "which nobody appended");
        bad = first_bad(judge, mop, &list, false);
        if (bad < list.count)
            report_read(judge, TXN_G1A, mop, append_list_item(&list, bad),
                        txn_set_writer(set, k, append_list_item(&list, bad)),
                        "whose append failed");
        struct rift_value last = append_list_item(&list, list.count - 1);
        uint32_t writer = txn_set_writer(set, k, last);
        if (writer != TXN_NONE && set->mop_txn[writer] != txn && is_overwritten[writer])
            report_read(judge, TXN_G1B, mop, last, writer,
                        "but its writer appended more to the key in the same transaction");
    }
    free(is_overwritten);
}

/* The appends of the transaction between its last read of the key and this read, which must end the
 * list; the list that the last read saw must begin it. */
static bool is_consistent(const struct txn_set *set, uint32_t mop, const struct append_list *list)
{
    uint32_t own = 0, before = set->mop_before[mop];
    for (; before != TXN_NONE && set->mop_function[before] != TXN_READ;
         before = set->mop_before[before], own++) {
        if (own >= list->count ||
            !rift_value_equal(set->values, append_list_item(list, list->count - 1 - own),
                              set->mop_value[before]))
            return false;
    }
    struct append_list known;
    if (before == TXN_NONE || !append_list_of(set, before, &known))
        return true;
    if (known.count + own != list->count)
        return false;
    for (uint32_t i = 0; i < known.count; i++)
        if (!rift_value_equal(set->values, append_list_item(list, i), append_list_item(&known, i)))
            return false;
    return true;
}

static void judge_internal(const struct judge *judge)
{
    const struct txn_set *set = judge->set;
    uint32_t reported = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct append_list list;
        uint32_t txn = set->mop_txn[mop], k = set->mop_key[mop];
        if (set->mop_before[mop] == TXN_NONE || txn == reported || !txn_is_committed(set, txn) ||
            set->mop_function[mop] != TXN_READ || !append_list_of(set, mop, &list) ||
            is_consistent(set, mop, &list))
            continue;
        reported = txn;
        CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
        CLEANUP(rift_free) char *what = txn_print_brief(set->values, set->mop_value[mop]);
        json_t *object = txn_findings_add(
            judge->findings, TXN_INTERNAL,
            "operation %u read %s of key %s, which does not follow from its own reads and appends "
            "of that key before",
            set->row[txn], what, key);
        txn_findings_set_key(judge->findings, object, k);
        txn_findings_set_ops(judge->findings, object, txn, TXN_NONE);
    }
}

/* A read that saw an element which its own transaction appends only later. deepest is, per key, the
 * read of the transaction at hand that saw most. */
static void judge_future_reads(const struct judge *judge)
{
    const struct append_model *model = judge->model;
    const struct txn_set *set = judge->set;
    uint32_t *deepest = rift_reallocarray(NULL, (size_t)set->key_count + 1, sizeof *deepest);
    for (uint32_t k = 0; k < set->key_count; k++)
        deepest[k] = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t k = set->mop_key[mop], place = model->place[mop];
        if (set->mop_before[mop] == TXN_NONE)
            deepest[k] = TXN_NONE;
        if (place == TXN_NONE)
            continue;
        if (set->mop_function[mop] == TXN_READ) {
            if (deepest[k] == TXN_NONE || place > model->place[deepest[k]])
                deepest[k] = mop;
        } else if (deepest[k] != TXN_NONE && place < model->place[deepest[k]] &&
                   txn_is_committed(set, set->mop_txn[mop])) {
            report_read(judge, TXN_FUTURE_READ, deepest[k], set->mop_value[mop], TXN_NONE,
                        "which it appended only later");
        }
    }
    free(deepest);
}

/* The read that shows upon which version the transaction's first append to this key builds, if it
 * is known once this mop is seen; else TXN_NONE: the first read before the append, or the first
 * after it, which shows what others had appended before the transaction's own. */
static uint32_t base_of_append(const struct txn_set *set, uint32_t mop)
{
    bool is_read = set->mop_function[mop] == TXN_READ;
    uint32_t first = TXN_NONE, at = set->mop_before[mop];
    for (; at != TXN_NONE; at = set->mop_before[at]) {
        if ((set->mop_function[at] == TXN_READ) == is_read)
            return TXN_NONE;
        first = at;
    }
    if (is_read)
        return first != TXN_NONE ? mop : TXN_NONE;
    return first;
}

/* updater is, per version (key and length read), the read of the first transaction that read it and
 * then appended. */
static void judge_lost_updates(const struct judge *judge)
{
    const struct append_model *model = judge->model;
    const struct txn_set *set = judge->set;
    uint32_t last = set->key_count ? set->key_count - 1 : 0;
    size_t versions = (size_t)model->keys[last].first + model->keys[last].count + set->key_count;
    uint32_t *updater = rift_reallocarray(NULL, versions + 1, sizeof *updater);
    for (size_t i = 0; i < versions; i++)
        updater[i] = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t k = set->mop_key[mop], read;
        if (!txn_is_committed(set, set->mop_txn[mop]) ||
            (read = base_of_append(set, mop)) == TXN_NONE || model->place[read] == TXN_NONE)
            continue;
        struct append_list list;
        append_list_of(set, read, &list);
        uint32_t *first =
            &updater[model->keys[k].first + k + append_others_count(set, read, &list)];
        if (*first == TXN_NONE) {
            *first = read;
            continue;
        }
        uint32_t a = set->mop_txn[*first], b = set->mop_txn[read];
        CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
        CLEANUP(rift_free) char *what = txn_print_brief(set->values, set->mop_value[read]);
        json_t *object = txn_findings_add(
            judge->findings, TXN_LOST_UPDATE,
            "operations %u and %u both built upon %s of key %s when they appended to it",
            set->row[a], set->row[b], what, key);
        txn_findings_set_key(judge->findings, object, k);
        txn_findings_set_ops(judge->findings, object, a, b);
    }
    free(updater);
}

/* Elements of one transaction that stand in the list against the order in which it appended them.
 */
static void judge_own_order(const struct judge *judge)
{
    const struct append_model *model = judge->model;
    const struct txn_set *set = judge->set;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (set->mop_function[mop] == TXN_READ || model->place[mop] == TXN_NONE)
            continue;
        uint32_t before = set->mop_before[mop], k = set->mop_key[mop], txn = set->mop_txn[mop];
        while (before != TXN_NONE && set->mop_function[before] == TXN_READ)
            before = set->mop_before[before];
        if (before == TXN_NONE || model->place[before] == TXN_NONE ||
            model->place[before] < model->place[mop])
            continue;
        CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
        CLEANUP(rift_free) char *first = rift_value_print(set->values, set->mop_value[before]);
        CLEANUP(rift_free) char *second = rift_value_print(set->values, set->mop_value[mop]);
        json_t *object = txn_findings_add(
            judge->findings, TXN_INCOMPATIBLE_ORDER,
            "operation %u appended %s to key %s before %s, but reads show them the other way round",
            set->row[txn], first, key, second);
        txn_findings_set_key(judge->findings, object, k);
        txn_findings_set_ops(judge->findings, object, txn, set->mop_txn[model->keys[k].longest]);
    }
}

static void judge_dirty_updates(const struct judge *judge)
{
    const struct append_model *model = judge->model;
    const struct txn_set *set = judge->set;
    for (uint32_t k = 0; k < set->key_count; k++) {
        const struct append_key *key = &model->keys[k];
        uint32_t i = key->failed + 1;
        while (i < key->trusted &&
               (model->order[key->first + i] == TXN_NONE ||
                !txn_is_committed(set, set->mop_txn[model->order[key->first + i]])))
            i++;
        if (key->failed >= key->trusted || i >= key->trusted)
            continue;
        uint32_t a = model->order[key->first + key->failed], b = model->order[key->first + i];
        CLEANUP(rift_free) char *name = rift_value_print(set->values, set->keys[k]);
        CLEANUP(rift_free) char *bad = rift_value_print(set->values, set->mop_value[a]);
        CLEANUP(rift_free) char *good = rift_value_print(set->values, set->mop_value[b]);
        json_t *object = txn_findings_add(
            judge->findings, TXN_DIRTY_UPDATE,
            "key %s holds element %s of operation %u, which failed, before element %s of operation "
            "%u, which committed",
            name, bad, set->row[set->mop_txn[a]], good, set->row[set->mop_txn[b]]);
        txn_findings_set_key(judge->findings, object, k);
        txn_findings_set_ops(judge->findings, object, set->mop_txn[a], set->mop_txn[b]);
    }
}

void append_model_judge(const struct append_model *model, struct txn_findings *findings)
{
    struct judge judge = {model, model->set, findings};
    judge_reads(&judge);
    judge_internal(&judge);
    judge_future_reads(&judge);
    judge_lost_updates(&judge);
    judge_own_order(&judge);
    judge_dirty_updates(&judge);
}

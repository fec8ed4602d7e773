/* Anomalies of registers that one or two transactions show by themselves. */
#include "checkers/txn/register.h"

#include <stdlib.h>

#include "common/memory.h"

struct judge {
    const struct register_model *model;
    const struct txn_set *set;
    struct txn_findings *findings;
};

static void report_read(const struct judge *judge, enum txn_anomaly anomaly, uint32_t mop,
                        uint32_t other, const char *how)
{
    const struct txn_set *set = judge->set;
    uint32_t k = set->mop_key[mop];
    CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
    CLEANUP(rift_free) char *value = rift_value_print(set->values, set->mop_value[mop]);
    json_t *object =
        txn_findings_add(judge->findings, anomaly, "operation %u read %s of key %s, %s",
                         set->row[set->mop_txn[mop]], value, key, how);
    txn_findings_set_key(judge->findings, object, k);
    txn_findings_set_ops(judge->findings, object, set->mop_txn[mop], other);
}

/* Whether the read and the transaction's last read of the key show two versions of others.
 * Whichever of them is newer, its writer was seen and missed at once, which is a G-single. */
static bool is_non_repeatable(const struct judge *judge, uint32_t mop)
{
    const struct register_model *model = judge->model;
    uint32_t a = model->read_version[judge->set->mop_before[mop]], b = model->read_version[mop];
    uint32_t txn = judge->set->mop_txn[mop];
    return a != TXN_NONE && b != TXN_NONE && a != b && register_writer(model, a) != txn &&
           register_writer(model, b) != txn;
}

/* Whether the read contradicts the transaction's own last read or write of the key. */
static bool is_inconsistent(const struct judge *judge, uint32_t mop)
{
    const struct txn_set *set = judge->set;
    uint32_t before = set->mop_before[mop];
    return before != TXN_NONE &&
           !rift_value_equal(set->values, set->mop_value[before], set->mop_value[mop]);
}

/* Whether a predicate selected the version that this read or the transaction's last one saw. */
static bool is_of_predicate(const struct txn_set *set, uint32_t mop)
{
    return set->mop_is_selected &&
           (set->mop_is_selected[mop] || set->mop_is_selected[set->mop_before[mop]]);
}

static void judge_read(const struct judge *judge, uint32_t mop)
{
    const struct register_model *model = judge->model;
    const struct txn_set *set = judge->set;
    uint32_t version = model->read_version[mop], txn = set->mop_txn[mop];
    if (is_inconsistent(judge, mop) && is_non_repeatable(judge, mop) && is_of_predicate(set, mop))
        report_read(judge, TXN_PHANTOM, mop, TXN_NONE,
                    "but selected or read another version before, by a predicate");
    else if (is_inconsistent(judge, mop) && is_non_repeatable(judge, mop))
        report_read(judge, TXN_NON_REPEATABLE_READ, mop, TXN_NONE,
                    "but another version at its last read of that key");
    else if (is_inconsistent(judge, mop))
        report_read(judge, TXN_INTERNAL, mop, TXN_NONE,
                    "which does not follow from its own last read or write of that key");
    if (version == TXN_NONE) {
        report_read(judge, TXN_GARBAGE_READ, mop, TXN_NONE, "which nobody wrote");
        return;
    }
    if (register_is_initial(model, version))
        return;
    uint32_t writer = model->read_writer[mop];
    if (writer == TXN_NONE) {
        writer = set->mop_txn[version];
        report_read(judge, TXN_G1A, mop, writer, "whose write failed");
    }
    if (writer == txn && version > mop)
        report_read(judge, TXN_FUTURE_READ, mop, TXN_NONE, "which it wrote only later");
    if (writer != txn && model->has_later_write[version])
        report_read(judge, TXN_G1B, mop, writer,
                    "but its writer replaced it in the same transaction");
}

/* The read that a transaction began with on the key of this write, if the write is the first. */
static uint32_t read_before_write(const struct txn_set *set, uint32_t mop)
{
    uint32_t first = TXN_NONE;
    for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at]) {
        if (set->mop_function[at] != TXN_READ)
            return TXN_NONE;
        first = at;
    }
    return first;
}

static void judge_lost_updates(const struct judge *judge)
{
    const struct register_model *model = judge->model;
    const struct txn_set *set = judge->set;
    /* By version: the first read of it that its transaction wrote after, plus one. */
    uint32_t *updater = rift_calloc((size_t)model->version_count + 1, sizeof *updater);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t read;
        if (set->mop_function[mop] == TXN_READ || !txn_is_committed(set, set->mop_txn[mop]) ||
            (read = read_before_write(set, mop)) == TXN_NONE ||
            (set->mop_is_selected && set->mop_is_selected[read]) ||
            model->read_version[read] == TXN_NONE)
            continue;
        uint32_t *first = &updater[model->read_version[read]];
        if (*first == 0) {
            *first = read + 1;
            continue;
        }
        uint32_t k = set->mop_key[mop], a = set->mop_txn[*first - 1], b = set->mop_txn[read];
        CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
        CLEANUP(rift_free) char *value = rift_value_print(set->values, set->mop_value[read]);
        json_t *object =
            txn_findings_add(judge->findings, TXN_LOST_UPDATE,
                             "operations %u and %u both read %s of key %s, then both wrote to it",
                             set->row[a], set->row[b], value, key);
        txn_findings_set_key(judge->findings, object, k);
        txn_findings_set_ops(judge->findings, object, a, b);
    }
    free(updater);
}

static void judge_predicates(const struct judge *judge)
{
    static const char *const how[] = {
        [TXN_ROW_OF_NO_MATCH] = "returned a row that it does not match",
        [TXN_ROW_TWICE] = "returned a row twice",
        [TXN_OWN_ROW_MISSED] = "missed a row that its own transaction had written before",
        [TXN_ROW_MISSED] = "missed a row of which it matches every version",
    };
    const struct txn_set *set = judge->set;
    for (uint32_t i = 0; i < set->impossible_count; i++) {
        const struct txn_impossible *impossible = &set->impossible[i];
        CLEANUP(rift_free) char *key = rift_value_print(set->values, impossible->key);
        CLEANUP(rift_free) char *predicate = rift_value_print(set->values, impossible->predicate);
        json_t *object = txn_findings_add(
            judge->findings,
            impossible->kind == TXN_OWN_ROW_MISSED ? TXN_INTERNAL : TXN_IMPOSSIBLE_PREDICATE_READ,
            "operation %u read by predicate %s, which %s: key %s", set->row[impossible->txn],
            predicate, how[impossible->kind], key);
        txn_findings_set_ops(judge->findings, object, impossible->txn, TXN_NONE);
    }
}

void register_model_judge(const struct register_model *model, struct txn_findings *findings)
{
    struct judge judge = {model, model->set, findings};
    judge_predicates(&judge);
    for (uint32_t mop = 0; mop < model->set->mop_count; mop++)
        if (model->set->mop_function[mop] == TXN_READ &&
            txn_is_committed(model->set, model->set->mop_txn[mop]))
            judge_read(&judge, mop);
    judge_lost_updates(&judge);
}

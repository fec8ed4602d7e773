#include "checkers/txn/register.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static void resolve_reads(struct register_model *model)
{
    const struct txn_set *set = model->set;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (mop + TXN_MOPS_AHEAD < set->mop_count)
            txn_set_expect_writer(set, mop + TXN_MOPS_AHEAD);
        uint8_t type = set->type[set->mop_txn[mop]];
        struct rift_value value = set->mop_value[mop];
        model->read_version[mop] = TXN_NONE;
        if (set->mop_function[mop] != TXN_READ || type == RIFT_OP_FAIL ||
            (type == RIFT_OP_INFO && rift_value_is_nil(value)))
            continue;
        uint32_t writer = txn_set_writer(set, set->mop_key[mop], value);
        if (writer == TXN_NONE &&
            rift_value_equal(set->values, value, set->initial[set->mop_key[mop]]))
            writer = set->mop_count + set->mop_key[mop];
        model->read_version[mop] = writer;
    }
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t version = model->read_version[mop];
        if (mop + TXN_MOPS_AHEAD < set->mop_count &&
            model->read_version[mop + TXN_MOPS_AHEAD] < set->mop_count)
            __builtin_prefetch(&set->mop_txn[model->read_version[mop + TXN_MOPS_AHEAD]]);
        model->read_writer[mop] = version == TXN_NONE ? TXN_NONE : register_writer(model, version);
    }
    for (uint32_t mop = set->mop_count; mop-- > 0;) {
        uint32_t before = set->mop_before[mop];
        if (before != TXN_NONE)
            model->has_later_write[before] =
                set->mop_function[mop] != TXN_READ || model->has_later_write[mop];
    }
}

/* Whether the read is the first of its transaction to see this version of another transaction. */
static bool is_reader(const struct register_model *model, uint32_t mop)
{
    const struct txn_set *set = model->set;
    uint32_t version = model->read_version[mop];
    if (version == TXN_NONE || model->read_writer[mop] == set->mop_txn[mop])
        return false;
    uint32_t before = set->mop_before[mop];
    return before == TXN_NONE || model->read_version[before] != version;
}

/* Per mop: whether it and the next ones of its key that read the same version only selected it;
 * NULL where nothing is selected. */
static bool *find_selected(const struct register_model *model)
{
    const struct txn_set *set = model->set;
    if (!set->mop_is_selected)
        return NULL;
    bool *is_selected = rift_calloc((size_t)set->mop_count + 1, sizeof *is_selected);
    memcpy(is_selected, set->mop_is_selected, set->mop_count * sizeof *is_selected);
    for (uint32_t mop = set->mop_count; mop-- > 0;) {
        uint32_t before = set->mop_before[mop];
        if (before != TXN_NONE && model->read_version[before] == model->read_version[mop])
            is_selected[before] &= is_selected[mop];
    }
    return is_selected;
}

/* By version; of one version, those that read the item stand before those that selected it. */
static void group_readers(struct register_model *model)
{
    const struct txn_set *set = model->set;
    CLEANUP(rift_free) bool *is_selected = find_selected(model);
    uint32_t *place = rift_calloc((size_t)model->version_count + 2, sizeof *place);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (mop + TXN_MOPS_AHEAD < set->mop_count &&
            model->read_version[mop + TXN_MOPS_AHEAD] != TXN_NONE)
            __builtin_prefetch(&place[model->read_version[mop + TXN_MOPS_AHEAD] + 2], 1);
        if (is_reader(model, mop))
            place[model->read_version[mop] + 2]++;
    }
    for (uint32_t v = 0; v < model->version_count; v++)
        place[v + 2] += place[v + 1];
    uint32_t count = place[model->version_count + 1];
    model->reader = rift_reallocarray(NULL, (size_t)count + 1, sizeof *model->reader);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (mop + TXN_MOPS_AHEAD < set->mop_count &&
            model->read_version[mop + TXN_MOPS_AHEAD] != TXN_NONE)
            __builtin_prefetch(&place[model->read_version[mop + TXN_MOPS_AHEAD] + 1], 1);
        if (!(is_selected && is_selected[mop]) && is_reader(model, mop))
            model->reader[place[model->read_version[mop] + 1]++] = set->mop_txn[mop];
    }
    model->reader_first = place;
    if (!is_selected)
        return;
    model->selector_first =
        rift_reallocarray(NULL, (size_t)model->version_count + 1, sizeof *place);
    for (uint32_t v = 0; v < model->version_count; v++)
        model->selector_first[v] = place[v + 1];
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (is_selected[mop] && is_reader(model, mop))
            model->reader[place[model->read_version[mop] + 1]++] = set->mop_txn[mop];
}

void register_model_init(struct register_model *model, const struct txn_set *set)
{
    *model = (struct register_model){.set = set};
    model->version_count = set->mop_count + set->key_count;
    model->read_version =
        rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *model->read_version);
    model->read_writer =
        rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *model->read_writer);
    model->has_later_write =
        rift_calloc((size_t)set->mop_count + 1, sizeof *model->has_later_write);
    resolve_reads(model);
    group_readers(model);
}

void register_model_finish(struct register_model *model)
{
    free(model->read_version);
    free(model->read_writer);
    free(model->has_later_write);
    free(model->reader_first);
    free(model->reader);
    free(model->selector_first);
    free(model->known_from);
    free(model->last_seen);
    free(model->successions);
    free(model->is_cyclic);
    *model = (struct register_model){0};
}

void register_print(const struct register_model *model, uint32_t version, struct rift_text *text)
{
    const struct txn_set *set = model->set;
    rift_value_print_to(text, set->values,
                        register_is_initial(model, version)
                            ? set->initial[register_key_of(model, version)]
                            : set->mop_value[version]);
}

void register_versions_shown(const struct register_model *model, uint32_t mop, uint32_t *first,
                             uint32_t *last)
{
    const struct txn_set *set = model->set;
    uint32_t written = TXN_NONE, earliest = mop;
    for (uint32_t at = mop; at != TXN_NONE; at = set->mop_before[at]) {
        if (written == TXN_NONE && set->mop_function[at] != TXN_READ)
            written = at;
        earliest = at;
    }
    uint32_t read = model->read_version[earliest];
    if (read != TXN_NONE && register_writer(model, read) == set->mop_txn[mop])
        read = TXN_NONE;
    *first = read != TXN_NONE ? read : written;
    *last = written != TXN_NONE ? written : read;
}

bool *register_last_touches(const struct txn_set *set)
{
    bool *is_last = rift_calloc((size_t)set->mop_count + 1, sizeof *is_last);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        is_last[mop] = txn_is_committed(set, set->mop_txn[mop]);
        if (set->mop_before[mop] != TXN_NONE)
            is_last[set->mop_before[mop]] = false;
    }
    return is_last;
}

void register_report_cyclic(const struct register_model *model, struct txn_findings *findings,
                            enum txn_anomaly anomaly, uint32_t a, uint32_t b, const char *claim)
{
    const struct txn_set *set = model->set;
    uint32_t k = register_key_of(model, a);
    struct rift_text first = {0}, second = {0};
    CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[k]);
    register_print(model, a, &first);
    register_print(model, b, &second);
    json_t *object = txn_findings_add(findings, anomaly,
                                      "versions %s and %s of key %s each come before the other, %s",
                                      first.data, second.data, key, claim);
    txn_findings_set_key(findings, object, k);
    txn_findings_set_ops(findings, object,
                         register_is_initial(model, a) ? TXN_NONE : set->mop_txn[a],
                         register_is_initial(model, b) ? TXN_NONE : set->mop_txn[b]);
    rift_text_finish(&first);
    rift_text_finish(&second);
}

void register_missed_edges(const struct register_model *model, uint32_t version,
                           const uint32_t *targets, size_t target_count, struct txn_edges *edges)
{
    uint32_t first = model->reader_first[version], items_end = register_items_end(model, version),
             end = model->reader_first[version + 1];
    txn_edges_fan(edges, model->reader + first, items_end - first, targets, target_count, TXN_RW);
    txn_edges_fan(edges, model->reader + items_end, end - items_end, targets, target_count,
                  TXN_RW_PREDICATE);
}

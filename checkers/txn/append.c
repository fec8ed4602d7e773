/* The longest read of each key gives the order; every other read is compared with it once, by
 * memcmp where lists are packed. What the reads contradict is cut off the trusted order, so that an
 * incompatible order (which is an anomaly itself) never makes up others. */
#include "checkers/txn/append.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

bool append_list_of(const struct txn_set *set, uint32_t mop, struct append_list *list)
{
    struct rift_value value = set->mop_value[mop];
    uint8_t type = set->type[set->mop_txn[mop]];
    if (type == RIFT_OP_FAIL || (type == RIFT_OP_INFO && rift_value_is_nil(value)))
        return false;
    *list = (struct append_list){.values = set->values, .value = value};
    list->packed = rift_value_packed(set->values, value);
    list->count = (uint32_t)rift_value_count(set->values, value);
    return true;
}

uint32_t append_others_count(const struct txn_set *set, uint32_t mop,
                             const struct append_list *list)
{
    uint32_t count = list->count;
    for (uint32_t at = set->mop_before[mop]; at != TXN_NONE && count > 0;
         at = set->mop_before[at]) {
        if (set->mop_function[at] == TXN_READ)
            continue;
        if (!rift_value_equal(set->values, append_list_item(list, count - 1), set->mop_value[at]))
            break;
        count--;
    }
    return count;
}

bool append_seen_of(const struct append_model *model, uint32_t mop, struct append_list *list)
{
    if (!append_list_of(model->set, mop, list))
        return false;
    if (!model->own_appends_count)
        list->count = append_others_count(model->set, mop, list);
    return true;
}

/* Length of the common beginning of two lists. */
static uint32_t common_prefix(const struct append_list *a, const struct append_list *b)
{
    uint32_t count = a->count < b->count ? a->count : b->count, i = 0;
    if (a->packed && b->packed) {
        if (memcmp(a->packed, b->packed, count * sizeof *a->packed) == 0)
            return count;
        while (i < count && a->packed[i] == b->packed[i])
            i++;
        return i;
    }
    while (i < count && rift_value_equal(a->values, append_list_item(a, i), append_list_item(b, i)))
        i++;
    return i;
}

static char *print_value(const struct txn_set *set, struct rift_value value)
{
    return txn_print_brief(set->values, value);
}

static void find_longest(struct append_model *model)
{
    const struct txn_set *set = model->set;
    uint32_t first = 0;
    for (uint32_t k = 0; k < set->key_count; k++)
        model->keys[k].longest = TXN_NONE;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct append_list list;
        struct append_key *key = &model->keys[set->mop_key[mop]];
        if (set->mop_function[mop] != TXN_READ || !append_seen_of(model, mop, &list))
            continue;
        if (key->longest == TXN_NONE || list.count > key->count) {
            key->longest = mop;
            key->count = list.count;
        }
    }
    for (uint32_t k = 0; k < set->key_count; k++) {
        model->keys[k].first = first;
        first += model->keys[k].count;
    }
    model->order = rift_reallocarray(NULL, (size_t)first + 1, sizeof *model->order);
    model->next_live = rift_reallocarray(NULL, (size_t)first + 1, sizeof *model->next_live);
}

static void report_duplicate(const struct append_model *model, struct txn_findings *findings,
                             uint32_t mop, struct rift_value element)
{
    const struct txn_set *set = model->set;
    uint32_t k = set->mop_key[mop];
    CLEANUP(rift_free) char *key = print_value(set, set->keys[k]);
    CLEANUP(rift_free) char *what = print_value(set, element);
    json_t *object = txn_findings_add(findings, TXN_DUPLICATE_ELEMENTS,
                                      "operation %u read a list of key %s that holds %s twice",
                                      set->row[set->mop_txn[mop]], key, what);
    txn_findings_set_key(findings, object, k);
    txn_findings_set_ops(findings, object, set->mop_txn[mop], TXN_NONE);
}

/* Finds the append of each element of the longest read. */
static void recover_order(struct append_model *model, struct txn_findings *findings)
{
    const struct txn_set *set = model->set;
    for (uint32_t k = 0; k < set->key_count; k++) {
        struct append_key *key = &model->keys[k];
        struct append_list list = {0};
        key->trusted = key->failed = key->garbage = key->count;
        if (key->longest != TXN_NONE)
            append_seen_of(model, key->longest, &list);
        for (uint32_t i = 0; i < key->count; i++) {
            uint32_t writer = txn_set_writer(set, k, append_list_item(&list, i));
            model->order[key->first + i] = writer;
            if (writer == TXN_NONE) {
                key->garbage = i < key->garbage ? i : key->garbage;
                continue;
            }
            if (!append_is_live(set, writer))
                key->failed = i < key->failed ? i : key->failed;
            if (model->place[writer] == TXN_NONE) {
                model->place[writer] = i;
            } else {
                if (key->trusted == key->count)
                    report_duplicate(model, findings, key->longest, append_list_item(&list, i));
                key->trusted = i < key->trusted ? i : key->trusted;
            }
        }
    }
}

static void report_incompatible(const struct append_model *model, struct txn_findings *findings,
                                uint32_t mop, uint32_t longest)
{
    const struct txn_set *set = model->set;
    uint32_t k = set->mop_key[mop];
    CLEANUP(rift_free) char *key = print_value(set, set->keys[k]);
    CLEANUP(rift_free) char *a = print_value(set, set->mop_value[mop]);
    CLEANUP(rift_free) char *b = print_value(set, set->mop_value[longest]);
    json_t *object = txn_findings_add(
        findings, TXN_INCOMPATIBLE_ORDER,
        "operation %u read %s of key %s, operation %u read %s: neither begins with the other",
        set->row[set->mop_txn[mop]], a, key, set->row[set->mop_txn[longest]], b);
    txn_findings_set_key(findings, object, k);
    txn_findings_set_ops(findings, object, set->mop_txn[mop], set->mop_txn[longest]);
}

/* Two lists that differ only where one transaction saw its own appends: another's took their place.
 */
static void report_overtaken(const struct append_model *model, struct txn_findings *findings,
                             uint32_t mop, uint32_t longest)
{
    const struct txn_set *set = model->set;
    uint32_t k = set->mop_key[mop];
    CLEANUP(rift_free) char *key = print_value(set, set->keys[k]);
    CLEANUP(rift_free) char *a = print_value(set, set->mop_value[mop]);
    CLEANUP(rift_free) char *b = print_value(set, set->mop_value[longest]);
    json_t *object = txn_findings_add(
        findings, TXN_LOST_UPDATE,
        "operations %u and %u appended to one version of key %s: one saw %s, the other %s",
        set->row[set->mop_txn[mop]], set->row[set->mop_txn[longest]], key, a, b);
    txn_findings_set_key(findings, object, k);
    txn_findings_set_ops(findings, object, set->mop_txn[mop], set->mop_txn[longest]);
}

/* True if the list holds an element twice. seen is per append mop, marked with this mop plus one.
 */
static bool find_duplicate(const struct txn_set *set, uint32_t mop, const struct append_list *list,
                           uint32_t *seen, struct rift_value *element)
{
    for (uint32_t i = 0; i < list->count; i++) {
        *element = append_list_item(list, i);
        uint32_t writer = txn_set_writer(set, set->mop_key[mop], *element);
        if (writer == TXN_NONE)
            continue;
        if (seen[writer] == mop + 1)
            return true;
        seen[writer] = mop + 1;
    }
    return false;
}

/* Sets the place of each read, and cuts the trusted order where a read contradicts it. */
static void compare_reads(struct append_model *model, struct txn_findings *findings)
{
    const struct txn_set *set = model->set;
    uint32_t *seen = NULL;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        struct append_list list, longest;
        if (set->mop_function[mop] != TXN_READ || !append_seen_of(model, mop, &list))
            continue;
        struct append_key *key = &model->keys[set->mop_key[mop]];
        append_seen_of(model, key->longest, &longest);
        uint32_t same = mop == key->longest ? list.count : common_prefix(&list, &longest);
        if (same == list.count) {
            model->place[mop] = list.count;
            continue;
        }
        struct rift_value element;
        if (!seen)
            seen = rift_calloc((size_t)set->mop_count + 1, sizeof *seen);
        if (find_duplicate(set, mop, &list, seen, &element))
            report_duplicate(model, findings, mop, element);
        else if (same >= append_others_count(set, mop, &list) ||
                 same >= append_others_count(set, key->longest, &longest))
            report_overtaken(model, findings, mop, key->longest);
        else
            report_incompatible(model, findings, mop, key->longest);
        key->trusted = same < key->trusted ? same : key->trusted;
    }
    free(seen);
    for (uint32_t k = 0; k < set->key_count; k++) {
        const struct append_key *key = &model->keys[k];
        uint32_t live = key->trusted;
        for (uint32_t i = key->trusted; i-- > 0;) {
            if (append_is_live(set, model->order[key->first + i]))
                live = i;
            model->next_live[key->first + i] = live;
        }
    }
}

void append_model_init(struct append_model *model, const struct txn_set *set,
                       struct txn_findings *findings)
{
    *model = (struct append_model){.set = set};
    model->own_appends_count = findings->forbidden >> TXN_LOST_UPDATE & 1;
    model->keys = rift_calloc((size_t)set->key_count + 1, sizeof *model->keys);
    model->place = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *model->place);
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        model->place[mop] = TXN_NONE;
    find_longest(model);
    recover_order(model, findings);
    compare_reads(model, findings);
}

void append_model_finish(struct append_model *model)
{
    free(model->keys);
    free(model->order);
    free(model->next_live);
    free(model->place);
    *model = (struct append_model){0};
}

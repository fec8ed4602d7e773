/* Dependencies of registers that need no claim, and the sentences that explain all of them.
 *
 * The initial state comes before every version. A transaction that read v and then wrote v' put v'
 * after v: the other way round it would have observed a write that follows its own, which is a G1c.
 * That order is already there as wr from v's writer, so it adds only the rw edges of v's other
 * readers: a G0 never rests upon it. */
#include "checkers/txn/register.h"

#include <stdlib.h>

#include "common/memory.h"

/* Transactions per version. */
struct groups {
    uint32_t base; /* the first version */
    uint32_t *first;
    uint32_t *txn;
};

/* Whether mop puts its transaction right after version *version: a read with a later write. */
static bool is_update(const struct register_model *model, uint32_t mop, uint32_t *version)
{
    const struct txn_set *set = model->set;
    if (!model->has_later_write[mop] || set->mop_function[mop] != TXN_READ)
        return false;
    uint32_t before = set->mop_before[mop];
    *version = model->read_version[mop];
    return txn_is_committed(set, set->mop_txn[mop]) && *version != TXN_NONE &&
           model->read_writer[mop] != set->mop_txn[mop] &&
           (before == TXN_NONE || model->read_version[before] != *version);
}

/* Whether mop is the last write of a transaction to its key: it comes after the initial state. */
static bool is_final_write(const struct register_model *model, uint32_t mop, uint32_t *version)
{
    const struct txn_set *set = model->set;
    *version = set->mop_count + set->mop_key[mop];
    return set->mop_function[mop] != TXN_READ && !model->has_later_write[mop] &&
           set->type[set->mop_txn[mop]] != RIFT_OP_FAIL;
}

typedef bool select_function(const struct register_model *, uint32_t, uint32_t *);

/* Groups of the versions from one on, of which no smaller one is selected. */
static void groups_init(struct groups *groups, const struct register_model *model,
                        select_function *selects, uint32_t base)
{
    uint32_t count = model->version_count - base, version;
    uint32_t *place = rift_calloc((size_t)count + 2, sizeof *place);
    for (uint32_t mop = 0; mop < model->set->mop_count; mop++)
        if (selects(model, mop, &version))
            place[version - base + 2]++;
    for (uint32_t v = 0; v < count; v++)
        place[v + 2] += place[v + 1];
    groups->txn = rift_reallocarray(NULL, (size_t)place[count + 1] + 1, sizeof *groups->txn);
    for (uint32_t mop = 0; mop < model->set->mop_count; mop++)
        if (selects(model, mop, &version))
            groups->txn[place[version - base + 1]++] = model->set->mop_txn[mop];
    groups->first = place;
    groups->base = base;
}

static void groups_finish(struct groups *groups)
{
    free(groups->first);
    free(groups->txn);
}

/* From the readers of each version to the transactions of its group. */
static void add_missed(const struct register_model *model, const struct groups *groups,
                       struct txn_edges *edges)
{
    for (uint32_t i = 0; i < model->version_count - groups->base; i++)
        register_missed_edges(model, groups->base + i, groups->txn + groups->first[i],
                              groups->first[i + 1] - groups->first[i], edges);
}

void register_model_edges(struct register_model *model, enum register_order order,
                          struct txn_findings *findings, enum txn_anomaly anomaly,
                          struct txn_edges *edges)
{
    struct groups updates, writes;
    groups_init(&updates, model, is_update, 0);
    groups_init(&writes, model, is_final_write, model->set->mop_count);
    add_missed(model, &updates, edges);
    add_missed(model, &writes, edges);
    groups_finish(&updates);
    groups_finish(&writes);
    for (uint32_t v = 0; v < model->set->mop_count; v++) {
        uint32_t writer = register_writer(model, v);
        for (uint32_t i = model->reader_first[v]; i < model->reader_first[v + 1]; i++) {
            if (writer == TXN_NONE)
                continue;
            txn_edges_add(edges, writer, model->reader[i], TXN_WR);
            if (model->has_later_write[v])
                txn_edges_add(edges, model->reader[i], writer, TXN_RW);
        }
    }
    if (order == REGISTER_SEQUENTIAL)
        register_sequential_edges(model, findings, anomaly, edges);
    if (order == REGISTER_LINEARIZABLE)
        register_realtime_edges(model, findings, anomaly, edges);
}

/* Why successor comes after version, or NULL if nothing says so. */
static const char *reason_of_order(const struct register_model *model, uint32_t version,
                                   uint32_t successor)
{
    const struct txn_set *set = model->set;
    if (register_is_initial(model, version))
        return "";
    for (uint32_t at = set->mop_before[successor]; at != TXN_NONE; at = set->mop_before[at])
        if (model->read_version[at] == version || at == version)
            return ", which it replaced";
    if (model->known_from && !model->is_cyclic[set->mop_key[version]] &&
        model->known_from[version] < model->last_seen[successor])
        return ", as the one was there before the other was last seen (the key's versions follow "
               "real time)";
    for (size_t i = 0; i < model->succession_count; i++)
        if (model->successions[i].version == version &&
            model->successions[i].successor == successor)
            return ", as a process saw the one before the other (the key's versions follow each "
                   "process)";
    return NULL;
}

/* Says that b wrote the version after one that a read (is_read) or wrote. */
static bool explain_order(const struct register_model *model, uint32_t mop, bool is_read,
                          uint32_t b, const char *name_a, const char *name_b,
                          struct rift_text *text)
{
    const struct txn_set *set = model->set;
    uint32_t version = is_read ? model->read_version[mop] : mop;
    if (version == TXN_NONE)
        return false;
    for (uint32_t i = set->first[b]; i < set->first[b + 1]; i++) {
        if (set->mop_key[i] != set->mop_key[mop] || set->mop_function[i] == TXN_READ ||
            model->has_later_write[i] || i == version)
            continue;
        const char *reason = reason_of_order(model, version, i);
        if (!reason)
            continue;
        bool is_selected = set->mop_is_selected && set->mop_is_selected[mop];
        rift_text_printf(text, "%s %s ", name_a,
                         is_selected ? "found by its predicate no row, so that it saw"
                         : is_read   ? "read"
                                     : "wrote");
        register_print(model, version, text);
        rift_text_append(text, is_read ? " of key " : " to key ");
        rift_value_print_to(text, set->values, set->keys[set->mop_key[mop]]);
        rift_text_printf(text, "%s %s wrote ",
                         is_read && register_is_initial(model, version) ? ", its initial state, and"
                                                                        : ", and after it",
                         name_b);
        register_print(model, i, text);
        rift_text_append(text, reason);
        return true;
    }
    return false;
}

static bool explain_wr(const struct register_model *model, uint32_t a, uint32_t read,
                       const char *name_a, const char *name_b, struct rift_text *text)
{
    const struct txn_set *set = model->set;
    uint32_t version = model->read_version[read];
    if (version == TXN_NONE || register_is_initial(model, version) || set->mop_txn[version] != a)
        return false;
    bool is_selected = set->mop_is_selected && set->mop_is_selected[read];
    rift_text_printf(text,
                     is_selected ? "%s found by its predicate no row, so it observed %s's "
                                   "write of "
                                 : "%s observed %s's write of ",
                     name_b, name_a);
    register_print(model, version, text);
    rift_text_append(text, " to key ");
    rift_value_print_to(text, set->values, set->keys[set->mop_key[read]]);
    return true;
}

/* Nothing seen tells that b wrote the version after one that a read or wrote: the other order of
 * the two writes was tried, and closes a cycle. */
static bool explain_choice(const struct register_model *model, uint32_t mop, uint32_t b,
                           const char *name_a, const char *name_b, struct rift_text *text)
{
    const struct txn_set *set = model->set;
    bool is_read = set->mop_function[mop] == TXN_READ;
    uint32_t version = is_read ? model->read_version[mop] : mop;
    if (version == TXN_NONE || (!is_read && model->has_later_write[mop]))
        return false;
    for (uint32_t i = set->first[b]; i < set->first[b + 1]; i++) {
        if (set->mop_key[i] != set->mop_key[mop] || set->mop_function[i] == TXN_READ ||
            model->has_later_write[i] || i == version)
            continue;
        rift_text_printf(text, is_read ? "%s read " : "%s wrote ", name_a);
        register_print(model, version, text);
        rift_text_append(text, is_read ? " of key " : " to key ");
        rift_value_print_to(text, set->values, set->keys[set->mop_key[mop]]);
        rift_text_printf(text, ", and %s wrote ", name_b);
        register_print(model, i, text);
        rift_text_append(text, ": with the other order of the two writes what is known already "
                               "makes a cycle that the level forbids");
        return true;
    }
    return false;
}

void register_model_explain(const void *opaque, uint32_t a, uint32_t b, enum txn_relation relation,
                            const char *name_a, const char *name_b, struct rift_text *text)
{
    const struct register_model *model = opaque;
    const struct txn_set *set = model->set;
    uint32_t from = relation == TXN_WR ? b : a;
    for (uint32_t mop = set->first[from]; mop < set->first[from + 1]; mop++) {
        bool is_read = set->mop_function[mop] == TXN_READ;
        if ((relation == TXN_WR && is_read && explain_wr(model, a, mop, name_a, name_b, text)) ||
            (relation == TXN_RW && is_read &&
             explain_order(model, mop, true, b, name_a, name_b, text)) ||
            (relation == TXN_WW && !is_read && !model->has_later_write[mop] &&
             explain_order(model, mop, false, b, name_a, name_b, text)))
            return;
    }
    if (relation != TXN_WW && relation != TXN_RW) {
        rift_text_printf(text, "%s precedes %s", name_a, name_b);
        return;
    }
    for (uint32_t mop = set->first[a]; mop < set->first[a + 1]; mop++)
        if ((relation == TXN_RW) == (set->mop_function[mop] == TXN_READ) &&
            explain_choice(model, mop, b, name_a, name_b, text))
            return;
    rift_text_printf(text, "%s precedes %s", name_a, name_b);
}

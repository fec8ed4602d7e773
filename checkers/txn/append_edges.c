/* Dependencies of list-append, and the sentences that explain them.
 *
 * ww links neighbours in the trusted order, and its last element with every append that it does not
 * hold: those come later. wr comes from the last element read. rw leads to the next element after
 * those read; from readers of the whole trusted order to every append that it does not hold. */
#include "checkers/txn/append.h"

#include <stdlib.h>

#include "common/memory.h"

/* Appends of a key that the trusted order does not hold, one a transaction; readers that saw all of
 * the trusted order, likewise. Sorted by key through counting. */
struct tails {
    uint32_t *first; /* per key */
    uint32_t *txn;
};

/* The mop of the last live trusted element before position end of the key, or TXN_NONE. */
static uint32_t live_before(const struct append_model *model, uint32_t k, uint32_t end)
{
    const struct append_key *key = &model->keys[k];
    while (end-- > 0)
        if (append_is_live(model->set, model->order[key->first + end]))
            return model->order[key->first + end];
    return TXN_NONE;
}

/* The last element of a read whose append is live and of another transaction, or TXN_NONE. */
static uint32_t observed_append(const struct append_model *model, uint32_t read)
{
    const struct txn_set *set = model->set;
    struct append_list list;
    if (!append_seen_of(model, read, &list))
        return TXN_NONE;
    uint32_t k = set->mop_key[read];
    for (uint32_t i = list.count; i-- > 0;) {
        uint32_t writer = model->place[read] != TXN_NONE
                              ? model->order[model->keys[k].first + i]
                              : txn_set_writer(set, k, append_list_item(&list, i));
        if (append_is_live(set, writer) && set->mop_txn[writer] != set->mop_txn[read])
            return writer;
    }
    return TXN_NONE;
}

/* The position of the next trusted live element that a read did not see: the key's trusted count if
 * there is none, TXN_NONE if it is not known. */
static uint32_t missed_place(const struct append_model *model, uint32_t read)
{
    uint32_t place = model->place[read];
    const struct append_key *key = &model->keys[model->set->mop_key[read]];
    if (place == TXN_NONE || place > key->trusted)
        return TXN_NONE;
    return place == key->trusted ? key->trusted : model->next_live[key->first + place];
}

enum tail_kind { TAIL_OF_APPENDS, TAIL_OF_READERS };

static bool is_in_tail(const struct append_model *model, uint32_t mop, enum tail_kind kind)
{
    const struct txn_set *set = model->set;
    if (set->type[set->mop_txn[mop]] == RIFT_OP_FAIL)
        return false;
    if (kind == TAIL_OF_APPENDS)
        return set->mop_function[mop] != TXN_READ && !append_is_trusted(model, mop);
    return set->mop_function[mop] == TXN_READ &&
           missed_place(model, mop) == model->keys[set->mop_key[mop]].trusted;
}

/* Each transaction once: a mop whose chain holds an earlier one of its kind is left out. */
static bool is_repetition(const struct append_model *model, uint32_t mop, enum tail_kind kind)
{
    const struct txn_set *set = model->set;
    for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at])
        if (is_in_tail(model, at, kind))
            return true;
    return false;
}

static void tails_init(struct tails *tails, const struct append_model *model, enum tail_kind kind)
{
    const struct txn_set *set = model->set;
    uint32_t *place = rift_calloc((size_t)set->key_count + 2, sizeof *place);
    uint32_t *kept = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *kept);
    uint32_t count = 0;
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        if (is_in_tail(model, mop, kind) && !is_repetition(model, mop, kind)) {
            kept[count++] = mop;
            place[set->mop_key[mop] + 2]++;
        }
    for (uint32_t k = 0; k < set->key_count; k++)
        place[k + 2] += place[k + 1];
    tails->txn = rift_reallocarray(NULL, (size_t)count + 1, sizeof *tails->txn);
    for (uint32_t i = 0; i < count; i++)
        tails->txn[place[set->mop_key[kept[i]] + 1]++] = set->mop_txn[kept[i]];
    tails->first = place;
    free(kept);
}

static void tails_finish(struct tails *tails)
{
    free(tails->first);
    free(tails->txn);
}

static void add_orders(const struct append_model *model, struct txn_edges *edges)
{
    const struct txn_set *set = model->set;
    struct tails appends, readers;
    tails_init(&appends, model, TAIL_OF_APPENDS);
    tails_init(&readers, model, TAIL_OF_READERS);
    for (uint32_t k = 0; k < set->key_count; k++) {
        const struct append_key *key = &model->keys[k];
        uint32_t last = TXN_NONE;
        for (uint32_t i = 0; i < key->trusted; i++) {
            uint32_t append = model->order[key->first + i];
            if (!append_is_live(set, append))
                continue;
            if (last != TXN_NONE)
                txn_edges_add(edges, last, set->mop_txn[append], TXN_WW);
            last = set->mop_txn[append];
        }
        for (uint32_t i = appends.first[k]; last != TXN_NONE && i < appends.first[k + 1]; i++)
            txn_edges_add(edges, last, appends.txn[i], TXN_WW);
        txn_edges_fan(edges, readers.txn + readers.first[k],
                      readers.first[k + 1] - readers.first[k], appends.txn + appends.first[k],
                      appends.first[k + 1] - appends.first[k], TXN_RW);
    }
    tails_finish(&appends);
    tails_finish(&readers);
}

void append_model_edges(const struct append_model *model, struct txn_edges *edges)
{
    const struct txn_set *set = model->set;
    add_orders(model, edges);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (set->mop_function[mop] != TXN_READ || set->type[set->mop_txn[mop]] == RIFT_OP_FAIL)
            continue;
        const struct append_key *key = &model->keys[set->mop_key[mop]];
        uint32_t observed = observed_append(model, mop), missed = missed_place(model, mop);
        if (observed != TXN_NONE)
            txn_edges_add(edges, set->mop_txn[observed], set->mop_txn[mop], TXN_WR);
        if (missed != TXN_NONE && missed < key->trusted)
            txn_edges_add(edges, set->mop_txn[mop], set->mop_txn[model->order[key->first + missed]],
                          TXN_RW);
    }
}

struct sentence {
    const struct txn_set *set;
    const char *name_a, *name_b;
    struct rift_text *text;
};

static void say(const struct sentence *sentence, struct rift_value value)
{
    rift_value_print_to(sentence->text, sentence->set->values, value);
}

static bool explain_ww(const struct append_model *model, uint32_t a, uint32_t append,
                       const struct sentence *sentence)
{
    const struct txn_set *set = model->set;
    uint32_t k = set->mop_key[append];
    bool has_place = append_is_trusted(model, append);
    uint32_t before =
        live_before(model, k, has_place ? model->place[append] : model->keys[k].trusted);
    if (before == TXN_NONE || set->mop_txn[before] != a)
        return false;
    rift_text_printf(sentence->text, "%s appended ", sentence->name_b);
    say(sentence, set->mop_value[append]);
    rift_text_printf(sentence->text, " after %s had appended ", sentence->name_a);
    say(sentence, set->mop_value[before]);
    rift_text_append(sentence->text, " to key ");
    say(sentence, set->keys[k]);
    if (!has_place)
        rift_text_append(sentence->text, " (no read of what came before it holds it)");
    return true;
}

static bool explain_wr(const struct append_model *model, uint32_t a, uint32_t read,
                       const struct sentence *sentence)
{
    const struct txn_set *set = model->set;
    uint32_t observed = observed_append(model, read);
    if (observed == TXN_NONE || set->mop_txn[observed] != a)
        return false;
    rift_text_printf(sentence->text, "%s observed %s's append of ", sentence->name_b,
                     sentence->name_a);
    say(sentence, set->mop_value[observed]);
    rift_text_append(sentence->text, " to key ");
    say(sentence, set->keys[set->mop_key[read]]);
    return true;
}

static bool explain_rw(const struct append_model *model, uint32_t read, uint32_t b,
                       const struct sentence *sentence)
{
    const struct txn_set *set = model->set;
    uint32_t k = set->mop_key[read], missed = missed_place(model, read), append = TXN_NONE;
    if (missed == TXN_NONE)
        return false;
    if (missed < model->keys[k].trusted) {
        append = model->order[model->keys[k].first + missed];
        if (set->mop_txn[append] != b)
            return false;
    } else {
        for (uint32_t mop = set->first[b]; mop < set->first[b + 1] && append == TXN_NONE; mop++)
            if (set->mop_key[mop] == k && is_in_tail(model, mop, TAIL_OF_APPENDS))
                append = mop;
        if (append == TXN_NONE)
            return false;
    }
    rift_text_printf(sentence->text, "%s did not observe %s's append of ", sentence->name_a,
                     sentence->name_b);
    say(sentence, set->mop_value[append]);
    rift_text_append(sentence->text, " to key ");
    say(sentence, set->keys[k]);
    if (model->place[read] == 0)
        rift_text_append(sentence->text, " (it read the empty list)");
    return true;
}

void append_model_explain(const void *opaque, uint32_t a, uint32_t b, enum txn_relation relation,
                          const char *name_a, const char *name_b, struct rift_text *text)
{
    const struct append_model *model = opaque;
    const struct txn_set *set = model->set;
    struct sentence sentence = {set, name_a, name_b, text};
    uint32_t from = relation == TXN_RW ? a : b;
    for (uint32_t mop = set->first[from]; mop < set->first[from + 1]; mop++) {
        bool is_read = set->mop_function[mop] == TXN_READ;
        if ((relation == TXN_WW && !is_read && explain_ww(model, a, mop, &sentence)) ||
            (relation == TXN_WR && is_read && explain_wr(model, a, mop, &sentence)) ||
            (relation == TXN_RW && is_read && explain_rw(model, mop, b, &sentence)))
            return;
    }
    rift_text_printf(text, "%s precedes %s", name_a, name_b);
}

/* Appends to lists: each read shows the whole history of its key, so the order of versions is
 * recovered from the longest read, and every other read must be a prefix of it. */
#ifndef CHECKERS_TXN_APPEND_H
#define CHECKERS_TXN_APPEND_H

#include "checkers/txn/findings.h"
#include "checkers/txn/graph.h"
#include "checkers/txn/txns.h"

struct append_key {
    uint32_t longest; /* the read mop with the longest list, or TXN_NONE */
    uint32_t first;   /* its order begins at order[first] */
    uint32_t count;   /* elements of the longest read */
    uint32_t trusted; /* so many of them come in an order that no read contradicts */
    uint32_t failed;  /* position of the first element whose append failed; count: none */
    uint32_t garbage; /* position of the first element that nobody appended; count: none */
};

struct append_model {
    const struct txn_set *set;
    bool own_appends_count; /* see append_seen_of */
    struct append_key *keys;
    uint32_t *order;     /* per position: the mop that appended it, or TXN_NONE */
    uint32_t *next_live; /* per position: the first trusted one from there on, relative to the key,
                            whose append may have committed; trusted where there is none */
    uint32_t *place;     /* per append: its position, or TXN_NONE where no read saw it;
                            per read: how many elements it saw, or TXN_NONE where that is unknown
                            or contradicts the order */
};

/* Recovers the orders, and records where reads contradict one: incompatible orders, duplicates.
 * Linear time. */
void append_model_init(struct append_model *model, const struct txn_set *set,
                       struct txn_findings *findings);
void append_model_finish(struct append_model *model);
/* Records what else needs no cycle: G1a, G1b, garbage reads, internal, future reads, lost and dirty
 * updates. Linear time. */
void append_model_judge(const struct append_model *model, struct txn_findings *findings);

void append_model_edges(const struct append_model *model, struct txn_edges *edges);
/* Snapshot isolation may forbid both orders of two appends to one key that nobody saw, each for
 * another reason: that no single cycle shows. Asked where the level implies snapshot isolation and
 * allows write skew, and nothing convicted before. */
void append_judge_unseen(const struct rift_check *check, const struct append_model *model,
                         struct txn_findings *findings);
/* A txn_explain of an append_model. */
void append_model_explain(const void *model, uint32_t a, uint32_t b, enum txn_relation relation,
                          const char *name_a, const char *name_b, struct rift_text *text);

/* The elements of a read of a list: nil counts as empty. */
struct append_list {
    const struct rift_values *values;
    struct rift_value value;
    const int32_t *packed; /* or NULL */
    uint32_t count;
};

/* False where it is not known what the mop read: a read without a completion. */
bool append_list_of(const struct txn_set *set, uint32_t mop, struct append_list *list);
/* The elements of it that the transaction had not appended itself just before. */
uint32_t append_others_count(const struct txn_set *set, uint32_t mop,
                             const struct append_list *list);
/* What the read says of the order of versions. Where nothing forbids lost updates a transaction's
 * own appends are no version yet when it reads them (others may still come before them), and are
 * left out; where lost updates are forbidden they stand where it saw them. */
bool append_seen_of(const struct append_model *model, uint32_t mop, struct append_list *list);

static inline struct rift_value append_list_item(const struct append_list *list, uint32_t index)
{
    return list->packed ? rift_value_small_integer(list->packed[index])
                        : rift_value_item(list->values, list->value, index);
}

/* Whether the order of versions holds the append. */
static inline bool append_is_trusted(const struct append_model *model, uint32_t append)
{
    uint32_t place = model->place[append];
    return place != TXN_NONE && place < model->keys[model->set->mop_key[append]].trusted;
}

/* Whether the append might have taken effect. */
static inline bool append_is_live(const struct txn_set *set, uint32_t mop)
{
    return mop != TXN_NONE && set->type[set->mop_txn[mop]] != RIFT_OP_FAIL;
}

#endif

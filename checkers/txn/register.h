/* Registers that transactions read and write: a read names its version, but nothing names the order
 * of versions. What is sure, or claimed, of that order gives the dependencies. */
#ifndef CHECKERS_TXN_REGISTER_H
#define CHECKERS_TXN_REGISTER_H

#include "checkers/txn/findings.h"
#include "checkers/txn/graph.h"
#include "checkers/txn/txns.h"

/* A version is the mop that wrote it, or mop_count + key for the initial state of a key. */
struct register_model {
    const struct txn_set *set;
    uint32_t version_count;   /* mop_count + key_count */
    uint32_t *read_version;   /* per mop: what a read saw; TXN_NONE: unknown, garbage, or a write */
    uint32_t *read_writer;    /* per mop: the writer of that, as register_writer says */
    bool *has_later_write;    /* per mop: its transaction writes the key again after it */
    uint32_t *reader_first;   /* per version: its readers are reader[reader_first[v]] ... */
    uint32_t *reader;         /* transactions, without the version's own */
    uint32_t *selector_first; /* per version: from here on its readers only selected it; or NULL */

    /* Zones of versions in time, once register_model_order was asked for it: a version was surely
     * there at known_from, and still (or again) there at last_seen. */
    int64_t *known_from; /* INT64_MAX: never surely */
    int64_t *last_seen;  /* INT64_MIN: never */
    struct register_succession {
        uint32_t version, successor;
    } * successions; /* by order of processes */
    size_t succession_count;
    bool *is_cyclic; /* per key: its successions have no order, and are not used */
};

enum register_order {
    REGISTER_INFERRED,     /* initial state, and reads before writes */
    REGISTER_SEQUENTIAL,   /* and each process sees a key's versions in order */
    REGISTER_LINEARIZABLE, /* and a key's versions come in the order of real time */
};

/* Resolves reads, and records what needs no cycle: G1a, G1b, garbage reads, internal, future reads,
 * lost updates. Linear time. */
void register_model_init(struct register_model *model, const struct txn_set *set);
void register_model_finish(struct register_model *model);
/* The part of register_model_init that records. */
void register_model_judge(const struct register_model *model, struct txn_findings *findings);

/* Adds the dependencies. Keys whose claimed order contradicts itself are recorded as cyclic
 * versions (as of anomaly), and the claim is not used for them. */
void register_model_edges(struct register_model *model, enum register_order order,
                          struct txn_findings *findings, enum txn_anomaly anomaly,
                          struct txn_edges *edges);
/* The parts of it for the claimed orders. */
void register_sequential_edges(struct register_model *model, struct txn_findings *findings,
                               enum txn_anomaly anomaly, struct txn_edges *edges);
void register_realtime_edges(struct register_model *model, struct txn_findings *findings,
                             enum txn_anomaly anomaly, struct txn_edges *edges);
/* An rw edge, of items or of predicates, from each reader of the version to each target. */
void register_missed_edges(const struct register_model *model, uint32_t version,
                           const uint32_t *targets, size_t target_count, struct txn_edges *edges);
/* A txn_explain of a register_model. */
void register_model_explain(const void *model, uint32_t a, uint32_t b, enum txn_relation relation,
                            const char *name_a, const char *name_b, struct rift_text *text);

/* The first and the last version of its key that a committed transaction shows from the outside,
 * where mop is its last on the key; TXN_NONE where it shows none. */
void register_versions_shown(const struct register_model *model, uint32_t mop, uint32_t *first,
                             uint32_t *last);

/* Per mop: the last of a committed transaction on its key. free() it. */
bool *register_last_touches(const struct txn_set *set);
/* Records that a and b each come before the other. */
void register_report_cyclic(const struct register_model *model, struct txn_findings *findings,
                            enum txn_anomaly anomaly, uint32_t a, uint32_t b, const char *claim);

static inline bool register_is_initial(const struct register_model *model, uint32_t version)
{
    return version >= model->set->mop_count;
}

static inline uint32_t register_key_of(const struct register_model *model, uint32_t version)
{
    return register_is_initial(model, version) ? version - model->set->mop_count
                                               : model->set->mop_key[version];
}

/* The end of those of its readers that read it as an item. */
static inline uint32_t register_items_end(const struct register_model *model, uint32_t version)
{
    return model->selector_first ? model->selector_first[version]
                                 : model->reader_first[version + 1];
}

/* The transaction that wrote it, if it may have taken effect; else TXN_NONE. */
static inline uint32_t register_writer(const struct register_model *model, uint32_t version)
{
    if (register_is_initial(model, version))
        return TXN_NONE;
    uint32_t txn = model->set->mop_txn[version];
    return model->set->type[txn] == RIFT_OP_FAIL ? TXN_NONE : txn;
}

/* The value of a version as a person reads it. */
void register_print(const struct register_model *model, uint32_t version, struct rift_text *text);

#endif

/* Registers whose written values are unique: reads, writes, and compare-and-set.
 *
 * A value is held once, so all ops that concern it form a cluster: its writer, then its reads. A
 * cas from a to b is the last op of a's cluster and the writer of b's, so clusters linked by cas
 * form a chain that stands together in every order. Each chain is a block of zones.h. A crashed
 * write or cas whose value nobody needs is left out: without its cluster an order stays one.
 *
 * Left out: failed cas that tell "the state was not a" only count towards invalid. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/zones.h"
#include "common/memory.h"

/* Per value id; op indices, MONITOR_NONE where there is none. */
struct clusters {
    const struct rift_problem *problem;
    struct monitor_slots slots;
    uint32_t *writer;
    uint32_t *consumer;   /* the cas away from the value that took effect for certain */
    uint32_t *first_read; /* the read that completes first */
    uint32_t *last_read;  /* the read that is invoked last */
    bool *is_needed;      /* somebody saw the value */
    bool *is_placed;      /* on a chain from a root */
    bool has_failed_cas;
};

static void clusters_finish(struct clusters *clusters)
{
    monitor_slots_finish(&clusters->slots);
    free(clusters->writer);
    free(clusters->consumer);
    free(clusters->first_read);
    free(clusters->last_read);
    free(clusters->is_needed);
    free(clusters->is_placed);
}

static bool op_is_optional(const struct rift_problem_op *op)
{
    return op->complete == RIFT_EVENT_NEVER;
}

static bool op_is_cas(const struct rift_problem_op *op)
{
    return (op->call.kind == RIFT_CALL_CAS || op->call.kind == RIFT_CALL_EXCHANGE) &&
           op->call.a != op->call.b;
}

static bool op_is_read(const struct rift_problem_op *op)
{
    if (op_is_optional(op))
        return false;
    return op->call.kind == RIFT_CALL_READ ||
           ((op->call.kind == RIFT_CALL_CAS || op->call.kind == RIFT_CALL_EXCHANGE) &&
            op->call.a == op->call.b);
}

static uint32_t op_written(const struct rift_problem_op *op)
{
    return op_is_cas(op) ? op->call.b : op->call.a;
}

/* False where the condition does not hold: a value written twice, or an unknown call. */
static bool clusters_collect(struct clusters *clusters)
{
    const struct rift_problem *problem = clusters->problem;
    const struct monitor_slots *slots = &clusters->slots;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op_is_read(op)) {
            uint32_t *first = &clusters->first_read[op->call.a];
            uint32_t *last = &clusters->last_read[op->call.a];
            if (*first == MONITOR_NONE || slots->high[i] < slots->high[*first])
                *first = (uint32_t)i;
            *last = (uint32_t)i;
            clusters->is_needed[op->call.a] = true;
        } else if (op->call.kind == RIFT_CALL_WRITE || op_is_cas(op)) {
            uint32_t value = op_written(op);
            if (clusters->writer[value] != MONITOR_NONE || value == problem->initial)
                return false;
            clusters->writer[value] = (uint32_t)i;
            if (op_is_cas(op) && !op_is_optional(op))
                clusters->is_needed[op->call.a] = true;
        } else if (op->call.kind == RIFT_CALL_CAS_FAILED) {
            clusters->has_failed_cas = true;
        } else if (!op_is_optional(op)) {
            return false;
        }
    }
    return true;
}

/* What is needed and written by a crashed cas needs the value that the cas expects. */
static void clusters_spread_need(struct clusters *clusters)
{
    const struct rift_problem *problem = clusters->problem;
    for (uint32_t value = 0; value < problem->value_count; value++) {
        uint32_t at = value;
        while (clusters->is_needed[at] && clusters->writer[at] != MONITOR_NONE) {
            const struct rift_problem_op *op = &problem->ops[clusters->writer[at]];
            if (!op_is_cas(op) || clusters->is_needed[op->call.a])
                break;
            at = op->call.a;
            clusters->is_needed[at] = true;
        }
    }
}

/* The writer took effect for certain. */
static bool writer_counts(const struct clusters *clusters, uint32_t value)
{
    uint32_t writer = clusters->writer[value];
    return writer != MONITOR_NONE &&
           (clusters->is_needed[value] || !op_is_optional(&clusters->problem->ops[writer]));
}

/* Adds what shows that the value was really held: a read, or the cas that took it away (a crashed
 * one needs its own proof). */
static void prove_need(const struct clusters *clusters, struct rift_certificate *certificate,
                       uint32_t value)
{
    const struct rift_problem *problem = clusters->problem;
    for (size_t steps = 0; steps <= problem->value_count; steps++) {
        if (clusters->first_read[value] != MONITOR_NONE) {
            monitor_proof_add(certificate, clusters->first_read[value]);
            return;
        }
        uint32_t cas = clusters->consumer[value];
        if (cas == MONITOR_NONE)
            return;
        monitor_proof_add(certificate, cas);
        if (!op_is_optional(&problem->ops[cas]))
            return;
        value = op_written(&problem->ops[cas]);
    }
}

/* Adds the writers of the value and of all that its chain came from: a value whose writer is left
 * out would be out of thin air for a false reason. */
static void prove_origin(const struct clusters *clusters, struct rift_certificate *certificate,
                         uint32_t value)
{
    const struct rift_problem *problem = clusters->problem;
    for (size_t steps = 0; steps <= problem->value_count; steps++) {
        uint32_t writer = clusters->writer[value];
        if (writer == MONITOR_NONE)
            return;
        monitor_proof_add(certificate, writer);
        if (!op_is_cas(&problem->ops[writer]))
            return;
        value = problem->ops[writer].call.a;
    }
}

/* Fills consumer; a value taken by two cas, or held without a writer, is a proof of invalid. */
static int clusters_link(struct clusters *clusters, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = clusters->problem;
    uint32_t twice = MONITOR_NONE, rival = MONITOR_NONE;
    for (uint32_t value = 0; value < problem->value_count; value++) {
        if (!writer_counts(clusters, value))
            continue;
        uint32_t writer = clusters->writer[value];
        if (!op_is_cas(&problem->ops[writer]))
            continue;
        uint32_t from = problem->ops[writer].call.a;
        if (clusters->consumer[from] != MONITOR_NONE) {
            twice = from;
            rival = value;
        } else {
            clusters->consumer[from] = writer;
        }
    }
    for (uint32_t value = 0; value < problem->value_count; value++) {
        if (!clusters->is_needed[value] || clusters->writer[value] != MONITOR_NONE ||
            value == problem->initial)
            continue;
        prove_need(clusters, certificate, value);
        return monitor_proof_close(certificate, "value out of thin air");
    }
    if (twice == MONITOR_NONE)
        return RIFT_MONITOR_VALID;
    prove_origin(clusters, certificate, twice);
    for (int side = 0; side < 2; side++) {
        uint32_t cas = side ? clusters->writer[rival] : clusters->consumer[twice];
        monitor_proof_add(certificate, cas);
        if (op_is_optional(&problem->ops[cas]))
            prove_need(clusters, certificate, op_written(&problem->ops[cas]));
    }
    return monitor_proof_close(certificate, "value taken by two compare-and-sets");
}

/* The chain so far: the op that completes first and the op that is invoked last. */
struct chain_walk {
    uint32_t first, last;
};

/* One more op of the chain, in chain order; false where an op before it was invoked after it had
 * completed. */
static bool chain_may_pass(const struct clusters *clusters, const struct chain_walk *walk,
                           uint32_t op)
{
    const struct monitor_slots *slots = &clusters->slots;
    return walk->last == MONITOR_NONE || slots->high[op] >= slots->low[walk->last];
}

static void chain_take(const struct clusters *clusters, struct chain_walk *walk, uint32_t op,
                       bool is_initial)
{
    const struct monitor_slots *slots = &clusters->slots;
    if (walk->last == MONITOR_NONE || slots->low[op] > slots->low[walk->last])
        walk->last = op;
    if (!is_initial && (walk->first == MONITOR_NONE || slots->high[op] < slots->high[walk->first]))
        walk->first = op;
}

static int chain_clash(const struct clusters *clusters, struct rift_certificate *certificate,
                       uint32_t earlier, uint32_t later, uint32_t value)
{
    prove_origin(clusters, certificate, value);
    monitor_proof_add(certificate, earlier);
    monitor_proof_add(certificate, later);
    uint32_t writer = clusters->writer[value];
    if (writer != MONITOR_NONE && op_is_optional(&clusters->problem->ops[writer]))
        prove_need(clusters, certificate, value);
    return monitor_proof_close(certificate, clusters->writer[value] == later
                                                ? "value seen before it was written"
                                                : "stale read");
}

/* Walks the chain from its root and fills the block. */
static int chain_walk_block(struct clusters *clusters, struct rift_certificate *certificate,
                            uint32_t root, struct monitor_block *block)
{
    const struct rift_problem *problem = clusters->problem;
    bool is_initial = root == problem->initial;
    struct chain_walk walk = {MONITOR_NONE, MONITOR_NONE};
    uint32_t value = root;
    for (;;) {
        clusters->is_placed[value] = true;
        uint32_t steps[3] = {clusters->writer[value], clusters->first_read[value],
                             clusters->last_read[value]};
        for (int i = 0; i < 2; i++) {
            if (steps[i] == MONITOR_NONE)
                continue;
            if (!chain_may_pass(clusters, &walk, steps[i]))
                return chain_clash(clusters, certificate, walk.last, steps[i], value);
            chain_take(clusters, &walk, steps[i], is_initial);
        }
        if (steps[2] != MONITOR_NONE)
            chain_take(clusters, &walk, steps[2], is_initial);
        if (clusters->consumer[value] == MONITOR_NONE)
            break;
        value = op_written(&problem->ops[clusters->consumer[value]]);
    }
    *block = (struct monitor_block){root, walk.first, walk.last};
    return RIFT_MONITOR_VALID;
}

static bool value_is_root(const struct clusters *clusters, uint32_t value)
{
    const struct rift_problem *problem = clusters->problem;
    if (value == problem->initial)
        return clusters->is_needed[value];
    return writer_counts(clusters, value) && !op_is_cas(&problem->ops[clusters->writer[value]]);
}

/* Cas that feed each other in a circle: no value of theirs was ever written from outside. */
static int prove_circle(const struct clusters *clusters, struct rift_certificate *certificate,
                        uint32_t value)
{
    for (uint32_t i = 0; i < clusters->problem->value_count; i++)
        value = clusters->problem->ops[clusters->writer[value]].call.a;
    uint32_t at = value;
    do {
        uint32_t writer = clusters->writer[at];
        monitor_proof_add(certificate, writer);
        if (op_is_optional(&clusters->problem->ops[writer]) &&
            clusters->first_read[at] != MONITOR_NONE)
            monitor_proof_add(certificate, clusters->first_read[at]);
        at = clusters->problem->ops[writer].call.a;
    } while (at != value);
    return monitor_proof_close(certificate, "compare-and-sets in a circle");
}

/* The value whose cluster the op of a block shows, for the proof. */
static void prove_block_op(const struct clusters *clusters, struct rift_certificate *certificate,
                           uint32_t op)
{
    if (op == MONITOR_NONE)
        return;
    const struct rift_problem_op *row = &clusters->problem->ops[op];
    uint32_t value = op_is_read(row) ? row->call.a : op_written(row);
    monitor_proof_add(certificate, op);
    prove_origin(clusters, certificate, value);
    if (op_is_optional(row))
        prove_need(clusters, certificate, value);
}

/* The values of each block in turn: writer first, then the reads in order of invocation. */
static void order_emit(const struct clusters *clusters, const struct monitor_block *blocks,
                       const uint32_t *block_order, size_t block_count,
                       struct rift_certificate *certificate)
{
    const struct rift_problem *problem = clusters->problem;
    CLEANUP(rift_free)
    uint32_t *first = rift_calloc((size_t)problem->value_count + 2, sizeof *first);
    CLEANUP(rift_free) uint32_t *reads = rift_malloc((problem->count + 1) * sizeof *reads);
    for (size_t i = 0; i < problem->count; i++)
        if (op_is_read(&problem->ops[i]))
            first[problem->ops[i].call.a + 2]++;
    for (size_t value = 2; value <= (size_t)problem->value_count + 1; value++)
        first[value] += first[value - 1];
    for (size_t i = 0; i < problem->count; i++)
        if (op_is_read(&problem->ops[i]))
            reads[first[problem->ops[i].call.a + 1]++] = (uint32_t)i;
    uint32_t *order = rift_malloc((problem->count + 1) * sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < block_count; i++) {
        uint32_t value = blocks[block_order[i]].root;
        for (;;) {
            if (clusters->writer[value] != MONITOR_NONE)
                order[count++] = clusters->writer[value];
            for (uint32_t at = first[value]; at < first[value + 1]; at++)
                order[count++] = reads[at];
            if (clusters->consumer[value] == MONITOR_NONE)
                break;
            value = op_written(&problem->ops[clusters->consumer[value]]);
        }
    }
    certificate->order = order;
    certificate->order_count = count;
}

static int clusters_judge(struct clusters *clusters, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = clusters->problem;
    int answer = clusters_link(clusters, certificate);
    if (answer != RIFT_MONITOR_VALID)
        return answer;
    size_t block_count = 0;
    for (uint32_t value = 0; value < problem->value_count; value++)
        block_count += value_is_root(clusters, value);
    CLEANUP(rift_free)
    struct monitor_block *blocks = rift_malloc((block_count + 1) * sizeof *blocks);
    block_count = 0;
    for (uint32_t value = 0; value < problem->value_count; value++) {
        if (!value_is_root(clusters, value))
            continue;
        answer = chain_walk_block(clusters, certificate, value, &blocks[block_count++]);
        if (answer != RIFT_MONITOR_VALID)
            return answer;
    }
    for (uint32_t value = 0; value < problem->value_count; value++)
        if (!clusters->is_placed[value] &&
            (clusters->is_needed[value] || writer_counts(clusters, value)))
            return prove_circle(clusters, certificate, value);
    uint32_t clash[2];
    CLEANUP(rift_free)
    uint32_t *order = monitor_zones_order(&clusters->slots, blocks, block_count, clash);
    if (order == NULL) {
        for (int side = 0; side < 2; side++) {
            prove_block_op(clusters, certificate, blocks[clash[side]].first);
            prove_block_op(clusters, certificate, blocks[clash[side]].last);
        }
        return monitor_proof_close(certificate, "values held at the same time");
    }
    if (clusters->has_failed_cas)
        return RIFT_MONITOR_NOT_APPLICABLE;
    order_emit(clusters, blocks, order, block_count, certificate);
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer register_judge(const struct rift_problem *problem,
                                               const struct rift_limits *limits,
                                               struct rift_certificate *certificate)
{
    if (!monitor_memory_suffices(problem, limits, 32, 40))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(clusters_finish)
    struct clusters clusters = {
        .problem = problem,
        .writer = monitor_numbers_none(problem->value_count),
        .consumer = monitor_numbers_none(problem->value_count),
        .first_read = monitor_numbers_none(problem->value_count),
        .last_read = monitor_numbers_none(problem->value_count),
        .is_needed = rift_calloc((size_t)problem->value_count + 1, sizeof(bool)),
        .is_placed = rift_calloc((size_t)problem->value_count + 1, sizeof(bool)),
    };
    monitor_slots_init(&clusters.slots, problem);
    if (!clusters_collect(&clusters))
        return RIFT_MONITOR_NOT_APPLICABLE;
    clusters_spread_need(&clusters);
    return (enum rift_monitor_answer)clusters_judge(&clusters, certificate);
}

static const char *const register_models[] = {"register", "cas-register", "etcd", NULL};

const struct rift_monitor rift_monitor_register_unique = {
    .name = "register-unique",
    .models = register_models,
    .condition = "each value is written at most once, and never the initial one",
    .judge = register_judge,
};

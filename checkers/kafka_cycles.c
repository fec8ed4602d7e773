/* Only what is certain makes an edge: a message that one operation alone can have sent, and that
 * was acknowledged or polled; for the order of processes and of real time, operations that were ok.
 */
#include "checkers/kafka_cycles.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

bool kafka_cycles_has_transactions(const struct kafka_records *log)
{
    for (size_t i = 1; i < log->record_count; i++)
        if (!log->records[i].is_poll && !log->records[i - 1].is_poll &&
            log->records[i].row == log->records[i - 1].row)
            return true;
    return false;
}

static bool is_ok(const struct kafka_records *log, uint32_t row)
{
    return log->history->ops.type[row] == RIFT_OP_OK;
}

static void add_polled(const struct kafka_records *log, struct txn_edges *edges)
{
    for (size_t i = 0; i < log->record_count; i++) {
        const struct kafka_record *r = &log->records[i];
        const struct kafka_message *message = &log->messages[r->message];
        if (r->is_poll && is_ok(log, r->row) && message->sent_count == 1)
            txn_edges_add(edges, message->sent, r->row, TXN_WR);
    }
}

/* From each message to the next in its log. Indices count up over all keys. */
static void add_log_order(const struct kafka_records *log, struct txn_edges *edges)
{
    CLEANUP(rift_free)
    uint32_t *at = rift_malloc((log->index_count + 1) * sizeof *at); /* message by index */
    memset(at, 0xff, log->index_count * sizeof *at);
    for (uint32_t m = 0; m < log->message_count; m++) {
        const struct kafka_message *message = &log->messages[m];
        if (message->index != KAFKA_NONE && message->sent_count == 1)
            at[message->index] = m;
    }
    const struct kafka_message *before = NULL;
    for (size_t i = 0; i < log->index_count; i++) {
        const struct kafka_message *message = at[i] == KAFKA_NONE ? NULL : &log->messages[at[i]];
        if (!message)
            continue;
        if (before && before->key == message->key)
            txn_edges_add(edges, before->sent, message->sent, TXN_WW);
        before = message;
    }
}

struct ended {
    int64_t end;
    int32_t process;
    uint32_t row;
};

static int compare_ends(const void *a, const void *b)
{
    const struct ended *x = a, *y = b;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_processes(const void *a, const void *b)
{
    const struct ended *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows are in order of start. A junction for each moment at which something that ended meets
 * something that starts, as in txn/order.c. */
static void add_orders(const struct kafka_records *log, struct txn_edges *edges)
{
    const struct rift_ops *ops = &log->history->ops;
    CLEANUP(rift_free) struct ended *done = rift_malloc((ops->count + 1) * sizeof *done);
    size_t count = 0, ended = 0;
    uint32_t junction = KAFKA_NONE;
    for (uint32_t row = 0; row < ops->count; row++)
        if (is_ok(log, row))
            done[count++] = (struct ended){ops->end[row], ops->process[row], row};
    qsort(done, count, sizeof *done, compare_processes);
    for (size_t i = 1; i < count; i++)
        if (done[i].process == done[i - 1].process)
            txn_edges_add(edges, done[i - 1].row, done[i].row, TXN_PROCESS);
    qsort(done, count, sizeof *done, compare_ends);
    for (uint32_t row = 0; row < ops->count; row++) {
        if (ops->type[row] == RIFT_OP_FAIL)
            continue;
        if (ended < count && done[ended].end < ops->start[row]) {
            uint32_t next = txn_edges_junction(edges);
            if (junction != KAFKA_NONE)
                txn_edges_add(edges, junction, next, TXN_THROUGH);
            junction = next;
            for (; ended < count && done[ended].end < ops->start[row]; ended++)
                txn_edges_add(edges, done[ended].row, junction, TXN_REALTIME);
        }
        if (junction != KAFKA_NONE)
            txn_edges_add(edges, junction, row, TXN_THROUGH);
    }
}

void kafka_cycles_find(const struct kafka_records *log, bool has_log_order, int64_t deadline_ns,
                       struct txn_cycles *cycles)
{
    struct txn_edges edges;
    struct txn_graph graph;
    *cycles = (struct txn_cycles){0};
    txn_edges_init(&edges, (uint32_t)log->history->ops.count);
    add_polled(log, &edges);
    add_orders(log, &edges);
    if (has_log_order)
        add_log_order(log, &edges);
    if (edges.is_full) {
        cycles->undecided = ~(txn_anomalies)0;
        txn_edges_finish(&edges);
        return;
    }
    txn_edges_build(&edges, &graph);
    struct txn_cycle_limits limits = {
        .relations =
            (txn_relations)(txn_relation_bit(TXN_WW) | txn_relation_bit(TXN_WR) |
                            txn_relation_bit(TXN_PROCESS) | txn_relation_bit(TXN_REALTIME)),
        .deadline_ns = deadline_ns,
    };
    txn_cycles_find(&graph, &limits, cycles);
    txn_graph_finish(&graph);
}

char *kafka_cycle_print(const struct txn_cycle *cycle)
{
    static const char *const words[TXN_RELATION_COUNT] = {
        [TXN_WW] = "stands right before a message of",
        [TXN_WR] = "was polled by",
        [TXN_PROCESS] = "was done by the same process before",
        [TXN_REALTIME] = "ended before the beginning of",
    };
    struct rift_text text = {0};
    for (uint32_t i = 0; i < cycle->length; i++) {
        const char *word = words[cycle->relation[i]];
        rift_text_printf(&text, "%s%u %s %u", i ? ", " : "Operation ", cycle->vertex[i],
                         word ? word : "precedes", cycle->vertex[(i + 1) % cycle->length]);
    }
    return rift_text_take(&text);
}

/* A store that shows nobody what others wrote is sequential, serializable, and monotonic: each
 * reader may have come before every writer. Whatever a checker says of such reads, nothing was put
 * to the test. */
#include "checkers/evidence_parts.h"

#include <string.h>

static bool is_empty(const struct rift_values *values, struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(values, value);
    bool is_box = kind == RIFT_LIST || kind == RIFT_MAP || kind == RIFT_SET;
    return rift_value_is_nil(value) || (is_box && rift_value_count(values, value) == 0);
}

/* Operations "read": do they all answer the same, though something was changed after the first? */
static void judge_plain(const struct rift_history *history, struct rift_verdict *verdict)
{
    const struct rift_ops *ops = &history->ops;
    uint16_t read = rift_history_name(history, "read");
    size_t first = ops->count, later = 0, changes = 0;
    int64_t changed_ns = RIFT_TIME_NEVER;
    for (size_t row = 0; row < ops->count && read; row++) {
        if (ops->type[row] != RIFT_OP_OK)
            continue;
        if (ops->f[row] == read && first == ops->count)
            first = row;
        if (first == ops->count)
            continue;
        if (ops->f[row] != read) {
            bool is_after = ops->start[row] > ops->end[first];
            changes += is_after;
            if (is_after && ops->end[row] < changed_ns)
                changed_ns = ops->end[row];
            continue;
        }
        if (!rift_value_equal(history->values, ops->result[first], ops->result[row]))
            return;
        later += ops->start[row] > changed_ns;
    }
    if (later >= EVIDENCE_FEW)
        rift_verdict_doubt(verdict,
                           "no read ever saw a change: all answered the same, %zu of them after "
                           "other operations had succeeded (%zu in all)",
                           later, changes);
}

/* In a transaction, [:r key value] or a read by a predicate that answers what the transaction did
 * not write before. */
static bool saw_others(const struct rift_values *values, struct rift_value txn, bool *is_reader)
{
    size_t count = rift_value_count(values, txn) / 3;
    for (size_t i = 0; i < count; i++) {
        struct rift_value f = rift_value_item(values, txn, 3 * i);
        struct rift_value key = rift_value_item(values, txn, 3 * i + 1);
        bool is_own = false;
        if (!rift_value_is_word(values, f, "r") && !rift_value_is_word(values, f, "rp"))
            continue;
        for (size_t j = 0; j < i && !is_own; j++)
            is_own = !rift_value_is_word(values, rift_value_item(values, txn, 3 * j), "r") &&
                     rift_value_equal(values, rift_value_item(values, txn, 3 * j + 1), key);
        *is_reader |= !is_own;
        if (!is_own && !is_empty(values, rift_value_item(values, txn, 3 * i + 2)))
            return true;
    }
    return false;
}

static void judge_transactions(const struct rift_history *history, struct rift_verdict *verdict)
{
    const struct rift_ops *ops = &history->ops;
    size_t readers = 0;
    for (size_t row = 0; row < ops->count; row++) {
        struct rift_value txn = ops->result[row];
        bool is_reader = false;
        if (ops->type[row] != RIFT_OP_OK || rift_value_kind(history->values, txn) != RIFT_TXN)
            continue;
        if (saw_others(history->values, txn, &is_reader))
            return;
        readers += is_reader;
    }
    if (readers >= EVIDENCE_FEW)
        rift_verdict_doubt(verdict, "no read ever saw a write: none of %zu transactions that read",
                           readers);
}

void evidence_judge_reads(const struct rift_history *history, struct rift_verdict *verdict)
{
    judge_plain(history, verdict);
    judge_transactions(history, verdict);
}

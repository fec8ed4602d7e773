/* adya: of the inserts into one key, at most one may succeed, as each first looks that there is
 * none. Two successes are two transactions that did not see each other: G2, write skew on a
 * predicate. The key is that of a keyed history, or the first item of the argument [key ids].
 * Inserts that never heard back convict nobody. */
#include <stdlib.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const inserts[] = {"insert", NULL};

static struct rift_value key_of(const struct rift_history *history, uint32_t row)
{
    struct rift_value argument = history->ops.argument[row];
    if (history->ops.key[row] != 0)
        return history->keys[history->ops.key[row]];
    return rift_value_count(history->values, argument) == 2
               ? rift_value_item(history->values, argument, 0)
               : RIFT_VALUE_NIL;
}

static int check_adya(const struct rift_check *check, struct rift_verdict *verdict,
                      struct rift_error *err)
{
    (void)err;
    const struct rift_history *history = check->history;
    struct elements *keys = elements_create(history);
    struct element_finding twice = {0};
    CLEANUP(rift_free)
    uint32_t *first = rift_calloc(history->ops.count + 1, sizeof *first); /* row + 1, by key */
    size_t tried = 0, acked = 0, unnamed = 0;
    for (uint32_t row = 0; row < history->ops.count; row++) {
        if (!element_op_is(history, row, inserts))
            continue;
        struct rift_value key = key_of(history, row);
        uint32_t id = elements_intern(keys, key);
        tried++;
        unnamed += rift_value_is_nil(key);
        if (history->ops.type[row] != RIFT_OP_OK || rift_value_is_nil(key))
            continue;
        acked++;
        if (first[id] != 0)
            element_finding_add(&twice, id, first[id] - 1, row);
        else
            first[id] = row + 1;
    }
    element_finding_convict(&twice, keys, 0, "G2", "Keys into which more than one insert succeeded",
                            verdict);
    if (acked == 0)
        rift_verdict_doubt(verdict, "no insert succeeded");
    if (unnamed > 0)
        rift_verdict_doubt(verdict, "%zu inserts have no key", unnamed);
    element_stat_add(verdict, "tried", tried);
    element_stat_add(verdict, "acknowledged", acked);
    element_stat_add(verdict, "twice", twice.count);
    element_finding_finish(&twice);
    elements_destroy(keys);
    return 0;
}

const struct rift_checker rift_checker_adya = {
    .name = "adya",
    .summary = "of the inserts into one key, each of which saw none, at most one succeeds",
    .check = check_adya,
};

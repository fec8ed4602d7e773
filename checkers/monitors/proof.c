#include "checkers/monitors/proof.h"

#include <stdlib.h>

#include "checkers/monitors/monitor.h"
#include "common/memory.h"

/* Grows at powers of two, so that no capacity has to be kept. */
static void ops_append(uint32_t **ops, size_t *count, uint32_t op)
{
    if ((*count & (*count - 1)) == 0)
        *ops = rift_reallocarray(*ops, *count ? 2 * *count : 1, sizeof **ops);
    (*ops)[(*count)++] = op;
}

void monitor_proof_add(struct rift_certificate *certificate, uint32_t op)
{
    ops_append(&certificate->ops, &certificate->op_count, op);
}

static int op_compare(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static size_t ops_sort_unique(uint32_t *ops, size_t count)
{
    if (count == 0)
        return 0;
    qsort(ops, count, sizeof *ops, op_compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (ops[i] != ops[kept - 1])
            ops[kept++] = ops[i];
    return kept;
}

int monitor_proof_close(struct rift_certificate *certificate, const char *pattern)
{
    certificate->op_count = ops_sort_unique(certificate->ops, certificate->op_count);
    certificate->weakened_count =
        ops_sort_unique(certificate->weakened, certificate->weakened_count);
    certificate->pattern = pattern;
    certificate->moment = RIFT_EVENT_NEVER;
    return RIFT_MONITOR_INVALID;
}

void monitor_proof_drop(struct rift_certificate *certificate)
{
    free(certificate->ops);
    free(certificate->weakened);
    certificate->ops = certificate->weakened = NULL;
    certificate->op_count = certificate->weakened_count = 0;
}

#include "checkers/linearizability/classes.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "common/memory.h"

void rift_classes_init(struct rift_classes *classes, const struct rift_problem *problem)
{
    size_t n = problem->count, size = 16;
    while (size < n * 2)
        size *= 2;
    uint32_t *table = rift_calloc(size, sizeof *table);      /* an op of the class, + 1 */
    uint32_t *last = rift_calloc(2 * (n + 1), sizeof *last); /* by class and kind of end, + 1 */
    classes->count = 0;
    classes->of_op = rift_calloc(n + 1, sizeof *classes->of_op);
    classes->previous = rift_calloc(n + 1, sizeof *classes->previous);
    for (uint32_t i = 0; i < n; i++) {
        const struct rift_call *call = &problem->ops[i].call;
        size_t at = XXH3_64bits(call, sizeof *call) & (size - 1);
        while (table[at] && memcmp(&problem->ops[table[at] - 1].call, call, sizeof *call) != 0)
            at = (at + 1) & (size - 1);
        if (!table[at]) {
            table[at] = i + 1;
            classes->of_op[i] = classes->count++;
        } else {
            classes->of_op[i] = classes->of_op[table[at] - 1];
        }
        bool is_open = problem->ops[i].complete == RIFT_EVENT_NEVER;
        uint32_t *slot = &last[2 * classes->of_op[i] + is_open];
        classes->previous[i] = *slot ? *slot - 1 : RIFT_EVENT_NEVER;
        *slot = i + 1;
    }
    free(table);
    free(last);
}

void rift_classes_finish(struct rift_classes *classes)
{
    free(classes->of_op);
    free(classes->previous);
    *classes = (struct rift_classes){0};
}

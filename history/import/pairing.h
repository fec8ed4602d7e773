/* Invocations and completions of histories that leave processes out, or use one twice at a time.
 *
 * An operation without a process of its own gets a number above all others. Its completion is the
 * one of the same claimed process whose name and value fit; where two open operations fit alike,
 * the history is refused: a guess could make it say what it does not. */
#ifndef HISTORY_IMPORT_PAIRING_H
#define HISTORY_IMPORT_PAIRING_H

#include "history/builder.h"

struct rift_pairing {
    struct rift_builder *builder;
    struct rift_pairing_open {
        int32_t claimed;  /* RIFT_PROCESS_UNNAMED: none */
        int32_t assigned; /* under which the builder has it */
    } * open;
    size_t open_count, open_capacity;
    int32_t next_free;
};

void rift_pairing_init(struct rift_pairing *pairing, struct rift_builder *builder);
void rift_pairing_finish(struct rift_pairing *pairing);
/* As rift_builder_add; the process may be RIFT_PROCESS_UNNAMED. */
int rift_pairing_add(struct rift_pairing *pairing, const struct rift_event *event,
                     struct rift_error *err);

#endif

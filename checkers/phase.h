/* A history cut down to what was under way inside or outside of fault windows. */
#ifndef CHECKERS_PHASE_H
#define CHECKERS_PHASE_H

#include "history/history.h"
#include "history/verdict.h"

enum phase { PHASE_FAULTS, PHASE_CALM };

struct phase_view {
    struct rift_history history; /* shares everything with the whole one but the client's rows */
    uint32_t *rows;              /* of the whole history, by row of the view */
};

/* With keeps_changes only what looks (read, peek, contains, and transactions of reads) is left out:
 * what a change wrote may be seen at any later time. An operation is of the phase PHASE_FAULTS
 * where it overlaps a window, else of PHASE_CALM. The whole history outlives the view. */
void phase_view_init(struct phase_view *view, const struct rift_history *whole, enum phase phase,
                     bool keeps_changes);
void phase_view_finish(struct phase_view *view);
/* Makes the row numbers in the evidence those of the whole history. */
void phase_view_restore_rows(const struct phase_view *view, struct rift_verdict *verdict);

#endif

/* The events of a history in the order in which they happened, for formats that are lists of them.
 */
#ifndef HISTORY_EXPORT_EVENTS_H
#define HISTORY_EXPORT_EVENTS_H

#include "history/history.h"

struct rift_export_event {
    const struct rift_ops *ops; /* history->ops or history->nemesis */
    size_t row;
    bool is_completion;
};

struct rift_events;

struct rift_events *rift_events_create(const struct rift_history *history);
/* False after the last one. */
bool rift_events_next(struct rift_events *events, struct rift_export_event *event);
void rift_events_destroy(struct rift_events *events);

#endif

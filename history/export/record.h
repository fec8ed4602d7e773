/* What one line of an export says, whatever the notation. */
#ifndef HISTORY_EXPORT_RECORD_H
#define HISTORY_EXPORT_RECORD_H

#include "history/export/events.h"

struct rift_export_record {
    size_t index;
    bool has_time;
    int64_t time;
    const char *type; /* "invoke", "ok", "fail", "info" */
    bool is_nemesis;
    int32_t process;
    const char *f; /* "" for none */
    bool has_key;
    struct rift_value key, value;
    const char *error, *node; /* "" for none */
    bool has_no_result;       /* value is the argument, as other tools expect it of a completion */
    bool is_timeless;         /* nobody knows when it ended */
    struct rift_value extra;  /* a MAP or nil */
};

void rift_export_record_make(const struct rift_history *history,
                             const struct rift_export_event *event, size_t index,
                             struct rift_export_record *record);

#endif

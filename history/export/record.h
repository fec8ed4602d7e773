/* What one line of an export says, whatever the notation. */
#ifndef HISTORY_EXPORT_RECORD_H
#define HISTORY_EXPORT_RECORD_H

#include "history/export/sink.h"

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
    bool has_odd_extra;       /* a key in it would be read as something else: keep the map whole */
};

/* Appends the line of one record. */
typedef void rift_export_append(struct rift_text *text, const struct rift_values *values,
                                const struct rift_export_record *record);
/* Every event of the history as a line. */
int rift_export_records(const struct rift_history *history, rift_export_append *append,
                        struct rift_sink *sink, struct rift_error *err);

#endif

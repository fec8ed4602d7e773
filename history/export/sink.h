/* Where an export goes: a file, or a text in memory. */
#ifndef HISTORY_EXPORT_SINK_H
#define HISTORY_EXPORT_SINK_H

#include "common/error.h"
#include "common/text.h"
#include "history/history.h"

struct rift_sink {
    struct rift_text *text;
    int fd; /* -1: everything stays in the text */
    const char *path;
};

/* Writes the text out, if there is a file and enough to write or is_last. */
int rift_sink_flush(struct rift_sink *sink, bool is_last, struct rift_error *err);

/* One for each format. */
int rift_export_edn(const struct rift_history *history, struct rift_sink *sink,
                    struct rift_error *err);
int rift_export_jsonl(const struct rift_history *history, struct rift_sink *sink,
                      struct rift_error *err);
int rift_export_native(const struct rift_history *history, struct rift_sink *sink,
                       struct rift_error *err);

#endif

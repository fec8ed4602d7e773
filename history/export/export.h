/* Writes a history in another format, or in our own. */
#ifndef HISTORY_EXPORT_EXPORT_H
#define HISTORY_EXPORT_EXPORT_H

#include "common/error.h"
#include "common/text.h"
#include "history/history.h"

/* The formats that can be written: "edn" (Jepsen's history.edn), "jsonl", "rift". Ends with a NULL
 * name. */
struct rift_export_format {
    const char *name;
    const char *suffix; /* of file names */
    const char *summary;
};
extern const struct rift_export_format rift_export_formats[];

/* Creates the file, which must not exist yet; removes it again on failure. */
int rift_history_export(const struct rift_history *history, const char *format, const char *path,
                        struct rift_error *err);
/* The same to an open file, which stays open. */
int rift_history_export_fd(const struct rift_history *history, const char *format, int fd,
                           struct rift_error *err);
/* The same, appended to a text. */
int rift_history_export_text(const struct rift_history *history, const char *format,
                             struct rift_text *text, struct rift_error *err);
/* Whether a format that orders events by line would say more about their order than is known. */
bool rift_history_lacks_times(const struct rift_history *history);

#endif

/* The contract of an importer: one for each format, told by the content of the file. */
#ifndef HISTORY_IMPORT_IMPORTER_H
#define HISTORY_IMPORT_IMPORTER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "history/history.h"
#include "history/read_options.h"

/* The bytes of a file. */
struct rift_source {
    const char *name; /* for messages: the path */
    const char *data; /* not NUL-terminated */
    size_t length;
    bool is_mapped; /* data starts on a page of a file mapped read-only */
};

struct rift_importer {
    const char *format; /* as rift_history.format says it: "jepsen-edn" */
    const char *summary;
    /* Whether the content looks like this format; reads no more than it needs. */
    bool (*recognise)(const struct rift_source *source);
    struct rift_history *(*read)(const struct rift_source *source,
                                 const struct rift_read_options *options, struct rift_error *err);
};

/* In the order in which they are asked; ends with NULL. */
extern const struct rift_importer *const rift_importers[];

#endif

/* Reads a history: our own file, a run directory, or any format we know, told by its content. */
#ifndef HISTORY_READER_H
#define HISTORY_READER_H

#include "common/error.h"
#include "history/history.h"
#include "history/read_options.h"

/* NULL and an error with file, line and column on anything malformed; never half a history. A torn
 * tail of our own file is no error: is_truncated is set. path may be a run directory. options may
 * be NULL. */
struct rift_history *rift_history_read(const char *path, const struct rift_read_options *options,
                                       struct rift_error *err);
/* The same for bytes in memory; name stands for the path in messages. */
struct rift_history *rift_history_read_bytes(const char *name, const void *data, size_t length,
                                             const struct rift_read_options *options,
                                             struct rift_error *err);

/* The formats that can be read, in the order in which they are asked: name and summary. Ends with
 * a NULL name. */
struct rift_format {
    const char *name;
    const char *summary;
};
const struct rift_format *rift_history_formats(void);

#endif

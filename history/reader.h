/* Reads a history: our own file, a run directory, or any format we know, told by its content. */
#ifndef HISTORY_READER_H
#define HISTORY_READER_H

#include "common/error.h"
#include "history/history.h"

struct rift_read_options {
    const char *format;    /* NULL: recognised by content */
    bool is_keyed;         /* values [k v] of an EDN or JSON history are key and value */
    uint64_t memory_bytes; /* 0: no bound */
};

/* NULL and an error with file, line and column on anything malformed; never half a history. A torn
 * tail of our own file is no error: is_truncated is set. path may be a run directory. */
struct rift_history *rift_history_read(const char *path, const struct rift_read_options *options,
                                       struct rift_error *err);

#endif

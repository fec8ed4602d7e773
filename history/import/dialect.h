/* What differs between EDN and JSON, for readers that take both. */
#ifndef HISTORY_IMPORT_DIALECT_H
#define HISTORY_IMPORT_DIALECT_H

#include "history/import/cursor.h"

/* How a list of values looks in a notation. */
struct rift_dialect {
    int (*skip)(struct rift_cursor *cursor);
    int (*value)(struct rift_cursor *cursor, struct rift_value *value);
    /* After an item of a list: whether another follows; moves past the separator or the end. */
    int (*next)(struct rift_cursor *cursor, char close, bool *is_more);
    /* A keyword or string, past which it moves; 0 and NULL where something else stands. */
    int (*word)(struct rift_cursor *cursor, const char **word, size_t *length);
};

#endif

/* Histories that are a map for each event, as Jepsen, Knossos, Elle and elle-cli have them: what
 * EDN and JSON share. */
#ifndef HISTORY_IMPORT_RECORDS_H
#define HISTORY_IMPORT_RECORDS_H

#include "history/builder.h"
#include "history/import/cursor.h"
#include "history/import/dialect.h"

enum rift_record_field {
    FIELD_TYPE,
    FIELD_PROCESS,
    FIELD_F,
    FIELD_VALUE,
    FIELD_TIME,
    FIELD_INDEX,
    FIELD_ERROR,
    FIELD_NODE,
    FIELD_KEY,
    FIELD_TUPLE_KEY, /* our own mark: the value is a tuple of this key and the value proper */
    FIELD_RESULT,    /* our own mark: the result, where the value says the argument again */
    FIELD_TIMELESS,  /* our own mark: nobody knows when it ended */
    FIELD_EXTRA_MAP, /* our own mark: further keys that would be taken for one of these fields */
    FIELD_EXTRA,
};

/* Whether a key of a record says something that has a place of its own in a history. */
bool rift_records_is_field(const char *name, size_t length);

struct rift_records;

struct rift_records *rift_records_create(const struct rift_source *source,
                                         const struct rift_dialect *dialect,
                                         const struct rift_read_options *options,
                                         struct rift_error *err);
void rift_records_destroy(struct rift_records *records);
struct rift_cursor *rift_records_cursor(struct rift_records *records);

/* A record: begin, a key and its value for each entry, end. All return -1 on error. */
void rift_records_begin(struct rift_records *records);
/* The key is known by its name; its value stands at the cursor. name may point into scratch. */
int rift_records_entry(struct rift_records *records, const char *name, size_t length);
/* A key that is no keyword or string. */
int rift_records_odd_entry(struct rift_records *records, struct rift_value key);
int rift_records_end(struct rift_records *records);

/* The history; the records are destroyed, also on failure (NULL). */
struct rift_history *rift_records_finish(struct rift_records *records, const char *format,
                                         struct rift_error *err);

#endif

/* EDN, the notation of Clojure's data: one value at a time. */
#ifndef HISTORY_IMPORT_EDN_H
#define HISTORY_IMPORT_EDN_H

#include "history/import/cursor.h"

/* Moves past blanks, commas, comments and discarded forms (#_). -1 where a discarded form is
 * broken. */
int rift_edn_skip(struct rift_cursor *cursor);
/* The value at the cursor, which stands at no blank; moves past it. Vectors and lists become LIST.
 * What values cannot say is kept as TEXT: symbols, characters, ratios, integers beyond 64 bits. Of
 * a tagged form, the form is kept. */
int rift_edn_value(struct rift_cursor *cursor, struct rift_value *value);
/* The characters of a keyword after its colon; moves past them. */
int rift_edn_keyword(struct rift_cursor *cursor, const char **name, size_t *length);
/* Past a tag, if there is one: "#jepsen.history.Op". */
int rift_edn_skip_tag(struct rift_cursor *cursor);

#endif

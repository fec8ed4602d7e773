/* JSON straight into values, without a tree in between. */
#ifndef HISTORY_IMPORT_JSON_H
#define HISTORY_IMPORT_JSON_H

#include "history/import/cursor.h"

void rift_json_skip(struct rift_cursor *cursor);
/* The value at the cursor, which stands at no blank; moves past it. Objects become MAPs of TEXT,
 * integers beyond 64 bits TEXT of their digits. */
int rift_json_value(struct rift_cursor *cursor, struct rift_value *value);
/* Past an opening bracket: whether an item stands there, or else past the closing one, too. */
bool rift_json_enter(struct rift_cursor *cursor, char close);
/* The name of a member and its colon. name may point into the scratch text. */
int rift_json_name(struct rift_cursor *cursor, const char **name, size_t *length);
/* After an item: moves past a comma (is_more) or the closing character. */
int rift_json_next(struct rift_cursor *cursor, char close, bool *is_more);
/* The characters of a string, valid until the next string is read; moves past it. */
int rift_json_string(struct rift_cursor *cursor, const char **text, size_t *length);

#endif

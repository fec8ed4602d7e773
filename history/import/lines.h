/* Line by line, word by word: for the logs of other tools. */
#ifndef HISTORY_IMPORT_LINES_H
#define HISTORY_IMPORT_LINES_H

#include "history/import/cursor.h"

/* A word of a line. */
struct rift_word {
    const char *at;
    size_t length;
};

enum { RIFT_LINE_WORDS_MAX = 8 };

struct rift_line {
    const char *start;
    struct rift_word words[RIFT_LINE_WORDS_MAX];
    size_t count; /* of words; more than fit: one more than that */
};

/* The next line, split at blanks; moves past it. False at the end of the file. */
bool rift_line_next(struct rift_cursor *cursor, struct rift_line *line);
bool rift_word_is(struct rift_word word, const char *text);
/* A whole word as a number. */
bool rift_word_number(struct rift_word word, int64_t *number);
/* A word as a value: an integer if it is one, text otherwise. */
struct rift_value rift_word_value(struct rift_cursor *cursor, struct rift_word word);

#endif

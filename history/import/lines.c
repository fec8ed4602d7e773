/* Lines end with \n, \r\n or the file. */
#include "history/import/lines.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool rift_line_next(struct rift_cursor *cursor, struct rift_line *line)
{
    if (cursor->at == cursor->end)
        return false;
    const char *end = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
    const char *at = cursor->at;
    line->start = at;
    line->count = 0;
    cursor->at = end ? end + 1 : cursor->end;
    if (!end)
        end = cursor->end;
    for (;;) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            return true;
        const char *word = at;
        while (at < end && !is_blank(*at))
            at++;
        if (line->count == RIFT_LINE_WORDS_MAX) {
            line->count++;
            return true;
        }
        line->words[line->count++] = (struct rift_word){word, (size_t)(at - word)};
    }
}

bool rift_word_is(struct rift_word word, const char *text)
{
    return strlen(text) == word.length && memcmp(text, word.at, word.length) == 0;
}

bool rift_word_number(struct rift_word word, int64_t *number)
{
    struct rift_cursor digits = {.at = word.at, .end = word.at + word.length};
    bool is_negative = word.length > 1 && *word.at == '-';
    digits.at += is_negative;
    if (word.length == 0 || !rift_cursor_digits(&digits, number) || digits.at != digits.end)
        return false;
    if (is_negative)
        *number = -*number;
    return true;
}

struct rift_value rift_word_value(struct rift_cursor *cursor, struct rift_word word)
{
    int64_t number = 0;
    if (rift_word_number(word, &number))
        return rift_value_integer(cursor->values, number);
    return rift_value_text(cursor->values, word.at, word.length);
}

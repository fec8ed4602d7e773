/* Lines of text, in the order found. */
#include "plan/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { LISTED_MAX = 40, MORE_LINE_BYTES = 40 };

void rift_problem_add(struct rift_problems *problems, const struct rift_tree *node,
                      const char *format, ...)
{
    char text[RIFT_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (problems->count++)
        rift_text_append(&problems->lines, "\n");
    if (node)
        rift_text_printf(&problems->lines, "%s:%u:%u: %s", problems->path, node->line, node->column,
                         text);
    else
        rift_text_printf(&problems->lines, "%s: %s", problems->path, text);
}

void rift_problem_unknown(struct rift_problems *problems, const struct rift_tree *node,
                          const char *what, const char *word, const char *const *known,
                          size_t known_count)
{
    const char *nearest = rift_text_nearest(word, known, known_count);
    if (nearest) {
        rift_problem_add(problems, node, "unknown %s '%s', did you mean '%s'?", what, word,
                         nearest);
        return;
    }
    struct rift_text list = {0};
    for (size_t i = 0; i < known_count && i < LISTED_MAX; i++)
        rift_text_printf(&list, "%s%s", i ? ", " : "", known[i]);
    rift_problem_add(problems, node, "unknown %s '%s'; there is: %s", what, word,
                     list.length ? list.data : "none");
    rift_text_finish(&list);
}

int rift_problems_fail(const struct rift_problems *problems, struct rift_error *err)
{
    if (!problems->count)
        return 0;
    if (problems->lines.length < RIFT_ERROR_TEXT_SIZE)
        return rift_fail(err, RIFT_ERR_INVALID, "%s", problems->lines.data);
    /* Whole lines only, and how many are left. */
    size_t length = RIFT_ERROR_TEXT_SIZE - MORE_LINE_BYTES;
    while (length > 0 && problems->lines.data[length] != '\n')
        length--;
    if (length == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "%.*s", RIFT_ERROR_TEXT_SIZE - 1,
                         problems->lines.data);
    size_t shown = 1;
    for (size_t i = 0; i < length; i++)
        shown += problems->lines.data[i] == '\n';
    return rift_fail(err, RIFT_ERR_INVALID, "%.*s\nand %zu more", (int)length, problems->lines.data,
                     problems->count - shown);
}

void rift_problems_finish(struct rift_problems *problems)
{
    rift_text_finish(&problems->lines);
}

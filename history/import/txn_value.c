/* A transaction is read straight into its box, without lists of three in between: histories of
 * transactions are large. What turns out to be something else is read again as a plain value. */
#include "history/import/txn_value.h"

#include <string.h>

static const char *const names[] = {"r", "w", "append", "read", "write", "rp"};

static bool is_micro_operation(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

/* The closing character of the list that opens at the cursor, past which it moves; or 0. */
static char open_list(struct rift_cursor *cursor)
{
    if (cursor->at == cursor->end || (*cursor->at != '[' && *cursor->at != '('))
        return '\0';
    return *cursor->at++ == '[' ? ']' : ')';
}

enum outcome { IS_TXN, IS_OTHER, IS_BROKEN };

/* One micro-operation onto the stack: name, key, value. */
static enum outcome read_micro_operation(struct rift_cursor *cursor,
                                         const struct rift_dialect *dialect)
{
    const char *name = NULL;
    size_t length = 0;
    bool is_more = false;
    struct rift_value key, value = RIFT_VALUE_NIL;
    char close = open_list(cursor);
    if (!close)
        return IS_OTHER;
    if (dialect->skip(cursor) != 0 || dialect->word(cursor, &name, &length) != 0)
        return IS_BROKEN;
    if (!name || !is_micro_operation(name, length))
        return IS_OTHER;
    bool is_read = *name == 'r';
    rift_value_stack_push(&cursor->stack, rift_value_keyword(cursor->values, name, length));
    if (dialect->next(cursor, close, &is_more) != 0)
        return IS_BROKEN;
    if (!is_more)
        return IS_OTHER;
    if (dialect->value(cursor, &key) != 0 || dialect->next(cursor, close, &is_more) != 0)
        return IS_BROKEN;
    if (!is_more && !is_read)
        return IS_OTHER;
    if (is_more &&
        (dialect->value(cursor, &value) != 0 || dialect->next(cursor, close, &is_more) != 0))
        return IS_BROKEN;
    if (is_more)
        return IS_OTHER;
    rift_value_stack_push(&cursor->stack, key);
    rift_value_stack_push(&cursor->stack, value);
    return IS_TXN;
}

static enum outcome read_txn(struct rift_cursor *cursor, const struct rift_dialect *dialect)
{
    bool is_more = true;
    char close = open_list(cursor);
    if (dialect->skip(cursor) != 0)
        return IS_BROKEN;
    while (is_more) {
        enum outcome outcome = read_micro_operation(cursor, dialect);
        if (outcome != IS_TXN)
            return outcome;
        if (dialect->next(cursor, close, &is_more) != 0)
            return IS_BROKEN;
    }
    return IS_TXN;
}

int rift_txn_value(struct rift_cursor *cursor, const struct rift_dialect *dialect,
                   struct rift_value *value)
{
    const char *start = cursor->at;
    size_t first = cursor->stack.count, words = cursor->values->word_count;
    unsigned depth = cursor->depth;
    if (start == cursor->end || (*start != '[' && *start != '('))
        return dialect->value(cursor, value);
    cursor->depth += 2;
    enum outcome outcome = read_txn(cursor, dialect);
    cursor->depth = depth;
    if (outcome == IS_BROKEN)
        return -1;
    if (outcome == IS_TXN) {
        *value = rift_cursor_box(cursor, RIFT_TXN, first);
        return 0;
    }
    cursor->at = start;
    cursor->stack.count = first;
    cursor->values->word_count = words;
    return dialect->value(cursor, value);
}

struct rift_value rift_txn_from_list(struct rift_cursor *cursor, struct rift_value value)
{
    struct rift_values *values = cursor->values;
    size_t count = rift_value_count(values, value), first = cursor->stack.count;
    if (rift_value_kind(values, value) != RIFT_LIST || count == 0)
        return value;
    for (size_t i = 0; i < count; i++) {
        struct rift_value mop = rift_value_item(values, value, i);
        size_t parts =
            rift_value_kind(values, mop) == RIFT_LIST ? rift_value_count(values, mop) : 0;
        size_t length = 0;
        const char *name =
            parts ? rift_value_as_text(values, rift_value_item(values, mop, 0), &length) : "";
        if (!is_micro_operation(name, length) || parts > 3 || parts < (*name == 'r' ? 2 : 3)) {
            cursor->stack.count = first;
            return value;
        }
        rift_value_stack_push(&cursor->stack, rift_value_keyword(values, name, length));
        rift_value_stack_push(&cursor->stack, rift_value_item(values, mop, 1));
        rift_value_stack_push(&cursor->stack,
                              parts == 3 ? rift_value_item(values, mop, 2) : RIFT_VALUE_NIL);
    }
    return rift_cursor_box(cursor, RIFT_TXN, first);
}

#include "control/cli/check_guess.h"

#include <string.h>

#include "checkers/models/model.h"

/* True where a transaction of the history has a part of that name. */
static bool has_part(const struct rift_history *history, const char *name)
{
    const struct rift_values *values = history->values;
    for (size_t i = 0; i < history->ops.count; i++) {
        struct rift_value txn = history->ops.argument[i];
        size_t count = rift_value_kind(values, txn) == RIFT_TXN ? rift_value_count(values, txn) : 0;
        for (size_t at = 0; at + 2 < count; at += 3) {
            struct rift_value f = rift_value_item(values, txn, at);
            enum rift_value_kind kind = rift_value_kind(values, f);
            size_t length;
            if ((kind == RIFT_TEXT || kind == RIFT_KEYWORD) &&
                strcmp(rift_value_as_text(values, f, &length), name) == 0)
                return true;
        }
    }
    return false;
}

/* True where elements are added one by one and the whole is read: what Jepsen's set-full is for. */
static bool is_set_read_whole(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    bool has_add = false, has_read = false;
    for (size_t i = 0; i < ops->count; i++) {
        const char *name = history->names.text[ops->f[i]];
        enum rift_value_kind kind = rift_value_kind(history->values, ops->result[i]);
        bool is_read = strcmp(name, "read") == 0, is_add = strcmp(name, "add") == 0;
        if (!is_read && !is_add)
            return false;
        if (is_read && ops->type[i] == RIFT_OP_OK && kind != RIFT_LIST && kind != RIFT_SET &&
            kind != RIFT_NIL)
            return false;
        has_add |= is_add;
        has_read |= is_read && (kind == RIFT_LIST || kind == RIFT_SET);
    }
    return has_add && has_read;
}

static bool is_timeless(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++)
        if (ops->type[i] == RIFT_OP_OK && ops->end[i] != RIFT_TIME_NEVER)
            return history->orphan_count == ops->count;
    return ops->count > 0;
}

/* True where every operation has one of the names, NULL-terminated, and each name is
 * there. */
static bool has_just(const struct rift_history *history, const char *const *names)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; names[i]; i++)
        if (!rift_history_name(history, names[i]))
            return false;
    for (size_t i = 0; i < ops->count; i++) {
        const char *const *name = names;
        while (*name && strcmp(*name, history->names.text[ops->f[i]]) != 0)
            name++;
        if (!*name)
            return false;
    }
    return true;
}

/* True where what reads gave, if anything, is of the kind. */
static bool reads_give(const struct rift_history *history, enum rift_value_kind kind)
{
    const struct rift_ops *ops = &history->ops;
    bool any = false;
    for (size_t i = 0; i < ops->count; i++) {
        if (strcmp(history->names.text[ops->f[i]], "read") != 0 || ops->type[i] != RIFT_OP_OK)
            continue;
        if (rift_value_kind(history->values, ops->result[i]) != kind)
            return false;
        any = true;
    }
    return any;
}

/* Histories whose operations' names, and what reads give, tell the checker. */
static const struct {
    const char *checker;
    const char *names[4];
    enum rift_value_kind reads; /* NIL: anything */
} telling[] = {
    {"unique-ids", {"generate"}, RIFT_NIL},     {"bank", {"transfer", "read"}, RIFT_MAP},
    {"counter", {"add", "read"}, RIFT_INTEGER}, {"long-fork", {"read", "write"}, RIFT_TXN},
    {"long-fork", {"read"}, RIFT_TXN},
};

/* The name of the checker that the history looks made for; NULL: linearizable. */
static const char *guess_name(const struct rift_history *history)
{
    if (history->ops.count == 0)
        return NULL;
    if (rift_history_name(history, "poll") || rift_history_name(history, "send") ||
        has_part(history, "send") || has_part(history, "poll"))
        return "kafka";
    if (rift_history_name(history, "watch"))
        return "watch";
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        if (has_just(history, telling[i].names) &&
            (telling[i].reads == RIFT_NIL || reads_give(history, telling[i].reads)))
            return telling[i].checker;
    const char *first = history->names.text[history->ops.f[0]];
    if (strcmp(first, "txn") == 0 ||
        (strcmp(first, "init") == 0 && rift_history_name(history, "txn")))
        return has_part(history, "append") ? "list-append" : "rw-register";
    return is_set_read_whole(history) ? "set-full" : NULL;
}

int check_guess(const struct check_options *options, const struct rift_history *history,
                struct check_guess *guess, struct rift_error *err)
{
    bool is_asked = options->checker || options->model || options->model_file;
    const char *name = options->checker;
    /* A format may name a checker of transactions; most name a model. */
    if (!is_asked && history->model && !rift_model_find(history->model) &&
        rift_checker_find(history->model))
        name = history->model;
    if (!is_asked && !name && !(history->model && rift_model_find(history->model)))
        name = guess_name(history);
    *guess = (struct check_guess){
        .checker = rift_checker_find(name ? name : "linearizable"),
        .is_named = is_asked || history->model,
        .is_timeless = is_timeless(history),
    };
    if (!guess->checker)
        return rift_fail(err, RIFT_ERR_INVALID, "there is no checker '%s'; rift list checkers",
                         name);
    if (guess->is_timeless)
        guess->level = "strong-session-serializable";
    return 0;
}

void check_guess_words(const struct check_guess *guess, const struct rift_verdict *verdict,
                       struct rift_text *text)
{
    const json_t *stats = json_object_get(verdict->details, "stats");
    const char *model = json_string_value(json_object_get(stats, "model"));
    const char *level = json_string_value(json_object_get(verdict->details, "level"));
    rift_text_append(text, guess->checker->name);
    if (model)
        rift_text_printf(text, ", model %s", model);
    if (!guess->is_named)
        rift_text_append(text, " (assumed from its operations)");
    if (level)
        rift_text_printf(text, ", %s", level);
    if (guess->is_timeless)
        rift_text_append(text, " (without times, so the order of each process is all that counts)");
}

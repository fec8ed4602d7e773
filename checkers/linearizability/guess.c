#include "checkers/linearizability/guess.h"

#include <string.h>

#include "common/memory.h"

enum { MODELS_MAX = 64 };

/* What other tools call our models. */
static const struct {
    const char *theirs, *ours;
} aliases[] = {
    {"priorityqueue", "priority-queue"},
    {"pqueue", "priority-queue"},
    {"fifo-queue", "queue"},
    {"rmw", "cas-register"},
    {"casregister", "cas-register"},
    {"CASRegister", "cas-register"},
    {"Mutex", "mutex"},
    {"Register", "register"},
};

/* In this order: the first whose names cover all operations. */
static const char *const guesses[] = {
    "register",    "cas-register",       "mutex", "queue", "stack", "deque", "kv", "set", "counter",
    "list-append", "counting-semaphore",
};

static const struct rift_model *model_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].theirs, name) == 0)
            name = aliases[i].ours;
    return rift_model_find(name);
}

static bool model_covers(const struct rift_model *model, const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t f = 0; f < history->names.count; f++) {
        const struct rift_operation_name *name = model->names;
        while (name->name && strcmp(name->name, history->names.text[f]) != 0)
            name++;
        if (name->name)
            continue;
        for (size_t i = 0; i < ops->count; i++)
            if (ops->f[i] == f)
                return false;
    }
    return true;
}

/* add and read are a counter's and a set's: a set's read answers a collection. */
static bool reads_collections(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++) {
        enum rift_value_kind kind = rift_value_kind(history->values, ops->result[i]);
        if (ops->type[i] == RIFT_OP_OK && (kind == RIFT_LIST || kind == RIFT_SET))
            return true;
    }
    return false;
}

static bool is_compound(const struct rift_history *history, struct rift_value value)
{
    return rift_value_kind(history->values, value) >= RIFT_LIST;
}

/* True where a read answered, or anything but a cas was asked with, a list, pair or map. In a
 * register or a container that is most likely something else: [key value] of independent keys, a
 * bank's accounts, transactions, a log's records. Judged as what it is not, it would be valid or
 * invalid by chance. */
static bool has_compound_values(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++) {
        bool is_cas = strcmp(history->names.text[ops->f[i]], "cas") == 0;
        if (!is_cas && (is_compound(history, ops->argument[i]) ||
                        (ops->type[i] == RIFT_OP_OK && is_compound(history, ops->result[i]))))
            return true;
    }
    return false;
}

static bool is_of_plain_values(const struct rift_model *model)
{
    static const char *const plain[] = {"register", "cas-register", "queue",
                                        "stack",    "deque",        "counter"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(model->name, plain[i]) == 0)
            return true;
    return false;
}

/* True where all operations have this name. */
static bool has_only(const struct rift_history *history, const char *name)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++)
        if (strcmp(history->names.text[ops->f[i]], name) != 0)
            return false;
    return ops->count > 0;
}

static const struct rift_model *model_guess(const struct rift_history *history)
{
    bool is_plain = !has_compound_values(history);
    /* Queues, sets and counters are added to, many objects are read whole. */
    if (has_only(history, "add") || (has_only(history, "read") && !is_plain))
        return NULL;
    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        const struct rift_model *model = rift_model_find(guesses[i]);
        if (!model || !model_covers(model, history) || (is_of_plain_values(model) && !is_plain))
            continue;
        if (strcmp(model->name, "set") == 0 && rift_history_name(history, "read") &&
            !reads_collections(history))
            continue;
        return model;
    }
    return NULL;
}

/* Others call a counting semaphore, with incr and decr, a semaphore too. */
static const struct rift_model *model_of_operations(const struct rift_model *model,
                                                    const struct rift_history *history)
{
    const struct rift_model *counting = rift_model_find("counting-semaphore");
    bool is_other = model && strcmp(model->name, "semaphore") == 0 &&
                    !model_covers(model, history) && model_covers(counting, history);
    return is_other ? counting : model;
}

const struct rift_model *rift_model_for(const char *name, const struct rift_history *history,
                                        struct rift_error *err)
{
    const struct rift_model *model = NULL;
    const char *names[MODELS_MAX];
    size_t count = 0;
    struct rift_text list = {0};
    for (; rift_models[count] && count < MODELS_MAX; count++) {
        names[count] = rift_models[count]->name;
        rift_text_printf(&list, "%s%s", count ? ", " : "", names[count]);
    }
    if (strcmp(name, "auto") != 0) {
        model = model_of_operations(model_by_name(name), history);
        const char *nearest = model ? NULL : rift_text_nearest(name, names, count);
        if (!model)
            rift_fail(err, RIFT_ERR_INVALID, "there is no model '%s'%s%s%s; models: %s", name,
                      nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'" : "",
                      list.data);
    } else {
        model = history->model ? model_by_name(history->model) : NULL;
        if (!model || !model_covers(model, history)) {
            const struct rift_model *guess = model_guess(history);
            model = guess ? guess : model;
        }
        if (!model)
            rift_fail(err, RIFT_ERR_INVALID,
                      "its operations do not tell the model; name it with --model (--keyed where "
                      "values are [key value]), or --checker (rift list checkers); models: %s",
                      list.data);
    }
    rift_text_finish(&list);
    return model;
}

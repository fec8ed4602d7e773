/* Each key's operations are kept in order of their ids. A key with new completions is copied into a
 * history of its own and judged from its beginning: keys are short, because workloads retire them.
 * A long one is judged again only after it has grown by a part of its length, so the work stays in
 * proportion. */
#include "checkers/linearizability/online.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/explain.h"
#include "checkers/linearizability/guess.h"
#include "checkers/linearizability/judge.h"
#include "common/clock.h"
#include "common/memory.h"
#include "history/builder.h"

enum {
    OPS_MAX = 20000000,  /* what comes after is left to the check after the run */
    KEY_JUDGE_MS = 500,  /* one key's turn */
    GROWTH_DIVISOR = 32, /* a key is judged again after it has grown by this part */
    MEMORY_BYTES = 256 << 20,
};

struct online_op {
    int64_t start, end; /* end NEVER: open */
    struct rift_value argument, result;
    int32_t process;
    uint32_t next; /* op of the same key, + 1 */
    uint16_t f;
    uint8_t type;
};

struct online_key {
    struct rift_value key;
    uint32_t first, last;              /* ops, + 1 */
    uint32_t count, completed, judged; /* completions in all, and at the last judgement */
    uint32_t patience;                 /* completions to wait for before it is judged again */
};

struct rift_online {
    pthread_mutex_t lock;
    const struct rift_model *model;
    struct rift_value initial;
    int64_t capacity;
    struct rift_values *values;
    const char **names;
    size_t name_count;
    struct online_op *ops;
    uint32_t op_count, op_capacity;
    uint32_t *op_of_id; /* + 1 */
    uint32_t *key_of_id;
    size_t id_capacity;
    struct online_key *keys;
    uint32_t key_count, key_capacity;
    uint32_t *table; /* of keys, + 1 */
    uint32_t table_size;
    uint32_t next_key; /* where the next round of judging begins */
    char *reason;
};

struct rift_online *rift_online_create(const json_t *options, struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(options, "model"));
    const struct rift_model *model = name ? rift_model_find(name) : NULL;
    if (!model) {
        rift_fail(err, RIFT_ERR_INVALID,
                  "judging while the run goes on needs a model by name, not '%s'",
                  name ? name : "");
        return NULL;
    }
    struct rift_online *online = rift_calloc(1, sizeof *online);
    pthread_mutex_init(&online->lock, NULL);
    online->model = model;
    online->values = rift_values_create();
    online->capacity = json_integer_value(json_object_get(options, "capacity"));
    online->table_size = 64;
    online->table = rift_calloc(online->table_size, sizeof *online->table);
    const json_t *initial = json_object_get(options, "initial");
    if (initial && rift_value_from_json(online->values, initial, &online->initial, err) < 0) {
        rift_online_destroy(online);
        return NULL;
    }
    return online;
}

void rift_online_destroy(struct rift_online *online)
{
    if (!online)
        return;
    pthread_mutex_destroy(&online->lock);
    rift_values_destroy(online->values);
    for (size_t i = 0; i < online->name_count; i++)
        free((char *)online->names[i]);
    free(online->names);
    free(online->ops);
    free(online->op_of_id);
    free(online->key_of_id);
    free(online->keys);
    free(online->table);
    free(online->reason);
    free(online);
}

static uint16_t name_index(struct rift_online *online, const char *f)
{
    for (size_t i = 0; i < online->name_count; i++)
        if (strcmp(online->names[i], f) == 0)
            return (uint16_t)i;
    online->names = rift_reallocarray(online->names, online->name_count + 1, sizeof *online->names);
    online->names[online->name_count] = rift_strdup(f);
    return (uint16_t)online->name_count++;
}

static uint32_t *key_slot(struct rift_online *online, struct rift_value key)
{
    uint32_t at = (uint32_t)rift_value_hash(online->values, key) & (online->table_size - 1);
    while (online->table[at] &&
           !rift_value_equal(online->values, online->keys[online->table[at] - 1].key, key))
        at = (at + 1) & (online->table_size - 1);
    return &online->table[at];
}

static uint32_t key_index(struct rift_online *online, struct rift_value key)
{
    uint32_t *slot = key_slot(online, key);
    if (*slot)
        return *slot - 1;
    if (online->key_count == online->key_capacity) {
        online->key_capacity = online->key_capacity ? online->key_capacity * 2 : 32;
        online->keys = rift_reallocarray(online->keys, online->key_capacity, sizeof *online->keys);
        online->table_size = online->key_capacity * 2;
        free(online->table);
        online->table = rift_calloc(online->table_size, sizeof *online->table);
        for (uint32_t i = 0; i < online->key_count; i++)
            *key_slot(online, online->keys[i].key) = i + 1;
        slot = key_slot(online, key);
    }
    online->keys[online->key_count] = (struct online_key){.key = key};
    *slot = ++online->key_count;
    return online->key_count - 1;
}

/* Room for one more op and for the id; false past the bound. */
static bool reserve(struct rift_online *online, int64_t id)
{
    if (id < 0 || id >= OPS_MAX || online->op_count >= OPS_MAX)
        return false;
    if (online->op_count == online->op_capacity) {
        online->op_capacity = online->op_capacity ? online->op_capacity * 2 : 1024;
        online->ops = rift_reallocarray(online->ops, online->op_capacity, sizeof *online->ops);
    }
    size_t need = (size_t)id + 1, old = online->id_capacity;
    if (need > old) {
        online->id_capacity = need > old * 2 ? need + 1024 : old * 2;
        online->op_of_id =
            rift_reallocarray(online->op_of_id, online->id_capacity, sizeof *online->op_of_id);
        online->key_of_id =
            rift_reallocarray(online->key_of_id, online->id_capacity, sizeof *online->key_of_id);
        memset(online->op_of_id + old, 0, (online->id_capacity - old) * sizeof *online->op_of_id);
    }
    return true;
}

void rift_online_invoke(struct rift_online *online, int64_t id, int64_t time_ns, int32_t process,
                        const char *f, const struct rift_values *values, struct rift_value key,
                        struct rift_value argument)
{
    pthread_mutex_lock(&online->lock);
    if (process >= 0 && reserve(online, id) && !online->op_of_id[id]) {
        uint32_t k = key_index(online, rift_value_copy(online->values, values, key));
        struct online_key *of = &online->keys[k];
        online->ops[online->op_count++] = (struct online_op){
            .start = time_ns,
            .end = RIFT_TIME_NEVER,
            .argument = rift_value_copy(online->values, values, argument),
            .process = process,
            .f = name_index(online, f),
            .type = RIFT_OP_INFO,
        };
        uint32_t op = online->op_count;
        if (of->last)
            online->ops[of->last - 1].next = op;
        else
            of->first = op;
        of->last = op;
        of->count++;
        online->op_of_id[id] = op;
        online->key_of_id[id] = k;
    }
    pthread_mutex_unlock(&online->lock);
}

void rift_online_complete(struct rift_online *online, int64_t id, enum rift_op_type type,
                          int64_t start_ns, int64_t end_ns, const struct rift_values *values,
                          struct rift_value result)
{
    pthread_mutex_lock(&online->lock);
    if (id >= 0 && (size_t)id < online->id_capacity && online->op_of_id[id]) {
        struct online_op *op = &online->ops[online->op_of_id[id] - 1];
        op->type = (uint8_t)type;
        op->start = start_ns;
        op->end = type == RIFT_OP_INFO ? RIFT_TIME_NEVER : end_ns;
        op->result = rift_value_copy(online->values, values, result);
        if (type == RIFT_OP_OK)
            online->keys[online->key_of_id[id]].completed++;
    }
    pthread_mutex_unlock(&online->lock);
}

/* The key's operations so far as a history. Called with the lock held. */
static struct rift_history *copy_key(const struct rift_online *online, const struct online_key *key,
                                     struct rift_value *initial)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_error err;
    *initial = rift_value_copy(values, online->values, online->initial);
    for (uint32_t at = key->first; at; at = online->ops[at - 1].next) {
        const struct online_op *op = &online->ops[at - 1];
        struct rift_event invoke = {
            .process = op->process,
            .type = RIFT_EVENT_INVOKE,
            .f = online->names[op->f],
            .value = rift_value_copy(values, online->values, op->argument),
            .has_key = !rift_value_is_nil(key->key),
            .key = rift_value_copy(values, online->values, key->key),
        };
        struct rift_value result = rift_value_copy(values, online->values, op->result);
        if (rift_builder_add_op(builder, &invoke, (enum rift_op_type)op->type, op->start, op->end,
                                result, &err) < 0) {
            rift_builder_destroy(builder);
            return NULL;
        }
    }
    return rift_builder_finish(builder, &err);
}

static void keep_reason(struct rift_online *online, const struct rift_problem *problem,
                        struct rift_certificate *certificate)
{
    struct rift_verdict verdict = {0};
    rift_explain_anomaly(problem, certificate, &verdict);
    online->reason = rift_strdup(verdict.reason);
    rift_verdict_finish(&verdict);
}

/* True where the key is violated for certain. */
static bool judge_key(struct rift_online *online, const struct rift_history *history,
                      struct rift_value initial, int64_t deadline_ns, bool *is_decided)
{
    uint32_t *rows = rift_reallocarray(NULL, history->ops.count + 1, sizeof *rows);
    for (uint32_t i = 0; i < history->ops.count; i++)
        rows[i] = i;
    struct rift_problem_options options = {.initial = initial, .capacity = online->capacity};
    struct rift_error err;
    struct rift_problem *problem =
        rift_problem_create(online->model, history, rows, history->ops.count, &options, &err);
    free(rows);
    *is_decided = problem != NULL;
    if (!problem)
        return false;
    int64_t own = rift_clock_now() + KEY_JUDGE_MS * RIFT_MS;
    struct rift_limits limits = {.deadline_ns = own < deadline_ns ? own : deadline_ns,
                                 .memory_bytes = MEMORY_BYTES};
    struct rift_judgement judgement;
    rift_judge_problem(problem, &limits, 1, &judgement);
    *is_decided = judgement.answer != RIFT_ANSWER_NONE;
    bool is_violated =
        judgement.answer == RIFT_ANSWER_INVALID &&
        rift_explain_minimise(problem, &limits, &judgement.certificate) != RIFT_REFUTED;
    if (is_violated)
        keep_reason(online, problem, &judgement.certificate);
    rift_judgement_finish(&judgement);
    rift_problem_destroy(problem);
    return is_violated;
}

bool rift_online_is_violated(struct rift_online *online, int64_t deadline_ns, const char **reason)
{
    pthread_mutex_lock(&online->lock);
    uint32_t count = online->key_count;
    for (uint32_t n = 0; n < count && !online->reason && rift_clock_now() < deadline_ns; n++) {
        uint32_t k = online->next_key++ % count;
        struct online_key *key = &online->keys[k];
        if (key->completed <= key->judged + key->patience)
            continue;
        struct rift_value initial;
        struct rift_history *history = copy_key(online, key, &initial);
        uint32_t completed = key->completed, length = key->count;
        pthread_mutex_unlock(&online->lock);
        bool is_decided = false;
        if (history)
            judge_key(online, history, initial, deadline_ns, &is_decided);
        rift_history_destroy(history);
        pthread_mutex_lock(&online->lock);
        key = &online->keys[k];
        key->judged = completed;
        /* What was too hard once is tried again when there is much more of it. */
        key->patience = is_decided ? length / GROWTH_DIVISOR : length / 2;
    }
    pthread_mutex_unlock(&online->lock);
    *reason = online->reason;
    return online->reason != NULL;
}

#include "tests/lib/simulated_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"

enum { NOBODY = -1 };

/* One element of a key: a committed one has the number of its commit. */
struct element {
    int32_t value;
    int owner;      /* process that wrote it and has not ended yet, or NOBODY */
    int64_t commit; /* 0 while not committed */
};

struct key {
    int number; /* as clients see it */
    int written;
    struct element *elements; /* the last one is a register's value */
    int count, capacity;
    int locked_by;
};

struct process {
    int32_t number;
    enum { IDLE, STARTED, RUNNING, DONE } state;
    int64_t start;
    int64_t snapshot;
    int next_mop, mop_count;
    bool is_committed;
    struct {
        bool is_read;
        struct key *key;
        int number;
        int32_t value;
        int32_t *seen; /* of a read: count elements */
        int seen_count;
    } mop[STORE_MOPS_MAX];
};

struct store {
    const struct store_options *options;
    struct rift_rng rng;
    struct rift_builder *builder;
    struct key *keys;
    struct process *processes;
    int64_t time, commits;
    int started, ended, next_key;
    int32_t next_number;
};

static struct element *add_element(struct key *key, int32_t value, int owner, int64_t commit)
{
    if (key->count == key->capacity) {
        key->capacity = key->capacity ? 2 * key->capacity : 8;
        key->elements =
            rift_reallocarray(key->elements, (size_t)key->capacity, sizeof *key->elements);
    }
    key->elements[key->count] = (struct element){value, owner, commit};
    return &key->elements[key->count++];
}

static bool is_visible(const struct store *store, const struct process *process, int index,
                       const struct element *element)
{
    if (element->owner == index)
        return true;
    if (store->options->level == STORE_READ_UNCOMMITTED || store->options->level == STORE_CHAOS)
        return true;
    if (element->commit == 0)
        return false;
    return store->options->level != STORE_SNAPSHOT || element->commit <= process->snapshot;
}

static void do_read(const struct store *store, struct process *process, int index, int m)
{
    const struct key *key = process->mop[m].key;
    int32_t *seen = rift_reallocarray(NULL, (size_t)key->count + 1, sizeof *seen);
    int count = 0;
    for (int i = 0; i < key->count; i++)
        if (is_visible(store, process, index, &key->elements[i]))
            seen[count++] = key->elements[i].value;
    if (!store->options->is_list && count > 1) {
        seen[0] = seen[count - 1];
        count = 1;
    }
    free(process->mop[m].seen);
    process->mop[m].seen = seen;
    process->mop[m].seen_count = count;
}

/* False where the transaction must abort. */
static bool do_write(struct store *store, struct process *process, int index, int m)
{
    struct key *key = process->mop[m].key;
    if (store->options->level != STORE_CHAOS) {
        if (key->locked_by != NOBODY && key->locked_by != index)
            return false;
        if (store->options->level == STORE_SNAPSHOT)
            for (int i = 0; i < key->count; i++)
                if (key->elements[i].commit > process->snapshot)
                    return false;
        key->locked_by = index;
    }
    add_element(key, process->mop[m].value, index, 0);
    return true;
}

/* Commits or takes back what the process wrote, and lets go of its locks. */
static void finish_writes(struct store *store, struct process *process, int index, bool is_commit)
{
    if (is_commit)
        store->commits++;
    for (int m = 0; m < process->mop_count; m++) {
        struct key *key = process->mop[m].key;
        int kept = 0;
        for (int i = 0; i < key->count; i++) {
            struct element element = key->elements[i];
            if (element.owner == index) {
                if (!is_commit)
                    continue;
                element.owner = NOBODY;
                element.commit = store->commits;
            }
            key->elements[kept++] = element;
        }
        key->count = kept;
        if (key->locked_by == index)
            key->locked_by = NOBODY;
    }
    process->is_committed = is_commit;
    process->state = DONE;
}

static bool do_mop(struct store *store, struct process *process, int index)
{
    int m = process->next_mop++;
    if (!process->mop[m].is_read)
        return do_write(store, process, index, m);
    do_read(store, process, index, m);
    return true;
}

static void step(struct store *store, struct process *process, int index)
{
    bool is_aborting = false;
    if (process->state == STARTED) {
        process->snapshot = store->commits;
        process->state = RUNNING;
    }
    do {
        if (process->next_mop < process->mop_count)
            is_aborting = !do_mop(store, process, index);
        if (is_aborting ||
            (process->next_mop == process->mop_count &&
             (store->options->level == STORE_SERIAL || rift_rng_below(&store->rng, 2)))) {
            if (rift_rng_below(&store->rng, 100) < (uint64_t)store->options->abort_percent)
                is_aborting = true;
            finish_writes(store, process, index, !is_aborting);
        }
    } while (store->options->level == STORE_SERIAL && process->state == RUNNING);
}

static void begin(struct store *store, struct process *process)
{
    const struct store_options *options = store->options;
    int least = options->mops_min ? options->mops_min : 1;
    process->mop_count =
        least + (int)rift_rng_below(&store->rng, (uint64_t)(options->mops_max - least + 1));
    for (int m = 0; m < process->mop_count; m++) {
        struct key *key = &store->keys[rift_rng_below(&store->rng, (uint64_t)options->key_count)];
        /* A key that nobody uses right now is retired once it is full. */
        if (key->written >= options->writes_per_key && key->locked_by == NOBODY &&
            options->level != STORE_CHAOS) {
            bool is_used = false;
            for (int i = 0; i < key->count; i++)
                is_used |= key->elements[i].owner != NOBODY;
            for (int p = 0; p < options->process_count; p++)
                for (int n = 0; n < STORE_MOPS_MAX; n++)
                    is_used |= store->processes[p].state != IDLE &&
                               n < store->processes[p].mop_count &&
                               store->processes[p].mop[n].key == key;
            for (int n = 0; n < m; n++)
                is_used |= process->mop[n].key == key;
            if (!is_used) {
                key->number = store->next_key++;
                key->written = key->count = 0;
            }
        }
        process->mop[m].is_read = rift_rng_below(&store->rng, 100) <
                                  (uint64_t)(options->read_percent ? options->read_percent : 50);
        process->mop[m].key = key;
        process->mop[m].number = key->number;
        process->mop[m].seen_count = 0;
        if (!process->mop[m].is_read)
            process->mop[m].value = ++key->written;
    }
    process->next_mop = 0;
    process->start = ++store->time;
    process->state = STARTED;
    store->started++;
}

static struct rift_value txn_value(struct store *store, const struct process *process,
                                   bool is_result)
{
    struct rift_values *values = rift_builder_values(store->builder);
    const char *write = store->options->is_list ? "append" : "w";
    struct rift_value parts[3 * STORE_MOPS_MAX];
    for (int m = 0; m < process->mop_count; m++) {
        const char *f = process->mop[m].is_read ? "r" : write;
        struct rift_value value = RIFT_VALUE_NIL;
        if (!process->mop[m].is_read)
            value = rift_value_integer(values, process->mop[m].value);
        else if (is_result && store->options->is_list)
            value = rift_value_list_of_int32(values, process->mop[m].seen,
                                             (size_t)process->mop[m].seen_count);
        else if (is_result && process->mop[m].seen_count)
            value = rift_value_integer(values, process->mop[m].seen[0]);
        parts[3 * m] = rift_value_keyword(values, f, strlen(f));
        parts[3 * m + 1] = rift_value_integer(values, process->mop[m].number);
        parts[3 * m + 2] = value;
    }
    return rift_value_box(values, RIFT_TXN, parts, 3 * (size_t)process->mop_count);
}

static void end(struct store *store, struct process *process)
{
    bool is_lost = rift_rng_below(&store->rng, 100) < (uint64_t)store->options->unknown_percent;
    enum rift_op_type type = is_lost                 ? RIFT_OP_INFO
                             : process->is_committed ? RIFT_OP_OK
                                                     : RIFT_OP_FAIL;
    struct rift_event event = {.process = process->number, .f = "txn"};
    struct rift_error err = {0};
    event.value = txn_value(store, process, false);
    struct rift_value result = RIFT_VALUE_NIL;
    if (type == RIFT_OP_OK)
        result = txn_value(store, process, true);
    if (rift_builder_add_op(store->builder, &event, type, process->start,
                            is_lost || store->options->has_no_times ? RIFT_TIME_NEVER
                                                                    : ++store->time,
                            result, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    if (is_lost)
        process->number = store->next_number++;
    process->state = IDLE;
    store->ended++;
}

struct rift_history *store_run(const struct store_options *options)
{
    struct store store = {.options = options, .next_key = options->key_count};
    struct rift_error err = {0};
    rift_rng_init(&store.rng, options->seed);
    store.builder = rift_builder_create(RIFT_TIME_LINES);
    store.keys = rift_calloc((size_t)options->key_count, sizeof *store.keys);
    store.processes = rift_calloc((size_t)options->process_count, sizeof *store.processes);
    store.next_number = options->process_count;
    for (int k = 0; k < options->key_count; k++)
        store.keys[k] = (struct key){.number = k, .locked_by = NOBODY};
    for (int p = 0; p < options->process_count; p++)
        store.processes[p].number = p;
    while (store.ended < options->transaction_count) {
        int index = (int)rift_rng_below(&store.rng, (uint64_t)options->process_count);
        struct process *process = &store.processes[index];
        if (process->state == IDLE && store.started < options->transaction_count)
            begin(&store, process);
        else if (process->state == STARTED || process->state == RUNNING)
            step(&store, process, index);
        else if (process->state == DONE)
            end(&store, process);
    }
    for (int p = 0; p < options->process_count; p++)
        for (int m = 0; m < STORE_MOPS_MAX; m++)
            free(store.processes[p].mop[m].seen);
    for (int k = 0; k < options->key_count; k++)
        free(store.keys[k].elements);
    free(store.keys);
    free(store.processes);
    struct rift_history *history = rift_builder_finish(store.builder, &err);
    if (!history) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return history;
}

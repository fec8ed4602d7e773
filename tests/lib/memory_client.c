/* A store in memory and clients for it. */
#include "tests/lib/memory_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

struct memory_session {
    struct memory_store *store;
    unsigned node;
};

void memory_store_init(struct memory_store *store)
{
    memset(store, 0, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    for (size_t key = 0; key < MEMORY_STORE_KEYS; key++) {
        store->values[key] = MEMORY_STORE_NIL;
        for (size_t node = 0; node < MEMORY_STORE_NODES; node++)
            store->replicas[node][key] = MEMORY_STORE_NIL;
    }
}

json_t *memory_store_options(struct memory_store *store)
{
    return json_pack("{s:I}", "store", (json_int_t)(intptr_t)store);
}

static int memory_open(const struct rift_client_config *config, void **session,
                       struct rift_error *err)
{
    (void)err;
    struct memory_session *opened = rift_calloc(1, sizeof *opened);
    opened->store = (struct memory_store *)(intptr_t)json_integer_value(
        json_object_get(config->options, "store"));
    opened->node = (unsigned)(config->node[1] - '1') % MEMORY_STORE_NODES;
    atomic_fetch_add(&opened->store->open_sessions, 1);
    *session = opened;
    return 0;
}

static int memory_open_closed(const struct rift_client_config *config, void **session,
                              struct rift_error *err)
{
    (void)session;
    return rift_fail(err, RIFT_ERR_UNREACHABLE, "%s is closed", config->node);
}

static void memory_close(void *opaque)
{
    struct memory_session *session = opaque;
    atomic_fetch_sub(&session->store->open_sessions, 1);
    free(session);
}

static void misbehave(struct memory_store *store)
{
    while (atomic_load(&store->is_hanging))
        usleep(1000);
    unsigned left = atomic_load(&store->hang_once);
    while (left > 0 && !atomic_compare_exchange_weak(&store->hang_once, &left, left - 1))
        ;
    while (left > 0 && !atomic_load(&store->lets_go))
        usleep(1000);
}

static void memory_change(struct memory_session *session, size_t key, int64_t value)
{
    struct memory_store *store = session->store;
    store->values[key] = value;
    store->replicas[session->node][key] = value;
    if (++store->changes % 8 != 0)
        return;
    for (size_t node = 0; node < MEMORY_STORE_NODES; node++)
        memcpy(store->replicas[node], store->values, sizeof store->values);
}

static void memory_apply(struct memory_session *session, const struct rift_request *request,
                         bool is_stale, struct rift_answer *answer)
{
    struct memory_store *store = session->store;
    size_t key =
        rift_value_is_nil(request->key)
            ? 0
            : (size_t)rift_value_as_integer(request->values, request->key) % MEMORY_STORE_KEYS;
    answer->type = RIFT_OP_OK;
    answer->result = request->argument;
    if (strcmp(request->f, "read") == 0) {
        int64_t value = is_stale ? store->replicas[session->node][key] : store->values[key];
        answer->result =
            value == MEMORY_STORE_NIL ? RIFT_VALUE_NIL : rift_value_integer(request->values, value);
    } else if (strcmp(request->f, "write") == 0) {
        int64_t value = rift_value_as_integer(request->values, request->argument);
        if (store->journal_count && atomic_load(store->journal_count) <= value)
            atomic_fetch_add(&store->early, 1);
        memory_change(session, key, value);
    } else {
        struct rift_value from = rift_value_item(request->values, request->argument, 0);
        struct rift_value to = rift_value_item(request->values, request->argument, 1);
        if (store->values[key] == rift_value_as_integer(request->values, from)) {
            memory_change(session, key, rift_value_as_integer(request->values, to));
        } else {
            answer->type = RIFT_OP_FAIL;
            snprintf(answer->error, sizeof answer->error, "compare failed");
        }
    }
}

static void memory_invoke(struct memory_session *session, const struct rift_request *request,
                          bool is_stale, struct rift_answer *answer)
{
    struct memory_store *store = session->store;
    atomic_fetch_add(&store->invocations, 1);
    misbehave(store);
    pthread_mutex_lock(&store->lock);
    memory_apply(session, request, is_stale, answer);
    pthread_mutex_unlock(&store->lock);
}

static void memory_invoke_correct(void *session, const struct rift_request *request,
                                  struct rift_answer *answer)
{
    memory_invoke(session, request, false, answer);
}

static void memory_invoke_stale(void *session, const struct rift_request *request,
                                struct rift_answer *answer)
{
    memory_invoke(session, request, true, answer);
}

const struct rift_client memory_client_correct = {
    .name = "memory", .open = memory_open, .invoke = memory_invoke_correct, .close = memory_close};
const struct rift_client memory_client_stale = {.name = "memory-stale",
                                                .open = memory_open,
                                                .invoke = memory_invoke_stale,
                                                .close = memory_close};
const struct rift_client memory_client_closed = {.name = "memory-closed",
                                                 .open = memory_open_closed,
                                                 .invoke = memory_invoke_correct,
                                                 .close = memory_close};

/* As etcd's own concurrency package has it: the key of a lock is created if it does not exist,
 * bound to a lease, and goes away with the lease. The lease is not renewed: whoever holds a lock
 * for longer has lost it without a word, which is why a lock alone protects nothing and the fencing
 * token does.
 *
 * A release that may not have arrived is INFO in every case: the lease runs out some time later,
 * and that releases too. */
#include "clients/etcd/lock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static void forget(struct etcd_held *held)
{
    free(held->key);
    free(held->lease);
    free(held);
}

/* Takes the lock out of the session's memory; NULL where it does not hold it. */
static struct etcd_held *take(struct etcd_session *session, const char *key)
{
    struct etcd_held **at = &session->held;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    struct etcd_held *held = *at;
    if (held)
        *at = held->next;
    return held;
}

void etcd_locks_forget(struct etcd_session *session)
{
    while (session->held) {
        struct etcd_held *held = session->held;
        session->held = held->next;
        forget(held);
    }
}

/* Asked first, as most tries find the lock held, and then no lease is needed. */
static bool is_free(struct etcd_session *session, const struct rift_request *request,
                    const char *key, struct rift_answer *answer)
{
    CLEANUP(rift_free) char *body = rift_printf("{\"key\":\"%s\",\"keys_only\":true}", key);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/range", body, ETCD_HTTP_READS, answer);
    if (json && json_array_size(json_object_get(json, "kvs")) > 0)
        etcd_end(answer, "lock held", ETCD_HTTP_READS);
    return json && json_array_size(json_object_get(json, "kvs")) == 0;
}

/* A lease that nobody hears of holds nothing and runs out: to ask for one changes no lock. */
static char *grant(struct etcd_session *session, const struct rift_request *request,
                   struct rift_answer *answer)
{
    CLEANUP(rift_free) char *body = rift_printf("{\"TTL\":\"%" PRId64 "\"}", session->lease_s);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/lease/grant", body, ETCD_HTTP_READS, answer);
    if (!json)
        return NULL;
    int64_t lease = etcd_integer(json, "ID");
    if (lease == 0) {
        etcd_end(answer, "broken answer", ETCD_HTTP_READS);
        return NULL;
    }
    return rift_printf("%" PRId64, lease);
}

static json_t *revoke(struct etcd_session *session, const struct rift_request *request,
                      const char *lease, struct rift_answer *answer)
{
    CLEANUP(rift_free) char *body = rift_printf("{\"ID\":\"%s\"}", lease);
    return etcd_call(session, request, "/v3/lease/revoke", body, ETCD_HTTP_CHANGES, answer);
}

void etcd_acquire(struct etcd_session *session, const struct rift_request *request, const char *key,
                  struct rift_answer *answer)
{
    if (!is_free(session, request, key, answer))
        return;
    char *lease = grant(session, request, answer);
    if (!lease)
        return;
    CLEANUP(rift_free)
    char *body = rift_printf("{\"compare\":[{\"key\":\"%s\",\"result\":\"EQUAL\",\"target\":"
                             "\"CREATE\",\"create_revision\":\"0\"}],\"success\":[{\"request_put\":"
                             "{\"key\":\"%s\",\"lease\":\"%s\"}}]}",
                             key, key, lease);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/txn", body, ETCD_HTTP_CHANGES, answer);
    if (json && json_is_true(json_object_get(json, "succeeded"))) {
        struct etcd_held *held = rift_calloc(1, sizeof *held);
        *held = (struct etcd_held){session->held, rift_strdup(key), lease};
        session->held = held;
        answer->type = RIFT_OP_OK;
        answer->result = rift_value_integer(
            request->values, etcd_integer(json_object_get(json, "header"), "revision"));
        return;
    }
    if (json) {
        struct rift_answer ignored = {0};
        json_decref(revoke(session, request, lease, &ignored));
        etcd_end(answer, "lock held", ETCD_HTTP_CHANGES);
    }
    free(lease);
}

void etcd_release(struct etcd_session *session, const struct rift_request *request, const char *key,
                  struct rift_answer *answer)
{
    struct etcd_held *held = take(session, key);
    if (!held) {
        etcd_end(answer, "lock not held", ETCD_HTTP_CHANGES);
        return;
    }
    CLEANUP(etcd_json_release) json_t *json = revoke(session, request, held->lease, answer);
    if (json)
        answer->type = RIFT_OP_OK;
    else if (strcmp(answer->error, "lease not found") != 0)
        answer->type = RIFT_OP_INFO;
    forget(held);
}

/* The hosts of a run, and one question to many of them at once. */
#include "control/run/cluster.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"

/* A node's own deadline ends a call; this is for the case that its thread is stuck. */
enum { CLUSTER_CALL_GRACE_MS = 2000 };

static void *cluster_close_one(void *node)
{
    rift_node_close(node);
    return NULL;
}

struct cluster *cluster_open(const struct rift_node_settings *hosts, size_t count,
                             const char *const *names, struct rift_error *err)
{
    struct cluster *cluster = rift_calloc(1, sizeof *cluster);
    cluster->node_count = count;
    cluster->names = names;
    cluster->nodes = rift_calloc(count, sizeof(struct rift_node *));
    cluster->addresses = rift_calloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        cluster->nodes[i] = rift_node_start(&hosts[i]);
        cluster->addresses[i] = hosts[i].address;
    }
    struct rift_text CLEANUP(rift_text_finish) failures = {0};
    enum rift_error_code code = RIFT_ERR_NONE;
    for (size_t i = 0; i < count; i++) {
        struct rift_error error = {0};
        if (rift_node_wait(cluster->nodes[i], &error) == 0)
            continue;
        rift_text_printf(&failures, "%s%s", failures.length ? "\n" : "", error.text);
        code = code == RIFT_ERR_NONE ? error.code : code;
    }
    if (failures.length == 0)
        return cluster;
    rift_fail(err, code, "%s", failures.data);
    cluster_close(cluster);
    return NULL;
}

void cluster_close(struct cluster *cluster)
{
    if (!cluster)
        return;
    pthread_t *threads = rift_calloc(cluster->node_count, sizeof *threads);
    bool *is_started = rift_calloc(cluster->node_count, sizeof *is_started);
    for (size_t i = 0; i < cluster->node_count; i++) {
        is_started[i] =
            pthread_create(&threads[i], NULL, cluster_close_one, cluster->nodes[i]) == 0;
        if (!is_started[i])
            cluster_close_one(cluster->nodes[i]);
    }
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (is_started[i])
            pthread_join(threads[i], NULL);
    }
    free(threads);
    free(is_started);
    free(cluster->nodes);
    free(cluster->addresses);
    free(cluster);
}

void cluster_all(const struct cluster *cluster, struct rift_node_set *set)
{
    *set = (struct rift_node_set){0};
    for (size_t i = 0; i < cluster->node_count; i++)
        rift_node_set_add(set, i);
}

void cluster_connected(const struct cluster *cluster, struct rift_node_set *set)
{
    *set = (struct rift_node_set){0};
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_is_connected(cluster->nodes[i]))
            rift_node_set_add(set, i);
    }
}

/* One round of questions. Counted, so that an answer that comes after the asker has gone finds
 * memory that is still there. */
struct round {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    size_t open_count; /* questions without an answer */
    size_t references; /* the asker and each question */
    struct cluster_reply *replies;
    size_t count;
};

struct question {
    struct round *round;
    size_t node;
};

static struct round *round_create(size_t count)
{
    struct round *round = rift_calloc(1, sizeof *round);
    pthread_mutex_init(&round->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&round->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    round->references = 1;
    round->count = count;
    round->replies = rift_calloc(count, sizeof *round->replies);
    return round;
}

/* The lock is held, and given up. */
static void round_release(struct round *round)
{
    bool is_last = --round->references == 0;
    pthread_mutex_unlock(&round->lock);
    if (!is_last)
        return;
    cluster_replies_free(round->replies, round->count);
    free(round->replies);
    pthread_cond_destroy(&round->answered);
    pthread_mutex_destroy(&round->lock);
    free(round);
}

static void round_answer(void *context, const json_t *reply, const struct rift_error *error)
{
    struct question *question = context;
    struct round *round = question->round;
    pthread_mutex_lock(&round->lock);
    struct cluster_reply *mine = &round->replies[question->node];
    /* A copy: jansson's counts are not enough for two threads to let go of one object. */
    mine->ok = error ? NULL : json_deep_copy(reply);
    if (error)
        mine->error = *error;
    round->open_count--;
    pthread_cond_signal(&round->answered);
    round_release(round);
    free(question);
}

static void round_ask(struct round *round, struct cluster *cluster, size_t node, const char *verb,
                      const json_t *args, int64_t deadline_ms)
{
    struct question *question = rift_calloc(1, sizeof *question);
    *question = (struct question){.round = round, .node = node};
    pthread_mutex_lock(&round->lock);
    round->replies[node].is_asked = true;
    round->open_count++;
    round->references++;
    pthread_mutex_unlock(&round->lock);
    struct rift_error error = {0};
    if (rift_node_send(cluster->nodes[node], verb, args, deadline_ms, round_answer, question,
                       &error) != 0)
        round_answer(question, NULL, &error);
}

void cluster_call(struct cluster *cluster, const struct rift_node_set *set, const char *verb,
                  json_t *const *args, int64_t deadline_ms, struct cluster_reply *replies)
{
    struct round *round = round_create(cluster->node_count);
    json_t *nothing = json_object();
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(set, i))
            round_ask(round, cluster, i, verb, args && args[i] ? args[i] : nothing, deadline_ms);
    }
    int64_t until_ns = rift_clock_now() + (deadline_ms + CLUSTER_CALL_GRACE_MS) * RIFT_MS;
    struct timespec until = {.tv_sec = until_ns / RIFT_SECOND, .tv_nsec = until_ns % RIFT_SECOND};
    pthread_mutex_lock(&round->lock);
    int waited = 0;
    while (round->open_count > 0 && waited == 0)
        waited = pthread_cond_timedwait(&round->answered, &round->lock, &until);
    for (size_t i = 0; i < cluster->node_count; i++) {
        replies[i] = round->replies[i];
        round->replies[i].ok = NULL; /* handed over */
        if (replies[i].is_asked && !replies[i].ok && replies[i].error.code == RIFT_ERR_NONE)
            rift_fail(&replies[i].error, RIFT_ERR_TIMEOUT, "%s: no answer to %s in %lld ms",
                      cluster->names[i], verb, (long long)deadline_ms);
    }
    round_release(round);
    json_decref(nothing);
}

void cluster_replies_free(struct cluster_reply *replies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(replies[i].ok);
        replies[i] = (struct cluster_reply){0};
    }
}

int cluster_replies_check(const struct cluster *cluster, const struct cluster_reply *replies,
                          struct rift_error *err)
{
    size_t failures = 0, first = 0;
    for (size_t i = cluster->node_count; i-- > 0;) {
        if (!replies[i].is_asked || replies[i].ok)
            continue;
        failures++;
        first = i;
    }
    if (failures == 0)
        return 0;
    const struct rift_error *error = &replies[first].error;
    if (failures > 1)
        return rift_fail(err, error->code, "%s (and %zu more nodes failed)", error->text,
                         failures - 1);
    return rift_fail(err, error->code, "%s", error->text);
}

int cluster_tell(struct cluster *cluster, const struct rift_node_set *set, const char *verb,
                 const json_t *args, int64_t deadline_ms, struct rift_error *err)
{
    json_t **same = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    for (size_t i = 0; i < cluster->node_count; i++)
        same[i] = (json_t *)args;
    cluster_call(cluster, set, verb, same, deadline_ms, replies);
    int result = cluster_replies_check(cluster, replies, err);
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(same);
    return result;
}

struct rift_node_set cluster_primaries(struct cluster *cluster, int64_t deadline_ms)
{
    struct rift_node_set all, primaries = {0};
    cluster_all(cluster, &all);
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    json_t *args = json_pack("{s:I}", "deadline_ms", (json_int_t)deadline_ms);
    json_t **same = rift_calloc(cluster->node_count, sizeof(json_t *));
    for (size_t i = 0; i < cluster->node_count; i++)
        same[i] = args;
    cluster_call(cluster, &all, "system.role", same, deadline_ms, replies);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (json_is_true(json_object_get(replies[i].ok, "leader")))
            rift_node_set_add(&primaries, i);
    }
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(same);
    json_decref(args);
    return primaries;
}

int64_t cluster_time_of_node(const struct cluster *cluster, size_t node, int64_t agent_ns)
{
    return agent_ns - rift_node_clock_offset(cluster->nodes[node], NULL);
}

int64_t cluster_time_at_node(const struct cluster *cluster, size_t node, int64_t our_ns)
{
    return our_ns + rift_node_clock_offset(cluster->nodes[node], NULL);
}

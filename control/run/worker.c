/* Workers: one thread each with one client session.
 *
 * The worker takes the time right before its client sends and right after it returns, so that an
 * operation's interval is as tight as it can honestly be. Opening a session lies outside of it: an
 * operation whose session could not be opened was never sent. */
#include "control/run/worker.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

enum { WORKER_STACK_BYTES = 1 << 20 };

struct worker_crew {
    atomic_uint references;
    const struct rift_client *client;
    struct run_mailbox *mailbox;
    size_t node_count;
    struct rift_client_config *configs; /* deep copies */
    char **addresses;                   /* of all nodes, NULL-terminated */
};

struct worker {
    struct worker_crew *crew;
    unsigned thread;
    pthread_t pthread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    struct run_job *job;
    bool is_dismissed;
    bool is_abandoned; /* the thread frees the worker itself */
    bool has_ended;
    void *session;
};

struct worker_crew *worker_crew_create(const struct rift_client *client,
                                       const struct rift_client_config *configs, size_t node_count,
                                       struct run_mailbox *mailbox)
{
    struct worker_crew *crew = rift_calloc(1, sizeof *crew);
    atomic_init(&crew->references, 1);
    crew->client = client;
    crew->mailbox = mailbox;
    run_mailbox_retain(mailbox);
    crew->node_count = node_count;
    crew->configs = rift_calloc(node_count, sizeof *crew->configs);
    crew->addresses = rift_calloc(node_count + 1, sizeof *crew->addresses);
    for (size_t i = 0; i < node_count; i++) {
        crew->addresses[i] = rift_strdup(configs[i].address);
        crew->configs[i] = (struct rift_client_config){
            .node = rift_strdup(configs[i].node),
            .address = crew->addresses[i],
            .all_addresses = (const char *const *)crew->addresses,
            .run_id = rift_strdup(configs[i].run_id),
            .options = json_deep_copy(configs[i].options),
        };
    }
    return crew;
}

void worker_crew_release(struct worker_crew *crew)
{
    if (!crew || atomic_fetch_sub(&crew->references, 1) != 1)
        return;
    for (size_t i = 0; i < crew->node_count; i++) {
        free((char *)crew->configs[i].node);
        free((char *)crew->configs[i].run_id);
        json_decref((json_t *)crew->configs[i].options);
        free(crew->addresses[i]);
    }
    free(crew->configs);
    free(crew->addresses);
    run_mailbox_release(crew->mailbox);
    free(crew);
}

static void worker_close_session(struct worker *worker)
{
    if (worker->session)
        worker->crew->client->close(worker->session);
    worker->session = NULL;
}

static bool worker_open_session(struct worker *worker, const struct run_job *job)
{
    struct rift_client_config config =
        worker->crew->configs[worker->thread % worker->crew->node_count];
    config.open_deadline_ns = rift_clock_now() + job->timeout_ns;
    struct rift_error err = {0};
    if (worker->crew->client->open(&config, &worker->session, &err) == 0)
        return true;
    worker->session = NULL;
    rift_log(RIFT_LOG_INFO, "client of thread %u to %s: %s", worker->thread, config.node, err.text);
    return false;
}

static void worker_do(struct worker *worker, struct run_job *job)
{
    if (job->wants_fresh_session)
        worker_close_session(worker);
    if (!worker->session && !worker_open_session(worker, job)) {
        job->start_ns = job->end_ns = rift_clock_now();
        job->answer.type = RIFT_OP_FAIL;
        snprintf(job->answer.error, sizeof job->answer.error, "no session");
        return;
    }
    if (job->only_opens)
        return;
    struct rift_request request = {
        .f = job->f, .key = job->key, .argument = job->argument, .values = job->values};
    job->start_ns = rift_clock_now();
    request.deadline_ns = job->start_ns + job->timeout_ns;
    worker->crew->client->invoke(worker->session, &request, &job->answer);
    job->end_ns = rift_clock_now();
    if (job->answer.is_session_broken)
        worker_close_session(worker);
}

static struct run_job *worker_next_job(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->job && !worker->is_dismissed)
        pthread_cond_wait(&worker->changed, &worker->lock);
    struct run_job *job = worker->job;
    worker->job = NULL;
    pthread_mutex_unlock(&worker->lock);
    return job;
}

static void worker_free(struct worker *worker)
{
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    worker_crew_release(worker->crew);
    free(worker);
}

static void *worker_run(void *context)
{
    struct worker *worker = context;
    for (struct run_job *job; (job = worker_next_job(worker));) {
        worker_do(worker, job);
        run_mailbox_post(worker->crew->mailbox,
                         (struct run_letter){.kind = LETTER_JOB, .job = job});
    }
    worker_close_session(worker);
    pthread_mutex_lock(&worker->lock);
    worker->has_ended = true;
    bool frees_itself = worker->is_abandoned;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (frees_itself)
        worker_free(worker);
    return NULL;
}

struct worker *worker_start(struct worker_crew *crew, unsigned thread)
{
    struct worker *worker = rift_calloc(1, sizeof *worker);
    worker->crew = crew;
    worker->thread = thread;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    atomic_fetch_add(&crew->references, 1);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    int failure = pthread_create(&worker->pthread, &attributes, worker_run, worker);
    pthread_attr_destroy(&attributes);
    if (failure == 0)
        return worker;
    worker_free(worker);
    return NULL;
}

void worker_give(struct worker *worker, struct run_job *job)
{
    pthread_mutex_lock(&worker->lock);
    assert(!worker->job && !worker->is_dismissed);
    worker->job = job;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

void worker_dismiss(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->is_dismissed = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

void worker_abandon(struct worker *worker)
{
    pthread_t thread = worker->pthread;
    pthread_mutex_lock(&worker->lock);
    worker->is_dismissed = true;
    worker->is_abandoned = !worker->has_ended;
    bool has_ended = worker->has_ended;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (has_ended) {
        pthread_join(thread, NULL);
        worker_free(worker);
    } else {
        pthread_detach(thread);
    }
}

void worker_join(struct worker *worker, int64_t deadline_ns)
{
    if (!worker)
        return;
    struct timespec until = {.tv_sec = deadline_ns / RIFT_SECOND,
                             .tv_nsec = deadline_ns % RIFT_SECOND};
    pthread_mutex_lock(&worker->lock);
    int waited = 0;
    while (!worker->has_ended && waited == 0)
        waited = pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
    pthread_mutex_unlock(&worker->lock);
    worker_abandon(worker); /* joins one that has ended */
}

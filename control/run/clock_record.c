/* The wall clocks of all nodes, recorded all the time. The threads of the nodes ask for them once a
 * second; what is new since the last time is written down. */
#include "control/run/clock_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/memory.h"

enum { CLOCK_RECORD_EVERY_MS = 1000, CLOCK_RECORD_ASK_MS = 1000 };

struct clock_record {
    struct cluster *cluster;
    struct interpreter *interpreter;
    int64_t origin_ns;
    bool asks_system;
    int64_t *recorded_ns; /* by node: the latest sample that was written down */
    struct cluster_reply *replies;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopped;
};

static json_t *describe(int64_t at_ns, int64_t ahead_ns, int64_t error_ns)
{
    return json_pack("{s:I, s:I, s:I}", "at_ns", (json_int_t)at_ns, "ahead_ns",
                     (json_int_t)ahead_ns, "error_ns", (json_int_t)error_ns);
}

/* Of the processes that are shown another time than the host's the one that is shown the worst. */
static void add_shown(json_t *entry, const struct rift_wall_sample *sample, const json_t *reply,
                      int64_t at_ns)
{
    const json_t *worst = NULL;
    json_t *process;
    size_t i;
    json_array_foreach(json_object_get(reply, "processes"), i, process)
    {
        if (!worst || llabs(json_integer_value(json_object_get(process, "ahead_ns"))) >
                          llabs(json_integer_value(json_object_get(worst, "ahead_ns"))))
            worst = process;
    }
    if (!worst)
        return;
    json_int_t ahead_ns = json_integer_value(json_object_get(worst, "ahead_ns"));
    json_int_t error_ns = json_integer_value(json_object_get(worst, "error_ns"));
    json_object_set_new(entry, "system",
                        describe(at_ns, sample->ahead_ns + ahead_ns, sample->error_ns + error_ns));
}

static void clock_record_once(struct clock_record *record)
{
    struct cluster *cluster = record->cluster;
    int64_t asked_ns = rift_clock_now() - record->origin_ns;
    if (record->asks_system) {
        struct rift_node_set connected;
        cluster_connected(cluster, &connected);
        cluster_call(cluster, &connected, "system.clock", NULL, CLOCK_RECORD_ASK_MS,
                     record->replies);
    }
    json_t *clocks = json_object();
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct rift_wall_sample sample = rift_node_wall_clock(cluster->nodes[i]);
        if (sample.at_ns <= record->recorded_ns[i] || sample.at_ns < record->origin_ns)
            continue;
        record->recorded_ns[i] = sample.at_ns;
        json_t *entry =
            describe(sample.at_ns - record->origin_ns, sample.ahead_ns, sample.error_ns);
        add_shown(entry, &sample, record->replies[i].ok, asked_ns);
        json_object_set_new(clocks, cluster->names[i], entry);
    }
    cluster_replies_free(record->replies, cluster->node_count);
    if (json_object_size(clocks) == 0) {
        json_decref(clocks);
        return;
    }
    struct run_fault_op *op = run_fault_op_create("clock", NULL);
    interpreter_post_fault_begun(record->interpreter, op);
    op->result = clocks;
    op->end_ns = rift_clock_now();
    interpreter_post_fault_ended(record->interpreter, op);
}

static bool clock_record_wait(struct clock_record *record, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / RIFT_SECOND, .tv_nsec = until_ns % RIFT_SECOND};
    int waited = 0;
    pthread_mutex_lock(&record->lock);
    while (!record->is_stopped && waited == 0)
        waited = pthread_cond_timedwait(&record->stopped, &record->lock, &until);
    bool goes_on = !record->is_stopped;
    pthread_mutex_unlock(&record->lock);
    return goes_on;
}

static void *clock_record_run(void *context)
{
    struct clock_record *record = context;
    int64_t next_ns = rift_clock_now();
    while (clock_record_wait(record, next_ns)) {
        next_ns = rift_clock_now() + CLOCK_RECORD_EVERY_MS * RIFT_MS;
        clock_record_once(record);
    }
    return NULL;
}

static void clock_record_free(struct clock_record *record)
{
    pthread_cond_destroy(&record->stopped);
    pthread_mutex_destroy(&record->lock);
    free(record->recorded_ns);
    free(record->replies);
    free(record);
}

struct clock_record *clock_record_start(struct cluster *cluster, struct interpreter *interpreter,
                                        int64_t origin_ns, bool asks_system, struct rift_error *err)
{
    struct clock_record *record = rift_calloc(1, sizeof *record);
    record->cluster = cluster;
    record->interpreter = interpreter;
    record->origin_ns = origin_ns;
    record->asks_system = asks_system;
    record->recorded_ns = rift_calloc(cluster->node_count, sizeof *record->recorded_ns);
    record->replies = rift_calloc(cluster->node_count, sizeof *record->replies);
    pthread_mutex_init(&record->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&record->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&record->thread, NULL, clock_record_run, record) == 0)
        return record;
    rift_fail_errno(err, RIFT_ERR_LIMIT, "start the thread that records the clocks");
    clock_record_free(record);
    return NULL;
}

void clock_record_stop(struct clock_record *record)
{
    if (!record)
        return;
    pthread_mutex_lock(&record->lock);
    record->is_stopped = true;
    pthread_cond_signal(&record->stopped);
    pthread_mutex_unlock(&record->lock);
    pthread_join(record->thread, NULL);
    clock_record_free(record);
}

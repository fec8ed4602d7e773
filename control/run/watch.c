/* The watch over a run: each event goes to the writer first, then to the online judge. */
#include "control/run/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/online.h"
#include "common/clock.h"
#include "common/memory.h"

enum { WATCH_EVERY_MS = 100 };

struct run_watch {
    struct run_journal journal;
    struct rift_online *online;
    struct run_stop *stop;
    atomic_bool is_ending;
    pthread_t thread;
};

static int64_t watch_invoke(void *context, int64_t time_ns, int32_t process, const char *f,
                            const struct rift_values *values, struct rift_value key,
                            struct rift_value argument, const char *node)
{
    struct run_watch *watch = context;
    int64_t id = watch->journal.invoke(watch->journal.context, time_ns, process, f, values, key,
                                       argument, node);
    if (process != RIFT_PROCESS_NEMESIS)
        rift_online_invoke(watch->online, id, time_ns, process, f, values, key, argument);
    return id;
}

static void watch_complete(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                           int64_t end_ns, const struct rift_values *values,
                           struct rift_value result, struct rift_value extra, const char *error)
{
    struct run_watch *watch = context;
    watch->journal.complete(watch->journal.context, id, type, start_ns, end_ns, values, result,
                            extra, error);
    rift_online_complete(watch->online, id, type, start_ns, end_ns, values, result);
}

static int watch_status(void *context, struct rift_error *err)
{
    struct run_watch *watch = context;
    return watch->journal.status(watch->journal.context, err);
}

static void *watch_run(void *context)
{
    struct run_watch *watch = context;
    while (!atomic_load(&watch->is_ending)) {
        int64_t next_ns = rift_clock_now() + WATCH_EVERY_MS * RIFT_MS;
        const char *reason = NULL;
        if (rift_online_is_violated(watch->online, next_ns, &reason)) {
            run_stop_on_violation(watch->stop, reason);
            break;
        }
        rift_clock_sleep_until(next_ns);
    }
    return NULL;
}

static const json_t *checker_options(const struct rift_plan *plan)
{
    for (size_t i = 0; i < plan->checker_count; i++)
        if (strcmp(plan->checkers[i].name, "linearizable") == 0)
            return plan->checkers[i].options;
    return NULL;
}

struct run_watch *run_watch_create(const struct rift_plan *plan, struct run_journal journal,
                                   struct run_stop *stop, struct rift_error *err)
{
    const json_t *options = checker_options(plan);
    if (!options) {
        rift_fail(err, RIFT_ERR_INVALID,
                  "stop_on: violation watches for what the checker 'linearizable' convicts, and "
                  "this plan has no such checker");
        return NULL;
    }
    struct rift_online *online = rift_online_create(options, err);
    if (!online) {
        rift_wrap(err, "stop_on: violation");
        return NULL;
    }
    struct run_watch *watch = rift_calloc(1, sizeof *watch);
    watch->journal = journal;
    watch->online = online;
    watch->stop = stop;
    if (pthread_create(&watch->thread, NULL, watch_run, watch) == 0)
        return watch;
    rift_fail_errno(err, RIFT_ERR_LIMIT, "start the thread that watches the run");
    rift_online_destroy(online);
    free(watch);
    return NULL;
}

struct run_journal run_watch_journal(struct run_watch *watch)
{
    return (struct run_journal){watch, watch_invoke, watch_complete, watch_status};
}

void run_watch_destroy(struct run_watch *watch)
{
    if (!watch)
        return;
    atomic_store(&watch->is_ending, true);
    pthread_join(watch->thread, NULL);
    rift_online_destroy(watch->online);
    free(watch);
}

/* Two timers by turns. A start is a job, as it may wait for processes to be ready; a crash that
 * comes before it is done ends it. */
#include "agent/crash_loop.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/job.h"
#include "agent/system.h"
#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/ledger.h"

enum { SECONDS_MAX = 3600 };

struct crash_loop {
    struct agent *agent;
    struct rift_injection *injection;
    const struct rift_target *target;
    int64_t restart_ns, again_ns; /* again_ns 0: once */
    uint64_t timer;
    int64_t job; /* 0: none yet */
};

static void crash_loop_start_due(void *context);

/* The undo record tells of the processes that were hit last. */
static int crash_loop_hit(struct crash_loop *loop, struct rift_error *err)
{
    struct rift_injection *injection = loop->injection;
    const char *ledger = loop->agent->paths.ledger;
    if (injection->driver->plan(injection, loop->target, ledger, err) ||
        rift_ledger_write(ledger, injection, err))
        return -1;
    return injection->driver->inject(injection, loop->target, err);
}

static void crash_loop_hit_due(void *context)
{
    struct crash_loop *loop = context;
    struct rift_error err = {0};
    job_cancel(loop->agent, loop->job);
    /* Nothing may run where a start failed: then the next one is tried. */
    if (crash_loop_hit(loop, &err) && err.code != RIFT_ERR_MISSING)
        fprintf(stderr, "rift-agent: %s again: %s\n", loop->injection->id, err.text);
    loop->timer = loop_timer_set(&loop->agent->loop, rift_clock_now() + loop->restart_ns,
                                 crash_loop_start_due, loop);
}

static void crash_loop_start_due(void *context)
{
    struct crash_loop *loop = context;
    struct rift_error err = {0};
    loop->timer = 0;
    if (system_start_now(loop->agent, &loop->job, &err) < 0)
        fprintf(stderr, "rift-agent: %s: start again: %s\n", loop->injection->id, err.text);
    if (loop->again_ns > 0)
        loop->timer = loop_timer_set(&loop->agent->loop, rift_clock_now() + loop->again_ns,
                                     crash_loop_hit_due, loop);
}

static int read_seconds(const json_t *options, const char *name, int64_t *ns,
                        struct rift_error *err)
{
    double seconds = json_number_value(json_object_get(options, name));
    if (!(seconds >= 0 && seconds <= SECONDS_MAX))
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' must be from 0 to %d", name, SECONDS_MAX);
    *ns = (int64_t)(seconds * 1e9);
    return 0;
}

int crash_loop_begin(struct agent *agent, struct rift_injection *injection,
                     const struct rift_target *target, struct crash_loop **loop,
                     struct rift_error *err)
{
    int64_t restart_ns, again_ns;
    if (read_seconds(injection->options, "restart_after_s", &restart_ns, err) ||
        read_seconds(injection->options, "again_after_s", &again_ns, err))
        return -1;
    if (restart_ns == 0 && again_ns > 0)
        return rift_fail(err, RIFT_ERR_INVALID, "'again_after_s' needs restart_after_s");
    if (restart_ns == 0)
        return 0;
    if (!system_is_configured(agent))
        return rift_fail(err, RIFT_ERR_MISSING, "no system is configured that could be started");
    *loop = rift_calloc(1, sizeof **loop);
    **loop = (struct crash_loop){.agent = agent,
                                 .injection = injection,
                                 .target = target,
                                 .restart_ns = restart_ns,
                                 .again_ns = again_ns};
    (*loop)->timer =
        loop_timer_set(&agent->loop, rift_clock_now() + restart_ns, crash_loop_start_due, *loop);
    return 0;
}

void crash_loop_end(struct crash_loop *loop)
{
    if (!loop)
        return;
    loop_timer_cancel(&loop->agent->loop, loop->timer);
    job_cancel(loop->agent, loop->job);
    free(loop);
}

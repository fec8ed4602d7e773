/* The nemesis of a run: one thread for each lane.
 *
 * A lane prepares a window a little before its start (who is primary, who hears whom), has all
 * nodes begin at one moment, looks, waits, heals, and looks again. Whatever happens in between, a
 * window that was injected is healed; what a node does not answer to, its lease ends. */
#include "control/run/nemesis.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"
#include "control/run/fault_heal.h"
#include "control/run/fault_look.h"
#include "control/run/fault_window.h"
#include "control/run/lead.h"

/* Before the calls that inject: for roles and probes. */
#define NEMESIS_PREPARE_NS (600 * RIFT_MS)
/* From the start until the first look: what was in flight has arrived by then. */
#define NEMESIS_LOOK_NS  (20 * RIFT_MS)
#define NEMESIS_AGAIN_NS (RIFT_SECOND / 2) /* from one look to the next */

struct lane {
    struct nemesis *nemesis;
    const char *name;
    pthread_t thread;
    bool is_started;
    char *active; /* what is broken, or NULL; under the nemesis' lock */
};

/* What came of a wait; under the nemesis' lock. */
struct wait_outcome {
    bool is_done, is_met;
    int64_t end_ns; /* since the phase began */
    struct rift_node_set primaries;
};

struct nemesis {
    struct nemesis_settings settings;
    struct lead lead;           /* between those calls and the moment that they agree on */
    struct wait_outcome *waits; /* of each window of the schedule */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopped;
    struct lane *lanes;
    size_t lane_count;
};

/* False where the nemesis was stopped first. */
static bool nemesis_wait(struct nemesis *nemesis, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / RIFT_SECOND, .tv_nsec = until_ns % RIFT_SECOND};
    pthread_mutex_lock(&nemesis->lock);
    int waited = 0;
    while (!nemesis->is_stopped && waited == 0)
        waited = pthread_cond_timedwait(&nemesis->stopped, &nemesis->lock, &until);
    bool goes_on = !nemesis->is_stopped;
    pthread_mutex_unlock(&nemesis->lock);
    return goes_on;
}

static bool nemesis_wait_for_fault(void *context, int64_t until_ns)
{
    return nemesis_wait(context, until_ns);
}

static void lane_set_active(struct lane *lane, const char *what)
{
    char *copy = what ? rift_strdup(what) : NULL;
    pthread_mutex_lock(&lane->nemesis->lock);
    char *old = lane->active;
    lane->active = copy;
    pthread_mutex_unlock(&lane->nemesis->lock);
    free(old);
}

static struct run_fault_op *lane_begin(struct lane *lane, const struct fault_window *fault,
                                       const char *prefix, json_t *planned)
{
    CLEANUP(rift_free)
    char *f = rift_printf("%s-%s", prefix, fault->window->what.fault->name);
    struct run_fault_op *op = run_fault_op_create(f, planned);
    interpreter_post_fault_begun(lane->nemesis->settings.interpreter, op);
    rift_log(RIFT_LOG_INFO, "%s %s", f, fault->what);
    return op;
}

static void lane_end(struct lane *lane, struct run_fault_op *op, json_t *result,
                     const struct fault_window *fault)
{
    op->result = result;
    op->error = fault->error.code != RIFT_ERR_NONE ? "a node failed" : NULL;
    op->end_ns = rift_clock_now();
    interpreter_post_fault_ended(lane->nemesis->settings.interpreter, op);
}

static void lane_report_failure(struct lane *lane, const struct fault_window *fault)
{
    const struct nemesis_settings *settings = &lane->nemesis->settings;
    if (fault->error.code == RIFT_ERR_NONE)
        return;
    rift_log(RIFT_LOG_WARNING, "%s %s: %s", fault->window->what.fault->name, fault->what,
             fault->error.text);
    if (settings->on_failure)
        settings->on_failure(settings->context, &fault->error);
}

/* What was not seen at once is looked for until the window is healed, or changes. */
static json_t *lane_observe(struct lane *lane, struct fault_window *fault, int64_t until_ns)
{
    json_t *seen = fault_window_observe(fault, until_ns);
    while (fault_window_may_be_seen_later(fault, seen) &&
           rift_clock_now() + 2 * NEMESIS_AGAIN_NS < until_ns &&
           nemesis_wait(lane->nemesis, rift_clock_now() + NEMESIS_AGAIN_NS))
        seen = fault_window_observe_again(fault, seen, until_ns);
    return seen;
}

static json_t *not_done(const struct fault_window *fault)
{
    return json_pack("{s:b, s:{}, s:s}", "observed", 0, "nodes", "why", fault->error.text);
}

/* What was asked of all nodes and some refused is not seen by looking, as it goes on as before. */
static json_t *lane_change(struct lane *lane, struct fault_window *fault, const json_t *options,
                           int64_t until_ns)
{
    fault_window_change(fault, options);
    if (fault->error.code != RIFT_ERR_NONE)
        return not_done(fault);
    nemesis_wait(lane->nemesis, rift_clock_now() + NEMESIS_LOOK_NS);
    return lane_observe(lane, fault, until_ns);
}

/* Of a window that varies: its options change again and again, as the seed says, and each time is
 * looked at. */
static void lane_vary(struct lane *lane, struct fault_window *fault, int64_t start_ns,
                      int64_t heal_ns)
{
    const struct rift_window *window = fault->window;
    uint64_t count = rift_window_vary_count(window);
    for (uint64_t number = 1; number <= count; number++) {
        if (!nemesis_wait(lane->nemesis, start_ns + (int64_t)number * window->vary_ns))
            return;
        json_t *options = rift_window_vary(window, number);
        fault->error.code = RIFT_ERR_NONE;
        struct run_fault_op *op =
            lane_begin(lane, fault, "change",
                       json_pack("{s:I, s:s, s:O}", "window", (json_int_t)window->number, "what",
                                 fault->what, "options", options));
        int64_t next_ns = start_ns + (int64_t)(number + 1) * window->vary_ns;
        lane_end(lane, op, lane_change(lane, fault, options, next_ns < heal_ns ? next_ns : heal_ns),
                 fault);
        json_decref(options);
        lane_report_failure(lane, fault);
    }
}

static void lane_break_and_heal(struct lane *lane, struct fault_window *fault)
{
    struct nemesis *nemesis = lane->nemesis;
    int64_t start_ns =
        nemesis->settings.phase_origin_ns + fault->window->start_ns - fault->sooner_ns;
    int64_t earliest_ns = rift_clock_now() + lead_of(&nemesis->lead, nemesis->settings.cluster);
    if (start_ns < earliest_ns)
        start_ns = earliest_ns;
    struct run_fault_op *op = lane_begin(lane, fault, "start", fault_window_planned(fault));
    CLEANUP(rift_free)
    char *active = rift_printf("%s %s", fault->window->what.fault->name, fault->what);
    lane_set_active(lane, active);
    lead_learn(&nemesis->lead, fault_window_inject(fault, start_ns));
    nemesis_wait(nemesis, start_ns + NEMESIS_LOOK_NS + lead_clock_error(nemesis->settings.cluster));
    int64_t heal_ns = fault->is_over ? rift_clock_now() : start_ns + fault->window->length_ns;
    int64_t change_ns = start_ns + fault->window->vary_ns;
    bool changes = rift_window_vary_count(fault->window) > 0;
    lane_end(lane, op, lane_observe(lane, fault, changes ? change_ns : heal_ns), fault);
    lane_report_failure(lane, fault);

    lane_vary(lane, fault, start_ns, heal_ns);
    nemesis_wait(nemesis, heal_ns);
    fault->error.code = RIFT_ERR_NONE;
    op = lane_begin(
        lane, fault, "stop",
        json_pack("{s:I, s:s}", "window", (json_int_t)fault->window->number, "what", fault->what));
    lane_end(lane, op, fault_window_heal(fault), fault);
    lane_set_active(lane, NULL);
    lane_report_failure(lane, fault);
}

/* A window that names nobody is recorded too: it was planned, and did not happen. */
static void lane_skip(struct lane *lane, struct fault_window *fault)
{
    struct run_fault_op *op = lane_begin(lane, fault, "start", fault_window_planned(fault));
    lane_end(lane, op, not_done(fault), fault);
    lane_report_failure(lane, fault);
}

/* The wait that the window comes after. */
static struct wait_outcome *wait_before(struct nemesis *nemesis, const struct rift_window *window)
{
    const struct rift_schedule *schedule = nemesis->settings.schedule;
    for (size_t i = 0; i < schedule->count; i++) {
        if (schedule->windows[i].start_ns == window->wait_start_ns &&
            strcmp(schedule->windows[i].lane, window->wait_lane) == 0)
            return &nemesis->waits[i];
    }
    return NULL;
}

/* Until the wait before the window is over; false: the nemesis was stopped first. */
static bool await_wait(struct nemesis *nemesis, const struct rift_window *window,
                       struct wait_outcome *outcome)
{
    *outcome = (struct wait_outcome){.is_met = true, .end_ns = window->wait_end_ns};
    struct wait_outcome *wait = window->wait_lane ? wait_before(nemesis, window) : NULL;
    pthread_mutex_lock(&nemesis->lock);
    while (wait && !wait->is_done && !nemesis->is_stopped)
        pthread_cond_wait(&nemesis->stopped, &nemesis->lock);
    bool goes_on = !nemesis->is_stopped;
    if (wait)
        *outcome = *wait;
    pthread_mutex_unlock(&nemesis->lock);
    return goes_on;
}

static void lane_end_wait(struct lane *lane, size_t index, const struct fault_window *fault)
{
    struct nemesis *nemesis = lane->nemesis;
    pthread_mutex_lock(&nemesis->lock);
    nemesis->waits[index] =
        (struct wait_outcome){.is_done = true,
                              .is_met = fault->is_met,
                              .end_ns = rift_clock_now() - nemesis->settings.phase_origin_ns,
                              .primaries = fault->primaries};
    pthread_cond_broadcast(&nemesis->stopped);
    pthread_mutex_unlock(&nemesis->lock);
}

static void *lane_run(void *context)
{
    struct lane *lane = context;
    struct nemesis *nemesis = lane->nemesis;
    const struct rift_schedule *schedule = nemesis->settings.schedule;
    rift_process_hurry(1);
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_window *window = &schedule->windows[i];
        if (strcmp(window->lane, lane->name) != 0)
            continue;
        struct wait_outcome wait;
        if (!await_wait(nemesis, window, &wait))
            break;
        int64_t sooner_ns = window->wait_end_ns - wait.end_ns;
        int64_t start_ns = nemesis->settings.phase_origin_ns + window->start_ns - sooner_ns;
        if (!nemesis_wait(nemesis, start_ns - NEMESIS_PREPARE_NS -
                                       lead_of(&nemesis->lead, nemesis->settings.cluster)))
            break;
        struct fault_window fault = {0};
        int prepared = fault_window_prepare_after(&fault, nemesis->settings.cluster, window,
                                                  nemesis->settings.run_origin_ns, &wait.primaries);
        fault.sooner_ns = sooner_ns;
        if (prepared == 0 && !wait.is_met)
            prepared = rift_fail(&fault.error, RIFT_ERR_TIMEOUT, "the wait before it was in vain");
        if (prepared == 0) {
            fault.wait = nemesis_wait_for_fault;
            fault.wait_context = nemesis;
            lane_break_and_heal(lane, &fault);
        } else {
            lane_skip(lane, &fault);
        }
        if (window->what.fault == &rift_wait_for)
            lane_end_wait(lane, i, &fault);
        fault_window_finish(&fault);
    }
    return NULL;
}

static struct lane *nemesis_find_lane(struct nemesis *nemesis, const char *name)
{
    for (size_t i = 0; i < nemesis->lane_count; i++) {
        if (strcmp(nemesis->lanes[i].name, name) == 0)
            return &nemesis->lanes[i];
    }
    return NULL;
}

struct nemesis *nemesis_start(const struct nemesis_settings *settings, struct rift_error *err)
{
    struct nemesis *nemesis = rift_calloc(1, sizeof *nemesis);
    nemesis->settings = *settings;
    pthread_mutex_init(&nemesis->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&nemesis->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    nemesis->waits = rift_calloc(settings->schedule->count, sizeof *nemesis->waits);
    nemesis->lanes = rift_calloc(settings->schedule->count, sizeof *nemesis->lanes);
    for (size_t i = 0; i < settings->schedule->count; i++) {
        const char *name = settings->schedule->windows[i].lane;
        if (!nemesis_find_lane(nemesis, name))
            nemesis->lanes[nemesis->lane_count++] = (struct lane){.nemesis = nemesis, .name = name};
    }
    for (size_t i = 0; i < nemesis->lane_count; i++) {
        struct lane *lane = &nemesis->lanes[i];
        lane->is_started = pthread_create(&lane->thread, NULL, lane_run, lane) == 0;
        if (lane->is_started)
            continue;
        rift_fail(err, RIFT_ERR_LIMIT, "cannot start a thread for faults of lane '%s'", lane->name);
        nemesis_stop(nemesis);
        nemesis_join(nemesis);
        nemesis_destroy(nemesis);
        return NULL;
    }
    return nemesis;
}

void nemesis_stop(struct nemesis *nemesis)
{
    pthread_mutex_lock(&nemesis->lock);
    nemesis->is_stopped = true;
    pthread_cond_broadcast(&nemesis->stopped);
    pthread_mutex_unlock(&nemesis->lock);
}

void nemesis_join(struct nemesis *nemesis)
{
    for (size_t i = 0; i < nemesis->lane_count; i++) {
        if (nemesis->lanes[i].is_started)
            pthread_join(nemesis->lanes[i].thread, NULL);
    }
}

void nemesis_destroy(struct nemesis *nemesis)
{
    if (!nemesis)
        return;
    for (size_t i = 0; i < nemesis->lane_count; i++)
        free(nemesis->lanes[i].active);
    free(nemesis->lanes);
    free(nemesis->waits);
    pthread_cond_destroy(&nemesis->stopped);
    pthread_mutex_destroy(&nemesis->lock);
    free(nemesis);
}

void nemesis_print_active(struct nemesis *nemesis, struct rift_text *text)
{
    pthread_mutex_lock(&nemesis->lock);
    for (size_t i = 0; i < nemesis->lane_count; i++) {
        if (nemesis->lanes[i].active)
            rift_text_printf(text, "%s%s", text->length ? ", " : "", nemesis->lanes[i].active);
    }
    pthread_mutex_unlock(&nemesis->lock);
}

/* From a plan to its phases, and to the schedule as text. */
#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "plan/generators/combinators.h"
#include "plan/generators/simulate.h"
#include "workloads/workload.h"

/* Without a rate the stream has no end before the time limit, which a simulation never reaches. */
enum { PRINTED_WITHOUT_RATE = 10000 };

int rift_workload_start(const struct rift_plan *plan, struct rift_arena *arena,
                        struct rift_workload_phases *phases, struct rift_error *err)
{
    const struct rift_workload *workload = rift_workload_find(plan->workload.name);
    if (!workload)
        return rift_fail(err, RIFT_ERR_MISSING, "there is no workload '%s'", plan->workload.name);
    struct rift_workload_request request = {.options = plan->workload.options,
                                            .thread_count = plan->concurrency,
                                            .node_count = plan->host_count,
                                            .rate_hz = plan->rate_hz,
                                            .seed = plan->seed,
                                            .arena = arena};
    *phases = (struct rift_workload_phases){.setup = NULL};
    if (workload->build(&request, phases, err) != 0)
        return rift_wrap(err, "workload '%s'", workload->name);
    phases->main = rift_generator_time_limit(
        arena, (plan->time_limit_ms + plan->recovery_ms) * RIFT_MS, phases->main);
    return 0;
}

struct printer {
    FILE *out;
    const char *phase;
    const struct rift_schedule *schedule; /* of the main phase, else NULL */
    const struct rift_plan *plan;
    size_t next_window;
    uint64_t count, limit; /* 0: no limit */
};

/* Below its window, though operations come before it. */
static void print_change(struct printer *printer, const struct rift_window *window, uint64_t number)
{
    json_t *changed = rift_window_vary(window, number);
    CLEANUP(rift_free) char *options = json_dumps(changed, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(changed);
    int64_t at_ns = window->start_ns + (int64_t)number * window->vary_ns;
    fprintf(printer->out, "main %12.6f change %u %s options %s\n", (double)at_ns / 1e9,
            window->number, window->what.fault->name, options ? options : "{}");
}

static void print_windows_until(struct printer *printer, int64_t time_ns)
{
    const struct rift_schedule *schedule = printer->schedule;
    while (schedule && printer->next_window < schedule->count &&
           schedule->windows[printer->next_window].start_ns <= time_ns) {
        const struct rift_window *window = &schedule->windows[printer->next_window++];
        json_t *json =
            rift_window_to_json(window, printer->plan->host_count, printer->plan->host_names);
        CLEANUP(rift_free)
        char *options = json_dumps(json_object_get(json, "options"), JSON_COMPACT | JSON_SORT_KEYS);
        CLEANUP(rift_free)
        char *target =
            rift_window_target(window, printer->plan->host_count, printer->plan->host_names);
        fprintf(printer->out, "main %12.6f fault %u %s %s for %.3f lane %s options %s\n",
                (double)window->start_ns / 1e9, window->number, window->what.fault->name, target,
                (double)window->length_ns / 1e9, window->lane, options ? options : "{}");
        json_decref(json);
        for (uint64_t i = 1; i <= rift_window_vary_count(window); i++)
            print_change(printer, window, i);
    }
}

static bool print_op(void *context, const struct rift_planned_op *op, unsigned thread,
                     int64_t now_ns, const struct rift_values *values)
{
    struct printer *printer = context;
    (void)now_ns;
    print_windows_until(printer, op->due_ns);
    CLEANUP(rift_free) char *key = rift_value_print(values, op->key);
    CLEANUP(rift_free) char *argument = rift_value_print(values, op->argument);
    fprintf(printer->out, "%s %12.6f op %s key %s %s", printer->phase, (double)op->due_ns / 1e9,
            op->f, key, argument);
    if (op->thread != RIFT_THREAD_ANY)
        fprintf(printer->out, " thread %u", thread);
    fputc('\n', printer->out);
    return ++printer->count != printer->limit;
}

static void print_phase(struct printer *printer, struct rift_generator *generator, const char *name)
{
    if (!generator)
        return;
    struct rift_simulation simulation = {
        .thread_count = printer->plan->concurrency, .visit = print_op, .context = printer};
    printer->phase = name;
    printer->count = 0;
    rift_generator_simulate(generator, &simulation);
    if (printer->limit && printer->count == printer->limit)
        fprintf(printer->out, "# as fast as they can, and so on: the first %llu are shown\n",
                (unsigned long long)printer->limit);
}

int rift_workload_print_schedule(const struct rift_plan *plan, FILE *out, struct rift_error *err)
{
    struct rift_schedule *schedule = rift_plan_schedule(plan, err);
    if (!schedule)
        return -1;
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    int result = rift_workload_start(plan, &arena, &phases, err);
    struct printer printer = {
        .out = out, .plan = plan, .limit = plan->rate_hz > 0 ? 0 : PRINTED_WITHOUT_RATE};
    if (result == 0) {
        fprintf(out, "# seed %llu\n", (unsigned long long)plan->seed);
        print_phase(&printer, phases.setup, "setup");
        printer.schedule = schedule;
        print_phase(&printer, phases.main, "main");
        print_windows_until(&printer, INT64_MAX);
        printer.schedule = NULL;
        print_phase(&printer, phases.final, "final");
        if (fflush(out) != 0 && errno == EPIPE) /* who reads it has seen enough, as head(1) has */
            clearerr(out);
        if (ferror(out))
            result = rift_fail_errno(err, RIFT_ERR_IO, "print the schedule");
    }
    rift_arena_finish(&arena);
    rift_schedule_destroy(schedule);
    return result;
}

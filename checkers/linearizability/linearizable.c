/* The checker "linearizable": each key an object of its own (linearizability is local: Herlihy and
 * Wing 1990), keys in parallel, the small ones first, all within one budget. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/explain.h"
#include "checkers/linearizability/guess.h"
#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/keys.h"
#include "checkers/linearizability/saturation.h"
#include "checkers/models/machine.h"
#include "checkers/models/plugin.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

enum { THREADS_MAX = 64, UNKNOWN_KEYS_NAMED = 3, SHRUNK_KEYS = 16, SHRINK_BRIEF_MS = 50 };

/* One key: what to judge, and what came of it. */
struct task {
    size_t key;
    size_t row_count;
    enum rift_answer answer;
    bool is_broken;    /* err tells */
    bool is_saturated; /* valid, but nearly anything would have been */
    bool is_refuted;   /* two algorithms contradict each other */
    const char *algorithm;
    uint32_t op_count, info_count, event_count, reached;
    struct rift_problem
        *problem; /* kept for invalid ones, and for valid ones whose order is wanted */
    struct rift_judgement judgement;
    struct rift_error err;
};

struct checking {
    const struct rift_check *check;
    const struct rift_model *model;
    struct rift_model *machine; /* the model, where it was read from a file */
    void *plugin;               /* of the model, where it was loaded */
    struct rift_problem_options options;
    struct rift_key_split split;
    struct task *tasks;
    size_t task_count;
    atomic_size_t next, shrunk;
    struct rift_limits limits;
    unsigned thread_count;
    bool wants_order;
};

/* Shrinks the proof; false where that shows that it is none. The first few violations get all the
 * time they need; a store that breaks a thousand keys need not explain each as well. */
static bool is_confirmed(struct checking *checking, const struct rift_problem *problem,
                         struct task *task)
{
    struct rift_limits limits = checking->limits;
    int64_t brief = rift_clock_now() + SHRINK_BRIEF_MS * RIFT_MS;
    if (atomic_fetch_add(&checking->shrunk, 1) >= SHRUNK_KEYS && brief < limits.deadline_ns)
        limits.deadline_ns = brief;
    return rift_explain_minimise(problem, &limits, &task->judgement.certificate) != RIFT_REFUTED;
}

static void task_run(struct checking *checking, struct task *task, unsigned thread_count)
{
    const struct rift_key_split *split = &checking->split;
    task->answer = RIFT_ANSWER_NONE;
    if (rift_limits_are_spent(&checking->limits))
        return;
    struct rift_problem *problem = rift_problem_create(
        checking->model, checking->check->history, split->rows + split->first[task->key],
        task->row_count, &checking->options, &task->err);
    if (!problem) {
        task->is_broken = true;
        return;
    }
    rift_judge_problem(problem, &checking->limits, thread_count, &task->judgement);
    task->answer = task->judgement.answer;
    task->algorithm = task->judgement.algorithm;
    task->op_count = (uint32_t)problem->count;
    task->info_count = problem->info_count;
    task->event_count = problem->event_count;
    task->reached = task->judgement.reached;
    task->is_saturated = task->answer == RIFT_ANSWER_VALID && rift_is_saturated(problem);
    if (task->answer == RIFT_ANSWER_INVALID && !is_confirmed(checking, problem, task)) {
        rift_log(RIFT_LOG_ERROR, "%s found a key invalid whose proof has an order; please report",
                 task->algorithm);
        task->answer = RIFT_ANSWER_NONE;
        task->is_refuted = true;
    }
    if (task->answer == RIFT_ANSWER_INVALID ||
        (task->answer == RIFT_ANSWER_VALID && checking->wants_order)) {
        task->problem = problem;
    } else {
        rift_judgement_finish(&task->judgement);
        rift_problem_destroy(problem);
    }
}

static void *worker_run(void *context)
{
    struct checking *checking = context;
    /* A single object has all threads to itself. */
    unsigned threads = checking->task_count == 1 ? checking->thread_count : 1;
    for (;;) {
        size_t i = atomic_fetch_add(&checking->next, 1);
        if (i >= checking->task_count)
            return NULL;
        task_run(checking, &checking->tasks[i], threads);
    }
}

static void checking_run(struct checking *checking)
{
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;
    while (started + 1 < checking->thread_count && started + 1 < checking->task_count &&
           pthread_create(&threads[started], NULL, worker_run, checking) == 0)
        started++;
    worker_run(checking);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

static int compare_tasks(const void *a, const void *b)
{
    const struct task *x = a, *y = b;
    if (x->row_count != y->row_count)
        return x->row_count < y->row_count ? -1 : 1;
    return x->key < y->key ? -1 : 1;
}

static int compare_tasks_by_key(const void *a, const void *b)
{
    const struct task *x = a, *y = b;
    return x->key < y->key ? -1 : 1;
}

static void checking_make_tasks(struct checking *checking)
{
    const struct rift_key_split *split = &checking->split;
    checking->tasks = rift_calloc(split->key_count + 1, sizeof *checking->tasks);
    for (size_t key = 0; key < split->key_count; key++) {
        size_t rows = split->first[key + 1] - split->first[key];
        if (rows > 0)
            checking->tasks[checking->task_count++] = (struct task){.key = key, .row_count = rows};
    }
    qsort(checking->tasks, checking->task_count, sizeof *checking->tasks, compare_tasks);
}

static void checking_limits(struct checking *checking, const struct rift_budget *budget)
{
    cpu_set_t cores; /* those that this process may use */
    unsigned threads = budget->thread_count;
    if (threads == 0)
        threads = sched_getaffinity(0, sizeof cores, &cores) == 0 ? (unsigned)CPU_COUNT(&cores) : 1;
    checking->thread_count = threads < THREADS_MAX ? threads : THREADS_MAX;
    checking->limits = rift_limits_of_budget(budget, checking->thread_count);
}

static int checking_options(struct checking *checking, struct rift_error *err)
{
    const json_t *options = checking->check->options;
    const struct rift_history *history = checking->check->history;
    const char *model = json_string_value(json_object_get(options, "model"));
    const char *file = json_string_value(json_object_get(options, "model_file"));
    checking->machine = file && *file ? rift_machine_read(file, err) : NULL;
    if (file && *file)
        checking->model = checking->machine;
    else if (model && rift_model_is_plugin(model))
        checking->model = rift_model_plugin_open(model, &checking->plugin, err);
    else
        checking->model = rift_model_for(model ? model : "auto", history, err);
    if (!checking->model)
        return -1;
    checking->options.capacity = json_integer_value(json_object_get(options, "capacity"));
    checking->wants_order = json_is_true(json_object_get(options, "order"));
    const json_t *given = json_object_get(options, "initial");
    if (given && rift_value_from_json(history->values, given, &checking->options.initial, err) < 0)
        return rift_wrap(err, "option 'initial'");
    return 0;
}

static void report_unknown(const struct checking *checking, const struct task *task, size_t ordinal,
                           struct rift_verdict *verdict)
{
    if (ordinal >= UNKNOWN_KEYS_NAMED)
        return;
    CLEANUP(rift_free)
    char *key = rift_value_print(checking->check->history->values,
                                 checking->check->history->keys[task->key]);
    const char *what = rift_limits_are_spent(&checking->limits) ? "time" : "memory";
    if (task->is_refuted)
        rift_verdict_doubt(verdict, "key %s: %s and the search contradict each other", key,
                           task->algorithm);
    else if (task->event_count == 0)
        rift_verdict_doubt(verdict, "key %s: the %s was spent before its turn", key, what);
    else
        rift_verdict_doubt(verdict,
                           "key %s: the %s was spent; an order was found up to event %u of %u", key,
                           what, task->reached, task->event_count);
}

static void report_order(const struct task *task, struct rift_verdict *verdict)
{
    const struct rift_certificate *certificate = &task->judgement.certificate;
    if (!verdict->details)
        verdict->details = json_object();
    json_t *orders = json_object_get(verdict->details, "orders");
    if (!orders) {
        orders = json_array();
        json_object_set_new(verdict->details, "orders", orders);
    }
    json_t *order = json_array();
    for (size_t i = 0; i < certificate->order_count; i++)
        json_array_append_new(order, json_integer(task->problem->ops[certificate->order[i]].row));
    json_array_append_new(orders, order);
}

/* Counts by algorithm, and how many keys came out how. */
static void report_stats(const struct checking *checking, struct rift_verdict *verdict)
{
    static const char *const names[] = {"keys_valid", "keys_invalid", "keys_unknown"};
    json_int_t counts[3] = {0}, ops = 0, infos = 0, saturated = 0;
    json_t *stats = rift_verdict_stats(verdict), *algorithms = json_object();
    const char *sole = NULL;
    for (size_t i = 0; i < checking->task_count; i++) {
        const struct task *task = &checking->tasks[i];
        counts[task->answer]++;
        ops += task->op_count;
        infos += task->info_count;
        saturated += task->is_saturated;
        if (!task->algorithm || task->answer == RIFT_ANSWER_NONE)
            continue;
        sole = sole && strcmp(sole, task->algorithm) != 0 ? "several" : task->algorithm;
        json_t *count = json_object_get(algorithms, task->algorithm);
        json_object_set_new(algorithms, task->algorithm,
                            json_integer(json_integer_value(count) + 1));
    }
    for (size_t i = 0; i < 3; i++)
        json_object_set_new(stats, names[i], json_integer(counts[i]));
    json_object_set_new(stats, "ops_judged", json_integer(ops));
    json_object_set_new(stats, "crashed_ops", json_integer(infos));
    json_object_set_new(stats, "keys_saturated", json_integer(saturated));
    if (saturated)
        json_object_set_new(verdict->details, "note",
                            json_sprintf("%d keys are saturated: crashed writes could set every "
                                         "value that was seen, so valid says little of them; "
                                         "retire keys sooner, or write values only once",
                                         (int)saturated));
    json_object_set_new(stats, "model", json_string(checking->model->name));
    json_object_set_new(stats, "algorithms", algorithms);
    json_object_set_new(verdict->details, "algorithm", json_string(sole ? sole : "none"));
}

static void checking_report(const struct checking *checking, struct rift_verdict *verdict)
{
    size_t unknown = 0;
    for (size_t i = 0; i < checking->task_count; i++) {
        const struct task *task = &checking->tasks[i];
        if (task->answer == RIFT_ANSWER_INVALID)
            rift_explain_anomaly(task->problem, &task->judgement.certificate, verdict);
        else if (task->answer == RIFT_ANSWER_NONE)
            report_unknown(checking, task, unknown++, verdict);
        else if (checking->wants_order)
            report_order(task, verdict);
    }
    if (unknown > UNKNOWN_KEYS_NAMED)
        rift_verdict_doubt(verdict, "%zu keys more", unknown - UNKNOWN_KEYS_NAMED);
    report_stats(checking, verdict);
}

static void checking_finish(struct checking *checking)
{
    for (size_t i = 0; i < checking->task_count; i++) {
        rift_judgement_finish(&checking->tasks[i].judgement);
        rift_problem_destroy(checking->tasks[i].problem);
    }
    free(checking->tasks);
    rift_key_split_finish(&checking->split);
}

static int linearizable_check(const struct rift_check *check, struct rift_verdict *verdict,
                              struct rift_error *err)
{
    struct checking checking = {.check = check};
    int result = checking_options(&checking, err);
    if (result == 0) {
        rift_key_split_init(&checking.split, check->history);
        checking_limits(&checking, &check->budget);
        checking_make_tasks(&checking);
        checking_run(&checking);
        qsort(checking.tasks, checking.task_count, sizeof *checking.tasks, compare_tasks_by_key);
        for (size_t i = 0; i < checking.task_count && result == 0; i++) {
            if (!checking.tasks[i].is_broken)
                continue;
            *err = checking.tasks[i].err;
            result = -1;
        }
        if (result == 0)
            checking_report(&checking, verdict);
        checking_finish(&checking);
    }
    rift_machine_destroy(checking.machine);
    rift_model_plugin_close(checking.plugin);
    return result;
}

static const struct rift_option options[] = {
    {.name = "model",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "auto",
     .summary =
         "the sequential specification, or a .so that holds one; auto: from the format or the "
         "operations' names"},
    {.name = "model_file",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "",
     .summary = "a finite state machine in JSON to judge by, in place of a model by name"},
    {.name = "initial",
     .kind = RIFT_OPTION_ANY,
     .unit = "",
     .fallback = "null",
     .summary = "the value that each object starts with"},
    {.name = "capacity",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "permits",
     .fallback = "1",
     .minimum = 1,
     .maximum = 1e9,
     .summary = "how many permits a semaphore has"},
    {.name = "order",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "put the order that was found into the verdict"},
    {.name = NULL},
};

const struct rift_checker rift_checker_linearizable = {
    .name = "linearizable",
    .summary = "each object behaves as if one operation at a time happened, in real-time order",
    .options = options,
    .check = linearizable_check,
};

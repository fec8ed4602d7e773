#include "checkers/linearizability/judge.h"

#include <string.h>

#include "checkers/linearizability/necessary.h"
#include "checkers/linearizability/replay.h"
#include "checkers/linearizability/start.h"
#include "checkers/linearizability/walks.h"
#include "checkers/monitors/monitor.h"
#include "common/clock.h"
#include "common/log.h"

/* A valid that does not replay is a defect of the algorithm that said so: it is not believed. */
static bool is_proven(const struct rift_problem *problem, struct rift_judgement *judgement)
{
    if (judgement->answer != RIFT_ANSWER_VALID)
        return judgement->answer == RIFT_ANSWER_INVALID;
    struct rift_error err;
    const struct rift_certificate *certificate = &judgement->certificate;
    if (rift_replay_order(problem, certificate->order, certificate->order_count, &err) == 0)
        return true;
    rift_log(RIFT_LOG_ERROR, "the order found by %s does not replay (please report this): %s",
             judgement->algorithm, err.text);
    rift_judgement_finish(judgement);
    judgement->answer = RIFT_ANSWER_NONE;
    return false;
}

static bool monitor_serves(const struct rift_monitor *monitor, const struct rift_model *model)
{
    for (const char *const *name = monitor->models; *name; name++)
        if (strcmp(*name, model->name) == 0)
            return true;
    return false;
}

static bool judge_by_monitors(const struct rift_problem *problem, const struct rift_limits *limits,
                              struct rift_judgement *judgement)
{
    for (size_t i = 0; rift_monitors[i]; i++) {
        const struct rift_monitor *monitor = rift_monitors[i];
        if (!monitor_serves(monitor, problem->model))
            continue;
        enum rift_monitor_answer answer = monitor->judge(problem, limits, &judgement->certificate);
        if (answer == RIFT_MONITOR_NOT_APPLICABLE) {
            rift_certificate_finish(&judgement->certificate);
            continue;
        }
        judgement->answer = answer == RIFT_MONITOR_VALID ? RIFT_ANSWER_VALID : RIFT_ANSWER_INVALID;
        judgement->algorithm = monitor->name;
        if (is_proven(problem, judgement))
            return true;
    }
    return false;
}

/* Walks first for registers, which they were made for; the general search first for the rest. */
static void judge_by_searches(const struct rift_problem *problem, const struct rift_limits *limits,
                              unsigned thread_count, struct rift_judgement *judgement)
{
    bool walks_first = problem->model->is_scalar;
    if (rift_fails_necessary(problem, &judgement->certificate)) {
        judgement->answer = RIFT_ANSWER_INVALID;
        judgement->algorithm = "necessary tests";
        return;
    }
    if (walks_first) {
        rift_judge_by_walks(problem, limits, thread_count, judgement);
        if (is_proven(problem, judgement))
            return;
    }
    struct rift_limits slice = *limits;
    int64_t now = rift_clock_now();
    if (!walks_first && slice.deadline_ns != INT64_MAX && slice.deadline_ns > now)
        slice.deadline_ns = now + (slice.deadline_ns - now) / 2;
    uint32_t reached = judgement->reached;
    judgement->answer = rift_search(problem, &slice, &judgement->certificate, &judgement->reached);
    judgement->algorithm = "search";
    if (is_proven(problem, judgement))
        return;
    if (!walks_first) {
        rift_judge_by_walks(problem, limits, thread_count, judgement);
        is_proven(problem, judgement);
    }
    if (judgement->reached < reached)
        judgement->reached = reached;
}

static enum rift_answer decide_known_start(const struct rift_problem *problem,
                                           const struct rift_limits *limits)
{
    struct rift_judgement judgement = {.answer = RIFT_ANSWER_NONE};
    if (!judge_by_monitors(problem, limits, &judgement))
        judge_by_searches(problem, limits, 1, &judgement);
    enum rift_answer answer = judgement.answer;
    rift_judgement_finish(&judgement);
    return answer;
}

enum rift_answer rift_decide(const struct rift_problem *problem, const struct rift_limits *limits)
{
    return rift_decide_any_start(problem, limits, decide_known_start);
}

static enum rift_answer decide_until(const struct rift_problem *problem,
                                     const struct rift_limits *limits, uint32_t event)
{
    struct rift_problem *prefix = rift_problem_subset(problem, NULL, 0, NULL, event);
    enum rift_answer answer = rift_decide(prefix, limits);
    rift_problem_destroy(prefix);
    return answer;
}

void rift_settle_first(const struct rift_problem *problem, const struct rift_limits *limits,
                       struct rift_certificate *certificate)
{
    uint32_t low = 0, high = problem->event_count - 1, step = 1;
    bool goes_up = certificate->is_moment_first, is_known = certificate->moment < high;
    certificate->first = RIFT_EVENT_NEVER;
    if (goes_up) {
        low = certificate->moment;
        /* Weakening takes no answer from a register's updates: the search knew nothing too early.
         */
        if (problem->model->is_scalar)
            high = low;
    } else if (is_known) {
        high = certificate->moment;
    } else {
        step = 0;
    }
    while (low < high) {
        uint32_t leap = step <= high - low ? step : high - low;
        uint32_t probe = leap == 0 ? low + (high - low) / 2
                         : goes_up ? low + leap - 1
                                   : high - leap;
        enum rift_answer answer = decide_until(problem, limits, probe);
        if (answer == RIFT_ANSWER_NONE)
            return;
        bool is_invalid = answer == RIFT_ANSWER_INVALID;
        if (is_invalid)
            high = probe;
        else
            low = probe + 1;
        /* Leaps grow while they go on in their direction; then the rest is halved. */
        step = is_invalid != goes_up ? step * 2 : 0;
    }
    certificate->first = high;
}

void rift_judge_problem(const struct rift_problem *problem, const struct rift_limits *limits,
                        unsigned thread_count, struct rift_judgement *judgement)
{
    *judgement = (struct rift_judgement){.answer = RIFT_ANSWER_NONE};
    if (!judge_by_monitors(problem, limits, judgement))
        judge_by_searches(problem, limits, thread_count, judgement);
}

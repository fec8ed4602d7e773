#include "checkers/linearizability/walks.h"

#include <pthread.h>

#include "checkers/linearizability/jit/run.h"

/* Work is counted in ops put into configurations. */
enum { FIRST_WORK_PER_EVENT = 128, FIRST_WORK_MIN = 100000 };

/* A beam of 16 does for 30 clients, who have up to 16 updates open at once. Of 60, with 27, it may
 * lose the way so early that going back costs more than a wide beam does; but not where one op of a
 * hundred crashed, for crashed writes help out. */
enum { BEAM_WIDTH = 16, BEAM_WIDTH_CROWD = 64, CROWD_UPDATES = 20, CROWD_OPS_PER_CRASH = 200 };

static uint32_t beam_width(const struct jit_plan *plan)
{
    const struct rift_problem *problem = plan->problem;
    bool is_crowd = plan->update_slots > CROWD_UPDATES &&
                    problem->info_count < problem->count / CROWD_OPS_PER_CRASH;
    return is_crowd ? BEAM_WIDTH_CROWD : BEAM_WIDTH;
}

struct walks {
    const struct rift_problem *problem;
    struct jit_plan plan;
    struct jit_run beam, exact;
    struct rift_limits limits; /* of the caller */
    struct rift_limits racing; /* the same, ended by the faster one */
    atomic_bool is_decided;
    struct rift_judgement *judgement;
    struct rift_certificate beam_certificate, exact_certificate;
    enum rift_answer beam_answer, exact_answer;
};

static void decide(struct walks *w, enum rift_answer answer, const char *algorithm,
                   struct rift_certificate *certificate)
{
    w->judgement->answer = answer;
    w->judgement->algorithm = algorithm;
    w->judgement->certificate = *certificate;
    *certificate = (struct rift_certificate){0};
}

static bool run_relaxed(struct walks *w, uint64_t work)
{
    if (!w->plan.is_register || w->plan.has_negative || w->plan.class_count == 0)
        return false;
    struct jit_run relaxed;
    struct rift_certificate certificate = {0};
    jit_run_init(&relaxed, &w->plan, true, &w->limits);
    enum rift_answer answer = jit_run_exact(&relaxed, work, &certificate);
    if (answer == RIFT_ANSWER_INVALID)
        decide(w, answer, "relaxed walk", &certificate);
    jit_run_finish(&relaxed);
    return answer == RIFT_ANSWER_INVALID;
}

static void *run_exact(void *context)
{
    struct walks *w = context;
    w->exact_answer = jit_run_exact(&w->exact, UINT64_MAX, &w->exact_certificate);
    if (w->exact_answer != RIFT_ANSWER_NONE)
        atomic_store(&w->is_decided, true);
    return NULL;
}

static void take_winner(struct walks *w)
{
    if (w->beam_answer != RIFT_ANSWER_NONE)
        decide(w, w->beam_answer, "beam", &w->beam_certificate);
    else if (w->exact_answer != RIFT_ANSWER_NONE)
        decide(w, w->exact_answer, "exact walk", &w->exact_certificate);
}

/* Both until the limits are spent, each in a thread of its own. */
static bool race(struct walks *w)
{
    pthread_t thread;
    w->racing.is_cancelled = &w->is_decided;
    w->beam.limits = w->exact.limits = w->racing;
    if (pthread_create(&thread, NULL, run_exact, w) != 0)
        return false;
    w->beam_answer = jit_run_beam(&w->beam, beam_width(&w->plan), UINT64_MAX, &w->beam_certificate);
    if (w->beam_answer != RIFT_ANSWER_NONE)
        atomic_store(&w->is_decided, true);
    pthread_join(thread, NULL);
    take_winner(w);
    return true;
}

/* In turns, each time twice as much work, until one decides or neither can go on. */
static void alternate(struct walks *w, uint64_t work)
{
    bool has_exact = true, has_beam = true;
    for (; (has_exact || has_beam) && !rift_limits_are_spent(&w->limits); work *= 2) {
        if (has_exact) {
            w->exact_answer =
                jit_run_exact(&w->exact, w->exact.walk.work + work, &w->exact_certificate);
            has_exact = w->exact.walk.work > w->exact.walk.work_max;
        }
        if (w->exact_answer == RIFT_ANSWER_NONE && has_beam) {
            w->beam_answer = jit_run_beam(&w->beam, beam_width(&w->plan), w->beam.walk.work + work,
                                          &w->beam_certificate);
            has_beam = !w->beam.is_exhausted && w->beam.walk.work > w->beam.walk.work_max;
        }
        if (w->exact_answer != RIFT_ANSWER_NONE || w->beam_answer != RIFT_ANSWER_NONE)
            break;
    }
    take_winner(w);
}

static void run_both(struct walks *w, uint64_t work, unsigned thread_count)
{
    /* A short way first: most often it decides, and no thread is needed. */
    jit_run_init(&w->exact, &w->plan, false, &w->limits);
    jit_run_start_from(&w->exact, &w->beam);
    w->exact_answer = jit_run_exact(&w->exact, work, &w->exact_certificate);
    if (w->exact_answer != RIFT_ANSWER_NONE)
        decide(w, w->exact_answer, "exact walk", &w->exact_certificate);
    else if (thread_count < 2 || !race(w))
        alternate(w, work * 2);
    if (w->judgement->answer == RIFT_ANSWER_NONE)
        w->judgement->reached =
            w->beam.reached > w->exact.reached ? w->beam.reached : w->exact.reached;
    rift_certificate_finish(&w->exact_certificate);
    jit_run_finish(&w->exact);
}

void rift_judge_by_walks(const struct rift_problem *problem, const struct rift_limits *limits,
                         unsigned thread_count, struct rift_judgement *judgement)
{
    struct walks w = {.problem = problem,
                      .limits = *limits,
                      .judgement = judgement,
                      .beam_answer = RIFT_ANSWER_NONE,
                      .exact_answer = RIFT_ANSWER_NONE};
    w.limits.memory_bytes /= 2;
    w.racing = w.limits;
    judgement->answer = RIFT_ANSWER_NONE;
    if (jit_plan_init(&w.plan, problem)) {
        uint64_t work = FIRST_WORK_MIN + (uint64_t)problem->event_count * FIRST_WORK_PER_EVENT;
        jit_run_init(&w.beam, &w.plan, false, &w.limits);
        w.beam_answer = jit_run_beam(&w.beam, beam_width(&w.plan), work, &w.beam_certificate);
        judgement->reached = w.beam.reached;
        if (w.beam_answer != RIFT_ANSWER_NONE)
            decide(&w, w.beam_answer, "beam", &w.beam_certificate);
        else if (!run_relaxed(&w, work))
            run_both(&w, work, thread_count);
        rift_certificate_finish(&w.beam_certificate);
        jit_run_finish(&w.beam);
    }
    jit_plan_finish(&w.plan);
}

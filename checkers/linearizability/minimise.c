/* Shrinks the proof of an invalid. Plain deletion would be unsound: without the write of 2 in "w1,
 * w2, read 1" ... the set proves nothing. Only moves after which "invalid" still speaks of the
 * whole history: everything after the first impossible moment is cut; observers are left out; an
 * update is weakened (may happen at any time after its invocation, or never), and left out once
 * nobody could see it; a container loses all ops of a value together. Large steps first: everything
 * before some moment is weakened at once; then halves, quarters, ... single ops until no single
 * move is left. */
#include "checkers/linearizability/explain.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/start.h"
#include "checkers/linearizability/useless.h"
#include "common/clock.h"
#include "common/memory.h"

/* One trial may take this long; all of them together that long. */
enum {
    TRIAL_MS = 400,
    TOTAL_MS = 6000,
    CONFIRM_MS = 1000,
    SETTLE_MS = 1000,
    FIRST_WINDOW_EVENTS = 4
};

struct shrink {
    const struct rift_problem *problem;
    struct rift_limits limits;
    uint32_t until;
    uint32_t since;        /* of a window that may begin in any state; 0: the true beginning */
    bool *kept, *weakened; /* the smallest proof so far */
    bool *trial_kept, *trial_weakened; /* what is tried */
    uint32_t *indices;
    bool starts_from_all;
};

static bool is_over(const struct shrink *shrink)
{
    return rift_limits_are_spent(&shrink->limits);
}

/* Takes useless crashed ops out of the trial; false where there were none. */
static bool trial_prune(struct shrink *shrink, const struct rift_problem *subset)
{
    if (subset->info_count == 0)
        return false;
    CLEANUP(rift_free) bool *is_useless = rift_calloc(subset->count + 1, sizeof *is_useless);
    uint32_t useless_count = rift_useless_mark(subset, is_useless);
    if (useless_count > 0) {
        size_t at = 0;
        for (size_t i = 0; i < shrink->problem->count && at < subset->count; i++) {
            if (subset->ops[at].row != shrink->problem->ops[i].row)
                continue;
            if (is_useless[at++])
                shrink->trial_kept[i] = false;
        }
    }
    return useless_count > 0;
}

static struct rift_problem *trial_subset(struct shrink *shrink, uint32_t since)
{
    size_t count = 0;
    for (size_t i = 0; i < shrink->problem->count; i++)
        if (shrink->trial_kept[i])
            shrink->indices[count++] = (uint32_t)i;
    struct rift_problem *subset = rift_problem_subset(shrink->problem, shrink->indices, count,
                                                      shrink->trial_weakened, shrink->until);
    subset->is_start_unknown = since > 0;
    return subset;
}

/* Takes over the trial where it still proves the whole problem invalid. */
static bool trial_accept(struct shrink *shrink, uint32_t since)
{
    struct rift_problem *subset = trial_subset(shrink, since);
    if (trial_prune(shrink, subset)) {
        rift_problem_destroy(subset);
        subset = trial_subset(shrink, since);
    }
    struct rift_limits limits = shrink->limits;
    int64_t deadline = rift_clock_now() + TRIAL_MS * RIFT_MS;
    if (deadline < limits.deadline_ns)
        limits.deadline_ns = deadline;
    bool is_invalid = rift_decide(subset, &limits) == RIFT_ANSWER_INVALID;
    rift_problem_destroy(subset);
    size_t n = shrink->problem->count;
    if (!is_invalid) {
        memcpy(shrink->trial_kept, shrink->kept, n * sizeof *shrink->kept);
        memcpy(shrink->trial_weakened, shrink->weakened, n * sizeof *shrink->kept);
        return false;
    }
    memcpy(shrink->kept, shrink->trial_kept, n * sizeof *shrink->kept);
    memcpy(shrink->weakened, shrink->trial_weakened, n * sizeof *shrink->kept);
    shrink->since = since;
    return true;
}

/* The next smaller thing than this op; false where there is none. */
static bool trial_lessen(struct shrink *shrink, size_t i)
{
    const struct rift_problem_op *op = &shrink->problem->ops[i];
    if (!shrink->trial_kept[i])
        return false;
    if (rift_call_is_observer(op->call.kind)) {
        shrink->trial_kept[i] = false;
        return true;
    }
    if (op->complete > shrink->until || shrink->trial_weakened[i])
        return false;
    shrink->trial_weakened[i] = true;
    return true;
}

/* Everything that completed before the event is lessened at once. */
static bool shrink_prefix(struct shrink *shrink, uint32_t event)
{
    bool is_changed = false;
    for (size_t i = 0; i < shrink->problem->count; i++)
        if (shrink->problem->ops[i].complete < event)
            is_changed |= trial_lessen(shrink, i);
    return is_changed && trial_accept(shrink, shrink->since);
}

/* Registers: only what was not over before the event, from any state. */
static bool shrink_to_window(struct shrink *shrink, uint32_t event)
{
    for (size_t i = 0; i < shrink->problem->count; i++) {
        const struct rift_problem_op *op = &shrink->problem->ops[i];
        if (op->invoke >= event)
            continue;
        if (op->complete < event || rift_call_is_observer(op->call.kind))
            shrink->trial_kept[i] = false;
        else if (op->complete != RIFT_EVENT_NEVER)
            shrink->trial_weakened[i] = true;
    }
    return trial_accept(shrink, event);
}

static void shrink_window(struct shrink *shrink)
{
    bool is_register = shrink->problem->model->is_scalar;
    for (uint32_t width = FIRST_WINDOW_EVENTS; width < shrink->until && !is_over(shrink);
         width *= 2) {
        uint32_t event = shrink->until - width;
        if (is_register ? shrink_to_window(shrink, event) : shrink_prefix(shrink, event))
            return;
    }
}

/* One pass of chunks of this many ops, the latest first; true where anything was accepted. */
static bool shrink_chunks(struct shrink *shrink, const uint32_t *ops, size_t count, size_t size)
{
    bool is_changed = false;
    for (size_t end = count; end > 0 && !is_over(shrink); end -= end < size ? end : size) {
        size_t begin = end < size ? 0 : end - size;
        bool is_less = false;
        for (size_t k = begin; k < end; k++)
            is_less |= trial_lessen(shrink, ops[k]);
        if (is_less)
            is_changed |= trial_accept(shrink, shrink->since);
    }
    return is_changed;
}

static size_t shrink_list(const struct shrink *shrink, uint32_t *ops)
{
    size_t count = 0;
    for (size_t i = 0; i < shrink->problem->count; i++)
        if (shrink->kept[i])
            ops[count++] = (uint32_t)i;
    return count;
}

/* Leaves out all ops of one value after the other, where the model allows it. */
static bool shrink_values(struct shrink *shrink)
{
    if (!shrink->problem->model->is_projectable)
        return false;
    for (size_t i = 0; i < shrink->problem->count; i++)
        if (shrink->kept[i] && shrink->problem->ops[i].call.kind == RIFT_CALL_READ_ALL)
            return false;
    bool is_changed = false;
    bool *is_tried = rift_calloc(shrink->problem->value_count + 1, sizeof *is_tried);
    for (size_t i = 0; i < shrink->problem->count && !is_over(shrink); i++) {
        uint32_t value = shrink->problem->ops[i].call.a;
        /* 0 stands where a call names no value: a crashed take may have been of any. */
        if (!shrink->kept[i] || value == 0 || is_tried[value])
            continue;
        is_tried[value] = true;
        for (size_t k = i; k < shrink->problem->count; k++)
            if (shrink->problem->ops[k].call.a == value)
                shrink->trial_kept[k] = false;
        is_changed |= trial_accept(shrink, shrink->since);
    }
    free(is_tried);
    return is_changed;
}

static void shrink_run(struct shrink *shrink)
{
    uint32_t *ops = rift_calloc(shrink->problem->count + 1, sizeof *ops);
    if (shrink->starts_from_all)
        shrink_window(shrink);
    size_t count = shrink_list(shrink, ops);
    for (size_t size = count / 2; size > 1 && !is_over(shrink); size /= 2) {
        count = shrink_list(shrink, ops);
        shrink_chunks(shrink, ops, count, size);
    }
    for (bool is_changed = true; is_changed && !is_over(shrink);) {
        is_changed = shrink_values(shrink);
        count = shrink_list(shrink, ops);
        is_changed |= shrink_chunks(shrink, ops, count, 1);
    }
    free(ops);
}

/* Begins with the set that somebody found, if it is a proof, otherwise with everything. */
static void shrink_start(struct shrink *shrink, const struct rift_certificate *certificate)
{
    size_t n = shrink->problem->count;
    for (size_t i = 0; i < certificate->op_count; i++)
        shrink->trial_kept[certificate->ops[i]] = true;
    for (size_t i = 0; i < certificate->weakened_count; i++)
        shrink->trial_weakened[certificate->weakened[i]] = true;
    uint32_t last = shrink->problem->event_count - 1;
    shrink->until = certificate->moment < last ? certificate->moment : last;
    uint32_t since = certificate->is_start_unknown ? certificate->since : 0;
    if (certificate->op_count > 0 && trial_accept(shrink, since))
        return;
    shrink->starts_from_all = true;
    shrink->until = certificate->first != RIFT_EVENT_NEVER ? certificate->first : last;
    for (size_t i = 0; i < n; i++)
        shrink->trial_kept[i] = shrink->problem->ops[i].invoke <= shrink->until;
    memset(shrink->trial_weakened, 0, n * sizeof *shrink->trial_weakened);
    memcpy(shrink->kept, shrink->trial_kept, n * sizeof *shrink->kept);
    memset(shrink->weakened, 0, n * sizeof *shrink->weakened);
}

static void shrink_write(struct shrink *shrink, struct rift_certificate *certificate)
{
    size_t n = shrink->problem->count;
    free(certificate->ops);
    free(certificate->weakened);
    certificate->ops = rift_calloc(n + 1, sizeof *certificate->ops);
    certificate->weakened = rift_calloc(n + 1, sizeof *certificate->weakened);
    certificate->op_count = certificate->weakened_count = 0;
    certificate->moment = shrink->until;
    certificate->since = shrink->since;
    certificate->is_start_unknown = shrink->since > 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!shrink->kept[i])
            continue;
        certificate->ops[certificate->op_count++] = i;
        if (shrink->weakened[i])
            certificate->weakened[certificate->weakened_count++] = i;
    }
}

static enum rift_answer search_only(const struct rift_problem *problem,
                                    const struct rift_limits *limits)
{
    struct rift_certificate certificate = {0};
    enum rift_answer answer = rift_search(problem, limits, &certificate, NULL);
    rift_certificate_finish(&certificate);
    return answer;
}

static enum rift_confirmation shrink_confirm(struct shrink *shrink)
{
    struct rift_problem *subset = trial_subset(shrink, shrink->since);
    struct rift_limits limits = shrink->limits;
    limits.deadline_ns = rift_clock_now() + CONFIRM_MS * RIFT_MS;
    enum rift_answer answer = rift_decide_any_start(subset, &limits, search_only);
    rift_problem_destroy(subset);
    return answer == RIFT_ANSWER_INVALID ? RIFT_CONFIRMED
           : answer == RIFT_ANSWER_VALID ? RIFT_REFUTED
                                         : RIFT_UNCONFIRMED;
}

enum rift_confirmation rift_explain_minimise(const struct rift_problem *problem,
                                             const struct rift_limits *limits,
                                             struct rift_certificate *certificate)
{
    size_t n = problem->count + 1;
    struct shrink shrink = {
        .problem = problem,
        .limits = *limits,
        .kept = rift_calloc(n, sizeof(bool)),
        .weakened = rift_calloc(n, sizeof(bool)),
        .trial_kept = rift_calloc(n, sizeof(bool)),
        .trial_weakened = rift_calloc(n, sizeof(bool)),
        .indices = rift_calloc(n, sizeof(uint32_t)),
    };
    int64_t deadline = rift_clock_now() + TOTAL_MS * RIFT_MS;
    if (deadline < shrink.limits.deadline_ns)
        shrink.limits.deadline_ns = deadline;
    struct rift_limits settling = shrink.limits;
    int64_t settle_deadline = rift_clock_now() + SETTLE_MS * RIFT_MS;
    if (settle_deadline < settling.deadline_ns)
        settling.deadline_ns = settle_deadline;
    rift_settle_first(problem, &settling, certificate);
    shrink_start(&shrink, certificate);
    shrink_run(&shrink);
    enum rift_confirmation confirmation = shrink_confirm(&shrink);
    shrink_write(&shrink, certificate);
    certificate->is_confirmed = confirmation == RIFT_CONFIRMED;
    free(shrink.kept);
    free(shrink.weakened);
    free(shrink.trial_kept);
    free(shrink.trial_weakened);
    free(shrink.indices);
    return confirmation;
}

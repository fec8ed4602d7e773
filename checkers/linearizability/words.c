#include "checkers/linearizability/words.h"

#include <inttypes.h>

#include "common/memory.h"

/* What stands before the first and before the second value; NULL: no value. */
static const struct {
    const char *first, *second, *last;
} call_words[RIFT_CALL_KIND_COUNT] = {
    [RIFT_CALL_READ] = {"reads ", NULL, ""},
    [RIFT_CALL_WRITE] = {"writes ", NULL, ""},
    [RIFT_CALL_CAS] = {"compares with ", " and sets ", ""},
    [RIFT_CALL_CAS_FAILED] = {"compares and finds it is not ", NULL, ""},
    [RIFT_CALL_EXCHANGE] = {"exchanges ", " for ", ""},
    [RIFT_CALL_INSERT] = {"puts in ", NULL, ""},
    [RIFT_CALL_TAKE] = {"takes out ", NULL, ""},
    [RIFT_CALL_TAKE_EMPTY] = {NULL, NULL, "tries to take and finds nothing"},
    [RIFT_CALL_TAKE_UNKNOWN] = {NULL, NULL, "takes something unknown, or nothing"},
    [RIFT_CALL_PEEK] = {"looks and sees ", NULL, ""},
    [RIFT_CALL_PEEK_EMPTY] = {NULL, NULL, "looks and sees nothing"},
    [RIFT_CALL_INSERT_FRONT] = {"puts in at the front ", NULL, ""},
    [RIFT_CALL_TAKE_BACK] = {"takes from the back ", NULL, ""},
    [RIFT_CALL_TAKE_BACK_EMPTY] = {NULL, NULL, "tries to take from the back and finds nothing"},
    [RIFT_CALL_TAKE_BACK_UNKNOWN] = {NULL, NULL, "takes something from the back, or nothing"},
    [RIFT_CALL_PEEK_BACK] = {"looks at the back and sees ", NULL, ""},
    [RIFT_CALL_PEEK_BACK_EMPTY] = {NULL, NULL, "looks at the back and sees nothing"},
    [RIFT_CALL_ADD] = {"adds ", NULL, ""},
    [RIFT_CALL_ADD_NEW] = {"adds ", NULL, ", which was not there"},
    [RIFT_CALL_REMOVE] = {"removes ", NULL, ""},
    [RIFT_CALL_REMOVE_FOUND] = {"removes ", NULL, ", which was there"},
    [RIFT_CALL_CONTAINS] = {"finds that ", NULL, " is there"},
    [RIFT_CALL_LACKS] = {"finds that ", NULL, " is not there"},
    [RIFT_CALL_READ_ALL] = {"reads ", NULL, ""},
    [RIFT_CALL_INCREMENT] = {"adds ", NULL, ""},
    [RIFT_CALL_FETCH_ADD] = {"adds ", " and is told that it was ", ""},
    [RIFT_CALL_ADD_FETCH] = {"adds ", " and is told that it now is ", ""},
    [RIFT_CALL_ACQUIRE] = {NULL, NULL, "acquires"},
    [RIFT_CALL_RELEASE] = {NULL, NULL, "releases"},
    [RIFT_CALL_REFUSED] = {NULL, NULL, "tries to acquire and is refused"},
    [RIFT_CALL_APPEND] = {"appends ", " : ", ""},
    [RIFT_CALL_GET] = {"gets ", " = ", ""},
    [RIFT_CALL_PUT] = {"puts ", " = ", ""},
    [RIFT_CALL_TRANSACTION] = {"does ", NULL, ""},
    [RIFT_CALL_MOVE] = {"does ", NULL, ""},
};

static bool has_second_value(enum rift_call_kind kind)
{
    return call_words[kind].second != NULL;
}

static void words_value(const struct rift_problem *problem, uint32_t id, struct rift_text *text)
{
    CLEANUP(rift_free)
    char *value = rift_value_print(problem->history->values, problem->values[id]);
    rift_text_append(text, value);
}

void rift_words_call(const struct rift_problem *problem, const struct rift_call *call,
                     struct rift_text *text)
{
    if (call->kind >= RIFT_CALL_KIND_COUNT)
        return;
    if (call_words[call->kind].first) {
        rift_text_append(text, call_words[call->kind].first);
        words_value(problem, call->a, text);
    }
    if (has_second_value(call->kind)) {
        rift_text_append(text, call_words[call->kind].second);
        words_value(problem, call->b, text);
    }
    rift_text_append(text, call_words[call->kind].last);
}

static void words_moment(const struct rift_problem *problem, const int64_t *times, int64_t moment,
                         uint32_t row, struct rift_text *text)
{
    if (problem->history->time_kind == RIFT_TIME_LINES) {
        if (!times || times[row] == RIFT_TIME_NEVER) {
            rift_text_printf(text, "event %" PRId64, moment);
            return;
        }
        moment = times[row];
    }
    rift_text_printf(text, "%.6f s", (double)moment / 1e9);
}

void rift_words_start(const struct rift_problem *problem, uint32_t row, struct rift_text *text)
{
    const struct rift_ops *ops = &problem->history->ops;
    words_moment(problem, ops->time_start, ops->start[row], row, text);
}

void rift_words_end(const struct rift_problem *problem, uint32_t row, struct rift_text *text)
{
    const struct rift_ops *ops = &problem->history->ops;
    words_moment(problem, ops->time_end, ops->end[row], row, text);
}

void rift_words_op(const struct rift_problem *problem, uint32_t op, struct rift_text *text)
{
    const struct rift_problem_op *it = &problem->ops[op];
    const struct rift_history *history = problem->history;
    rift_text_printf(text, "process %d ", it->process);
    if (it->call.kind == RIFT_CALL_MOVE)
        rift_text_printf(text, "does %s", history->names.text[history->ops.f[it->row]]);
    else
        rift_words_call(problem, &it->call, text);
    rift_text_append(text, " (from ");
    rift_words_start(problem, it->row, text);
    if (it->complete == RIFT_EVENT_NEVER) {
        rift_text_append(text, ", never known to have ended)");
        return;
    }
    rift_text_append(text, " to ");
    rift_words_end(problem, it->row, text);
    rift_text_append(text, ")");
}

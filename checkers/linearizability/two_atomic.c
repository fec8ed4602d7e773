/* LBT, "limited backtracking" (Golab, Hurwitz, Li, On the k-Atomicity-Verification Problem, ICDCS
 * 2013): the order of the writes is made from its end.
 *
 * A write and its reads are one: it starts with the write, finishes with the first completion of
 * any of them, and is seen until the last invocation of a read of it. An order of writes that keeps
 * starts and finishes in real time has a place for every read exactly if of the writes that finish
 * before w is seen for the last time none stands behind w, but one may stand right behind it.
 *
 * The last write must not finish before another starts. Whoever is seen after it finished must
 * stand right before it: two such writes have no order, one is the next to be placed, and so on.
 * Where nobody is, what is left is a problem of its own: it has an order if the whole has one, for
 * leaving out a write with its reads brings no two writes apart. So only the first write of such a
 * chain is a choice. All choices are tried, in turns of doubling length, so that the time is that
 * of the shortest chain times the number of writes open at once. */
#include "checkers/linearizability/two_atomic.h"

#include <stdlib.h>

#include "common/memory.h"

enum { STEPS_PER_LIMIT_CHECK = 4096 };

enum list_kind { BY_START, BY_FINISH, BY_SEEN, LIST_COUNT };

/* Numbers of events plus one; the initial value starts and finishes at 0. */
struct written {
    uint32_t start;
    uint32_t finish; /* 0: not known yet */
    uint32_t seen;   /* 0: never */
};

/* Writes that have no place yet, from 1 on, in three circles, the latest first; 0 is the start of
 * each. A write that is taken out keeps its neighbours, so that it can be put back, the last one
 * first. */
struct placing {
    struct written *writes;
    uint32_t count;
    uint32_t *next[LIST_COUNT], *previous[LIST_COUNT];
    uint32_t *chain; /* taken out by the choice that is being tried */
    uint32_t chain_count;
    const struct rift_limits *limits;
    size_t steps;
    bool is_spent;
};

enum chain_end { CHAIN_FITS, CHAIN_FAILS, CHAIN_GOES_ON };

static void placing_finish(struct placing *placing)
{
    free(placing->writes);
    free(placing->chain);
    for (int i = 0; i < LIST_COUNT; i++) {
        free(placing->next[i]);
        free(placing->previous[i]);
    }
}

/* False where a value is written twice, or read before it was written. */
static bool writes_collect(struct placing *placing, const struct rift_problem *problem,
                           enum rift_answer *answer)
{
    CLEANUP(rift_free)
    uint32_t *write_of = rift_calloc((size_t)problem->value_count + 1, sizeof *write_of);
    *answer = RIFT_ANSWER_NONE;
    write_of[problem->initial] = ++placing->count;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->call.kind != RIFT_CALL_WRITE)
            continue;
        if (write_of[op->call.a])
            return false;
        write_of[op->call.a] = ++placing->count;
        placing->writes[placing->count] = (struct written){
            .start = op->invoke + 1,
            .finish = op->complete == RIFT_EVENT_NEVER ? 0 : op->complete + 1,
        };
    }
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->call.kind != RIFT_CALL_READ || op->complete == RIFT_EVENT_NEVER)
            continue;
        uint32_t number = write_of[op->call.a];
        struct written *write = &placing->writes[number];
        if (number == 0 || op->complete + 1 < write->start) {
            *answer = RIFT_ANSWER_INVALID;
            return false;
        }
        write->seen = op->invoke + 1 > write->seen ? op->invoke + 1 : write->seen;
        if (number > 1 && (write->finish == 0 || op->complete + 1 < write->finish))
            write->finish = op->complete + 1;
    }
    return true;
}

/* Crashed writes that nobody saw need not have happened. */
static bool is_left_out(const struct written *write)
{
    return write->start > 0 && write->finish == 0;
}

static uint32_t time_of(const struct written *write, enum list_kind kind)
{
    return kind == BY_START ? write->start : kind == BY_FINISH ? write->finish : write->seen;
}

/* Each event belongs to one operation, so no two writes have one time; but many are never seen. */
static void list_fill(struct placing *placing, enum list_kind kind, uint32_t *at_time, size_t size)
{
    uint32_t *next = placing->next[kind], *previous = placing->previous[kind], last = 0;
    for (size_t i = 0; i < size; i++)
        at_time[i] = 0;
    for (uint32_t i = 1; i <= placing->count; i++)
        at_time[time_of(&placing->writes[i], kind)] = i;
    for (size_t time = size; time-- > 1;) {
        uint32_t write = at_time[time];
        if (write == 0 || is_left_out(&placing->writes[write]))
            continue;
        next[last] = write;
        previous[write] = last;
        last = write;
    }
    for (uint32_t i = 1; i <= placing->count; i++) {
        if (time_of(&placing->writes[i], kind) != 0 || is_left_out(&placing->writes[i]))
            continue;
        next[last] = i;
        previous[i] = last;
        last = i;
    }
    next[last] = 0;
    previous[0] = last;
}

static void take_out(struct placing *placing, uint32_t write)
{
    for (int i = 0; i < LIST_COUNT; i++) {
        placing->next[i][placing->previous[i][write]] = placing->next[i][write];
        placing->previous[i][placing->next[i][write]] = placing->previous[i][write];
    }
    placing->chain[placing->chain_count++] = write;
}

static void put_back(struct placing *placing)
{
    while (placing->chain_count > 0) {
        uint32_t write = placing->chain[--placing->chain_count];
        for (int i = 0; i < LIST_COUNT; i++) {
            placing->next[i][placing->previous[i][write]] = write;
            placing->previous[i][placing->next[i][write]] = write;
        }
    }
}

/* No other write that has no place yet starts after this one finished. */
static bool may_be_last(const struct placing *placing, uint32_t write)
{
    uint32_t latest = placing->next[BY_START][0];
    if (latest == write)
        latest = placing->next[BY_START][latest];
    return latest == 0 || placing->writes[latest].start < placing->writes[write].finish;
}

/* Places a write, who must stand before it, and so on, at most `length` of them. */
static enum chain_end chain_run(struct placing *placing, uint32_t write, uint32_t length)
{
    const uint32_t *next = placing->next[BY_SEEN];
    placing->chain_count = 0;
    for (;;) {
        if (!may_be_last(placing, write))
            return CHAIN_FAILS;
        if (placing->chain_count == length)
            return CHAIN_GOES_ON;
        if (++placing->steps % STEPS_PER_LIMIT_CHECK == 0)
            placing->is_spent |= rift_limits_are_spent(placing->limits);
        take_out(placing, write);
        uint32_t finish = placing->writes[write].finish;
        uint32_t before = next[0];
        if (before == 0 || placing->writes[before].seen <= finish)
            return CHAIN_FITS;
        if (next[before] != 0 && placing->writes[next[before]].seen > finish)
            return CHAIN_FAILS;
        write = before;
    }
}

/* Places some of the writes at the end. */
static enum rift_answer place_last(struct placing *placing)
{
    for (uint32_t length = 1;; length *= 2) {
        bool goes_on = false;
        for (uint32_t write = placing->next[BY_FINISH][0];
             write != 0 && may_be_last(placing, write); write = placing->next[BY_FINISH][write]) {
            enum chain_end end = chain_run(placing, write, length);
            if (end == CHAIN_FITS)
                return RIFT_ANSWER_VALID;
            put_back(placing);
            goes_on |= end == CHAIN_GOES_ON;
            if (placing->is_spent)
                return RIFT_ANSWER_NONE;
        }
        if (!goes_on)
            return RIFT_ANSWER_INVALID;
    }
}

enum rift_answer rift_judge_two_atomic(const struct rift_problem *problem,
                                       const struct rift_limits *limits)
{
    CLEANUP(placing_finish) struct placing placing = {.limits = limits};
    size_t room = problem->count + 2;
    enum rift_answer answer;
    placing.writes = rift_calloc(room, sizeof *placing.writes);
    if (!writes_collect(&placing, problem, &answer))
        return answer;
    placing.chain = rift_calloc(room, sizeof *placing.chain);
    size_t times = (size_t)problem->event_count + 1;
    CLEANUP(rift_free) uint32_t *at_time = rift_calloc(times, sizeof *at_time);
    for (int i = 0; i < LIST_COUNT; i++) {
        placing.next[i] = rift_calloc(room, sizeof(uint32_t));
        placing.previous[i] = rift_calloc(room, sizeof(uint32_t));
        list_fill(&placing, (enum list_kind)i, at_time, times);
    }
    while (placing.next[BY_START][0] != 0) {
        answer = place_last(&placing);
        if (answer != RIFT_ANSWER_VALID)
            return answer;
    }
    return RIFT_ANSWER_VALID;
}

/* Sets, queues, counters, identifiers and tokens against brute forces written from
 * docs/checkers/sets-queues-counters.md: every pair, subset or order of operations is looked at. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/lib/oracle_suite.h"

enum { RANDOM_ROUNDS = 20000 };

/* Moments are few, so that starts and ends often coincide. */
static void choose_times(struct choices *choices, unsigned moments, struct plain_op *op)
{
    op->start = (int)choose(choices, moments);
    op->end = op->start + (int)choose(choices, moments - (unsigned)op->start);
}

static enum rift_op_type choose_type(struct choices *choices, bool is_small)
{
    static const enum rift_op_type types[] = {RIFT_OP_OK, RIFT_OP_INFO, RIFT_OP_FAIL,
                                              RIFT_OP_OK, RIFT_OP_OK,   RIFT_OP_OK};
    return types[choose(choices, is_small ? 2 : 6)];
}

static bool is_ok(const struct plain_op *op, const char *f)
{
    return op->type == RIFT_OP_OK && strcmp(op->f, f) == 0;
}

/* May have happened. */
static bool may_be(const struct plain_op *op, const char *f)
{
    return op->type != RIFT_OP_FAIL && strcmp(op->f, f) == 0;
}

static bool has_item(const struct plain_value *list, int item)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] == item)
            return true;
    return false;
}

/* fencing */

static void generate_tokens(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 6);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .f = "acquire"};
        choose_times(choices, is_small ? 3 : 6, op);
        op->result = plain_integer(1 + (int)choose(choices, is_small ? 3 : 5));
        if (is_small)
            continue;
        op->type = choose_type(choices, false);
        op->key = (int)choose(choices, 2) + 1;
        if (choose(choices, 8) == 0)
            op->result =
                (struct plain_value){choose(choices, 2) ? PLAIN_NIL : PLAIN_FALSE, 0, 0, {0}};
        if (choose(choices, 8) == 0)
            op->f = "release";
    }
}

/* Whether the grants that are left can follow in an order of rising tokens that keeps real time:
 * all orders are tried. */
static bool has_order(const struct plain_op *const *grants, int count, unsigned left, int last)
{
    if (left == 0)
        return true;
    for (int next = 0; next < count; next++) {
        bool may_come = left >> next & 1 && grants[next]->result.number > last;
        for (int other = 0; other < count && may_come; other++)
            may_come = !(left >> other & 1) || grants[other]->end >= grants[next]->start;
        if (may_come && has_order(grants, count, left & ~(1U << next), grants[next]->result.number))
            return true;
    }
    return false;
}

static void judge_tokens(const struct plain_history *history, struct oracle_answer *answer)
{
    int acquired = 0;
    for (int key = 0; key <= 2; key++) {
        const struct plain_op *grants[PLAIN_OPS_MAX];
        int count = 0;
        for (int i = 0; i < history->count; i++) {
            const struct plain_op *op = &history->op[i];
            if (!is_ok(op, "acquire") || op->key != key || op->result.kind == PLAIN_FALSE)
                continue;
            acquired++;
            answer->is_open |= op->result.kind == PLAIN_NIL;
            if (op->result.kind == PLAIN_INTEGER)
                grants[count++] = op;
        }
        for (int i = 0; i < count; i++)
            for (int j = 0; j < count; j++) {
                if (i != j && grants[i]->result.number == grants[j]->result.number)
                    answer->has[0] = true;
                if (grants[i]->end < grants[j]->start &&
                    grants[i]->result.number > grants[j]->result.number)
                    answer->has[1] = true;
            }
        /* The two words say all: without them there is an order, with one of them there is none. */
        bool is_ordered = has_order(grants, count, (1U << count) - 1, -1);
        assert_true(is_ordered || answer->has[0] || answer->has[1]);
    }
    answer->is_open |= acquired == 0;
}

static void tokens_follow_an_order_or_are_convicted(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"fencing",
                                            NULL,
                                            {"token given twice", "token went back"},
                                            generate_tokens,
                                            judge_tokens},
                   RANDOM_ROUNDS);
}

/* counter */

static void generate_counts(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 6);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = choose(choices, 2);
        *op = (struct plain_op){.process = i, .f = is_read ? "read" : "add"};
        choose_times(choices, is_small ? 3 : 6, op);
        int number = (int)choose(choices, is_small ? 3 : 7) - (is_small ? 1 : 3);
        if (is_read)
            op->result = plain_integer(number);
        else
            op->argument = plain_integer(number);
        if (!is_small)
            op->type = choose_type(choices, false);
        else if (!is_read)
            op->type = choose_type(choices, true);
    }
}

/* The least and the most of all subsets that a read may have seen. */
static void judge_counts(const struct plain_history *history, struct oracle_answer *answer)
{
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        int least = 0, most = 0;
        bool is_first = true;
        for (unsigned seen = 0; is_ok(read, "read") && seen < 1U << history->count; seen++) {
            int sum = 0;
            bool is_possible = true;
            for (int i = 0; i < history->count; i++) {
                const struct plain_op *op = &history->op[i];
                bool is_change = may_be(op, "add"), is_seen = seen >> i & 1;
                if (is_seen && (!is_change || op->start > read->end))
                    is_possible = false;
                if (!is_seen && is_ok(op, "add") && op->end < read->start)
                    is_possible = false;
                sum += is_seen ? op->argument.number : 0;
            }
            if (!is_possible)
                continue;
            least = is_first || sum < least ? sum : least;
            most = is_first || sum > most ? sum : most;
            is_first = false;
        }
        if (is_first)
            continue;
        answer->has[0] |= read->result.number < least;
        answer->has[1] |= read->result.number > most;
    }
}

static void counts_lie_between_the_sums_of_all_subsets(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "counter", NULL, {"count too low", "count too high"}, generate_counts, judge_counts},
        RANDOM_ROUNDS);
}

/* queue and total-queue */

static void generate_queue(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 7);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_put = choose(choices, 2);
        *op = (struct plain_op){.process = i, .f = is_put ? "enqueue" : "dequeue"};
        choose_times(choices, is_small ? 3 : 7, op);
        op->type = choose_type(choices, is_small);
        struct plain_value element = plain_integer(1 + (int)choose(choices, is_small ? 2 : 3));
        if (is_put)
            op->argument = element;
        else if (op->type == RIFT_OP_OK && choose(choices, 3))
            op->result = element;
        if (!is_put && op->type == RIFT_OP_FAIL)
            op->error = choose(choices, 2) ? "empty" : "timeout";
        if (!is_small && !is_put && choose(choices, 8) == 0) {
            op->f = "drain";
            op->error = NULL;
            op->result = (struct plain_value){.kind = PLAIN_LIST, .count = 1};
            op->result.items[0] = element.number;
        }
    }
}

/* Whether each dequeue from the i-th on has an enqueue of its own that had begun when it ended. */
static bool are_matched(const struct plain_history *history, int i, unsigned taken)
{
    while (i < history->count &&
           (!is_ok(&history->op[i], "dequeue") || history->op[i].result.kind != PLAIN_INTEGER))
        i++;
    if (i == history->count)
        return true;
    for (int put = 0; put < history->count; put++) {
        const struct plain_op *op = &history->op[put];
        if (!(taken >> put & 1) && may_be(op, "enqueue") && op->start <= history->op[i].end &&
            op->argument.number == history->op[i].result.number &&
            are_matched(history, i + 1, taken | 1U << put))
            return true;
    }
    return false;
}

static void judge_queue(const struct plain_history *history, struct oracle_answer *answer)
{
    answer->has[0] = !are_matched(history, 0, 0);
}

static void what_comes_out_of_a_queue_was_put_in(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "queue", NULL, {"unexpected element"}, generate_queue, judge_queue},
        RANDOM_ROUNDS);
}

static bool found_nothing(const struct plain_op *op)
{
    if (is_ok(op, "drain") || (is_ok(op, "dequeue") && op->result.kind == PLAIN_NIL))
        return true;
    return strcmp(op->f, "dequeue") == 0 && op->type == RIFT_OP_FAIL && op->error &&
           strcmp(op->error, "empty") == 0;
}

/* How often the operation took the element out. */
static int took(const struct plain_op *op, int element)
{
    if (is_ok(op, "dequeue"))
        return op->result.kind == PLAIN_INTEGER && op->result.number == element;
    return is_ok(op, "drain") && has_item(&op->result, element);
}

static void judge_element(const struct plain_history *history, int element, int *lost,
                          struct oracle_answer *answer)
{
    int tried = 0, acked = 0, taken = 0;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        bool is_put = may_be(op, "enqueue") && op->argument.number == element, had_begun = false;
        tried += is_put;
        acked += is_put && op->type == RIFT_OP_OK;
        taken += took(op, element);
        for (int j = 0; j < history->count; j++)
            had_begun |= may_be(&history->op[j], "enqueue") &&
                         history->op[j].argument.number == element &&
                         history->op[j].start <= op->end;
        answer->has[1] |= took(op, element) && !had_begun;
    }
    answer->has[2] |= tried > 0 && taken > tried;
    *lost += acked > taken ? acked - taken : 0;
}

static void judge_total_queue(const struct plain_history *history, struct oracle_answer *answer)
{
    int lost = 0, crashed = 0;
    bool is_drained = false;
    for (int element = 1; element <= 3; element++)
        judge_element(history, element, &lost, answer);
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        bool is_last = found_nothing(op);
        for (int j = 0; j < history->count && is_last; j++)
            is_last = !is_ok(&history->op[j], "enqueue") || history->op[j].end < op->start;
        is_drained |= is_last;
        if (op->type == RIFT_OP_INFO && strcmp(op->f, "enqueue") != 0)
            crashed += strcmp(op->f, "drain") == 0 ? PLAIN_OPS_MAX : 1;
    }
    answer->has[0] = is_drained && lost > crashed;
    answer->is_open = lost > 0;
}

static void what_is_put_into_a_queue_comes_out(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){"total-queue",
                                 "{\"duplicates\": false}",
                                 {"lost element", "unexpected element", "duplicate element"},
                                 generate_queue,
                                 judge_total_queue},
        RANDOM_ROUNDS);
}

/* unique-ids */

static void generate_ids(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 6);
    for (int i = 0; i < history->count; i++) {
        history->op[i] = (struct plain_op){.process = i, .f = "generate", .start = i, .end = i + 1};
        history->op[i].type = choose_type(choices, is_small);
        history->op[i].result = plain_integer((int)choose(choices, is_small ? 3 : 8));
    }
}

static void judge_ids(const struct plain_history *history, struct oracle_answer *answer)
{
    for (int i = 0; i < history->count; i++)
        for (int j = 0; j < i; j++)
            answer->has[0] |= history->op[i].type == RIFT_OP_OK &&
                              history->op[j].type == RIFT_OP_OK &&
                              plain_equal(&history->op[i].result, &history->op[j].result);
}

static void identifiers_differ_in_each_pair(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "unique-ids", NULL, {"duplicate identifier"}, generate_ids, judge_ids},
        RANDOM_ROUNDS);
}

/* set and set-full */

/* Starts differ: which of two reads that began together was the later one is nobody's knowledge. */
static void generate_set(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 6);
    int moment = 0;
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = choose(choices, 2);
        *op = (struct plain_op){.process = i, .f = is_read ? "read" : "add", .start = moment};
        op->end = moment + (int)choose(choices, is_small ? 3 : 6);
        moment += 1 + (int)choose(choices, is_small ? 1 : 2);
        op->type = choose_type(choices, is_small);
        if (!is_read) {
            op->argument = plain_integer(1 + (int)choose(choices, is_small ? 2 : 3));
            continue;
        }
        op->result.kind = PLAIN_LIST;
        for (int element = 1; element <= (is_small ? 2 : 3); element++)
            if (choose(choices, 2))
                op->result.items[op->result.count++] = element;
        if (!is_small && op->result.count > 0 && choose(choices, 8) == 0) {
            op->result.items[op->result.count] = op->result.items[0];
            op->result.count++;
        }
    }
}

static bool was_added_by(const struct plain_history *history, int element, int moment)
{
    for (int i = 0; i < history->count; i++)
        if (may_be(&history->op[i], "add") && history->op[i].argument.number == element &&
            history->op[i].start <= moment)
            return true;
    return false;
}

/* A read that began after every acknowledged add, or after every other read. */
static bool is_final(const struct plain_history *history, int read)
{
    bool is_after_adds = true, is_last_read = true;
    for (int i = 0; i < history->count; i++) {
        is_after_adds &=
            !is_ok(&history->op[i], "add") || history->op[i].end < history->op[read].start;
        is_last_read &=
            !is_ok(&history->op[i], "read") || history->op[i].start <= history->op[read].start;
    }
    return is_after_adds || is_last_read;
}

static void judge_set(const struct plain_history *history, struct oracle_answer *answer)
{
    answer->is_open = true;
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        if (!is_ok(read, "read"))
            continue;
        answer->is_open = false;
        for (int i = 0; i < history->count; i++) {
            const struct plain_op *add = &history->op[i];
            answer->has[0] |= is_final(history, r) && is_ok(add, "add") && add->end < read->start &&
                              !has_item(&read->result, add->argument.number);
        }
        for (int i = 0; i < read->result.count; i++)
            answer->has[1] |= !was_added_by(history, read->result.items[i], read->end);
    }
}

static void reads_at_the_end_have_what_was_added(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "set", NULL, {"lost element", "unexpected element"}, generate_set, judge_set},
        RANDOM_ROUNDS);
}

/* Known: its add was acknowledged, or a read that has it completed. */
static bool is_known_before(const struct plain_history *history, int element, int moment)
{
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        bool makes_known = (is_ok(op, "add") && op->argument.number == element) ||
                           (is_ok(op, "read") && has_item(&op->result, element));
        if (makes_known && op->end < moment)
            return true;
    }
    return false;
}

static void judge_over_time(const struct plain_history *history, int element, bool *is_stable,
                            struct oracle_answer *answer)
{
    int with = -1, without = -1; /* the latest read of either kind: in order of start */
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        if (!is_ok(read, "read"))
            continue;
        int times = 0;
        for (int i = 0; i < read->result.count; i++)
            times += read->result.items[i] == element;
        *(times > 0 ? &with : &without) = r;
        answer->has[2] |= times > 1;
        answer->has[3] |= times > 0 && !was_added_by(history, element, read->end);
    }
    bool is_missed = without >= 0 && is_known_before(history, element, history->op[without].start);
    answer->has[0] |= is_missed && with < without;
    answer->has[1] |= is_missed && with > without;
    *is_stable |= with > without;
}

static void judge_set_full(const struct plain_history *history, struct oracle_answer *answer)
{
    bool is_stable = false;
    for (int element = 1; element <= 3; element++)
        judge_over_time(history, element, &is_stable, answer);
    answer->is_open = !is_stable;
}

static void elements_stay_once_they_are_known(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"set-full",
                                            NULL,
                                            {"lost element", "stale read", "duplicate element",
                                             "unexpected element"},
                                            generate_set,
                                            judge_set_full},
                   RANDOM_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_follow_an_order_or_are_convicted),
        cmocka_unit_test(counts_lie_between_the_sums_of_all_subsets),
        cmocka_unit_test(what_comes_out_of_a_queue_was_put_in),
        cmocka_unit_test(what_is_put_into_a_queue_comes_out),
        cmocka_unit_test(identifiers_differ_in_each_pair),
        cmocka_unit_test(reads_at_the_end_have_what_was_added),
        cmocka_unit_test(elements_stay_once_they_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

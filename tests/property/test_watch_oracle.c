/* Watches against a brute force written from docs/checkers/sessions-and-logs.md: every pair of
 * events is looked at. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/lib/oracle_suite.h"

enum { RANDOM_ROUNDS = 100000, WITNESSES_MAX = PLAIN_OPS_MAX * PLAIN_ITEMS_MAX / 2 };

enum { OUT_OF_ORDER, REPEATED, DIVERGENT, LOST, PHANTOM, FUTURE };

static bool is_named(const struct plain_op *op, const char *f)
{
    return strcmp(op->f, f) == 0;
}

static bool is_watch(const struct plain_op *op)
{
    return op->type == RIFT_OP_OK && is_named(op, "watch");
}

static bool is_write_of(const struct plain_op *op, int key, int value)
{
    return op->type != RIFT_OP_FAIL && is_named(op, "write") && op->key == key &&
           op->argument.number == value;
}

/* Two writes, the second before or after two watches of at most two events each. */
static void generate_small(struct choices *choices, struct plain_history *history)
{
    bool is_late = choose(choices, 2), is_one = choose(choices, 2);
    history->count = 4;
    for (int i = 0, value = 1; i < 4; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .key = 1, .start = 2 * i, .end = 2 * i + 1};
        if (i == 0 || i == (is_late ? 3 : 1)) {
            op->f = "write";
            op->argument = plain_integer(value);
            op->result = plain_integer(value++);
            if (i == 0 && choose(choices, 2))
                op->result = (struct plain_value){.kind = PLAIN_EVENT, .items = {1, 1}};
            continue;
        }
        bool is_second = i == (is_late ? 2 : 3);
        op->f = "watch";
        op->process = is_one ? 9 : i;
        if (is_second && choose(choices, 2))
            op->argument = plain_integer(2);
        op->result =
            (struct plain_value){.kind = PLAIN_EVENTS, .count = 2 * (int)choose(choices, 3)};
        for (int e = 0; e < op->result.count; e += 2) {
            op->result.items[e] = 1 + (int)choose(choices, 3);
            op->result.items[e + 1] = 1 + (int)choose(choices, 3);
        }
    }
}

struct store {
    int count; /* of revisions, from 1 on */
    int value[PLAIN_OPS_MAX + 1];
    int position[4]; /* of each process, what it saw last */
};

static void change(struct choices *choices, struct store *store, int number, struct plain_op *op)
{
    bool is_delete = choose(choices, 10) == 0;
    int value = is_delete ? 0 : choose(choices, 12) ? number + 1 : 1;
    op->f = is_delete ? "delete" : "write";
    op->argument = is_delete ? (struct plain_value){0} : plain_integer(value);
    op->result = op->argument;
    if (op->type != RIFT_OP_FAIL || choose(choices, 8) == 0)
        store->value[++store->count] = value;
    if (choose(choices, 2) && store->count > 0)
        op->result = (struct plain_value){.kind = PLAIN_EVENT, .items = {store->count, value}};
    if (choose(choices, 24) == 0)
        op->result.items[choose(choices, 2)] = 1 + (int)choose(choices, 4);
}

static void watch(struct choices *choices, struct store *store, unsigned noise, struct plain_op *op)
{
    int *position = &store->position[op->process];
    op->f = "watch";
    if (choose(choices, 6) == 0) {
        op->argument = plain_integer(1 + (int)choose(choices, (unsigned)store->count + 1));
        *position = op->argument.number - 1;
    }
    op->result.kind = choose(choices, 40) ? PLAIN_EVENTS : PLAIN_NIL;
    if (op->result.kind == PLAIN_NIL)
        return;
    while (*position < store->count && op->result.count < PLAIN_ITEMS_MAX && choose(choices, 6)) {
        int revision = ++*position, value = store->value[revision];
        unsigned how = choose(choices, noise);
        if (how == 0)
            continue;
        if (how == 1)
            --*position;
        revision += how == 2 ? 1 : how == 3 ? -1 : 0;
        if (how == 4)
            value = (int)choose(choices, PLAIN_OPS_MAX + 2);
        op->result.items[op->result.count++] = revision;
        op->result.items[op->result.count++] = value;
    }
}

/* Operations in order of start, those of a process one after another. */
static void generate(struct choices *choices, bool is_small, struct plain_history *history)
{
    if (is_small) {
        generate_small(choices, history);
        return;
    }
    struct store stores[2] = {0};
    unsigned noise = choose(choices, 2) ? 20 : 1000;
    history->count = 2 + (int)choose(choices, PLAIN_OPS_MAX - 1);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        unsigned type = choose(choices, 12), what = choose(choices, 40);
        *op = (struct plain_op){.process = (int)choose(choices, 4), .f = "cas", .start = 2 * i};
        op->key = 1 + (choose(choices, 4) == 0);
        op->end = op->start + (int)choose(choices, 7);
        op->type = type == 0 ? RIFT_OP_FAIL : type == 1 ? RIFT_OP_INFO : RIFT_OP_OK;
        struct store *store = &stores[op->key - 1];
        if (what == 0)
            op->f = choose(choices, 2) ? "cas" : "read";
        else if (what < 18)
            change(choices, store, i, op);
        else
            watch(choices, store, noise, op);
        for (int before = 0; before < i; before++)
            if (history->op[before].process == op->process && history->op[before].end > op->start)
                history->op[before].end = op->start;
    }
}

struct witness {
    int op, revision, value;
    bool is_seen; /* by a watcher */
};

struct witnesses {
    int count;
    struct witness item[WITNESSES_MAX];
};

/* In the order of operations and of what each saw. */
static void find_witnesses(const struct plain_history *history, struct witnesses *all)
{
    all->count = 0;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        const int *items = op->result.items;
        if (is_watch(op) && op->result.kind == PLAIN_EVENTS)
            for (int e = 0; e < op->result.count; e += 2)
                all->item[all->count++] = (struct witness){i, items[e], items[e + 1], true};
        bool is_change =
            op->type == RIFT_OP_OK && (is_named(op, "write") || is_named(op, "delete"));
        if (is_change && op->result.kind == PLAIN_EVENT && items[1] == op->argument.number)
            all->item[all->count++] = (struct witness){i, items[0], items[1], false};
    }
}

/* Two watches of one stream. */
static bool is_one_stream(const struct plain_history *history, int one, int other)
{
    int first = one < other ? one : other, last = one < other ? other : one;
    const struct plain_op *a = &history->op[first];
    for (int i = first; i <= last; i++) {
        const struct plain_op *op = &history->op[i];
        bool is_mine = op->process == a->process;
        if (is_mine && op->type == RIFT_OP_INFO && i < last)
            return false;
        if (!is_mine || !is_watch(op) || op->key != a->key)
            continue;
        if (op->result.kind != PLAIN_EVENTS || (i > first && op->argument.kind == PLAIN_INTEGER))
            return false;
    }
    return history->op[last].process == a->process && history->op[last].key == a->key;
}

/* The least revision from which on the stream of an event must have all. */
static int low_of(const struct plain_history *history, const struct witnesses *all, int event)
{
    for (int i = 0; i <= all->item[event].op; i++)
        if (is_watch(&history->op[i]) && is_one_stream(history, i, all->item[event].op) &&
            history->op[i].argument.kind == PLAIN_INTEGER)
            return history->op[i].argument.number;
    for (int i = 0; i < event; i++)
        if (all->item[i].is_seen && is_one_stream(history, all->item[i].op, all->item[event].op))
            return all->item[i].revision;
    return all->item[event].revision;
}

static void judge_event(const struct plain_history *history, const struct witnesses *all, int at,
                        struct oracle_answer *answer)
{
    const struct witness *event = &all->item[at];
    bool is_known = false, is_late = false;
    int low = low_of(history, all, at);
    for (int i = 0; i < at; i++) {
        const struct witness *before = &all->item[i];
        if (!before->is_seen || !is_one_stream(history, before->op, event->op))
            continue;
        is_known |= before->revision == event->revision;
        is_late |= before->revision > event->revision;
        answer->has[REPEATED] |=
            before->revision == event->revision && before->value == event->value;
    }
    bool is_asked = false;
    for (int i = 0; i <= event->op; i++)
        is_asked |= is_watch(&history->op[i]) && is_one_stream(history, i, event->op) &&
                    history->op[i].argument.kind == PLAIN_INTEGER &&
                    history->op[i].argument.number > event->revision;
    answer->has[OUT_OF_ORDER] |= !is_known && (is_late || is_asked);
    for (int r = 0; r < all->count; r++) {
        const struct witness *missed = &all->item[r];
        bool is_due = history->op[missed->op].key == history->op[event->op].key &&
                      missed->revision >= low && missed->revision < event->revision;
        for (int i = 0; i < all->count; i++)
            is_due &= !all->item[i].is_seen || all->item[i].revision != missed->revision ||
                      !is_one_stream(history, all->item[i].op, event->op);
        answer->has[LOST] |= is_due;
    }
}

static void judge_source(const struct plain_history *history, const struct witness *event,
                         struct oracle_answer *answer)
{
    const struct plain_op *seen = &history->op[event->op];
    bool is_written = false, is_before = false, has_other = false;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        has_other |= op->key == seen->key && op->type != RIFT_OP_FAIL && is_named(op, "cas");
        is_written |= is_write_of(op, seen->key, event->value);
        is_before |= is_write_of(op, seen->key, event->value) && op->start <= seen->end;
    }
    if (event->value == 0)
        return;
    answer->has[PHANTOM] |= !is_written && !has_other;
    answer->has[FUTURE] |= is_written && !is_before;
    answer->is_open |= !is_written && has_other;
}

/* One write, two revisions. */
static bool is_moved(const struct plain_history *history, const struct witness *a,
                     const struct witness *b)
{
    int writers = 0;
    for (int i = 0; i < history->count; i++)
        writers += is_write_of(&history->op[i], history->op[a->op].key, a->value);
    return a->value != 0 && a->value == b->value && a->revision != b->revision && writers == 1;
}

static void judge(const struct plain_history *history, struct oracle_answer *answer)
{
    struct witnesses all;
    bool has_event = false;
    find_witnesses(history, &all);
    for (int i = 0; i < history->count; i++)
        answer->is_open |= is_watch(&history->op[i]) && history->op[i].result.kind != PLAIN_EVENTS;
    for (int a = 0; a < all.count; a++) {
        has_event |= all.item[a].is_seen;
        if (all.item[a].is_seen) {
            judge_event(history, &all, a, answer);
            judge_source(history, &all.item[a], answer);
        }
        for (int b = 0; b < all.count; b++) {
            if (history->op[all.item[a].op].key != history->op[all.item[b].op].key)
                continue;
            answer->has[DIVERGENT] |= all.item[a].revision == all.item[b].revision &&
                                      all.item[a].value != all.item[b].value;
            answer->is_open |= is_moved(history, &all.item[a], &all.item[b]);
        }
    }
    answer->is_open |= !has_event;
}

static void streams_are_ordered_without_gaps_and_agree(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){"watch",
                                 NULL,
                                 {"event out of order", "event seen twice", "divergent event",
                                  "lost event", "phantom event", "event from the future"},
                                 generate,
                                 judge},
        RANDOM_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_ordered_without_gaps_and_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sessions, causality, banks and forks against brute forces written from
 * docs/checkers/sessions-and-logs.md: every pair of operations is looked at, and happened-before is
 * closed step by step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/lib/oracle_suite.h"

enum { RANDOM_ROUNDS = 50000, NONE = -1 };

static enum rift_op_type choose_type(struct choices *choices)
{
    unsigned choice = choose(choices, 8);
    return choice == 0 ? RIFT_OP_FAIL : choice == 1 ? RIFT_OP_INFO : RIFT_OP_OK;
}

static bool is_named(const struct plain_op *op, const char *f)
{
    return strcmp(op->f, f) == 0;
}

static bool is_ok(const struct plain_op *op, const char *f)
{
    return op->type == RIFT_OP_OK && is_named(op, f);
}

static bool may_be(const struct plain_op *op, const char *f)
{
    return op->type != RIFT_OP_FAIL && is_named(op, f);
}

/* A value that no write has yet, but for one in ten. */
static int choose_written(struct choices *choices, const struct plain_history *history, int count)
{
    int value = 1 + (int)choose(choices, 12);
    bool may_repeat = choose(choices, 10) == 0;
    for (int i = 0; i < count && !may_repeat; i++)
        if (is_named(&history->op[i], "write") && history->op[i].argument.number == value) {
            value = value % 12 + 1;
            i = -1;
        }
    return value;
}

/* Mostly what a write that has begun wrote to the key; 0: nil. */
static int choose_read(struct choices *choices, const struct plain_history *history, int key,
                       int count)
{
    int written[PLAIN_OPS_MAX + 1] = {0}, known = 1;
    if (choose(choices, 16) == 0)
        return (int)choose(choices, 12);
    for (int i = 0; i < count; i++)
        if (is_named(&history->op[i], "write") && history->op[i].key == key)
            written[known++] = history->op[i].argument.number;
    int pick = known > 1 && choose(choices, 6) ? 1 + (int)choose(choices, (unsigned)known - 1) : 0;
    return written[pick];
}

/* Registers: operations in order of start, those of a process one after another. */
static void generate_registers(struct choices *choices, bool is_small,
                               struct plain_history *history)
{
    history->count = is_small ? 4 : 2 + (int)choose(choices, PLAIN_OPS_MAX - 1);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = choose(choices, 2);
        *op = (struct plain_op){.f = is_read ? "read" : "write", .start = 2 * i};
        op->process = (int)choose(choices, is_small ? 2 : 4);
        op->key = 1 + (int)choose(choices, is_small ? 1 : 3);
        op->end =
            op->start + (is_small ? 1 + 2 * (int)choose(choices, 2) : (int)choose(choices, 9));
        int value = is_small  ? (int)choose(choices, 2) + !is_read
                    : is_read ? choose_read(choices, history, op->key, i)
                              : choose_written(choices, history, i);
        if (is_read && value > 0)
            op->result = plain_integer(value);
        else if (!is_read)
            op->argument = plain_integer(value);
        if (!is_small)
            op->type = choose_type(choices);
        for (int before = 0; before < i; before++)
            if (history->op[before].process == op->process && history->op[before].end > op->start)
                history->op[before].end = op->start;
    }
}

/* Writes of one register, many at once, and then the reads of one process. */
static void generate_reader(struct choices *choices, bool is_small, struct plain_history *history)
{
    int writes = is_small ? 3 : 2 + (int)choose(choices, 4), reads = is_small ? 3 : 4;
    history->count = writes + reads;
    for (int i = 0; i < writes; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .f = "write", .key = 1, .start = 2 * i};
        op->argument =
            plain_integer(is_small ? (i + 1) * 2 % 5 : choose_written(choices, history, i));
        op->end = op->start + (int)choose(choices, is_small ? 5 : 8);
        op->type = is_small || choose(choices, 8) ? RIFT_OP_OK : RIFT_OP_INFO;
    }
    for (int i = writes; i < history->count; i++) {
        int seen = (int)choose(choices, (unsigned)writes);
        history->op[i] = (struct plain_op){.process = PLAIN_OPS_MAX, .f = "read", .key = 1};
        history->op[i].start = history->op[i].end = 20 + i;
        history->op[i].result = history->op[seen].argument;
    }
}

/* Each process reads what the one before it wrote, or nothing, and writes another register; the
 * last one reads two of them. */
static void generate_chain(struct choices *choices, bool is_small, struct plain_history *history)
{
    int length = is_small ? 4 : 2 + (int)choose(choices, 4);
    for (int link = 0; link <= length; link++) {
        bool is_last = link == length;
        for (int i = link == 0; i < 2; i++) {
            bool is_read = i == 0 || is_last;
            int key = is_last && i == 1 ? 1 + (int)choose(choices, (unsigned)length) : link + i;
            struct plain_op *op = &history->op[history->count];
            *op = (struct plain_op){.f = is_read ? "read" : "write", .key = key, .process = link};
            if (!is_small && choose(choices, 5) == 0)
                op->process = (int)choose(choices, (unsigned)link + 1);
            op->start = op->end = history->count++;
            if (is_read && choose(choices, is_small || is_last ? 2 : 8))
                op->result = plain_integer(key);
            else if (!is_read)
                op->argument = plain_integer(key);
        }
    }
}

/* What the reads of a history saw, and who came before whom in a session. */
struct seen {
    int source[PLAIN_OPS_MAX]; /* the write that a read saw; NONE */
    bool is_initial[PLAIN_OPS_MAX];
    bool is_garbage, is_ambiguous, has_read;
    bool is_before[PLAIN_OPS_MAX][PLAIN_OPS_MAX]; /* in one session */
    bool is_one_session[PLAIN_OPS_MAX][PLAIN_OPS_MAX];
};

static void look_up(const struct plain_history *history, int read, struct seen *seen)
{
    const struct plain_op *r = &history->op[read];
    int writers = 0, last = NONE;
    seen->source[read] = NONE;
    if (!is_ok(r, "read"))
        return;
    seen->has_read = true;
    seen->is_initial[read] = r->result.kind == PLAIN_NIL;
    for (int i = 0; i < history->count && !seen->is_initial[read]; i++)
        if (may_be(&history->op[i], "write") && history->op[i].key == r->key &&
            plain_equal(&history->op[i].argument, &r->result)) {
            writers++;
            last = i;
        }
    seen->is_ambiguous |= writers > 1;
    if (writers == 1 && history->op[last].start <= r->end)
        seen->source[read] = last;
    else if (writers < 2 && !seen->is_initial[read])
        seen->is_garbage = true;
}

/* A session ends with an operation that never heard back. */
static void see(const struct plain_history *history, struct seen *seen)
{
    *seen = (struct seen){0};
    for (int i = 0; i < history->count; i++) {
        look_up(history, i, seen);
        for (int j = 0; j < history->count; j++) {
            int first = i < j ? i : j, second = i < j ? j : i;
            bool is_one = history->op[i].process == history->op[j].process;
            for (int between = first; between < second; between++)
                is_one &= history->op[between].process != history->op[i].process ||
                          history->op[between].type != RIFT_OP_INFO;
            seen->is_one_session[i][j] = is_one;
            seen->is_before[i][j] = is_one && i < j;
        }
    }
}

/* monotonic: each pair of reads of a session. */
static void judge_monotonic(const struct plain_history *history, struct oracle_answer *answer)
{
    struct seen seen;
    see(history, &seen);
    for (int a = 0; a < history->count; a++)
        for (int b = 0; b < history->count; b++) {
            int older = seen.source[a], newer = seen.source[b];
            if (!seen.is_before[a][b] || history->op[a].key != history->op[b].key || older == NONE)
                continue;
            answer->has[1] |= seen.is_initial[b];
            if (newer == NONE ||
                history->op[newer].argument.number >= history->op[older].argument.number)
                continue;
            bool may_be_later = history->op[newer].type != RIFT_OP_OK ||
                                history->op[newer].end >= history->op[older].start;
            answer->has[1] |= !may_be_later;
        }
    answer->has[0] = seen.is_garbage;
    answer->is_open = seen.is_ambiguous || !seen.has_read;
}

static void no_pair_of_reads_of_a_session_goes_back(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "monotonic", NULL, {"", "non-monotonic read"}, generate_reader, judge_monotonic},
        RANDOM_ROUNDS);
    oracle_compare(&(struct oracle_subject){"monotonic",
                                            NULL,
                                            {"garbage read", "non-monotonic read"},
                                            generate_registers,
                                            judge_monotonic},
                   RANDOM_ROUNDS);
}

/* That the read saw something older than the write, for certain: the initial state, or what the
 * session of that write had written before it. */
static bool misses(const struct plain_history *history, const struct seen *seen, int read,
                   int write)
{
    if (!may_be(&history->op[write], "write") || history->op[write].key != history->op[read].key)
        return false;
    return seen->is_initial[read] ||
           (seen->source[read] != NONE && seen->is_before[seen->source[read]][write]);
}

/* Whether op, before the read in its session, gives it the duty to see the write by the rule. */
static bool is_due(const struct plain_history *history, const struct seen *seen, int rule, int op,
                   int write)
{
    int source = seen->source[op];
    if (rule == 0)
        return op == write;
    if (rule == 1)
        return source == write && source != NONE;
    if (source == NONE || seen->is_one_session[source][op])
        return false;
    if (rule == 2)
        return seen->is_before[write][source] || write == source;
    for (int other = 0; other < history->count; other++)
        if (seen->is_before[other][source] && seen->source[other] == write)
            return true;
    return false;
}

static void judge_sessions(const struct plain_history *history, struct oracle_answer *answer)
{
    struct seen seen;
    see(history, &seen);
    for (int read = 0; read < history->count; read++) {
        bool is_broken[4] = {0}, is_told = false;
        for (int op = 0; op < read; op++)
            for (int write = 0; write < history->count; write++)
                for (int rule = 0; rule < 4; rule++)
                    is_broken[rule] |= seen.is_before[op][read] &&
                                       misses(history, &seen, read, write) &&
                                       is_due(history, &seen, rule, op, write);
        /* A read that breaks several is told of by the first. */
        for (int rule = 0; rule < 4; rule++) {
            answer->has[1 + rule] |= is_broken[rule] && !is_told;
            is_told |= is_broken[rule];
        }
    }
    answer->has[0] = seen.is_garbage;
    answer->is_open = seen.is_ambiguous || !seen.has_read;
}

static void each_guarantee_of_a_session_is_judged_by_its_definition(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"sessions",
                                            NULL,
                                            {"", "own write not read", "non-monotonic read",
                                             "monotonic writes", "writes follow reads"},
                                            generate_chain,
                                            judge_sessions},
                   RANDOM_ROUNDS);
    oracle_compare(
        &(struct oracle_subject){"sessions",
                                 NULL,
                                 {"garbage read", "own write not read", "non-monotonic read",
                                  "monotonic writes", "writes follow reads"},
                                 generate_registers,
                                 judge_sessions},
        RANDOM_ROUNDS);
}

/* causal: happened-before is the order of sessions and who was read from, closed. */
static void judge_causal(const struct plain_history *history, struct oracle_answer *answer)
{
    struct seen seen;
    bool before[PLAIN_OPS_MAX][PLAIN_OPS_MAX];
    see(history, &seen);
    int count = history->count;
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
            before[a][b] = seen.is_before[a][b] || seen.source[b] == a;
    for (int m = 0; m < count; m++)
        for (int a = 0; a < count; a++)
            for (int b = 0; b < count; b++)
                before[a][b] |= before[a][m] && before[m][b];
    for (int read = 0; read < count; read++) {
        answer->has[1] |= before[read][read];
        for (int write = 0; write < count; write++)
            answer->has[1] |= before[write][read] && misses(history, &seen, read, write);
    }
    answer->has[0] = seen.is_garbage;
    answer->is_open = seen.is_ambiguous || !seen.has_read;
}

static void who_sees_a_write_sees_its_closed_past(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "causal", NULL, {"", "causality violation"}, generate_chain, judge_causal},
        RANDOM_ROUNDS);
    oracle_compare(&(struct oracle_subject){"causal",
                                            NULL,
                                            {"garbage read", "causality violation"},
                                            generate_registers,
                                            judge_causal},
                   RANDOM_ROUNDS);
}

/* staleness: a write is newer than another that had completed when it was invoked. */
static void judge_staleness(const struct plain_history *history, struct oracle_answer *answer)
{
    int reads = 0, unclear = 0;
    struct seen seen;
    see(history, &seen);
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        int behind = 0, writers = 0, source = NONE;
        if (!is_ok(read, "read"))
            continue;
        reads++;
        for (int i = 0; i < history->count && !seen.is_initial[r]; i++)
            if (may_be(&history->op[i], "write") && history->op[i].key == read->key &&
                plain_equal(&history->op[i].argument, &read->result)) {
                writers++;
                source = i;
            }
        if (writers != 1 && !seen.is_initial[r]) {
            unclear++;
            continue;
        }
        for (int w = 0; w < history->count; w++) {
            const struct plain_op *write = &history->op[w];
            bool is_newer = seen.is_initial[r] || (history->op[source].type == RIFT_OP_OK &&
                                                   history->op[source].end < write->start);
            behind += is_newer && is_ok(write, "write") && write->key == read->key &&
                      write->end < read->start;
        }
        answer->has[0] |= behind > 1;
    }
    answer->is_open = 2 * unclear > reads;
}

static void a_read_is_behind_by_the_writes_that_it_certainly_missed(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"staleness",
                                            "{\"versions_max\": 1}",
                                            {"stale read"},
                                            generate_registers,
                                            judge_staleness},
                   RANDOM_ROUNDS);
}

/* causal-reverse: element i is written by operation i. */
static void generate_comments(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 2 + (int)choose(choices, 6);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = is_small ? i == history->count - 1 : choose(choices, 2);
        *op = (struct plain_op){.process = i, .f = is_read ? "read" : "write"};
        op->start = (int)choose(choices, is_small ? 3 : 6);
        op->end = op->start + (int)choose(choices, is_small ? 3 : 4);
        op->type =
            is_small ? (enum rift_op_type)choose(choices, is_read ? 1 : 3) : choose_type(choices);
        op->argument = is_read ? (struct plain_value){0} : plain_integer(i);
        if (!is_read)
            continue;
        op->result.kind = PLAIN_LIST;
        for (int element = 0; element < history->count; element++)
            if (choose(choices, 2))
                op->result.items[op->result.count++] = element;
    }
}

static bool has_item(const struct plain_value *list, int item)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i] == item)
            return true;
    return false;
}

static void judge_comments(const struct plain_history *history, struct oracle_answer *answer)
{
    answer->is_open = true;
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        if (!is_ok(read, "read"))
            continue;
        answer->is_open = false;
        for (int i = 0; i < history->count; i++) {
            const struct plain_op *seen = &history->op[i];
            if (!has_item(&read->result, i))
                continue;
            if (!may_be(seen, "write")) {
                answer->has[1] = true;
                continue;
            }
            for (int j = 0; j < history->count; j++)
                answer->has[0] |= is_ok(&history->op[j], "write") &&
                                  history->op[j].end < seen->start && !has_item(&read->result, j);
        }
    }
}

static void a_read_has_all_that_was_acknowledged_before_what_it_has(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"causal-reverse",
                                            NULL,
                                            {"causal reverse", "unexpected element"},
                                            generate_comments,
                                            judge_comments},
                   RANDOM_ROUNDS);
}

/* adya */
static void generate_inserts(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 1 + (int)choose(choices, 6);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .f = "insert", .start = i, .end = i + 2};
        op->key = 1 + (int)choose(choices, is_small ? 2 : 4);
        op->type = (enum rift_op_type)choose(choices, 3);
        op->argument = plain_integer(i);
    }
}

static void judge_inserts(const struct plain_history *history, struct oracle_answer *answer)
{
    answer->is_open = true;
    for (int i = 0; i < history->count; i++)
        for (int j = 0; j <= i && history->op[i].type == RIFT_OP_OK; j++) {
            answer->is_open = false;
            answer->has[0] |= i != j && history->op[j].type == RIFT_OP_OK &&
                              history->op[i].key == history->op[j].key;
        }
}

static void no_two_inserts_into_a_key_succeed(void **state)
{
    (void)state;
    oracle_compare(&(struct oracle_subject){"adya", NULL, {"G2"}, generate_inserts, judge_inserts},
                   RANDOM_ROUNDS);
}

/* bank: deposits, transfers and reads of two accounts. */
static void generate_bank(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->count = is_small ? 3 : 2 + (int)choose(choices, 5);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = choose(choices, 2);
        *op = (struct plain_op){.process = i, .f = is_read ? "read" : "transfer", .start = 2 * i};
        op->end = op->start + (int)choose(choices, is_small ? 3 : 6);
        op->type = (enum rift_op_type)choose(choices, 3);
        if (is_read) {
            op->result = (struct plain_value){.kind = PLAIN_BALANCES, .count = 2};
            op->result.items[0] = (int)choose(choices, is_small ? 3 : 5) - 1;
            op->result.items[1] = (int)choose(choices, is_small ? 2 : 4);
            continue;
        }
        op->argument = (struct plain_value){.kind = PLAIN_TRANSFER, .count = 2};
        op->argument.items[0] = is_small ? -1 : (int)choose(choices, 2) - 1;
        op->argument.items[1] = (int)choose(choices, is_small ? 1 : 2);
        op->argument.number = 1 + (int)choose(choices, 2);
    }
}

static bool is_deposit(const struct plain_op *op)
{
    return is_named(op, "transfer") && op->argument.items[0] < 0;
}

/* Whether the deposits of some subset add up to the sum: those that were over before the first read
 * are in each, those that failed in none. */
static bool is_total(const struct plain_history *history, int first_read, int sum)
{
    for (unsigned paid = 0; paid < 1U << history->count; paid++) {
        int total = 0;
        bool is_possible = true;
        for (int i = 0; i < history->count; i++) {
            const struct plain_op *op = &history->op[i];
            bool is_certain = is_deposit(op) && op->type == RIFT_OP_OK && op->end < first_read;
            bool is_paid = paid >> i & 1;
            is_possible &= is_paid ? is_deposit(op) && op->type != RIFT_OP_FAIL : !is_certain;
            total += is_paid ? op->argument.number : 0;
        }
        if (is_possible && total == sum)
            return true;
    }
    return false;
}

static void judge_bank(const struct plain_history *history, struct oracle_answer *answer)
{
    int first = NONE, accounts = 0;
    for (int i = 0; i < history->count; i++) {
        accounts += is_deposit(&history->op[i]);
        if (first == NONE && is_ok(&history->op[i], "read"))
            first = i;
    }
    answer->is_open = first == NONE;
    for (int r = 0; r < history->count; r++) {
        const struct plain_op *read = &history->op[r];
        if (!is_ok(read, "read"))
            continue;
        const int *balance = read->result.items;
        const int *held = history->op[first].result.items;
        int sum = balance[0] + balance[1];
        bool is_extra = accounts > 0 && accounts < 2;
        bool is_right = accounts > 0 ? is_total(history, history->op[first].start, sum)
                                     : sum == held[0] + held[1];
        answer->has[0] |= !is_extra && !is_right;
        answer->has[1] |= balance[0] < 0;
        answer->has[2] |= is_extra;
    }
}

static void a_read_of_a_bank_holds_what_some_deposits_paid_in(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){"bank",
                                 NULL,
                                 {"wrong total", "negative balance", "unexpected account"},
                                 generate_bank,
                                 judge_bank},
        RANDOM_ROUNDS);
}

/* long-fork: groups of two keys, each key written once. */
static void generate_groups(struct choices *choices, bool is_small, struct plain_history *history)
{
    int groups = is_small ? 1 : 2;
    history->count = 2 * groups + (is_small ? 2 : 2 + (int)choose(choices, 4));
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .f = "txn", .start = i, .end = i + 1};
        op->type = (enum rift_op_type)choose(choices, i < 2 * groups ? 3 : 2);
        if (i < 2 * groups) {
            op->argument = (struct plain_value){.kind = PLAIN_WRITES, .count = 2, .items = {i, 1}};
            op->result = op->argument;
            continue;
        }
        int group = (int)choose(choices, (unsigned)groups);
        op->argument = (struct plain_value){.kind = PLAIN_READS, .count = 4};
        for (int k = 0; k < 2; k++)
            op->argument.items[2 * k] = 2 * group + k;
        op->result = op->argument;
        for (int k = 0; k < 2; k++)
            op->result.items[2 * k + 1] = (int)choose(choices, 2);
    }
}

static void judge_groups(const struct plain_history *history, struct oracle_answer *answer)
{
    answer->is_open = true;
    for (int a = 0; a < history->count; a++) {
        const struct plain_op *one = &history->op[a];
        const int *x = one->result.items;
        if (one->result.kind != PLAIN_READS || one->type != RIFT_OP_OK)
            continue;
        answer->is_open = false;
        for (int k = 0; k < 2; k++)
            answer->has[1] |= x[2 * k + 1] && history->op[x[2 * k]].type == RIFT_OP_FAIL;
        for (int b = 0; b < history->count; b++) {
            const struct plain_op *other = &history->op[b];
            const int *y = other->result.items;
            answer->has[0] |= other->result.kind == PLAIN_READS && other->type == RIFT_OP_OK &&
                              x[0] == y[0] && x[1] > y[1] && x[3] < y[3];
        }
    }
}

static void of_each_two_reads_of_a_group_one_holds_the_other(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){
            "long-fork", NULL, {"long fork", "garbage read"}, generate_groups, judge_groups},
        RANDOM_ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pair_of_reads_of_a_session_goes_back),
        cmocka_unit_test(each_guarantee_of_a_session_is_judged_by_its_definition),
        cmocka_unit_test(who_sees_a_write_sees_its_closed_past),
        cmocka_unit_test(a_read_is_behind_by_the_writes_that_it_certainly_missed),
        cmocka_unit_test(a_read_has_all_that_was_acknowledged_before_what_it_has),
        cmocka_unit_test(no_two_inserts_into_a_key_succeed),
        cmocka_unit_test(a_read_of_a_bank_holds_what_some_deposits_paid_in),
        cmocka_unit_test(of_each_two_reads_of_a_group_one_holds_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

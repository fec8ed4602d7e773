/* bank: money moves between accounts; every read of all accounts at one moment must hold all of it.
 *
 * The total is an option, or what transfers from nobody brought in, or else what the first read
 * held. A deposit of unknown outcome, or one that was not over before the first read, leaves two
 * totals possible. */
#include "checkers/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { KEPT = 16, PLOT_POINTS = 2000, DOUBTFUL_DEPOSITS_MAX = 12 };

struct bank {
    const struct rift_history *history;
    struct rift_verdict *verdict;
    bool may_be_negative;
    bool has_total;
    int64_t total; /* without doubtful deposits */
    int64_t doubtful[DOUBTFUL_DEPOSITS_MAX];
    size_t doubtful_count;
    bool is_in_doubt; /* more of them than can be told apart */
    size_t reads, wrong;
    size_t account_count; /* 0: not known */
};

static bool is_named(const struct rift_history *history, size_t row, const char *name)
{
    return strcmp(history->names.text[history->ops.f[row]], name) == 0;
}

/* The amount of a transfer from nobody, or -1. */
static int64_t deposit_of(const struct rift_history *history, size_t row)
{
    struct rift_value from, amount, value = history->ops.argument[row];
    if (!is_named(history, row, "transfer") ||
        !rift_value_map_get(history->values, value, "from", &from) ||
        !rift_value_map_get(history->values, value, "amount", &amount) || !rift_value_is_nil(from))
        return -1;
    return rift_value_as_integer(history->values, amount);
}

/* Deposits that were over before this are in every total. */
static int64_t first_read_start(const struct rift_history *history)
{
    for (size_t row = 0; row < history->ops.count; row++)
        if (history->ops.type[row] == RIFT_OP_OK && is_named(history, row, "read"))
            return history->ops.start[row];
    return INT64_MAX;
}

static void find_total(struct bank *bank, const struct rift_check *check)
{
    const struct rift_history *history = bank->history;
    int64_t given = json_integer_value(json_object_get(check->options, "total"));
    int64_t first_read = first_read_start(history);
    for (size_t row = 0; row < history->ops.count; row++) {
        int64_t amount = deposit_of(history, row);
        if (amount < 0)
            continue;
        bank->account_count++;
        bank->has_total = true;
        bool is_certain =
            history->ops.type[row] == RIFT_OP_OK && history->ops.end[row] < first_read;
        if (is_certain)
            bank->total += amount;
        else if (history->ops.type[row] != RIFT_OP_FAIL &&
                 bank->doubtful_count < DOUBTFUL_DEPOSITS_MAX)
            bank->doubtful[bank->doubtful_count++] = amount;
        else if (history->ops.type[row] != RIFT_OP_FAIL)
            bank->is_in_doubt = true;
    }
    if (given > 0) {
        bank->has_total = true;
        bank->total = given;
        bank->doubtful_count = 0;
        bank->is_in_doubt = false;
    }
}

static bool is_possible_total(const struct bank *bank, int64_t sum)
{
    for (uint32_t mask = 0; mask < 1U << bank->doubtful_count; mask++) {
        int64_t total = bank->total;
        for (size_t i = 0; i < bank->doubtful_count; i++)
            total += mask >> i & 1 ? bank->doubtful[i] : 0;
        if (sum == total)
            return true;
    }
    return bank->is_in_doubt;
}

static void convict(struct bank *bank, size_t row, const char *name, const char *text)
{
    if (++bank->wrong > KEPT)
        return;
    CLEANUP(rift_free)
    char *value = rift_value_print(bank->history->values, bank->history->ops.result[row]);
    json_t *anomaly = rift_verdict_convict(bank->verdict, name, "operation %zu read %.400s: %s",
                                           row, value, text);
    json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)row));
}

/* Judges one read, and tells its sum. */
static int64_t judge_read(struct bank *bank, size_t row)
{
    const struct rift_values *values = bank->history->values;
    struct rift_value read = bank->history->ops.result[row];
    size_t count = rift_value_count(values, read) / 2;
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct rift_value balance = rift_value_item(values, read, 2 * i + 1);
        if (rift_value_kind(values, balance) != RIFT_INTEGER) {
            convict(bank, row, "nil balance", "an account without a balance");
            return INT64_MIN;
        }
        sum += rift_value_as_integer(values, balance);
    }
    if (!bank->has_total) {
        bank->has_total = true;
        bank->total = sum;
    }
    CLEANUP(rift_free)
    char *text = rift_printf("together %" PRId64 ", but there are %" PRId64, sum, bank->total);
    if (bank->account_count && count > bank->account_count)
        convict(bank, row, "unexpected account", "more accounts than were opened");
    else if (!is_possible_total(bank, sum))
        convict(bank, row, "wrong total", text);
    for (size_t i = 0; i < count && !bank->may_be_negative; i++)
        if (rift_value_as_integer(values, rift_value_item(values, read, 2 * i + 1)) < 0) {
            convict(bank, row, "negative balance", "an account below zero");
            break;
        }
    return sum;
}

/* The reads over time, right and wrong, and what they should be, as a line from the first to the
 * last. */
struct plot {
    json_t *right, *wrong;
    double first_s, last_s;
};

static void plot_read(struct plot *plot, const struct bank *bank, size_t row, int64_t sum)
{
    double at_s = (double)bank->history->ops.end[row] / 1e9;
    bool is_right = is_possible_total(bank, sum);
    json_t *points = is_right ? plot->right : plot->wrong;
    if (bank->reads == 1)
        plot->first_s = at_s;
    plot->last_s = at_s > plot->last_s ? at_s : plot->last_s;
    if (json_array_size(points) < PLOT_POINTS)
        json_array_append_new(points, json_pack("[f, f]", at_s, (double)sum));
}

static void add_plot(const struct bank *bank, struct plot *plot)
{
    json_t *series =
        json_pack("[{s:s, s:o}, {s:s, s:b, s:o}]", "name", "right total read", "points",
                  plot->right, "name", "wrong total read", "is_bad", 1, "points", plot->wrong);
    if (plot->last_s > plot->first_s)
        json_array_append_new(series,
                              json_pack("{s:s, s:[[f, f], [f, f]]}", "name", "all the money",
                                        "points", plot->first_s, (double)bank->total, plot->last_s,
                                        (double)bank->total));
    json_object_set_new(bank->verdict->details, "plots",
                        json_pack("[{s:s, s:s, s:o}]", "title", "Money in all accounts", "unit", "",
                                  "series", series));
}

static int check_bank(const struct rift_check *check, struct rift_verdict *verdict,
                      struct rift_error *err)
{
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    struct bank bank = {.history = history, .verdict = verdict};
    struct plot plot = {.right = json_array(), .wrong = json_array()};
    size_t unreadable = 0;
    (void)err;
    bank.may_be_negative = json_is_true(json_object_get(check->options, "negative_balances"));
    find_total(&bank, check);
    for (size_t row = 0; row < ops->count; row++) {
        if (ops->type[row] != RIFT_OP_OK || !is_named(history, row, "read"))
            continue;
        if (rift_value_kind(history->values, ops->result[row]) != RIFT_MAP) {
            unreadable++;
            continue;
        }
        bank.reads++;
        int64_t sum = judge_read(&bank, row);
        if (history->time_kind == RIFT_TIME_NS && sum != INT64_MIN)
            plot_read(&plot, &bank, row, sum);
    }
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "reads", json_integer((json_int_t)bank.reads));
    json_object_set_new(stats, "wrong_reads", json_integer((json_int_t)bank.wrong));
    json_object_set_new(stats, "total", json_integer(bank.total));
    add_plot(&bank, &plot);
    if (bank.reads == 0)
        rift_verdict_doubt(verdict, "no read of the accounts succeeded");
    if (unreadable > 0)
        rift_verdict_doubt(verdict, "%zu reads answered no map of balances", unreadable);
    if (bank.is_in_doubt)
        rift_verdict_doubt(verdict, "too many deposits of unknown outcome to know the total");
    return 0;
}

static const struct rift_option options[] = {
    {.name = "total",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e15,
     .summary = "money in all accounts; 0: what was paid in, or what the first read held"},
    {.name = "negative_balances",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "accounts may go below zero"},
    {0},
};

const struct rift_checker rift_checker_bank = {
    .name = "bank",
    .summary = "every read of all accounts holds all the money",
    .options = options,
    .check = check_bank,
};

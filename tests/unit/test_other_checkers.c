/* Checkers of banks, long forks, sessions, causality and logs on small histories. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/reader.h"
#include "tests/lib/judging.h"

static void expect(const char *checker, const char *text, const char *options,
                   enum rift_validity validity, const char *anomaly)
{
    expect_verdict(checker, options, judging_history(text), validity, anomaly);
}

/* One completed op of a process. Times are the lines. */
#define OP(process, f, argument, type, result)                                                     \
    "{:process " #process " :type :invoke :f :" f " :value " argument "}\n"                        \
    "{:process " #process " :type :" type " :f :" f " :value " result "}\n"
#define BALANCES(result)       OP(9, "read", "nil", "ok", result)
#define MOVE(from, to, amount) "{:from " #from " :to " #to " :amount " #amount "}"
#define DEPOSIT(to, amount, type)                                                                  \
    OP(0, "transfer", MOVE(nil, to, amount), type, MOVE(nil, to, amount))

static void every_read_of_a_bank_finds_all_the_money(void **state)
{
    (void)state;
    const char *ten = "{\"total\": 10}";
    expect("bank", BALANCES("{0 4, 1 6}"), ten, RIFT_VALID, NULL);
    expect("bank", BALANCES("{0 4, 1 5}"), ten, RIFT_INVALID, "wrong total");
    expect("bank", BALANCES("{0 10, 1 nil}"), ten, RIFT_INVALID, "nil balance");
    expect("bank", BALANCES("{0 -1, 1 11}"), ten, RIFT_INVALID, "negative balance");
    expect("bank", BALANCES("{0 -1, 1 11}"), "{\"total\": 10, \"negative_balances\": true}",
           RIFT_VALID, NULL);
    expect("bank", DEPOSIT(0, 10, "ok"), NULL, RIFT_UNKNOWN, NULL);
}

static void money_is_what_was_deposited(void **state)
{
    (void)state;
    expect("bank", DEPOSIT(0, 4, "ok") DEPOSIT(1, 6, "ok") BALANCES("{0 3, 1 7}"), NULL, RIFT_VALID,
           NULL);
    expect("bank", DEPOSIT(0, 4, "ok") DEPOSIT(1, 6, "fail") BALANCES("{0 3, 1 7}"), NULL,
           RIFT_INVALID, "wrong total");
}

static void deposit_that_never_heard_back_is_there_or_not(void **state)
{
    (void)state;
#define DOUBTFUL DEPOSIT(0, 4, "ok") DEPOSIT(1, 6, "info")
    expect("bank", DOUBTFUL BALANCES("{0 4}") BALANCES("{0 4, 1 6}"), NULL, RIFT_VALID, NULL);
    expect("bank", DOUBTFUL BALANCES("{0 4, 1 5}"), NULL, RIFT_INVALID, "wrong total");
}

static void deposit_after_the_first_read_is_there_or_not(void **state)
{
    (void)state;
    expect("bank", DEPOSIT(0, 4, "ok") BALANCES("{0 4}") DEPOSIT(1, 6, "ok") BALANCES("{0 4, 1 6}"),
           NULL, RIFT_VALID, NULL);
    expect("bank", DEPOSIT(0, 4, "ok") BALANCES("{0 5}") DEPOSIT(1, 6, "ok") BALANCES("{0 4, 1 6}"),
           NULL, RIFT_INVALID, "wrong total");
}

static void answer_that_is_no_map_is_not_passed_over(void **state)
{
    (void)state;
    expect("bank", BALANCES("{0 4, 1 6}") BALANCES("nil"), NULL, RIFT_UNKNOWN, NULL);
}

static void reads_of_a_bank_agree_where_the_total_is_unknown(void **state)
{
    (void)state;
    expect("bank", BALANCES("{0 4, 1 5}") BALANCES("{0 5, 1 4}"), NULL, RIFT_VALID, NULL);
    expect("bank", BALANCES("{0 4, 1 5}") BALANCES("{0 5, 1 5}"), NULL, RIFT_INVALID,
           "wrong total");
}

#define TXN(process, type, asked, got) OP(process, "txn", asked, type, got)
#define PUT(key, type)                 TXN(0, type, "[[:w " #key " 1]]", "[[:w " #key " 1]]")
#define LOOK(got)                      TXN(5, "ok", "[[:r 0 nil] [:r 1 nil]]", got)

static void reads_of_a_group_saw_its_writes_in_one_order(void **state)
{
    (void)state;
    expect("long-fork",
           PUT(0, "ok") PUT(1, "ok") LOOK("[[:r 0 1] [:r 1 nil]]") LOOK("[[:r 1 1] [:r 0 1]]"),
           NULL, RIFT_VALID, NULL);
#define FORK LOOK("[[:r 0 1] [:r 1 nil]]") LOOK("[[:r 1 1] [:r 0 nil]]")
    expect("long-fork", PUT(0, "ok") PUT(1, "ok") FORK, NULL, RIFT_INVALID, "long fork");
    /* What was read was written. */
    expect("long-fork", PUT(0, "info") TXN(1, "info", "[[:w 1 1]]", "[[:w 1 1]]") FORK, NULL,
           RIFT_INVALID, "long fork");
    expect("long-fork", PUT(0, "ok") PUT(0, "ok") PUT(1, "ok") FORK, NULL, RIFT_UNKNOWN, NULL);
    expect("long-fork", PUT(0, "ok") LOOK("[[:r 0 1] [:r 1 1]]"), NULL, RIFT_INVALID,
           "garbage read");
    expect("long-fork", PUT(0, "ok"), NULL, RIFT_UNKNOWN, NULL);
}

static void register_that_rises_is_never_seen_to_go_back(void **state)
{
    (void)state;
    const char *name = "non-monotonic read";
    expect("monotonic", "p0 w1 ok, p1 r1 ok, p0 w2 ok, p1 r2 ok", NULL, RIFT_VALID, NULL);
    expect("monotonic", "p0 w1 ok, p0 w2 ok, p1 r2 ok, p1 r1 ok", NULL, RIFT_INVALID, name);
    expect("monotonic", "p0 w1 ok, p0 w2 ok, p1 r2 ok, p2 r1 ok", NULL, RIFT_VALID, NULL);
    expect("monotonic", "p0 w1 ok, p1 r1 ok, p1 r- ok", NULL, RIFT_INVALID, name);
    /* 1 may have come after 3, but not after 2. */
    expect("monotonic", "p0 w1, p1 w3, p0 ok, p2 w2 ok, p1 ok, p3 r2 ok, p3 r3 ok, p3 r1 ok", NULL,
           RIFT_INVALID, name);
    /* It had not seen what it wrote: that is asked of sessions. */
    expect("monotonic", "p0 w1 ok, p0 w2 ok, p0 r1 ok", NULL, RIFT_VALID, NULL);
    expect("monotonic", "p0 k1/w2 ok, p0 k2/w1 ok, p1 k1/r2 ok, p1 k2/r1 ok", NULL, RIFT_VALID,
           NULL);
    expect("monotonic", "p0 w1 ok, p1 r3 ok", NULL, RIFT_INVALID, "garbage read");
    expect("monotonic", "p0 w1 fail, p1 r1 ok", NULL, RIFT_INVALID, "garbage read");
    expect("monotonic", "p0 w1 ok", NULL, RIFT_UNKNOWN, NULL);
}

static void write_that_never_heard_back_may_land_late(void **state)
{
    (void)state;
    const char *late = "p0 w1 info, p9 w2 ok, p1 r2 ok, p1 r1 ok";
    expect("monotonic", late, NULL, RIFT_VALID, NULL);
    expect("sessions", late, NULL, RIFT_VALID, NULL);
    expect("causal", late, NULL, RIFT_VALID, NULL);
    expect("sessions", "p0 w1 info, p0 w2 ok, p1 r2 ok, p1 r1 ok", NULL, RIFT_VALID, NULL);
    /* Two writes at once, in either order. */
    expect("monotonic", "p0 w1, p1 w2, p0 ok, p1 ok, p2 r2 ok, p2 r1 ok", NULL, RIFT_VALID, NULL);
}

static void each_session_guarantee_has_its_violation(void **state)
{
    (void)state;
    expect("sessions", "p0 w1 ok, p0 w2 ok, p0 r1 ok", NULL, RIFT_INVALID, "own write not read");
    expect("sessions", "p0 w1 ok, p0 r- ok", NULL, RIFT_INVALID, "own write not read");
    expect("sessions", "p0 w1 ok, p0 w2 ok, p1 r2 ok, p1 r1 ok", NULL, RIFT_INVALID,
           "non-monotonic read");
    expect("sessions", "p0 k1/w1 ok, p0 k2/w2 ok, p1 k2/r2 ok, p1 k1/r- ok", NULL, RIFT_INVALID,
           "monotonic writes");
    expect("sessions", "p0 k1/w1 ok, p1 k1/r1 ok, p1 k2/w2 ok, p2 k2/r2 ok, p2 k1/r- ok", NULL,
           RIFT_INVALID, "writes follow reads");
    expect("sessions", "p0 k1/w1 ok, p1 k2/w2 ok, p1 k1/r1 ok, p2 k2/r2 ok, p2 k1/r- ok", NULL,
           RIFT_VALID, NULL);
}

static void sessions_promise_nothing_across_processes(void **state)
{
    (void)state;
    expect("sessions", "p0 w1 ok, p0 w2 ok, p1 r2 ok, p2 r1 ok, p2 r2 ok", NULL, RIFT_VALID, NULL);
    /* Writes of two sessions may stand in either order. */
    expect("sessions", "p0 w1 ok, p1 w2 ok, p2 r2 ok, p2 r1 ok", NULL, RIFT_VALID, NULL);
}

static void causes_are_seen_over_any_number_of_steps(void **state)
{
    (void)state;
    const char *chain = "p0 k1/w1 ok, p1 k1/r1 ok, p1 k2/w2 ok, p2 k2/r2 ok, p2 k3/w3 ok, "
                        "p3 k3/r3 ok, p3 k1/r- ok";
    expect("causal", chain, NULL, RIFT_INVALID, "causality violation");
    expect("sessions", chain, NULL, RIFT_VALID, NULL);
    expect("causal",
           "p0 k1/w1 ok, p0 k1/w4 ok, p1 k1/r4 ok, p1 k2/w2 ok, p2 k2/r2 ok, p2 k3/w3 ok, "
           "p3 k3/r3 ok, p3 k1/r1 ok",
           NULL, RIFT_INVALID, "causality violation");
    expect("causal", "p0 w1 ok, p1 r2 ok", NULL, RIFT_INVALID, "garbage read");
    expect("causal", "p0 k1/r1, p1 k2/r2, p0 ok, p1 ok", NULL, RIFT_INVALID, "garbage read");
    /* Each read, before its own write, what the other writes after it. */
    expect("causal", "p0 k1/r1, p1 k1/w1, p0 ok, p0 k2/w2 ok, p1 ok, p2 k2/r2 ok, p2 k1/r1 ok",
           NULL, RIFT_VALID, NULL);
}

static void only_the_guarantees_asked_for_must_hold(void **state)
{
    (void)state;
    expect("sessions", "p0 w1 ok, p0 w2 ok, p1 r2 ok, p1 r1 ok",
           "{\"guarantees\": [\"read your writes\"]}", RIFT_VALID, NULL);
}

#define SEND(process, type, asked, got) OP(process, "send", asked, type, got)
#define POLL(process, got)              OP(process, "poll", "[[:poll nil nil]]", "ok", got)
#define ALL_KEYS(process)               OP(process, "assign", "[1]", "ok", "[1]")
#define THREE                                                                                      \
    SEND(0, "ok", "[[:send 1 10]]", "[[:send 1 [0 10]]]")                                          \
    SEND(0, "ok", "[[:send 1 11]]", "[[:send 1 [5 11]]]")                                          \
    SEND(0, "ok", "[[:send 1 12]]", "[[:send 1 [6 12]]]")
#define POLL_ALL(process) POLL(process, "[[:poll nil {1 [[0 10] [5 11] [6 12]]}]]")

static void log_is_polled_in_order_and_without_gaps(void **state)
{
    (void)state;
    expect("kafka", THREE POLL_ALL(1), NULL, RIFT_VALID, NULL);
    expect("kafka",
           THREE POLL_ALL(1) POLL(2, "[[:poll nil {1 [[0 10]]}]]")
               POLL(2, "[[:poll {1 [[6 12]]}]]"),
           NULL, RIFT_INVALID, "poll skip");
    expect("kafka", THREE POLL_ALL(1) POLL_ALL(1), NULL, RIFT_INVALID, "nonmonotonic poll");
    expect("kafka", THREE POLL_ALL(1) POLL(2, "[[:poll nil {1 [[0 10] [6 12]]}]]"), NULL,
           RIFT_INVALID, "internal poll skip");
    expect("kafka", THREE POLL_ALL(1) POLL(2, "[[:poll nil {1 [[5 11] [0 10]]}]]"), NULL,
           RIFT_INVALID, "internal nonmonotonic poll");
    expect("kafka", THREE, NULL, RIFT_UNKNOWN, NULL);
}

static void assignment_from_the_beginning_polls_anew(void **state)
{
    (void)state;
    const char *anew = "{:keys [1] :from \"beginning\"}";
    CLEANUP(rift_free)
    char *edn = rift_printf("%s{:process 1 :type :invoke :f :assign :value %s}\n"
                            "{:process 1 :type :ok :f :assign :value %s}\n%s",
                            THREE POLL_ALL(1), anew, anew, POLL_ALL(1));
    expect("kafka", edn, NULL, RIFT_VALID, NULL);
    expect("kafka", THREE POLL_ALL(1) ALL_KEYS(1) POLL_ALL(1), NULL, RIFT_INVALID,
           "nonmonotonic poll");
}

static void acknowledged_message_that_others_polled_past_is_lost(void **state)
{
    (void)state;
    const char *past = "[[:poll nil {1 [[6 12]]}]]";
    expect("kafka", THREE POLL(1, "[[:poll nil {1 [[6 12]]}]]"), NULL, RIFT_INVALID, "lost write");
    /* At the end it may still come. */
    expect("kafka", THREE POLL(1, "[[:poll nil {1 [[0 10] [5 11]]}]]"), NULL, RIFT_UNKNOWN, NULL);
    /* A poll that never heard back may have taken the others. */
    CLEANUP(rift_free)
    char *edn = rift_printf("%s%s{:process 1 :type :invoke :f :poll :value [[:poll nil nil]]}\n"
                            "{:process 1 :type :ok :f :poll :value %s}\n",
                            THREE, OP(2, "poll", "[[:poll nil nil]]", "info", "nil"), past);
    expect("kafka", edn, NULL, RIFT_UNKNOWN, NULL);
}

static void message_stands_at_one_offset_and_alone(void **state)
{
    (void)state;
    expect("kafka", THREE POLL(1, "[[:poll nil {1 [[0 10] [5 11] [6 12] [7 10]]}]]"), NULL,
           RIFT_INVALID, "duplicate");
    expect("kafka",
           THREE POLL_ALL(1) SEND(3, "info", "[[:send 1 13]]", "[[:send 1 13]]")
               POLL(2, "[[:poll nil {1 [[6 13]]}]]"),
           NULL, RIFT_INVALID, "inconsistent offsets");
}

static void polled_message_was_sent_before_and_not_undone(void **state)
{
    (void)state;
    expect("kafka", SEND(0, "fail", "[[:send 1 9]]", "nil") POLL(1, "[[:poll nil {1 [[0 9]]}]]"),
           NULL, RIFT_INVALID, "G1a");
    expect("kafka", SEND(0, "info", "[[:send 1 9]]", "nil") POLL(1, "[[:poll nil {1 [[0 9]]}]]"),
           NULL, RIFT_VALID, NULL);
    expect("kafka", POLL(1, "[[:poll nil {1 [[0 9]]}]]"), NULL, RIFT_INVALID, "garbage read");
    expect("kafka",
           POLL(1, "[[:poll nil {1 [[0 9]]}]]") SEND(0, "ok", "[[:send 1 9]]", "[[:send 1 [0 9]]]"),
           NULL, RIFT_INVALID, "future read");
}

static void sends_of_a_process_stand_in_their_order(void **state)
{
    (void)state;
    expect("kafka",
           SEND(0, "ok", "[[:send 1 1]]", "[[:send 1 [4 1]]]")
               SEND(0, "ok", "[[:send 1 2]]", "[[:send 1 [3 2]]]")
                   POLL(1, "[[:poll nil {1 [[3 2] [4 1]]}]]"),
           NULL, RIFT_INVALID, "nonmonotonic send");
}

static void transactions_that_polled_from_each_other_are_a_cycle(void **state)
{
    (void)state;
    expect("kafka",
           "{:process 0 :type :invoke :f :txn :value [[:send 1 1] [:poll]]}\n"
           "{:process 1 :type :invoke :f :txn :value [[:send 2 2] [:poll]]}\n"
           "{:process 0 :type :ok :f :txn :value [[:send 1 [0 1]] [:poll {2 [[0 2]]}]]}\n"
           "{:process 1 :type :ok :f :txn :value [[:send 2 [0 2]] [:poll {1 [[0 1]]}]]}\n",
           NULL, RIFT_INVALID, "G1c");
}

static void anomalies_that_are_allowed_are_only_counted(void **state)
{
    (void)state;
    expect("kafka", THREE POLL_ALL(1) POLL_ALL(1), "{\"allowed\": [\"nonmonotonic poll\"]}",
           RIFT_VALID, NULL);
}

static void who_sees_a_write_sees_what_was_acknowledged_before(void **state)
{
    (void)state;
#define WRITE(process, type, value) OP(process, "write", #value, type, #value)
#define SEE(all)                    OP(7, "read", "nil", "ok", all)
    expect("causal-reverse", WRITE(0, "ok", 1) WRITE(1, "ok", 2) SEE("[1]") SEE("[2 1]"), NULL,
           RIFT_VALID, NULL);
    expect("causal-reverse", WRITE(0, "ok", 1) WRITE(1, "ok", 2) SEE("[2]"), NULL, RIFT_INVALID,
           "causal reverse");
    expect("causal-reverse", WRITE(0, "info", 1) WRITE(1, "ok", 2) SEE("[2]"), NULL, RIFT_VALID,
           NULL);
    expect("causal-reverse", WRITE(0, "ok", 1) WRITE(1, "info", 2) SEE("[2]"), NULL, RIFT_INVALID,
           "causal reverse");
    expect("causal-reverse", WRITE(0, "ok", 1) SEE("[1 3]"), NULL, RIFT_INVALID,
           "unexpected element");
    /* Under way together: either may come first. */
    expect("causal-reverse",
           "{:process 0 :type :invoke :f :write :value 1}\n" WRITE(
               1, "ok", 2) "{:process 0 :type :ok :f :write :value 1}\n" SEE("[1]") SEE("[2]"),
           NULL, RIFT_VALID, NULL);
}

#define ANSWER(process, value, result) OP(process, "write", #value, "ok", result)
#define WATCH(process, seen)           OP(process, "watch", "nil", "ok", seen)
#define WATCH_FROM(process, low, seen) OP(process, "watch", #low, "ok", seen)
#define WRITTEN                        ANSWER(0, 7, "[1 7]") ANSWER(0, 8, "8") ANSWER(0, 9, "[3 9]")
#define WHOLE                          "[[1 7] [2 8] [3 9]]"

static void watchers_see_all_in_one_order(void **state)
{
    (void)state;
    expect("watch", WRITTEN WATCH(1, WHOLE) WATCH(2, "[]"), NULL, RIFT_VALID, NULL);
    expect("watch", WRITTEN WATCH(1, "[[1 7]]") WATCH(1, "[[2 8] [3 9]]"), NULL, RIFT_VALID, NULL);
    expect("watch", WRITTEN WATCH(1, "[[1 7] [3 9] [2 8]]"), NULL, RIFT_INVALID,
           "event out of order");
    expect("watch", WRITTEN WATCH(1, "[[1 7] [2 8]]") WATCH(1, "[[2 8] [3 9]]"), NULL, RIFT_INVALID,
           "event seen twice");
    expect("watch", WRITTEN WATCH(1, "[[2 8]]") WATCH(2, "[[2 7]]"), NULL, RIFT_INVALID,
           "divergent event");
    expect("watch", WRITTEN WATCH(1, "[[3 8]]"), NULL, RIFT_INVALID, "divergent event");
    expect("watch", WRITTEN WATCH(1, "[[1 7] [3 9]]") WATCH(2, "[[2 8]]"), NULL, RIFT_INVALID,
           "lost event");
    expect("watch", WRITTEN WATCH(1, "[[2 8] [4 6]]") OP(0, "write", "6", "info", "6"), NULL,
           RIFT_INVALID, "event from the future");
    expect("watch", WRITTEN OP(3, "write", "6", "fail", "6") WATCH(1, "[[3 9] [4 6]]"), NULL,
           RIFT_INVALID, "phantom event");
}

static void watcher_may_begin_late_but_not_lose(void **state)
{
    (void)state;
    expect("watch", WRITTEN WATCH(1, "[[1 7]]") WATCH(2, WHOLE), NULL, RIFT_VALID, NULL);
    expect("watch", WRITTEN WATCH(1, "[[3 9]]") WATCH(2, WHOLE), NULL, RIFT_VALID, NULL);
    expect("watch", WRITTEN WATCH_FROM(1, 3, "[[3 9]]"), NULL, RIFT_VALID, NULL);
    expect("watch", WRITTEN WATCH_FROM(1, 1, "[[2 8] [3 9]]"), NULL, RIFT_INVALID, "lost event");
    expect("watch", WRITTEN WATCH_FROM(1, 3, "[[2 8]]"), NULL, RIFT_INVALID, "event out of order");
    expect("watch", WRITTEN WATCH(1, WHOLE) WATCH_FROM(1, 1, WHOLE), NULL, RIFT_VALID, NULL);
#define APART WRITTEN WATCH(1, "[[1 7]]") WATCH(1, "[[3 9]]") WATCH(2, "[[2 8]]")
    expect("watch", APART, NULL, RIFT_INVALID, "lost event");
    expect("watch", APART, "{\"resumed\": false}", RIFT_VALID, NULL);
}

static void watch_that_shows_nothing_is_no_evidence(void **state)
{
    (void)state;
    expect("watch", WRITTEN, NULL, RIFT_UNKNOWN, NULL);
    expect("watch", WRITTEN WATCH(1, "[]"), NULL, RIFT_UNKNOWN, NULL);
    expect("watch", WRITTEN WATCH(1, WHOLE) WATCH(2, "[7 8 9]"), NULL, RIFT_UNKNOWN, NULL);
    expect("watch", WRITTEN WATCH(1, WHOLE) ANSWER(0, 5, "[4 5]") WATCH(2, "[[5 5]]"), NULL,
           RIFT_UNKNOWN, NULL);
    expect("watch", WRITTEN WATCH(1, "[[4 6]]") OP(0, "cas", "[9 6]", "ok", "[9 6]"), NULL,
           RIFT_UNKNOWN, NULL);
}

static void one_insert_into_a_key_succeeds(void **state)
{
    (void)state;
#define INSERT(process, type, value) OP(process, "insert", value, type, value)
    expect("adya", INSERT(0, "ok", "[7 [1 nil]]") INSERT(1, "fail", "[7 [nil 2]]"), NULL,
           RIFT_VALID, NULL);
    expect("adya", INSERT(0, "ok", "[7 [1 nil]]") INSERT(1, "info", "[7 [nil 2]]"), NULL,
           RIFT_VALID, NULL);
    expect("adya", INSERT(0, "ok", "[7 [1 nil]]") INSERT(1, "ok", "[8 [nil 2]]"), NULL, RIFT_VALID,
           NULL);
    expect("adya", INSERT(0, "ok", "[7 [1 nil]]") INSERT(1, "ok", "[7 [nil 2]]"), NULL,
           RIFT_INVALID, "G2");
}

static void operation_that_never_succeeds_is_no_evidence(void **state)
{
    (void)state;
    expect("stats", WRITE(0, "ok", 1) WRITE(0, "fail", 2), NULL, RIFT_VALID, NULL);
    expect("stats", WRITE(0, "ok", 1) OP(1, "read", "nil", "info", "nil"), NULL, RIFT_UNKNOWN,
           NULL);
}

/* By elle-cli, and not by a total that is given. */
static void shipped_histories_agree(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"elle-cli/jepsen/bank.edn", "bank"},
        {"elle-cli/jepsen/bank-neg.edn", "bank"},
        {"elle-cli/jepsen/long-fork.edn", "long-fork"},
        {"elle-cli/jepsen/counter.json", "counter"},
        {"jepsen-tests/072-casusal-reverse-test.edn", "causal-reverse"}};
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512]; /* a skip jumps over every clean-up */
        snprintf(path, sizeof path, "%s/txn/%s", folder ? folder : "../shared/data", files[i][0]);
        struct rift_error err = {0};
        FILE *file = fopen(path, "r");
        if (file == NULL) {
            print_message("no '%s': set RIFT_PEER_HISTORIES\n", path);
            skip();
        }
        fclose(file);
        struct rift_history *history = rift_history_read(path, NULL, &err);
        if (history == NULL)
            fail_msg("%s", err.text);
        bool is_fork = strcmp(files[i][1], "long-fork") == 0;
        bool is_reversed = strcmp(files[i][1], "causal-reverse") == 0;
        expect_verdict(files[i][1], NULL, history,
                       is_fork || is_reversed ? RIFT_INVALID : RIFT_VALID,
                       is_fork       ? "long fork"
                       : is_reversed ? "causal reverse"
                                     : NULL);
    }
}

static void token_is_larger_than_all_that_were_given_before_it(void **state)
{
    (void)state;
#define GRANT(process, token) OP(process, "acquire", "nil", "ok", #token)
    expect("fencing", GRANT(0, 1) GRANT(1, 2) GRANT(0, 7), NULL, RIFT_VALID, NULL);
    expect("fencing", GRANT(0, 2) GRANT(1, 1), NULL, RIFT_INVALID, "token went back");
    expect("fencing", GRANT(0, 2) GRANT(1, 2), NULL, RIFT_INVALID, "token given twice");
    expect("fencing", OP(0, "acquire", "nil", "ok", "nil"), NULL, RIFT_UNKNOWN, NULL);
    expect("fencing", OP(0, "acquire", "nil", "fail", "nil"), NULL, RIFT_UNKNOWN, NULL);
    /* At the same time either may be first, but not with the same token. */
#define TWO_AT_A_TIME(first, second)                                                               \
    "{:process 0 :type :invoke :f :acquire :value nil}\n"                                          \
    "{:process 1 :type :invoke :f :acquire :value nil}\n"                                          \
    "{:process 0 :type :ok :f :acquire :value " #first "}\n"                                       \
    "{:process 1 :type :ok :f :acquire :value " #second "}\n"
    expect("fencing", TWO_AT_A_TIME(2, 1), NULL, RIFT_VALID, NULL);
    expect("fencing", TWO_AT_A_TIME(2, 2), NULL, RIFT_INVALID, "token given twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_is_larger_than_all_that_were_given_before_it),
        cmocka_unit_test(every_read_of_a_bank_finds_all_the_money),
        cmocka_unit_test(money_is_what_was_deposited),
        cmocka_unit_test(deposit_that_never_heard_back_is_there_or_not),
        cmocka_unit_test(deposit_after_the_first_read_is_there_or_not),
        cmocka_unit_test(answer_that_is_no_map_is_not_passed_over),
        cmocka_unit_test(reads_of_a_bank_agree_where_the_total_is_unknown),
        cmocka_unit_test(reads_of_a_group_saw_its_writes_in_one_order),
        cmocka_unit_test(register_that_rises_is_never_seen_to_go_back),
        cmocka_unit_test(write_that_never_heard_back_may_land_late),
        cmocka_unit_test(each_session_guarantee_has_its_violation),
        cmocka_unit_test(sessions_promise_nothing_across_processes),
        cmocka_unit_test(causes_are_seen_over_any_number_of_steps),
        cmocka_unit_test(only_the_guarantees_asked_for_must_hold),
        cmocka_unit_test(log_is_polled_in_order_and_without_gaps),
        cmocka_unit_test(assignment_from_the_beginning_polls_anew),
        cmocka_unit_test(acknowledged_message_that_others_polled_past_is_lost),
        cmocka_unit_test(message_stands_at_one_offset_and_alone),
        cmocka_unit_test(polled_message_was_sent_before_and_not_undone),
        cmocka_unit_test(sends_of_a_process_stand_in_their_order),
        cmocka_unit_test(transactions_that_polled_from_each_other_are_a_cycle),
        cmocka_unit_test(anomalies_that_are_allowed_are_only_counted),
        cmocka_unit_test(who_sees_a_write_sees_what_was_acknowledged_before),
        cmocka_unit_test(watchers_see_all_in_one_order),
        cmocka_unit_test(watcher_may_begin_late_but_not_lose),
        cmocka_unit_test(watch_that_shows_nothing_is_no_evidence),
        cmocka_unit_test(one_insert_into_a_key_succeeds),
        cmocka_unit_test(operation_that_never_succeeds_is_no_evidence),
        cmocka_unit_test(shipped_histories_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <inttypes.h>
#include <string.h>
#include <cmocka.h>

#include "common/memory.h"
#include "history/builder.h"
#include "history/export/export.h"
#include "history/reader.h"

/* One line a row: process, name, argument, result, type, interval, and what else there is. */
static char *describe(const struct rift_history *h, const struct rift_ops *ops)
{
    static const char *const types[] = {"ok", "fail", "info"};
    struct rift_text text = {0};
    for (size_t i = 0; i < ops->count; i++) {
        rift_text_printf(&text, "%d %s ", ops->process[i], h->names.text[ops->f[i]]);
        if (ops->key[i]) {
            rift_value_print_to(&text, h->values, h->keys[ops->key[i]]);
            rift_text_append(&text, "/");
        }
        rift_value_print_to(&text, h->values, ops->argument[i]);
        rift_text_append(&text, " ");
        rift_value_print_to(&text, h->values, ops->result[i]);
        rift_text_printf(&text, " %s %" PRId64, types[ops->type[i]], ops->start[i]);
        if (ops->end[i] == RIFT_TIME_NEVER)
            rift_text_append(&text, "..");
        else
            rift_text_printf(&text, "..%" PRId64, ops->end[i]);
        if (ops->error[i])
            rift_text_printf(&text, " error=%s", h->errors.text[ops->error[i]]);
        if (ops->extra_end && !rift_value_is_nil(ops->extra_end[i])) {
            rift_text_append(&text, " extra=");
            rift_value_print_to(&text, h->values, ops->extra_end[i]);
        }
        rift_text_append(&text, "\n");
    }
    return rift_text_take(&text);
}

static struct rift_history *read_text(const char *text, const struct rift_read_options *options)
{
    struct rift_error err = {0};
    /* A copy of its own without a NUL, so that a read past the end is seen. */
    size_t length = strlen(text);
    char *copy CLEANUP(rift_free) = rift_malloc(length);
    memcpy(copy, text, length);
    struct rift_history *h = rift_history_read_bytes("h", copy, length, options, &err);
    if (!h)
        fail_msg("%s", err.text);
    return h;
}

static void assert_reads(const char *text, const char *format, const char *expected)
{
    struct rift_history *h = read_text(text, NULL);
    assert_string_equal(h->format, format);
    char *got CLEANUP(rift_free) = describe(h, &h->ops);
    assert_string_equal(got, expected);
    rift_history_destroy(h);
}

static void assert_refused(const char *text, const char *message)
{
    struct rift_error err = {0};
    size_t length = strlen(text);
    char *copy CLEANUP(rift_free) = rift_malloc(length);
    memcpy(copy, text, length);
    struct rift_history *h = rift_history_read_bytes("h", copy, length, NULL, &err);
    if (h)
        fail_msg("read without an error: %s", text);
    if (strncmp(err.text, message, strlen(message)) != 0)
        fail_msg("'%s' where '%s' was expected", err.text, message);
}

static void edn_is_read_in_all_its_shapes(void **state)
{
    (void)state;
    static const char expected[] = "0 write 1 1 ok 0..1\n1 read nil 1 ok 2..3\n";
    assert_reads("{:type :invoke, :f :write, :value 1, :process 0}\n"
                 "{:type :ok, :f :write, :value 1, :process 0}\n"
                 "{:type :invoke :f :read :process 1}{:type :ok :f :read :value 1 :process 1}",
                 "jepsen-edn", expected);
    assert_reads("; a comment\n[{:type :invoke, :f :write, :value 1, :process 0}\n"
                 " {:type :ok, :f :write, :value 1, :process 0} ; another ]\n"
                 " #_ {:type :broken} {:type :invoke :f :read :value #_ 7 nil :process 1}\n"
                 " {:type :ok :f :read :value 1 :process 1}]\n",
                 "jepsen-edn", expected);
    assert_reads("(#jepsen.history.Op{:index 0, :type :invoke, :f :write, :value 1, :process 0}\n"
                 "#jepsen.history.Op {:index 0, :type :ok, :f :write, :value 1, :process 0},\n"
                 "{:type :invoke :f \"read\" :value nil :process 1}\n"
                 "{:type :ok :f \"read\" :value 1 :process 1})",
                 "jepsen-edn", expected);
    assert_reads("\xef\xbb\xbf{:type :invoke, :f :write, :value 1, :process 0}\r\n"
                 "{:type :ok, :f :write, :value 1, :process 0}\r\n"
                 "{:type :invoke :f :read :process 1}{:type :ok :f :read :value 1 :process 1}",
                 "jepsen-edn", expected);
    assert_reads("", "jepsen-edn", "");
    assert_reads("[]\n", "jepsen-edn", "");
}

static void every_kind_of_edn_value_is_kept(void **state)
{
    (void)state;
    struct rift_history *h = read_text(
        "{:type :invoke :process 0 :f :x :value\n"
        "[nil true -7 +8 12345678901234567890 99999999999999999999N 5N 1.5 2e3 3.25M 1/3\n"
        " \"a\\n\\\"\\u00e9\\ud83d\\ude00\" \\a \\newline sym a/b :k :a/b (1 2) #{3 1} {:a [1]}\n"
        " #inst \"2020\" ##Inf ##-Inf ##NaN -9223372036854775808 9223372036854775807 [] () {}]}",
        NULL);
    char *got CLEANUP(rift_free) = rift_value_print(h->values, h->ops.argument[0]);
    assert_string_equal(
        got,
        "[nil true -7 8 \"12345678901234567890\" \"99999999999999999999\" 5 1.5 2000.0 3.25 "
        "\"1/3\" \"a\\n\\\"\xc3\xa9\xf0\x9f\x98\x80\" \"a\" \"newline\" \"sym\" \"a/b\" :k :a/b "
        "[1 2] #{3 1} {:a [1]} \"2020\" ##Inf ##-Inf ##NaN -9223372036854775808 "
        "9223372036854775807 [] [] {}]");
    rift_history_destroy(h);
}

static void transactions_are_told_from_lists(void **state)
{
    (void)state;
    struct rift_history *h =
        read_text("{:type :invoke :process 0 :f :txn :value ([:append :x 1] [:r 5 nil] [:r 6])}\n"
                  "{:type :ok :process 0 :f :txn :value [[:append :x 1] [:r 5 [1 2]] [:r 6 nil]]}\n"
                  "{:type :invoke :process 0 :value [[:w 1 2]]}\n"
                  "{:type :invoke :process 1 :f :send :value [[:send :x :a] [:poll]]}\n"
                  "{:type :invoke :process 2 :f :txn :value []}\n"
                  "{:type :invoke :process 3 :f :cas :value [1 2]}\n"
                  "{:type :invoke :process 4 :f :x :value [[:r 1 2] [:append 1]]}\n",
                  NULL);
    static const enum rift_value_kind kinds[] = {RIFT_TXN, RIFT_TXN,  RIFT_LIST,
                                                 RIFT_TXN, RIFT_PAIR, RIFT_LIST};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rift_value_kind(h->values, h->ops.argument[i]), kinds[i]);
    assert_int_equal(rift_value_count(h->values, h->ops.argument[0]), 9);
    assert_string_equal(h->names.text[h->ops.f[1]], "txn");
    rift_history_destroy(h);
}

static void what_is_not_known_of_a_record_is_kept(void **state)
{
    (void)state;
    assert_reads("{:type :invoke :process 0 :f :read :value nil :time 17}\n"
                 "{:type :info :process 0 :f :read :value nil :time 20 :error [:timeout 5] "
                 ":clock-offsets {\"n1\" 0.5} \"odd\" 1}\n",
                 "jepsen-edn",
                 "0 read nil nil info 0..1 error=[:timeout 5] extra={:clock-offsets {\"n1\" 0.5}, "
                 "\"odd\" 1}\n");
    struct rift_history *h = read_text("{:type :invoke :process 0 :f :read :value nil :time 17}\n"
                                       "{:type :ok :process 0 :f :read :value nil :time -1}\n",
                                       NULL);
    assert_int_equal(h->ops.time_start[0], 17);
    assert_true(h->ops.time_end[0] == RIFT_TIME_NEVER);
    rift_history_destroy(h);
}

static void a_nemesis_says_info_before_and_after(void **state)
{
    (void)state;
    struct rift_history *h = read_text("{:type :info :process :nemesis :f :start :value :halves}\n"
                                       "{:type :invoke :process 0 :f :read}\n"
                                       "{:type :info :process :nemesis :f :start :value [1 2]}\n"
                                       "{:type :info :process :nemesis :f :stop}\n",
                                       NULL);
    char *got CLEANUP(rift_free) = describe(h, &h->nemesis);
    assert_string_equal(got, "-1 start :halves [1 2] info 0..2\n-1 stop nil nil info 3..\n");
    assert_int_equal(h->ops.count, 1);
    rift_history_destroy(h);
    h = read_text("{:type :info :process :nemesis}\n{:type :info :process :nemesis :f :stop}\n",
                  NULL);
    assert_int_equal(h->nemesis.count, 2);
    rift_history_destroy(h);
}

static void tuples_are_split_where_a_history_is_keyed(void **state)
{
    (void)state;
    const struct rift_read_options options = {.is_keyed = true};
    struct rift_history *h =
        read_text("{:type :invoke :process 0 :f :cas :value [7 [1 2]]}\n"
                  "{:type :ok :process 0 :f :cas :value [7 [1 2]]}\n"
                  "{:type :invoke :process 0 :f :txn :value [\"b\" [[:r 1 nil]]]}\n"
                  "{:type :info :process :nemesis :f :start :value nil}\n",
                  &options);
    char *got CLEANUP(rift_free) = describe(h, &h->ops);
    assert_string_equal(got,
                        "0 cas 7/[1 2] [1 2] ok 0..1\n0 txn \"b\"/[[:r 1 nil]] nil info 2..\n");
    rift_history_destroy(h);
    struct rift_error err = {0};
    static const char plain[] = "{:type :invoke :process 0 :f :w :value 3}";
    assert_null(rift_history_read_bytes("h", plain, sizeof plain - 1, &options, &err));
    assert_string_equal(err.text, "h:1:40: in a keyed history every value is [key value]");
}

/* Elle's tests have completions alone; the operation may have started at any time before. */
static void a_completion_alone_has_the_widest_interval(void **state)
{
    (void)state;
    struct rift_history *h = read_text("{:type :ok :process 0 :f :txn :value [[:w :x 1]]}\n"
                                       "{:type :ok :process 1 :f :txn :value [[:w :x 2]]}\n"
                                       "{:type :ok :process 0 :f :txn :value [[:r :x 2]]}\n",
                                       NULL);
    char *got CLEANUP(rift_free) = describe(h, &h->ops);
    assert_string_equal(got, "0 txn [[:w :x 1]] [[:w :x 1]] ok 0..0\n"
                             "1 txn [[:w :x 2]] [[:w :x 2]] ok 0..1\n"
                             "0 txn [[:r :x 2]] [[:r :x 2]] ok 0..2\n");
    assert_int_equal(h->orphan_count, 3);
    rift_history_destroy(h);
}

static void operations_without_a_process_are_paired_by_what_fits(void **state)
{
    (void)state;
    assert_reads("{:type :invoke :f :read}\n{:type :invoke :f :write :value 4}\n"
                 "{:type :ok :f :write :value 4}\n{:type :ok :f :read :value #{4}}\n",
                 "jepsen-edn", "1000000000 read nil #{4} ok 0..3\n1000000001 write 4 4 ok 1..2\n");
    assert_reads("{:type :invoke :process 0 :f :txn :value [[:r :x nil]]}\n"
                 "{:type :invoke :process 0 :f :txn :value [[:w :x 1]]}\n"
                 "{:type :ok :process 0 :f :txn :value [[:w :x 1]]}\n"
                 "{:type :ok :process 0 :f :txn :value [[:r :x 1]]}\n",
                 "jepsen-edn",
                 "0 txn [[:r :x nil]] [[:r :x 1]] ok 0..3\n"
                 "1000000000 txn [[:w :x 1]] [[:w :x 1]] ok 1..2\n");
}

static void a_pairing_that_would_be_a_guess_is_refused(void **state)
{
    (void)state;
    assert_refused("{:type :invoke :process 0 :f :read}\n{:type :invoke :process 0 :f :read}\n"
                   "{:type :ok :process 0 :f :read :value 1}\n",
                   "h:3:1: two open operations of one process fit");
    assert_refused("{:type :invoke :process 0 :f :read}\n{:type :invoke :process 0 :f :read}\n"
                   "{:type :ok :process 0 :f :write :value 1}\n",
                   "h:3:1: none of the open operations");
    assert_refused("{:type :invoke :process 0 :f :read}\n{:type :ok :process 0 :f :write}\n",
                   "h:2:1: process 0 completes 'write' but its open operation is 'read'");
}

static void broken_edn_is_one_error_with_its_place(void **state)
{
    (void)state;
    assert_refused("{:type :invoke, :f :read\n", "h:1:1: '{' is never closed");
    assert_refused("[{:type :invoke :process 0 :f :x}\n", "h:1:1: '[' is never closed");
    assert_refused("[{:type :invoke :process 0}] 5", "h:1:30: more after the end");
    assert_refused("{:type :invoke :process 0 :f :x :value [1 2}",
                   "h:1:44: '}' does not belong here");
    assert_refused("{:type :invoke :process 0 :f :x :value \"ab}",
                   "h:1:40: a text that does not end");
    assert_refused("{:type :invoke :process 0 :f :x :value \"\\q\"}", "h:1:41: an escape");
    assert_refused("{:type :invoke :process 0 :f}", "h:1:29: a map with a key but no value");
    assert_refused("{:type :invoke :process 0 :f :x :value 12a}", "h:1:40: '12a' is not a number");
    assert_refused("{:process 0 :f :read}", "h:1:1: the type of an operation");
    assert_refused("{:type :invoked :process 0 :f :read}", "h:1:8: the type of an operation");
    assert_refused("{:type :ok\n :process -1}", "h:2:11: a process is a number");
    assert_refused("{:type :ok :process :p1}", "h:1:21: a process is a number");
    assert_refused("{:type :ok :process 1.0}", "h:1:21: a process is a number");
    assert_refused("{:type :ok :type :ok}", "h:1:18: an operation with two values for 'type'");
    assert_refused("{:type :invoke :process 0}\nnil", "h:2:1: an operation, which is a map");
    assert_refused("{:type :invoke :process 0 :value #}", "h:1:34: a # without a tag");
    assert_refused("{:type :invoke :process 0 :value #a}", "h:1:36: '}' does not belong here");
    assert_refused("{:type :invoke :process 0 :value : }", "h:1:34: a colon without a keyword");
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static const char *const openers[] = {"[", "#_", "(", "{", "#{", "#_#a ", "#a"};
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        CLEANUP(rift_text_finish) struct rift_text text = {0};
        rift_text_append(&text, "{:type :invoke :process 0 :f :x :value ");
        for (int k = 0; k < 100000; k++)
            rift_text_append(&text, openers[i]);
        assert_refused(text.data, "h:1:");
    }
    CLEANUP(rift_text_finish) struct rift_text json = {0};
    rift_text_append(&json, "{\"type\":\"invoke\",\"value\":");
    for (int k = 0; k < 100000; k++)
        rift_text_append(&json, "[");
    assert_refused(json.data, "h:1:");
}

static void json_is_read_in_both_shapes(void **state)
{
    (void)state;
    static const char expected[] =
        "0 txn [[:r \"x\" nil] [:w \"y\" 2]] [[:r \"x\" 3] [:w \"y\" 2]] ok "
        "0..1 extra={:op-index 7}\n";
    assert_reads(
        "[{\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",null],[\"w\",\"y\",2]],"
        "\"process\":0,\"index\":1},\n"
        "{\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",3],[\"w\",\"y\",2]],"
        "\"process\":0,\"op-index\":7}]\n",
        "jsonl", expected);
    assert_reads(
        " { \"type\" : \"invoke\" , \"f\" : \"txn\", \"value\" : [ [ \"r\" , \"x\" , null ] , "
        "[\"w\",\"y\",2] ], \"process\" : 0 }\n\n"
        "{\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",3],[\"w\",\"y\",2]],"
        "\"process\":0,\"op-index\":7}",
        "jsonl", expected);
    struct rift_history *h =
        read_text("{\"type\":\"invoke\",\"value\":[1.5,-2e3,true,{\"a\":[]},"
                  "\"\\u00e9\\ud83d\\ude00\\n\\/\",123456789012345678901,-9223372036854775808]}",
                  NULL);
    char *got CLEANUP(rift_free) = rift_value_print(h->values, h->ops.argument[0]);
    assert_string_equal(got, "[1.5 -2000.0 true {\"a\" []} \"\xc3\xa9\xf0\x9f\x98\x80\\n/\" "
                             "\"123456789012345678901\" -9223372036854775808]");
    rift_history_destroy(h);
}

static void broken_json_is_one_error_with_its_place(void **state)
{
    (void)state;
    assert_refused("{\"type\":\"invoke\"", "h:1:17: a comma or '}'");
    assert_refused("{\"type\" \"invoke\"}", "h:1:9: a colon should");
    assert_refused("{\"type\":\"invoke\",}", "h:1:18: a string should");
    assert_refused("[{\"type\":\"invoke\"}\n{\"type\":\"ok\"}]", "h:2:1: a comma or ']'");
    assert_refused("{\"type\":\"invoke\",\"value\":01x}", "h:1:28: ");
    assert_refused("{\"type\":\"invoke\",\"value\":-}", "h:1:26: this is not a number");
    assert_refused("{\"type\":\"invoke\",\"value\":1.}", "h:1:26: this is not a number");
    assert_refused("{\"type\":\"invoke\",\"value\":nul}", "h:1:26: 'n' does not belong");
    assert_refused("{\"type\":\"invoke\",\"value\":\"a\nb\"}", "h:1:28: a control character");
    assert_refused("{\"type\":\"invoke\",\"value\":\"\\x\"}", "h:1:27: an escape");
    assert_refused("[{\"type\":\"invoke\"}] x", "h:1:21: more after the end");
}

static void porcupine_logs_are_read(void **state)
{
    (void)state;
    static const char log[] = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n"
                              "INFO  jepsen.util - 3   :invoke :cas    [1 0]\n"
                              "INFO  jepsen.util - 0\t:fail\t:read\t:timed-out\r\n"
                              "INFO  jepsen.util - 3\t:info\t:cas\t:timed-out\n"
                              "INFO  jepsen.util - 0\t:invoke\t:write\t4\n";
    assert_reads(log, "porcupine-jepsen-log",
                 "0 read nil nil fail 0..2 error=timed-out\n"
                 "3 cas [1 0] nil info 1..3 error=timed-out\n0 write 4 nil info 4..\n");
    assert_reads("{:process 0, :type :invoke, :f :append, :key \"0\", :value \"x 0 0 y\"}\n"
                 "{:process 0, :type :ok, :f :append, :key \"0\", :value \"x 0 0 y\"}\n",
                 "porcupine-kv-log", "0 append \"0\"/\"x 0 0 y\" \"x 0 0 y\" ok 0..1\n");
    assert_refused("INFO  jepsen.util - 0\t:invoke\t:read\n", "h:1:1: not a line like");
    assert_refused("INFO  jepsen.util - 0\t:invoke\t:read\tnil\nWARN\n", "h:2:1: not a line like");
    assert_refused("INFO  jepsen.util - 0\t:asked\t:read\tnil\n", "h:1:23: ':invoke', ':ok'");
    assert_refused("INFO  jepsen.util - 0\t:invoke\t:cas\t[1\n 2]\n",
                   "h:1:36: a value that does not end");
    assert_refused("INFO  jepsen.util - 0\t:ok\t:read\tnil\n", "h:1:1: process 0 completes");
}

/* There an operation that ends at 5 precedes one that starts at 5. */
static void logs_of_intervals_are_read(void **state)
{
    (void)state;
    assert_reads("# queue\nenq 1 0 5\ndeq 1 5 9\ndeq -1 3 4\npeek 1 10 10\n", "fastlin-log",
                 "0 enqueue 1 nil ok 1..10\n1 dequeue nil nil ok 7..8\n"
                 "1 dequeue nil 1 ok 11..18\n0 peek nil 1 ok 21..21\n");
    assert_reads("# set\ninsert 3 0 1\ncontains_false 3 2 3\nremove 3 0 4 5\n", "fastlin-log",
                 "0 add 3 true ok 1..2\n0 contains 3 false ok 5..6\n0 remove 3 false ok 9..10\n");
    assert_reads("# semaphore\n0 0 2 INCR 1\n1 0 4 DECR 0\n", "fptlin-log",
                 "0 incr nil true ok 1..4\n1 decr nil false ok 1..8\n");
    assert_reads("# rmw\n2 0 2 READ_MODIFY_WRITE 0 5\n", "fptlin-log", "2 cas [0 5] nil ok 1..4\n");
    assert_refused("# queue\npush 1 0 5\n", "h:2:1: a queue has no operation 'push'");
    assert_refused("# stack\npush 1 6 5\n", "h:2:10: an operation that ends before it starts");
    assert_refused("# stack\npush 1 2 x 5\n", "h:2:10: a time should");
    assert_refused("# stack\npush 1 2 3 5\n", "h:2:1: 'push' takes 1 value, not 2");
    assert_refused("# stack\npush 1 2 3\npop\n", "h:3:1: a line of fastlin-log is");
}

static void logs_of_calls_are_read(void **state)
{
    (void)state;
    assert_reads("# from a paper\n# @object atomic-stack\n\n[1] call push(a)\r\n"
                 "    [2] call pop\n[2] return a\n[1] return\n[1] call pop()\n[1] return empty\n"
                 "[3] call pop(b)\n[4] call pop(?<0,1>)\n[4] return\n",
                 "calls-log",
                 "1 push \"a\" nil ok 0..3\n2 pop nil \"a\" ok 1..2\n1 pop nil nil ok 4..5\n"
                 "3 pop nil nil info 6..\n4 pop nil \"?<0,1>\" ok 7..8\n");
    assert_reads("# @object queue\n[1] call add(1)\n[1] return\n[2] call remove\n", "calls-log",
                 "1 enqueue 1 nil ok 0..1\n2 dequeue nil nil info 2..\n");
    assert_refused("# @object queue\n[1] call push(1)\n",
                   "h:2:10: a queue has no operation 'push'");
    assert_refused("# @object queue\n[1] return\n", "h:2:1: a return without a call");
    assert_refused("# @object queue\n[1] call add\n", "h:2:10: 'add' without a value");
    assert_refused("[1] call push(1)\n", "h:1:1: a line like '# @object stack'");
    assert_refused("# @object stack\n[1] call pop(a)\n[1] return b\n",
                   "h:3:12: the call of this return");
    assert_refused("# @object stack\n[1] call pop\n[1] call pop\n", "h:3:1: process 1 invokes");
}

/* Reads of 0 are initial where nobody writes 0; -1 is an aborted transaction. */
static void sessions_without_times_are_read(void **state)
{
    (void)state;
    assert_reads("w(1,5,0,1)\nr(2,0,0,1)\nr(3,0,1,1)\nw(3,0,1,2)\nw(4,1,1,-1)\n", "plume-text",
                 "0 txn [[:w 1 5] [:r 2 0]] [[:w 1 5] [:r 2 nil]] ok 0..\n"
                 "1 txn [[:r 3 0]] [[:r 3 0]] ok 1..\n1 txn [[:w 3 0]] [[:w 3 0]] ok 2..\n"
                 "1 txn [[:w 4 1]] [[:w 4 1]] fail 3..\n");
    assert_reads("w 0 1\nr 1 0\n-----\nr 0 1\n=====\nr 0 0\n", "awdit-test",
                 "0 txn [[:w 0 1] [:r 1 0]] [[:w 0 1] [:r 1 nil]] ok 0..\n"
                 "0 txn [[:r 0 1]] [[:r 0 1]] ok 1..\n1 txn [[:r 0 0]] [[:r 0 nil]] ok 2..\n");
    assert_refused("w(1,5,0,1)\nr(2,0,0)\n", "h:2:1: a line is 'r(KEY,VALUE,SESSION,TRANSACTION)'");
    assert_refused("w 0 1\nx 1 0\n", "h:2:1: a line is 'r KEY VALUE'");
}

/* An operation that ends as another starts is concurrent with it, unless one process did both. */
static void an_export_makes_no_order_that_is_not_there(void **state)
{
    (void)state;
    static const int64_t intervals[][2] = {{0, 10}, {10, 20}, {10, 30}, {21, 30}};
    static const int32_t processes[] = {0, 1, 0, 1};
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    for (size_t i = 0; i < 4; i++) {
        const struct rift_event event = {.process = processes[i], .f = "read"};
        assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, intervals[i][0],
                                             intervals[i][1], RIFT_VALUE_NIL, NULL),
                         0);
    }
    struct rift_history *h = rift_builder_finish(builder, NULL);
    CLEANUP(rift_text_finish) struct rift_text edn = {0};
    assert_int_equal(rift_history_export_text(h, "edn", &edn, NULL), 0);
    struct rift_history *back = read_text(edn.data, NULL);
    static const char precedes[4][4] = {{0, 0, 1, 1}, {0, 0, 0, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(back->ops.end[i] < back->ops.start[j], precedes[i][j]);
    rift_history_destroy(h);
    rift_history_destroy(back);
}

static void what_is_no_history_is_refused(void **state)
{
    (void)state;
    assert_refused("root:x:0:0:root\n", "h: not a history in any format");
    assert_refused("\x1f\x8b\x08", "h: it is compressed; unpack it first");
    const struct rift_read_options options = {.format = "jepsen-end"};
    struct rift_error err = {0};
    assert_null(rift_history_read_bytes("h", "", 0, &options, &err));
    assert_string_equal(err.text, "h: there is no format 'jepsen-end', did you mean 'jepsen-edn'");
}

static void an_export_looks_as_jepsens_own(void **state)
{
    (void)state;
    struct rift_history *h =
        read_text("{:type :invoke :process 0 :f :cas :key 7 :value [1 2] :time 5}\n"
                  "{:type :info :process :nemesis :f :start :value :x}\n"
                  "{:type :ok :process 0 :f :cas :key 7 :error :none :node \"n1\" :more #{1}}\n",
                  NULL);
    CLEANUP(rift_text_finish) struct rift_text edn = {0}, json = {0};
    assert_int_equal(rift_history_export_text(h, "edn", &edn, NULL), 0);
    assert_string_equal(
        edn.data,
        "{:index 0, :time 5, :type :invoke, :process 0, :f :cas, :value [7 [1 2]], :rift/key 7, "
        ":node :n1}\n"
        "{:index 1, :type :info, :process :nemesis, :f :start, :value :x}\n"
        "{:index 2, :type :ok, :process 0, :f :cas, :value [7 [1 2]], :rift/key 7, :error :none, "
        ":node :n1, :rift/result nil, :more #{1}}\n");
    assert_int_equal(rift_history_export_text(h, "jsonl", &json, NULL), 0);
    assert_non_null(strstr(json.data, "\"process\":\"nemesis\",\"f\":\"start\",\"value\":\"x\"}\n"
                                      "{\"index\":2,\"type\":\"ok\",\"process\":0,\"f\":\"cas\","
                                      "\"key\":7,\"value\":[1,2]"));
    rift_history_destroy(h);
}

/* An object's key may hold what would be an operation of its own where it stood after a colon. */
static void a_key_of_json_adds_no_operation_to_edn(void **state)
{
    (void)state;
    static const char json[] = "{\"type\":\"invoke\",\"process\":0,\"f\":\"read\","
                               "\"x 1}{:type :ok, :process 0, :f :read, :y\":2}";
    struct rift_error err = {0};
    struct rift_history *h = rift_history_read_bytes("f", json, sizeof json - 1, NULL, &err);
    assert_non_null(h);
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    assert_int_equal(rift_history_export_text(h, "edn", &text, &err), 0);
    struct rift_history *back = rift_history_read_bytes("f", text.data, text.length, NULL, &err);
    assert_non_null(back);
    assert_int_equal(back->ops.count, 1);
    assert_int_equal(back->ops.type[0], RIFT_OP_INFO);
    char *extra CLEANUP(rift_free) = rift_value_print(back->values, back->ops.extra_start[0]);
    assert_string_equal(extra, "{\"x 1}{:type :ok, :process 0, :f :read, :y\" 2}");
    rift_history_destroy(h);
    rift_history_destroy(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_of_json_adds_no_operation_to_edn),
        cmocka_unit_test(edn_is_read_in_all_its_shapes),
        cmocka_unit_test(every_kind_of_edn_value_is_kept),
        cmocka_unit_test(transactions_are_told_from_lists),
        cmocka_unit_test(what_is_not_known_of_a_record_is_kept),
        cmocka_unit_test(a_nemesis_says_info_before_and_after),
        cmocka_unit_test(tuples_are_split_where_a_history_is_keyed),
        cmocka_unit_test(a_completion_alone_has_the_widest_interval),
        cmocka_unit_test(operations_without_a_process_are_paired_by_what_fits),
        cmocka_unit_test(a_pairing_that_would_be_a_guess_is_refused),
        cmocka_unit_test(broken_edn_is_one_error_with_its_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(json_is_read_in_both_shapes),
        cmocka_unit_test(broken_json_is_one_error_with_its_place),
        cmocka_unit_test(porcupine_logs_are_read),
        cmocka_unit_test(logs_of_intervals_are_read),
        cmocka_unit_test(logs_of_calls_are_read),
        cmocka_unit_test(sessions_without_times_are_read),
        cmocka_unit_test(an_export_makes_no_order_that_is_not_there),
        cmocka_unit_test(what_is_no_history_is_refused),
        cmocka_unit_test(an_export_looks_as_jepsens_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

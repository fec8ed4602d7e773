/* rift check and rift compare as a person uses them, on files that are not whole or empty, and on
 * two runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

/* A file of our own, of writes of different values by one process, through a command that damages
 * it, then through rift check; the exit code. With a violation the first operation reads what
 * nobody wrote. */
static int check_damaged(bool has_violation, const char *damage, char *output, size_t size)
{
    const char *rift = test_rift_binary();
    CLEANUP(rift_free)
    char *script = rift_printf(
        "d=$(mktemp -d) && {\n"
        "%s echo '{:type :invoke, :f :read, :value nil, :process 1}'\n"
        "%s echo '{:type :ok, :f :read, :value 0, :process 1}'\n"
        "for v in {1..20000}; do for t in invoke ok; do\n"
        "echo \"{:type :$t, :f :write, :value $v, :process 0}\"; done; done; } >$d/whole.edn &&\n"
        "%s convert $d/whole.edn $d/whole.rift &&\n"
        "(cd $d && %s) && %s check --model register $d/whole.rift 2>&1; code=$?; rm -r $d; exit "
        "$code",
        has_violation ? "" : "false &&", has_violation ? "" : "false &&", rift, damage, rift);
    return test_run(script, output, size);
}

static int check_torn(bool has_violation, int lost_bytes, char *output, size_t size)
{
    char *damage CLEANUP(rift_free) = rift_printf("truncate -s -%d whole.rift", lost_bytes);
    return check_damaged(has_violation, damage, output, size);
}

static void no_violation_in_a_torn_file_is_unknown(void **state)
{
    (void)state;
    char output[4096] = "";
    assert_exit_code(check_torn(false, 0, output, sizeof output), 0, output);
    assert_exit_code(check_torn(false, 1, output, sizeof output), 2, output);
    assert_says(output, "torn at byte");
    assert_says(output, "read up to operation 20000");
}

static void violation_before_the_tear_stays_one(void **state)
{
    (void)state;
    char output[4096] = "";
    assert_exit_code(check_torn(true, 0, output, sizeof output), 1, output);
    assert_exit_code(check_torn(true, 1, output, sizeof output), 1, output);
}

/* Even where what is intact has a violation: half a file gets no verdict. */
static void bit_rot_gets_no_verdict(void **state)
{
    (void)state;
    static const char rot[] = "printf x | dd of=whole.rift bs=1 seek=3000 conv=notrunc status=none";
    char output[4096] = "";
    for (int has_violation = 0; has_violation < 2; has_violation++) {
        assert_exit_code(check_damaged(has_violation, rot, output, sizeof output), 254, output);
        assert_says(output, "damaged at byte");
        assert_null(strstr(output, "valid"));
    }
}

static void an_empty_history_is_named_as_such(void **state)
{
    (void)state;
    char output[4096] = "";
    char *script CLEANUP(rift_free) =
        rift_printf("f=$(mktemp) && %s check $f; code=$?; rm $f; exit $code", test_rift_binary());
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    assert_says(output, "empty history");
    /* Our own file cannot be empty: its writer was killed at the very start. */
    char *own CLEANUP(rift_free) =
        rift_printf("d=$(mktemp -d) && : >$d/history.rift && %s check $d/history.rift; code=$?; "
                    "rm -r $d; exit $code",
                    test_rift_binary());
    assert_exit_code(test_run(own, output, sizeof output), 2, output);
    assert_says(output, "empty history");
    assert_says(output, "torn at byte 0");
}

/* What rift compare says of two runs, given as what performance and a checker found; the exit code.
 */
static int compare(const char *before, const char *after, const char *options, char *output,
                   size_t size)
{
    CLEANUP(rift_free)
    char *script = rift_printf("d=$(mktemp -d) && mkdir $d/a $d/b &&\n"
                               "echo '%s' >$d/a/verdicts.json && echo '%s' >$d/b/verdicts.json &&\n"
                               "%s compare $d/a $d/b %s 2>&1; code=$?; rm -r $d; exit $code",
                               before, after, test_rift_binary(), options);
    return test_run(script, output, size);
}

#define RUN(valid, rate, p99, gap, more)                                                           \
    "{\"valid\": " valid ", \"checkers\": {\"performance\": {\"stats\": {\"ok_per_second\": " rate \
    ", \"latency_ms\": {\"p99\": " p99 "}, \"longest_gap_s\": " gap "}}" more "}}"
#define LOST ", \"set\": {\"anomalies\": [{\"name\": \"lost\"}]}"

static void run_that_is_as_good_as_the_other_is_no_worse(void **state)
{
    (void)state;
    char output[4096] = "";
    const char *run = RUN("true", "100.0", "20.0", "1.0", "");
    assert_exit_code(compare(run, run, "", output, sizeof output), 0, output);
    assert_null(strstr(output, "WORSE"));
    assert_says(output, "100.000");
    assert_exit_code(compare(run, RUN("true", "90.0", "23.0", "1.1", ""), "", output, 4096), 0,
                     output);
    assert_exit_code(compare(run, RUN("true", "300.0", "2.0", "0.1", ""), "", output, 4096), 0,
                     output);
    /* Noise: twice as much, and still less than a millisecond more. */
    assert_int_equal(compare(RUN("true", "100.0", "0.5", "1.0", ""),
                             RUN("true", "100.0", "1.0", "1.0", ""), "", output, 4096),
                     0);
}

static void run_that_is_worse_is_told_by_its_measure(void **state)
{
    (void)state;
    char output[4096] = "";
    const char *run = RUN("true", "100.0", "20.0", "1.0", "");
    assert_exit_code(compare(run, RUN("true", "70.0", "20.0", "1.0", ""), "", output, 4096), 1,
                     output);
    assert_exit_code(compare(run, RUN("true", "100.0", "30.0", "1.0", ""), "", output, 4096), 1,
                     output);
    assert_exit_code(compare(run, RUN("true", "100.0", "20.0", "null", ""), "", output, 4096), 1,
                     output);
    assert_int_equal(
        compare(run, RUN("true", "70.0", "20.0", "1.0", ""), "--worse-by 40%", output, 4096), 0);
    assert_exit_code(compare(run, RUN("false", "100.0", "20.0", "1.0", LOST), "", output, 4096), 1,
                     output);
    assert_says(output, "set: lost");
    assert_exit_code(compare(run, "[]", "", output, 4096), 254, output);
    assert_exit_code(compare(run, run, "--worse-by lots", output, 4096), 254, output);
}

/* rift with these arguments: its exit code, and that it says one line with the words. */
static void assert_refused(const char *arguments, int code, const char *words)
{
    char output[4096] = "";
    CLEANUP(rift_free) char *script = rift_printf("%s %s 2>&1", test_rift_binary(), arguments);
    assert_exit_code(test_run(script, output, sizeof output), code, output);
    if (!strstr(output, words) || strchr(output, '\n'))
        fail_msg("%s: %s", arguments, output);
}

static void a_run_that_was_killed_before_any_operation_is_unknown(void **state)
{
    (void)state;
    char folder[] = "/tmp/rift-killed-XXXXXX", output[4096];
    assert_non_null(mkdtemp(folder));
    CLEANUP(rift_free)
    char *make = rift_printf("%s run --dry-run configs/etcd-register.yaml >%s/plan.yaml",
                             test_rift_binary(), folder);
    assert_int_equal(test_run(make, NULL, 0), 0);
    CLEANUP(rift_free) char *check = rift_printf("check %s", folder);
    assert_refused(check, 2, "before its first operation");
    /* What must hold of a run without its plan nobody knows. */
    CLEANUP(rift_free)
    char *no_plan = rift_printf("cd %s && mv plan.yaml kept && : >history.rift; %s check . 2>&1; "
                                "code=$?; mv kept plan.yaml; rm history.rift; exit $code",
                                folder, test_rift_binary());
    assert_exit_code(test_run(no_plan, output, sizeof output), 254, output);
    assert_says(output, "there is no plan.yaml");
    /* The history was begun, and nothing is in it. */
    CLEANUP(rift_free)
    char *empty = rift_printf(": >%s/history.rift; %s check %s 2>&1; code=$?; rm -r %s; exit $code",
                              folder, test_rift_binary(), folder, folder);
    assert_exit_code(test_run(empty, output, sizeof output), 2, output);
    assert_says(output, "0 of 0 operations were ok");
}

/* A run whose one operation among 35 that all overlap fits nowhere: found with some MB in a moment,
 * without them in minutes. Its plan gives 300 s and any memory. */
static void bounds_that_are_asked_for_hold_for_a_run_too(void **state)
{
    (void)state;
    char folder[] = "/tmp/rift-bounds-XXXXXX", output[8192] = "";
    assert_non_null(mkdtemp(folder));
    const char *rift = test_rift_binary();
    CLEANUP(rift_free)
    char *make = rift_printf(
        "%s run --dry-run configs/etcd-register.yaml --set faults=[] --set "
        "'checkers=[{linearizable: {model: cas-register}}]' >%s/plan.yaml && cd %s && {\n"
        "echo '{:process 0 :type :invoke :f :write :value 0}'\n"
        "echo '{:process 0 :type :ok :f :write :value 0}'\n"
        "for t in invoke ok; do x=2; for p in {1..34}; do\n"
        "x=$(((x * 1103515245 + 12345) %% 2147483648)); a=$((x / 65536 %% 6))\n"
        "x=$(((x * 1103515245 + 12345) %% 2147483648)); b=$((x / 65536 %% 6))\n"
        "echo \"{:process $p :type :$t :f :cas :value [$a $b]}\"; done; done; } >h.edn &&\n"
        "%s convert h.edn history.rift 2>&1",
        rift, folder, folder, rift);
    assert_exit_code(test_run(make, output, sizeof output), 0, output);
    CLEANUP(rift_free) char *whole = rift_printf("%s check %s 2>&1", rift, folder);
    assert_exit_code(test_run(whole, output, sizeof output), 1, output);
    CLEANUP(rift_free)
    char *bounded = rift_printf("timeout 100 %s check %s --time 2s --memory 1M 2>&1; code=$?; rm "
                                "-r %s; exit $code",
                                rift, folder, folder);
    assert_exit_code(test_run(bounded, output, sizeof output), 2, output);
    assert_says(output, "the time was spent");
}

/* Those that the docs or a --help tell people to ask for. */
static void lists_that_people_are_sent_to_exist(void **state)
{
    (void)state;
    char output[4096] = "";
    CLEANUP(rift_free)
    char *script = rift_printf(
        "set -o pipefail; { cat README.md docs/*.md docs/*/*.md; for c in check convert doctor "
        "fault heal lab list run shell; do %s $c --help; done; } | grep -oE 'rift list [a-z-]+' | "
        "sort -u | while read -r _ _ what; do %s list $what >/dev/null || exit 1; done 2>&1",
        test_rift_binary(), test_rift_binary());
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *models = rift_printf("%s list models | grep '^cas-register '", test_rift_binary());
    assert_int_equal(test_run(models, NULL, 0), 0);
}

static void mistakes_are_named_once(void **state)
{
    (void)state;
    assert_refused("check --initial '{' x.edn", 254, "--initial {: no JSON");
    assert_refused("heal nosuch.yaml", 254, "nosuch.yaml: there is no such file");
    assert_refused("run --dry-run configs/etcd-register.yaml --set nodes.count=0", 254,
                   "'count' must lie between 1 and");
    assert_refused("--version", 0, "rift ");
}

/* What rift check prints of a file with this text. */
static void check_text(const char *text, const char *arguments, char *output, size_t size)
{
    CLEANUP(rift_free)
    char *script = rift_printf("f=$(mktemp) && printf '%s' >$f && %s check %s $f; rm $f", text,
                               test_rift_binary(), arguments);
    test_run(script, output, size);
}

/* Two operations that both end ok; each is an f, what it is asked and what it gives. */
static void assert_assumed(const char *checker, const char *const words[2][3])
{
    char output[4096] = "", text[1024];
    snprintf(text, sizeof text,
             "{:type :invoke :f :%s :process 0 :value %s}\\n{:type :ok :f :%s :process 0 :value "
             "%s}\\n{:type :invoke :f :%s :process 0 :value %s}\\n{:type :ok :f :%s :process 0 "
             ":value %s}\\n",
             words[0][0], words[0][1], words[0][0], words[0][2], words[1][0], words[1][1],
             words[1][0], words[1][2]);
    CLEANUP(rift_free) char *wanted = rift_printf("%s (assumed from its operations)", checker);
    check_text(text, "", output, sizeof output);
    if (!strstr(output, wanted))
        fail_msg("not '%s' but %s", wanted, output);
}

static void what_operations_look_like_names_the_checker(void **state)
{
    (void)state;
    static const struct {
        const char *checker;
        const char *words[2][3];
    } cases[] = {
        {"counter", {{"add", "2", "2"}, {"read", "nil", "2"}}},
        {"set-full", {{"add", "2", "2"}, {"read", "nil", "[2]"}}},
        {"bank", {{"read", "nil", "{0 10, 1 0}"}, {"transfer", "{:from 0}", "{:from 0}"}}},
        {"unique-ids", {{"generate", "nil", "1"}, {"generate", "nil", "2"}}},
        {"kafka",
         {{"send", "[[:send 1 1]]", "[[:send 1 [0 1]]]"}, {"poll", "[[:poll]]", "[[:poll {}]]"}}},
        {"watch", {{"write", "5", "5"}, {"watch", "nil", "[[1 5]]"}}},
        {"long-fork",
         {{"write", "[[:w 1 1]]", "[[:w 1 1]]"},
          {"read", "[[:r 1 nil] [:r 2 nil]]", "[[:r 1 1] [:r 2 nil]]"}}},
        {"rw-register",
         {{"txn", "[[:w 1 1]]", "[[:w 1 1]]"}, {"txn", "[[:r 1 nil]]", "[[:r 1 1]]"}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_assumed(cases[i].checker, cases[i].words);
}

static void what_was_assumed_stands_in_the_note(void **state)
{
    (void)state;
    static const char set[] = "{\"type\":\"invoke\",\"f\":\"add\",\"process\":0,\"value\":1}\\n"
                              "{\"type\":\"ok\",\"f\":\"add\",\"process\":0,\"value\":1}\\n"
                              "{\"type\":\"invoke\",\"f\":\"read\",\"process\":0,\"value\":null}\\n"
                              "{\"type\":\"ok\",\"f\":\"read\",\"process\":0,\"value\":[1]}\\n";
    char output[4096] = "";
    check_text(set, "", output, sizeof output);
    assert_says(output, "set-full (assumed from its operations)");
    check_text(set, "--model set", output, sizeof output);
    assert_says(output, "linearizable, model set");
    assert_null(strstr(output, "assumed"));
}

static void order_in_time_that_nobody_knows_is_not_judged(void **state)
{
    (void)state;
    char output[4096] = "";
    check_text("w(1,1,0,0)\\nr(1,1,1,1)\\n", "", output, sizeof output);
    assert_says(output, "valid");
    assert_says(output, "strong-session-serializable (without times");
    check_text("{\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"w\",\"x\",2]],\"process\":0}\\n"
               "{\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",null]],\"process\":1}\\n",
               "", output, sizeof output);
    assert_says(output, "strong-session-serializable (without times");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_violation_in_a_torn_file_is_unknown),
        cmocka_unit_test(violation_before_the_tear_stays_one),
        cmocka_unit_test(run_that_is_as_good_as_the_other_is_no_worse),
        cmocka_unit_test(run_that_is_worse_is_told_by_its_measure),
        cmocka_unit_test(a_run_that_was_killed_before_any_operation_is_unknown),
        cmocka_unit_test(bounds_that_are_asked_for_hold_for_a_run_too),
        cmocka_unit_test(lists_that_people_are_sent_to_exist),
        cmocka_unit_test(mistakes_are_named_once),
        cmocka_unit_test(bit_rot_gets_no_verdict),
        cmocka_unit_test(an_empty_history_is_named_as_such),
        cmocka_unit_test(what_was_assumed_stands_in_the_note),
        cmocka_unit_test(what_operations_look_like_names_the_checker),
        cmocka_unit_test(order_in_time_that_nobody_knows_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

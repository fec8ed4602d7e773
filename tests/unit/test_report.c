#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/memory.h"
#include "history/builder.h"
#include "history/reader.h"
#include "history/writer.h"
#include "report/report.h"
#include "report/run_data.h"
#include "report/windows.h"

static void add_fault(struct rift_builder *builder, const char *f, const char *json, int64_t at)
{
    json_t *parsed = json_loads(json, 0, NULL);
    struct rift_value value;
    assert_int_equal(rift_value_from_json(rift_builder_values(builder), parsed, &value, NULL), 0);
    json_decref(parsed);
    struct rift_event event = {.process = RIFT_PROCESS_NEMESIS, .f = f, .value = value};
    assert_int_equal(
        rift_builder_add_op(builder, &event, RIFT_OP_OK, at, at + 1000000, value, NULL), 0);
}

static void a_window_spans_from_its_start_to_its_stop_on_each_node(void **state)
{
    (void)state;
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    add_fault(builder, "start-partition",
              "{\"window\":4,\"what\":\"halves\",\"nodes\":{\"n1\":{\"applied_ns\":1500000000,"
              "\"clock_error_ns\":250000,\"observed\":\"cut\"},\"n2\":{\"applied_ns\":1502000000,"
              "\"clock_error_ns\":500000}}}",
              1000000000);
    add_fault(builder, "start-kill", "{\"window\":5,\"what\":\"n2\"}", 2000000000);
    add_fault(builder, "stop-partition",
              "{\"window\":4,\"nodes\":{\"n1\":{\"healed_ns\":3500000000}}}", 3000000000);
    struct rift_history *history = rift_builder_finish(builder, NULL);
    assert_non_null(history);
    json_t *windows = report_windows(history);
    json_t *expected = json_loads(
        "[{\"window\":4,\"fault\":\"partition\",\"what\":\"halves\",\"from\":1.5,\"to\":3.5,"
        "\"failed\":false,\"spread_ms\":2.0,\"clock_error_ms\":0.5,\"nodes\":{\"n1\":{\"from\":1.5,"
        "\"to\":3.5,\"observed\":\"cut\"},\"n2\":{\"from\":1.502}}},"
        "{\"window\":5,\"fault\":\"kill\",\"what\":\"n2\",\"from\":2.0,\"to\":null,"
        "\"failed\":false,\"nodes\":{}}]",
        0, NULL);
    assert_true(json_equal(windows, expected));
    json_decref(windows);
    json_decref(expected);
    rift_history_destroy(history);
}

/* The wait was prepared before the kill, and met after it. */
static void windows_stand_in_the_order_of_their_starts_and_a_wait_says_what_it_found(void **state)
{
    (void)state;
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    add_fault(builder, "start-wait_for",
              "{\"window\":1,\"what\":\"all: n1, n2\",\"options\":{\"until\":\"new-leader\"},"
              "\"nodes\":{\"n2\":{\"applied_ns\":5000000000,\"observed\":\"it leads\"}}}",
              1000000000);
    add_fault(builder, "start-kill", "{\"window\":2,\"what\":\"n2\"}", 2000000000);
    struct rift_history *history = rift_builder_finish(builder, NULL);
    assert_non_null(history);
    json_t *windows = report_windows(history);
    const json_t *kill = json_array_get(windows, 0), *wait = json_array_get(windows, 1);
    assert_string_equal(json_string_value(json_object_get(kill, "fault")), "kill");
    assert_string_equal(json_string_value(json_object_get(wait, "what")), "new-leader: n2");
    json_decref(windows);
    rift_history_destroy(history);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = rift_calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

/* The page's own scripts hold two "</script>"; text from a history must not add a third. */
static void text_of_a_history_cannot_end_the_script(void **state)
{
    (void)state;
    struct rift_history *history = rift_history_from_notation("p0 w1 ok, p1 w2 ok, p0 r1 ok", NULL);
    assert_non_null(history);
    json_t *verdict = json_loads("{\"valid\":false,\"anomalies\":[{\"name\":\"stale read\","
                                 "\"text\":\"</script><b>\",\"ops\":[2]}]}",
                                 0, NULL);
    char path[] = "/tmp/rift-report-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(rift_report_write_history_html(history, verdict, path, NULL), 0);
    CLEANUP(rift_free) char *page = read_all(path);
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, "</script>")); at++)
        count++;
    assert_int_equal(count, 2);
    assert_non_null(strstr(page, "stale read"));
    unlink(path);
    json_decref(verdict);
    rift_history_destroy(history);
}

/* The terminal's summary of a run without operations and with this verdict, which is taken over;
 * *page is the page's text, which the caller owns. */
static void report_on(json_t *verdict, char *printed, size_t size, char **page)
{
    char folder[] = "/tmp/rift-report-XXXXXX";
    struct rift_error err = {0};
    assert_non_null(mkdtemp(folder));
    CLEANUP(rift_free) char *history = rift_printf("%s/history.rift", folder);
    CLEANUP(rift_free) char *verdicts = rift_printf("%s/verdicts.json", folder);
    CLEANUP(rift_free) char *page_path = rift_printf("%s/report.html", folder);
    struct rift_writer *writer = rift_writer_open(history, &err);
    assert_non_null(writer);
    assert_int_equal(rift_writer_close(writer, &err), 0);
    assert_int_equal(json_dump_file(verdict, verdicts, 0), 0);
    json_decref(verdict);
    FILE *out = fmemopen(printed, size - 1, "w");
    if (rift_report_print(folder, out, false, &err) != 0 ||
        rift_report_write_html(folder, &err) != 0)
        fail_msg("%s", err.text);
    fclose(out);
    *page = read_all(page_path);
    unlink(history);
    unlink(verdicts);
    unlink(page_path);
    rmdir(folder);
}

/* The first ones may be of one kind, and another kind be the worse. */
static void violations_that_have_no_room_are_named(void **state)
{
    (void)state;
    static const char *const names[] = {"G1a", "G1a", "G1a", "G1a", "lost update", "G1a"};
    char printed[4096] = "";
    CLEANUP(rift_free) char *page = NULL;
    json_t *anomalies = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_array_append_new(anomalies, json_pack("{s:s, s:[]}", "name", names[i], "ops"));
    report_on(json_pack("{s:b, s:{s:{s:b, s:o}, s:{s:b, s:{s:i}}}}", "valid", 0, "checkers",
                        "list-append", "valid", 0, "anomalies", anomalies, "evidence", "valid", 1,
                        "stats", "fault_windows", 0),
              printed, sizeof printed, &page);
    assert_non_null(strstr(printed, "... and 3 more violations: 2 G1a, 1 lost update; "));
    assert_non_null(strstr(printed, "without faults"));
}

/* What the checker stats lists stands in the terminal and on the page, and of what valid speaks. */
static void errors_that_leave_the_outcome_open_are_shown(void **state)
{
    (void)state;
    static const char text[] = "process 4 asked read through n1 at 12.375 s";
    char printed[4096] = "";
    CLEANUP(rift_free) char *page = NULL;
    json_t *verdict =
        json_pack("{s:b, s:{s:{s:b, s:{s:[{s:s, s:i, s:s}]}}, s:{s:b, s:{s:i, s:i}}}}", "valid", 1,
                  "checkers", "stats", "valid", 1, "stats", "unhandled", "error", "connection lost",
                  "count", 17, "text", text, "evidence", "valid", 1, "stats", "fault_windows", 4,
                  "fault_windows_observed", 4);
    report_on(verdict, printed, sizeof printed, &page);
    CLEANUP(rift_free) char *expected = rift_printf("17 times connection lost, as when %s", text);
    assert_non_null(strstr(printed, expected));
    assert_non_null(strstr(printed, "valid  no violation in what was run"));
    assert_non_null(strstr(printed, "4 of 4 faults were seen to happen"));
    assert_non_null(strstr(page, text));
}

static void completions_without_invocations_have_numbers_of_events(void **state)
{
    (void)state;
    static const char edn[] =
        "{:f :txn, :index 0, :process 0, :time 5, :type :ok, :value [[:append :x 1]]}\n"
        "{:f :txn, :index 1, :process 1, :time 9, :type :ok, :value [[:r :x [1]]]}\n";
    struct rift_history *history =
        rift_history_read_bytes("h.edn", edn, sizeof edn - 1, NULL, NULL);
    assert_non_null(history);
    json_t *verdict = json_pack("{s:b, s:[{s:s, s:[i, i]}]}", "valid", 0, "anomalies", "name",
                                "stale", "ops", 0, 1);
    json_t *data = report_history_data(history, verdict);
    assert_string_equal(json_string_value(json_object_get(data, "unit")), "event");
    size_t count = 0;
    const char *row;
    json_t *op;
    json_object_foreach(json_object_get(data, "ops"), row, op)
    {
        assert_true(json_number_value(json_object_get(op, "start")) < 4);
        count++;
    }
    assert_int_equal(count, 2);
    json_decref(data);
    json_decref(verdict);
    rift_history_destroy(history);
}

static void a_missing_run_is_one_error_that_names_it(void **state)
{
    (void)state;
    struct rift_error err = {0};
    assert_int_equal(rift_report_write_html("/nonexistent/run", &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent/run"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_spans_from_its_start_to_its_stop_on_each_node),
        cmocka_unit_test(windows_stand_in_the_order_of_their_starts_and_a_wait_says_what_it_found),
        cmocka_unit_test(text_of_a_history_cannot_end_the_script),
        cmocka_unit_test(violations_that_have_no_room_are_named),
        cmocka_unit_test(errors_that_leave_the_outcome_open_are_shown),
        cmocka_unit_test(completions_without_invocations_have_numbers_of_events),
        cmocka_unit_test(a_missing_run_is_one_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

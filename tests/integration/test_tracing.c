/* Faults that hold the system's threads do not go together: the second one is refused, with the
 * name of the first, and neither the system nor the first one is harmed by that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/toy_host.h"

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("tracing", 120000, 0);
}

static json_t *options_of(const char *fault)
{
    return strcmp(fault, "clock") == 0
               ? json_pack("{s:s, s:i}", "of", "process", "offset_ms", 3600000)
           : strcmp(fault, "freezer") == 0 || strcmp(fault, "sigstop") == 0
               ? json_pack("{s:s}", "by", fault)
               : json_object();
}

static const char *name_of(const char *fault)
{
    return strcmp(fault, "freezer") == 0 || strcmp(fault, "sigstop") == 0 ? "pause" : fault;
}

static bool is_refused(const char *id, const char *fault, const char *because)
{
    json_t *reply = agent_ask(&n1->agent, "inject",
                              json_pack("{s:s, s:s, s:o}", "id", id, "fault", name_of(fault),
                                        "options", options_of(fault)));
    const char *code = "", *text = "";
    bool is = json_unpack(reply, "{s:{s:s, s:s}}", "error", "code", &code, "text", &text) == 0;
    if (is && (strcmp(code, "conflict") != 0 || !strstr(text, because)))
        fail_msg("%s beside %s: %s: %s", fault, because, code, text);
    json_decref(reply);
    return is;
}

static void two_that_do_not_go_together_are_told_apart(void **state)
{
    (void)state;
    NEED_HOST();
    static const struct {
        const char *first, *second, *because;
    } pairs[] = {
        {"clock", "pause", "clock (first) is on"},
        {"pause", "clock", "pause (first) is on"},
        {"clock", "hang", "clock (first) is on"},
        {"hang", "clock", "hang (first) is on"},
        {"clock", "freezer", "clock (first) is on"},
        {"freezer", "clock", "pause (first) is on"},
        {"clock", "pause-host", "clock (first) is on"},
        {"clock", "clock", "clock (first) is on"},
        {"hang", "pause", "hang (first) is on"},
        {"pause", "hang", "pause (first) is on"},
        {"pause", "pause", "pause (first) is on"},
        {"sigstop", "sigstop", "pause (first) is on"},
        {"clock", "sigstop", "clock (first) is on"},
        {"sigstop", "clock", "pause (first) is on"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        inject("first", name_of(pairs[i].first), options_of(pairs[i].first));
        assert_true(is_refused("second", pairs[i].second, pairs[i].because));
        /* Of a clock, each sleep that the toy starts is right until the lease is renewed. */
        if (strcmp(pairs[i].first, "clock") != 0)
            assert_true(is_observed("first"));
        heal("first");
        assert_true(toy_is_alive(n1, 5000));
    }
    json_t *status = agent_must(&n1->agent, "status", NULL);
    assert_int_equal(0, json_array_size(json_object_get(status, "faults")));
    json_decref(status);
}

static void two_threads_may_hang_and_a_frozen_system_be_paused(void **state)
{
    (void)state;
    NEED_HOST();
    inject("first", "hang", json_pack("{s:i}", "pick", 0));
    inject("second", "hang", json_pack("{s:i}", "pick", 1));
    assert_true(is_observed("first"));
    assert_true(is_observed("second"));
    heal("first");
    heal("second");
    assert_true(toy_is_alive(n1, 5000));
    inject("first", "pause", options_of("freezer"));
    inject("second", "pause", NULL);
    assert_true(toy_is_still(n1, 200));
    heal("first");
    assert_true(toy_is_still(n1, 200));
    heal("second");
    assert_true(toy_is_alive(n1, 5000));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(two_that_do_not_go_together_are_told_apart),
        CASE(two_threads_may_hang_and_a_frozen_system_be_paused),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}

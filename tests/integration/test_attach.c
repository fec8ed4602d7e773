/* Rift attached to units of a real systemd that do not run, or not for long any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/unit_case.h"

static int up(void **state)
{
    (void)state;
    return unit_case_up("attach");
}

/* As after a stop that nobody waited for to its end: what is about to end is no unit that runs. */
static void a_unit_that_is_being_stopped_is_started_by_the_heal(void **state)
{
    (void)state;
    case_need_lab();
    unit_on_host("printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecStop=/bin/sleep 8\\n' "
                 ">/run/systemd/system/slow.service; systemctl daemon-reload");
    unit_attach("slow.service");
    json_decref(unit_call("system.start", json_object()));
    unit_on_host("systemctl stop --no-block slow.service");
    unit_on_host(
        "until [ $(systemctl is-active slow.service) = deactivating ]; do sleep 0.1; done");
    json_decref(unit_call("system.start", json_object()));
    unit_on_host("systemctl is-active slow.service; ! pgrep -f 'sleep [8]$'");
    assert_string_equal(unit_output, "active");
    json_decref(unit_call("system.stop", json_object()));
}

/* Where they will be only systemd's rules of names tell; whether that is true a pause does. */
static void a_unit_of_any_slice_may_be_attached_to_while_it_is_stopped(void **state)
{
    (void)state;
    case_need_lab();
    unit_on_host(
        "for u in odd.service:a-b.x-c odd2.service:- my-app@.service:; do f=${u%:*}; s=${u#*:}; "
        "printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/run/systemd/system/$f; [ -z \"$s\" "
        "] || echo Slice=$s.slice >>/run/systemd/system/$f; done; systemctl daemon-reload");
    static const char *const units[] = {"odd.service", "odd2.service", "my-app@x-1.service"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        unit_attach(units[i]);
        json_decref(unit_call("system.start", json_object()));
        json_decref(unit_call(
            "inject", json_pack("{s:s, s:s, s:{}}", "id", "w0", "fault", "pause", "options")));
        CLEANUP(rift_free)
        char *state_of = rift_printf("sed 's/.*) //; s/ .*//' /proc/$(systemctl show -p MainPID "
                                     "--value %s)/stat",
                                     units[i]);
        unit_on_host(state_of);
        assert_string_equal(unit_output, "t");
        json_decref(unit_call("heal", json_pack("{s:s}", "id", "w0")));
        json_decref(unit_call("system.stop", json_object()));
    }
}

static void assert_rift(const char *command, int code)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s 2>&1", case_scratch, test_rift_binary(), command);
    assert_exit_code(test_run(script, unit_output, sizeof unit_output), code, unit_output);
}

struct patient {
    const char *prepare, *attach;
    int code;
    const char *words;
};

static const struct patient patients[] = {
    {"systemctl start d.service", "unit: d.service", 0, "ActiveState=active"},
    {"true", "cgroup: /system.slice/d.service", 0, "processes: 1"},
    {"systemctl stop d.service", "unit: d.service", 255, "n1         DOES NOT RUN: "},
    {"true", "cgroup: /system.slice/d.service", 255, "DOES NOT RUN: processes: 0"},
    {"true", "unit: d.service, wipe: true", 0, "a run wipes and starts it"},
    {"systemctl start d.service; systemctl kill -s KILL d.service; until systemctl is-failed "
     "d.service; do sleep 0.1; done",
     "unit: d.service", 255, "DOES NOT RUN: Result=signal ActiveState=failed"},
    {"systemctl reset-failed d.service; systemctl mask d.service", "unit: d.service", 255,
     "systemd has no unit 'd.service' here (masked)"},
    {"systemctl unmask d.service", "unit: no-such.service", 255,
     "systemd has no unit 'no-such.service' here (not-found)"},
};

static void doctor_says_that_a_unit_does_not_run(void **state)
{
    (void)state;
    case_need_lab();
    unit_close_node();
    unit_on_host(
        "printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/run/systemd/system/d.service; "
        "systemctl daemon-reload");
    for (size_t i = 0; i < sizeof patients / sizeof *patients; i++) {
        unit_on_host(patients[i].prepare);
        unit_write_config(patients[i].attach);
        assert_rift("doctor config.yaml", patients[i].code);
        assert_says(unit_output, patients[i].words);
        assert_int_equal(strstr(unit_output, "\nfit") != NULL, patients[i].code == 0);
    }
}

/* Longer than a step of Rift's may take as a rule; how long it may here only systemd knows. */
static void a_unit_that_takes_long_to_stop_is_restarted(void **state)
{
    (void)state;
    case_need_lab();
    unit_close_node();
    unit_on_host("printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecStop=/bin/sleep 25\\n"
                 "TimeoutStopSec=1min 10s\\n' >/etc/systemd/system/long.service; systemctl "
                 "daemon-reload; systemctl start long.service");
    unit_on_host("systemctl show -p MainPID --value long.service");
    CLEANUP(rift_free) char *first = rift_strdup(unit_output);
    unit_write_config("unit: long.service");
    assert_rift("fault restart --on '[n1]' --for 60s --config config.yaml", 0);
    unit_on_host(
        "systemctl is-active -q long.service; systemctl show -p MainPID --value long.service");
    assert_string_not_equal(unit_output, first);
    unit_on_host("sed -i /ExecStop/d /etc/systemd/system/long.service; systemctl daemon-reload; "
                 "systemctl stop long.service");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_that_is_being_stopped_is_started_by_the_heal),
        cmocka_unit_test(a_unit_of_any_slice_may_be_attached_to_while_it_is_stopped),
        cmocka_unit_test(doctor_says_that_a_unit_does_not_run),
        cmocka_unit_test(a_unit_that_takes_long_to_stop_is_restarted),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, up, unit_case_down);
}

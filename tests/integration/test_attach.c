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
#include "tests/lib/host_shell.h"
#include "tests/lib/lab_case.h"

enum { CALL_MS = 60000, LEASE_MS = 20000 };

static struct host_shell shell;
static struct rift_node *node;
static char output[8192];

static int up(void **state)
{
    (void)state;
    setenv("RIFT_TEST_DRIVER", "systemd", 1);
    if (case_up("attach", 1, NULL) < 0)
        return -1;
    if (case_hosts)
        host_shell_open(case_hosts, &shell);
    return 0;
}

static int down(void **state)
{
    rift_node_close(node);
    host_shell_close(&shell);
    return case_down(state);
}

static void on_host(const char *script)
{
    host_shell_must(&shell, script, output, sizeof output);
}

static json_t *call(const char *verb, json_t *args)
{
    struct rift_error err = {0};
    json_t *ok = NULL;
    if (rift_node_call(node, verb, args, CALL_MS, &ok, &err) != 0)
        fail_msg("%s: %s", verb, err.text);
    json_decref(args);
    return ok;
}

static void attach_to(const char *unit)
{
    struct rift_error err = {0};
    struct rift_node_settings settings = test_node_settings(case_hosts);
    settings.lease_ms = LEASE_MS;
    if (!node && !(node = rift_node_open(&settings, &err)))
        fail_msg("%s", err.text);
    json_decref(
        call("system.configure",
             json_pack("{s:{s:s, s:[{s:s, s:[s]}]}, s:{s:{s:s, s:s, s:i}, s:[], s:{}, "
                       "s:{}}, s:{s:s}}",
                       "recipe", "name", "toy", "processes", "name", "toy", "command", "/bin/false",
                       "context", "node", "name", "n1", "address", case_hosts->address, "index", 1,
                       "nodes", "options", "artifacts", "attach", "unit", unit)));
}

/* As after a stop that nobody waited for to its end: what is about to end is no unit that runs. */
static void a_unit_that_is_being_stopped_is_started_by_the_heal(void **state)
{
    (void)state;
    case_need_lab();
    on_host("printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecStop=/bin/sleep 8\\n' "
            ">/run/systemd/system/slow.service; systemctl daemon-reload");
    attach_to("slow.service");
    json_decref(call("system.start", json_object()));
    on_host("systemctl stop --no-block slow.service");
    on_host("until [ $(systemctl is-active slow.service) = deactivating ]; do sleep 0.1; done");
    json_decref(call("system.start", json_object()));
    on_host("systemctl is-active slow.service; ! pgrep -f 'sleep [8]$'");
    assert_string_equal(output, "active");
    json_decref(call("system.stop", json_object()));
}

/* Where they will be only systemd's rules of names tell; whether that is true a pause does. */
static void a_unit_of_any_slice_may_be_attached_to_while_it_is_stopped(void **state)
{
    (void)state;
    case_need_lab();
    on_host(
        "for u in odd.service:a-b.x-c odd2.service:- my-app@.service:; do f=${u%:*}; s=${u#*:}; "
        "printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/run/systemd/system/$f; [ -z \"$s\" "
        "] || echo Slice=$s.slice >>/run/systemd/system/$f; done; systemctl daemon-reload");
    static const char *const units[] = {"odd.service", "odd2.service", "my-app@x-1.service"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        attach_to(units[i]);
        json_decref(call("system.start", json_object()));
        json_decref(
            call("inject", json_pack("{s:s, s:s, s:{}}", "id", "w0", "fault", "pause", "options")));
        CLEANUP(rift_free)
        char *state_of = rift_printf("sed 's/.*) //; s/ .*//' /proc/$(systemctl show -p MainPID "
                                     "--value %s)/stat",
                                     units[i]);
        on_host(state_of);
        assert_string_equal(output, "t");
        json_decref(call("heal", json_pack("{s:s}", "id", "w0")));
        json_decref(call("system.stop", json_object()));
    }
}

static void assert_rift(const char *command, int code)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s 2>&1", case_scratch, test_rift_binary(), command);
    assert_exit_code(test_run(script, output, sizeof output), code, output);
}

/* With more keys of attach. */
static void write_config(const char *attach)
{
    CLEANUP(rift_free)
    char *config = rift_printf(
        "nodes:\n  - {address: %s, port: %d, user: %s, key: %s, known_hosts: %s}\n"
        "system: {recipe: toy.yaml, attach: {%s}}\nallow_faults: [n1]\nlease_s: 20\n"
        "client: {name: stdio, command: [/bin/true]}\nworkload: register\ntime_limit_s: 1\n",
        case_hosts->address, case_hosts->port, case_hosts->user, case_hosts->key_file,
        case_hosts->known_hosts_file, attach);
    case_write_file("config.yaml", config);
    case_write_file("toy.yaml",
                    "name: toy\nsummary: sleeps\ndata_folders: [/run/toy/data]\nprocesses:\n"
                    "  - {name: toy, command: [/bin/false], ready: {command: [/bin/true]}}\n");
}

static void close_node(void)
{
    rift_node_close(node);
    node = NULL;
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
    close_node();
    on_host("printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/run/systemd/system/d.service; "
            "systemctl daemon-reload");
    for (size_t i = 0; i < sizeof patients / sizeof *patients; i++) {
        on_host(patients[i].prepare);
        write_config(patients[i].attach);
        assert_rift("doctor config.yaml", patients[i].code);
        assert_says(output, patients[i].words);
        assert_int_equal(strstr(output, "\nfit") != NULL, patients[i].code == 0);
    }
}

/* Longer than a step of Rift's may take as a rule; how long it may here only systemd knows. */
static void a_unit_that_takes_long_to_stop_is_restarted(void **state)
{
    (void)state;
    case_need_lab();
    close_node();
    on_host("printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecStop=/bin/sleep 25\\n"
            "TimeoutStopSec=1min 10s\\n' >/etc/systemd/system/long.service; systemctl "
            "daemon-reload; systemctl start long.service");
    on_host("systemctl show -p MainPID --value long.service");
    CLEANUP(rift_free) char *first = rift_strdup(output);
    write_config("unit: long.service");
    assert_rift("fault restart --on '[n1]' --for 60s --config config.yaml", 0);
    on_host("systemctl is-active -q long.service; systemctl show -p MainPID --value long.service");
    assert_string_not_equal(output, first);
    on_host("sed -i /ExecStop/d /etc/systemd/system/long.service; systemctl daemon-reload; "
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
    return cmocka_run_group_tests(tests, up, down);
}

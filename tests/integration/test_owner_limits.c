/* Limits of a unit that its owner changes (systemctl set-property) while faults of Rift's are on
 * them, on a host with systemd: systemd tells the kernel at once, and would not tell it again
 * before the next daemon-reload. So what stands in the files of the unit's control group is looked
 * at. */
#include <setjmp.h>
#include <signal.h>
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

/* Computes and holds memory, and is started again. */
static const char set_up[] =
    "cat >/usr/local/bin/toy <<'END'\n"
    "#!/usr/bin/python3\n"
    "import time\n"
    "while True:\n"
    "    sum(range(300000))\n"
    "    time.sleep(0.02)\n"
    "END\n"
    "chmod 755 /usr/local/bin/toy; printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\n"
    "ExecStart=/usr/local/bin/toy\\nRestart=always\\nRestartSec=100ms\\nMemoryMax=100M\\n"
    "TasksMax=33\\n' >/etc/systemd/system/toy.service; systemctl daemon-reload; "
    "systemctl start toy.service";

static int up(void **state)
{
    (void)state;
    if (unit_case_up("limits") != 0)
        return -1;
    if (!case_hosts)
        return 0;
    unit_on_host(set_up);
    unit_write_config("unit: toy.service");
    return 0;
}

static void need_node(void)
{
    case_need_lab();
    if (!unit_node)
        unit_attach("toy.service");
}

static void inject(const char *id, const char *fault, json_t *options)
{
    json_decref(unit_call(
        "inject", json_pack("{s:s, s:s, s:o}", "id", id, "fault", fault, "options", options)));
}

static void heal(const char *id)
{
    json_decref(unit_call("heal", json_pack("{s:s}", "id", id)));
}

static void a_limit_that_its_owner_changes_meanwhile_stands_after_the_heal(void **state)
{
    (void)state;
    need_node();
    static const struct {
        const char *fault, *options, *property, *file, *set, *was;
    } cases[] = {
        {"pid-limit", "{\"leave\": 0}", "TasksMax=44", "pids.max", "44", "TasksMax=33"},
        {"cpu", "{\"percent\": 5}", "CPUQuota=70%", "cpu.max", "70000 100000", "CPUQuota="},
        {"memory", "{\"by\": \"pressure\", \"percent_of_use\": 95}", "MemoryHigh=90M",
         "memory.high", "94371840", "MemoryHigh=infinity"},
        {"memory", "{\"percent_of_use\": 300}", "MemoryMax=90M", "memory.max", "94371840",
         "MemoryMax=100M"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char act[] = "systemctl set-property --runtime toy.service %s; "
                                  "cat /sys/fs/cgroup/system.slice/toy.service/%s || true";
        CLEANUP(rift_free) char *change = rift_printf(act, cases[i].property, cases[i].file);
        CLEANUP(rift_free) char *back = rift_printf(act, cases[i].was, cases[i].file);
        inject("w0", cases[i].fault, json_loads(cases[i].options, 0, NULL));
        unit_on_host(change);
        heal("w0");
        unit_on_host(strstr(change, "cat "));
        assert_string_equal(unit_output, cases[i].set);
        unit_on_host(back);
    }
    unit_on_host("rm -r /run/systemd/system.control; systemctl daemon-reload");
}

#define QUOTA "cat /sys/fs/cgroup/system.slice/toy.service/cpu.max"

/* Before the second fault, or after it; and each of the two may be healed last. */
static void a_limit_that_its_owner_changes_under_two_faults_stands_after_both(void **state)
{
    (void)state;
    need_node();
    static const char change[] = "systemctl set-property --runtime toy.service CPUQuota=70%";
    for (int i = 0; i < 4; i++) {
        inject("w0", "cpu", json_pack("{s:f}", "percent", 5.0));
        if (i % 2 == 0)
            unit_on_host(change);
        inject("w1", "cpu", json_pack("{s:f}", "percent", 3.0));
        if (i % 2 == 1)
            unit_on_host(change);
        heal(i / 2 ? "w1" : "w0");
        heal(i / 2 ? "w0" : "w1");
        unit_on_host(QUOTA);
        assert_string_equal(unit_output, "70000 100000");
        unit_on_host("systemctl set-property --runtime toy.service CPUQuota=");
    }
    inject("w0", "memory", json_pack("{s:i}", "percent_of_use", 300));
    unit_on_host("systemctl set-property --runtime toy.service MemoryMax=90M");
    inject("w1", "oom-kill", json_object());
    heal("w1");
    heal("w0");
    unit_on_host("cat /sys/fs/cgroup/system.slice/toy.service/memory.max");
    assert_string_equal(unit_output, "94371840");
    unit_on_host("systemctl set-property --runtime toy.service MemoryMax=100M; "
                 "rm -r /run/systemd/system.control; systemctl daemon-reload");
}

/* Runs `rift fault` until it says how long the fault is left; its pid. */
static pid_t begin_fault(const char *words)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s; : >log; %s fault %s --for 60s --config config.yaml >log 2>&1 & pid=$!; "
        "for i in $(seq 600); do grep -q left log && break; sleep 0.1; done; echo $pid; "
        "grep -q left log || cat log",
        case_scratch, test_rift_binary(), words);
    test_run(script, unit_output, sizeof unit_output);
    char *end;
    long pid = strtol(unit_output, &end, 10);
    if (*end || pid <= 1)
        fail_msg("%s: %s", words, unit_output);
    return (pid_t)pid;
}

/* The guardian heals where the agent alone has died, the keeper where both have. */
static void a_limit_that_its_owner_changes_stands_though_the_agent_died(void **state)
{
    (void)state;
    case_need_lab();
    unit_close_node();
    static const char *const kills[] = {
        "agent=$(pgrep '^rift-agent'); kill -9 $agent",
        "agent=$(pgrep '^rift-agent'); kill -9 $(pgrep '^rift-guardian') $agent 2>/dev/null",
    };
    for (size_t i = 0; i < 2; i++) {
        pid_t rift = begin_fault("cpu --on '[n1]' --set percent=5");
        kill(rift, SIGSTOP); /* it would connect again */
        CLEANUP(rift_free)
        char *script = rift_printf(
            QUOTA
            " | grep -q '^5000 ' && systemctl set-property --runtime toy.service "
            "CPUQuota=70%% && %s; for i in $(seq 300); do pgrep '^rift-' >/dev/null || break; "
            "sleep 0.1; done; pgrep -l '^rift-'; " QUOTA,
            kills[i]);
        unit_on_host(script);
        kill(rift, SIGKILL);
        assert_string_equal(unit_output, "70000 100000");
        CLEANUP(rift_free)
        char *heal_script =
            rift_printf("cd %s && %s heal config.yaml 2>&1", case_scratch, test_rift_binary());
        assert_exit_code(test_run(heal_script, unit_output, sizeof unit_output), 0, unit_output);
        unit_on_host(QUOTA);
        assert_string_equal(unit_output, "70000 100000");
        unit_on_host("systemctl set-property --runtime toy.service CPUQuota=");
    }
    unit_on_host("rm -r /run/systemd/system.control; systemctl daemon-reload");
    unit_on_host("find /var/lib/rift -name ledger");
    assert_string_equal(unit_output, "");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_that_its_owner_changes_meanwhile_stands_after_the_heal),
        cmocka_unit_test(a_limit_that_its_owner_changes_under_two_faults_stands_after_both),
        cmocka_unit_test(a_limit_that_its_owner_changes_stands_though_the_agent_died),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, up, unit_case_down);
}

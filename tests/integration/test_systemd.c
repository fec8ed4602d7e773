/* Rift attached to a unit of a real systemd, on hosts that have it as PID 1, and cgroup v2 only.
 * All is looked at from outside of Rift: systemctl, /proc and the files of the control groups. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/cli/command.h"
#include "tests/lib/host_shell.h"
#include "tests/lib/lab_case.h"

/* A guest on a busy machine keeps silent for seconds. */
enum { CALL_MS = 60000, TEXT_SIZE = 8192, LEASE_S = 20, WAIT_S = 30 };

static struct host_shell shell;
static struct rift_node *node;

/* A unit with settings of its user's own, whose process writes the time all the time, says to
 * systemd's watchdog that it is well, and computes enough to feel a hundredth of a processor. */
static const char set_up[] =
    "cat >/usr/local/bin/toy <<'END'\n"
    "#!/usr/bin/python3\n"
    "import os, socket, time\n"
    "os.makedirs('/run/toy/data', exist_ok=True)\n"
    "ticks = open('/run/toy/data/ticks', 'a', buffering=1)\n"
    "notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "def say(word): notify.sendto(word, os.environ['NOTIFY_SOCKET'])\n"
    "say(b'READY=1')\n"
    "while True:\n"
    "    ticks.write('%.3f\\n' % time.time())\n"
    "    say(b'WATCHDOG=1')\n"
    "    sum(range(300000))\n"
    "    time.sleep(0.02)\n"
    "END\n"
    "chmod 755 /usr/local/bin/toy\n"
    "cat >/etc/systemd/system/toy.service <<'END'\n"
    "[Unit]\nStartLimitIntervalSec=0\n"
    "[Service]\nType=notify\nExecStart=/usr/local/bin/toy\nRestart=on-failure\n"
    "RestartSec=100ms\nMemoryMax=100M\nTasksMax=33\nLimitNOFILE=777\nWatchdogSec=60\n"
    "END\n"
    "mkdir -p /run/toy/data && touch /run/toy/data/old /run/toy/conf\n"
    "systemctl daemon-reload && systemctl start toy.service";

/* What is the user's, and must be as it was; and what of Rift's there is. */
static const char look[] =
    "systemctl show toy.service -p FragmentPath,DropInPaths,MemoryMax,MemoryHigh,TasksMax,"
    "CPUQuotaPerSecUSec,LimitNOFILE,Restart,ActiveState,SubState,Result\n"
    "cd /sys/fs/cgroup; grep . system.slice/toy.service/{memory.max,memory.high,pids.max,"
    "cgroup.freeze} cgroup.subtree_control system.slice/cgroup.subtree_control\n"
    "grep 'open files' /proc/$(systemctl show -p MainPID --value toy.service)/limits\n"
    "cksum /etc/systemd/system/toy.service /usr/local/bin/toy; ls /run/toy /run/systemd/system* "
    "/etc/systemd/system; ls /var/lib | grep -vx rift\n"
    "find /sys/fs/cgroup -name 'rift*'; pgrep -l '^rift-'; ls /var/lib/rift/ledger 2>/dev/null";

/* Another unit as distributions and careful owners write them: it may touch little, is somebody
 * whom systemd invents, has limits of each kind, in a slice of its owner's, and groups of its own
 * below its own, with a process in each. One of the two starts a process now and then. */
static const char set_up_hard[] =
    "cat >/usr/local/bin/hard <<'END'\n"
    "#!/usr/bin/python3\n"
    "import os, time\n"
    "own = '/sys/fs/cgroup' + open('/proc/self/cgroup').read().strip().split('::')[1]\n"
    "for name in 'main', 'child': os.mkdir(own + '/' + name)\n"
    "def move(name): open(own + '/' + name + '/cgroup.procs', 'w').write('0')\n"
    "move('main')\n"
    "open(own + '/cgroup.subtree_control', 'w').write('+memory +pids')\n"
    "name = 'main' if os.fork() else 'child'\n"
    "move(name)\n"
    "ticks = open(os.environ['STATE_DIRECTORY'] + '/' + name, 'a', buffering=1)\n"
    "while True:\n"
    "    ticks.write('%.3f\\n' % time.time())\n"
    "    busy = [0] * 100000\n"
    "    time.sleep(0.1)\n"
    "    try:\n"
    "        if name == 'main' and os.fork() == 0: os._exit(0)\n"
    "        if name == 'main': os.wait()\n"
    "    except BlockingIOError: pass\n"
    "END\n"
    "chmod 755 /usr/local/bin/hard\n"
    "printf '[Slice]\\nMemoryMax=400M\\nCPUQuota=150%%\\n' >/etc/systemd/system/owners.slice\n"
    "cat >/etc/systemd/system/hard.service <<'END'\n"
    "[Unit]\nStartLimitIntervalSec=0\n"
    "[Service]\nExecStart=/usr/local/bin/hard\nRestart=always\nRestartSec=100ms\n"
    "DynamicUser=yes\nStateDirectory=hard\nProtectSystem=strict\nPrivateTmp=yes\n"
    "PrivateDevices=yes\nProtectProc=invisible\nNoNewPrivileges=yes\n"
    "SystemCallFilter=@system-service\nDelegate=yes\nSlice=owners.slice\nMemoryMax=120M\n"
    "MemoryHigh=100M\nCPUQuota=50%\nCPUWeight=77\nTasksMax=33\nLimitNOFILE=777:888\n"
    "END\n"
    "systemctl daemon-reload && systemctl start hard.service";

static const char look_hard[] =
    "systemctl show hard.service -p FragmentPath,DropInPaths,MemoryMax,MemoryHigh,TasksMax,"
    "CPUQuotaPerSecUSec,CPUWeight,LimitNOFILE,LimitNOFILESoft,Slice,Delegate,ControlGroup,"
    "ActiveState,Result\n"
    "cd /sys/fs/cgroup; grep . owners.slice/{memory,cpu,pids}.max cgroup.subtree_control "
    "owners.slice/{,hard.service/{,main/,child/}}{memory.max,memory.high,pids.max,cpu.max,"
    "cpu.weight,cgroup.freeze,cgroup.subtree_control} 2>/dev/null\n"
    "for p in $(cat owners.slice/hard.service/{main,child}/cgroup.procs); do\n"
    "  grep 'open files' /proc/$p/limits 2>/dev/null; done | sort -u\n"
    "ls -ld /var/lib/hard | grep -o '/var/lib/hard.*'";

static char before[TEXT_SIZE], output[1 << 16];

static const char recipe[] = "name: toy\nsummary: writes the time\ndata_folders: [/run/toy/data]\n"
                             "packages: [no-such-package]\n"
                             "files: [{path: /run/toy/conf, content: \"x\"}]\n"
                             "processes:\n  - name: toy\n    command: [/bin/false]\n"
                             "    ready: {command: [test, -s, /run/toy/data/ticks]}\n"
                             "logs: [/run/toy/data/ticks]\n"
                             "role: {command: [/bin/true]}\n";

/* Who is not root comes by sudo. */
static void write_config(const char *name, const char *user)
{
    CLEANUP(rift_free)
    char *config = rift_printf(
        "nodes:\n  - {address: %s, port: %d, user: %s, sudo: %s, key: %s, known_hosts: %s}\n"
        "system: {recipe: toy.yaml, attach: {unit: toy.service}}\nallow_faults: [n1]\n"
        "client: {name: stdio, command: [/bin/true]}\nworkload: register\n"
        "time_limit_s: 1\nlease_s: %d\n",
        case_hosts->address, case_hosts->port, user, strcmp(user, "root") == 0 ? "false" : "true",
        case_hosts->key_file, case_hosts->known_hosts_file, LEASE_S);
    case_write_file(name, config);
}

static int up(void **state)
{
    (void)state;
    setenv("RIFT_TEST_DRIVER", "systemd", 1);
    if (case_up("systemd", 1, NULL) < 0)
        return -1;
    if (!case_hosts)
        return 0;
    host_shell_open(case_hosts, &shell);
    if (host_shell_run(&shell, set_up, output, sizeof output) != 0) {
        print_message("%s\n", output);
        return -1;
    }
    case_write_file("toy.yaml", recipe);
    write_config("config.yaml", case_hosts->user);
    host_shell_run(&shell, look, before, sizeof before);
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

/* The script is one condition. */
static void wait_on_host(const char *condition)
{
    CLEANUP(rift_free)
    char *script =
        rift_printf("end=$((SECONDS + %d)); while ((SECONDS < end)); do { %s; } && exit 0; "
                    "sleep 0.1; done; systemctl status --no-pager toy.service; exit 1",
                    WAIT_S, condition);
    if (host_shell_run(&shell, script, output, sizeof output) != 0)
        fail_msg("not within %d s: %s: %s", WAIT_S, condition, output);
}

static long ask_number(const char *script)
{
    on_host(script);
    return strtol(output, NULL, 10);
}

static long main_pid(void)
{
    return ask_number("systemctl show -p MainPID --value toy.service");
}

static void wait_for_another(long pid)
{
    CLEANUP(rift_free)
    char *condition = rift_printf("systemctl -q is-active toy.service && "
                                  "[ $(systemctl show -p MainPID --value toy.service) != %ld ]",
                                  pid);
    wait_on_host(condition);
}

/* As at first, and nothing of Rift's but its program. */
static void assert_as_before(void)
{
    static char now[TEXT_SIZE];
    for (int try = 0; try < WAIT_S * 10; try++) {
        host_shell_run(&shell, look, now, sizeof now);
        if (strcmp(now, before) == 0)
            return;
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
    }
    case_write_file("before", before);
    case_write_file("now", now);
    CLEANUP(rift_free)
    char *script = rift_printf("diff %s/before %s/now", case_scratch, case_scratch);
    test_run(script, output, sizeof output);
    fail_msg("%s", output);
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

static void open_node(const char *unit, const char *data_folder)
{
    struct rift_error err = {0};
    struct rift_node_settings settings = test_node_settings(case_hosts);
    settings.lease_ms = LEASE_S * 1000;
    node = rift_node_open(&settings, &err);
    if (!node)
        fail_msg("%s", err.text);
    json_t *process = json_pack("{s:s, s:[s]}", "name", "toy", "command", "/bin/false");
    json_decref(
        call("system.configure",
             json_pack("{s:{s:s, s:[s], s:[o]}, s:{s:{s:s, s:s, s:i}, s:[], s:{}, s:{}}, "
                       "s:{s:s}}",
                       "recipe", "name", "toy", "data_folders", data_folder, "processes", process,
                       "context", "node", "name", "n1", "address", case_hosts->address, "index", 1,
                       "nodes", "options", "artifacts", "attach", "unit", unit)));
}

/* The node of the tests that need no whole command, with the unit configured. */
static void need_node(void)
{
    case_need_lab();
    if (!node)
        open_node("toy.service", "/run/toy/data");
}

/* For what looks at the node after a contact of its own. */
static void leave_node(void)
{
    if (!node)
        return;
    json_decref(call("system.remove", json_object()));
    rift_node_close(node);
    node = NULL;
}

static void inject(const char *fault, json_t *options)
{
    json_decref(call("inject",
                     json_pack("{s:s, s:s, s:o}", "id", "w0", "fault", fault, "options", options)));
}

static void heal(void)
{
    json_decref(call("heal", json_pack("{s:s}", "id", "w0")));
}

/* What a test that failed left is no matter of the next one. */
static int tidy_up(void **state)
{
    (void)state;
    struct rift_error err = {0};
    json_t *args = json_pack("{s:s}", "id", "w0"), *ok = NULL;
    if (node && rift_node_call(node, "heal", args, CALL_MS, &ok, &err) == 0)
        json_decref(ok);
    json_decref(args);
    if (case_hosts)
        host_shell_run(&shell,
                       "if [ -e /run/systemd/system/toy.service.d ]; then rm -r "
                       "/run/systemd/system/toy.service.d; systemctl daemon-reload; fi; systemctl "
                       "-q is-active toy.service || systemctl start toy.service",
                       output, sizeof output);
    return 0;
}

static bool is_observed(char how[200])
{
    json_t *ok = call("observe", json_pack("{s:s}", "id", "w0"));
    bool is = json_is_true(json_object_get(ok, "observed"));
    snprintf(how, 200, "%s", json_string_value(json_object_get(ok, "how")));
    json_decref(ok);
    return is;
}

static void wait_until_observed(const char *fault)
{
    char how[200];
    int64_t deadline_ns = rift_clock_now() + WAIT_S * RIFT_SECOND;
    while (!is_observed(how))
        if (rift_clock_now() > deadline_ns)
            fail_msg("%s is not observed: %s", fault, how);
}

static void systemd_starts_a_killed_unit_and_rift_starts_nothing(void **state)
{
    (void)state;
    need_node();
    long pid = main_pid();
    inject("kill", json_object());
    wait_for_another(pid);
    wait_until_observed("kill");
    long next = main_pid();
    heal();
    assert_int_equal(main_pid(), next);
    /* Nor is what systemd knows of the unit reset. */
    assert_int_equal(ask_number("systemctl show -p NRestarts --value toy.service"), 1);
    inject("kill", json_pack("{s:f, s:f}", "restart_after_s", 0.4, "again_after_s", 0.4));
    rift_clock_sleep_until(rift_clock_now() + 2 * RIFT_SECOND);
    heal();
    wait_for_another(next);
    wait_on_host("systemctl -q is-active toy.service");
}

struct limit {
    const char *fault, *options;
    const char *see; /* what a script must say before and after; and not while it is on */
};

static const struct limit limits[] = {
    {"cpu", "{\"percent\": 1}", "cat /sys/fs/cgroup/system.slice/toy.service/cpu.max || echo none"},
    {"pid-limit", "{\"leave\": 0}", "cat /sys/fs/cgroup/system.slice/toy.service/pids.max"},
    {"memory", "{\"by\": \"pressure\", \"percent_of_use\": 90}",
     "cat /sys/fs/cgroup/system.slice/toy.service/memory.high"},
    {"fd-limit", "{\"leave\": 0}",
     "grep 'open files' /proc/$(systemctl show -p MainPID --value toy.service)/limits"},
    {"pause", "{}",
     "sed 's/.*) \\(t\\?\\).*/\\1/' /proc/$(systemctl show -p MainPID --value toy.service)/stat"},
    {"pause", "{\"by\": \"freezer\"}", "cat /sys/fs/cgroup/system.slice/toy.service/cgroup.freeze"},
    {"clock", "{\"offset_ms\": 36000000}", "echo $(($(date +%s) / 18000))"},
};

static void what_the_unit_s_settings_were_they_are_after_each_fault(void **state)
{
    (void)state;
    need_node();
    long pid = main_pid();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char first[256];
        host_shell_run(&shell, limits[i].see, first, sizeof first);
        inject(limits[i].fault, json_loads(limits[i].options, 0, NULL));
        /* A thread that sleeps where no stop reaches it is paused as it wakes. */
        for (int try = 0; try < 300 && (try == 0 || strcmp(first, output) == 0); try++) {
            host_shell_run(&shell, limits[i].see, output, sizeof output);
            rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
        }
        if (strcmp(first, output) == 0)
            fail_msg("%s: %s all the time", limits[i].fault, first);
        heal();
        host_shell_run(&shell, limits[i].see, output, sizeof output);
        bool is_default = strstr(first, "No such file") && strcmp(output, "max 100000") == 0;
        if (strcmp(first, output) != 0 && !is_default)
            fail_msg("%s: %s, and then %s", limits[i].fault, first, output);
    }
    assert_int_equal(main_pid(), pid);
}

static void a_limit_holds_while_systemd_starts_units_and_the_unit_anew(void **state)
{
    (void)state;
    need_node();
    static const char *const acts[] = {"true",
                                       "systemctl daemon-reload",
                                       "systemctl daemon-reexec",
                                       "systemd-run -q --wait true",
                                       "systemctl restart ssh",
                                       "systemctl restart systemd-logind",
                                       "systemctl restart toy"};
    inject("cpu", json_pack("{s:f}", "percent", 50.0));
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        on_host(acts[i]);
        wait_on_host("grep -q '^50000 ' /sys/fs/cgroup/system.slice/toy.service/cpu.max");
    }
    heal();
    wait_on_host("! grep -v max /sys/fs/cgroup/system.slice/toy.service/cpu.max 2>/dev/null");
}

static void a_unit_that_systemd_stops_under_a_fault_has_none_when_it_is_started(void **state)
{
    (void)state;
    need_node();
    inject("pid-limit", json_pack("{s:i}", "leave", 0));
    on_host("systemctl isolate default.target; systemctl is-active toy.service || true");
    assert_string_equal(output, "inactive");
    heal();
    wait_on_host("systemctl -q is-active toy.service");
    on_host("cat /sys/fs/cgroup/system.slice/toy.service/pids.max");
    assert_string_equal(output, "33");
}

/* The unit's own control group is gone with the kill, and counts from 0 when systemd has started
 * the unit again. */
static void a_kill_for_want_of_memory_is_seen(void **state)
{
    (void)state;
    need_node();
    static const char *const options[] = {"{\"percent_of_use\": 20}", "{}"};
    static const char *const faults[] = {"memory", "oom-kill"};
    for (size_t i = 0; i < 2; i++) {
        long pid = main_pid();
        inject(faults[i], json_loads(options[i], 0, NULL));
        wait_until_observed(faults[i]);
        heal();
        wait_for_another(pid);
        on_host("cat /sys/fs/cgroup/system.slice/toy.service/memory.max");
        assert_string_equal(output, "104857600");
    }
}

static void a_paused_unit_is_killed_by_its_watchdog_and_started_again(void **state)
{
    (void)state;
    need_node();
    on_host("mkdir -p /run/systemd/system/toy.service.d; printf '[Service]\\nWatchdogSec=1\\n' "
            ">/run/systemd/system/toy.service.d/w.conf; systemctl daemon-reload; "
            "systemctl restart toy.service");
    long pid = main_pid();
    inject("pause", json_object());
    wait_on_host("journalctl -q -u toy.service | grep -q 'Watchdog timeout'");
    wait_until_observed("pause");
    heal();
    wait_for_another(pid);
    on_host("rm -r /run/systemd/system/toy.service.d; systemctl daemon-reload; "
            "systemctl restart toy.service");
}

static void a_wipe_takes_the_data_alone_while_systemd_has_stopped_the_unit(void **state)
{
    (void)state;
    need_node();
    json_decref(call("system.stop", json_object()));
    on_host("systemctl is-active toy.service; touch /run/toy/data/more");
    assert_string_equal(output, "inactive");
    json_decref(call("system.wipe", json_object()));
    on_host("ls /run/toy /run/toy/data");
    assert_string_equal(output, "/run/toy:\nconf\ndata\n\n/run/toy/data:");
    json_decref(call("system.start", json_object()));
    on_host("systemctl is-active toy.service; touch /run/toy/data/old");
    assert_string_equal(output, "active");
    leave_node();
    assert_as_before();
}

static void a_run_leaves_a_unit_as_it_was(void **state)
{
    (void)state;
    case_need_lab();
    leave_node();
    CLEANUP(rift_free) char *here = realpath("clients/stdio/example_register.py", NULL);
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s && mkdir -p store && %s run config.yaml --runs runs --quiet --set time_limit_s=13 "
        "--set recovery_s=1 --set 'client.command=[python3, %s, store]' --set 'faults=[{kill: one, "
        "start_s: 0.5, for_s: 1, every_s: 60}, {cpu: {targets: one, percent: 1}, start_s: 5, "
        "for_s: 3, every_s: 60}, {restart: {wait_s: 0}, start_s: 9, for_s: 4, every_s: 60}]' 2>&1",
        case_scratch, test_rift_binary(), here);
    long pid = main_pid();
    int code = test_run(script, output, sizeof output);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    assert_true(main_pid() != pid);
    wait_on_host("journalctl -q -o cat -u toy.service | grep -q '^Stopping toy.service'");
    assert_as_before();
}

/* Runs `rift fault` until it says how long the fault is left; its pid. */
static pid_t begin_fault_by(const char *config, const char *words)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s; : >log; %s fault %s --for 60s --config %s >log 2>&1 & pid=$!; "
        "for i in $(seq 600); do grep -q left log && break; sleep 0.1; done; echo $pid; "
        "grep -q left log || cat log",
        case_scratch, test_rift_binary(), words, config);
    test_run(script, output, sizeof output);
    char *end;
    long pid = strtol(output, &end, 10);
    if (*end || pid <= 1)
        fail_msg("%s: %s", words, output);
    return (pid_t)pid;
}

static pid_t begin_fault(const char *words)
{
    return begin_fault_by("config.yaml", words);
}

static void a_unit_is_started_again_though_controller_and_agent_died(void **state)
{
    (void)state;
    case_need_lab();
    leave_node();
    on_host("mkdir -p /run/systemd/system/toy.service.d; printf '[Service]\\nRestart=no\\n' "
            ">/run/systemd/system/toy.service.d/r.conf; systemctl daemon-reload");
    static const char *const faults[] = {"kill --on '[n1]'",
                                         "memory --on '[n1]' --set percent_of_use=20"};
    for (size_t i = 0; i < 2; i++) {
        pid_t rift = begin_fault(faults[i]);
        wait_on_host("! systemctl -q is-active toy.service");
        kill(rift, SIGKILL);
        on_host("pkill -9 '^rift-agent'; true");
        wait_on_host("systemctl -q is-active toy.service");
    }
    on_host("rm -r /run/systemd/system/toy.service.d; systemctl daemon-reload");
}

/* The scope of the login that the agent came by, killed whole as logind and systemd-oomd do, and
 * nobody who could come anew. */
static void a_login_s_end_does_not_leave_a_limit_behind(void **state)
{
    (void)state;
    case_need_lab();
    leave_node();
    pid_t rift = begin_fault("pid-limit --on '[n1]'");
    kill(rift, SIGSTOP);
    on_host("grep -v 33 /sys/fs/cgroup/system.slice/toy.service/pids.max");
    on_host("login=$(awk '/^PPid/ {print $2}' /proc/$(pgrep '^rift-guardian')/status); "
            "scope=/sys/fs/cgroup$(sed 's/^0:://' /proc/$login/cgroup); echo $scope; "
            "case $scope in */session-*.scope) echo 1 >$scope/cgroup.kill;; *) exit 1;; esac; "
            "for i in $(seq 300); do [ -e /proc/$login ] || exit 0; sleep 0.1; done; exit 1");
    wait_on_host("grep -q 33 /sys/fs/cgroup/system.slice/toy.service/pids.max");
    kill(rift, SIGKILL);
}

/* logind does so at the end of each login but root's, where it is told to. */
static void what_logind_ends_with_a_login_leaves_no_limit_behind(void **state)
{
    (void)state;
    case_need_lab();
    leave_node();
    on_host("mkdir -p /run/systemd/logind.conf.d; printf '[Login]\\nKillUserProcesses=yes\\n' "
            ">/run/systemd/logind.conf.d/k.conf; systemctl restart systemd-logind; "
            "useradd -m -s /bin/bash somebody; cp -r /root/.ssh /home/somebody; "
            "chown -R somebody /home/somebody/.ssh; "
            "echo 'somebody ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/somebody");
    write_config("config2.yaml", "somebody");
    pid_t rift = begin_fault_by("config2.yaml", "pid-limit --on '[n1]'");
    on_host("grep -v 33 /sys/fs/cgroup/system.slice/toy.service/pids.max");
    on_host("cd /sys/fs/cgroup/user.slice/user-$(id -u somebody).slice/session-*.scope; "
            "sleep 77 >/dev/null 2>&1 & echo $! >cgroup.procs && echo $! >/run/sleeper");
    kill(rift, SIGKILL);
    wait_on_host("! [ -e /proc/$(cat /run/sleeper) ]");
    wait_on_host("grep -q 33 /sys/fs/cgroup/system.slice/toy.service/pids.max");
    on_host("rm -r /run/sleeper /run/systemd/logind.conf.d /etc/sudoers.d/somebody; "
            "systemctl restart systemd-logind");
    assert_as_before();
}

static void a_heal_after_all_have_died_leaves_nothing(void **state)
{
    (void)state;
    case_need_lab();
    leave_node();
    pid_t rift = begin_fault("pid-limit --on '[n1]'");
    kill(rift, SIGKILL);
    on_host("pkill -9 '^rift-guardian'; pkill -9 '^rift-agent'; true");
    wait_on_host("grep -q 33 /sys/fs/cgroup/system.slice/toy.service/pids.max");
    CLEANUP(rift_free)
    char *script =
        rift_printf("cd %s && %s heal config.yaml 2>&1", case_scratch, test_rift_binary());
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    assert_as_before();
}

struct hard_fault {
    const char *fault, *options;
};

static const struct hard_fault hard_faults[] = {
    {"pause", "{}"},
    {"pause", "{\"by\": \"freezer\"}"},
    {"pause", "{\"by\": \"sigstop\"}"},
    {"cpu", "{\"percent\": 2}"},
    {"pid-limit", "{\"leave\": -1}"}, /* one may just have been started */
    {"fd-limit", "{\"leave\": 0}"},
    {"oom-kill", "{}"},
    {"kill", "{\"signal\": \"TERM\"}"},
};

/* As its owner has it, with both processes where they belong. */
static void wait_for_hard(const char *fault, const char *first)
{
    static char now[TEXT_SIZE];
    for (int try = 0; try < WAIT_S * 10; try++) {
        host_shell_run(&shell, look_hard, now, sizeof now);
        if (strcmp(now, first) == 0)
            return;
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
    }
    fail_msg("after %s: %s\nand before: %s", fault, now, first);
}

static void a_unit_with_limits_and_groups_of_its_own_has_them_after_each_fault(void **state)
{
    (void)state;
    static char first[TEXT_SIZE];
    struct rift_error err = {0};
    case_need_lab();
    leave_node();
    on_host(set_up_hard);
    wait_on_host(
        "[ $(grep -c . /sys/fs/cgroup/owners.slice/hard.service/child/cgroup.procs) = 1 ]");
    host_shell_run(&shell, look_hard, first, sizeof first);
    open_node("hard.service", "/var/lib/hard");
    for (size_t i = 0; i < sizeof hard_faults / sizeof *hard_faults; i++) {
        inject(hard_faults[i].fault, json_loads(hard_faults[i].options, 0, NULL));
        wait_until_observed(hard_faults[i].fault);
        heal();
        wait_for_hard(hard_faults[i].fault, first);
    }
    /* What would loosen the owner's limit is refused. */
    json_t *args =
        json_pack("{s:s, s:s, s:{s:i}}", "id", "w0", "fault", "cpu", "options", "percent", 60);
    assert_int_equal(rift_node_call(node, "inject", args, CALL_MS, NULL, &err), -1);
    assert_non_null(strstr(err.text, "no tighter than the limit that the system has"));
    json_decref(args);
    heal();
    wait_for_hard("a cpu that is refused", first);
    /* The data lie behind a link, which stays. */
    json_decref(call("system.stop", json_object()));
    json_decref(call("system.wipe", json_object()));
    on_host("readlink /var/lib/hard; ls -A /var/lib/hard/");
    assert_string_equal(output, "private/hard");
    json_decref(call("system.start", json_object()));
    wait_for_hard("a wipe", first);
    leave_node();
}

#define CASE(test) cmocka_unit_test_teardown(test, tidy_up)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(systemd_starts_a_killed_unit_and_rift_starts_nothing),
        CASE(what_the_unit_s_settings_were_they_are_after_each_fault),
        CASE(a_limit_holds_while_systemd_starts_units_and_the_unit_anew),
        CASE(a_unit_that_systemd_stops_under_a_fault_has_none_when_it_is_started),
        CASE(a_kill_for_want_of_memory_is_seen),
        CASE(a_paused_unit_is_killed_by_its_watchdog_and_started_again),
        CASE(a_wipe_takes_the_data_alone_while_systemd_has_stopped_the_unit),
        CASE(a_run_leaves_a_unit_as_it_was),
        CASE(a_unit_is_started_again_though_controller_and_agent_died),
        CASE(a_login_s_end_does_not_leave_a_limit_behind),
        CASE(what_logind_ends_with_a_login_leaves_no_limit_behind),
        CASE(a_heal_after_all_have_died_leaves_nothing),
        CASE(a_unit_with_limits_and_groups_of_its_own_has_them_after_each_fault), /* the last */
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, up, down);
}

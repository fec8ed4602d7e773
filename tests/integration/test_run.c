/* Whole runs of the rift program against a real etcd on lab hosts: what it convicts, what it does
 * not, what it calls unknown, and what it says when something is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/command.h"
#include "tests/lib/lab_case.h"

enum { OUTPUT_SIZE = 1 << 16, HOSTS = 3, LAB_UP_MS = 120000 };

static char output[OUTPUT_SIZE]; /* of the last run, both streams */

static int up(void **state)
{
    (void)state;
    static const char *const packages[] = {"etcd-server", NULL};
    return case_up("run", HOSTS, packages);
}

/* Runs `prefix rift run config --runs case_scratch/runs arguments` and returns its exit code. */
static int run_rift(const char *prefix, const char *config, const char *arguments)
{
    CLEANUP(rift_free)
    char *script = rift_printf("%s %s run %s --runs %s/runs %s", prefix, test_rift_binary(), config,
                               case_scratch, arguments);
    int code = test_run(script, output, sizeof output);
    print_message("%s\n-> %d\n", script, code);
    return code;
}

/* The same on the hosts of the lab. */
static int run_lab(const char *config, const char *arguments)
{
    CLEANUP(rift_free)
    char *all = rift_printf("--set nodes.name=%s --set nodes.count=%d %s", test_lab_name("run"),
                            HOSTS, arguments);
    return run_rift("", config, all);
}

/* One line beyond those that tell the phases, and no line of a crash. */
static void assert_one_clear_line(const char *words)
{
    assert_says(output, words);
    assert_null(strstr(output, "Sanitizer"));
    assert_null(strstr(output, "Assertion"));
}

static json_t *latest_verdicts(void)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/runs/latest/verdicts.json", case_scratch);
    json_t *verdicts = json_load_file(path, 0, NULL);
    if (!verdicts)
        fail_msg("there is no %s; it said:\n%s", path, output);
    return verdicts;
}

static const json_t *checker(const json_t *verdicts, const char *name)
{
    const json_t *verdict = json_object_get(json_object_get(verdicts, "checkers"), name);
    assert_non_null(verdict);
    return verdict;
}

static json_int_t evidence(const json_t *verdicts, const char *name)
{
    return json_integer_value(
        json_object_get(json_object_get(checker(verdicts, "evidence"), "stats"), name));
}

static void assert_exists(const char *name, bool is_wanted)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/runs/latest/%s", case_scratch, name);
    if ((access(path, F_OK) == 0) != is_wanted)
        fail_msg("%s %s; it said:\n%s", path, is_wanted ? "is missing" : "is there", output);
}

/* Asked of the kernel and not of the agent. */
static void assert_hosts_are_whole(void)
{
    char found[1024];
    for (size_t i = 0; i < HOSTS; i++) {
        test_host_run(&case_hosts[i], "tc qdisc show dev eth0 | grep clsact; pgrep -x etcd; true",
                      found, sizeof found);
        if (found[0] != '\0')
            fail_msg("%s is not whole: %s", case_hosts[i].name, found);
    }
}

static void a_correct_system_is_valid_and_every_fault_was_observed(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-register.yaml",
                       "--seed 4 --set time_limit_s=18 --set recovery_s=9 "
                       "--set faults.0.every_s=6 --set 'faults.0.for_s=[2, 3]' "
                       "--set faults.1.every_s=8 --set faults.1.for_s=2");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    json_t *verdicts = latest_verdicts();
    assert_true(json_is_true(json_object_get(verdicts, "valid")));
    assert_true(json_is_true(json_object_get(checker(verdicts, "linearizable"), "valid")));
    assert_true(evidence(verdicts, "fault_windows") >= 2);
    assert_int_equal(evidence(verdicts, "fault_windows_observed"),
                     evidence(verdicts, "fault_windows"));
    const json_t *stats = json_object_get(checker(verdicts, "performance"), "stats");
    assert_true(json_is_real(json_object_get(stats, "recovery_s")));
    json_decref(verdicts);
    assert_exists("report.html", true);
    assert_exists("plan.yaml", true);
    assert_exists("nodes/n1/etcd.log", true);
    assert_hosts_are_whole();
}

static void local_reads_are_convicted_of_stale_reads(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-stale.yaml",
                       "--seed 2 --set time_limit_s=16 --set recovery_s=1 "
                       "--set faults.0.partition=isolate-primary --set faults.0.every_s=7");
    assert_exit_code(code, RIFT_EXIT_INVALID, output);
    assert_says(output, "stale read");
    json_t *verdicts = latest_verdicts();
    const json_t *anomalies = json_object_get(checker(verdicts, "linearizable"), "anomalies");
    assert_true(json_array_size(anomalies) > 0);
    /* The small set that proves it is small. */
    assert_in_range(json_array_size(json_object_get(json_array_get(anomalies, 0), "ops")), 2, 8);
    json_decref(verdicts);
}

/* People certify their build: the hash is sha256sum's, not ours. */
static void the_hash_of_an_artifact_stands_in_the_history(void **state)
{
    (void)state;
    case_need_lab();
    char sum[128];
    CLEANUP(rift_free)
    char *copy = rift_printf("cp /proc/%d/root/usr/bin/etcd %s/my-etcd && sha256sum %s/my-etcd | "
                             "cut -d' ' -f1",
                             (int)case_hosts[0].init_pid, case_scratch, case_scratch);
    assert_int_equal(test_run(copy, sum, sizeof sum), 0);
    CLEANUP(rift_free)
    char *arguments = rift_printf("--set time_limit_s=4 --set recovery_s=1 --set 'faults=[]' "
                                  "--set system.artifacts.etcd=%s/my-etcd",
                                  case_scratch);
    assert_exit_code(run_lab("configs/etcd-register.yaml", arguments), RIFT_EXIT_VALID, output);
    CLEANUP(rift_free)
    char *find = rift_printf("%s convert %s/runs/latest --format jsonl | grep -q %s",
                             test_rift_binary(), case_scratch, sum);
    assert_int_equal(test_run(find, NULL, 0), 0);
}

/* When the last operation of a client began, as the exported history tells it. */
static double last_invocation_s(void)
{
    char number[64];
    CLEANUP(rift_free)
    char *script =
        rift_printf("%s convert %s/runs/latest --format jsonl | grep -v nemesis | "
                    "grep '\"invoke\"' | tail -1 | sed 's/.*\"time\":\\([0-9]*\\).*/\\1/'",
                    test_rift_binary(), case_scratch);
    assert_int_equal(test_run(script, number, sizeof number), 0);
    return strtod(number, NULL) / 1e9;
}

/* A quiet machine takes 0.2 s. A busy one, where it took 2.2 s, is given more; a run that does not
 * watch goes on for half a minute. */
static void a_run_that_watches_ends_soon_after_the_violation(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-stale.yaml",
                       "--seed 2 --set time_limit_s=40 --set recovery_s=1 --set stop_on=violation "
                       "--set faults.0.partition=isolate-primary --set faults.0.every_s=7");
    assert_exit_code(code, RIFT_EXIT_INVALID, output);
    assert_says(output, "the run ended early: a violation");
    json_t *verdicts = latest_verdicts();
    double last_s = last_invocation_s(), first_s = last_s + 100;
    size_t i;
    json_t *anomaly;
    json_array_foreach(json_object_get(checker(verdicts, "linearizable"), "anomalies"), i, anomaly)
    {
        double at_s = json_number_value(json_object_get(anomaly, "time_ns")) / 1e9;
        first_s = at_s < first_s ? at_s : first_s;
    }
    if (last_s < first_s - 1 || last_s > first_s + 8)
        fail_msg("broken at %.3f s, the last operation began at %.3f s", first_s, last_s);
    json_decref(verdicts);
}

/* Only n2's processes are shown another time, and only while the fault is on. */
static void a_bent_clock_stands_in_the_history(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-register.yaml",
                       "--set time_limit_s=8 --set recovery_s=1 --set 'checkers=[clock: {max_ms: "
                       "1000}]' --set 'faults=[{clock: {targets: [n2], of: process, offset_ms: "
                       "3600000}, start_s: 2, every_s: 20, for_s: 3}]'");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    json_t *verdicts = latest_verdicts();
    const json_t *nodes =
        json_object_get(json_object_get(checker(verdicts, "clock"), "stats"), "nodes");
    for (size_t i = 0; i < HOSTS; i++)
        assert_non_null(json_object_get(nodes, case_hosts[i].name));
    const json_t *bent = json_object_get(nodes, "n2, as the system sees it");
    assert_int_equal(json_object_size(nodes), HOSTS + 1);
    const json_t *worst = json_object_get(bent, "worst_in_clock_faults");
    double ahead_ms = json_number_value(json_object_get(worst, "ahead_ms"));
    double error_ms = json_number_value(json_object_get(worst, "error_ms"));
    if (ahead_ms < 3600000 - error_ms || ahead_ms > 3600000 + error_ms)
        fail_msg("n2 was %.3f ms ahead, give or take %.3f ms", ahead_ms, error_ms);
    assert_true(json_is_null(json_object_get(bent, "worst")));
    json_decref(verdicts);
}

static void a_cut_where_no_peer_traffic_passes_is_unknown(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-register.yaml",
                       "--set time_limit_s=6 --set recovery_s=1 --set "
                       "'faults=[{partition: {kinds: halves, interfaces: [lo]}, every_s: 4, for_s: "
                       "2, start_s: 1}]'");
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    assert_says(output, "was not observed");
    assert_says(output, "heard by another interface, no drops yet on that which is cut");
    json_t *verdicts = latest_verdicts();
    assert_int_equal(evidence(verdicts, "fault_windows_observed"), 0);
    assert_true(json_is_true(json_object_get(checker(verdicts, "linearizable"), "valid")));
    json_decref(verdicts);
}

static void an_interface_that_does_not_exist_is_refused_before_the_run(void **state)
{
    (void)state;
    case_need_lab();
    int code =
        run_lab("configs/etcd-register.yaml",
                "--set time_limit_s=6 --set 'faults=[{partition: {kinds: halves, interfaces: "
                "[eth7]}, every_s: 4, for_s: 2, start_s: 1}]'");
    assert_int_equal(code, RIFT_EXIT_USAGE);
    assert_one_clear_line("n1 cannot do partition");
    assert_says(output, "eth7");
    assert_exists("history.rift", false);
}

static const char failing_client[] =
    "import json, sys\n"
    "for line in sys.stdin:\n"
    "    message = json.loads(line)\n"
    "    kind = 'ok' if message['op'] == 'open' else 'fail'\n"
    "    print(json.dumps({'id': message['id'], 'type': kind, 'error': 'always'}), flush=True)\n";

static void a_client_that_always_fails_is_unknown(void **state)
{
    (void)state;
    case_need_lab();
    case_write_file("failing.py", failing_client);
    CLEANUP(rift_free)
    char *arguments =
        rift_printf("--set 'client={name: stdio, command: [python3, %s/failing.py]}' --set "
                    "system=none --set 'faults=[]' --set time_limit_s=2 --set recovery_s=0",
                    case_scratch);
    int code = run_lab("configs/etcd-register.yaml", arguments);
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    assert_says(output, "no read ever succeeded");
}

static void any_program_can_be_the_client_of_a_run(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free)
    char *arguments = rift_printf(
        "--set 'client={name: stdio, command: [python3, clients/stdio/example_register.py, "
        "%s/store]}' --set system=none --set 'faults=[]' --set time_limit_s=3 --set recovery_s=0",
        case_scratch);
    int code = run_lab("configs/etcd-register.yaml", arguments);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    /* Its plan is run again by a name that means another run from then on. */
    CLEANUP(rift_free) char *plan = rift_printf("%s/runs/latest/plan.yaml", case_scratch);
    CLEANUP(rift_free) char *folder = realpath(plan, NULL);
    assert_exit_code(run_lab(plan, "--set \"workload={name: 'register'}\""), RIFT_EXIT_VALID,
                     output);
    CLEANUP(rift_free) char *repeat = rift_printf("repeat   rift run %s", folder);
    assert_says(output, repeat);
    assert_says(output, "--set 'workload={name: '\\''register'\\''}'");
    /* Whoever changes it afterwards is told so by each check. */
    CLEANUP(rift_free)
    char *check = rift_printf("%s check %s/runs/latest", test_rift_binary(), case_scratch);
    assert_exit_code(test_run(check, output, sizeof output), RIFT_EXIT_VALID, output);
    assert_null(strstr(output, "not the one of the run"));
    CLEANUP(rift_free) char *changed = rift_printf("echo >>%s; %s", plan, check);
    assert_exit_code(test_run(changed, output, sizeof output), RIFT_EXIT_VALID, output);
    assert_says(output, "judged by a plan.yaml that is not the one of the run");
}

/* Compares as multisets: which of two operations due within a millisecond is sent first is an
 * outcome, and so is where the time limit cuts the stream off, among the last that were due. */
static const char compare_with_schedule[] =
    "import json, sys\n"
    "from collections import Counter\n"
    "asked, planned = [], []\n"
    "for line in open(sys.argv[1]):\n"
    "    op = json.loads(line)\n"
    "    if op['type'] == 'invoke' and op['process'] != ':nemesis':\n"
    "        asked.append('%s %s %s' % (op['f'], op['key'], op['value']))\n"
    "for line in open(sys.argv[2]):\n"
    "    words = line.split()\n"
    "    if words[0] == 'main' and words[2] == 'op':\n"
    "        planned.append(' '.join([words[3]] + words[5:]).replace('nil', 'None'))\n"
    "print(len(asked), 'asked,', len(planned), 'planned')\n"
    "extra, missing = Counter(asked) - Counter(planned), Counter(planned) - Counter(asked)\n"
    "last = Counter(planned[-(sum(missing.values()) + 6):])\n"
    "print('not planned:', *extra, '; not asked, though early:', *(missing - last))\n"
    "sys.exit(len(asked) < 100 or bool(extra) or bool(missing - last))\n";

static void a_run_asks_exactly_what_its_seed_fixed(void **state)
{
    (void)state;
    case_need_lab();
    static const char arguments[] = "--seed 77 --set time_limit_s=3 --set recovery_s=0 --set "
                                    "'faults=[]' --set workload.rate_hz=90";
    int code = run_lab("configs/etcd-register.yaml", arguments);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    case_write_file("compare.py", compare_with_schedule);
    CLEANUP(rift_free)
    char *script = rift_printf(
        "%s convert %s/runs/latest %s/history.jsonl && %s run configs/etcd-register.yaml --dry-run "
        "--schedule --set nodes.count=%d %s > %s/schedule && python3 %s/compare.py "
        "%s/history.jsonl %s/schedule",
        test_rift_binary(), case_scratch, case_scratch, test_rift_binary(), HOSTS, arguments,
        case_scratch, case_scratch, case_scratch, case_scratch);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
}

static void an_interrupted_run_is_healed_saved_and_judged(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free)
    char *script = rift_printf(
        "rm -f %s/runs/latest; "
        "%s run configs/etcd-register.yaml --runs %s/runs --set nodes.name=%s --set nodes.count=%d "
        "--set 'faults=[{partition: halves, every_s: 60, for_s: 50, start_s: 0}]' "
        "--set time_limit_s=60 & pid=$!; "
        "for i in $(seq 1200); do grep -qs 'start-partition' %s/runs/latest/rift.log && break; "
        "sleep 0.1; done; sleep 1; kill -INT $pid; wait $pid",
        case_scratch, test_rift_binary(), case_scratch, test_lab_name("run"), HOSTS, case_scratch);
    int code = test_run(script, output, sizeof output);
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    assert_says(output, "the run ended early: stopped by the user");
    assert_hosts_are_whole();
    assert_exists("report.html", true);
}

static void a_run_that_was_killed_is_judged_as_far_as_it_reached(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free)
    char *script = rift_printf(
        "rm -f %s/runs/latest; "
        "%s run configs/etcd-register.yaml --runs %s/runs --set nodes.name=%s --set nodes.count=%d "
        "--set 'faults=[{partition: halves, every_s: 60, for_s: 50, start_s: 0}]' --set lease_s=2 "
        "--set time_limit_s=60 & pid=$!; "
        "for i in $(seq 1200); do grep -qs 'start-partition' %s/runs/latest/rift.log && break; "
        "sleep 0.1; done; sleep 1; kill -9 $pid; wait $pid; sleep 3",
        case_scratch, test_rift_binary(), case_scratch, test_lab_name("run"), HOSTS, case_scratch);
    test_run(script, output, sizeof output);
    assert_exists("verdicts.json", false);
    CLEANUP(rift_free)
    char *check = rift_printf("%s check %s/runs/latest", test_rift_binary(), case_scratch);
    int code = test_run(check, output, sizeof output);
    assert_exit_code(code, RIFT_EXIT_UNKNOWN, output);
    json_t *verdicts = latest_verdicts();
    assert_true(json_is_true(json_object_get(checker(verdicts, "linearizable"), "valid")));
    json_decref(verdicts);
    /* The next run finds a system that still runs, and begins anew. */
    code = run_lab("configs/etcd-register.yaml",
                   "--set time_limit_s=5 --set recovery_s=0 --set 'faults=[]'");
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    assert_hosts_are_whole();
}

static void a_full_disk_ends_the_run_and_costs_no_verdict(void **state)
{
    (void)state;
    case_need_lab();
    /* A file system of its own, in a mount namespace of its own: 1 MiB, most of it taken. */
    CLEANUP(rift_free)
    char *script = rift_printf(
        "mkdir -p %s/small && unshare -m --propagation private bash -c 'mount -t tmpfs -o size=1m "
        "none "
        "%s/small && head -c 950000 /dev/zero > %s/small/ballast && exec %s run "
        "configs/etcd-register.yaml --runs %s/small --set nodes.name=%s --set nodes.count=%d --set "
        "workload.rate_hz=0 --set time_limit_s=600 --set faults=[]'",
        case_scratch, case_scratch, case_scratch, test_rift_binary(), case_scratch,
        test_lab_name("run"), HOSTS);
    int64_t start_ns = rift_clock_now();
    int code = test_run(script, output, sizeof output);
    assert_exit_code(code, RIFT_EXIT_HARNESS, output);
    /* The plan is for 600 s of operations. */
    assert_true(rift_clock_now() - start_ns < 500 * RIFT_SECOND);
    assert_one_clear_line("No space left on device");
    assert_says(output, "unknown");
    assert_hosts_are_whole();
}

static void a_port_that_is_taken_is_named(void **state)
{
    (void)state;
    case_need_lab();
    const char *const listen =
        "setsid python3 -c \"import socket,time; s=socket.socket(); "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0', 2379)); "
        "s.listen(1); time.sleep(60)\" >/dev/null 2>&1 & echo $! > /tmp/listener; "
        "until (: </dev/tcp/127.0.0.1/2379) 2>/dev/null; do sleep 0.05; done";
    test_host_run(&case_hosts[1], listen, NULL, 0);
    int code = run_lab("configs/etcd-register.yaml", "--set deadlines.start_s=10");
    test_host_run(&case_hosts[1], "kill $(cat /tmp/listener); rm /tmp/listener", NULL, 0);
    assert_exit_code(code, RIFT_EXIT_HARNESS, output);
    assert_one_clear_line("n2: ");
    assert_says(output, "address already in use");
    assert_hosts_are_whole();
}

static void a_system_that_is_not_there_is_named(void **state)
{
    (void)state;
    case_need_lab();
    int code = run_lab("configs/etcd-register.yaml",
                       "--set 'system={recipe: etcd, artifacts: {etcd: /no/such/etcd}}'");
    assert_int_equal(code, RIFT_EXIT_USAGE);
    assert_one_clear_line("/no/such/etcd");
}

static int run_host(const char *address, const char *key)
{
    CLEANUP(rift_free)
    char *config = rift_printf("name: errors\n"
                               "ssh: {user: root, key: %s, known_hosts: %s}\n"
                               "nodes: [{name: n1, address: %s}]\n"
                               "system: none\n"
                               "client: etcd\n"
                               "workload: {name: register}\n"
                               "deadlines: {connect_s: 3}\n"
                               "time_limit_s: 5\n",
                               key, case_hosts[0].known_hosts_file, address);
    case_write_file("errors.yaml", config);
    CLEANUP(rift_free) char *path = rift_printf("%s/errors.yaml", case_scratch);
    return run_rift("", path, "");
}

static void hosts_that_cannot_be_reached_are_named(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free)
    char *nobody =
        rift_printf("%.*s.200", (int)(strrchr(case_hosts[0].address, '.') - case_hosts[0].address),
                    case_hosts[0].address);
    assert_int_equal(run_host(nobody, case_hosts[0].key_file), RIFT_EXIT_HARNESS);
    assert_one_clear_line(nobody);
    CLEANUP(rift_free)
    char *make_key = rift_printf("ssh-keygen -q -t ed25519 -N '' -f %s/wrong", case_scratch);
    assert_int_equal(test_run(make_key, NULL, 0), 0);
    CLEANUP(rift_free) char *wrong = rift_printf("%s/wrong", case_scratch);
    assert_int_equal(run_host(case_hosts[0].address, wrong), RIFT_EXIT_HARNESS);
    assert_one_clear_line("refuses the key");
    assert_int_equal(run_host("no-such-host.invalid", case_hosts[0].key_file), RIFT_EXIT_HARNESS);
    assert_one_clear_line("no-such-host.invalid");
}

static void configurations_that_are_wrong_are_refused_with_their_place(void **state)
{
    (void)state;
    case_need_lab();
    assert_int_equal(run_rift("", "no-such-file.yaml", ""), RIFT_EXIT_USAGE);
    assert_one_clear_line("no-such-file.yaml");
    case_write_file("bad.yaml", "name: [\n");
    CLEANUP(rift_free) char *bad = rift_printf("%s/bad.yaml", case_scratch);
    assert_int_equal(run_rift("", bad, ""), RIFT_EXIT_USAGE);
    assert_one_clear_line("bad.yaml:2:1");
    case_write_file("idle.yaml", "nodes: {lab: netns}\n");
    CLEANUP(rift_free) char *idle = rift_printf("%s/idle.yaml", case_scratch);
    assert_int_equal(run_rift("", idle, ""), RIFT_EXIT_USAGE);
    assert_one_clear_line("idle.yaml: 'workload' is missing");
    case_write_file("key.yaml",
                    "name: x\nnodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, "
                    "kyes: 3}\n");
    CLEANUP(rift_free) char *key = rift_printf("%s/key.yaml", case_scratch);
    assert_int_equal(run_rift("", key, ""), RIFT_EXIT_USAGE);
    assert_one_clear_line("key.yaml:4:");
    assert_says(output, "did you mean 'keys'?");
    assert_int_equal(run_rift("", "configs/etcd-register.yaml", "--sead 3"), RIFT_EXIT_USAGE);
    assert_one_clear_line("--sead");
}

int main(int argc, char **argv)
{
    /* These take minutes; one is enough while it is worked on. */
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_that_are_wrong_are_refused_with_their_place),
        cmocka_unit_test(hosts_that_cannot_be_reached_are_named),
        cmocka_unit_test(a_system_that_is_not_there_is_named),
        cmocka_unit_test(a_port_that_is_taken_is_named),
        cmocka_unit_test(an_interface_that_does_not_exist_is_refused_before_the_run),
        cmocka_unit_test(a_client_that_always_fails_is_unknown),
        cmocka_unit_test(any_program_can_be_the_client_of_a_run),
        cmocka_unit_test(a_run_asks_exactly_what_its_seed_fixed),
        cmocka_unit_test(an_interrupted_run_is_healed_saved_and_judged),
        cmocka_unit_test(a_run_that_was_killed_is_judged_as_far_as_it_reached),
        cmocka_unit_test(a_full_disk_ends_the_run_and_costs_no_verdict),
        cmocka_unit_test(a_bent_clock_stands_in_the_history),
        cmocka_unit_test(a_cut_where_no_peer_traffic_passes_is_unknown),
        cmocka_unit_test(local_reads_are_convicted_of_stale_reads),
        cmocka_unit_test(a_run_that_watches_ends_soon_after_the_violation),
        cmocka_unit_test(the_hash_of_an_artifact_stands_in_the_history),
        cmocka_unit_test(a_correct_system_is_valid_and_every_fault_was_observed),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

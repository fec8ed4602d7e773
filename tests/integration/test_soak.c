/* Many random faults, one over the other in a dozen lanes, while agents, guardians and the
 * controller are killed at random moments; then, whatever happened, the nodes are as they were, and
 * every history can be read.
 *
 * A part is one `rift run` on five hosts with a toy system that writes down its clock. Its client
 * looks from this machine whether that system runs and its clock is right, so the last operations
 * of a part that was not killed tell whether the run left its nodes whole; after one that was, a
 * run without faults does. RIFT_LONG=1 makes it 1000 faults; the seed fixes them, not what comes of
 * them. */
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
#include "common/rng.h"
#include "common/text.h"
#include "control/cli/command.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/net_probe.h"
#include "tests/lib/node_remains.h"

enum { HOSTS = 5, PAIRS = HOSTS * (HOSTS - 1), SEED = 11, PARTS_MAX = 60 };
enum { FAULTS = 40, FAULTS_LONG = 1000, OUTPUT_SIZE = 1 << 16 };
enum { PROBE_PORT = 7799, BEGIN_MS = 60000, RUN_MS = 150000, PASS_MS = 5000 };

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static struct net_probe probe;
static char scratch[] = "/tmp/rift-test-soak-XXXXXX";
static char before[HOSTS][NODE_STATE_SIZE], after[NODE_STATE_SIZE], output[OUTPUT_SIZE];

static const char recipe[] =
    "name: toy\n"
    "summary: writes down its clock\n"
    "client: stdio\n"
    "ports: {beat: 7799}\n"
    "data_folders: [/var/lib/rift-system/toy]\n"
    "processes:\n"
    "  - name: toy\n"
    "    command: [/bin/bash, -c, \"cd /var/lib/rift-system/toy; exec {w}<> <(:); while :; do echo "
    "$$EPOCHREALTIME > beat; read -t 0.05 -u $$w; done\"]\n"
    "    ready: {command: [test, -s, /var/lib/rift-system/toy/beat]}\n"
    "stop: {signal: TERM, grace_ms: 500}\n";

/* A register in a file of this machine, which answers only while the node's system runs. */
static const char client[] =
    "import fcntl, json, os, sys, time\n"
    "folder, roots = sys.argv[1], json.loads(sys.argv[2])\n"
    "def read_beat():\n"
    "    for i in range(50):\n"
    "        with open(beat) as file:\n"
    "            text = file.read()\n"
    "        if text:\n" /* it is written anew: empty for a moment */
    "            break\n"
    "        time.sleep(0.02)\n"
    "    return float(text)\n"
    "def why_broken():\n"
    "    try:\n"
    "        first, end = read_beat(), time.monotonic() + 1\n"
    "        while time.monotonic() < end:\n"
    "            time.sleep(0.02)\n"
    "            now = read_beat()\n"
    "            if now != first:\n"
    "                return None if abs(now - time.time()) < 1 else 'its clock is wrong'\n"
    "        return 'it stands still'\n"
    "    except (OSError, ValueError) as error:\n"
    "        return type(error).__name__\n"
    "def invoke(path, f, value):\n"
    "    with open(path, 'a+') as file:\n"
    "        fcntl.flock(file, fcntl.LOCK_EX)\n"
    "        file.seek(0)\n"
    "        if f == 'read':\n"
    "            return json.loads(file.read() or 'null')\n"
    "        file.truncate(0)\n"
    "        file.write(json.dumps(value))\n"
    "        return value\n"
    "for line in sys.stdin:\n"
    "    message = json.loads(line)\n"
    "    answer = {'id': message['id'], 'type': 'ok'}\n"
    "    if message['op'] == 'open':\n"
    "        beat = '/proc/%d/root/var/lib/rift-system/toy/beat' % roots[message['node']]\n"
    "        place = folder + '/' + message['run']\n"
    "        os.makedirs(place, exist_ok=True)\n"
    "    else:\n"
    "        broken = why_broken()\n"
    "        if broken:\n"
    "            answer.update(type='fail', error=broken)\n"
    "        else:\n"
    "            answer['value'] = invoke('%s/%s' % (place, message['key']), message['f'], "
    "message['value'])\n"
    "    print(json.dumps(answer), flush=True)\n";

/* "WINDOWS FAILED BROKEN": fault windows, those that failed on a node, and threads whose last
 * answer is not ok, which follow with it. A thread's process goes up by the number of threads with
 * each unknown outcome. */
static const char count[] =
    "import json, sys\n"
    "windows, failed, last = 0, 0, {}\n"
    "for line in sys.stdin:\n"
    "    op = json.loads(line)\n"
    "    if op['process'] == 'nemesis':\n"
    "        if op['f'].startswith('start-'):\n"
    "            windows += 'window' in op['value']\n"
    "            failed += 'error' in op\n"
    "    elif op['type'] != 'invoke':\n"
    "        last[op['process'] % 5] = op\n"
    "broken = [last.get(i) for i in range(5) if last.get(i, {}).get('type') != 'ok']\n"
    "print(windows, failed, len(broken), *map(json.dumps, broken))\n";

static const char links[] =
    "  - {partition: halves, lane: a, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {partition: {kinds: majorities-ring, ports: [beat], flap_ms: 60}, lane: b, every_s: 1.5, "
    "for_s: [0.2, 0.6]}\n"
    "  - {reset: one-way, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {link: {kinds: halves, delay_ms: [5, 40], jitter_ms: 5, loss_percent: 5}, every_s: 1.5, "
    "for_s: [0.2, 0.6]}\n"
    "  - {cut-clients: {targets: subset, ports: [beat]}, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {kill: subset, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {chaos: [{kill: {targets: subset, restart_after_s: 0.1, again_after_s: 0.1}}, "
    "{oom-kill: one}, {rollback: one}], lane: k, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {pause: subset, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {cpu: subset, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {memory: subset, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {clock: {targets: subset, offset_ms: [-5000, 5000]}, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {disk-full: subset, every_s: 1.5, for_s: [0.2, 0.6]}\n"
    "  - {chaos: [{power: one}, {file-damage: one}], lane: p, every_s: 1.5, for_s: [0.2, 0.6]}\n";

/* A layer over a disk hides it from the throttle of block devices: each has parts of its own. */
static const char layered[] =
    "  - {chaos: [{disk-lose: one}, {disk-slow: subset}], lane: l, every_s: 1.5, for_s: [0.2, "
    "0.6]}\n"
    "  - {chaos: [{disk-error: {targets: subset, percent: 50}}, {disk-corrupt: subset}], lane: m, "
    "every_s: 1.5, for_s: [0.2, 0.6]}\n";
static const char bare[] =
    "  - {disk-rate: {targets: subset, write_kb_s: 100}, every_s: 1.5, for_s: [0.2, 0.6]}\n";

static int write_file(const char *name, const char *text)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", scratch, name);
    FILE *file = fopen(path, "we");
    return file && fputs(text, file) >= 0 && fclose(file) == 0 ? 0 : -1;
}

static int write_config(const char *name, const char *layer, const char *disks, const char *faults)
{
    CLEANUP(rift_text_finish) struct rift_text text = {NULL, 0, 0};
    rift_text_printf(&text,
                     "name: soak\n"
                     "nodes: {lab: netns, count: %d, name: %s}\n"
                     "system: {recipe: toy.yaml, disk_mb: 16, disk_layer: %s}\n"
                     "workload: {name: register, keys: 3, rate_hz: 10, concurrency: 1n, "
                     "op_timeout_ms: 3000}\n"
                     "time_limit_s: 6\nrecovery_s: 3\nlease_s: 3\n"
                     "client:\n  name: stdio\n  command: [python3, %s/client.py, %s/store, '{",
                     HOSTS, test_lab_name("soak"), layer, scratch, scratch);
    for (size_t i = 0; i < HOSTS; i++)
        rift_text_printf(&text, "%s\"%s\": %d", i ? ", " : "", hosts[i].name,
                         (int)hosts[i].init_pid);
    rift_text_printf(&text, "}']\nfaults:\n%s%s", faults, disks);
    return write_file(name, text.data);
}

static int up(void **state)
{
    (void)state;
    size_t host_count = 0;
    if (geteuid() != 0)
        return 0;
    if (!mkdtemp(scratch))
        return -1;
    lab = test_lab_up("soak", HOSTS);
    hosts = rift_lab_hosts(lab, &host_count);
    net_probe_open(&probe, hosts, HOSTS, PROBE_PORT);
    for (size_t i = 0; i < HOSTS; i++)
        node_state_read(&hosts[i], before[i]);
    return write_file("toy.yaml", recipe) || write_file("client.py", client) ||
                   write_file("count.py", count) || write_config("0.yaml", "none", bare, links) ||
                   write_config("1.yaml", "ext4", layered, links)
               ? -1
               : 0;
}

static int down(void **state)
{
    CLEANUP(rift_free) char *script = rift_printf("rm -rf %s", scratch);
    if (lab)
        test_run(script, NULL, 0);
    net_probe_close(&probe);
    rift_lab_close(lab);
    return test_labs_down(state);
}

/* --- what is looked at after each part */

static void assert_whole(const char *when)
{
    bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX];
    nodes_assert_clean(hosts, HOSTS, before, when);
    int64_t pass_ns = rift_clock_now() + PASS_MS * RIFT_MS;
    while (net_probe_round(&probe, 300, passed) < PAIRS)
        if (rift_clock_now() > pass_ns)
            fail_msg("%s: not every host reaches every other one", when);
}

/* Of the latest run. */
static void read_history(const char *when, int *windows, int *failed, int *broken)
{
    CLEANUP(rift_free)
    char *check = rift_printf("%s check %s/runs/latest", test_rift_binary(), scratch);
    int code = test_run(check, output, sizeof output);
    if (code != RIFT_EXIT_VALID && code != RIFT_EXIT_UNKNOWN)
        fail_msg("%s: rift check: %d: %s", when, code, output);
    CLEANUP(rift_free)
    char *script =
        rift_printf("%s convert %s/runs/latest --format jsonl 2>/dev/null | python3 %s/count.py",
                    test_rift_binary(), scratch, scratch);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    if (sscanf(output, "%d %d %d", windows, failed, broken) != 3)
        fail_msg("%s: %s", when, output);
}

static void run_without_faults(int kind)
{
    int windows, failed, broken;
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s run %d.yaml --runs runs --set 'faults=[]' --set "
                               "time_limit_s=2 --set recovery_s=0 --set workload.rate_hz=40 2>&1",
                               scratch, test_rift_binary(), kind);
    int code = test_run(script, output, sizeof output);
    if (code != RIFT_EXIT_VALID)
        fail_msg("the run after a killed one: %d: %s", code, output);
    read_history("after a killed one", &windows, &failed, &broken);
    assert_int_equal(broken, 0);
}

/* --- a part */

static pid_t start_run(int part)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && exec %s run %d.yaml --runs runs --seed %d > out 2>&1",
                               scratch, test_rift_binary(), part % 2, SEED + part);
    /* Before the process is there: what is waited for below is this run's. */
    CLEANUP(rift_free) char *forget = rift_printf("rm -f %s/runs/latest", scratch);
    test_run(forget, NULL, 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/bash", "bash", "-c", script, (char *)NULL);
        _exit(127);
    }
    CLEANUP(rift_free)
    char *wait =
        rift_printf("for i in $(seq %d); do grep -qs ' start-' %s/runs/latest/rift.log && "
                    "exit 0; kill -0 %d || break; sleep 0.1; done; tail -20 %s/out; exit 1",
                    BEGIN_MS / 100, scratch, (int)pid, scratch);
    if (test_run(wait, output, sizeof output) != 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        fail_msg("part %d does not begin: %s", part, output);
    }
    return pid;
}

/* An agent, its guardian, or both. */
static void strike_node(struct rift_rng *rng)
{
    static const char *const names[] = {"rift-agent", "rift-guardian", "rift-[ag]*"};
    const char *name = names[rift_rng_below(rng, 3)];
    const struct rift_lab_host *host = &hosts[rift_rng_below(rng, HOSTS)];
    CLEANUP(rift_free)
    char *script = rift_printf("for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in %s) "
                               "kill -9 ${p#/proc/};; esac; done",
                               name);
    test_host_run(host, script, NULL, 0);
    print_message("  %s: %s killed\n", host->name, name);
}

static int end_run(pid_t pid, int part)
{
    int status = 0;
    int64_t deadline_ns = rift_clock_now() + RUN_MS * RIFT_MS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (rift_clock_now() > deadline_ns) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            fail_msg("part %d does not end", part);
        }
        rift_clock_sleep_until(rift_clock_now() + 50 * RIFT_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* How many faults there were. */
static int play(int part, struct rift_rng *rng)
{
    CLEANUP(rift_free) char *when = rift_printf("part %d", part);
    bool is_controller_killed = part % 3 == 1;
    int windows, failed, broken, strikes = (int)rift_rng_between(rng, 1, 3);
    pid_t pid = start_run(part);
    for (int i = 0; i < strikes; i++) {
        rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, 2000 * RIFT_MS));
        strike_node(rng);
    }
    if (is_controller_killed)
        kill(pid, SIGKILL);
    int code = end_run(pid, part);
    if (is_controller_killed) {
        CLEANUP(rift_free)
        char *heal =
            rift_printf("%s heal --lab %s 2>&1", test_rift_binary(), test_lab_name("soak"));
        if (test_run(heal, output, sizeof output) != 0)
            fail_msg("%s: rift heal: %s", when, output);
    } else if (code != RIFT_EXIT_VALID && code != RIFT_EXIT_UNKNOWN) {
        CLEANUP(rift_free) char *tail = rift_printf("tail -c 3000 %s/out", scratch);
        test_run(tail, output, sizeof output);
        fail_msg("%s: rift run: %d: %s", when, code, output);
    }
    assert_whole(when);
    read_history(when, &windows, &failed, &broken);
    print_message("%s: %d faults, %d of them failed on a node, %s\n", when, windows, failed,
                  is_controller_killed ? "the controller was killed" : "the run ended");
    if (!is_controller_killed && broken > 0)
        fail_msg("%s: %d of %d nodes did not work at its end: %s", when, broken, HOSTS, output);
    if (is_controller_killed)
        run_without_faults(part % 2);
    return windows;
}

static void nodes_outlive_faults_and_whoever_is_killed(void **state)
{
    (void)state;
    struct rift_rng rng;
    int faults = 0, wanted = getenv("RIFT_LONG") ? FAULTS_LONG : FAULTS;
    if (!lab) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    rift_rng_init(&rng, SEED);
    for (int part = 0; part < PARTS_MAX && (faults < wanted || part < 2); part++)
        faults += play(part, &rng);
    print_message("%d faults, 0 leftovers, 0 broken nodes\n", faults);
    assert_true(faults >= wanted);
}

static void what_is_planted_is_found(void **state)
{
    (void)state;
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    if (!lab)
        skip();
    test_host_run(&hosts[4], "tc qdisc add dev eth0 clsact; touch /var/lib/toy.rift-disk", NULL, 0);
    node_state_read(&hosts[4], after);
    size_t left = node_remains(before[4], after, &found);
    test_host_run(&hosts[4], "tc qdisc del dev eth0 clsact; rm /var/lib/toy.rift-disk", NULL, 0);
    if (left != 2)
        fail_msg("%zu things instead of 2:\n%s", left, found.data ? found.data : "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planted_is_found),
        cmocka_unit_test(nodes_outlive_faults_and_whoever_is_killed),
    };
    return cmocka_run_group_tests(tests, up, down);
}

/* A controller that is killed in each of its phases: rift heal then leaves nothing on the nodes,
 * and the next run works. A recipe that waits for the test holds a run where it is to be struck. */
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
#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum { HOSTS = 2, OUTPUT_SIZE = 1 << 14, TURN_MS = 30000 };

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static char scratch[] = "/tmp/rift-test-killed-XXXXXX";
static char before[HOSTS][NODE_STATE_SIZE], output[OUTPUT_SIZE];

/* It waits where there is a file /opt/rift/hold-..., and says so by another: at-second is that the
 * second version has begun, at-again that the first one has for the second time, past-... that it
 * was ready. What becomes another user has no parent-death signal any more. */
static const char recipe[] =
    "name: toy\n"
    "summary: counts\n"
    "artifacts: {toy: {kind: tarball}}\n"
    "version: [/bin/sh, -c, \"touch /opt/rift/at-install; while [ -e /opt/rift/hold-install ]; do "
    "sleep 0.05; done; echo 1\"]\n"
    "user: nobody\n"
    "data_folders: [/var/lib/rift-system/toy]\n"
    "files: [{path: /run/toy.conf, content: x}]\n"
    "prepare:\n"
    "  - [/bin/sh, -c, \"touch /opt/rift/at-prepare; while [ -e /opt/rift/hold-prepare ]; do "
    "sleep 0.05; done\"]\n"
    "processes:\n"
    "  - name: toy\n"
    "    command: [\"${artifacts.toy}/toy\"]\n"
    "    working_folder: /var/lib/rift-system/toy\n"
    "    ready: {command: [/bin/sh, -c, \"[ ! -e /opt/rift/hold-ready ] || { touch "
    "/opt/rift/at-ready; exit 1; }; [ -d /proc/$$(cat /opt/rift/pid) ] || exit 1; for when in "
    "second "
    "again; do [ ! -e /opt/rift/at-$$when ] || { [ ! -e /opt/rift/hold-$$when ] && touch "
    "/opt/rift/past-$$when; } || exit 1; done\"]}\n";

/* A set in a file; the reads at the end of a run wait. */
static const char client[] = "import json, os, sys, time\n"
                             "place = sys.argv[1]\n"
                             "for line in sys.stdin:\n"
                             "    message = json.loads(line)\n"
                             "    answer = {'id': message['id'], 'type': 'ok'}\n"
                             "    if message['op'] == 'open':\n"
                             "        path = place + '/set-' + message['run']\n"
                             "    elif message['f'] == 'add':\n"
                             "        with open(path, 'a') as file:\n"
                             "            file.write('%d\\n' % message['value'])\n"
                             "    else:\n"
                             "        while os.path.exists(place + '/hold-final'):\n"
                             "            open(place + '/at-final', 'w').close()\n"
                             "            time.sleep(0.05)\n"
                             "        answer['value'] = sorted(int(word) for word in open(path))\n"
                             "    print(json.dumps(answer), flush=True)\n";

static int write_file(const char *name, const char *text)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", scratch, name);
    FILE *file = fopen(path, "we");
    return file && fputs(text, file) >= 0 && fclose(file) == 0 ? 0 : -1;
}

static int write_files(void)
{
    CLEANUP(rift_free)
    char *config = rift_printf("name: killed\n"
                               "nodes: {lab: netns, count: %d, name: %s}\n"
                               "system: {recipe: toy.yaml, artifacts: {toy: toy.tar.gz}}\n"
                               "client: {name: stdio, command: [python3, %s/client.py, %s]}\n"
                               "workload: set\n"
                               "time_limit_s: 1\n"
                               "recovery_s: 0\n",
                               HOSTS, test_lab_name("killed"), scratch, scratch);
    CLEANUP(rift_free)
    char *pack =
        rift_printf("cd %s && printf '#!/bin/sh\\n(while :; do echo x >> child; sleep "
                    "0.05; done) &\\necho $$ > /opt/rift/pid\\nwhile :; do echo x >> parent; sleep "
                    "0.05; done\\n' > base && sed '2i [ ! -e /opt/rift/ran ] || touch "
                    "/opt/rift/at-again; touch /opt/rift/ran' base > toy && chmod 755 toy && "
                    "tar -czf toy.tar.gz toy && "
                    "sed '2i touch /opt/rift/at-second' base > toy && "
                    "tar -czf second.tar.gz toy && head -c 64M /dev/urandom > large.tar.gz",
                    scratch);
    return write_file("config.yaml", config) || write_file("toy.yaml", recipe) ||
                   write_file("client.py", client)
               ? -1
               : test_run(pack, NULL, 0);
}

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0)
        return 0;
    if (!mkdtemp(scratch))
        return -1;
    lab = test_lab_up("killed", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    if (count != HOSTS || write_files() != 0)
        return -1;
    for (size_t i = 0; i < HOSTS; i++) {
        test_host_run(&hosts[i], "mkdir -m 777 /opt/rift", NULL, 0);
        node_state_read(&hosts[i], before[i]);
    }
    return 0;
}

static int down(void **state)
{
    CLEANUP(rift_free) char *script = rift_printf("rm -rf %s", scratch);
    if (lab)
        test_run(script, NULL, 0);
    rift_lab_close(lab);
    return test_labs_down(state);
}

static int rift(const char *command, const char *arguments)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s config.yaml %s 2>&1", scratch, test_rift_binary(),
                               command, arguments);
    return test_run(script, output, sizeof output);
}

/* Starts a run, and kills it once `is_there` (a line for the shell) holds on the controller, and on
 * each host. */
static void kill_run(const char *arguments, const char *is_here, const char *is_there)
{
    CLEANUP(rift_free)
    char *start = rift_printf("cd %s && rm -rf runs at-final; %s run config.yaml --runs runs "
                              "--quiet %s > log 2>&1 & echo $! > %s/pid",
                              scratch, test_rift_binary(), arguments, scratch);
    assert_int_equal(test_run(start, NULL, 0), 0);
    CLEANUP(rift_free)
    char *here = rift_printf("cd %s; for i in $(seq 400); do %s && exit 0; sleep 0.05; done; "
                             "cat log runs/latest/rift.log; exit 1",
                             scratch, is_here);
    CLEANUP(rift_free)
    char *there =
        rift_printf("for i in $(seq 400); do %s && exit 0; sleep 0.05; done; exit 1", is_there);
    int result = test_run(here, output, sizeof output);
    for (size_t i = 0; i < HOSTS && result == 0; i++)
        result = test_host_run(&hosts[i], there, NULL, 0);
    CLEANUP(rift_free) char *strike = rift_printf("kill -9 $(cat %s/pid)", scratch);
    int killed = test_run(strike, NULL, 0);
    if (result != 0)
        fail_msg("it did not come so far: %s", output);
    assert_int_equal(killed, 0);
}

static void assert_healed_and_fit(const char *phase)
{
    if (rift("heal", "") != 0)
        fail_msg("%s: %s", phase, output);
    nodes_assert_clean(hosts, HOSTS, before, phase);
    CLEANUP(rift_free) char *go = rift_printf("rm -f %s/hold-final", scratch);
    test_run(go, NULL, 0);
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], "rm -f /opt/rift/*", NULL, 0);
    if (rift("run", "--runs runs --quiet") != 0)
        fail_msg("the run after %s: %s", phase, output);
    nodes_assert_clean(hosts, HOSTS, before, "the run after it");
}

/* In a phase that the recipe holds. */
static void strike_held(const char *phase)
{
    if (!lab) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    CLEANUP(rift_free) char *hold = rift_printf("touch /opt/rift/hold-%s", phase);
    CLEANUP(rift_free) char *is_there = rift_printf("test -e /opt/rift/at-%s", phase);
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], hold, NULL, 0);
    kill_run("", "true", is_there);
    assert_healed_and_fit(phase);
}

static void strike(const char *arguments, const char *is_here, const char *is_there)
{
    if (!lab)
        skip();
    kill_run(arguments, is_here, is_there);
    assert_healed_and_fit(is_here);
}

static void a_run_killed_while_it_uploads_an_artifact(void **state)
{
    (void)state;
    if (!lab)
        skip();
    kill_run("--set system.artifacts.toy=large.tar.gz", "grep -qs installing runs/latest/rift.log",
             "true");
    assert_healed_and_fit("uploading");
}

static void a_run_killed_while_it_installs(void **state)
{
    (void)state;
    strike_held("install");
}

static void a_run_killed_while_it_prepares_the_data(void **state)
{
    (void)state;
    strike_held("prepare");
}

static void a_run_killed_while_it_starts_the_system(void **state)
{
    (void)state;
    strike_held("ready");
}

static void a_run_killed_inside_a_partition(void **state)
{
    (void)state;
    strike("--set time_limit_s=60 --set "
           "'faults=[{partition: halves, start_s: 0.5, every_s: 60, for_s: 50}]'",
           "grep -qs 'start-partition' runs/latest/rift.log",
           "tc qdisc show dev eth0 | grep -q clsact");
}

static void a_run_killed_during_the_final_reads(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *hold = rift_printf("touch %s/hold-final", scratch);
    if (lab)
        test_run(hold, NULL, 0);
    strike("", "test -e at-final", "test -s /var/lib/rift-system/toy/child");
}

/* What lies on it is mounted twice: a disk in a file, and a layer over it. */
static void a_run_killed_with_a_disk_of_its_own_and_a_layer(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *hold = rift_printf("touch %s/hold-final", scratch);
    if (lab)
        test_run(hold, NULL, 0);
    strike("--set system.disk_mb=32 --set system.disk_layer=ext4", "test -e at-final",
           "test -s /var/lib/rift-system/toy/child && [ $(grep -c rift-system/toy "
           "/proc/self/mountinfo) = 2 ]");
}

/* --- an upgrade that is held in the turn of its first node */

static const char upgrade[] =
    "--set system.upgrade_to.toy=second.tar.gz --set time_limit_s=%d --set "
    "'faults=[{upgrade: {wait_s: 20, downgrade: true}, start_s: 0.5, every_s: 90, for_s: %d}]'";

/* The host whose turn it is, once it has come. */
static const struct rift_lab_host *upgraded_host(void)
{
    int64_t deadline = rift_clock_now() + TURN_MS * RIFT_MS;
    while (rift_clock_now() < deadline)
        for (size_t i = 0; i < HOSTS; i++)
            if (test_host_run(&hosts[i], "test -e /opt/rift/at-second", NULL, 0) == 0)
                return &hosts[i];
    fail_msg("no node has the second version");
    return NULL;
}

static void hold_upgrade(void)
{
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], "rm -f /opt/rift/*; touch /opt/rift/hold-second", NULL, 0);
}

static void a_run_killed_in_an_upgrade_with_an_agent(void **state)
{
    (void)state;
    if (!lab)
        skip();
    CLEANUP(rift_free) char *arguments = rift_printf(upgrade, 90, 60);
    /* The agent of the node that has just started the other version, then the controller. */
    CLEANUP(rift_free)
    char *is_here = rift_printf(
        "for init in %d %d; do [ ! -e /proc/$init/root/opt/rift/at-second ] || { nsenter -t $init "
        "-p -m sh -c 'kill -9 $(pgrep -x rift-agent)'; found=1; }; done; [ \"$found\" ]",
        (int)hosts[0].init_pid, (int)hosts[1].init_pid);
    hold_upgrade();
    kill_run(arguments, is_here, "true");
    assert_healed_and_fit("upgrade");
}

/* --- a change of the cluster, and the controller alone is killed */

/* Of the program in a version, and of a file. */
static void sum_of(const char *name, char sum[80])
{
    bool is_file = strchr(name, '.') != NULL;
    CLEANUP(rift_free)
    char *script =
        is_file ? rift_printf("sha256sum < %s/%s | cut -c1-64", scratch, name)
                : rift_printf("tar -xOf %s/%s.tar.gz toy | sha256sum | cut -c1-64", scratch, name);
    assert_int_equal(test_run(script, sum, 80), 0);
}

/* The sums of the programs that run of the artifacts, a line each, with their number. */
static void running_programs(const struct rift_lab_host *host, char sums[256])
{
    test_host_run(host,
                  "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/cmdline | grep -m1 "
                  "'^/var/lib/rift/artifacts/.*/toy$'; done 2>/dev/null | sort -u | xargs -r "
                  "sha256sum | cut -c1-64",
                  sums, 256);
}

static void assert_agents_are_gone(void)
{
    for (size_t i = 0; i < HOSTS; i++)
        if (test_host_run(&hosts[i],
                          "for i in $(seq 600); do pgrep -x 'rift-agent|rift-guardian' || exit 0; "
                          "sleep 0.05; done; exit 1",
                          output, sizeof output) != 0)
            fail_msg("%s: %s", hosts[i].name, output);
}

/* Each node runs one of the two versions, or none where its turn was cut short. */
static void assert_known_versions_run(size_t most_idle)
{
    char first[80], second[80], sums[256];
    size_t idle = 0;
    sum_of("toy", first);
    sum_of("second", second);
    for (size_t i = 0; i < HOSTS; i++) {
        running_programs(&hosts[i], sums);
        idle += !sums[0];
        if (sums[0] && strcmp(sums, first) != 0 && strcmp(sums, second) != 0)
            fail_msg("%s runs %s", hosts[i].name, sums);
    }
    assert_in_range(idle, 0, most_idle);
}

/* Up to the kill: the fault's begin and the artifacts are in it, and no verdict is made of it. */
static void assert_history_reads(const char *f, bool has_upgrade)
{
    char first[80], second[80];
    sum_of("toy.tar.gz", first);
    sum_of("second.tar.gz", second);
    CLEANUP(rift_free)
    char *look = rift_printf("cd %s && %s convert runs/latest --format jsonl > ops && grep -q "
                             "'\"%s\"' ops && grep -q '\"add\"' ops && grep -q %s ops && %s grep "
                             "-q %s ops",
                             scratch, test_rift_binary(), f, first, has_upgrade ? "" : "!", second);
    assert_exit_code(test_run(look, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *check = rift_printf("cd %s && %s check runs/latest 2>&1", scratch, test_rift_binary());
    assert_exit_code(test_run(check, output, sizeof output), 2, output);
    assert_says(output, "unknown");
}

struct change {
    const char *fault, *hold, *is_there; /* is_there: on one host, the one whose turn it is */
    size_t hosts;                        /* or on so many */
};

static void kill_in_change(const struct change *change)
{
    CLEANUP(rift_free)
    char *arguments = rift_printf("--set system.upgrade_to.toy=second.tar.gz --set time_limit_s=90 "
                                  "--set 'faults=[{%s, start_s: 0.5, every_s: 95, for_s: %d}]'",
                                  change->fault, 60);
    CLEANUP(rift_free)
    char *is_here = rift_printf(
        "[ $(for init in %d %d; do chroot /proc/$init/root sh -c '%s' && echo x; done "
        "| wc -l) = %zu ]",
        (int)hosts[0].init_pid, (int)hosts[1].init_pid, change->is_there, change->hosts);
    for (size_t i = 0; i < HOSTS; i++) {
        CLEANUP(rift_free)
        char *hold = rift_printf("rm -f /opt/rift/*; touch /opt/rift/hold-%s", change->hold);
        test_host_run(&hosts[i], hold, NULL, 0);
    }
    kill_run(arguments, is_here, "true");
    assert_agents_are_gone();
}

static void a_controller_killed_alone_in_a_change_leaves_nothing(void **state)
{
    (void)state;
    if (!lab)
        skip();
    static const char backup[] = "test -d /var/lib/rift-system/toy.rift-backup-*/tree";
    static const struct change changes[] = {
        {"restart: {wait_s: 30}", "again", "test -e /opt/rift/at-again", 1},
        {"restart: {wait_s: 30}", "none", "test -e /opt/rift/past-again", 1},
        {"upgrade: {wait_s: 30}", "second", "test -e /opt/rift/at-second", 1},
        {"upgrade: {wait_s: 30}", "none", "test -e /opt/rift/past-second", 1},
        {"upgrade: {wait_s: 0}", "none", "test -e /opt/rift/past-second", 2},
        {"rollback: all", "none", backup, 2},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *change = &changes[i];
        const char *f = rift_text_starts_with(change->fault, "upgrade")    ? "start-upgrade"
                        : rift_text_starts_with(change->fault, "rollback") ? "start-rollback"
                                                                           : "start-restart";
        kill_in_change(change);
        assert_known_versions_run(strcmp(change->hold, "none") != 0);
        assert_history_reads(f, true);
        assert_healed_and_fit(change->fault);
    }
}

/* Ctrl-C, while one lane is held for as long as a node may take to be ready. */
static void a_run_that_is_stopped_heals_at_once_what_no_held_lane_holds(void **state)
{
    (void)state;
    if (!lab)
        skip();
    static const char cut[] = "tc qdisc show dev eth0 | grep -q clsact";
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], "rm -f /opt/rift/*; touch /opt/rift/hold-again", NULL, 0);
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s && rm -rf runs; %s run config.yaml --runs runs --quiet --set time_limit_s=90 --set "
        "'faults=[{partition: halves, lane: a, start_s: 0.5, every_s: 95, for_s: 80}, {restart: "
        "{wait_s: 30}, lane: b, start_s: 2, every_s: 95, for_s: 80}]' > log 2>&1 & p=$!; "
        "at() { ls /proc/%d/root/opt/rift/at-again /proc/%d/root/opt/rift/at-again 2>/dev/null; }; "
        "for i in $(seq 600); do [ \"$(at)\" ] && break; sleep 0.05; done; nsenter -t %d -n %s && "
        "echo was cut; kill -INT $p; for i in $(seq 100); do nsenter -t %d -n %s || { echo healed; "
        "break; }; sleep 0.05; done; [ -e /proc/$p ] && ! grep -q 'stop-restart' "
        "runs/latest/rift.log && echo lane held; rm /proc/{%d,%d}/root/opt/rift/hold-again; wait "
        "$p; "
        "echo code $?; cat log",
        scratch, test_rift_binary(), (int)hosts[0].init_pid, (int)hosts[1].init_pid,
        (int)hosts[0].init_pid, cut, (int)hosts[0].init_pid, cut, (int)hosts[0].init_pid,
        (int)hosts[1].init_pid);
    test_run(script, output, sizeof output);
    if (!rift_text_starts_with(output, "was cut\nhealed\nlane held\ncode 2"))
        fail_msg("%s", output);
    nodes_assert_clean(hosts, HOSTS, before, "a stopped run");
}

/* --- an upgrade whose agent is killed */

/* What the history says of the end of the upgrade. */
static json_t *told_at_the_end(void)
{
    CLEANUP(rift_free)
    char *look = rift_printf("cd %s && %s convert runs/latest --format jsonl | grep "
                             "'\"stop-upgrade\"' | grep '\"observed\"'",
                             scratch, test_rift_binary());
    assert_exit_code(test_run(look, output, sizeof output), 0, output);
    json_t *op = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *value = json_incref(json_object_get(op, "value"));
    json_decref(op);
    assert_non_null(value);
    return value;
}

static bool runs_program(const json_t *told, const char *host, const char *sha256)
{
    const json_t *node = json_object_get(json_object_get(told, "nodes"), host);
    const json_t *programs = json_object_get(node, "programs"), *program;
    size_t i;
    json_array_foreach(programs, i, program)
    {
        const char *is = json_string_value(json_object_get(program, "sha256"));
        if (is && strcmp(is, sha256) == 0)
            return true;
    }
    return false;
}

/* The controller lives: it has not upgraded all, and says so; at the end every node has the first
 * version again. */
static void an_upgrade_whose_agent_is_killed_goes_back(void **state)
{
    (void)state;
    if (!lab)
        skip();
    char first[80], second[80];
    CLEANUP(rift_free) char *arguments = rift_printf(upgrade, 7, 5);
    CLEANUP(rift_free)
    char *run = rift_printf("cd %s && rm -rf runs; %s run config.yaml --runs runs --quiet %s > log "
                            "2>&1",
                            scratch, test_rift_binary(), arguments);
    hold_upgrade();
    pid_t pid = fork();
    if (pid == 0)
        _exit(test_run(run, NULL, 0));
    const struct rift_lab_host *host = upgraded_host();
    int killed = test_host_run(host, "kill -9 $(pgrep -x rift-agent)", NULL, 0);
    test_host_run(host, "rm /opt/rift/hold-second", NULL, 0);
    int status = 0;
    waitpid(pid, &status, 0);
    assert_int_equal(killed, 0);
    assert_int_equal(WEXITSTATUS(status), 2);
    sum_of("toy", first);
    sum_of("second", second);
    json_t *told = told_at_the_end();
    for (size_t i = 0; i < HOSTS; i++) {
        assert_true(runs_program(told, hosts[i].name, first));
        assert_false(runs_program(told, hosts[i].name, second));
    }
    json_decref(told);
    nodes_assert_clean(hosts, HOSTS, before, "after an upgrade");
    hold_upgrade(); /* without what the versions noted */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_killed_while_it_uploads_an_artifact),
        cmocka_unit_test(a_run_killed_while_it_installs),
        cmocka_unit_test(a_run_killed_while_it_prepares_the_data),
        cmocka_unit_test(a_run_killed_while_it_starts_the_system),
        cmocka_unit_test(a_run_killed_inside_a_partition),
        cmocka_unit_test(a_run_killed_during_the_final_reads),
        cmocka_unit_test(a_run_killed_with_a_disk_of_its_own_and_a_layer),
        cmocka_unit_test(a_controller_killed_alone_in_a_change_leaves_nothing),
        cmocka_unit_test(a_run_that_is_stopped_heals_at_once_what_no_held_lane_holds),
        cmocka_unit_test(a_run_killed_in_an_upgrade_with_an_agent),
        cmocka_unit_test(an_upgrade_whose_agent_is_killed_goes_back),
    };
    return cmocka_run_group_tests(tests, up, down);
}

/* disk-device needs a kernel with device mapper: on a host that is a guest it is seen by dd in a
 * shell of its own, which shares nothing with the agent. So is disk-rate under cgroup v2. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/node_remains.h"

enum { CALL_MS = 30000, LEASE_MS = 20000, DISK_MB = 24 };
enum { DELAY_MS = 100, TRANSFERS = 8, UNSEEN_MS = 4000, SEEN_MS = 20000 };

/* Where the system's disk is mounted. */
#define DISK "/var/lib/sleeper"

static char before[NODE_STATE_SIZE];

static int up(void **state)
{
    (void)state;
    setenv("RIFT_TEST_DRIVER", "uml", 1);
    if (case_up("guest-disk", 1, NULL) < 0)
        return -1;
    if (case_hosts)
        node_state_read(&case_hosts[0], before);
    return 0;
}

/* --- the agent's side */

/* Of the test that runs. */
static struct rift_node *session;
static pid_t controller;

static struct rift_node *open_node(struct rift_error *err)
{
    struct rift_node_settings settings = test_node_settings(&case_hosts[0]);
    settings.lease_ms = LEASE_MS;
    settings.connect_timeout_ms = CALL_MS;
    return rift_node_open(&settings, err);
}

static json_t *call(struct rift_node *node, const char *verb, json_t *args, struct rift_error *err)
{
    json_t *reply = NULL;
    int rc = rift_node_call(node, verb, args, CALL_MS, &reply, err);
    json_decref(args);
    return rc < 0 ? NULL : reply;
}

static bool do_call(struct rift_node *node, const char *verb, json_t *args, struct rift_error *err)
{
    json_t *reply = call(node, verb, args, err);
    json_decref(reply);
    return reply != NULL;
}

static bool start_system(struct rift_node *node, struct rift_error *err)
{
    json_t *self = json_pack("{s:s,s:s,s:i}", "name", case_hosts[0].name, "address",
                             case_hosts[0].address, "index", 1);
    json_t *recipe =
        json_pack("{s:s,s:[s],s:[{s:s,s:[s,s]}]}", "name", "sleeper", "data_folders", DISK,
                  "processes", "name", "sleeper", "command", "/usr/bin/sleep", "1000");
    json_t *context =
        json_pack("{s:O,s:[o],s:{},s:{}}", "node", self, "nodes", self, "options", "artifacts");
    json_t *args = json_pack("{s:o,s:o,s:b,s:i}", "recipe", recipe, "context", context, "lab", 1,
                             "disk_mb", DISK_MB);
    return do_call(node, "system.configure", args, err) &&
           do_call(node, "system.start", json_pack("{s:i}", "deadline_ms", CALL_MS), err);
}

static bool inject(struct rift_node *node, const char *kind, struct rift_error *err)
{
    return do_call(node, "inject",
                   json_pack("{s:s,s:s,s:{s:s,s:i}}", "id", "disk", "fault", "disk-device",
                             "options", "kind", kind, "delay_ms", DELAY_MS),
                   err);
}

static void must(bool is_done, const struct rift_error *err)
{
    if (!is_done)
        fail_msg("%s", err->text);
}

static struct rift_node *open_with_system(void)
{
    struct rift_error err = {0};
    session = open_node(&err);
    must(session && start_system(session, &err), &err);
    return session;
}

static void must_observe(struct rift_node *node)
{
    struct rift_error err = {0};
    json_t *reply = call(node, "observe", json_pack("{s:s}", "id", "disk"), &err);
    must(reply != NULL, &err);
    print_message("%s\n", json_string_value(json_object_get(reply, "how")));
    assert_true(json_is_true(json_object_get(reply, "observed")));
    json_decref(reply);
}

static void heal(struct rift_node *node)
{
    struct rift_error err = {0};
    must(do_call(node, "heal", json_pack("{s:s}", "id", "disk"), &err), &err);
}

/* --- seen from outside */

static int run(const char *script, char output[400])
{
    output[0] = '\0';
    return test_host_run(&case_hosts[0], script, output, 400);
}

static void must_run(const char *script)
{
    char output[400];
    if (run(script, output) != 0)
        fail_msg("%s: %s", script, output);
}

static void must_fail_with_eio(const char *script)
{
    char output[400];
    assert_int_not_equal(run(script, output), 0);
    if (!strstr(output, "Input/output error"))
        fail_msg("%s: %s", script, output);
}

#define WRITE "dd if=/dev/zero of=" DISK "/file bs=4096 count=8 conv=notrunc oflag=direct 2>&1"
#define READ  "dd if=" DISK "/file of=/dev/null bs=4096 count=8 iflag=direct 2>&1"

static void make_file(void)
{
    must_run("dd if=/dev/zero of=" DISK "/file bs=4096 count=8 conv=fsync 2>&1");
}

/* How long 8 blocks take that are moved one after the other, past every cache. */
static double transfer_once_ms(const char *dd)
{
    char output[400];
    CLEANUP(rift_free)
    char *script =
        rift_printf("a=${EPOCHREALTIME/./}; { %s; } >/dev/null || exit 1; b=${EPOCHREALTIME/./}; "
                    "echo $((b - a))",
                    dd);
    if (run(script, output) != 0)
        fail_msg("%s: %s", dd, output);
    return strtod(output, NULL) / 1e3;
}

/* The shortest of some, as a busy machine makes each take longer. */
static double transfer_ms(const char *dd, double below_ms)
{
    double best = transfer_once_ms(dd);
    for (int i = 0; i < 10 && best >= below_ms; i++)
        best = fmin(best, transfer_once_ms(dd));
    return best;
}

static void must_be_slow(const char *dd)
{
    double ms = transfer_ms(dd, TRANSFERS * DELAY_MS * 2.5);
    print_message("%.0f ms of %d: %.40s\n", ms, TRANSFERS * DELAY_MS, dd);
    assert_true(ms >= TRANSFERS * DELAY_MS && ms < TRANSFERS * DELAY_MS * 2.5);
}

static void must_be_quick(const char *dd)
{
    double most_ms = TRANSFERS * DELAY_MS * 0.7;
    assert_true(transfer_ms(dd, most_ms) < most_ms);
}

static long system_pid(void)
{
    char output[400];
    run("pidof sleep", output);
    return strtol(output, NULL, 10);
}

/* The device mapper has nothing of ours, nor has any loop device a file, nor the host anything else
 * that it did not have. */
static void nothing_is_left(void)
{
    char output[400];
    CLEANUP(rift_text_finish) struct rift_text found = {0};
    node_remains_in_time(&case_hosts[0], before, &found);
    assert_string_equal(found.data ? found.data : "", "");
    run("for d in /sys/block/dm-* /sys/block/loop*/loop; do [ -e $d ] && echo $d; done; "
        "/var/lib/rift/rift-agent-* --leftovers",
        output);
    assert_string_equal(output, "");
}

static void lose_controller(void)
{
    kill(controller, SIGKILL);
    waitpid(controller, NULL, 0);
    controller = 0;
}

/* What a failed test left must not fail the next one. */
static int down(void **state)
{
    (void)state;
    bool has_failed = session || controller > 0;
    rift_node_close(session);
    session = NULL;
    if (controller > 0)
        lose_controller();
    if (has_failed)
        test_host_run(&case_hosts[0],
                      "[ -e /run/writer ] && kill -9 -$(cat /run/writer) && rm /run/writer; "
                      "/var/lib/rift/rift-agent-* --heal",
                      NULL, 0);
    return 0;
}

static void end_session(struct rift_node *node)
{
    struct rift_error err = {0};
    must(do_call(node, "system.stop", json_pack("{s:i}", "deadline_ms", CALL_MS), &err), &err);
    must(do_call(node, "system.remove", json_object(), &err), &err);
    session = NULL;
    rift_node_close(node);
    nothing_is_left();
}

/* --- tests */

static void each_request_of_a_slow_device_takes_its_time(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_error err = {0};
    struct rift_node *node = open_with_system();
    long pid = system_pid();
    make_file();
    must_be_quick(WRITE);
    must(inject(node, "delay", &err), &err);
    must_be_slow(WRITE);
    must_be_slow(READ);
    must_observe(node);
    heal(node);
    must_be_quick(WRITE);
    must_be_quick(READ);
    assert_true(pid > 0 && pid == system_pid());
    end_session(node);
}

static void a_device_that_fails_says_so_and_takes_writes_again_after_it(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_error err = {0};
    struct rift_node *node = open_with_system();
    long pid = system_pid();
    make_file();
    must(inject(node, "error-writes", &err), &err);
    must_fail_with_eio(WRITE);
    must_run(READ);
    must_observe(node);
    heal(node);
    must_run(WRITE);
    assert_true(pid > 0 && pid == system_pid());
    must(inject(node, "error", &err), &err);
    must_fail_with_eio(READ);
    must_observe(node);
    heal(node);
    must_run(READ);
    must_run("echo new >" DISK "/new && sync " DISK "/new");
    assert_true(system_pid() > 0);
    end_session(node);
}

/* ext4 takes no writes once its journal met an error, until it is mounted anew. */
static void a_disk_whose_journal_failed_takes_writes_again(void **state)
{
    (void)state;
    case_need_lab();
    char output[400];
    struct rift_error err = {0};
    struct rift_node *node = open_with_system();
    long pid = system_pid();
    must_run("echo before >" DISK "/kept && sync " DISK " " DISK "/kept");
    must(inject(node, "error-writes", &err), &err);
    must_run("mkdir " DISK "/made; sync " DISK "; true");
    run("touch " DISK "/late", output);
    if (!strstr(output, "Read-only file system"))
        fail_msg("%s", output);
    must_observe(node);
    heal(node);
    must_run("cd " DISK " && grep before kept && echo new >new && sync . new");
    assert_true(system_pid() > 0 && system_pid() != pid);
    end_session(node);
}

static void what_was_dropped_is_gone_though_it_was_synced(void **state)
{
    (void)state;
    case_need_lab();
    char output[400];
    struct rift_error err = {0};
    struct rift_node *node = open_with_system();
    long pid = system_pid();
    must_run("cd " DISK " && echo before >kept && sync . kept");
    must(inject(node, "drop-writes", &err), &err);
    must_run("cd " DISK " && echo during >lost && echo during >kept && sync . lost kept");
    must_observe(node);
    heal(node);
    must_run("cd " DISK " && echo later >later && sync . later");
    assert_exit_code(run("cd " DISK " && ls -A && cat kept later", output), 0, output);
    assert_string_equal(output, "kept\nlater\nbefore\nlater");
    assert_true(system_pid() > 0 && system_pid() != pid);
    end_session(node);
}

/* --- disk-rate */

/* A loop in the system's group, until it is killed. */
static void writer_start(const char *what)
{
    CLEANUP(rift_free)
    char *script = rift_printf("setsid sh -c 'echo $$ >/sys/fs/cgroup/rift-system/cgroup.procs && "
                               "echo $$ >/run/writer && while :; do %s; done' >/dev/null 2>&1 &",
                               what);
    must_run(script);
}

static void writer_end(void)
{
    must_run("kill -9 -$(cat /run/writer); rm /run/writer");
}

/* Whether disk-rate is observed in time, of a system that writes like this. */
static bool is_seen_to_hold(struct rift_node *node, int write_kb_s, const char *what, int for_ms)
{
    struct rift_error err = {0};
    bool is = false;
    writer_start(what);
    must(do_call(node, "inject",
                 json_pack("{s:s,s:s,s:{s:i}}", "id", "disk", "fault", "disk-rate", "options",
                           "write_kb_s", write_kb_s),
                 &err),
         &err);
    int64_t deadline = rift_clock_now() + for_ms * RIFT_MS;
    while (!is && rift_clock_now() < deadline) {
        json_t *reply = call(node, "observe", json_pack("{s:s}", "id", "disk"), &err);
        must(reply != NULL, &err);
        is = json_is_true(json_object_get(reply, "observed"));
        print_message("%s\n", json_string_value(json_object_get(reply, "how")));
        json_decref(reply);
    }
    heal(node);
    writer_end();
    return is;
}

#define PUT "dd if=/dev/zero of=" DISK "/file conv=notrunc"

static void a_system_is_held_back_only_above_the_limit(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = open_with_system();
    /* At most two thirds of the limit, however fast the guest is. */
    assert_false(is_seen_to_hold(node, 300, PUT ",fdatasync bs=20k count=1; sleep 0.1", UNSEEN_MS));
    assert_false(
        is_seen_to_hold(node, 300, PUT " bs=20k count=1 oflag=direct; sleep 0.1", UNSEEN_MS));
    assert_true(is_seen_to_hold(node, 200, PUT " bs=16k count=100 oflag=direct", SEEN_MS));
    assert_true(is_seen_to_hold(node, 200, PUT ",fdatasync bs=64k count=1", SEEN_MS));
    /* Of which nothing comes through while anybody looks. */
    assert_true(is_seen_to_hold(node, 1, PUT ",fdatasync bs=64k count=1", SEEN_MS));
    end_session(node);
}

/* --- whoever could end it is gone */

static _Noreturn void be_controller(int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rift_error err = {0};
    struct rift_node *node = open_node(&err);
    if (!node || !start_system(node, &err) || !inject(node, "delay", &err)) {
        dprintf(out, "%s\n", err.text);
        _exit(1);
    }
    json_t *hello = rift_node_hello(node);
    dprintf(out, "%lld %lld\n", (long long)json_integer_value(json_object_get(hello, "pid")),
            (long long)json_integer_value(json_object_get(hello, "guardian_pid")));
    for (;;)
        pause();
}

static const char end_keepers[] =
    "for p in /proc/[0-9]*; do read -r c <$p/comm && [ \"$c\" = rift-keeper ] && "
    "kill -9 ${p#/proc/}; done 2>/dev/null;";

/* Agent and guardian, and also the keepers, of which the agent would begin others. */
static void lose_agent(bool and_keeper)
{
    int ends[2], agent = 0, guardian = 0;
    char line[256] = "";
    assert_int_equal(pipe(ends), 0);
    controller = fork();
    assert_true(controller >= 0);
    if (controller == 0)
        be_controller(ends[1]);
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    bool is_said = fgets(line, sizeof line, said) != NULL;
    fclose(said);
    if (!is_said || sscanf(line, "%d %d", &agent, &guardian) != 2)
        fail_msg("inject: %s", line);
    kill(controller, SIGSTOP);
    snprintf(line, sizeof line, "kill -STOP %d %d; %s kill -9 %d %d", guardian, agent,
             and_keeper ? end_keepers : "", guardian, agent);
    must_run(line);
}

static void its_keeper_ends_it_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    case_need_lab();
    lose_agent(false);
    rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND);
    make_file();
    must_be_quick(WRITE);
    lose_controller();
    must_run("/var/lib/rift/rift-agent-* --heal");
    nothing_is_left();
}

static void a_heal_by_hand_ends_it_when_all_of_ours_are_killed(void **state)
{
    (void)state;
    case_need_lab();
    char output[400];
    lose_agent(true);
    make_file();
    must_be_slow(WRITE);
    lose_controller();
    run("/var/lib/rift/rift-agent-* --leftovers", output);
    assert_says(output, "device: rift-loop");
    must_run("/var/lib/rift/rift-agent-* --heal");
    nothing_is_left();
}

#define CASE(test) cmocka_unit_test_teardown(test, down)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(each_request_of_a_slow_device_takes_its_time),
        CASE(a_device_that_fails_says_so_and_takes_writes_again_after_it),
        CASE(a_disk_whose_journal_failed_takes_writes_again),
        CASE(what_was_dropped_is_gone_though_it_was_synced),
        CASE(a_system_is_held_back_only_above_the_limit),
        CASE(its_keeper_ends_it_when_agent_and_guardian_are_killed),
        CASE(a_heal_by_hand_ends_it_when_all_of_ours_are_killed),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

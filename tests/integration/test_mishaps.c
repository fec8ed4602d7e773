/* What befalls agents and nodes beside a kill: an agent that is stopped, or waits; a state folder
 * that is full, or takes no writes; a ledger of another boot, or one that nobody can read. Looked
 * at from outside: files, processes, traffic. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/boot.h"
#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "tests/lib/toy_host.h"

/* SOON_MS: less than what waits for a layer takes. */
enum { LEASE_MS = 120000, SHORT_LEASE_MS = 600, WAIT_MS = 30000, SOON_MS = 3000 };
enum { JOBS = 32, BUSY_MS = 4000 }; /* agent/job.c */

static bool is_state_mounted;

/* Mounts are this program's alone, and the agents' that it starts. */
static int group_up(void **state)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        print_message("no mounts of its own here\n");
    return toy_host_up(state);
}

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("mishaps", LEASE_MS, 0);
}

static int toy_up_on_disk(void **state)
{
    (void)state;
    return access("/dev/loop-control", F_OK) != 0 ? 0 : toy_host_begin("mishaps", LEASE_MS, 32);
}

static int toy_up_layered(void **state)
{
    (void)state;
    if (access("/dev/loop-control", F_OK) != 0 || access("/dev/fuse", F_OK) != 0)
        return 0;
    return toy_host_begin_layered("mishaps", LEASE_MS, 32, "ext4");
}

/* A test that failed may have left what it did to the agent, and mounts on the state folder. */
static int toy_down(void **state)
{
    if (!n1 || n1->agent.pid <= 0)
        return 0;
    kill(agent_pid(&n1->agent), SIGCONT);
    CLEANUP(rift_free) char *tree = rift_printf("%s-data/toy.rift-backup-r/tree", n1->state);
    umount2(tree, MNT_DETACH);
    if (is_state_mounted)
        umount2(n1->state, MNT_DETACH);
    is_state_mounted = false;
    return toy_host_end_wiped(state);
}

static bool is_there(const char *below)
{
    CLEANUP(rift_free) char *path = rift_printf("%s%s", n1->state, below);
    return access(path, F_OK) == 0;
}

/* The copy that a rollback keeps: nothing but a heal removes it. */
static const char copy[] = "-data/toy.rift-backup-r";

static bool goes_within(const char *below, int ms)
{
    int64_t deadline = rift_clock_now() + ms * RIFT_MS;
    while (is_there(below) && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    return !is_there(below);
}

static void renew(int lease_ms)
{
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", lease_ms)));
}

/* --- an agent that does not go on */

static void the_guardian_ends_an_agent_that_is_stopped(void **state)
{
    (void)state;
    NEED_HOST();
    inject("r", "rollback", NULL);
    assert_true(is_there(copy));
    renew(SHORT_LEASE_MS);
    assert_int_equal(0, kill(agent_pid(&n1->agent), SIGSTOP));
    assert_true(goes_within(copy, WAIT_MS));
    assert_true(goes_within("/ledger/r.json", WAIT_MS));
    agent_forget(&n1->agent);
    assert_true(toy_is_alive(n1, SOON_MS));
    assert_int_equal(0, toy_up(NULL));
}

/* The number of the process behind the layer of this test; mounts are in no other one. */
static pid_t layer_process(void)
{
    char own[64] = "", other[64], path[300], name[32];
    ssize_t ignored = readlink("/proc/self/ns/mnt", own, sizeof own - 1);
    (void)ignored;
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;
    while (folder && !found && (entry = readdir(folder))) {
        snprintf(path, sizeof path, "/proc/%s/ns/mnt", entry->d_name);
        ssize_t length = readlink(path, other, sizeof other - 1);
        if (length < 0)
            continue;
        other[length] = 0;
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = strcmp(own, other) == 0 ? fopen(path, "re") : NULL;
        if (file && fgets(name, sizeof name, file) && strcmp(name, RIFT_LAYER_PROCESS "\n") == 0)
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return found;
}

/* The agent answers something else at once. */
static void assert_serves(void)
{
    int64_t begin = rift_clock_now();
    json_decref(agent_must(&n1->agent, "clock", NULL));
    assert_true(rift_clock_now() - begin < SOON_MS * RIFT_MS);
}

static void assert_ok(json_t *reply)
{
    assert_non_null(json_object_get(reply, "ok"));
    json_decref(reply);
}

static int count_faults(void)
{
    json_t *status = agent_must(&n1->agent, "status", NULL);
    int count = (int)json_array_size(json_object_get(status, "faults"));
    json_decref(status);
    return count;
}

/* A layer whose process stands still answers nothing, and a heal that needs it waits for seconds.
 */
static void a_heal_that_waits_keeps_nobody_waiting(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    json_t *slow = json_pack("{s:i}", "sync_ms", 500);
    inject("s", "disk-slow", slow);
    pid_t layer = layer_process();
    assert_true(layer > 0);
    assert_int_equal(0, kill(layer, SIGSTOP));
    int64_t healing = agent_send(&n1->agent, "heal", json_pack("{s:s}", "id", "s"));
    assert_serves();
    kill(layer, SIGCONT);
    assert_ok(agent_wait(&n1->agent, healing));
    assert_false(is_there("/ledger/s.json"));

    inject("t", "disk-slow", json_pack("{s:i}", "sync_ms", 500));
    assert_int_equal(0, kill(layer, SIGSTOP));
    healing = agent_send(&n1->agent, "heal_all", NULL);
    assert_serves();
    kill(layer, SIGCONT);
    json_t *reply = agent_wait(&n1->agent, healing), *healed = NULL;
    assert_int_equal(0, json_unpack(reply, "{s:{s:o}}", "ok", "healed", &healed));
    assert_int_equal(1, json_array_size(healed));
    json_decref(reply);
    assert_false(is_there("/ledger/t.json"));

    inject("u", "disk-slow", json_pack("{s:i}", "sync_ms", 500));
    assert_int_equal(0, kill(layer, SIGSTOP));
    renew(SHORT_LEASE_MS);
    rift_clock_sleep_until(rift_clock_now() + 2 * SHORT_LEASE_MS * RIFT_MS);
    assert_serves();
    renew(LEASE_MS);
    kill(layer, SIGCONT);
    assert_true(goes_within("/ledger/u.json", WAIT_MS));
    int64_t deadline = rift_clock_now() + SOON_MS * RIFT_MS;
    while (count_faults() > 0)
        assert_true(rift_clock_now() < deadline);
    assert_true(toy_is_alive(n1, SOON_MS));
}

/* Nor does a look at data that are below it: it gives up. */
static void a_look_below_a_layer_that_stands_still_ends(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    const char *const faults[] = {"rollback", "disk-full", "disk-lose"};
    for (int i = 0; i < 3; i++) {
        inject("r", faults[i], NULL);
        pid_t layer = layer_process();
        assert_true(layer > 0);
        assert_int_equal(0, kill(layer, SIGSTOP));
        int64_t begin = rift_clock_now();
        int64_t look = agent_send(&n1->agent, "observe", json_pack("{s:s}", "id", "r"));
        rift_clock_sleep_until(begin + 2 * SOON_MS * RIFT_MS);
        assert_serves();
        kill(layer, SIGCONT);
        json_decref(agent_wait(&n1->agent, look));
        heal("r");
        assert_true(toy_is_alive(n1, WAIT_MS));
    }
}

/* How many faults the end of a lease healed, as the controller is told. */
static size_t lease_end_healed(void)
{
    json_t *event = agent_wait_event(&n1->agent, "lease_ended");
    size_t count = json_array_size(json_object_get(event, "healed"));
    json_decref(event);
    return count;
}

/* It fails at first, and nobody asks again. */
static void a_heal_at_the_end_of_the_lease_is_tried_again(void **state)
{
    (void)state;
    NEED_HOST();
    inject("r", "rollback", NULL);
    /* What cannot be removed for now: a mount lies on it. */
    CLEANUP(rift_free) char *tree = rift_printf("%s%s/tree", n1->state, copy);
    assert_int_equal(0, mount(tree, tree, NULL, MS_BIND, NULL));
    renew(SHORT_LEASE_MS);
    rift_clock_sleep_until(rift_clock_now() + 2 * SHORT_LEASE_MS * RIFT_MS);
    assert_true(is_there(copy) && is_there("/ledger/r.json"));
    assert_int_equal(0, lease_end_healed());
    assert_int_equal(0, umount2(tree, MNT_DETACH));
    assert_true(goes_within("/ledger/r.json", WAIT_MS));
    assert_false(is_there(copy));
    assert_int_equal(1, lease_end_healed());
}

static void so_does_a_guardian(void **state)
{
    (void)state;
    NEED_HOST();
    inject("r", "rollback", NULL);
    CLEANUP(rift_free) char *tree = rift_printf("%s%s/tree", n1->state, copy);
    assert_int_equal(0, mount(tree, tree, NULL, MS_BIND, NULL));
    kill(agent_pid(&n1->agent), SIGKILL);
    rift_clock_sleep_until(rift_clock_now() + 300 * RIFT_MS);
    assert_true(is_there(copy) && is_there("/ledger/r.json"));
    assert_int_equal(0, umount2(tree, MNT_DETACH));
    assert_true(goes_within("/ledger/r.json", WAIT_MS));
    assert_false(is_there(copy));
    agent_forget(&n1->agent);
    assert_int_equal(0, toy_up(NULL));
}

static size_t count_entries(void)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/ledger", n1->state);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t count = 0;
    while (folder && (entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* As many as are carried out at once, and a look that says that there are no more. */
static void keep_all_jobs_busy(int64_t ids[])
{
    for (int i = 0; i < JOBS; i++)
        ids[i] = agent_send(
            &n1->agent, "exec",
            json_pack("{s:[s, s], s:i}", "argv", "/bin/sleep", "1000", "deadline_ms", BUSY_MS));
    json_t *refused = agent_ask(&n1->agent, "exec", json_pack("{s:[s]}", "argv", "/bin/true"));
    assert_string_equal(
        "limit", json_string_value(json_object_get(json_object_get(refused, "error"), "code")));
    json_decref(refused);
}

static void a_heal_finds_room_where_all_else_is_refused(void **state)
{
    (void)state;
    NEED_HOST();
    int64_t ids[JOBS];
    inject("r", "rollback", NULL); /* its heal takes time, and puts the data back */
    inject("s", "rollback", NULL);
    keep_all_jobs_busy(ids);
    heal("r");
    assert_false(is_there(copy));
    json_decref(agent_must(&n1->agent, "heal_all", NULL));
    assert_int_equal(0, count_entries());
    for (int i = 0; i < JOBS; i++)
        json_decref(agent_wait(&n1->agent, ids[i]));
    assert_true(toy_is_alive(n1, SOON_MS));
}

/* --- the state folder */

/* New files and changes are refused from now on (EROFS). */
static void state_stops_taking_writes(void)
{
    assert_int_equal(0, mount(n1->state, n1->state, NULL, MS_BIND | MS_REC, NULL));
    is_state_mounted = true;
    assert_int_equal(0, mount(NULL, n1->state, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
}

static void state_takes_writes(void)
{
    assert_int_equal(0, umount2(n1->state, MNT_DETACH));
    is_state_mounted = false;
}

static void a_guardian_heals_where_the_state_folder_takes_no_writes(void **state)
{
    (void)state;
    NEED_HOST();
    inject("r", "rollback", NULL);
    assert_true(is_there(copy));
    state_stops_taking_writes();
    kill(agent_pid(&n1->agent), SIGKILL);
    bool is_healed = goes_within(copy, WAIT_MS);
    state_takes_writes();
    assert_true(is_healed);
    assert_true(goes_within("/ledger/r.json", WAIT_MS)); /* it tries again */
    agent_forget(&n1->agent);
    assert_int_equal(0, toy_up(NULL));
}

static void so_does_a_heal_by_hand(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    inject("r", "rollback", NULL);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_true(is_there(copy));
    state_stops_taking_writes();
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--heal"));
    free(output);
    state_takes_writes();
    assert_false(is_there(copy));
    assert_true(is_there("/ledger/r.json"));
    assert_int_equal(0, host_agent_by_hand(n1, NULL, "--heal"));
    assert_false(is_there("/ledger/r.json"));
    assert_int_equal(0, toy_up(NULL));
}

/* A heal of all says so, of whatever kind the fault is, and has it again the next time. */
static void what_cannot_leave_the_ledger_is_not_told_to_be_healed(void **state)
{
    (void)state;
    NEED_HOST();
    static const char *const faults[] = {"pause", "partition", "rollback"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        json_decref(agent_must(&n1->agent, "inject",
                               json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", "f", "fault",
                                         faults[i], "options", "peers", "name", "other",
                                         "addresses", "10.99.0.200")));
        state_stops_taking_writes();
        json_t *reply = agent_ask(&n1->agent, "heal_all", NULL);
        state_takes_writes();
        bool is_refused = json_object_get(reply, "error") != NULL;
        json_decref(reply);
        if (!is_refused || count_faults() != 1 || !is_there("/ledger/f.json"))
            fail_msg("%s: forgotten with its heal undone", faults[i]);
        json_t *ok = agent_must(&n1->agent, "heal_all", NULL);
        assert_int_equal(1, json_array_size(json_object_get(ok, "healed")));
        json_decref(ok);
        assert_false(is_there("/ledger/f.json"));
    }
}

static const char *refusal_of(const char *fault, char text[256])
{
    const char *code = "", *reason = "";
    json_t *reply =
        agent_ask(&n1->agent, "inject",
                  json_pack("{s:s, s:s, s:{}}", "id", "full", "fault", fault, "options"));
    json_unpack(reply, "{s:{s:s, s:s}}", "error", "code", &code, "text", &reason);
    snprintf(text, 256, "%s: %s", code, reason);
    json_decref(reply);
    return text;
}

/* On a disk of its own that has no room for one more file, or not for one more byte. */
static void a_fault_that_the_ledger_has_no_room_for_is_refused_untouched(void **state)
{
    (void)state;
    if (!n1)
        skip();
    char text[256];
    mkdir(n1->state, 0755);
    if (mount("none", n1->state, "tmpfs", 0, "size=256k,nr_inodes=64"))
        skip();
    assert_int_equal(0, toy_up(NULL));
    CLEANUP(rift_free)
    char *fill_names =
        rift_printf("cd %s && for i in $(seq 70); do : 2>/dev/null >x$i || break; done", n1->state);
    CLEANUP(rift_free)
    char *fill_bytes =
        rift_printf("rm %s/x*; cat /dev/zero >%s/y 2>/dev/null", n1->state, n1->state);
    HOST_RUN(n1, NULL, "/bin/sh", "-c", fill_names);
    assert_non_null(strstr(refusal_of("kill", text), "No space left on device"));
    assert_non_null(strstr(text, "/ledger")); /* not for want of something else */
    HOST_RUN(n1, NULL, "/bin/sh", "-c", fill_bytes);
    assert_non_null(strstr(refusal_of("kill", text), "No space left on device"));
    assert_int_equal(0, count_entries());
    assert_true(toy_is_alive(n1, SOON_MS));
    CLEANUP(rift_free) char *empty = rift_printf("rm %s/y", n1->state);
    HOST_RUN(n1, NULL, "/bin/sh", "-c", empty);
    inject("now", "pause", NULL);
    assert_true(is_observed("now"));
    heal("now");
    toy_down(NULL);
    assert_int_equal(0, umount2(n1->state, MNT_DETACH));
}

/* --- no process more */

static bool write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    bool is_written = file && fputs(text, file) >= 0;
    return file && fclose(file) == 0 && is_written;
}

/* Agent and guardian in a group in which nobody may fork; false where there is no such group here.
 */
static bool forbid_forks(char folder[128])
{
    CLEANUP(rift_free) char *agent = rift_printf("%d", (int)agent_pid(&n1->agent));
    CLEANUP(rift_free) char *guardian = rift_printf("%d", (int)guardian_pid(&n1->agent));
    snprintf(folder, 128, "/sys/fs/cgroup/pids/rift-test-forks-%d", (int)getpid());
    if (mkdir(folder, 0755))
        return false;
    CLEANUP(rift_free) char *procs = rift_printf("%s/cgroup.procs", folder);
    CLEANUP(rift_free) char *most = rift_printf("%s/pids.max", folder);
    return write_to(procs, agent) && write_to(procs, guardian) && write_to(most, "1");
}

static void what_cannot_fork_heals_all_the_same(void **state)
{
    (void)state;
    NEED_HOST();
    char folder[128], text[256];
    inject("a", "rollback", NULL);
    bool can = forbid_forks(folder);
    if (can) {
        assert_non_null(strstr(refusal_of("cpu-burn", text), "Resource temporarily unavailable"));
        assert_true(is_there("-data/toy.rift-backup-a"));
        json_decref(agent_must(&n1->agent, "heal_all", NULL)); /* a job cannot be had */
        assert_false(is_there("-data/toy.rift-backup-a"));
        assert_int_equal(0, count_entries());
    }
    CLEANUP(rift_free) char *most = rift_printf("%s/pids.max", folder);
    write_to(most, "max");
    inject("r", "rollback", NULL);
    write_to(most, "1");
    kill(agent_pid(&n1->agent), SIGKILL);
    assert_true(goes_within(copy, WAIT_MS));
    assert_true(goes_within("/ledger/r.json", WAIT_MS));
    agent_forget(&n1->agent);
    for (int i = 0; i < 100 && rmdir(folder) && errno == EBUSY; i++)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    assert_true(toy_is_alive(n1, SOON_MS));
    assert_int_equal(0, toy_up(NULL));
    if (!can)
        skip();
}

/* --- the ledger */

static void write_entry(const char *id, const json_t *entry)
{
    CLEANUP(rift_free) char *folder = rift_printf("%s/ledger", n1->state);
    CLEANUP(rift_free) char *path = rift_printf("%s/%s.json", folder, id);
    CLEANUP(rift_free) char *text = json_dumps(entry, JSON_COMPACT);
    mkdir(folder, 0700);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(strlen(text), fwrite(text, 1, strlen(text), file));
    fclose(file);
}

static void quit(void)
{
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
}

/* A process of nobody's that has the number and the start of one that a pause of then was held by.
 */
static void what_an_earlier_boot_left_is_no_harm_in_this_one(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_process stranger;
    char boot_id[RIFT_BOOT_ID_SIZE];
    rift_boot_id(boot_id);
    quit();
    for (int round = 0; round < 2; round++) {
        bool is_of_this_boot = round == 1;
        pid_t pid = fork();
        if (pid == 0)
            for (;;)
                pause();
        assert_true(rift_process_identify(pid, &stranger));
        json_t *entry = json_pack("{s:s, s:s, s:s, s:{s:[i, I]}}", "id", "p", "fault", "pause",
                                  "boot", is_of_this_boot ? boot_id : "another", "undo", "holder",
                                  (int)stranger.pid, (json_int_t)stranger.start_ticks);
        write_entry("p", entry);
        json_decref(entry);
        assert_int_equal(0, toy_up(NULL));
        assert_false(is_there("/ledger/p.json"));
        assert_int_equal(!is_of_this_boot, rift_process_is_alive(&stranger));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        quit();
    }
    assert_int_equal(0, toy_up(NULL));
}

static void assert_unreadable_entry_stays(const char *content)
{
    char *output;
    CLEANUP(rift_free) char *folder = rift_printf("%s/ledger", n1->state);
    CLEANUP(rift_free) char *path = rift_printf("%s/torn.json", folder);
    mkdir(folder, 0700);
    assert_true(write_to(path, content));
    assert_false(host_agent_start(n1, "mishaps", LEASE_MS));
    agent_forget(&n1->agent);
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_says(output, "ledger/torn.json' cannot be read");
    free(output);
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--heal"));
    assert_true(is_there("/ledger/torn.json"));
    free(output);
}

static void an_entry_that_nobody_can_read_is_told_of_and_stays(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    /* Cut short, empty, no JSON, and JSON that is no entry. */
    static const char *const contents[] = {"{\"id\":\"torn\",\"fault\":\"pause\",\"un", "",
                                           "\001\377 \002",
                                           "{\"id\":\"torn\",\"fault\":\"pause\",\"undo\":[]}"};
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    quit();
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        assert_unreadable_entry_stays(contents[i]);
    assert_int_equal(0, host_agent_by_hand(n1, &output, "--purge"));
    assert_says(output, "torn.json");
    free(output);
    assert_false(is_there("/ledger/torn.json"));
    assert_int_equal(0, toy_up(NULL));
}

/* It ends what runs, and keeps what it does not know. */
static void so_is_the_note_of_a_system(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    CLEANUP(rift_free) char *path = rift_printf("%s/system.json", n1->state);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_true(toy_is_alive(n1, SOON_MS));
    assert_true(write_to(path, "{\"recipe\": {\"na"));
    assert_false(host_agent_start(n1, "another", LEASE_MS));
    agent_forget(&n1->agent);
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--heal"));
    assert_non_null(strstr(output, "ended the system that a run left"));
    free(output);
    assert_true(toy_is_still(n1, 200));
    assert_true(is_there("/system.json") && is_there("-data/toy"));
    assert_int_equal(0, host_agent_by_hand(n1, &output, "--purge"));
    assert_non_null(strstr(output, "system.json', which cannot be read"));
    free(output);
    assert_false(is_there("/system.json"));
    assert_int_equal(0, toy_up(NULL));
}

/* As after a reboot: nothing of ours runs, nothing is mounted, and the entry is of another boot. */
static void a_full_disk_has_room_again_after_a_reboot(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    CLEANUP(rift_free) char *folder = rift_printf("%s-data/toy", n1->state);
    CLEANUP(rift_free) char *path = rift_printf("%s/ledger/d.json", n1->state);
    CLEANUP(rift_free) char *filler = rift_printf("%s/.rift-filler", folder);
    inject("d", "disk-full", NULL);
    assert_true(is_observed("d"));
    json_t *entry = json_load_file(path, 0, NULL);
    assert_non_null(entry);
    json_object_set_new(entry, "boot", json_string("another"));
    /* The keeper heals as soon as the agent is gone, so the file gets a second name. */
    CLEANUP(rift_free) char *second = rift_printf("%s/.rift-second", folder);
    assert_int_equal(0, link(filler, second));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_true(goes_within("-data/toy/.rift-filler", WAIT_MS));
    assert_int_equal(0, rename(second, filler));
    struct rift_cgroup cgroup;
    size_t hit;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    assert_int_equal(0, rift_cgroup_signal(&cgroup, SIGKILL, &hit, NULL));
    int64_t gone_ns = rift_clock_now() + WAIT_MS * RIFT_MS;
    for (pid_t pid; rift_cgroup_pids(&cgroup, &pid, 1) > 0 && rift_clock_now() < gone_ns;)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    assert_int_equal(0, umount2(folder, MNT_DETACH));
    write_entry("d", entry);
    json_decref(entry);
    assert_false(is_there("-data/toy/.rift-filler"));
    assert_true(host_agent_start(n1, "mishaps", LEASE_MS));
    assert_false(is_there("/ledger/d.json"));
    toy_start(n1);
    assert_false(is_there("-data/toy/.rift-filler"));
    assert_true(toy_is_alive(n1, WAIT_MS));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_down)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(the_guardian_ends_an_agent_that_is_stopped),
        cmocka_unit_test_setup_teardown(a_heal_that_waits_keeps_nobody_waiting, toy_up_layered,
                                        toy_down),
        cmocka_unit_test_setup_teardown(a_look_below_a_layer_that_stands_still_ends, toy_up_layered,
                                        toy_down),
        CASE(a_heal_at_the_end_of_the_lease_is_tried_again),
        CASE(so_does_a_guardian),
        CASE(a_heal_finds_room_where_all_else_is_refused),
        CASE(a_guardian_heals_where_the_state_folder_takes_no_writes),
        CASE(so_does_a_heal_by_hand),
        CASE(what_cannot_leave_the_ledger_is_not_told_to_be_healed),
        cmocka_unit_test(a_fault_that_the_ledger_has_no_room_for_is_refused_untouched),
        CASE(what_cannot_fork_heals_all_the_same),
        CASE(what_an_earlier_boot_left_is_no_harm_in_this_one),
        CASE(an_entry_that_nobody_can_read_is_told_of_and_stays),
        CASE(so_is_the_note_of_a_system),
        cmocka_unit_test_setup_teardown(a_full_disk_has_room_again_after_a_reboot, toy_up_on_disk,
                                        toy_down),
    };
    return cmocka_run_group_tests(tests, group_up, toy_host_down);
}

/* Faults of the layer over the system's data: what a program that uses the folder sees of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum {
    LEASE_MS = 60000,
    SHORT_LEASE_MS = 1500,
    LATE_MS = 10000,
    DISK_MB = 32,
};

static int ext4_up(void **state)
{
    (void)state;
    return toy_host_begin_layered("layer", LEASE_MS, 0, "ext4");
}

static int posix_up(void **state)
{
    (void)state;
    return toy_host_begin_layered("layer", LEASE_MS, 0, "posix");
}

static int short_up(void **state)
{
    (void)state;
    return toy_host_begin_layered("layer", SHORT_LEASE_MS, 0, "ext4");
}

static int disk_up(void **state)
{
    (void)state;
    if (access("/dev/loop-control", F_OK) != 0)
        return 0;
    return toy_host_begin_layered("layer", LEASE_MS, DISK_MB, "ext4");
}

/* --- a program's view of the folder */

/* Writes text at an offset; 0, or errno. */
static int put(const char *file, const char *text, off_t offset, bool is_synced)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    errno = 0;
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    size_t length = strlen(text);
    if (fd < 0 || pwrite(fd, text, length, offset) != (ssize_t)length || (is_synced && fsync(fd)))
        return errno ? errno : EIO;
    return 0;
}

static int sync_file(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY);
    return fd < 0 || fsync(fd) ? errno : 0;
}

/* The whole file, or "(none)"; errors of reading as "(errno N)". Valid until the next call. */
static const char *get(const char *file)
{
    static char text[65536];
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
    if (fd < 0)
        return "(none)";
    if (n < 0)
        snprintf(text, sizeof text, "(errno %d)", errno);
    else
        text[n] = 0;
    return text;
}

static bool is_there(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    return access(path, F_OK) == 0;
}

static int move(const char *from, const char *to)
{
    CLEANUP(rift_free) char *a = toy_data_path(from);
    CLEANUP(rift_free) char *b = toy_data_path(to);
    return rename(a, b);
}

static int drop(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    return unlink(path);
}

/* --- losing */

static void what_was_not_synced_is_lost_and_what_was_is_there(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("log", "synced", 0, true));
    assert_int_equal(0, sync_file(""));
    assert_int_equal(0, put("log", "-tail", 6, false));
    assert_int_equal(0, put("log", "SYN", 0, false));
    assert_string_equal("SYNced-tail", get("log"));
    assert_int_equal(0, put("fresh", "x", 0, false));
    inject("lose", "disk-lose", NULL);
    assert_true(becomes_observed("lose"));
    assert_string_equal("synced", get("log"));
    assert_false(is_there("fresh"));
    assert_true(toy_is_still(n1, 100));
    heal("lose");
    assert_true(toy_is_alive(n1, 5000));
    assert_false(is_there(".rift-canary"));
}

static void names_that_were_not_synced_are_as_before(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("old", "old", 0, true));
    assert_int_equal(0, put("new", "new", 0, true));
    assert_int_equal(0, put("gone", "gone", 0, true));
    assert_int_equal(0, sync_file(""));
    assert_int_equal(0, move("new", "old")); /* replaces it */
    assert_int_equal(0, drop("gone"));
    assert_false(is_there("gone"));
    assert_string_equal("new", get("old"));
    inject("lose", "disk-lose", NULL);
    assert_true(becomes_observed("lose"));
    assert_string_equal("old", get("old"));
    assert_string_equal("new", get("new"));
    assert_string_equal("gone", get("gone"));
}

static void as_ext4_a_sync_keeps_every_name_before_it(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("first", "1", 0, false));
    assert_int_equal(0, put("second", "2", 0, true));
    inject("lose", "disk-lose", NULL);
    assert_string_equal("", get("first")); /* its name is there, its content is not */
    assert_string_equal("2", get("second"));
}

static void as_posix_a_name_needs_a_sync_of_its_folder(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("kept", "k", 0, true));
    assert_int_equal(0, sync_file(""));
    assert_int_equal(0, put("synced", "s", 0, true));
    assert_int_equal(0, put("a", "a", 0, true));
    assert_int_equal(0, move("kept", "moved"));
    inject("lose", "disk-lose", NULL);
    assert_true(becomes_observed("lose"));
    assert_false(is_there("synced"));
    assert_false(is_there("a"));
    assert_false(is_there("moved"));
    assert_string_equal("k", get("kept"));
}

static void only_files_of_the_pattern_lose_anything(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("a.wal", "1", 0, true));
    assert_int_equal(0, put("a.db", "1", 0, true));
    assert_int_equal(0, put("a.wal", "2", 1, false));
    assert_int_equal(0, put("a.db", "2", 1, false));
    inject("lose", "disk-lose", json_pack("{s:s}", "files", "*.wal"));
    assert_true(becomes_observed("lose"));
    assert_string_equal("1", get("a.wal"));
    assert_string_equal("12", get("a.db"));
    heal("lose");
    json_t *reply = agent_ask(&n1->agent, "inject",
                              json_pack("{s:s, s:s, s:{s:s}}", "id", "none", "fault", "disk-lose",
                                        "options", "files", "*.wall"));
    const char *why = "";
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &why));
    assert_non_null(strstr(why, "no file in the data folders is '*.wall'"));
    json_decref(reply);
    assert_true(toy_is_alive(n1, 3000));
}

static void a_torn_write_stays_in_part_sector_by_sector(void **state)
{
    (void)state;
    NEED_HOST();
    enum { SECTORS = 64, SECTOR = 512 };
    char text[SECTORS * SECTOR + 1] = "";
    memset(text, 'o', sizeof text - 1);
    assert_int_equal(0, put("page", text, 0, true));
    memset(text, 'n', sizeof text - 1);
    assert_int_equal(0, put("page", text, 0, false));
    inject("lose", "disk-lose", json_pack("{s:i}", "keep_percent", 50));
    assert_true(becomes_observed("lose"));
    const char *found = get("page");
    int kept = 0;
    assert_int_equal(sizeof text - 1, strlen(found));
    for (int i = 0; i < SECTORS; i++) {
        char first = found[i * SECTOR];
        for (int k = 0; k < SECTOR; k++)
            assert_int_equal(first, found[i * SECTOR + k]);
        kept += first == 'n';
    }
    assert_in_range(kept, 10, 54); /* of 64 by one half: outside once in 10^8 */
}

/* Of two files, of which another one comes first each time. */
static void the_seed_says_which_sectors_stay(void **state)
{
    (void)state;
    NEED_HOST();
    enum { SECTORS = 64, SECTOR = 512, SIZE = SECTORS * SECTOR };
    static char old[SIZE + 1], new[SIZE + 1], found[3][2][SIZE + 1];
    const int seeds[3] = {7, 7, 8};
    const char *const files[2] = {"a", "b"};
    memset(old, 'o', SIZE);
    memset(new, 'n', SIZE);
    for (int run = 0; run < 3; run++) {
        for (int i = 0; i < 2; i++) {
            CLEANUP(rift_free) char *path = toy_data_path(files[i]);
            unlink(path);
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(0, put(files[(run + i) % 2], old, 0, true));
        for (int i = 0; i < 2; i++)
            assert_int_equal(0, put(files[i], new, 0, false));
        inject_seeded("lose", "disk-lose", json_pack("{s:i}", "keep_percent", 50), seeds[run]);
        assert_true(becomes_observed("lose"));
        for (int i = 0; i < 2; i++)
            snprintf(found[run][i], sizeof found[run][i], "%s", get(files[i]));
        heal("lose");
        assert_true(toy_is_alive(n1, 3000));
    }
    for (int i = 0; i < 2; i++) {
        assert_string_equal(found[0][i], found[1][i]);
        assert_string_not_equal(found[0][i], found[2][i]);
        assert_string_not_equal(found[0][i], old);
    }
    assert_string_not_equal(found[0][0], found[0][1]);
}

/* --- errors */

static void requests_fail_as_asked_until_it_is_healed(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("a.wal", "1", 0, true));
    inject("bad", "disk-error", json_pack("{s:[s], s:s}", "on", "sync", "files", "*.wal"));
    assert_int_equal(0, put("a.wal", "2", 0, false));
    assert_int_equal(0, put("a.db", "3", 0, true));
    assert_false(is_observed("bad"));
    assert_int_equal(EIO, put("a.wal", "3", 0, true));
    assert_true(becomes_observed("bad"));
    heal("bad");
    assert_int_equal(0, put("a.wal", "4", 0, true));
    inject("full", "disk-error",
           json_pack("{s:[s, s], s:s}", "on", "write", "names", "error", "ENOSPC"));
    assert_true(becomes_observed("full"));
    assert_int_equal(ENOSPC, put("a.wal", "5", 0, false));
    assert_int_equal(ENOSPC, put("another", "5", 0, false));
    assert_string_equal("4", get("a.wal"));
    heal("full");
    inject("unreadable", "disk-error", json_pack("{s:[s]}", "on", "read"));
    assert_false(is_observed("unreadable")); /* nobody reads but the probe */
    assert_string_equal("(errno 5)", get("a.wal"));
    assert_true(becomes_observed("unreadable"));
    heal("unreadable");
    assert_string_equal("4", get("a.wal"));
    assert_false(is_there(".rift-probe"));
}

static void errors_by_chance_hit_about_as_many_as_asked(void **state)
{
    (void)state;
    NEED_HOST();
    inject("some", "disk-error", json_pack("{s:[s], s:i}", "on", "write", "percent", 30));
    int failed = 0;
    for (int i = 0; i < 400; i++)
        failed += put("file", "x", i, false) == EIO;
    assert_in_range(failed, 84, 156); /* 120 +- 4 standard deviations */
}

/* The agent's own looks draw nothing of it. */
static void the_seed_says_which_requests_fail(void **state)
{
    (void)state;
    NEED_HOST();
    enum { COUNT = 200 };
    const int seeds[3] = {7, 7, 8};
    int errors[3][COUNT];
    for (int run = 0; run < 3; run++) {
        json_t *options =
            json_pack("{s:[s], s:i, s:s}", "on", "write", "percent", 50, "files", "seeded");
        inject_seeded("some", "disk-error", options, seeds[run]);
        for (int i = 0; i < COUNT; i++) {
            errors[run][i] = put("seeded", "x", i, false);
            if (run == 1 && i % 50 == 0)
                is_observed("some");
        }
        heal("some");
    }
    assert_memory_equal(errors[0], errors[1], sizeof errors[0]);
    assert_memory_not_equal(errors[0], errors[2], sizeof errors[0]);
}

static void errors_end_with_the_lease_when_agent_and_guardian_are_dead(void **state)
{
    (void)state;
    NEED_HOST();
    inject("bad", "disk-error", NULL);
    assert_int_equal(EIO, put("file", "x", 0, true));
    agent_kill_both(&n1->agent);
    int64_t deadline = rift_clock_now() + (SHORT_LEASE_MS + LATE_MS) * RIFT_MS;
    while (put("file", "x", 0, true) != 0)
        assert_true(rift_clock_now() < deadline);
    assert_string_equal("x", get("file"));
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "layer", SHORT_LEASE_MS));
    assert_false(is_there(".rift-probe"));
}

/* --- time */

static int64_t sync_ms(const char *file)
{
    int64_t begin = rift_clock_now();
    assert_int_equal(0, put(file, "x", 0, true));
    return (rift_clock_now() - begin) / RIFT_MS;
}

/* The shortest of some, as other users of the disk make each take longer. */
static int64_t best_sync_ms(const char *file, int64_t below_ms)
{
    int64_t best = sync_ms(file);
    for (int i = 0; i < 20 && best >= below_ms; i++) {
        int64_t again = sync_ms(file);
        best = again < best ? again : best;
    }
    return best;
}

static void a_sync_takes_as_long_as_asked(void **state)
{
    (void)state;
    NEED_HOST();
    inject("slow", "disk-slow", json_pack("{s:i, s:s}", "sync_ms", 400, "files", "*.wal"));
    assert_true(best_sync_ms("a.db", 300) < 300);
    rift_clock_sleep_until(rift_clock_now() + 600 * RIFT_MS); /* a sync of the probe's is over */
    assert_false(is_observed("slow"));
    assert_in_range(best_sync_ms("a.wal", 900), 400, 900);
    assert_true(becomes_observed("slow"));
    heal("slow");
    assert_true(best_sync_ms("a.wal", 300) < 300);
}

static void whoever_waits_for_the_disk_can_be_killed(void **state)
{
    (void)state;
    NEED_HOST();
    inject("slow", "disk-slow", json_pack("{s:i}", "sync_ms", 15000));
    pid_t pid = fork();
    if (pid == 0) {
        put("file", "x", 0, true);
        _exit(0);
    }
    rift_clock_sleep_until(rift_clock_now() + 300 * RIFT_MS);
    assert_int_equal(0, waitpid(pid, NULL, WNOHANG));
    kill(pid, SIGKILL);
    int64_t begin = rift_clock_now();
    int status = 0;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFSIGNALED(status));
    assert_true(rift_clock_now() - begin < 12 * RIFT_SECOND); /* its sync takes 15 s */
}

/* --- damage */

static int bits_apart(const char *a, const char *b, size_t length)
{
    int count = 0;
    for (size_t i = 0; i < length; i++)
        count += __builtin_popcount((unsigned char)a[i] ^ (unsigned char)b[i]);
    return count;
}

static void one_bit_is_wrong_in_what_is_read_or_stays_wrong_in_what_was_written(void **state)
{
    (void)state;
    NEED_HOST();
    static const char text[] = "a page of a database";
    assert_int_equal(0, put("page", text, 0, true));
    inject("read", "disk-corrupt", NULL);
    assert_false(is_observed("read"));
    assert_int_equal(1, bits_apart(text, get("page"), sizeof text - 1));
    assert_true(becomes_observed("read"));
    heal("read");
    assert_string_equal(text, get("page"));
    inject("write", "disk-corrupt", json_pack("{s:[s], s:s}", "on", "write", "files", "page"));
    assert_int_equal(0, put("other", text, 0, true));
    rift_clock_sleep_until(rift_clock_now() + 300 * RIFT_MS);
    assert_false(is_observed("write"));
    assert_int_equal(0, put("page", text, 0, true));
    assert_true(becomes_observed("write"));
    heal("write");
    assert_int_equal(1, bits_apart(text, get("page"), sizeof text - 1));
}

/* --- its own life */

static bool is_listed(const char *word)
{
    char *output;
    CLEANUP(rift_free) char *line = rift_printf("%s%s-data", word, n1->state);
    host_agent_by_hand(n1, &output, "--leftovers");
    bool is = strstr(output, line) != NULL;
    free(output);
    return is;
}

/* The process that listens on the layer's socket: of this host's, as others may test here too. */
static pid_t layer_pid(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;
    CLEANUP(rift_free) char *path = rift_printf("%s-data/toy.rift-layer", n1->state);
    CLEANUP(rift_close_fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return peer.pid;
}

static void it_is_there_from_start_to_stop_and_leaves_nothing(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *attic = toy_data_path(".rift-attic");
    CLEANUP(rift_free) char *socket_file = rift_printf("%s-data/toy.rift-layer", n1->state);
    assert_true(is_listed("layer: "));
    assert_int_equal(0, access(socket_file, F_OK));
    assert_int_equal(0, put("file", "kept", 0, false));
    assert_int_equal(0, drop("parent"));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    assert_false(is_listed("layer: "));
    assert_int_equal(-1, access(attic, F_OK));
    assert_int_equal(-1, access(socket_file, F_OK));
    assert_string_equal("kept", get("file"));
    assert_int_equal(0, layer_pid());
}

static void when_its_process_is_killed_the_next_heal_shows_the_data_below(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, put("file", "kept", 0, false));
    inject("bad", "disk-error", NULL);
    assert_int_equal(EIO, put("file", "x", 0, true));
    pid_t pid = layer_pid();
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    int64_t deadline = rift_clock_now() + 3 * RIFT_SECOND;
    while (strcmp(get("file"), "kept") == 0)
        assert_true(rift_clock_now() < deadline);
    heal("bad");
    assert_false(is_listed("layer: "));
    assert_string_equal("kept", get("file"));
}

static void a_dead_one_is_replaced_when_the_system_starts(void **state)
{
    (void)state;
    NEED_HOST();
    pid_t pid = layer_pid();
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    json_decref(agent_must(&n1->agent, "system.kill", json_object()));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    toy_start(n1);
    assert_true(is_listed("layer: "));
    assert_true(toy_is_alive(n1, 5000));
}

static void another_agent_of_the_machine_takes_nothing_of_it(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    struct test_host other = *n1;
    CLEANUP(rift_free) char *image = toy_data_path("../toy.rift-disk");
    assert_int_equal(0, put("file", "kept", 0, false));
    snprintf(other.state, sizeof other.state, "%.100s-other", n1->state);
    snprintf(other.cgroup, sizeof other.cgroup, "%.50s-other", n1->cgroup);
    assert_int_equal(0, host_agent_by_hand(&other, &output, "--purge"));
    free(output);
    assert_string_equal("kept", get("file"));
    assert_true(is_listed("layer: "));
    assert_int_equal(access("/dev/loop-control", F_OK), access(image, F_OK));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_int_equal(0, host_agent_by_hand(n1, &output, "--purge"));
    free(output);
    assert_false(is_listed("layer: "));
    assert_false(is_listed("disk: "));
    assert_int_equal(-1, access(image, F_OK));
    assert_true(host_agent_start(n1, "layer", LEASE_MS));
}

/* A recipe that was told anew in the same session forgets the folders of the one before. */
static void a_purge_finds_disks_that_no_recipe_names_any_more(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    CLEANUP(rift_free) char *image = toy_data_path("../toy.rift-disk");
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    CLEANUP(rift_free) char *recipe = rift_printf("%s/system.json", n1->state);
    assert_int_equal(0, unlink(recipe));
    assert_true(is_listed("layer: "));
    assert_int_equal(0, host_agent_by_hand(n1, &output, "--purge"));
    free(output);
    assert_false(is_listed("layer: "));
    assert_false(is_listed("disk: "));
    assert_int_equal(-1, access(image, F_OK));
    assert_true(host_agent_start(n1, "layer", LEASE_MS));
}

static void a_power_cut_reaches_the_disk_below_it(void **state)
{
    (void)state;
    NEED_HOST();
    if (access("/dev/loop-control", F_OK) != 0)
        skip();
    assert_int_equal(0, put("synced", "s", 0, true));
    assert_int_equal(0, put("unsynced", "u", 0, false));
    inject("power", "power", NULL);
    assert_true(becomes_observed("power"));
    assert_string_equal("s", get("synced"));
    assert_string_not_equal("u", get("unsynced"));
    heal("power");
    assert_true(toy_is_alive(n1, 5000));
    assert_true(is_listed("layer: "));
}

static void its_faults_say_what_to_set_where_there_is_none(void **state)
{
    (void)state;
    NEED_HOST();
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    toy_configure(n1, 0, "none");
    toy_start(n1);
    const char *const faults[] = {"disk-lose", "disk-error", "disk-slow", "disk-corrupt"};
    for (int i = 0; i < 4; i++) {
        json_t *reply =
            agent_ask(&n1->agent, "inject",
                      json_pack("{s:s, s:s, s:{}}", "id", "no", "fault", faults[i], "options"));
        const char *text = NULL;
        assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
        assert_non_null(strstr(text, "disk_layer"));
        json_decref(reply);
    }
    assert_true(toy_is_alive(n1, 5000));
}

#define CASE(test)        cmocka_unit_test_setup_teardown(test, ext4_up, toy_host_end_wiped)
#define CASE_IN(up, test) cmocka_unit_test_setup_teardown(test, up, toy_host_end_wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_not_synced_is_lost_and_what_was_is_there),
        CASE(names_that_were_not_synced_are_as_before),
        CASE(as_ext4_a_sync_keeps_every_name_before_it),
        CASE_IN(posix_up, as_posix_a_name_needs_a_sync_of_its_folder),
        CASE(only_files_of_the_pattern_lose_anything),
        CASE(a_torn_write_stays_in_part_sector_by_sector),
        CASE(the_seed_says_which_sectors_stay),
        CASE(requests_fail_as_asked_until_it_is_healed),
        CASE(errors_by_chance_hit_about_as_many_as_asked),
        CASE(the_seed_says_which_requests_fail),
        CASE_IN(short_up, errors_end_with_the_lease_when_agent_and_guardian_are_dead),
        CASE(a_sync_takes_as_long_as_asked),
        CASE(whoever_waits_for_the_disk_can_be_killed),
        CASE(one_bit_is_wrong_in_what_is_read_or_stays_wrong_in_what_was_written),
        CASE(it_is_there_from_start_to_stop_and_leaves_nothing),
        CASE(when_its_process_is_killed_the_next_heal_shows_the_data_below),
        CASE(a_dead_one_is_replaced_when_the_system_starts),
        CASE_IN(disk_up, another_agent_of_the_machine_takes_nothing_of_it),
        CASE_IN(disk_up, a_purge_finds_disks_that_no_recipe_names_any_more),
        CASE_IN(disk_up, a_power_cut_reaches_the_disk_below_it),
        CASE(its_faults_say_what_to_set_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, toy_host_up_for_layers, toy_host_down);
}

/* Faults of the system's own disk: what is on it afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
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
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { GONE_MS = 20000 };

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("disk", 120000, 32);
}

/* The disk of before it, ext4, is wiped as one. */
static int xfs_up(void **state)
{
    if (toy_up(state) < 0)
        return -1;
    if (!n1)
        return 0;
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    toy_configure_xfs(n1, 320);
    toy_start(n1);
    return 0;
}

static int layered_up(void **state)
{
    (void)state;
    return toy_host_begin_layered("disk", 120000, 32, "ext4");
}

/* Writes a file there; 0, or errno. */
static int write_file(const char *file, size_t size, bool is_synced)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_free) char *bytes = rift_calloc(1, size);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || (is_synced && fsync(fd)))
        return errno ? errno : EIO;
    return 0;
}

static long size_of(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    struct stat buffer;
    return stat(path, &buffer) == 0 ? (long)buffer.st_size : -1;
}

static void a_full_disk_takes_nothing_and_is_as_before_after_it(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, write_file("before", 1 << 20, true));
    inject("full", "disk-full", NULL);
    assert_true(is_observed("full"));
    errno = 0;
    assert_int_equal(ENOSPC, write_file("during", 1 << 20, true));
    heal("full");
    assert_int_equal(0, write_file("after", 1 << 20, true));
    assert_int_equal(-1, size_of(".rift-filler"));
    assert_true(toy_is_alive(n1, 5000));
}

static void a_disk_with_room_left_is_full_once_that_is_used(void **state)
{
    (void)state;
    NEED_HOST();
    inject("full", "disk-full", json_pack("{s:i}", "leave_kb", 4096));
    assert_int_equal(0, write_file("fits", 1 << 20, true));
    assert_false(is_observed("full"));
    assert_int_not_equal(0, write_file("larger", 8 << 20, true));
    assert_true(becomes_observed("full"));
    heal("full");
    assert_int_equal(0, write_file("after", 8 << 20, true));
}

/* What the layer keeps of files, to undo what was not synced, it does not keep of our own. */
static void a_full_disk_below_a_layer_is_as_before_after_it(void **state)
{
    if (access("/dev/fuse", F_OK) != 0)
        skip();
    a_full_disk_takes_nothing_and_is_as_before_after_it(state);
}

static void a_full_disk_is_emptied_by_its_keeper_when_all_else_is_dead(void **state)
{
    (void)state;
    NEED_HOST();
    inject("full", "disk-full", NULL);
    agent_kill_both(&n1->agent);
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    while (size_of(".rift-filler") >= 0) {
        assert_true(rift_clock_now() < deadline);
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "disk", 120000));
}

static void a_power_cut_loses_what_was_not_synced_and_nothing_else(void **state)
{
    (void)state;
    NEED_HOST();
    assert_int_equal(0, write_file("synced", 100000, true));
    assert_int_equal(0, write_file("unsynced", 100000, false));
    inject("power", "power", NULL);
    assert_true(is_observed("power"));
    assert_true(toy_is_still(n1, 100));
    assert_int_equal(100000, size_of("synced"));
    assert_true(size_of("unsynced") <= 0);
    heal("power");
    assert_true(toy_is_alive(n1, 5000));
}

static void a_power_cut_that_loses_nothing_is_not_observed(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *folder = toy_data_path("");
    assert_int_equal(0, mount(NULL, folder, NULL, MS_REMOUNT | MS_SYNCHRONOUS, NULL));
    inject("power", "power", NULL);
    assert_false(is_observed("power"));
    heal("power");
    assert_true(toy_is_alive(n1, 5000));
    assert_int_equal(-1, size_of(".rift-canary"));
}

static void the_same_of_an_xfs(void **state)
{
    NEED_HOST();
    CLEANUP(rift_free) char *folder = toy_data_path("");
    struct statfs fs;
    assert_int_equal(0, statfs(folder, &fs));
    assert_int_equal(XFS_SUPER_MAGIC, fs.f_type);
    a_full_disk_takes_nothing_and_is_as_before_after_it(state);
    a_power_cut_loses_what_was_not_synced_and_nothing_else(state);
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    assert_int_equal(-1, size_of(""));
}

/* "FROZEN", "THAWED": of the system's cgroup, by the test's own hand. False without freezer of v1.
 */
static bool freeze(const char *word)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *folder = rift_cgroup_v1_folder(&cgroup, "freezer");
    CLEANUP(rift_free) char *path = folder ? rift_printf("%s/freezer.state", folder) : NULL;
    CLEANUP(rift_close_fd) int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    return fd >= 0 && write(fd, word, strlen(word)) > 0;
}

/* What is frozen by v1 dies only once it is thawed: the power cut waits for it, and nobody else. */
static void the_agent_goes_on_while_a_power_cut_waits(void **state)
{
    (void)state;
    NEED_HOST();
    if (!freeze("FROZEN"))
        skip();
    int64_t id =
        agent_send(&n1->agent, "inject",
                   json_pack("{s:s, s:s, s:{}}", "id", "power", "fault", "power", "options"));
    for (int i = 0; i < 5; i++) {
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
        json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 120000)));
    }
    int64_t heal_id = agent_send(&n1->agent, "heal", json_pack("{s:s}", "id", "power"));
    /* All that was answered while it waited: else there would be nothing left to cancel. */
    json_t *cancelled = agent_wait(&n1->agent, id);
    const char *code = "";
    assert_int_equal(0, json_unpack(cancelled, "{s:{s:s}}", "error", "code", &code));
    assert_string_equal("cancelled", code);
    json_decref(cancelled);
    assert_true(freeze("THAWED"));
    json_t *healed = agent_wait(&n1->agent, heal_id);
    assert_non_null(json_object_get(healed, "ok"));
    json_decref(healed);
    assert_true(toy_is_alive(n1, 5000));
    assert_int_equal(0, write_file("after", 10, true));
}

static void disk_faults_touch_no_disk_that_is_not_the_systems_own(void **state)
{
    (void)state;
    NEED_HOST();
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    toy_configure(n1, 0, "none");
    toy_start(n1);
    const char *const faults[] = {"disk-full", "power", "disk-rate"};
    for (int i = 0; i < 3; i++) {
        json_t *reply =
            agent_ask(&n1->agent, "inject",
                      json_pack("{s:s, s:s, s:{}}", "id", "no", "fault", faults[i], "options"));
        const char *text = NULL;
        assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
        assert_non_null(strstr(text, "disk_mb"));
        json_decref(reply);
    }
    assert_true(toy_is_alive(n1, 5000));
}

/* --- file-damage */

enum { PAGE = 4096, PAGES = 8 };

static void write_pages(const char *file, char pages[PAGES * PAGE])
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < PAGES * PAGE; i++)
        pages[i] = (char)('a' + i / PAGE);
    assert_int_equal(PAGES * PAGE, write(fd, pages, PAGES * PAGE));
}

static ssize_t read_pages(const char *file, char pages[PAGES * PAGE])
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY);
    return fd < 0 ? -1 : read(fd, pages, PAGES * PAGE);
}

static void append(const char *file, const char *text, int times)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_APPEND);
    for (int i = 0; i < times; i++)
        assert_int_equal(strlen(text), write(fd, text, strlen(text)));
}

static void files_are_damaged_as_asked_and_only_those_of_the_pattern(void **state)
{
    (void)state;
    NEED_HOST();
    static char wrote[PAGES * PAGE], found[PAGES * PAGE];
    write_pages("other.db", wrote);
    write_pages("x.wal", wrote);
    inject("cut", "file-damage",
           json_pack("{s:s, s:i, s:s}", "how", "truncate", "bytes", 100, "files", "*.wal"));
    assert_true(is_observed("cut"));
    assert_int_equal(PAGES * PAGE - 100, read_pages("x.wal", found));
    assert_memory_equal(wrote, found, PAGES * PAGE - 100);
    heal("cut");
    assert_int_equal(PAGES * PAGE - 100, read_pages("x.wal", found)); /* it is not healed */
    write_pages("x.wal", wrote);
    inject("grown", "file-damage",
           json_pack("{s:s, s:i, s:s}", "how", "truncate", "bytes", 100, "files", "*.wal"));
    append("x.wal", "later ", 40); /* the system goes on writing where the file ends now */
    assert_true(is_observed("grown"));
    heal("grown");
    write_pages("x.wal", wrote);
    inject("bit", "file-damage", json_pack("{s:s}", "files", "*.wal"));
    assert_true(is_observed("bit"));
    assert_int_equal(PAGES * PAGE, read_pages("x.wal", found));
    int bits = 0;
    for (int i = 0; i < PAGES * PAGE; i++)
        bits += __builtin_popcount((unsigned char)wrote[i] ^ (unsigned char)found[i]);
    assert_int_equal(1, bits);
    heal("bit");
    write_pages("x.wal", wrote);
    inject("copy", "file-damage",
           json_pack("{s:s, s:i, s:s}", "how", "copy", "bytes", PAGE, "files", "*.wal"));
    assert_true(is_observed("copy"));
    assert_int_equal(PAGES * PAGE, read_pages("x.wal", found));
    int wrong = 0;
    for (int i = 0; i < PAGES; i++) {
        wrong += found[i * PAGE] != wrote[i * PAGE];
        for (int k = 0; k < PAGE; k++)
            assert_int_equal(found[i * PAGE], found[i * PAGE + k]); /* whole pages */
    }
    assert_int_equal(1, wrong);
    assert_int_equal(PAGES * PAGE, read_pages("other.db", found));
    assert_memory_equal(wrote, found, PAGES * PAGE);
}

static void the_seed_says_which_bit_is_turned(void **state)
{
    (void)state;
    NEED_HOST();
    static char wrote[PAGES * PAGE], found[3][PAGES * PAGE];
    const int seeds[3] = {7, 7, 8};
    for (int run = 0; run < 3; run++) {
        write_pages("x.wal", wrote);
        inject_seeded("bit", "file-damage", json_pack("{s:s}", "files", "*.wal"), seeds[run]);
        assert_int_equal(PAGES * PAGE, read_pages("x.wal", found[run]));
        heal("bit");
    }
    assert_memory_not_equal(wrote, found[0], sizeof wrote);
    assert_memory_equal(found[0], found[1], sizeof wrote);
    assert_memory_not_equal(found[0], found[2], sizeof wrote);
}

static void nothing_outside_the_data_folder_is_damaged(void **state)
{
    (void)state;
    NEED_HOST();
    static char wrote[PAGES * PAGE];
    CLEANUP(rift_free) char *outside = rift_printf("%s-data/outside.wal", n1->state);
    CLEANUP(rift_free) char *link = toy_data_path("link.wal");
    CLEANUP(rift_free) char *link_to_folder = toy_data_path("linked");
    CLEANUP(rift_free) char *folder = rift_printf("%s-data", n1->state);
    write_pages("../outside.wal", wrote);
    assert_int_equal(0, symlink(outside, link));
    assert_int_equal(0, symlink(folder, link_to_folder));
    json_t *reply = agent_ask(&n1->agent, "inject",
                              json_pack("{s:s, s:s, s:{s:s, s:i}}", "id", "no", "fault",
                                        "file-damage", "options", "files", "*.wal", "count", 20));
    const char *text = NULL;
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_non_null(strstr(text, "no file"));
    json_decref(reply);
    unlink(outside);
}

static void a_wipe_leaves_neither_mount_nor_file(void **state)
{
    (void)state;
    NEED_HOST();
    char *output;
    CLEANUP(rift_free) char *image = rift_printf("%s-data/toy.rift-disk", n1->state);
    host_agent_by_hand(n1, &output, "--leftovers");
    assert_says(output, "disk: ");
    free(output);
    assert_int_equal(0, access(image, F_OK));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    assert_int_equal(-1, access(image, F_OK));
    host_agent_by_hand(n1, &output, "--leftovers");
    assert_null(strstr(output, n1->state) ? strstr(output, "disk: ") : NULL);
    free(output);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end_wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_full_disk_takes_nothing_and_is_as_before_after_it),
        CASE(a_disk_with_room_left_is_full_once_that_is_used),
        cmocka_unit_test_setup_teardown(a_full_disk_below_a_layer_is_as_before_after_it, layered_up,
                                        toy_host_end_wiped),
        CASE(a_full_disk_is_emptied_by_its_keeper_when_all_else_is_dead),
        CASE(the_agent_goes_on_while_a_power_cut_waits),
        CASE(a_power_cut_loses_what_was_not_synced_and_nothing_else),
        CASE(a_power_cut_that_loses_nothing_is_not_observed),
        cmocka_unit_test_setup_teardown(the_same_of_an_xfs, xfs_up, toy_host_end_wiped),
        CASE(disk_faults_touch_no_disk_that_is_not_the_systems_own),
        CASE(files_are_damaged_as_asked_and_only_those_of_the_pattern),
        CASE(the_seed_says_which_bit_is_turned),
        CASE(nothing_outside_the_data_folder_is_damaged),
        CASE(a_wipe_leaves_neither_mount_nor_file),
    };
    return cmocka_run_group_tests(tests, toy_host_up_for_disks, toy_host_down);
}

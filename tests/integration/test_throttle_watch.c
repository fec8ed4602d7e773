/* What a watch of a throttle takes for being held back, of a group and a disk that are files here:
 * the numbers say what the test wants, on any machine. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/throttle_watch.h"

/* STEP_MS: a look counts where so much is between it and the last one. */
enum { KIB = 1024, STEP_MS = 25, LOOKS = 12, SECTOR = 512 };

#define DEVICE "250:99"

static char folder[] = "/tmp/rift-test-watch-XXXXXX";
static bool is_up;

/* What the files say. */
static struct world {
    bool is_v2;
    int64_t limit, moved, done, waits;
    int requests; /* that the disk is at */
} world;

static void put(const char *in, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", in, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(0, fclose(file));
}

static void tell(void)
{
    char text[200];
    snprintf(text, sizeof text, DEVICE " %s%lld\n", world.is_v2 ? "rbps=max wbps=" : "",
             (long long)world.limit);
    put(folder, world.is_v2 ? "io.max" : "blkio.throttle.write_bps_device", text);
    snprintf(text, sizeof text, DEVICE "%s%lld\n", world.is_v2 ? " rbytes=0 wbytes=" : " Write ",
             (long long)world.moved);
    put(folder, world.is_v2 ? "io.stat" : "blkio.throttle.io_service_bytes", text);
    snprintf(text, sizeof text, "file_writeback %lld\n", (long long)world.waits);
    put(folder, "memory.stat", text);
    snprintf(text, sizeof text, "0 0 0 0 0 0 %lld 0 %d 0 0\n", (long long)(world.done / SECTOR),
             world.requests);
    put("/sys/dev/block/" DEVICE, "stat", text);
    snprintf(text, sizeof text, "0 %d\n", world.requests);
    put("/sys/block/disk", "inflight", text);
}

static int up(void **state)
{
    (void)state;
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/sys/block", "tmpfs", 0, NULL) ||
        mount("none", "/sys/dev/block", "tmpfs", 0, NULL)) {
        print_message("no mounts of its own here\n");
        return 0;
    }
    is_up = mkdtemp(folder) && mkdir("/sys/block/disk", 0700) == 0 &&
            mkdir("/sys/dev/block/" DEVICE, 0700) == 0;
    return is_up ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    static const char *const names[] = {"io.max", "io.stat", "memory.stat",
                                        "blkio.throttle.write_bps_device",
                                        "blkio.throttle.io_service_bytes"};
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return is_up ? rmdir(folder) : 0;
}

static void begin(bool is_v2, int64_t limit)
{
    if (!is_up)
        skip();
    world = (struct world){.is_v2 = is_v2, .limit = limit, .moved = KIB * KIB, .done = KIB * KIB};
    tell();
}

/* Whether a watch from now on says so within LOOKS; at once the group asks for so many bytes, and
 * in each step so many move, to the disk and through it. */
static bool is_held(int64_t asked, int64_t moved_a_step, int64_t done_a_step)
{
    struct rift_throttle_watch *watch =
        rift_throttle_watch_create(folder, world.is_v2, DEVICE, RIFT_THROTTLE_WRITE, world.limit);
    bool is = false;
    world.waits += world.is_v2 ? asked : 0;
    world.moved += world.is_v2 ? 0 : asked;
    for (int i = 0; i < LOOKS && !is; i++) {
        tell();
        CLEANUP(rift_text_finish) struct rift_text how = {0};
        is = rift_throttle_watch_look(watch, &how);
        if (is || i == LOOKS - 1)
            print_message("%s\n", how.data);
        world.moved += moved_a_step;
        world.done += done_a_step;
        rift_clock_sleep_until(rift_clock_now() + STEP_MS * RIFT_MS);
    }
    rift_throttle_watch_destroy(watch);
    return is;
}

static void bytes_that_wait_for_an_idle_disk_are_held_back(void **state)
{
    (void)state;
    begin(true, KIB);
    assert_true(is_held(64 * KIB, 0, 0));
    begin(false, KIB);
    assert_true(is_held(64 * KIB, 0, 0));
}

static void what_a_disk_is_at_is_not(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        begin(v == 2, KIB);
        world.requests = 1;
        assert_false(is_held(64 * KIB, 0, 0));
    }
}

/* Something else holds a page for longer than this limit would. */
static void what_the_limit_would_have_let_go_is_not(void **state)
{
    (void)state;
    begin(true, 100 * KIB * KIB);
    assert_false(is_held(4 * KIB, 0, 0));
}

/* There is always something on its way, of a group that goes on, far below the limit. */
static void what_moves_is_not(void **state)
{
    (void)state;
    begin(true, 8 * KIB * KIB);
    assert_false(is_held(KIB * KIB, 4 * KIB, 0));
    begin(false, 8 * KIB * KIB);
    assert_false(is_held(KIB * KIB, 4 * KIB, 4 * KIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_wait_for_an_idle_disk_are_held_back),
        cmocka_unit_test(what_a_disk_is_at_is_not),
        cmocka_unit_test(what_the_limit_would_have_let_go_is_not),
        cmocka_unit_test(what_moves_is_not),
    };
    return cmocka_run_group_tests(tests, up, down);
}

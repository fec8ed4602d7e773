/* disk-rate: what the system gets of its disk, and that nothing else than being held back counts as
 * observed. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { BLOCK = 4096, BYTES_MAX = 1 << 20 };
enum { UNSEEN_MS = 4000, SEEN_MS = 20000 };

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("rate", 120000, 32);
}

static long size_of(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    struct stat buffer;
    return stat(path, &buffer) == 0 ? (long)buffer.st_size : -1;
}

/* KiB a second of a writer in the system's cgroup that goes past the kernel's cache. */
static double rate_kb_s(int kb)
{
    CLEANUP(rift_free) char *path = toy_data_path("stream");
    CLEANUP(rift_free) char *join = rift_printf("/sys/fs/cgroup/blkio/%s/cgroup.procs", n1->cgroup);
    CLEANUP(rift_free)
    char *script =
        rift_printf("[ -e %s ] && echo $$ >%s || echo $$ >/sys/fs/cgroup/%s/cgroup.procs; "
                    "exec dd if=/dev/zero of=%s bs=16k oflag=direct count=%d 2>/dev/null",
                    join, join, n1->cgroup, path, kb / 16);
    int64_t begin = rift_clock_now();
    HOST_RUN(n1, NULL, "/bin/sh", "-c", script);
    double seconds = (double)(rift_clock_now() - begin) / 1e9;
    assert_int_equal(kb * 1024, size_of("stream"));
    return kb / seconds;
}

/* The best of some, as other users of the disk, and of the processors, make each less. */
static double best_rate_kb_s(int kb, double above)
{
    double best = rate_kb_s(kb);
    for (int i = 0; i < 5 && best <= above; i++) {
        double again = rate_kb_s(kb);
        best = again > best ? again : best;
    }
    return best;
}

static void a_throttled_disk_moves_no_more_than_it_may(void **state)
{
    (void)state;
    NEED_HOST();
    if (!can_inject("disk-rate", NULL))
        skip();
    double before = best_rate_kb_s(2048, 800);
    inject("rate", "disk-rate", json_pack("{s:i}", "write_kb_s", 400));
    double during = best_rate_kb_s(800, 200);
    heal("rate");
    double after = best_rate_kb_s(2048, 800);
    print_message("%.0f, %.0f, %.0f KiB/s\n", before, during, after);
    assert_true(before > 800 && after > 800);
    assert_true(during > 200 && during < 520);
}

static void a_throttle_that_nobody_reaches_is_not_observed(void **state)
{
    (void)state;
    NEED_HOST();
    if (!can_inject("disk-rate", NULL))
        skip();
    inject("rate", "disk-rate", json_pack("{s:i}", "write_kb_s", 100000));
    assert_false(is_observed("rate"));
}

static void a_throttle_is_lifted_by_its_keeper_when_all_else_is_dead(void **state)
{
    (void)state;
    NEED_HOST();
    if (!can_inject("disk-rate", NULL))
        skip();
    inject("rate", "disk-rate", json_pack("{s:i}", "write_kb_s", 200));
    assert_true(rate_kb_s(320) < 300);
    agent_kill_both(&n1->agent);
    int64_t deadline = rift_clock_now() + SEEN_MS * RIFT_MS;
    while (rate_kb_s(512) < 600) /* it takes a moment */
        assert_true(rift_clock_now() < deadline);
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "disk", 120000));
}

/* A process of the system's that moves so much again and again, with a pause after each. */
struct writer {
    size_t bytes;
    int pause_ms;
    bool is_direct; /* past the kernel's cache; else each write is synced */
    bool reads;     /* that instead */
};

static _Noreturn void write_for_ever(const struct writer *writer, const char *path)
{
    struct rift_cgroup cgroup;
    static _Alignas(BLOCK) char bytes[BYTES_MAX];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(path, O_RDWR | O_CREAT | (writer->is_direct ? O_DIRECT : 0), 0600);
    ssize_t size = (ssize_t)writer->bytes;
    if (fd < 0 || pwrite(fd, bytes, writer->bytes, 0) != size ||
        rift_cgroup_open(n1->cgroup, &cgroup, NULL) || rift_cgroup_join(&cgroup))
        _exit(1);
    for (;;) {
        ssize_t moved = writer->reads ? pread(fd, bytes, writer->bytes, 0)
                                      : pwrite(fd, bytes, writer->bytes, 0);
        if (moved != size || (!writer->is_direct && fdatasync(fd)))
            _exit(1);
        rift_clock_sleep_until(rift_clock_now() + writer->pause_ms * RIFT_MS);
    }
}

static pid_t writer_start(struct writer writer)
{
    CLEANUP(rift_free) char *path = toy_data_path("stream");
    pid_t pid = fork();
    if (pid == 0)
        write_for_ever(&writer, path);
    assert_true(pid > 0);
    return pid;
}

static void writer_end(pid_t pid)
{
    int status;
    assert_int_equal(0, kill(pid, SIGKILL));
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFSIGNALED(status)); /* it wrote until now */
}

static bool becomes_observed_within(const char *id, int for_ms)
{
    int64_t deadline = rift_clock_now() + for_ms * RIFT_MS;
    bool is = false;
    while (!is && rift_clock_now() < deadline)
        is = is_observed(id);
    return is;
}

/* Whether disk-rate at so much is observed in time, of a system that writes like this. */
static bool is_seen_to_hold(int kb_s, struct writer writer, int for_ms)
{
    pid_t pid = writer_start(writer);
    inject("rate", "disk-rate",
           json_pack("{s:i}", writer.reads ? "read_kb_s" : "write_kb_s", kb_s));
    bool is = becomes_observed_within("rate", for_ms);
    heal("rate");
    writer_end(pid);
    return is;
}

static void a_writer_below_the_limit_is_not_held(void **state)
{
    (void)state;
    NEED_HOST();
    if (!can_inject("disk-rate", NULL))
        skip();
    /* At half of it, and at nine tenths. */
    assert_false(is_seen_to_hold(2000, (struct writer){.bytes = 20480, .pause_ms = 20}, UNSEEN_MS));
    assert_false(is_seen_to_hold(
        2000, (struct writer){.bytes = 36864, .pause_ms = 20, .is_direct = true}, UNSEEN_MS));
}

static void a_writer_above_the_limit_is_held(void **state)
{
    (void)state;
    NEED_HOST();
    if (!can_inject("disk-rate", NULL))
        skip();
    assert_true(is_seen_to_hold(400, (struct writer){.bytes = 16384, .is_direct = true}, SEEN_MS));
    assert_true(is_seen_to_hold(400, (struct writer){.bytes = 65536}, SEEN_MS));
    assert_true(is_seen_to_hold(
        400, (struct writer){.bytes = 16384, .is_direct = true, .reads = true}, SEEN_MS));
    /* Of which nothing comes through while anybody looks. */
    assert_true(is_seen_to_hold(1, (struct writer){.bytes = 65536}, SEEN_MS));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end_wiped)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(a_throttled_disk_moves_no_more_than_it_may),
        CASE(a_throttle_that_nobody_reaches_is_not_observed),
        CASE(a_writer_below_the_limit_is_not_held),
        CASE(a_writer_above_the_limit_is_held),
        CASE(a_throttle_is_lifted_by_its_keeper_when_all_else_is_dead),
    };
    return cmocka_run_group_tests(tests, toy_host_up_for_disks, toy_host_down);
}

/* The lease of an agent: how long it may be, and how long what it ends may take. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 120000, SHORT_LEASE_MS = 600, SOON_MS = 3000 };
enum { AGAIN_MS = 5000 }; /* agent/lease.c: from one attempt to heal to the next */

static int toy_up_on_disk(void **state)
{
    (void)state;
    return toy_host_begin("lease", LEASE_MS, 32);
}

/* One without end would leave the node broken for ever. */
static void a_lease_that_cannot_be_is_refused(void **state)
{
    (void)state;
    NEED_HOST();
    static const int64_t wrong_ms[] = {-1, 0, 1, 24 * 3600 * 1000};
    for (size_t i = 0; i < sizeof wrong_ms / sizeof *wrong_ms; i++) {
        json_t *reply =
            agent_ask(&n1->agent, "lease", json_pack("{s:I}", "lease_ms", (json_int_t)wrong_ms[i]));
        const json_t *error = json_object_get(reply, "error");
        assert_non_null(error);
        assert_string_equal("invalid", json_string_value(json_object_get(error, "code")));
        json_decref(reply);
    }
}

/* Whatever becomes of the test, the file system thaws: a child waits for the other end of the pipe
 * to go. */
static pid_t freeze(int fd, int *end)
{
    int ends[2];
    char byte;
    assert_int_equal(0, pipe2(ends, O_CLOEXEC));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        ssize_t ignored = read(ends[0], &byte, 1);
        (void)ignored;
        _exit(ioctl(fd, FITHAW, 0) ? 1 : 0);
    }
    close(ends[0]);
    *end = ends[1];
    assert_true(pid > 0);
    assert_int_equal(0, ioctl(fd, FIFREEZE, 0));
    return pid;
}

static void thaw(pid_t pid, int end)
{
    int status;
    close(end);
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_int_equal(0, status);
}

static int count_children(pid_t parent)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    int count = 0;
    while (folder && (entry = readdir(folder))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        count += pid > 0 && rift_process_parent(pid) == parent;
    }
    if (folder)
        closedir(folder);
    return count;
}

/* One that takes longer than from one attempt to the next is not killed for the next one. */
static void a_heal_at_its_end_may_take_its_time(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *folder = toy_data_path("");
    CLEANUP(rift_close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    inject("d", "disk-full", NULL);
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", SHORT_LEASE_MS)));
    int end;
    pid_t pid = freeze(fd, &end); /* from now on the heal waits */
    int64_t lease_end = rift_clock_now() + SHORT_LEASE_MS * RIFT_MS;
    rift_clock_sleep_until(lease_end + SOON_MS * RIFT_MS);
    int first = count_children(agent_pid(&n1->agent));
    rift_clock_sleep_until(lease_end + (AGAIN_MS + SOON_MS) * RIFT_MS);
    int later = count_children(agent_pid(&n1->agent)); /* what is killed waits as well */
    thaw(pid, end);
    assert_int_equal(first, later);
    json_t *event = agent_wait_event(&n1->agent, "lease_ended");
    assert_int_equal(1, json_array_size(json_object_get(event, "healed")));
    json_decref(event);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up_on_disk, toy_host_end_wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_lease_that_cannot_be_is_refused),
        CASE(a_heal_at_its_end_may_take_its_time),
    };
    return cmocka_run_group_tests(tests, toy_host_up_for_disks, toy_host_down);
}

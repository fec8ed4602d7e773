/* A random program in the folder of the layer: what it does after a sync is lost, down to the byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 60000, ROUNDS = 4, STEPS = 120 };

static int posix_up(void **state)
{
    (void)state;
    return toy_host_begin_layered("layer", LEASE_MS, 0, "posix");
}

static struct rift_text *lines_of_now; /* nftw hands nothing on */

static int digest_entry(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)where;
    char line[512];
    uint64_t sum = 14695981039346656037u;
    CLEANUP(rift_close_fd) int fd = kind == FTW_F ? open(path, O_RDONLY) : -1;
    unsigned char bytes[65536];
    ssize_t n;
    if (strstr(path, "/parent") || strstr(path, "/child"))
        return 0; /* the toy's own */
    while (fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            sum = (sum ^ bytes[i]) * 1099511628211u;
    snprintf(line, sizeof line, "%s %d %lld %llx\n", path, kind,
             kind == FTW_F ? (long long)found->st_size : 0, (unsigned long long)sum);
    rift_text_append(lines_of_now, line);
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every path, size and content below the folder, sorted; free it. */
static char *digest(void)
{
    struct rift_text now = {0};
    CLEANUP(rift_free) char *folder = toy_data_path("r");
    char *lines[4096], *save = NULL;
    size_t count = 0;
    lines_of_now = &now;
    nftw(folder, digest_entry, 16, FTW_PHYS);
    for (char *line = strtok_r(now.data, "\n", &save); line && count < 4096;
         line = strtok_r(NULL, "\n", &save))
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, compare_lines);
    struct rift_text sorted = {0};
    for (size_t i = 0; i < count; i++)
        rift_text_printf(&sorted, "%s\n", lines[i]);
    rift_text_finish(&now);
    return rift_text_take(&sorted);
}

static void write_at(const char *path, const char *text, off_t offset)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd >= 0 && pwrite(fd, text, strlen(text), offset) < 0)
        return; /* what could not be written is not there */
}

static void random_path(struct rift_rng *rng, char path[32])
{
    uint64_t folder = rift_rng_below(rng, 4), file = rift_rng_below(rng, 8);
    if (folder == 3)
        snprintf(path, 32, "r/f%d", (int)file);
    else
        snprintf(path, 32, "r/d%d/f%d", (int)folder, (int)file);
}

static void random_step(struct rift_rng *rng)
{
    char a[32], b[32], text[9000];
    random_path(rng, a);
    random_path(rng, b);
    CLEANUP(rift_free) char *path = toy_data_path(a);
    CLEANUP(rift_free) char *other = toy_data_path(b);
    CLEANUP(rift_free) char *folder = NULL;
    snprintf(b, sizeof b, "r/d%d", (int)rift_rng_below(rng, 3));
    folder = toy_data_path(b);
    switch (rift_rng_below(rng, 9)) {
    case 0:
        unlink(path);
        break;
    case 1:
        rename(path, other);
        break;
    case 2:
        mkdir(folder, 0700);
        break;
    case 3:
        rmdir(folder);
        break;
    case 4:
        link(path, other);
        break;
    case 5:
        if (truncate(path, (off_t)rift_rng_below(rng, 20000)))
            errno = 0;
        break;
    case 6: {
        CLEANUP(rift_free) char *swap = rift_printf("%s.s", folder);
        rename(folder, swap);
        break;
    }
    default:
        memset(text, (int)('a' + rift_rng_below(rng, 26)), sizeof text);
        text[1 + rift_rng_below(rng, sizeof text - 2)] = 0;
        write_at(path, text, (off_t)rift_rng_below(rng, 20000));
    }
}

static void whatever_a_program_does_after_a_sync_is_undone(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_rng rng;
    rift_rng_init(&rng, 7);
    CLEANUP(rift_free) char *folder = toy_data_path("r");
    assert_int_equal(0, mkdir(folder, 0700));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STEPS; i++)
            random_step(&rng);
        /* The layer takes all that there is for synced once the system is ready. */
        json_decref(
            agent_must(&n1->agent, "system.wait_ready", json_pack("{s:i}", "deadline_ms", 5000)));
        CLEANUP(rift_free) char *before = digest();
        for (int i = 0; i < STEPS; i++)
            random_step(&rng);
        CLEANUP(rift_free) char *during = digest();
        assert_string_not_equal(before, during);
        inject("lose", "disk-lose", NULL);
        CLEANUP(rift_free) char *after = digest();
        assert_string_equal(before, after);
        heal("lose");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_a_program_does_after_a_sync_is_undone, posix_up,
                                        toy_host_end_wiped),
    };
    return cmocka_run_group_tests(tests, toy_host_up_for_layers, toy_host_down);
}

/* A checker that dies, hangs or talks nonsense costs only its own verdict, which is then unknown.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/run/judge_process.h"

/* The verdict when a shell script stands in for rift; the caller finishes it. */
static struct rift_verdict judge(const char *script, int64_t time_ms)
{
    char path[] = "/tmp/rift-judge-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    struct rift_verdict verdict = {0};
    const struct rift_budget budget = {.time_ms = time_ms, .memory_bytes = 5000, .thread_count = 3};
    judge_in_process(path, "/some/run", "some-checker", &budget, &verdict);
    unlink(path);
    return verdict;
}

static void assert_unknown(struct rift_verdict verdict, const char *words)
{
    assert_int_equal(verdict.validity, RIFT_UNKNOWN);
    if (!strstr(verdict.reason, words))
        fail_msg("'%s' does not say '%s'", verdict.reason, words);
    rift_verdict_finish(&verdict);
}

static void what_the_process_prints_is_the_verdict(void **state)
{
    (void)state;
    struct rift_verdict verdict =
        judge("[ \"$*\" = 'check --one some-checker /some/run 1000 5000 3' ] && "
              "echo '{\"valid\": false, \"reason\": \"a stale read\"}'; exit 1",
              1000);
    assert_int_equal(verdict.validity, RIFT_INVALID);
    assert_string_equal(verdict.reason, "a stale read");
    rift_verdict_finish(&verdict);
}

static void a_checker_that_dies_is_unknown(void **state)
{
    (void)state;
    assert_unknown(judge("kill -SEGV $$", 1000), "Segmentation fault");
    assert_unknown(judge("exit 3", 1000), "exit code is 3");
}

static void a_verdict_that_is_cut_off_is_unknown(void **state)
{
    (void)state;
    assert_unknown(judge("printf '{\"valid\": true'; kill -9 $$", 1000), "Killed");
    assert_unknown(judge("echo '{\"valid\": \"perhaps\"}'", 1000), "the checker failed");
}

static void a_checker_that_hangs_is_ended(void **state)
{
    (void)state;
    int64_t before_ns = rift_clock_now();
    assert_unknown(judge("exec sleep 100", -29500), "not done in time");
    assert_true(rift_clock_now() - before_ns < 60 * RIFT_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_process_prints_is_the_verdict),
        cmocka_unit_test(a_checker_that_dies_is_unknown),
        cmocka_unit_test(a_verdict_that_is_cut_off_is_unknown),
        cmocka_unit_test(a_checker_that_hangs_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

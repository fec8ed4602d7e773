/* Models from a file: finite state machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "checkers/models/machine.h"
#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

static const char light[] =
    "{\"name\": \"light\", \"initial\": \"red\", \"steps\": ["
    "{\"from\": \"red\", \"operation\": \"go\", \"to\": \"green\"},"
    "{\"from\": \"green\", \"operation\": \"stop\", \"to\": \"red\"},"
    "{\"from\": \"*\", \"operation\": \"paint\", \"argument\": 3, \"to\": \"blue\"},"
    "{\"from\": \"red\", \"operation\": \"look\", \"result\": 1},"
    "{\"from\": \"green\", \"operation\": \"look\", \"result\": 2},"
    "{\"from\": \"blue\", \"operation\": \"look\", \"result\": 3}]}";

/* A file with this text; the caller unlinks it. */
static void write_file(char *path, const char *text)
{
    snprintf(path, 64, "/tmp/rift-machine-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void expect(const char *notation, enum rift_validity validity)
{
    char path[64];
    write_file(path, light);
    CLEANUP(rift_free) char *options = rift_printf("{\"model_file\": \"%s\"}", path);
    struct rift_history *history = judging_history(notation);
    struct rift_verdict verdict = judge("linearizable", options, history);
    assert_int_equal(verdict.validity, validity);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    unlink(path);
}

static void machine_goes_only_along_its_steps(void **state)
{
    (void)state;
    expect("p0 look::1 ok, p0 go ok, p1 look::2 ok", RIFT_VALID);
    expect("p0 go ok, p1 look::1 ok", RIFT_INVALID);
    expect("p0 stop ok", RIFT_INVALID);
    expect("p0 go ok, p0 stop ok, p0 go ok, p0 look::2 ok", RIFT_VALID);
}

static void arguments_and_stars_choose_steps(void **state)
{
    (void)state;
    expect("p0 paint:3 ok, p0 look::3 ok", RIFT_VALID);
    expect("p0 paint:4 ok", RIFT_INVALID);
}

static void crashed_step_may_have_been_taken(void **state)
{
    (void)state;
    expect("p0 go info, p1 look::1 ok, p1 look::2 ok", RIFT_VALID);
    expect("p0 go info, p1 look::2 ok, p1 look::1 ok", RIFT_INVALID);
}

static void refuse(const char *text, const char *expected)
{
    char path[64];
    struct rift_error err = {0};
    write_file(path, text);
    assert_null(rift_machine_read(path, &err));
    unlink(path);
    if (!strstr(err.text, expected))
        fail_msg("'%s' does not say '%s'", err.text, expected);
}

static void bad_machines_are_refused_with_their_place(void **state)
{
    (void)state;
    refuse("{\"name\": \"x\",\n \"steps\": [}", ":2:");
    refuse("{\"name\": \"x\", \"initial\": \"a\"}", "needs \"name\", \"initial\"");
    refuse("{\"name\": \"x\", \"initial\": \"a\", \"steps\": [{\"from\": \"a\"}]}", "step 0 needs");
    refuse("{\"name\": \"x\", \"initial\": \"a\", \"steps\": [{\"from\": \"a\", \"operation\": "
           "\"f\", \"too\": \"b\"}]}",
           "unknown key \"too\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machine_goes_only_along_its_steps),
        cmocka_unit_test(arguments_and_stars_choose_steps),
        cmocka_unit_test(crashed_step_may_have_been_taken),
        cmocka_unit_test(bad_machines_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

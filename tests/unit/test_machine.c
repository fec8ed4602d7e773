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

#include "checkers/checker.h"
#include "checkers/models/machine.h"
#include "history/builder.h"

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

static enum rift_validity judge(const char *notation)
{
    char path[64];
    struct rift_error err = {0};
    write_file(path, light);
    struct rift_history *history = rift_history_from_notation(notation, &err);
    const struct rift_checker *checker = rift_checker_find("linearizable");
    json_t *given = json_pack("{s:s}", "model_file", path);
    struct rift_check check = {.history = history,
                               .options = rift_checker_options(checker, given, &err)};
    struct rift_verdict verdict = {0};
    if (checker->check(&check, &verdict, &err) < 0)
        fail_msg("%s", err.text);
    enum rift_validity validity = verdict.validity;
    rift_verdict_finish(&verdict);
    json_decref((json_t *)check.options);
    json_decref(given);
    rift_history_destroy(history);
    unlink(path);
    return validity;
}

static void machine_goes_only_along_its_steps(void **state)
{
    (void)state;
    assert_int_equal(judge("p0 look::1 ok, p0 go ok, p1 look::2 ok"), RIFT_VALID);
    assert_int_equal(judge("p0 go ok, p1 look::1 ok"), RIFT_INVALID);
    assert_int_equal(judge("p0 stop ok"), RIFT_INVALID);
    assert_int_equal(judge("p0 go ok, p0 stop ok, p0 go ok, p0 look::2 ok"), RIFT_VALID);
}

static void arguments_and_stars_choose_steps(void **state)
{
    (void)state;
    assert_int_equal(judge("p0 paint:3 ok, p0 look::3 ok"), RIFT_VALID);
    assert_int_equal(judge("p0 paint:4 ok"), RIFT_INVALID);
}

static void crashed_step_may_have_been_taken(void **state)
{
    (void)state;
    assert_int_equal(judge("p0 go info, p1 look::1 ok, p1 look::2 ok"), RIFT_VALID);
    assert_int_equal(judge("p0 go info, p1 look::2 ok, p1 look::1 ok"), RIFT_INVALID);
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

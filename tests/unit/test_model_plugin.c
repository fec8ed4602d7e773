/* Models that are loaded: the example beside this test, built as a user builds one. */
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "history/builder.h"

/* The verdict by the library of this name, which lies beside this program, or -1 and err. */
static int judge(const char *library, const char *notation, struct rift_error *err)
{
    char program[PATH_MAX] = "";
    assert_true(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    CLEANUP(rift_free) char *model = rift_printf("%s/%s", dirname(program), library);
    struct rift_history *history = rift_history_from_notation(notation, err);
    assert_non_null(history);
    const struct rift_checker *checker = rift_checker_find("linearizable");
    json_t *given = json_pack("{s:s}", "model", model);
    struct rift_check check = {.history = history,
                               .options = rift_checker_options(checker, given, err)};
    struct rift_verdict verdict = {0};
    int result = checker->check(&check, &verdict, err);
    if (result == 0)
        result = (int)verdict.validity;
    rift_verdict_finish(&verdict);
    json_decref((json_t *)check.options);
    json_decref(given);
    rift_history_destroy(history);
    return result;
}

static void loaded_model_judges(void **state)
{
    (void)state;
    struct rift_error err = {0};
    assert_int_equal(
        judge("libmodel_maximum.so", "p0 raise:3 ok, p0 raise:2 ok, p1 read::3 ok", &err),
        RIFT_VALID);
    assert_int_equal(
        judge("libmodel_maximum.so", "p0 raise:3 ok, p0 raise:2 ok, p1 read::2 ok", &err),
        RIFT_INVALID);
    assert_int_equal(
        judge("libmodel_maximum.so", "p0 raise:3 ok, p0 raise:9 info, p1 read::9 ok", &err),
        RIFT_VALID);
}

static void library_for_another_version_is_refused(void **state)
{
    (void)state;
    struct rift_error err = {0};
    assert_int_equal(judge("libmodel_of_another_version.so", "p0 raise:3 ok", &err), -1);
    assert_non_null(strstr(err.text, "version 9999"));
    assert_non_null(strstr(err.text, "compile it again"));
}

static void library_without_a_model_is_refused(void **state)
{
    (void)state;
    struct rift_error err = {0};
    assert_int_equal(judge("nothing.so", "p0 raise:3 ok", &err), -1);
    assert_non_null(strstr(err.text, "cannot be loaded"));
    assert_int_equal(judge("libmodel_none.so", "p0 raise:3 ok", &err), -1);
    assert_non_null(strstr(err.text, "no symbol rift_model_plugin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded_model_judges),
        cmocka_unit_test(library_for_another_version_is_refused),
        cmocka_unit_test(library_without_a_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Histories of other projects whose verdicts are known: every file must come out the same. They lie
 * in the folder named by RIFT_PEER_HISTORIES (../shared/data where it is not set), listed by its
 * INDEX.tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "history/reader.h"

enum { COLUMNS = 6, LINE_MAX_BYTES = 4096, TIME_MS = 60000 };

static const char *folder(void)
{
    const char *given = getenv("RIFT_PEER_HISTORIES");
    return given ? given : "../shared/data";
}

static bool starts_with_one_of(const char *file, const char *const *folders)
{
    for (; *folders; folders++)
        if (strncmp(file, *folders, strlen(*folders)) == 0)
            return true;
    return false;
}

/* The verdict on one file, or the error. */
static char *judge(const char *file, const char *model)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", folder(), file);
    struct rift_error err = {0};
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history)
        return rift_printf("error: %s", err.text);
    const struct rift_checker *checker = rift_checker_find("linearizable");
    json_t *given = json_pack("{s:s}", "model", model);
    struct rift_check check = {.history = history,
                               .options = rift_checker_options(checker, given, &err),
                               .budget = {.time_ms = TIME_MS, .memory_bytes = 1u << 30}};
    struct rift_verdict verdict = {0};
    char *answer = checker->check(&check, &verdict, &err) < 0
                       ? rift_printf("error: %s", err.text)
                       : rift_strdup(rift_validity_name(verdict.validity));
    rift_verdict_finish(&verdict);
    json_decref((json_t *)check.options);
    json_decref(given);
    rift_history_destroy(history);
    return answer;
}

static void every_known_history_comes_out_as_known(void **state)
{
    (void)state;
    static const char *const folders[] = {"knossos/", "porcupine/", "monitors/", NULL};
    CLEANUP(rift_free) char *index = rift_printf("%s/INDEX.tsv", folder());
    FILE *file = fopen(index, "re");
    if (!file) {
        print_message("skipped: %s is not there\n", index);
        skip();
    }
    char line[LINE_MAX_BYTES];
    size_t count = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        char *columns[COLUMNS] = {NULL}, *rest = line;
        for (size_t i = 0; i < COLUMNS && rest; i++)
            columns[i] = strsep(&rest, "\t\n");
        if (!columns[4] || !starts_with_one_of(columns[0], folders))
            continue;
        /* EDN does not name its model; the other formats do. */
        bool is_edn = strcmp(columns[1], "edn") == 0;
        CLEANUP(rift_free) char *named = judge(columns[0], columns[2]);
        CLEANUP(rift_free) char *told = judge(columns[0], is_edn ? columns[2] : "auto");
        count++;
        if (strcmp(named, columns[4]) == 0 && strcmp(told, columns[4]) == 0)
            continue;
        wrong++;
        print_error("%s: known as %s, judged %s as %s, %s as its format says\n", columns[0],
                    columns[4], named, columns[2], told);
    }
    fclose(file);
    print_message("%zu histories, %zu judged otherwise than known\n", count, wrong);
    assert_int_equal(wrong, 0);
    assert_true(count > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_history_comes_out_as_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

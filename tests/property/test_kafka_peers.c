/* Jepsen's own unit tests of its kafka checker: we find the same, or the difference is explained.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/reader.h"
#include "tests/lib/small_txns.h"

/* Theirs and ours; NULL: not looked for, or not an error here. */
static const struct {
    const char *theirs, *ours;
} names[] = {
    {"nonmonotonic-poll", "nonmonotonic poll"},
    {"int-poll-skip", "internal poll skip"},
    {"poll-skip", "poll skip"},
    {"lost-write", "lost write"},
    {"nonmonotonic-send", "nonmonotonic send"},
    {"inconsistent-offsets", "inconsistent offsets"},
    {"precommitted-read", "precommitted read"},
    {"duplicate", "duplicate"},
};

/* Of our names, whether the expectation "errors [:a :b]" holds the peer's. */
static bool is_expected(const char *expected, const char *theirs)
{
    CLEANUP(rift_free) char *middle = rift_printf(":%s ", theirs);
    CLEANUP(rift_free) char *last = rift_printf(":%s]", theirs);
    return strstr(expected, middle) || strstr(expected, last);
}

static void check_file(const char *path, const char *file, const char *expected, int *compared)
{
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history)
        fail_msg("%s", err.text);
    small_check_history(history, "kafka", NULL, NULL, &verdict);
    const json_t *counts = json_object_get(verdict.details, "counts");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_found = json_object_get(counts, names[i].ours) != NULL;
        if (is_found != is_expected(expected, names[i].theirs)) {
            CLEANUP(rift_free) char *found = json_dumps(counts, 0);
            fail_msg("%s: found %s, expected %s", file, found, expected);
        }
        (*compared)++;
    }
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void what_jepsen_finds_in_its_own_histories_is_found(void **state)
{
    (void)state;
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    CLEANUP(rift_free)
    char *index_path = rift_printf("%s/INDEX.tsv", folder ? folder : "../shared/data");
    CLEANUP(rift_free) char *line = NULL;
    size_t size = 0;
    int compared = 0;
    FILE *index = fopen(index_path, "r");
    if (!index) {
        print_message("no peers' histories here: set RIFT_PEER_HISTORIES to their folder\n");
        skip();
    }
    while (getline(&line, &size, index) >= 0) {
        char *rest = line, *column[5] = {0};
        for (int i = 0; i < 5; i++)
            column[i] = strsep(&rest, "\t\n");
        if (!column[4] || strcmp(column[2], "kafka-analysis") != 0)
            continue;
        CLEANUP(rift_free)
        char *path = rift_printf("%s/%s", folder ? folder : "../shared/data", column[0]);
        check_file(path, column[0], column[4], &compared);
    }
    fclose(index);
    assert_true(compared > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_jepsen_finds_in_its_own_histories_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

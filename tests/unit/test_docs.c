/* The docs that are printed from tables are what the tables say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "control/cli/catalogue.h"
#include "control/cli/fault_pages.h"
#include "control/cli/keys.h"
#include "plan/file.h"
#include "plan/plan.h"

static void the_keys_in_the_docs_are_those_of_the_tables(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *page = NULL;
    size_t length;
    assert_int_equal(rift_plan_file_read("docs/configuration.md", &page, &length, NULL), 0);
    const char *mark = strstr(page, RIFT_KEYS_MARK);
    assert_non_null(mark);
    struct rift_text keys = {0};
    rift_keys_print(&keys);
    if (strcmp(mark + strlen(RIFT_KEYS_MARK), keys.data) != 0)
        print_message("docs/configuration.md is older than the tables. To print it again:\n"
                      "  sed -i '/^<!-- printed by/q' docs/configuration.md\n"
                      "  build-dev/rift list keys >> docs/configuration.md\n");
    assert_string_equal(mark + strlen(RIFT_KEYS_MARK), keys.data);
    rift_text_finish(&keys);
}

static void the_faults_in_the_docs_are_those_of_the_descriptors(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *page = NULL;
    size_t length;
    assert_int_equal(rift_plan_file_read("docs/faults.md", &page, &length, NULL), 0);
    char *end = strstr(page, RIFT_FAULT_PAGES_END);
    assert_non_null(end);
    *end = '\0';
    struct rift_text faults = {0};
    rift_fault_pages_print(&faults);
    if (strcmp(page, faults.data) != 0)
        print_message("docs/faults.md is older than the descriptors. To print it again:\n"
                      "  (build-dev/rift list fault-pages; echo; sed -n '/^## Measured/,$p' "
                      "docs/faults.md) > new\n");
    assert_string_equal(page, faults.data);
    rift_text_finish(&faults);
}

/* The examples of the page, four blanks deep: each block that has a workload is a configuration,
 * and each list of faults goes into one. */
static void the_examples_in_the_docs_are_good(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *page = NULL;
    size_t length;
    assert_int_equal(rift_plan_file_read("docs/configuration.md", &page, &length, NULL), 0);
    size_t tried = 0;
    struct rift_text block = {0};
    char *save;
    for (char *line = strtok_r(page, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "    ", 4) == 0) {
            rift_text_printf(&block, "%s\n", line + 4);
            continue;
        }
        bool is_faults = block.data && strncmp(block.data, "faults:", 7) == 0;
        if (is_faults)
            rift_text_append(&block, "nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"
                                     "time_limit_s: 1000\n");
        if (block.data && strstr(block.data, "workload:")) {
            struct rift_error err = {0};
            struct rift_plan *plan = rift_plan_parse("configuration.md", block.data, block.length,
                                                     rift_catalogue_of_build(), 0, &err);
            if (!plan)
                print_message("%s\n%s\n", block.data, err.text);
            assert_non_null(plan);
            rift_plan_destroy(plan);
            tried++;
        }
        rift_text_finish(&block);
    }
    rift_text_finish(&block);
    assert_true(tried >= 2);
}

/* The next cell of a row of a table, without blanks, backquotes and the words of a link. */
static const char *next_cell(char **row, char cell[128])
{
    char *end = strchr(*row, '|');
    assert_non_null(end);
    const char *link = memchr(*row, '(', (size_t)(end - *row));
    const char *from = link ? link + 1 : *row + strspn(*row, " `");
    size_t length = from < end ? strcspn(from, "`)|") : 0;
    assert_true(length < 128);
    snprintf(cell, 128, "%.*s", (int)length, from);
    while (length > 0 && cell[length - 1] == ' ')
        cell[--length] = '\0';
    *row = end + 1;
    return cell;
}

static bool is_file(const char *folder, const char *name, const char *ending)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s%s", folder, name, ending);
    return access(path, R_OK) == 0;
}

/* docs/checkers/README.md has a row for each checker, and what the row names is there. */
static void every_checker_has_its_row_and_what_the_row_names(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *readme = NULL;
    size_t length;
    assert_int_equal(rift_plan_file_read("docs/checkers/README.md", &readme, &length, NULL), 0);
    for (size_t i = 0; rift_checkers[i]; i++) {
        CLEANUP(rift_free) char *start = rift_printf("\n| `%s` |", rift_checkers[i]->name);
        CLEANUP(rift_free) char *word = rift_printf("%s", rift_checkers[i]->name);
        CLEANUP(rift_free) char *page = NULL;
        char cell[128], *row = strstr(readme, start);
        if (!row)
            fail_msg("docs/checkers/README.md has no row for %s", rift_checkers[i]->name);
        row += strlen(start);
        CLEANUP(rift_free) char *path = rift_printf("docs/checkers/%s", next_cell(&row, cell));
        assert_int_equal(rift_plan_file_read(path, &page, &length, NULL), 0);
        assert_non_null(strstr(page, word));
        for (int test = 0; test < 2; test++)
            if (next_cell(&row, cell)[0] != '\0' && !is_file("tests", cell, ".c"))
                fail_msg("%s: there is no tests/%s.c", rift_checkers[i]->name, cell);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_in_the_docs_are_those_of_the_tables),
        cmocka_unit_test(the_faults_in_the_docs_are_those_of_the_descriptors),
        cmocka_unit_test(the_examples_in_the_docs_are_good),
        cmocka_unit_test(every_checker_has_its_row_and_what_the_row_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

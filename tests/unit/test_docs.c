/* The docs that are printed from tables are what the tables say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "control/cli/catalogue.h"
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
            rift_text_append(&block, "nodes: {lab: netns}\nsystem: etcd\nworkload: register\n");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_in_the_docs_are_those_of_the_tables),
        cmocka_unit_test(the_examples_in_the_docs_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

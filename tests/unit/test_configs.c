/* Every configuration and every recipe of the repository, against what this build has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "plan/plan.h"
#include "workloads/workload.h"

static char *print_schedule(const struct rift_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct rift_error err;
    assert_int_equal(rift_workload_print_schedule(plan, out, &err), 0);
    fclose(out);
    return text;
}

static size_t for_each(const char *folder, void (*check)(const char *name, const char *path))
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!rift_text_ends_with(entry->d_name, ".yaml"))
            continue;
        CLEANUP(rift_free) char *path = rift_printf("%s/%s", folder, entry->d_name);
        CLEANUP(rift_free) char *name = rift_strdup(entry->d_name);
        name[strlen(name) - strlen(".yaml")] = '\0';
        check(name, path);
        count++;
    }
    closedir(directory);
    return count;
}

static void check_config(const char *name, const char *path)
{
    (void)name;
    struct rift_error err = {0};
    struct rift_plan *plan = rift_plan_read(path, rift_catalogue_of_build(), 42, &err);
    if (!plan)
        print_message("%s\n", err.text);
    assert_non_null(plan);
    CLEANUP(rift_free) char *first = print_schedule(plan);
    assert_true(strlen(first) > 1000);
    /* The frozen plan repeats it, byte for byte. */
    struct rift_text frozen = {0};
    rift_plan_print(plan, &frozen);
    struct rift_plan *again = rift_plan_parse("runs/x/plan.yaml", frozen.data, frozen.length,
                                              rift_catalogue_of_build(), 0, &err);
    if (!again)
        print_message("%s\n%s\n", frozen.data, err.text);
    assert_non_null(again);
    CLEANUP(rift_free) char *second = print_schedule(again);
    assert_string_equal(first, second);
    rift_plan_destroy(again);
    rift_plan_destroy(plan);
    /* Another seed is another sequence. */
    struct rift_plan *other = rift_plan_read(path, rift_catalogue_of_build(), 43, &err);
    CLEANUP(rift_free) char *third = print_schedule(other);
    assert_string_not_equal(first, third);
    rift_plan_destroy(other);
    rift_text_finish(&frozen);
}

static void check_recipe(const char *name, const char *path)
{
    (void)path;
    /* The secrets of a recipe are its user's own files. */
    static const struct {
        const char *recipe, *secrets;
    } needs[] = {{"etcd-secure", "ca: a, cert: b, key: c, root_password: d"},
                 {"postgres-secure", "ca: a, cert: b, key: c, password: d"}};
    const char *secrets = "";
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        secrets = strcmp(needs[i].recipe, name) == 0 ? needs[i].secrets : secrets;
    CLEANUP(rift_free)
    char *yaml = rift_printf("nodes: {lab: netns}\nsystem: {recipe: %s, secrets: {%s}}\n"
                             "workload: register\nclient: {name: stdio, command: [x]}\n",
                             name, secrets);
    struct rift_error err = {0};
    struct rift_plan *plan =
        rift_plan_parse("test.yaml", yaml, strlen(yaml), rift_catalogue_of_build(), 1, &err);
    if (!plan)
        print_message("%s\n", err.text);
    assert_non_null(plan);
    rift_plan_destroy(plan);
}

static void every_configuration_is_good_and_one_seed_is_one_sequence(void **state)
{
    (void)state;
    assert_true(for_each("configs", check_config) >= 2);
}

static void every_recipe_is_good(void **state)
{
    (void)state;
    assert_true(for_each("configs/systems", check_recipe) >= 1);
}

/* The files are not there, and nobody looks: an old plan is read where they are not. */
static void a_secret_is_named_by_its_file_for_each_node(void **state)
{
    (void)state;
    static const char text[] =
        "nodes: {lab: netns}\nworkload: register\nsystem: {recipe: etcd-secure, secrets: {ca: "
        "/s/ca, cert: '/s/${node.name}.pem', key: '/s/${node.name}.key', root_password: /s/pw}}\n";
    struct rift_error err = {0};
    struct rift_plan *plan =
        rift_plan_parse("test.yaml", text, strlen(text), rift_catalogue_of_build(), 1, &err);
    assert_non_null(plan);
    const char *key = json_string_value(json_object_get(plan->secrets, "key"));
    assert_string_equal(key, "/s/${node.name}.key");
    CLEANUP(rift_free) char *one = rift_plan_secret_path(key, "n1");
    assert_string_equal(one, "/s/n1.key");
    CLEANUP(rift_free) char *two = rift_plan_secret_path("${node.name}/${node.name}", "n12");
    assert_string_equal(two, "n12/n12");
    CLEANUP(rift_text_finish) struct rift_text frozen = {0};
    rift_plan_print(plan, &frozen);
    struct rift_plan *again = rift_plan_parse("runs/x/plan.yaml", frozen.data, frozen.length,
                                              rift_catalogue_of_build(), 0, &err);
    assert_non_null(again);
    assert_true(json_equal((json_t *)again->secrets, (json_t *)plan->secrets));
    rift_plan_destroy(again);
    rift_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_configuration_is_good_and_one_seed_is_one_sequence),
        cmocka_unit_test(every_recipe_is_good),
        cmocka_unit_test(a_secret_is_named_by_its_file_for_each_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

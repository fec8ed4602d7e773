/* The artifacts of a plan: files of the controller's, known by their sums. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "plan/plan.h"

/* FIPS 180-4: the sum of no bytes at all. */
static const char sum_of_nothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static struct rift_plan *with_artifact(const char *file)
{
    struct rift_error err = {0};
    CLEANUP(rift_free)
    char *text = rift_printf("nodes: {lab: netns}\nsystem: {recipe: etcd, artifacts: {etcd: %s}}\n"
                             "workload: register\n",
                             file);
    struct rift_plan *plan =
        rift_plan_parse("test.yaml", text, strlen(text), rift_catalogue_of_build(), 1, &err);
    if (!plan)
        fail_msg("%s", err.text);
    return plan;
}

static void assert_prints_sum(const struct rift_plan *plan)
{
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    rift_plan_print(plan, &text);
    assert_non_null(strstr(text.data, sum_of_nothing));
}

static void a_frozen_plan_names_the_bytes_of_an_artifact(void **state)
{
    (void)state;
    struct rift_plan *plan = with_artifact("/dev/null");
    assert_prints_sum(plan);
    assert_string_equal(json_string_value(json_object_get(plan->artifacts, "etcd")), "/dev/null");
    rift_plan_destroy(plan);
}

static void a_run_whose_artifact_is_gone_can_be_judged_and_not_repeated(void **state)
{
    (void)state;
    struct rift_error err = {0};
    char artifact[] = "/tmp/rift-artifact-XXXXXX", frozen[] = "/tmp/rift-plan-XXXXXX";
    close(mkstemp(artifact));
    close(mkstemp(frozen));
    struct rift_plan *plan = with_artifact(artifact);
    assert_int_equal(rift_plan_write(plan, frozen, &err), 0);
    rift_plan_destroy(plan);
    unlink(artifact);
    assert_null(rift_plan_read(frozen, rift_catalogue_of_build(), 0, &err));
    assert_non_null(strstr(err.text, "cannot read"));
    plan = rift_plan_read_past(frozen, rift_catalogue_of_build(), &err);
    assert_non_null(plan);
    assert_prints_sum(plan);
    rift_plan_destroy(plan);
    unlink(frozen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frozen_plan_names_the_bytes_of_an_artifact),
        cmocka_unit_test(a_run_whose_artifact_is_gone_can_be_judged_and_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* cpu, memory and the freezer as an outsider sees them: how much the system writes, how much it may
 * hold. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("limits", 20000, 0);
}

static json_t *freezer(void)
{
    return json_pack("{s:s}", "by", "freezer");
}

static void a_frozen_system_stands_still_and_goes_on(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("f", "pause", freezer());
    assert_true(is_observed("f"));
    assert_true(toy_is_still(n1, 300));
    heal("f");
    assert_true(toy_is_alive(n1, 500));
}

static void a_frozen_system_is_thawed_by_its_keeper_when_all_else_is_dead(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("f", "pause", freezer());
    assert_true(toy_is_still(n1, 50));
    agent_kill_both(&n1->agent);
    assert_true(toy_is_alive(n1, 3000));
}

static void two_freezes_end_with_the_last(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("a", "pause", freezer());
    inject("b", "pause", freezer());
    heal("a");
    assert_true(toy_is_still(n1, 100));
    heal("b");
    assert_true(toy_is_alive(n1, 500));
}

/* What the system writes in a second is what it gets of the processor. */
static long written(void)
{
    long parent, child;
    toy_watch(n1, 1000, &parent, &child);
    return parent + child;
}

static void a_quota_slows_the_system_down_and_is_lifted(void **state)
{
    (void)state;
    if (!can_inject("cpu", json_pack("{s:i}", "percent", 1)))
        skip();
    long before = written();
    inject("c", "cpu", json_pack("{s:i}", "percent", 1));
    long during = written();
    assert_true(is_observed("c"));
    heal("c");
    long after = written();
    print_message("lines in a second: %ld, at 1 %% of a processor %ld, after %ld\n", before / 2,
                  during / 2, after / 2);
    assert_true(during * 2 < before);
    assert_true(during * 2 < after);
}

static void read_setting(const char *v1_controller, const char *v1_file, const char *v2_file,
                         char text[64])
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *v1 = rift_cgroup_v1_folder(&cgroup, v1_controller);
    CLEANUP(rift_free)
    char *path = rift_printf("%s/%s", v1 ? v1 : cgroup.unified, v1 ? v1_file : v2_file);
    FILE *file = fopen(path, "r");
    text[0] = 0;
    if (file && !fgets(text, 64, file))
        text[0] = 0;
    if (file)
        fclose(file);
}

static void a_memory_limit_is_felt_and_lifted_exactly(void **state)
{
    (void)state;
    char before[64], during[64], after[64];
    if (!can_inject("memory", json_pack("{s:i}", "percent_of_use", 60)))
        skip();
    read_setting("memory", "memory.limit_in_bytes", "memory.max", before);
    inject("m", "memory", json_pack("{s:i}", "percent_of_use", 60));
    read_setting("memory", "memory.limit_in_bytes", "memory.max", during);
    assert_true(strtoll(during, NULL, 10) < 100000000);
    rift_clock_sleep_until(rift_clock_now() + 500 * RIFT_MS);
    assert_true(is_observed("m"));
    heal("m");
    read_setting("memory", "memory.limit_in_bytes", "memory.max", after);
    assert_string_equal(before, after);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_frozen_system_stands_still_and_goes_on),
        CASE(a_frozen_system_is_thawed_by_its_keeper_when_all_else_is_dead),
        CASE(two_freezes_end_with_the_last),
        CASE(a_quota_slows_the_system_down_and_is_lifted),
        CASE(a_memory_limit_is_felt_and_lifted_exactly),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}

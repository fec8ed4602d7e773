/* rollback as an outsider sees it: what is in the data folder afterwards, and who still writes
 * there. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 120000 };

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("rollback", LEASE_MS, 0);
}

static int toy_up_layered(void **state)
{
    (void)state;
    if (access("/dev/loop-control", F_OK) != 0 || access("/dev/fuse", F_OK) != 0)
        return 0;
    return toy_host_begin_layered("rollback", LEASE_MS, 32, "ext4");
}

static int shell(const char *script)
{
    CLEANUP(rift_free) char *command = rift_printf("cd %s-data/toy && %s", n1->state, script);
    return HOST_RUN(n1, NULL, "/bin/sh", "-c", command);
}

static void write_old(void)
{
    assert_int_equal(0, shell("mkdir -p sub/empty && echo 1 >a && echo 1 >ab && echo x >sub/b && "
                              "ln -sfn a link && chmod 640 a && chown 12:34 sub/b && "
                              "truncate -s 3M hole && echo end >>hole && md5sum hole >sum"));
}

static void write_new(void)
{
    assert_int_equal(0, shell("echo 2 >a && rm sub/b && echo 3 >c && mkdir new && echo 4 >new/d && "
                              "ln -sfn c link && chmod 600 a && rmdir sub/empty && "
                              "echo y >>hole && echo 2 >ab"));
}

static bool is_old(void)
{
    return shell("[ $(cat a) = 1 ] && [ $(cat ab) = 1 ] && [ $(cat sub/b) = x ] && [ ! -e c ] && "
                 "[ ! -e new ] && [ $(readlink link) = a ] && [ $(stat -c %a a) = 640 ] && "
                 "[ $(stat -c %u:%g sub/b) = 12:34 ] && [ -d sub/empty ] && "
                 "md5sum -c --quiet sum") == 0;
}

static bool is_new(void)
{
    return shell(
               "[ $(cat a) = 2 ] && [ ! -e sub/b ] && [ $(cat c) = 3 ] && [ $(cat new/d) = 4 ] && "
               "[ $(readlink link) = c ]") == 0;
}

static bool has_copy(void)
{
    CLEANUP(rift_free) char *path = rift_printf("%s-data/toy.rift-backup-r/tree", n1->state);
    return access(path, F_OK) == 0;
}

static void goes_back_and_on(void)
{
    long parent, child;
    write_old();
    inject("r", "rollback", NULL);
    assert_true(is_observed("r"));
    assert_true(has_copy());
    assert_true(toy_is_alive(n1, 5000));
    write_new();
    assert_true(is_new());
    json_t *ok = agent_must(&n1->agent, "heal", json_pack("{s:s}", "id", "r"));
    const char *how = json_string_value(json_object_get(ok, "how"));
    assert_non_null(how);
    print_message("  %s\n", how);
    json_decref(ok);
    assert_true(is_old());
    assert_false(has_copy());
    assert_true(toy_is_alive(n1, 5000));
    toy_watch(n1, 100, &parent, &child);
    assert_true(is_old());
    json_t *status = agent_must(&n1->agent, "status", NULL);
    assert_int_equal(0, json_array_size(json_object_get(status, "faults")));
    json_decref(status);
}

static void a_node_is_as_it_was_when_the_window_began(void **state)
{
    (void)state;
    NEED_HOST();
    goes_back_and_on();
}

static void so_is_one_on_a_disk_of_its_own_with_a_layer(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    goes_back_and_on();
}

static void only_files_of_the_pattern_go_back(void **state)
{
    (void)state;
    NEED_HOST();
    write_old();
    inject("r", "rollback", json_pack("{s:s}", "files", "a*"));
    assert_false(is_observed("r")); /* there is nothing to go back from yet */
    write_new();
    assert_true(is_observed("r"));
    assert_int_equal(0, shell("echo 5 >ac"));
    heal("r");
    assert_int_equal(0, shell("[ $(cat a) = 1 ] && [ $(cat ab) = 1 ] && [ ! -e ac ] && "
                              "[ ! -e sub/b ] && [ $(cat c) = 3 ] && [ $(readlink link) = c ]"));
    assert_true(toy_is_alive(n1, 5000));
}

static void without_its_controller_nothing_goes_back(void **state)
{
    (void)state;
    NEED_HOST();
    for (int how = 0; how < 2; how++) {
        write_old();
        inject("r", "rollback", NULL);
        write_new();
        if (how == 0) {
            json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 600)));
            rift_clock_sleep_until(rift_clock_now() + 1200 * RIFT_MS);
        } else {
            agent_kill_both(&n1->agent);
        }
        agent_forget(&n1->agent);
        assert_true(host_agent_start(n1, "rollback", LEASE_MS)); /* finds what is left */
        assert_true(is_new());
        assert_false(has_copy());
        assert_true(toy_is_alive(n1, 5000));
        assert_int_equal(0, shell("rm -r new c"));
    }
}

/* As if all our processes had been killed in the middle of it. */
static void a_putting_back_that_has_begun_is_finished(void **state)
{
    (void)state;
    NEED_HOST();
    toy_configure_kept(n1, true); /* --heal removes a system that is over */
    write_old();
    inject("r", "rollback", NULL);
    json_decref(agent_must(&n1->agent, "system.kill", NULL));
    write_new();
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_int_equal(0, shell("echo 1 >a && : >ab && touch ../toy.rift-backup-r/putting-back"));
    assert_int_equal(0, host_agent_by_hand(n1, NULL, "--heal"));
    assert_true(is_old());
    assert_false(has_copy());
    assert_true(host_agent_start(n1, "rollback", LEASE_MS));
    toy_start(n1);
    assert_true(toy_is_alive(n1, 5000));
}

static void beside_a_clock_that_is_wrong_it_is_refused(void **state)
{
    (void)state;
    NEED_HOST();
    inject("c", "clock", json_pack("{s:s, s:i}", "of", "process", "offset_ms", 1000));
    json_t *reply =
        agent_ask(&n1->agent, "inject",
                  json_pack("{s:s, s:s, s:{}}", "id", "r", "fault", "rollback", "options"));
    const char *text = "";
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_non_null(strstr(text, "clock (c) is on"));
    json_decref(reply);
    assert_false(has_copy());
    heal("c");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end_wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_node_is_as_it_was_when_the_window_began),
        cmocka_unit_test_setup_teardown(so_is_one_on_a_disk_of_its_own_with_a_layer, toy_up_layered,
                                        toy_host_end_wiped),
        CASE(only_files_of_the_pattern_go_back),
        CASE(without_its_controller_nothing_goes_back),
        CASE(a_putting_back_that_has_begun_is_finished),
        CASE(beside_a_clock_that_is_wrong_it_is_refused),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}

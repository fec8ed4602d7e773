/* A heal of all where one of them cannot be healed, or is one that the agent knows nothing of. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/toy_host.h"

static bool has_mounts;

static int group_up(void **state)
{
    has_mounts =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    return toy_host_up(state);
}

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("all", 120000, 0);
}

static char *entry_path(const char *id)
{
    return rift_printf("%s/ledger/%s.json", n1->state, id);
}

static size_t healed_by(json_t *ok)
{
    size_t count = json_array_size(json_object_get(ok, "healed"));
    json_decref(ok);
    return count;
}

/* Of two kinds: a process heals the second one, after the first, and succeeds. */
static void a_failure_is_told_though_the_rest_is_healed(void **state)
{
    (void)state;
    NEED_HOST();
    if (!has_mounts)
        skip();
    json_decref(
        agent_must(&n1->agent, "inject",
                   json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", "p", "fault", "partition",
                             "options", "peers", "name", "other", "addresses", "10.99.0.200")));
    inject("r", "rollback", NULL);
    CLEANUP(rift_free) char *stays = entry_path("p"), *goes = entry_path("r");
    assert_int_equal(0, mount(stays, stays, NULL, MS_BIND, NULL)); /* it cannot be removed */
    json_t *reply = agent_ask(&n1->agent, "heal_all", NULL);
    assert_int_equal(0, umount2(stays, MNT_DETACH));
    assert_non_null(json_object_get(reply, "error"));
    json_decref(reply);
    assert_int_equal(-1, access(goes, F_OK));
    assert_int_equal(1, healed_by(agent_must(&n1->agent, "heal_all", NULL)));
    assert_int_equal(-1, access(stays, F_OK));
}

/* As where an inject failed, and could not be undone then. */
static void what_the_ledger_alone_knows_is_healed_too(void **state)
{
    (void)state;
    NEED_HOST();
    inject("r", "rollback", NULL);
    CLEANUP(rift_free) char *path = entry_path("r");
    json_t *entry = json_load_file(path, 0, NULL);
    assert_non_null(entry);
    heal("r");
    assert_int_equal(0, json_dump_file(entry, path, 0));
    json_decref(entry);
    assert_int_equal(1, healed_by(agent_must(&n1->agent, "heal_all", NULL)));
    assert_int_equal(-1, access(path, F_OK));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end_wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_failure_is_told_though_the_rest_is_healed),
        CASE(what_the_ledger_alone_knows_is_healed_too),
    };
    return cmocka_run_group_tests(tests, group_up, toy_host_down);
}

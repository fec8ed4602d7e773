/* Somebody else holds the kernel's lock of all network devices, and faults on the network wait for
 * it: nothing else does, and whatever happens meanwhile the host is as before in the end. What the
 * host has is listed by tc and ls; the system is looked at by what it writes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/rtnl_hold.h"
#include "tests/lib/toy_host.h"

enum {
    LEASE_MS = 60000,
    SHORT_LEASE_MS = 600,
    HOLD_MS = 15000, /* unless it is let go of; a busy machine takes its time */
    IN_MS = 100,
    WATCH_MS = 150,
    ALIVE_MS = 5000,
    GONE_MS = 5000
};

static struct rtnl_hold *hold;

static int begin(void **state)
{
    (void)state;
    return toy_host_begin("busy", LEASE_MS, 0);
}

static void let_go(void)
{
    if (hold)
        rtnl_let_go(hold);
    hold = NULL;
}

static int end(void **state)
{
    let_go();
    return toy_host_end_wiped(state);
}

/* The test is skipped where that cannot be. */
static void network_is_held(void)
{
    hold = rtnl_hold(HOLD_MS);
    if (!hold)
        skip();
}

static void must_be_held(void)
{
    if (!rtnl_is_held(hold))
        fail_msg("it waited until the network's lock was free, or for %d ms", HOLD_MS);
}

static int64_t begin_cut(const char *id)
{
    return agent_send(&n1->agent, "inject",
                      json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", id, "fault",
                                "partition", "options", "peers", "name", "other", "addresses",
                                "10.99.0.200"));
}

static int64_t begin_heal(const char *id)
{
    return agent_send(&n1->agent, "heal", json_pack("{s:s}", "id", id));
}

/* It has come that far. */
static void wait_in(void)
{
    rift_clock_sleep_until(rift_clock_now() + IN_MS * RIFT_MS);
}

/* The code of the error, "" where there is none. */
static char *answer_of(int64_t id)
{
    json_t *reply = agent_wait(&n1->agent, id);
    assert_non_null(reply);
    const char *code = json_string_value(json_object_get(json_object_get(reply, "error"), "code"));
    char *text = rift_strdup(json_object_get(reply, "ok") ? "" : code ? code : "?");
    json_decref(reply);
    return text;
}

static void must_succeed(int64_t id)
{
    CLEANUP(rift_free) char *code = answer_of(id);
    assert_string_equal("", code);
}

static bool is_cut(void)
{
    CLEANUP(rift_free) char *filters = NULL;
    HOST_RUN(n1, &filters, "tc", "filter", "show", "dev", "eth0", "ingress");
    return strstr(filters, "rift:") != NULL;
}

static void assert_no_cut_left(void)
{
    CLEANUP(rift_free) char *qdiscs = NULL;
    assert_false(is_cut());
    assert_int_equal(0, HOST_RUN(n1, &qdiscs, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(qdiscs, "clsact"));
}

static void assert_nothing_left(void)
{
    CLEANUP(rift_free) char *listed = rift_printf("ls %s/ledger 2>&1 | grep json", n1->state);
    CLEANUP(rift_free) char *output = NULL;
    assert_no_cut_left();
    if (HOST_RUN(n1, &output, "sh", "-c", listed) == 0)
        fail_msg("the ledger still has %s", output);
}

static void other_faults_heartbeats_and_the_lease_do_not_wait(void **state)
{
    (void)state;
    NEED_HOST();
    inject("before", "pause", NULL);
    network_is_held();
    int64_t cut = begin_cut("cut");
    wait_in();
    heal("before");
    assert_true(toy_is_alive(n1, ALIVE_MS));
    inject("meanwhile", "pause", NULL);
    assert_true(toy_is_still(n1, WATCH_MS));
    heal("meanwhile");
    json_decref(agent_must(&n1->agent, "clock", NULL));
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
    must_be_held();
    let_go();
    must_succeed(cut);
    assert_true(is_cut());
    must_succeed(begin_heal("cut"));
    assert_nothing_left();
}

/* Of a cut that is on: its lease is renewed all the same. */
static void nothing_waits_behind_a_look_or_a_heal_either(void **state)
{
    (void)state;
    NEED_HOST();
    inject("pause", "pause", NULL);
    must_succeed(begin_cut("cut"));
    network_is_held();
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
    int64_t look = agent_send(&n1->agent, "observe", json_pack("{s:s}", "id", "cut"));
    int64_t healed = begin_heal("cut");
    wait_in();
    heal("pause");
    must_be_held();
    let_go();
    must_succeed(healed);
    CLEANUP(rift_free) char *code = answer_of(look); /* the heal may be felt by then */
    assert_true(strcmp(code, "") == 0 || strcmp(code, "missing") == 0);
    assert_nothing_left();
}

static void a_heal_of_what_waits_itself_is_done_right_after_it(void **state)
{
    (void)state;
    NEED_HOST();
    network_is_held();
    int64_t first = begin_cut("first"), second = begin_cut("second");
    wait_in();
    int64_t first_heal = begin_heal("first");
    must_succeed(begin_heal("second")); /* it has not begun */
    CLEANUP(rift_free) char *code = answer_of(second);
    assert_string_equal("cancelled", code);
    must_be_held();
    let_go();
    must_succeed(first);
    must_succeed(first_heal);
    assert_nothing_left();
}

static void a_heal_of_all_heals_at_once_what_it_can(void **state)
{
    (void)state;
    NEED_HOST();
    inject("pause", "pause", NULL);
    network_is_held();
    int64_t cut = begin_cut("cut");
    wait_in();
    int64_t all = agent_send(&n1->agent, "heal_all", NULL);
    wait_in();
    assert_true(toy_is_alive(n1, ALIVE_MS));
    inject("later", "pause", NULL);
    must_be_held();
    let_go();
    must_succeed(cut);
    must_succeed(all);
    assert_no_cut_left();
    assert_true(toy_is_still(n1, WATCH_MS));
    heal("later");
}

/* One whose heal takes time, too, as long as it was not there when all were to be healed. */
static void what_begins_while_all_is_healed_stays(void **state)
{
    (void)state;
    NEED_HOST();
    network_is_held();
    int64_t cut = begin_cut("cut");
    wait_in();
    int64_t all = agent_send(&n1->agent, "heal_all", NULL);
    inject("later", "rollback", NULL);
    must_be_held();
    let_go();
    must_succeed(cut);
    must_succeed(all);
    assert_no_cut_left();
    json_decref(agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "later")));
    heal("later");
    assert_nothing_left();
}

static void the_lease_ends_meanwhile(void **state)
{
    (void)state;
    NEED_HOST();
    inject("pause", "pause", NULL);
    network_is_held(); /* which may take longer than the lease that is to end after it */
    int64_t lease = agent_send(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", SHORT_LEASE_MS));
    int64_t cut = begin_cut("cut");
    must_succeed(lease);
    rift_clock_sleep_until(rift_clock_now() + (SHORT_LEASE_MS + IN_MS) * RIFT_MS);
    assert_true(toy_is_alive(n1, ALIVE_MS));
    must_be_held();
    let_go();
    must_succeed(cut);
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    while (is_cut() && rift_clock_now() < deadline)
        wait_in();
    assert_nothing_left();
}

/* The guardian heals, and only once the kernel is through with what the agent has asked for. */
static void the_agent_is_killed_meanwhile(void **state)
{
    (void)state;
    NEED_HOST();
    network_is_held();
    begin_cut("cut");
    wait_in();
    kill(agent_pid(&n1->agent), SIGKILL);
    wait_in();
    must_be_held();
    let_go();
    agent_forget(&n1->agent);
    assert_nothing_left();
}

static void the_session_ends_meanwhile(void **state)
{
    (void)state;
    NEED_HOST();
    network_is_held();
    begin_cut("first");
    begin_cut("second");
    wait_in();
    must_be_held();
    close(n1->agent.in);
    n1->agent.in = -1;
    wait_in();
    let_go();
    agent_forget(&n1->agent);
    assert_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(other_faults_heartbeats_and_the_lease_do_not_wait, begin,
                                        end),
        cmocka_unit_test_setup_teardown(nothing_waits_behind_a_look_or_a_heal_either, begin, end),
        cmocka_unit_test_setup_teardown(a_heal_of_what_waits_itself_is_done_right_after_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_heal_of_all_heals_at_once_what_it_can, begin, end),
        cmocka_unit_test_setup_teardown(what_begins_while_all_is_healed_stays, begin, end),
        cmocka_unit_test_setup_teardown(the_lease_ends_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(the_agent_is_killed_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(the_session_ends_meanwhile, begin, end),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}

/* Nodes that are reached through a jump host, and what becomes of a run when that host is lost in
 * the middle of it: paused, so that nothing is closed and nothing answers, or cut off. What the
 * nodes hear of each other is asked of them past SSH. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/node_remains.h"

/* The first host is the way to the other two. */
enum { HOSTS = 3, OUTPUT_SIZE = 1 << 14, LEASE_S = 5, WAIT_S = 90 };

static char output[OUTPUT_SIZE], before[HOSTS][NODE_STATE_SIZE];

static int up(void **state)
{
    (void)state;
    if (case_up("jump", HOSTS, NULL))
        return -1;
    for (size_t i = 0; case_hosts && i < HOSTS; i++)
        node_state_read(&case_hosts[i], before[i]);
    return 0;
}

static void on_host(size_t index, const char *script)
{
    assert_exit_code(test_host_run(&case_hosts[index], script, output, sizeof output), 0, output);
}

/* A partition from the first second of a run to its last, whose clients need no node. */
static void write_files(void)
{
    CLEANUP(rift_free)
    char *ssh =
        rift_printf("Host jump\n HostName %s\nHost db1\n HostName %s\n ProxyJump jump\n"
                    "Host db2\n HostName %s\n ProxyJump jump\nHost *\n User root\n Port %u\n"
                    " IdentityFile %s\n UserKnownHostsFile %s\n",
                    case_hosts[0].address, case_hosts[1].address, case_hosts[2].address,
                    case_hosts[0].port, case_hosts[0].key_file, case_hosts[0].known_hosts_file);
    CLEANUP(rift_free) char *client = realpath("clients/stdio/example_register.py", NULL);
    CLEANUP(rift_free)
    char *config = rift_printf("name: jump\nnodes: [db1, db2]\nssh: {config: ssh_config}\n"
                               "allow_faults: [n1, n2]\nlease_s: %d\nworkload: register\n"
                               "client: {name: stdio, command: [python3, %s, store]}\n"
                               "faults: [{partition: halves, start_s: 1, for_s: 14, every_s: 60}]\n"
                               "time_limit_s: 16\nrecovery_s: 1\n",
                               LEASE_S, client);
    case_write_file("ssh_config", ssh);
    case_write_file("config.yaml", config);
}

static bool can_hear(void)
{
    CLEANUP(rift_free)
    char *open = rift_printf("timeout 2 bash -c '</dev/tcp/%s/22'", case_hosts[2].address);
    return test_host_run(&case_hosts[1], open, NULL, 0) == 0;
}

static void wait_until_heard(bool wanted, const char *what)
{
    int64_t deadline_ns = rift_clock_now() + WAIT_S * RIFT_SECOND;
    while (can_hear() != wanted)
        if (rift_clock_now() > deadline_ns)
            fail_msg("%s: the nodes %s each other", what, wanted ? "do not hear" : "hear");
}

/* lose and find are scripts for the jump host. */
static void lose_the_jump_host(const char *lose, const char *find)
{
    case_need_lab();
    write_files();
    CLEANUP(rift_free)
    char *run = rift_printf(
        "cd %s; rm -rf runs done store; mkdir store; timeout 300 %s run config.yaml --runs runs "
        "--quiet >log 2>&1; echo code $? >>log; touch done",
        case_scratch, test_rift_binary());
    pid_t aside = test_run_aside(run);
    wait_until_heard(false, "before the loss");
    on_host(0, lose);
    wait_until_heard(true, "the lease is over");
    CLEANUP(rift_free)
    char *wait = rift_printf("cd %s; for i in $(seq 3000); do test -e done && break; sleep 0.1; "
                             "done; cat log",
                             case_scratch);
    test_run(wait, output, sizeof output);
    test_end_aside(aside);
    assert_says(output, "n1: contact is lost, its faults end with the lease");
    assert_says(output, "n2 does not say that it is healed, its faults end with the lease");
    assert_says(output, "was not observed: n1: its end is not known: no answer to 'heal'");
    assert_says(output, "code 2");
    assert_true(can_hear());
    on_host(0, find);
    CLEANUP(rift_free)
    char *heal = rift_printf("cd %s && %s heal config.yaml 2>&1", case_scratch, test_rift_binary());
    assert_exit_code(test_run(heal, output, sizeof output), 0, output);
    nodes_assert_clean(case_hosts, HOSTS, before, "after the heal");
}

static void a_jump_host_that_is_paused_leaves_no_fault_behind(void **state)
{
    (void)state;
    lose_the_jump_host("kill -STOP $(pgrep sshd)", "kill -CONT $(pgrep sshd)");
}

static void so_does_one_that_is_cut_off(void **state)
{
    (void)state;
    lose_the_jump_host("nft add table inet t; nft add chain inet t c '{ type filter hook input "
                       "priority 0; policy drop; }'",
                       "nft delete table inet t");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jump_host_that_is_paused_leaves_no_fault_behind),
        cmocka_unit_test(so_does_one_that_is_cut_off),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, up, case_down);
}

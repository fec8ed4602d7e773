/* rift doctor and rift heal as a person uses them on hosts listed by address: what they say, with
 * which exit code, and what is left after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/node_remains.h"

enum { HOSTS = 2, OUTPUT_SIZE = 1 << 14, FIT = 0, BAD_CONFIG = 254, NOT_FIT = 255 };

static char before[HOSTS][NODE_STATE_SIZE], output[OUTPUT_SIZE];

/* In the subnet of the lab, and nobody's. */
static char *address_of_nobody(void)
{
    return rift_printf("%.*s.200",
                       (int)(strrchr(case_hosts[0].address, '.') - case_hosts[0].address),
                       case_hosts[0].address);
}

static int up(void **state)
{
    (void)state;
    if (case_up("doctor", HOSTS, NULL))
        return -1;
    for (size_t i = 0; case_hosts && i < HOSTS; i++)
        node_state_read(&case_hosts[i], before[i]);
    return 0;
}

/* The hosts by address, and more lines. */
static void write_config(const char *more_nodes, const char *lines)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/config.yaml", case_scratch);
    if (!case_hosts) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "ssh: {user: root, key: %s, known_hosts: %s}\nnodes:\n", case_hosts[0].key_file,
            case_hosts[0].known_hosts_file);
    for (size_t i = 0; i < HOSTS; i++)
        fprintf(file, "  - {address: %s, port: %d}\n", case_hosts[i].address, case_hosts[i].port);
    fprintf(file, "%sallow_faults: [n1, n2]\ndeadlines: {connect_s: 5}\n%s", more_nodes, lines);
    assert_int_equal(fclose(file), 0);
}

static void assert_rift(const char *command, int code)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s 2>&1", case_scratch, test_rift_binary(), command);
    assert_exit_code(test_run(script, output, sizeof output), code, output);
}

static void hosts_that_can_do_all_are_fit_and_left_as_they_were(void **state)
{
    (void)state;
    write_config("", "faults: [{partition: halves}]\n");
    assert_rift("doctor config.yaml", FIT);
    assert_says(output, "n1 at ");
    assert_says(output, "n2 at ");
    assert_says(output, "partition");
    assert_says(output, "\nfit");
    nodes_assert_clean(case_hosts, HOSTS, before, "after it");
}

static void a_fault_that_a_host_cannot_do_is_named_with_host_and_cause(void **state)
{
    (void)state;
    write_config("", "faults: [{partition: {kinds: halves, interfaces: [eth7]}}]\n");
    assert_rift("doctor config.yaml", NOT_FIT);
    assert_says(output, "n2         CANNOT: ");
    assert_says(output, "eth7");
    assert_says(output, "not fit: 2 troubles");
    nodes_assert_clean(case_hosts, HOSTS, before, "after it");
}

/* Which process it would be is drawn for each window, and is no other question to a node. */
static void a_fault_is_asked_for_once_whatever_it_draws(void **state)
{
    (void)state;
    write_config("", "faults: [{kill: {targets: one, process: any}, every_s: 5, for_s: 1}]\n");
    assert_rift("doctor config.yaml", FIT);
    /* and only what is not as it is unless given is told */
    assert_says(output, "\nkill {\"process\":\"any\"}\n");
    if (strstr(strstr(output, "\nkill ") + 1, "\nkill "))
        fail_msg("%s", output);
    nodes_assert_clean(case_hosts, HOSTS, before, "after it");
}

static void a_host_that_nobody_reaches_is_named(void **state)
{
    (void)state;
    if (!case_hosts)
        skip();
    CLEANUP(rift_free) char *nobody = address_of_nobody();
    CLEANUP(rift_free) char *node = rift_printf("  - %s\n", nobody);
    write_config(node, "");
    assert_rift("doctor config.yaml", NOT_FIT);
    assert_says(output, "n3 (");
    assert_says(output, nobody);
    assert_rift("heal config.yaml", NOT_FIT);
    assert_says(output, nobody);
    assert_says(output, "n1: this node is healed");
}

static void a_bad_configuration_is_named_with_its_place(void **state)
{
    (void)state;
    write_config("", "fautls: [pause]\n");
    assert_rift("doctor config.yaml", BAD_CONFIG);
    assert_says(output, "config.yaml:7:1");
    assert_says(output, "faults");
    assert_rift("doctor", BAD_CONFIG);
    assert_rift("doctor no-such.yaml", BAD_CONFIG);
    assert_says(output, "no-such.yaml");
}

/* Can a shell on the host open sshd's port on another? */
static bool can_reach(size_t from, size_t to)
{
    CLEANUP(rift_free)
    char *script = rift_printf("timeout 2 bash -c '</dev/tcp/%s/22'", case_hosts[to].address);
    return test_host_run(&case_hosts[from], script, NULL, 0) == 0;
}

/* A cut for a minute, whose controller dies. */
static void cut_and_die(void)
{
    write_config("", "lease_s: 60\n");
    CLEANUP(rift_free)
    char *start = rift_printf("cd %s; %s fault partition --isolate n2 --for 60s --config "
                              "config.yaml > log 2>&1 & pid=$!; for i in $(seq 300); do grep -qs "
                              "'n2 not heard' %s/log && break; sleep 0.1; done; kill -9 $pid; cat "
                              "%s/log",
                              case_scratch, test_rift_binary(), case_scratch, case_scratch);
    test_run(start, output, sizeof output);
    assert_says(output, "n2 not heard");
}

static void heal_by_a_configuration_ends_what_a_dead_controller_left(void **state)
{
    (void)state;
    cut_and_die();
    assert_rift("heal config.yaml", 0);
    assert_says(output, "n1: this node is healed");
    assert_says(output, "n2: this node is healed");
    assert_true(can_reach(0, 1));
    nodes_assert_clean(case_hosts, HOSTS, before, "after it");
}

static void heal_by_address_ends_it_on_the_hosts_that_are_named(void **state)
{
    (void)state;
    cut_and_die();
    CLEANUP(rift_free)
    char *both = rift_printf("heal --key %s --known-hosts %s root@%s:%d %s", case_hosts[0].key_file,
                             case_hosts[0].known_hosts_file, case_hosts[0].address,
                             case_hosts[0].port, case_hosts[1].address);
    assert_rift(both, 0);
    CLEANUP(rift_free)
    char *line =
        rift_printf("root@%s:%d: this node is healed", case_hosts[0].address, case_hosts[0].port);
    assert_says(output, line);
    assert_true(can_reach(1, 0));
    nodes_assert_clean(case_hosts, HOSTS, before, "after it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_that_can_do_all_are_fit_and_left_as_they_were),
        cmocka_unit_test(a_fault_that_a_host_cannot_do_is_named_with_host_and_cause),
        cmocka_unit_test(a_fault_is_asked_for_once_whatever_it_draws),
        cmocka_unit_test(a_host_that_nobody_reaches_is_named),
        cmocka_unit_test(a_bad_configuration_is_named_with_its_place),
        cmocka_unit_test(heal_by_a_configuration_ends_what_a_dead_controller_left),
        cmocka_unit_test(heal_by_address_ends_it_on_the_hosts_that_are_named),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

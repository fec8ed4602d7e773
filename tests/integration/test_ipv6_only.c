/* Hosts that have IPv6 and nothing else: login, agents, probes and cuts work there as elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

enum { HOSTS = 3 };

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static char config[] = "/tmp/rift-ipv6-XXXXXX.yaml";

/* A lab's hosts have both families; these lose one of them, on every interface. */
static int up(void **state)
{
    (void)state;
    char output[512];
    if (geteuid() != 0)
        return 0;
    size_t count = 0;
    lab = test_lab_up("ipv6", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    int fd = mkstemps(config, 5);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file || count != HOSTS)
        return -1;
    fprintf(file, "name: ipv6\nallow_faults: [n1, n2, n3]\nsystem: none\n"
                  "client: {name: stdio, command: [/bin/true]}\nworkload: register\nnodes:\n");
    for (size_t i = 0; i < HOSTS; i++) {
        fprintf(file, "  - {address: '%s', port: %d, user: %s, key: %s, known_hosts: %s}\n",
                hosts[i].address6, hosts[i].port, hosts[i].user, hosts[i].key_file,
                hosts[i].known_hosts_file);
        test_host_run(&hosts[i],
                      "ip -4 address flush dev eth0; ip -4 address flush dev lo; "
                      "ip -4 address show; ip -4 route show",
                      output, sizeof output);
        if (output[0])
            return -1;
    }
    return fclose(file);
}

static int down(void **state)
{
    unlink(config);
    rift_lab_close(lab);
    return test_labs_down(state);
}

static void need_lab(void)
{
    if (!lab) {
        print_message("SKIP: a lab needs root\n");
        skip();
    }
    test_agent_binary();
}

/* Can a shell on the host open sshd's port on another? */
static bool can_reach(size_t from, size_t to)
{
    CLEANUP(rift_free)
    char *script = rift_printf("timeout 2 bash -c '</dev/tcp/%s/22'", hosts[to].address6);
    return test_host_run(&hosts[from], script, NULL, 0) == 0;
}

/* Starts `rift fault partition --isolate n2` with these options, waits for a word of its output. */
static void cut(const char *options, const char *word)
{
    char output[8192];
    CLEANUP(rift_free)
    char *script = rift_printf(
        "%s fault partition --isolate n2 --for 60s %s --config %s >%s.log "
        "2>&1 & echo $! >%s.pid; for i in $(seq 300); do grep -q '%s' %s.log && exit 0; "
        "sleep 0.1; done; cat %s.log; exit 1",
        test_rift_binary(), options, config, config, config, word, config, config);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
}

/* Ends it as Ctrl-C does: what it said. */
static void end_cut(char *output, size_t size)
{
    CLEANUP(rift_free)
    char *script = rift_printf("read -r p <%s.pid; kill -INT $p; for i in $(seq 300); do [ -e "
                               "/proc/$p ] || break; sleep 0.1; done; cat %s.log; rm %s.log %s.pid",
                               config, config, config, config);
    test_run(script, output, size);
}

static void a_cut_is_felt_observed_and_healed(void **state)
{
    (void)state;
    char output[8192];
    need_lab();
    assert_true(can_reach(0, 1));
    cut("", "n2 .*n1 not heard, n3 not heard");
    assert_false(can_reach(0, 1));
    assert_false(can_reach(1, 2));
    assert_true(can_reach(0, 2));
    end_cut(output, sizeof output);
    if (!strstr(output, "n1 heard again, n3 heard again"))
        fail_msg("%s", output);
    assert_true(can_reach(0, 1));
}

static void a_port_is_cut_and_the_rest_is_not(void **state)
{
    (void)state;
    char output[8192];
    need_lab();
    cut("--set ports=7799", "left");
    assert_true(can_reach(0, 1));
    end_cut(output, sizeof output);
    cut("--set ports=22", "observed on every node");
    assert_false(can_reach(0, 1));
    assert_true(can_reach(0, 2));
    end_cut(output, sizeof output);
    if (strstr(output, "NOT OBSERVED"))
        fail_msg("%s", output);
    assert_true(can_reach(0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_felt_observed_and_healed),
        cmocka_unit_test(a_port_is_cut_and_the_rest_is_not),
    };
    return cmocka_run_group_tests(tests, up, down);
}

/* Hosts that a configuration lists by address, as real ones are: the lab's, of which nothing tells
 * that they are a lab's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

enum { CALL_MS = 10000, HOSTS = 2 };

/* libssh2 1.10 forgets two numbers of each ECDSA signature that it checks. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto.so";
}

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static char scratch[] = "/tmp/rift-test-plain-XXXXXX";

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0)
        return 0;
    if (!mkdtemp(scratch))
        return -1;
    lab = test_lab_up("plain", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    return count == HOSTS ? 0 : -1;
}

static int down(void **state)
{
    CLEANUP(rift_free) char *script = rift_printf("rm -rf %s", scratch);
    if (lab)
        test_run(script, NULL, 0);
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
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], "rm -rf /var/lib/rift /etc/rift/allow", NULL, 0);
}

/* A configuration of these hosts with more lines; the path of its file. */
static char *write_config(const char *lines)
{
    char *path = rift_printf("%s/config.yaml", scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("nodes:\n", file);
    for (size_t i = 0; i < HOSTS; i++)
        fprintf(file, "  - {address: %s, port: %d, user: %s, key: %s, known_hosts: %s}\n",
                hosts[i].address, hosts[i].port, hosts[i].user, hosts[i].key_file,
                hosts[i].known_hosts_file);
    fprintf(file,
            "client: {name: stdio, command: [/bin/true]}\nworkload: register\n"
            "time_limit_s: 1\n%s",
            lines);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int rift(const char *before, const char *config, const char *after, char *output,
                size_t size)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s %s %s 2>&1", scratch, test_rift_binary(), before,
                               config, after);
    return test_run(script, output, size);
}

static void assert_untouched(void)
{
    for (size_t i = 0; i < HOSTS; i++)
        assert_int_equal(test_host_run(&hosts[i], "test ! -e /var/lib/rift", NULL, 0), 0);
}

static void assert_says(const char *output, const char *words)
{
    if (!strstr(output, words))
        fail_msg("no '%s' in: %s", words, output);
}

static void nothing_is_touched_on_a_host_that_did_not_agree(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free) char *config = write_config("faults: [{pause: one}]\n");
    static const struct {
        const char *before, *after;
        int code;
    } commands[] = {{"doctor", "", 255},
                    {"run", "--quiet", 255},
                    {"fault partition --isolate n2 --for 2s --config", "", 255}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int code = rift(commands[i].before, config, commands[i].after, output, sizeof output);
        if (code != commands[i].code)
            fail_msg("%s: %d: %s", commands[i].before, code, output);
        for (size_t host = 0; host < HOSTS; host++) {
            CLEANUP(rift_free)
            char *line = rift_printf("%s (%s port %d): faults are not allowed on this host; make "
                                     "the file /etc/rift/allow on it, or put into the "
                                     "configuration: allow_faults: [%s]",
                                     hosts[host].name, hosts[host].address, hosts[host].port,
                                     hosts[host].name);
            assert_says(output, line);
        }
        assert_untouched();
    }
}

static void a_host_agrees_by_its_file_or_by_the_configuration(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *half = write_config("faults: [{pause: one}]\nallow_faults: [n1]\n");
    assert_int_equal(rift("doctor", half, "", output, sizeof output), 255);
    assert_says(output, "allow_faults: [n2]");
    assert_null(strstr(output, "allow_faults: [n1]"));
    test_host_run(&hosts[1], "mkdir -p /etc/rift && touch /etc/rift/allow", NULL, 0);
    if (rift("doctor", half, "", output, sizeof output) != 0)
        fail_msg("%s", output);
    if (rift("fault partition --isolate n2 --for 1s --config", half, "", output, sizeof output))
        fail_msg("%s", output);
    assert_says(output, "n1 heard again");
}

static void a_run_without_faults_and_a_heal_need_no_leave(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free) char *calm = write_config("");
    if (rift("doctor", calm, "", output, sizeof output) != 0)
        fail_msg("%s", output);
    CLEANUP(rift_free) char *broken = write_config("faults: [{pause: one}]\n");
    if (rift("heal", broken, "", output, sizeof output) != 0)
        fail_msg("%s", output);
}

/* The agent's own word, where a controller forgot to ask. */
static void an_agent_injects_nothing_where_nobody_allowed_it(void **state)
{
    (void)state;
    need_lab();
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&hosts[0]);
    settings.faults = RIFT_NODE_FAULTS_NONE;
    struct rift_node *node = rift_node_open(&settings, &err);
    if (!node)
        fail_msg("%s", err.text);
    json_t *args = json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", "w0", "fault", "partition",
                             "options", "peers", "name", "n2", "addresses", hosts[1].address);
    static const char *const verbs[] = {"probe_fault", "inject"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rift_node_call(node, verbs[i], args, CALL_MS, NULL, &err), -1);
        assert_int_equal(err.code, RIFT_ERR_DENIED);
        assert_says(err.text, "/etc/rift/allow");
    }
    test_host_run(&hosts[0], "mkdir -p /etc/rift && touch /etc/rift/allow", NULL, 0);
    if (rift_node_call(node, "inject", args, CALL_MS, NULL, &err) != 0)
        fail_msg("%s", err.text);
    json_decref(args);
    rift_node_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_touched_on_a_host_that_did_not_agree),
        cmocka_unit_test(a_host_agrees_by_its_file_or_by_the_configuration),
        cmocka_unit_test(a_run_without_faults_and_a_heal_need_no_leave),
        cmocka_unit_test(an_agent_injects_nothing_where_nobody_allowed_it),
    };
    return cmocka_run_group_tests(tests, up, down);
}

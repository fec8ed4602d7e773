/* Logging in as ssh itself would: aliases of ssh_config(5), a way through a jump host, a proxy
 * command, and a host that asks for the password instead of taking it. */
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
#include "tests/lib/lab_case.h"

enum { HOSTS = 2, OUTPUT_SIZE = 8192 };

static int up(void **state)
{
    (void)state;
    return case_up("sshconf", HOSTS, NULL);
}

/* ssh_config for the aliases db1 and db2; more is added to db2. */
static void write_ssh_config(const char *more)
{
    CLEANUP(rift_free)
    char *text = rift_printf("Host db1\n HostName %s\n"
                             "Host db2\n HostName %s\n%s"
                             "Host db*\n User root\n Port %u\n IdentityFile %s\n "
                             "UserKnownHostsFile %s\n",
                             case_hosts[0].address, case_hosts[1].address, more, case_hosts[0].port,
                             case_hosts[0].key_file, case_hosts[0].known_hosts_file);
    case_write_file("ssh_config", text);
}

/* rift heal of a configuration with these nodes: a login, an upload and a command. */
static int heal(const char *nodes, char output[OUTPUT_SIZE])
{
    CLEANUP(rift_free)
    char *config = rift_printf("nodes: [%s]\nssh: {config: ssh_config}\n"
                               "client: {name: stdio, command: [/bin/true]}\n"
                               "workload: register\ndeadlines: {connect_s: 3}\n",
                               nodes);
    case_write_file("config.yaml", config);
    CLEANUP(rift_free)
    char *script =
        rift_printf("cd %s && %s heal config.yaml 2>&1", case_scratch, test_rift_binary());
    return test_run(script, output, OUTPUT_SIZE);
}

static void assert_heals(const char *nodes)
{
    char output[OUTPUT_SIZE];
    assert_exit_code(heal(nodes, output), 0, output);
    assert_int_equal(test_host_run(&case_hosts[1], "ls /var/lib/rift/rift-agent-*", NULL, 0), 0);
    assert_int_equal(test_host_run(&case_hosts[1], "rm -r /var/lib/rift", NULL, 0), 0);
}

static void assert_fails(const char *nodes, const char *words)
{
    char output[OUTPUT_SIZE];
    assert_exit_code(heal(nodes, output), 255, output);
    assert_says(output, words);
}

static void an_alias_gives_address_user_key_and_known_hosts(void **state)
{
    (void)state;
    case_need_lab();
    write_ssh_config("");
    assert_heals("db1, db2");
    write_ssh_config(" User nobody\n");
    assert_fails("db1, db2", "for user 'nobody'");
}

static void what_the_configuration_says_itself_wins(void **state)
{
    (void)state;
    case_need_lab();
    write_ssh_config(" User nobody\n");
    assert_heals("{address: db2, user: root}");
    write_ssh_config(" Port 1\n");
    assert_fails("db2", "port 1)");
    assert_heals("'db2:22'");
    write_ssh_config("");
    assert_fails("{address: db2, config: none}", "cannot look up 'db2'");
}

static void a_mistake_in_the_file_is_named(void **state)
{
    (void)state;
    case_need_lab();
    write_ssh_config(" NoSuchWord yes\n");
    assert_fails("db2", "nosuchword");
}

/* The second host takes SSH from the first only: nothing but the jump leads there. */
static void close_direct_way(void)
{
    char output[OUTPUT_SIZE];
    CLEANUP(rift_free)
    char *script = rift_printf("nft add table inet t; nft add chain inet t c '{ type filter hook "
                               "input priority 0; }'; nft add rule inet t c ip saddr != %s tcp "
                               "dport 22 drop",
                               case_hosts[0].address);
    assert_exit_code(test_host_run(&case_hosts[1], script, output, sizeof output), 0, output);
}

static void a_jump_host_leads_to_a_host_that_cannot_be_reached_directly(void **state)
{
    (void)state;
    case_need_lab();
    close_direct_way();
    write_ssh_config("");
    assert_fails("db2", "cannot connect: no answer within");
    write_ssh_config(" ProxyJump db1\n");
    assert_heals("db2");
    CLEANUP(rift_free)
    char *command =
        rift_printf(" ProxyCommand ssh -F %s/ssh_config -W %%h:%%p db1\n", case_scratch);
    write_ssh_config(command);
    assert_heals("db2");
    write_ssh_config(" ProxyJump nobody@db1\n");
    assert_fails("db2", "its proxy says: nobody@");
    assert_int_equal(test_host_run(&case_hosts[1], "nft delete table inet t", NULL, 0), 0);
}

static void a_host_that_asks_is_answered_from_the_password_file(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE];
    static const char serve[] =
        "echo root:hu7-open-sesame | chpasswd -c SHA512; printf 'Port 2222\\n"
        "PasswordAuthentication no\\nPermitRootLogin yes\\nKbdInteractiveAuthentication yes\\n"
        "UsePAM yes\\nPidFile none\\nSubsystem sftp internal-sftp\\n"
        "HostKey /etc/ssh/rift_lab_host_key\\n' > /run/sshd2; /usr/sbin/sshd -f /run/sshd2";
    assert_exit_code(test_host_run(&case_hosts[1], serve, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *prepare = rift_printf("cd %s; umask 077; echo hu7-open-sesame > password; echo wrong > "
                                "wrong; sed -n 's/^%s,[^ ]* /[%s]:2222 /p' %s > known; test -s "
                                "known",
                                case_scratch, case_hosts[1].address, case_hosts[1].address,
                                case_hosts[1].known_hosts_file);
    assert_exit_code(test_run(prepare, output, sizeof output), 0, output);
    write_ssh_config("");
    CLEANUP(rift_free)
    char *host = rift_printf("{address: %s, port: 2222, user: root, known_hosts: known, "
                             "password_file: ",
                             case_hosts[1].address);
    CLEANUP(rift_free) char *right = rift_printf("%spassword}", host);
    CLEANUP(rift_free) char *wrong = rift_printf("%swrong}", host);
    /* libssh2 1.10 forgets the text of each question. */
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    assert_heals(right);
    assert_fails(wrong, "refuses the password in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_gives_address_user_key_and_known_hosts),
        cmocka_unit_test(what_the_configuration_says_itself_wins),
        cmocka_unit_test(a_mistake_in_the_file_is_named),
        cmocka_unit_test(a_jump_host_leads_to_a_host_that_cannot_be_reached_directly),
        cmocka_unit_test(a_host_that_asks_is_answered_from_the_password_file),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

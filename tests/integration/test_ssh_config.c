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

enum { HOSTS = 2, OUTPUT_SIZE = 8192, CONNECT_S = 30 };

static int up(void **state)
{
    (void)state;
    return case_up("sshconf", HOSTS, NULL);
}

/* With the ssh-agents of a test, whether it passed or not. */
static int down(void **state)
{
    CLEANUP(rift_free)
    char *end =
        rift_printf("! [ -e %s/agents ] || kill $(cat %s/agents)", case_scratch, case_scratch);
    int result = case_scratch[0] ? test_run(end, NULL, 0) : 0;
    return case_down(state) || result;
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

static int rift(const char *command, const char *nodes, int connect_s, char output[OUTPUT_SIZE])
{
    CLEANUP(rift_free)
    char *config = rift_printf("nodes: [%s]\nssh: {config: ssh_config}\n"
                               "client: {name: stdio, command: [/bin/true]}\n"
                               "workload: register\ndeadlines: {connect_s: %d}\n",
                               nodes, connect_s);
    case_write_file("config.yaml", config);
    CLEANUP(rift_free)
    char *script =
        rift_printf("cd %s && %s %s config.yaml 2>&1", case_scratch, test_rift_binary(), command);
    return test_run(script, output, OUTPUT_SIZE);
}

/* A login, an upload and a command. */
static int heal_within(const char *nodes, int connect_s, char output[OUTPUT_SIZE])
{
    return rift("heal", nodes, connect_s, output);
}

static int heal(const char *nodes, char output[OUTPUT_SIZE])
{
    return heal_within(nodes, CONNECT_S, output);
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
    assert_fails("{address: db2, config: none}", "(db2 port 22): look up its address");
}

/* A run would lose its own node; a heal may heal it twice. */
static void one_host_under_two_names_is_one(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE];
    CLEANUP(rift_free)
    char *third = rift_printf("Host db3\n HostName %s\n", case_hosts[1].address);
    write_ssh_config(third);
    assert_exit_code(rift("doctor", "db1, db2, db3", CONNECT_S, output), 255, output);
    assert_says(output, "hosts 'n2' and 'n3' are one");
    assert_heals("db1, db2, db3");
}

static void all_names_that_are_not_known_are_named_at_once(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE];
    write_ssh_config("");
    assert_exit_code(rift("doctor", "lost.invalid, db1, gone.invalid", CONNECT_S, output), 255,
                     output);
    assert_says(output, "cannot look up 'lost.invalid'");
    assert_says(output, "cannot look up 'gone.invalid'");
}

static void a_mistake_in_the_file_is_named(void **state)
{
    (void)state;
    case_need_lab();
    write_ssh_config(" NoSuchWord yes\n");
    assert_fails("db2", "nosuchword");
}

/* ssh-agents, one of which holds keys that the hosts take and that are on no disk, or locked there;
 * the pids of both go to `agents`. */
static const char make_agents[] =
    "cd %s; exec 2>&1; set -e; for k in held locked stranger; do ssh-keygen -q -t ed25519 -N '' -f "
    "$k; done; cp %s own_root; eval $(ssh-agent -a $PWD/full) >/dev/null; echo $SSH_AGENT_PID "
    ">agents; ssh-add -q held locked; rm held; ssh-keygen -q -p -N secret -f locked; eval "
    "$(ssh-agent -a $PWD/empty) >/dev/null; echo $SSH_AGENT_PID >>agents; echo \"IdentityFile "
    "$PWD/own_root\" >included; cat held.pub locked.pub";

struct way {
    const char *lines; /* $ stands for the folder of the files above */
    bool leads;
};

static const struct way ways[] = {
    {"IdentityAgent $/full\n", true},
    {"IdentityAgent $/full\nIdentityFile $/held\nIdentitiesOnly yes\n", true},
    {"IdentityAgent $/full\nIdentityFile $/held.pub\nIdentitiesOnly yes\n", true},
    {"IdentityAgent $/full\nIdentityFile $/locked\nIdentitiesOnly yes\n", true},
    {"IdentityAgent $/full\nIdentityFile $/stranger\n", true},
    {"IdentityAgent $/full\nIdentityFile $/stranger\nIdentitiesOnly yes\n", false},
    {"IdentityAgent $/empty\nIdentityFile $/locked\n", false},
    {"IdentityAgent $/empty\n", false},
    {"IdentityAgent $/no-such\n", false},
    {"IdentityAgent none\nIdentityFile $/held\n", false}, /* SSH_AUTH_SOCK is there */
    {"IdentityFile $/held\n", true},                      /* by SSH_AUTH_SOCK */
    {"IdentityAgent SSH_AUTH_SOCK\n", true},
    {"IdentityAgent none\nIdentityFile $/stranger\nIdentityFile $/own_%r\n", true},
    {"IdentityAgent none\nIdentityFile $/no-such\nIdentityFile $/own_root\n", true},
    {"IdentityAgent none\nInclude $/included\n", true},
    {"IdentityAgent none\nMatch host 10.* user root exec \"test -d $\"\nIdentityFile $/own_root\n",
     true},
    {"IdentityAgent none\nMatch user nobody\nIdentityFile $/own_root\n", false},
};

/* ssh itself is asked what it makes of the same file. */
static void rift_logs_in_by_the_keys_that_ssh_would_take(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE], said[OUTPUT_SIZE];
    CLEANUP(rift_free) char *make = rift_printf(make_agents, case_scratch, case_hosts[1].key_file);
    if (test_run(make, output, sizeof output) != 0)
        fail_msg("%s", output);
    CLEANUP(rift_free)
    char *add = rift_printf("echo '%s' >>/root/.ssh/authorized_keys", output);
    assert_int_equal(test_host_run(&case_hosts[1], add, NULL, 0), 0);
    CLEANUP(rift_free) char *socket = rift_printf("%s/full", case_scratch);
    setenv("SSH_AUTH_SOCK", socket, 1);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        CLEANUP(rift_free)
        char *write = rift_printf("cd %s; { echo 'Host db2\nHostName %s\nUser root\nPort "
                                  "%u\nUserKnownHostsFile %s'; printf "
                                  "'%%s' '%s' | sed \"s,\\\\$,$PWD,\"; } >ssh_config; cat "
                                  "ssh_config; ssh -F ssh_config -o BatchMode=yes "
                                  "db2 true 2>&1",
                                  case_scratch, case_hosts[1].address, case_hosts[1].port,
                                  case_hosts[1].known_hosts_file, ways[i].lines);
        if ((test_run(write, said, sizeof said) == 0) != ways[i].leads)
            fail_msg("ssh thinks otherwise: %s", said);
        if ((heal("db2", output) == 0) != ways[i].leads)
            fail_msg("%s: %s", said, output);
    }
    unsetenv("SSH_AUTH_SOCK");
}

/* An ssh-agent that hangs: it never answers, or lists its key (whose base64 is the second word) and
 * then waits, as for a person who is to confirm. */
static const char make_hanging_agent[] =
    "cd %s; cat >agent.py <<'END'\n"
    "import base64, socket, sys, time\n"
    "key = base64.b64decode(sys.argv[2])\n"
    "server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(5)\n"
    "n = lambda number: number.to_bytes(4, 'big')\n"
    "held = []\n"
    "while True:\n"
    "    held.append(server.accept()[0])\n"
    "    if key and held[-1].recv(100)[4] == 11:\n"
    "        body = bytes([12]) + n(1) + n(len(key)) + key + n(1) + b'k'\n"
    "        held[-1].sendall(n(len(body)) + body)\n"
    "END\n"
    "test -e k.pub || ssh-keygen -q -t ed25519 -N '' -f k; for a in \"silent ''\" \"slow $(cut -d' "
    "' "
    "-f2 k.pub)\"; do eval \"exec python3 agent.py $a\" >/dev/null 2>&1 & echo $! >>agents; done; "
    "for i "
    "in $(seq 100); do test -S silent && test -S slow && break; sleep 0.1; done; cat k.pub";

/* Whoever hangs here hangs for ever, so somebody else ends it. */
static void an_agent_that_hangs_holds_up_no_login(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE];
    CLEANUP(rift_free) char *make = rift_printf(make_hanging_agent, case_scratch);
    assert_exit_code(test_run(make, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *add = rift_printf("echo '%s' >>/root/.ssh/authorized_keys", output);
    assert_int_equal(test_host_run(&case_hosts[1], add, NULL, 0), 0);
    static const char *const sockets[] = {"silent", "slow"};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(rift_free)
        char *script = rift_printf(
            "cd %s; printf 'Host db2\nHostName %s\nUser root\nPort %u\nUserKnownHostsFile "
            "%s\nIdentityAgent %s/%s\n' >ssh_config; mkdir -p home/.ssh; rm -f home/.ssh/*; printf "
            "'nodes: [db2]\nssh: {config: ssh_config}\nclient: {name: stdio, command: "
            "[/bin/true]}\nworkload: register\ndeadlines: {connect_s: 4}\n' >config.yaml; export "
            "HOME=$PWD/home; timeout 60 %s heal config.yaml 2>&1; echo code $?; cp %s "
            "home/.ssh/id_ed25519; timeout 60 %s heal config.yaml 2>&1; echo code $?",
            case_scratch, case_hosts[1].address, case_hosts[1].port, case_hosts[1].known_hosts_file,
            case_scratch, sockets[i], test_rift_binary(), case_hosts[1].key_file,
            test_rift_binary());
        test_run(script, output, sizeof output);
        assert_says(output, "does not answer");
        assert_says(output, "code 255");
        assert_says(output, "this node is healed\ncode 0");
    }
}

/* known: as it is; other_key: the host with another key; and what else ssh may find there. */
static const char make_known[] =
    "cd %s; exec 2>&1; set -e; a=%s; k=\"$(sed -n \"s/^$a,[^ ]* //p\" %s)\"; test -n \"$k\"; "
    "test -e x || ssh-keygen -q -t ed25519 -N '' -f x; x=\"$(cut -d' ' -f1,2 x.pub)\"; "
    "echo \"$a $k\" >known; echo \"$a $x\" >other_key; cp known hashed; ssh-keygen -q -H -f "
    "hashed; "
    "echo \"@revoked * $k\" >revoked; echo \"@revoked * $x\" >revoked_x; "
    "echo \"@cert-authority * $k\" >authority; echo \"*.x,10.* $k\" >pattern; "
    "for y in x k; do echo \"${!y} of a host\" >keys_$y; ssh-keygen -q -k -f krl_$y keys_$y; done; "
    "echo \"!$a,10.* $k\" >not; printf '# a\n\nno line\n%%s ssh-ed25519 !!\n' $a | cat - known "
    ">broken";

static const struct way known_ways[] = {
    {"UserKnownHostsFile $/known\n", true},
    {"UserKnownHostsFile $/hashed\n", true},
    {"UserKnownHostsFile $/none $/known\n", true},
    {"UserKnownHostsFile $/none\nGlobalKnownHostsFile $/none $/known\n", true},
    {"UserKnownHostsFile $/none\nGlobalKnownHostsFile $/none\n", false},
    {"UserKnownHostsFile $/other_key\n", false},
    {"UserKnownHostsFile $/other_key $/known\n", true},
    {"UserKnownHostsFile $/known $/revoked\n", false},
    {"UserKnownHostsFile $/known\nGlobalKnownHostsFile $/revoked\n", false},
    {"UserKnownHostsFile $/revoked_x $/known\n", true},
    {"UserKnownHostsFile $/authority\n", false},
    {"UserKnownHostsFile $/authority $/known\n", true},
    {"UserKnownHostsFile $/pattern\n", true},
    {"UserKnownHostsFile $/not\n", false},
    {"UserKnownHostsFile $/broken\n", true},
    {"UserKnownHostsFile $/known\nRevokedHostKeys $/keys_k\n", false},
    {"UserKnownHostsFile $/known\nRevokedHostKeys $/keys_x\n", true},
    {"UserKnownHostsFile $/known\nRevokedHostKeys $/krl_k\n", false},
    {"UserKnownHostsFile $/known\nRevokedHostKeys $/krl_x\n", true},
    {"UserKnownHostsFile $/known\nRevokedHostKeys $/none\n", false},
    {"UserKnownHostsFile $/known\nRevokedHostKeys none\n", true},
};

/* ssh itself is asked what it makes of the same files. */
static void a_host_is_known_where_ssh_knows_it(void **state)
{
    (void)state;
    case_need_lab();
    char output[OUTPUT_SIZE], said[OUTPUT_SIZE];
    CLEANUP(rift_free)
    char *make = rift_printf(make_known, case_scratch, case_hosts[1].address,
                             case_hosts[1].known_hosts_file);
    assert_exit_code(test_run(make, output, sizeof output), 0, output);
    for (size_t i = 0; i < sizeof known_ways / sizeof *known_ways; i++) {
        CLEANUP(rift_free)
        char *write = rift_printf("cd %s; { printf 'Host db2\nHostName %s\nUser root\nPort "
                                  "%u\nIdentityFile %s\n'; printf '%%s' '%s' | sed "
                                  "\"s,\\\\$,$PWD,g\"; } >ssh_config; cat ssh_config; ssh -F "
                                  "ssh_config -o BatchMode=yes db2 true 2>&1",
                                  case_scratch, case_hosts[1].address, case_hosts[1].port,
                                  case_hosts[1].key_file, known_ways[i].lines);
        if ((test_run(write, said, sizeof said) == 0) != known_ways[i].leads)
            fail_msg("ssh thinks otherwise: %s", said);
        if ((heal("db2", output) == 0) != known_ways[i].leads)
            fail_msg("%s: %s", said, output);
        if (strstr(known_ways[i].lines, "$/revoked\n"))
            assert_says(output, "is marked @revoked in");
        if (strstr(known_ways[i].lines, "_k\n"))
            assert_says(output, "is revoked in");
    }
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
    char output[OUTPUT_SIZE];
    assert_int_equal(heal_within("db2", 2, output), 255);
    assert_says(output, "cannot connect: no answer within");
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_gives_address_user_key_and_known_hosts),
        cmocka_unit_test(what_the_configuration_says_itself_wins),
        cmocka_unit_test(one_host_under_two_names_is_one),
        cmocka_unit_test(all_names_that_are_not_known_are_named_at_once),
        cmocka_unit_test(a_mistake_in_the_file_is_named),
        cmocka_unit_test(rift_logs_in_by_the_keys_that_ssh_would_take),
        cmocka_unit_test(an_agent_that_hangs_holds_up_no_login),
        cmocka_unit_test(a_host_is_known_where_ssh_knows_it),
        cmocka_unit_test(a_jump_host_leads_to_a_host_that_cannot_be_reached_directly),
        cmocka_unit_test(a_host_that_asks_is_answered_from_the_password_file),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, up, down);
}

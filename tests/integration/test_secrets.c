/* Files of the user's that nodes need and nobody else may read: an etcd, and a PostgreSQL, with TLS
 * and a password, in runs on lab hosts, and what is left of their secrets, looked for by grep. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/memory.h"
#include "tests/lib/lab_case.h"

enum { OUTPUT_SIZE = 1 << 16, HOSTS = 3 };

static char output[OUTPUT_SIZE]; /* of the last rift, both streams */

/* An authority, a certificate for each host, one without a common name for the client, and the
 * password, which is what is searched for: by its file, so that no grep finds itself. */
static const char make_secrets[] =
    "set -e; exec 2>/dev/null; cd $1; shift\n"
    "new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \"$@\"; }\n"
    "signed() { new -subj /$2 -keyout $1.key -out $1.csr; echo subjectAltName=IP:$3,IP:127.0.0.1 "
    ">ext; openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
    "ext -out $1.pem; }\n"
    "new -x509 -days 2 -subj /CN=ca -keyout ca.key -out ca.pem\n"
    "for i in 1 2 3; do signed n$i CN=n$i $1; shift; done; signed client O=rift 127.0.0.1\n"
    "umask 077; echo hv8-silent-orchard >password; echo hv8-silent-orchid >wrong\n"
    "for p in password wrong; do echo \"*:*:*:postgres:$(cat $p)\" >$p.pg; done\n"
    /* Programs that remember what they were started with, on the host. */
    "for p in etcd etcdctl; do printf '#!/bin/sh\\necho \"$@\" >>/tmp/arguments; exec "
    "/usr/bin/%s \"$@\"\\n' $p >$p; done\n";

static void sh(const char *format, const char *what)
{
    CLEANUP(rift_free) char *script = rift_printf("cd %s; %s %s", case_scratch, format, what);
    if (test_run(script, output, sizeof output) != 0)
        fail_msg("%s: %s", script, output);
}

static int up(void **state)
{
    (void)state;
    static const char *const packages[] = {"etcd-server", "etcd-client", "postgresql-15", NULL};
    if (case_up("secret", HOSTS, packages) != 0)
        return -1;
    if (!case_hosts)
        return 0;
    case_write_file("make", make_secrets);
    CLEANUP(rift_free)
    char *make = rift_printf("bash %s/make %s %s %s %s", case_scratch, case_scratch,
                             case_hosts[0].address, case_hosts[1].address, case_hosts[2].address);
    return test_run(make, output, sizeof output);
}

static void write_config(const char *password)
{
    CLEANUP(rift_free)
    char *text = rift_printf(
        "name: secrets\nnodes: {lab: netns, name: %s, count: %d}\n"
        "system:\n  recipe: etcd-secure\n  options: {client_cert_auth: true, bcrypt_cost: 4}\n"
        "  secrets: {ca: ca.pem, cert: '${node.name}.pem', key: '${node.name}.key', "
        "root_password: password}\n  artifacts: {etcd: etcd, etcdctl: etcdctl}\n"
        "client: {name: etcd, tls_ca: ca.pem, tls_cert: client.pem, tls_key: client.key, user: "
        "root, password_file: %s}\n"
        "workload: {name: register, keys: 5, rate_hz: 100}\n"
        "faults:\n  - {kill: {targets: minority}, every_s: 3, for_s: 1}\n"
        "time_limit_s: 8\nrecovery_s: 1\nseed: 5\ndeadlines: {healthy_s: 20}\n",
        test_lab_name("secret"), HOSTS, password);
    case_write_file("config.yaml", text);
}

static int rift(const char *command, const char *arguments)
{
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && %s %s config.yaml %s", case_scratch, test_rift_binary(),
                               command, arguments);
    return test_run(script, output, sizeof output);
}

/* How many files hold the password: of the run directories, and on the hosts of what is theirs
 * alone: what lies in memory, and what is newer than the lab. */
static long files_with_the_password(void)
{
    CLEANUP(rift_free)
    char *search = rift_printf(
        "cd %s; for init in %d %d %d; do (cd /proc/$init/root; find run tmp root dev/shm etc "
        "var/lib var/log var/tmp opt -xdev -type f -newer %s/make -printf \"$PWD/%%p\\0\"); done "
        ">places; find runs -type f -print0 >>places; xargs -0r grep -aslf password <places | tee "
        "/dev/stderr | wc -l",
        case_scratch, (int)case_hosts[0].init_pid, (int)case_hosts[1].init_pid,
        (int)case_hosts[2].init_pid, case_scratch);
    char text[4096];
    assert_int_equal(test_run(search, text, sizeof text), 0);
    const char *last = strrchr(text, '\n');
    long count = strtol(last ? last + 1 : text, NULL, 10);
    if (count > 0)
        print_message("%s\n", text);
    return count;
}

/* All the time, of every process on this machine and thus on the hosts: a line for each look at
 * each whose arguments hold the password, and for each host what its file is. */
static pid_t witness_start(const char *secret)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd %s; while sleep 0.01; do grep -aslf password /proc/[0-9]*/cmdline >>arguments; for "
        "init in %d %d %d; do stat -c '%%a %%u %%s' "
        "/proc/$init/root/run/rift-secrets/%s >>modes; done; done 2>/dev/null",
        case_scratch, (int)case_hosts[0].init_pid, (int)case_hosts[1].init_pid,
        (int)case_hosts[2].init_pid, secret);
    return test_run_aside(script);
}

/* Without this the searches below might find nothing because they search nothing. */
static void the_searches_find_a_planted_password(void **state)
{
    (void)state;
    case_need_lab();
    sh("rm -f arguments modes; mkdir -p runs/x;", "cp password runs/x/planted");
    assert_int_equal(test_host_run(&case_hosts[1], "mkdir -p /var/lib/rift", NULL, 0), 0);
    CLEANUP(rift_free)
    char *plant = rift_printf("cp %s/password /proc/%d/root/var/lib/rift/planted", case_scratch,
                              (int)case_hosts[1].init_pid);
    assert_int_equal(test_run(plant, NULL, 0), 0);
    assert_int_equal(files_with_the_password(), 2);
    sh("rm runs/x/planted;", "");
    assert_int_equal(test_host_run(&case_hosts[1], "rm /var/lib/rift/planted", NULL, 0), 0);
    assert_int_equal(files_with_the_password(), 0);
    pid_t witness = witness_start("root_password");
    assert_int_equal(test_host_run(&case_hosts[2],
                                   "sh -c 'sleep 2; true' $(printf %s%s hv8-silent- orchard)", NULL,
                                   0),
                     0);
    test_end_aside(witness);
    sh("test -s arguments && test ! -s modes && rm arguments", "");
}

static void a_secured_etcd_is_valid_and_its_password_is_found_nowhere(void **state)
{
    (void)state;
    case_need_lab();
    write_config("password");
    pid_t witness = witness_start("root_password");
    int code = rift("run", "--runs runs");
    test_end_aside(witness);
    assert_exit_code(code, 0, output);
    /* It was in use, killed members forgot tokens that were in use, and the checker had work. */
    sh("cat runs/latest/nodes/*/etcd.log |", "grep -q '\"msg\":\"invalid auth token\"'");
    CLEANUP(rift_free)
    char *count = rift_printf("convert runs/latest --format jsonl | grep -c '\"type\": *\"ok\"'");
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s; %s %s", case_scratch, test_rift_binary(), count);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    /* Of 900; a member that takes no password serves none, and half a core serves some 250. */
    assert_true(strtol(output, NULL, 10) > 50);
    sh("test ! -s arguments && test \"$(sort -u modes)\" = '600 0 19'", "");
    assert_int_equal(
        test_host_run(&case_hosts[0], "grep -q '^user add root' /tmp/arguments", NULL, 0), 0);
    assert_int_equal(files_with_the_password(), 0);
    for (size_t i = 0; i < HOSTS; i++)
        assert_int_equal(test_host_run(&case_hosts[i], "test ! -e /run/rift-secrets", NULL, 0), 0);
}

/* Of the lab's first host alone, as single servers do not know each other. The client has the
 * password in a file of libpq's. */
static void write_postgres_config(void)
{
    const struct rift_lab_host *host = &case_hosts[0];
    CLEANUP(rift_free)
    char *text = rift_printf(
        "name: secrets\nnodes:\n  - {name: n1, address: %s, user: root, key: %s, known_hosts: %s}\n"
        "allow_faults: [n1]\n"
        "system:\n  recipe: postgres-secure\n  options: {login: 'scram-sha-256 "
        "clientcert=verify-ca'}\n"
        "  secrets: {ca: ca.pem, cert: n1.pem, key: n1.key, password: password}\n"
        "client: {name: postgres, passfile: password.pg, sslmode: verify-full, sslrootcert: "
        "ca.pem, "
        "sslcert: client.pem, sslkey: client.key}\n"
        "workload: {name: list-append, keys: 3, rate_hz: 100}\n"
        "faults:\n  - {kill: all, every_s: 3, for_s: 0.5}\n"
        "time_limit_s: 5\nrecovery_s: 1\nseed: 5\ndeadlines: {healthy_s: 20}\n",
        host->address, host->key_file, host->known_hosts_file);
    case_write_file("config.yaml", text);
}

static void a_secured_postgres_is_valid_and_its_password_is_found_nowhere(void **state)
{
    (void)state;
    case_need_lab();
    sh("rm -f arguments modes", "");
    write_postgres_config();
    pid_t witness = witness_start("password");
    int code = rift("run", "--runs runs");
    test_end_aside(witness);
    assert_exit_code(code, 0, output);
    /* Root's at first, then that of the user who runs the server; never anybody else's. */
    sh("test ! -s arguments && ! grep -qv '^600 ' modes &&",
       "grep -q '^600 [1-9][0-9]* 19$' modes");
    assert_int_equal(files_with_the_password(), 0);
    assert_int_equal(test_host_run(&case_hosts[0], "test ! -e /run/rift-secrets", NULL, 0), 0);
    /* Who comes without TLS, or without a certificate of the authority's, is turned away. */
    static const struct {
        const char *options, *says;
    } refused[] = {
        {"--set client.sslmode=disable --set 'client.sslrootcert=\"\"'", "no pg_hba.conf entry"},
        {"--set 'client.sslcert=\"\"' --set 'client.sslkey=\"\"'",
         "requires a valid client certificate"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        CLEANUP(rift_free)
        char *options =
            rift_printf("--runs runs --quiet --set deadlines.healthy_s=4 %s", refused[i].options);
        if (rift("run", options) != 255 || !strstr(output, refused[i].says))
            fail_msg("%s", output);
    }
}

static void a_killed_controller_leaves_secrets_until_the_next_contact(void **state)
{
    (void)state;
    case_need_lab();
    write_config("password");
    CLEANUP(rift_free)
    char *kill_it = rift_printf(
        "cd %s; %s run config.yaml --runs runs --quiet >log 2>&1 & pid=$!; for i in $(seq 400); do "
        "[ -e /proc/%d/root/run/rift-secrets/key ] && grep -q 'waiting until' log "
        "runs/latest/rift.log && break; sleep 0.05; done; kill -9 $pid",
        case_scratch, test_rift_binary(), (int)case_hosts[2].init_pid);
    assert_exit_code(test_run(kill_it, output, sizeof output), 0, output);
    for (size_t i = 0; i < HOSTS; i++)
        assert_int_equal(test_host_run(&case_hosts[i], "test -e /run/rift-secrets/key", NULL, 0),
                         0);
    assert_exit_code(rift("heal", ""), 0, output);
    for (size_t i = 0; i < HOSTS; i++)
        assert_int_equal(test_host_run(&case_hosts[i], "test ! -e /run/rift-secrets", NULL, 0), 0);
    assert_int_equal(files_with_the_password(), 0);
}

static void what_is_wrong_with_a_secret_is_one_clear_error(void **state)
{
    (void)state;
    case_need_lab();
    write_config("wrong");
    assert_int_equal(rift("run", "--runs runs --quiet --set deadlines.healthy_s=2"), 255);
    assert_says(output, "wrong password");
    assert_null(strstr(output, "hv8"));
    write_config("password");
    assert_int_equal(rift("run", "--runs runs --quiet --set deadlines.healthy_s=2 --set "
                                 "client.tls_cert=n1.pem --set client.tls_key=n1.key"),
                     255);
    assert_says(output, "named certificate");
    write_config("absent");
    assert_int_equal(rift("run", "--runs runs --quiet"), 255);
    assert_says(output, "/absent': No such file");
    write_config("password");
    sh("chmod 640", "n2.key");
    assert_int_equal(rift("run", "--runs runs"), 255);
    assert_says(output, "secret 'key' of n2: others may read");
    assert_null(strstr(output, "connecting")); /* no host was asked yet */
    sh("chmod 600", "n2.key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_searches_find_a_planted_password),
        cmocka_unit_test(a_secured_etcd_is_valid_and_its_password_is_found_nowhere),
        cmocka_unit_test(a_secured_postgres_is_valid_and_its_password_is_found_nowhere),
        cmocka_unit_test(a_killed_controller_leaves_secrets_until_the_next_contact),
        cmocka_unit_test(what_is_wrong_with_a_secret_is_one_clear_error),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

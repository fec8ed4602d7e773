/* The lab, seen from outside: what its hosts are, that labs do not meet, that nothing stays. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/lab_remains.h"

enum { MANY_HOSTS = 12 };

static void uplink_of(const struct rift_lab_host *host, char name[16])
{
    unsigned subnet = 0;
    assert_int_equal(sscanf(host->address, "10.77.%u.", &subnet), 1);
    snprintf(name, 16, "rift%u", subnet);
}

/* Links vanish a moment after the last process of their namespace. */
static void assert_nothing_remains(const char *name, const char *uplink)
{
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    size_t count = lab_remains(name, uplink, &found);
    if (count > 0)
        fail_msg("%zu things remain of %s:\n%s", count, name, found.data);
}

static void hosts_are_reached_by_ssh_and_reach_each_other_by_name(void **state)
{
    (void)state;
    char output[512], command[1024];
    struct rift_lab *lab = test_lab_up("ssh", 3);
    size_t count = 0;
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        snprintf(command, sizeof command,
                 "ssh -F /dev/null -i %s -o UserKnownHostsFile=%s -o StrictHostKeyChecking=yes "
                 "root@%s 'hostname; cat /proc/1/comm; read -N 4 x </dev/tcp/n1/22; echo $x; read "
                 "-N 4 x </dev/tcp/n1-v6/22; echo $x' </dev/null",
                 hosts[i].key_file, hosts[i].known_hosts_file,
                 i == 2 ? hosts[i].address6 : hosts[i].address);
        int status = test_run(command, output, sizeof output);
        char expected[64];
        snprintf(expected, sizeof expected, "%s\nrift-lab-host\nSSH-\nSSH-", hosts[i].name);
        assert_string_equal(output, expected);
        assert_int_equal(status, 0);
    }
    test_lab_down(lab, "ssh");
}

static void a_host_shares_neither_files_nor_processes_with_others_or_the_machine(void **state)
{
    (void)state;
    char output[512];
    struct rift_lab *lab = test_lab_up("alone", 2);
    size_t count = 0;
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    static const char leave_marks[] = "echo 1 > /var/lib/mark; echo 1 > /etc/mark; sleep 100 "
                                      ">/dev/null 2>&1 & ls -A /root /var/lib/rift";
    static const char find_marks[] = "ls /var/lib/mark /etc/mark 2>/dev/null; grep -l ^sleep "
                                     "/proc/[0-9]*/comm 2>/dev/null | wc -l";
    assert_exit_code(test_host_run(&hosts[0], leave_marks, output, sizeof output), 0, output);
    assert_string_equal(output, "/root:\n.ssh\n\n/var/lib/rift:");
    test_host_run(&hosts[0], find_marks, output, sizeof output);
    assert_string_equal(output, "/etc/mark\n/var/lib/mark\n1");
    test_host_run(&hosts[1], find_marks, output, sizeof output);
    assert_string_equal(output, "0");
    assert_int_not_equal(access("/var/lib/mark", F_OK), 0);
    assert_int_not_equal(access("/etc/mark", F_OK), 0);
    test_lab_down(lab, "alone");
}

static void hosts_hold_nothing_of_their_maker(void **state)
{
    (void)state;
    char script[512], output[512];
    struct rift_lab *lab = NULL;
    struct rift_error err;
    if (geteuid() != 0)
        skip();
    /* The pipe of this command ends only if no host keeps its writing end. */
    snprintf(script, sizeof script,
             "exec 7</etc/passwd; timeout 100 %s lab up --count 2 --name %s >/dev/null && echo up",
             test_rift_binary(), test_lab_name("pipe"));
    int64_t start_ns = rift_clock_now();
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    assert_string_equal(output, "up");
    assert_true(rift_clock_now() - start_ns < 110 * RIFT_SECOND); /* hosts live on */
    lab = rift_lab_open(test_lab_name("pipe"), &err);
    assert_non_null(lab);
    size_t count = 0;
    const struct rift_lab_host *hosts = rift_lab_hosts(lab, &count);
    snprintf(script, sizeof script, "readlink /proc/%d/fd/* | sort -u | cut -c1-5",
             (int)hosts[0].init_pid);
    test_run(script, output, sizeof output);
    assert_string_equal(output, "/dev/\nnet:[");
    test_lab_down(lab, "pipe");
}

/* For 3 s, all on one processor: a host's busy process against some of the machine's. Processor
 * time of the host's, and of each of the others. */
static void compete(const struct rift_lab_host *host, int outside, double *inside_s,
                    double *outside_s)
{
    char output[256];
    assert_int_equal(
        test_host_run(host,
                      "for g in /sys/fs/cgroup /sys/fs/cgroup/cpu; do echo $$ 2>/dev/null > "
                      "$g/cgroup.procs; done; TIMEFORMAT=%U; (time taskset -c 0 timeout 3 sh -c "
                      "'while :; do :; done') >/tmp/used 2>&1 </dev/null &",
                      NULL, 0),
        0);
    CLEANUP(rift_free)
    char *script = rift_printf(
        "for i in $(seq %d); do taskset -c 0 timeout 3 sh -c 'while :; do :; done' & done; wait; "
        "f=$(mktemp); times > $f; tail -n 1 $f | sed 's/^0m//; s/s .*//'; rm $f",
        outside);
    test_run(script, output, sizeof output);
    *outside_s = strtod(output, NULL) / outside;
    test_host_run(
        host, "for i in $(seq 300); do [ -s /tmp/used ] && break; sleep 0.1; done; cat /tmp/used",
        output, sizeof output);
    *inside_s = strtod(output, NULL);
    print_message("a busy host: %.2f s, a busy process outside: %.2f s\n", *inside_s, *outside_s);
    assert_true(*outside_s > 0);
}

static void a_busy_host_gets_its_share_of_a_busy_machine(void **state)
{
    (void)state;
    double inside_s, outside_s;
    size_t count = 0;
    struct rift_lab *lab = test_lab_up("busy", 2);
    compete(&rift_lab_hosts(lab, &count)[0], 4, &inside_s, &outside_s);
    assert_true(inside_s > 1.2 * outside_s);
    test_lab_down(lab, "busy");
}

/* Each of the kernel's own threads weighs 1. What a busy group gets is not measured: Linux 6.18
 * gives it up to ten times its share, at random. */
static void all_hosts_together_leave_the_kernel_its_share(void **state)
{
    (void)state;
    char output[64];
    struct rift_lab *lab = test_lab_up("manybusy", MANY_HOSTS);
    test_run("cd /sys/fs/cgroup; for one in cpu/rift-lab/cpu.shares:1024 rift-lab/cpu.weight:100 "
             "unified/rift-lab/cpu.weight:100; do [ -e ${one%:*} ] && echo $(($(cat ${one%:*}) / "
             "${one#*:})) && break; done",
             output, sizeof output);
    long weight = strtol(output, NULL, 10);
    assert_in_range(weight, 1, 2 * sysconf(_SC_NPROCESSORS_ONLN));
    test_lab_down(lab, "manybusy");
}

static void two_labs_side_by_side_do_not_meet(void **state)
{
    (void)state;
    char script[256], uplink[16];
    struct rift_lab *one = test_lab_up("one", 2);
    struct rift_lab *two = test_lab_up("two", 2);
    size_t count = 0;
    const struct rift_lab_host *first = rift_lab_hosts(one, &count);
    const struct rift_lab_host *second = rift_lab_hosts(two, &count);
    assert_string_not_equal(first[0].address, second[0].address);
    snprintf(script, sizeof script, "timeout 1 bash -c 'read -N 4 x </dev/tcp/%s/22'",
             second[0].address);
    assert_int_not_equal(test_host_run(&first[0], script, NULL, 0), 0);
    uplink_of(&first[0], uplink);
    test_lab_down(one, "one");
    assert_nothing_remains(test_lab_name("one"), uplink);
    assert_int_equal(test_host_run(&second[0], "read -N 4 x </dev/tcp/n2/22", NULL, 0), 0);
    uplink_of(&second[0], uplink);
    test_lab_down(two, "two");
    assert_nothing_remains(test_lab_name("two"), uplink);
}

static void up_again_takes_over_the_same_hosts_and_refuses_another_count(void **state)
{
    (void)state;
    struct rift_error err;
    struct rift_lab *lab = test_lab_up("again", 2);
    struct rift_lab *again = test_lab_up("again", 2);
    size_t count = 0;
    assert_int_equal(rift_lab_hosts(lab, &count)[1].init_pid,
                     rift_lab_hosts(again, &count)[1].init_pid);
    struct rift_lab_request request = {
        .name = test_lab_name("again"), .host_count = 3, .deadline_ms = 10000};
    assert_null(rift_lab_up(&request, &err));
    assert_int_equal(err.code, RIFT_ERR_CONFLICT);
    rift_lab_close(again);
    test_lab_down(lab, "again");
}

static void a_lab_with_a_dead_host_is_made_anew(void **state)
{
    (void)state;
    struct rift_error err;
    struct rift_lab *lab = test_lab_up("dead", 2);
    size_t count = 0;
    pid_t init = rift_lab_hosts(lab, &count)[0].init_pid;
    kill(init, SIGKILL);
    while (kill(init, 0) == 0)
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
    assert_null(rift_lab_open(test_lab_name("dead"), &err));
    rift_lab_close(lab);
    lab = test_lab_up("dead", 2);
    assert_int_not_equal(rift_lab_hosts(lab, &count)[0].init_pid, init);
    test_lab_down(lab, "dead");
}

/* Its exit code, or -1 where the signal ended it. */
static int signal_an_up_after(int64_t delay_ns, const char *name, int signal)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close_range(STDERR_FILENO + 1, ~0U, 0);
        int null_out = dup(STDERR_FILENO);
        (void)null_out;
        freopen("/dev/null", "w", stdout);
        execl(test_rift_binary(), "rift", "lab", "up", "--count", "4", "--name", name,
              (char *)NULL);
        _exit(127);
    }
    rift_clock_sleep_until(rift_clock_now() + delay_ns);
    kill(pid, signal);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As by Ctrl-C: what it has made by then goes, and nobody has to know of it. */
static void an_up_that_is_interrupted_takes_its_lab_down(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *name = test_lab_name("interrupted");
    int own = 0;
    /* On a busy machine it takes longer until it listens to signals. */
    for (int64_t delay_ms = 20; delay_ms <= 220 || (own == 0 && delay_ms < 5000); delay_ms += 50) {
        int code =
            signal_an_up_after(delay_ms * RIFT_MS, name, delay_ms / 50 % 2 ? SIGINT : SIGTERM);
        own += code == 255;
        if (code == 0) /* it was up before */
            assert_int_equal(rift_lab_down(name, NULL), 0);
        assert_nothing_remains(name, NULL);
    }
    assert_true(own > 0);
}

static void an_up_killed_at_any_moment_leaves_nothing_after_down(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct rift_error err;
    struct rift_rng rng;
    int rounds = getenv("RIFT_LONG") ? 60 : 12;
    const char *name = test_lab_name("killed");
    rift_rng_init(&rng, 1);
    for (int i = 0; i < rounds; i++) {
        signal_an_up_after(rift_rng_between(&rng, 0, 250 * RIFT_MS), name, SIGKILL);
        if (rift_lab_down(name, &err) < 0)
            fail_msg("round %d: %s", i, err.text);
        assert_nothing_remains(name, NULL);
    }
    /* No link of the rounds is left either: whatever numbers they had are free again. One of
     * another lab that comes or goes has no address for a moment. */
    char output[256];
    test_run(
        "bare() { cd /sys/class/net; for l in rift[0-9]*; do [ -e $l ] && ! ip -br addr show $l "
        "| grep -q 10.77 && echo $l; done; }; left=$(bare); for i in $(seq 100); do "
        "[ -z \"$left\" ] && break; sleep 0.05; left=$(comm -12 <(echo \"$left\") <(bare)); "
        "done; echo \"$left\"",
        output, sizeof output);
    assert_string_equal(output, "");
}

static void an_up_after_a_killed_up_works(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *name = test_lab_name("then");
    signal_an_up_after(60 * RIFT_MS, name, SIGKILL);
    struct rift_lab *lab = test_lab_up("then", 4);
    char uplink[16];
    size_t count = 0;
    uplink_of(rift_lab_hosts(lab, &count), uplink);
    assert_int_equal(count, 4);
    test_lab_down(lab, "then");
    assert_nothing_remains(name, uplink);
}

static void what_is_planted_is_found_by_the_search_and_removed_by_down(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *name = test_lab_name("plant");
    char script[1024];
    struct rift_error err;
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    assert_int_equal(lab_remains(name, NULL, &found), 0);
    snprintf(script, sizeof script,
             "set -e; g=/sys/fs/cgroup; [ -d $g/unified ] && g=$g/unified; "
             "mkdir -p $g/rift-lab/%s/n1; (echo $BASHPID > $g/rift-lab/%s/n1/cgroup.procs; exec "
             "sleep 60) >/dev/null 2>&1 </dev/null & mkdir -p /run/rift/lab/%s; until grep -q . "
             "$g/rift-lab/%s/n1/cgroup.procs; do sleep 0.05; done",
             name, name, name, name);
    assert_int_equal(test_run(script, NULL, 0), 0);
    assert_int_equal(lab_remains(name, "lo", &found), 4);
    assert_non_null(strstr(found.data, "control group"));
    assert_non_null(strstr(found.data, "process in its groups"));
    assert_non_null(strstr(found.data, "folder"));
    assert_non_null(strstr(found.data, "link"));
    if (rift_lab_down(name, &err) < 0)
        fail_msg("%s", err.text);
    assert_nothing_remains(name, NULL);
}

/* Debian's own layout since 11. The mounts are changed for this command alone. */
static void a_lab_works_where_cgroup2_is_all_there_is(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *name = test_lab_name("v2");
    char script[2048], output[512];
    snprintf(
        script, sizeof script,
        "unshare -m --propagation private bash -ec 'for m in $(cut -d\" \" -f2 /proc/mounts | "
        "grep ^/sys/fs/cgroup/); do umount $m; done; umount /sys/fs/cgroup; mount -t cgroup2 x "
        "/sys/fs/cgroup; r=\"%s lab\"; $r up --count 2 --name %s >/dev/null; $r ssh --name %s n2 "
        "\"grep ^0: /proc/self/cgroup; ls -d /sys/fs/cgroup/*/\" </dev/null; $r down --name %s "
        ">/dev/null'",
        test_rift_binary(), name, name, name);
    assert_exit_code(test_run(script, output, sizeof output), 0, output);
    assert_string_equal(output, "0::/init\n/sys/fs/cgroup/init/");
    assert_nothing_remains(name, NULL);
}

static void names_that_are_paths_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "..", "a/b", "-x", "A", "a b", "abcdefghijklmnopqrstuvwxyz"};
    struct rift_error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(rift_lab_down(names[i], &err), -1);
        assert_int_equal(err.code, RIFT_ERR_INVALID);
    }
}

static void a_lab_that_cannot_be_made_leaves_nothing(void **state)
{
    (void)state;
    char script[256], output[512];
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    if (geteuid() != 0)
        skip();
    snprintf(script, sizeof script, "%s lab up --count 1 --name %s --packages no-such-package 2>&1",
             test_rift_binary(), test_lab_name("none"));
    assert_exit_code(test_run(script, output, sizeof output), 255, output);
    assert_int_equal(lab_remains(test_lab_name("none"), NULL, &found), 0);
}

static void down_of_no_lab_succeeds(void **state)
{
    (void)state;
    struct rift_error err;
    if (geteuid() != 0)
        skip();
    assert_int_equal(rift_lab_down(test_lab_name("none"), &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_reached_by_ssh_and_reach_each_other_by_name),
        cmocka_unit_test(a_host_shares_neither_files_nor_processes_with_others_or_the_machine),
        cmocka_unit_test(hosts_hold_nothing_of_their_maker),
        cmocka_unit_test(a_busy_host_gets_its_share_of_a_busy_machine),
        cmocka_unit_test(all_hosts_together_leave_the_kernel_its_share),
        cmocka_unit_test(two_labs_side_by_side_do_not_meet),
        cmocka_unit_test(up_again_takes_over_the_same_hosts_and_refuses_another_count),
        cmocka_unit_test(a_lab_with_a_dead_host_is_made_anew),
        cmocka_unit_test(an_up_killed_at_any_moment_leaves_nothing_after_down),
        cmocka_unit_test(an_up_after_a_killed_up_works),
        cmocka_unit_test(an_up_that_is_interrupted_takes_its_lab_down),
        cmocka_unit_test(what_is_planted_is_found_by_the_search_and_removed_by_down),
        cmocka_unit_test(a_lab_works_where_cgroup2_is_all_there_is),
        cmocka_unit_test(names_that_are_paths_are_refused),
        cmocka_unit_test(a_lab_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(down_of_no_lab_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, test_labs_down);
}

/* rift fault as a person uses it: a cut by hand, looked at from another terminal, healed. What is
 * cut is felt by ping-like traffic of the test, not only by the agents. */
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

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static char config[] = "/tmp/rift-fault-XXXXXX.yaml";

static int up(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    size_t count = 0;
    lab = test_lab_up("fault", 3);
    hosts = rift_lab_hosts(lab, &count);
    int fd = mkstemps(config, 5);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file || count != 3)
        return -1;
    static const char quiet[] = "quiet: {every_s: 4, for_s: 3}"; /* of a run, not by hand */
    fprintf(file, "nodes: {lab: netns, count: 3, name: %s}\n%s\n", test_lab_name("fault"), quiet);
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

/* After each test: of one that failed nothing runs any more, and the hosts are as before. They are
 * known by the name of the configuration, which nobody else has. */
static int end(void **state)
{
    (void)state;
    if (!lab)
        return 0;
    const char *name = strrchr(config, '/') + 1;
    CLEANUP(rift_free)
    char *script = rift_printf(
        "cd /tmp; c=%s; ls $c.* >/dev/null 2>&1 || exit 0; touch $c.d/a $c.d/b; f() { pgrep -f "
        "\"^[^ ]*rift .*[/]tmp/$c\"; }; kill -INT $(f); for i in $(seq 100); do [ \"$(f)\" ] || "
        "break; sleep 0.1; done; kill -9 $(f); %s heal --lab %s; rm -rf $c.*; exit 1",
        name, test_rift_binary(), test_lab_name("fault"));
    if (test_run(script, NULL, 0) == 0)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(rift_free)
        char *undo = rift_printf("ip link del eth1; ip address del 192.168.8.%zu/24 dev eth0; ip "
                                 "address del 192.168.7.7/32 dev lo; umount /var/lib/rift; [ -e "
                                 "/root/sender ] && kill $(cat /root/sender)",
                                 i + 1);
        test_host_run(&hosts[i], undo, NULL, 0);
    }
    return 0;
}

static int rift(const char *arguments, char *output, size_t size)
{
    CLEANUP(rift_free) char *script = rift_printf("%s %s 2>&1", test_rift_binary(), arguments);
    return test_run(script, output, size);
}

/* Waits until the log of what runs aside has the words. */
static bool log_has(const char *words)
{
    CLEANUP(rift_free)
    char *wait = rift_printf("for i in $(seq 300); do grep -q '%s' %s.log && exit 0; sleep 0.1; "
                             "done; exit 1",
                             words, config);
    return test_run(wait, NULL, 0) == 0;
}

/* What it said, which is then forgotten. */
static void take_log(char *output, size_t size)
{
    CLEANUP(rift_free) char *take = rift_printf("cat %s.log; rm %s.log", config, config);
    test_run(take, output, size);
}

/* Runs `rift fault` aside until it says the words; its pid is in a file. */
static void begin_fault(const char *fault, const char *words)
{
    char output[8192];
    CLEANUP(rift_free)
    char *start = rift_printf("%s fault %s --config %s >%s.log 2>&1 & echo $! >%s.pid",
                              test_rift_binary(), fault, config, config, config);
    assert_int_equal(0, test_run(start, NULL, 0));
    if (log_has(words))
        return;
    take_log(output, sizeof output);
    fail_msg("%s: %s", fault, output);
}

/* Sends it a signal, and waits for its end. */
static void end_fault(const char *signal, char *output, size_t size)
{
    CLEANUP(rift_free)
    char *end = rift_printf("read -r p <%s.pid; rm %s.pid; kill -%s $p; for i in $(seq 300); do "
                            "[ -e /proc/$p ] || exit 0; sleep 0.1; done; exit 1",
                            config, config, signal);
    int rc = test_run(end, NULL, 0);
    take_log(output, size);
    if (rc != 0)
        fail_msg("it does not end: %s", output);
}

static void show_status(char *output, size_t size)
{
    CLEANUP(rift_free) char *status = rift_printf("fault status --lab %s", test_lab_name("fault"));
    assert_exit_code(rift(status, output, size), 0, output);
}

/* Can a shell on the host open sshd's port on another? */
static int can_reach(size_t from, size_t to)
{
    CLEANUP(rift_free)
    char *script = rift_printf("timeout 3 bash -c '</dev/tcp/%s/22'", hosts[to].address);
    return test_host_run(&hosts[from], script, NULL, 0) == 0;
}

static void a_cut_by_hand_is_felt_listed_and_healed(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    assert_true(can_reach(0, 1));
    begin_fault("partition --isolate n2 --for 60s", "n2 not heard");
    assert_false(can_reach(0, 1));
    assert_false(can_reach(1, 2));
    assert_true(can_reach(0, 2));
    show_status(output, sizeof output);
    const char *cut = strstr(output, "n2: w0 partition: on for ");
    const char *hits = cut ? strstr(cut, "; packets: ") : NULL;
    if (!strstr(output, "n2: held by run 'rift fault' of the controller at ") || !cut || !hits ||
        !strstr(cut, " s left, observed") || strtol(hits + strlen("; packets: "), NULL, 10) < 1)
        fail_msg("%s", output);
    end_fault("INT", output, sizeof output);
    assert_says(output, "n1 heard again, n3 heard again");
    assert_true(can_reach(0, 1));
    show_status(output, sizeof output);
    assert_says(output, "n2: nothing of Rift's is on");
}

/* The configuration knows the hosts by IPv4; they have IPv6 too, and a network of the cluster's
 * own. One address is on all, as a bridge for containers is. */
static void a_cut_holds_at_every_address_of_a_node(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(rift_free)
        char *add = rift_printf("ip address add 192.168.8.%zu/24 dev eth0; ip address add "
                                "192.168.7.7/32 dev lo",
                                i + 1);
        assert_int_equal(0, test_host_run(&hosts[i], add, NULL, 0));
    }
    CLEANUP(rift_free)
    char *ask = rift_printf("for a in 192.168.8.2 %s; do timeout 1 bash -c \"</dev/tcp/$a/22\" && "
                            "echo heard; done; timeout 1 bash -c '</dev/tcp/192.168.8.3/22' && "
                            "echo other",
                            hosts[1].address6);
    test_host_run(&hosts[0], ask, output, sizeof output);
    assert_string_equal("heard\nheard\nother", output);
    begin_fault("partition --isolate n2 --for 60s", "n2 not heard");
    test_host_run(&hosts[0], ask, output, sizeof output);
    assert_string_equal("other", output);
    end_fault("INT", output, sizeof output);
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(rift_free)
        char *remove = rift_printf("ip address del 192.168.8.%zu/24 dev eth0; ip address del "
                                   "192.168.7.7/32 dev lo",
                                   i + 1);
        test_host_run(&hosts[i], remove, NULL, 0);
    }
}

/* A second card, by which the agents do not speak. */
static void a_cut_of_one_interface_is_observed_there(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(rift_free)
        char *add = rift_printf("ip link add link eth0 name eth1 type macvlan mode bridge; ip "
                                "address add 192.168.9.%zu/24 dev eth1; ip link set eth1 up",
                                i + 1);
        assert_int_equal(0, test_host_run(&hosts[i], add, NULL, 0));
    }
    test_host_run(&hosts[1],
                  "(for i in $(seq 1200); do echo >/dev/udp/192.168.9.1/9; sleep 0.05; done) "
                  ">/dev/null 2>&1 & echo $! >/root/sender",
                  NULL, 0);
    CLEANUP(rift_free)
    char *ask = rift_printf("for a in 192.168.9.1 %s; do timeout 2 bash -c \"</dev/tcp/$a/22\" && "
                            "echo heard; done",
                            hosts[0].address);
    test_host_run(&hosts[1], ask, output, sizeof output);
    assert_string_equal("heard\nheard", output);
    begin_fault("partition --grudge '{n1: [n2]}' --set interfaces=eth1 --for 60s",
                ", observed on every node");
    test_host_run(&hosts[1], ask, output, sizeof output);
    assert_string_equal("heard", output);
    end_fault("INT", output, sizeof output);
    test_host_run(&hosts[1], ask, output, sizeof output);
    assert_string_equal("heard\nheard", output);
    test_host_run(&hosts[1], "kill $(cat /root/sender)", NULL, 0);
    for (size_t i = 0; i < 2; i++)
        test_host_run(&hosts[i], "ip link del eth1", NULL, 0);
}

/* 0: a refusal arrives, as nobody listens there. 124: nothing does. */
static int asks_as_client(const struct rift_lab_host *from, const struct rift_lab_host *to)
{
    CLEANUP(rift_free)
    char *script = rift_printf("timeout 2 bash -c '</dev/tcp/%s/7777' 2>/dev/null; [ $? -eq 1 ] || "
                               "exit 124",
                               to->address);
    return from ? test_host_run(from, script, NULL, 0) : test_run(script, NULL, 0);
}

static void clients_are_cut_by_hand_and_peers_and_ssh_go_on(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    assert_int_equal(0, asks_as_client(NULL, &hosts[1]));
    begin_fault("cut-clients --on '[n2]' --set ports='[7777]' --for 60s",
                "0 of 1 connection attempts");
    assert_int_equal(124, asks_as_client(NULL, &hosts[1]));
    assert_int_equal(0, asks_as_client(NULL, &hosts[0]));
    assert_int_equal(0, asks_as_client(&hosts[0], &hosts[1]));
    show_status(output, sizeof output); /* a login from here */
    assert_says(output, "n2: w0 cut-clients: on for ");
    end_fault("INT", output, sizeof output);
    print_message("%s\n", output);
    assert_null(strstr(output, "NOT OBSERVED"));
    assert_says(output, "1 of 1 connection attempts");
    assert_int_equal(0, asks_as_client(NULL, &hosts[1]));
    CLEANUP(rift_free)
    char *refused = rift_printf("fault cut-clients --on '[n2]' --set ports='[20-30]' --for 5s "
                                "--config %s",
                                config);
    assert_int_not_equal(rift(refused, output, sizeof output), 0);
    assert_says(output, "22 is the port of our own connection");
}

/* The controller is killed, and its agents heal and end: what they left is listed. */
static void the_status_of_a_node_without_an_agent_is_what_is_left(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    begin_fault("partition --isolate n2 --for 60s", "n2 not heard");
    end_fault("KILL", output, sizeof output);
    assert_int_equal(0,
                     test_host_run(&hosts[1],
                                   "for i in $(seq 100); do "
                                   "grep -lE '^rift-(agent|guardian)$' /proc/[0-9]*/comm >/tmp/c "
                                   "|| exit 0; sleep 0.1; done; exit 1",
                                   NULL, 0));
    show_status(output, sizeof output);
    assert_null(strstr(output, "held by run"));
    assert_says(output, "n2: file: /var/lib/rift/agent.lock");
    CLEANUP(rift_free) char *heal = rift_printf("heal --lab %s", test_lab_name("fault"));
    assert_exit_code(rift(heal, output, sizeof output), 0, output);
    show_status(output, sizeof output);
    assert_says(output, "n2: nothing of Rift's is on");
}

/* Another terminal heals what one holds: the first one says so, and does not call it a success. */
static void a_fault_that_somebody_else_healed_is_no_success(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *script = rift_printf(
        "%s fault partition --isolate n2 --for 8s --config %s >%s.log 2>&1 & p=$!; "
        "for i in $(seq 300); do grep -q 'n2 not heard' %s.log && break; sleep 0.1; done; "
        "%s heal --lab %s >/dev/null; wait $p; echo code $?; cat %s.log; rm %s.log",
        test_rift_binary(), config, config, config, test_rift_binary(), test_lab_name("fault"),
        config, config);
    test_run(script, output, sizeof output);
    if (!strstr(output, "code 255") || !strstr(output, "it had ended before"))
        fail_msg("%s", output);
    assert_true(can_reach(0, 1));
}

static int heal(char *output, size_t size)
{
    CLEANUP(rift_free) char *words = rift_printf("heal --lab %s", test_lab_name("fault"));
    return rift(words, output, size);
}

static void a_heal_ends_a_run_that_is_on_and_says_whose(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    begin_fault("partition --isolate n2 --for 60s", "n2 not heard");
    assert_exit_code(heal(output, sizeof output), 0, output);
    assert_says(output, "n2: run 'rift fault' of the controller at ");
    assert_says(output, "was ended");
    assert_says(output, "n2: this node is healed");
    assert_true(can_reach(0, 1));
    end_fault("INT", output, sizeof output);
}

/* Who holds the lock as a heal does, for a second, and says so if it may end by itself. */
static const char other_heal[] =
    "mkdir -p /var/lib/rift; cat >/root/heals.py <<'END'\n"
    "import fcntl, json, os, time\n"
    "file = open('/var/lib/rift/agent.lock', 'w')\n"
    "fcntl.flock(file, fcntl.LOCK_EX)\n"
    "ticks = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])\n"
    "json.dump({'pid': os.getpid(), 'start_ticks': ticks, 'session': '', 'run': 'rift heal',\n"
    "  'controller': '?', 'since': '?', 'heals': True,\n"
    "  'lease_until_ns': time.monotonic_ns() + 60 * 10**9}, file)\n"
    "file.flush()\n"
    "open('/root/holds', 'w')\n"
    "time.sleep(1)\n"
    "open('/root/ended', 'w')\n"
    "END\n"
    "rm -f /root/holds /root/ended; setsid python3 /root/heals.py >/dev/null 2>&1 & "
    "while ! [ -e /root/holds ]; do sleep 0.01; done";

static void a_heal_waits_for_another_one(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    assert_int_equal(0, test_host_run(&hosts[1], other_heal, NULL, 0));
    assert_exit_code(heal(output, sizeof output), 0, output);
    assert_null(strstr(output, "was ended"));
    assert_int_equal(0, test_host_run(&hosts[1], "ls /root/ended", output, sizeof output));
}

/* Another build of Rift comes to heal, for which the disk has no room, or takes no writes. */
static void a_heal_works_where_the_disk_takes_no_file(void **state)
{
    (void)state;
    need_lab();
    static const char *const disks[] = {
        "mount -t tmpfs -o size=64k none /var/lib/rift && cat /dev/zero > /var/lib/rift/full",
        "mount -t tmpfs -o size=64k none /var/lib/rift && mount -o remount,ro /var/lib/rift"};
    char output[8192], left[256];
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        test_host_run(&hosts[1], disks[i], NULL, 0);
        int code = heal(output, sizeof output);
        test_host_run(&hosts[1], "ls /dev/shm; touch /var/lib/rift/x 2>&1; umount /var/lib/rift",
                      left, sizeof left);
        assert_exit_code(code, 0, output);
        assert_says(output, "n2: this node is healed");
        assert_null(strstr(left, "rift-agent"));
    }
}

/* What a person gets wrong is named in the person's words, not in those of a configuration. */
static void mistakes_are_named_as_they_were_made(void **state)
{
    (void)state;
    need_lab();
    static const struct {
        const char *words, *answer;
    } mistakes[] = {
        {"partition --isolate n9", "rift fault: there is no node 'n9', did you mean 'n1'?"},
        {"partition --isolate n2 --for 0", "--for 0: that is no length of time such as 30s"},
        {"partition --isolate n2 --for 9999999h", "--for 9999999h: that is no length of time"},
        {"partition --isolate n2 --for 30 s", "name one fault: 's' is one word too many"},
        {"partition --isolate n2 --grudge halves", "--isolate and --grudge both say whom"},
        {"pause --on n1,n9", "rift fault: unknown target 'n9'"},
        {"wan --set matrix=aws", "rift fault: unknown matrix 'aws'; there is: ibm-cloud"},
        {"partition --isolate n2 --for 9ms", "--for 9ms: that is no length of time such as 30s"},
        {"kill --isolate n2", "--isolate is for faults on links; kill hits nodes"},
        {"partition --on n2", "--on is for faults on nodes; partition hits links"},
        {"link --set delay", "--set delay: say OPTION=VALUE"},
        {"link --set loss_percent=101", "rift fault: 'loss_percent' must lie between 0 and 100 %"},
        {"partitoin --isolate n2", "rift fault: unknown fault 'partitoin', did you mean"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        char output[4096];
        CLEANUP(rift_free)
        char *words = rift_printf("fault %s --config %s", mistakes[i].words, config);
        assert_exit_code(rift(words, output, sizeof output), 254, output);
        if (!strstr(output, mistakes[i].answer))
            fail_msg("%s: %s", mistakes[i].words, output);
    }
    char output[4096];
    assert_exit_code(rift("fault status", output, sizeof output), 254, output);
    assert_says(output, "rift fault status: CONFIG or HOST");
    assert_exit_code(rift("fault partition", output, sizeof output), 254, output);
    assert_says(output, "--config");
}

/* Nodes are asked before anything begins, and "healed" is said of nothing that never was. */
static void what_a_node_cannot_do_is_not_begun(void **state)
{
    (void)state;
    need_lab();
    static const struct {
        const char *words, *answer;
    } wishes[] = {
        {"partition --isolate n2 --set interfaces=eth0,eth7",
         "n3 cannot do partition: there is no interface 'eth7' on this node"},
        {"pause --on n1,n2", "not injected; nothing is on"},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        char output[4096];
        CLEANUP(rift_free)
        char *words = rift_printf("fault %s --for 2s --config %s", wishes[i].words, config);
        int rc = rift(words, output, sizeof output);
        if (rc != 255 || !strstr(output, wishes[i].answer) || strstr(output, "healed"))
            fail_msg("%s: %d: %s", wishes[i].words, rc, output);
    }
}

static void a_watched_status_ends_when_nobody_reads(void **state)
{
    (void)state;
    need_lab();
    char output[1024];
    CLEANUP(rift_free)
    char *script = rift_printf("timeout 20 %s fault status --watch --lab %s | head -1; echo code "
                               "${PIPESTATUS[0]}",
                               test_rift_binary(), test_lab_name("fault"));
    test_run(script, output, sizeof output);
    if (!strstr(output, "code 0"))
        fail_msg("%s", output);
}

/* Its terminal is closed: it heals as at Ctrl-C, and says so to whoever still reads. */
static void a_terminal_that_is_closed_heals(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *script = rift_printf(
        "%s fault partition --isolate n2 --for 60s --config %s >%s.log 2>&1 & p=$!; "
        "for i in $(seq 300); do grep -q 'n2 not heard' %s.log && break; sleep 0.1; done; "
        "kill -HUP $p; wait $p; echo code $?; cat %s.log; rm %s.log",
        test_rift_binary(), config, config, config, config, config);
    test_run(script, output, sizeof output);
    if (!strstr(output, "code 0") || !strstr(output, "n2 heard again"))
        fail_msg("%s", output);
}

/* A script that misspells a fault did not do what it says; its last line needs no end. */
static void a_shell_obeys_its_last_line_and_tells_of_a_refused_one(void **state)
{
    (void)state;
    need_lab();
    static const struct {
        const char *lines, *answer;
        int code;
    } cases[] = {
        {"partition --isolate n2 --for 1s\\nwait", "w1 healed", 0},
        /* What the second one cuts is not heard when the first one is healed. */
        {"partition --isolate n2 --for 5s\\npartition --isolate n3 --for 5s\\nheal w1", "w1 healed",
         0},
        {"partitoin --isolate n2\\n", "did you mean 'partition'?", 255},
        {"partition --isolate n2 --config other.yaml\\n", "--config has no place here", 255},
        {"pause --on n1\\n", "w1 not injected; nothing is on", 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char output[8192];
        CLEANUP(rift_free)
        char *script = rift_printf("printf '%s' | %s shell %s 2>&1", cases[i].lines,
                                   test_rift_binary(), config);
        int rc = test_run(script, output, sizeof output);
        if (rc != cases[i].code || !strstr(output, cases[i].answer))
            fail_msg("%s: %d: %s", cases[i].lines, rc, output);
    }
}

/* A shell that obeys what the script tells it, and logs into the folder of that name. */
static void begin_shell(const char *script)
{
    char output[8192];
    if (test_run(script, NULL, 0) == 0)
        return;
    CLEANUP(rift_free) char *show = rift_printf("cat %s.d/log", config);
    test_run(show, output, sizeof output);
    fail_msg("%s", output);
}

/* Waits until it has healed and ended; what it said. */
static void end_shell(const char *healed, char *output, size_t size)
{
    CLEANUP(rift_free)
    char *end = rift_printf("touch %s.d/b; for i in $(seq 300); do grep -q '%s' %s.d/log && "
                            "break; sleep 0.1; done; for i in $(seq 300); do pgrep -f 's[h]ell "
                            "%s$' >/dev/null || break; "
                            "sleep 0.1; done; cat %s.d/log; rm -r %s.d",
                            config, healed, config, config, config, config);
    test_run(end, output, size);
}

/* A shell told to cut, to cut more, to heal the first, and then nothing: its end heals the rest.
 * The test lets it go on by making files. */
static void a_shell_holds_several_faults_and_heals_at_its_end(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *start = rift_printf(
        "d=%s.d; mkdir $d; { echo 'partition --isolate n2 --for 60s'; echo 'partitoin'; "
        "until [ -e $d/a ]; do sleep 0.05; done; echo 'partition --isolate n3 --for 60s'; "
        "echo 'heal w1'; echo status; until [ -e $d/b ]; do sleep 0.05; done; } 2>/dev/null | "
        "%s shell %s >$d/log 2>&1 & "
        "for i in $(seq 300); do grep -q 'n2 not heard' %s.d/log && exit 0; sleep 0.1; done; exit "
        "1",
        config, test_rift_binary(), config, config);
    begin_shell(start);
    assert_false(can_reach(0, 1));
    assert_true(can_reach(0, 2));
    CLEANUP(rift_free)
    char *go =
        rift_printf("touch %s.d/a; for i in $(seq 300); do grep -q 's left' %s.d/log && exit "
                    "0; sleep 0.1; done; exit 1",
                    config, config);
    assert_int_equal(test_run(go, NULL, 0), 0);
    assert_true(can_reach(0, 1));
    assert_false(can_reach(0, 2));
    end_shell("w2 healed", output, sizeof output);
    assert_says(output, "did you mean 'partition'?");
    assert_says(output, "w1 healed");
    assert_says(output, "w2 healed");
    assert_true(can_reach(0, 2));
    show_status(output, sizeof output);
    assert_says(output, "n3: nothing of Rift's is on");
}

/* The system is this one's, so that no package is needed. */
static const char toy_recipe[] =
    "name: toy\nsummary: it writes down the time\ndata_folders: [/var/lib/rift-toy/data]\n"
    "processes:\n  - name: toy\n    command: [/bin/sh, -c, 'while :; do date +%s >now; sleep 0.05; "
    "done']\n    working_folder: /var/lib/rift-toy/data\n"
    "    ready: {command: [test, -s, /var/lib/rift-toy/data/now]}\n";

static void a_shell_starts_a_system_to_break_and_takes_it_along(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *write = rift_printf("d=%s.d; mkdir $d && cat >$d/toy.yaml <<'E'\n%sE\n"
                              "{ cat %s; echo 'system: ./toy.yaml'; } >$d/config.yaml",
                              config, toy_recipe, config);
    assert_exit_code(test_run(write, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *line = rift_printf("fault restart --config %s.d/config.yaml", config);
    assert_exit_code(rift(line, output, sizeof output), 254, output);
    assert_says(output, "rift shell --start CONFIG");
    CLEANUP(rift_free)
    char *kill = rift_printf("fault kill --on one --for 1s --config %s.d/config.yaml", config);
    assert_exit_code(rift(kill, output, sizeof output), 255, output);
    assert_says(output, "rift shell --start CONFIG");
    CLEANUP(rift_free)
    char *talk = rift_printf(
        "printf '%%s\\n' 'file-damage --on one --set files=*.none --for 1s' "
        "'rollback --on one --set files=n* --for 1s' wait 'kill --on [n2] --for 1s' wait "
        "'restart --for 20s' wait | timeout 60 %s shell --start %s.d/config.yaml 2>&1; rm -r %s.d",
        test_rift_binary(), config, config);
    test_run(talk, output, sizeof output);
    if (!strstr(output, "no file with content in the data folders is '*.none'") ||
        !strstr(output, "a copy of 1 files") || !strstr(output, "/proc has 0 of the ") ||
        !strstr(output, "restart: all: n1, n2, n3") || strstr(output, "not reached"))
        fail_msg("%s", output);
    for (size_t i = 0; i < 3; i++)
        assert_int_not_equal(0, test_host_run(&hosts[i],
                                              "grep -s '[d]ate' /proc/[0-9]*/cmdline || test -e "
                                              "/var/lib/rift-toy/data/now",
                                              NULL, 0));
}

/* Round trips between two hosts, before and after a change by hand, as a third party measures them;
 * quotes are as in a shell. */
static void a_shell_changes_a_link_that_is_on(void **state)
{
    (void)state;
    need_lab();
    char output[8192];
    CLEANUP(rift_free)
    char *start = rift_printf(
        "d=%s.d; mkdir $d; { echo \"link --grudge '{n1: [n2]}' --for 60s --set delay_ms=1\"; "
        "until [ -e $d/a ]; do sleep 0.05; done; echo 'change w1 --set delay_ms=60'; "
        "echo 'change w1 --set delay=6'; echo 'change w1'; echo 'change w7 --set delay_ms=6'; "
        "until [ -e $d/b ]; do sleep 0.05; done; } 2>/dev/null | %s shell %s >$d/log 2>&1 & "
        "for i in $(seq 300); do grep -q 'w1 on for' $d/log && exit 0; sleep 0.1; done; exit 1",
        config, test_rift_binary(), config);
    begin_shell(start);
    assert_true(test_connect_ms(&hosts[0], &hosts[1], 50) < 50);
    CLEANUP(rift_free)
    char *go =
        rift_printf("touch %s.d/a; for i in $(seq 300); do grep -q 'no fault w7' %s.d/log && "
                    "exit 0; sleep 0.1; done; exit 1",
                    config, config);
    assert_int_equal(test_run(go, NULL, 0), 0);
    assert_true(test_connect_ms(&hosts[0], &hosts[1], 10000) >= 60);
    assert_true(test_connect_ms(&hosts[0], &hosts[2], 50) < 50);
    end_shell("w1 healed", output, sizeof output);
    print_message("%s\n", output);
    assert_says(output, "w1 on for 60 s: link: n1 to n2\n");
    assert_says(output, "w1 changed");
    assert_null(strstr(output, "NOT OBSERVED"));
    assert_says(output, "unknown key of fault 'link': 'delay'");
    assert_says(output, "change takes --set OPTION=VALUE, and nothing else");
    assert_true(test_connect_ms(&hosts[0], &hosts[1], 50) < 50);
}

/* The source of the matrix has, there and back: Dallas - Frankfurt 123 and 123 ms, Dallas - Tokyo
 * 143 and 143, Frankfurt - Tokyo 233 and 233. */
static void nodes_are_as_far_apart_as_their_regions(void **state)
{
    (void)state;
    need_lab();
    static const double asked_ms[3][3] = {{0, 123, 143}, {123, 0, 233}, {143, 233, 0}};
    char output[8192];
    assert_true(test_connect_ms(&hosts[0], &hosts[1], 60) < 60);
    begin_fault("wan --for 60s --set regions='[dallas, frankfurt, tokyo]'", "answers in");
    for (size_t from = 0; from < 3; from++)
        for (size_t to = 0; to < 3; to++) {
            double ms = from == to ? 0
                                   : test_connect_ms(&hosts[from], &hosts[to],
                                                     (int)asked_ms[from][to] + 60);
            if (from != to)
                print_message("n%zu to n%zu: %.1f ms, asked %.0f\n", from + 1, to + 1, ms,
                              asked_ms[from][to]);
            assert_true(from == to ||
                        (ms >= asked_ms[from][to] - 1 && ms < asked_ms[from][to] + 60));
        }
    end_fault("INT", output, sizeof output);
    print_message("%s", output);
    assert_null(strstr(output, "NOT OBSERVED"));
    assert_says(output, "observed on every node");
    assert_true(test_connect_ms(&hosts[0], &hosts[1], 60) < 60);
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(a_cut_by_hand_is_felt_listed_and_healed),
        CASE(a_cut_holds_at_every_address_of_a_node),
        CASE(a_cut_of_one_interface_is_observed_there),
        CASE(clients_are_cut_by_hand_and_peers_and_ssh_go_on),
        CASE(the_status_of_a_node_without_an_agent_is_what_is_left),
        CASE(a_heal_ends_a_run_that_is_on_and_says_whose),
        CASE(a_heal_waits_for_another_one),
        CASE(a_heal_works_where_the_disk_takes_no_file),
        CASE(a_fault_that_somebody_else_healed_is_no_success),
        CASE(mistakes_are_named_as_they_were_made),
        CASE(what_a_node_cannot_do_is_not_begun),
        CASE(a_watched_status_ends_when_nobody_reads),
        CASE(a_terminal_that_is_closed_heals),
        CASE(a_shell_obeys_its_last_line_and_tells_of_a_refused_one),
        CASE(a_shell_holds_several_faults_and_heals_at_its_end),
        CASE(a_shell_starts_a_system_to_break_and_takes_it_along),
        CASE(a_shell_changes_a_link_that_is_on),
        CASE(nodes_are_as_far_apart_as_their_regions),
    };
    return cmocka_run_group_tests(tests, up, down);
}

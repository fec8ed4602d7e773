/* What a run brings to its hosts: artifacts as a tarball and as a .deb, and packages by apt on a
 * host that is no lab's. It is a lab's all the same: apt and dpkg write to its private root alone.
 */
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

enum { OUTPUT_SIZE = 1 << 14 };

static char output[OUTPUT_SIZE];

/* Three forms of one program, which says what it came from. The package asks, as invoke-rc.d does,
 * whether its service may start. */
static const char pack[] =
    "set -e; cd %s\n"
    "program() { printf '#!/bin/sh\\necho it came by %%s\\nexec sleep 600\\n' $2 > $1; chmod 755 "
    "$1; }\n"
    "mkdir -p tree/bin deb/usr/bin deb/DEBIAN apt/usr/bin apt/DEBIAN repo\n"
    "program tree/bin/rift-toy tarball; tar -czf toy.tar.gz -C tree .\n"
    "program deb/usr/bin/rift-toy deb; program apt/usr/bin/rift-toy-package apt\n"
    "for p in deb apt; do printf 'Package: rift-toy-%%s\\nVersion: 1\\nArchitecture: all\\n"
    "Maintainer: nobody <nobody@localhost>\\nDescription: a toy\\n' $p > $p/DEBIAN/control; done\n"
    "printf '#!/bin/sh\\n/usr/sbin/policy-rc.d rift-toy start; echo $? > /run/policy-said\\n"
    "test ! -e /run/hang || { touch /run/hangs; exec sleep 600; }\\n' > "
    "apt/DEBIAN/postinst; chmod 755 apt/DEBIAN/postinst\n"
    "dpkg-deb --root-owner-group -b deb toy.deb; dpkg-deb --root-owner-group -b apt "
    "repo/toy.deb\n"
    "{ dpkg-deb -f repo/toy.deb; echo Filename: ./toy.deb; echo Size: $(stat -c %%s "
    "repo/toy.deb); echo SHA256: $(sha256sum < repo/toy.deb | cut -c1-64); } > repo/Packages\n"
    "printf 'import json, sys\\nfor line in sys.stdin:\\n    print(json.dumps({\"id\": "
    "json.loads(line)[\"id\"], \"type\": \"ok\", \"value\": []}), flush=True)\\n' > client.py\n";

static int up(void **state)
{
    (void)state;
    if (case_up("install", 1, NULL))
        return -1;
    CLEANUP(rift_free) char *script = rift_printf(pack, case_scratch);
    if (case_hosts && test_run(script, output, sizeof output) != 0) {
        print_error("%s\n", output);
        return -1;
    }
    return 0;
}

/* A run of this recipe (its lines besides the process) on these nodes; it must not fail, and the
 * log of the process must be there. What is written is no matter: the workload is too short. */
static void run(const char *nodes, const char *recipe, const char *command, const char *artifacts)
{
    CLEANUP(rift_free)
    char *toy = rift_printf("name: toy\nsummary: sleeps\n%s\nprocesses:\n  - {name: toy, command: "
                            "[\"%s\"]}\n",
                            recipe, command);
    CLEANUP(rift_free)
    char *config = rift_printf("name: install\nnodes: %s\nsystem: {recipe: toy.yaml%s}\n"
                               "client: {name: stdio, command: [python3, %s/client.py]}\n"
                               "workload: set\ntime_limit_s: 1\nrecovery_s: 0\n",
                               nodes, artifacts, case_scratch);
    case_write_file("toy.yaml", toy);
    case_write_file("config.yaml", config);
    CLEANUP(rift_free)
    char *script = rift_printf("cd %s && rm -rf runs; %s run config.yaml --runs runs --quiet 2>&1; "
                               "code=$?; cat runs/latest/nodes/n1/toy.log; exit $code",
                               case_scratch, test_rift_binary());
    int code = test_run(script, output, sizeof output);
    if (code > 2) /* a verdict, whichever */
        fail_msg("%d: %s", code, output);
}

/* As sha256sum counts it. */
static void assert_history_has_hash_of(const char *file)
{
    CLEANUP(rift_free)
    char *find = rift_printf("cd %s && %s convert runs/latest --format jsonl | grep -q $(sha256sum "
                             "< %s | cut -c1-64)",
                             case_scratch, test_rift_binary(), file);
    assert_int_equal(test_run(find, NULL, 0), 0);
}

static char *lab_nodes(void)
{
    return rift_printf("{lab: netns, count: 1, name: %s}", test_lab_name("install"));
}

static void a_tarball_is_unpacked_and_its_hash_stands_in_the_history(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free) char *nodes = lab_nodes();
    run(nodes, "artifacts: {toy: {kind: tarball}}", "${artifacts.toy}/bin/rift-toy",
        ", artifacts: {toy: toy.tar.gz}");
    assert_says(output, "it came by tarball");
    assert_history_has_hash_of("toy.tar.gz");
}

static void a_deb_is_unpacked_not_installed_and_its_hash_stands_in_the_history(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free) char *nodes = lab_nodes();
    run(nodes, "artifacts: {toy: {kind: deb}}", "${artifacts.toy}/usr/bin/rift-toy",
        ", artifacts: {toy: toy.deb}");
    assert_says(output, "it came by deb");
    assert_history_has_hash_of("toy.deb");
    assert_int_not_equal(test_host_run(case_hosts, "dpkg-query -W rift-toy-deb", NULL, 0), 0);
}

/* For this host alone; and no policy that the machine may have. */
static void have_repository(void)
{
    CLEANUP(rift_free)
    char *place = rift_printf("cp -rT %s/repo /proc/%d/root/srv/repo", case_scratch,
                              (int)case_hosts->init_pid);
    assert_int_equal(test_run(place, NULL, 0), 0);
    static const char use[] = "rm -rf /usr/sbin/policy-rc.d /etc/apt/sources.list.d/* "
                              "/var/lib/apt/lists/*; echo 'deb [trusted=yes] "
                              "file:/srv/repo ./' > /etc/apt/sources.list; apt-get update 2>&1";
    assert_exit_code(test_host_run(case_hosts, use, output, sizeof output), 0, output);
}

static void packages_are_installed_by_apt_and_start_no_service(void **state)
{
    (void)state;
    case_need_lab();
    have_repository();
    CLEANUP(rift_free)
    char *nodes = rift_printf("[{address: %s, port: %d, user: %s, key: %s, known_hosts: %s}]",
                              case_hosts->address, case_hosts->port, case_hosts->user,
                              case_hosts->key_file, case_hosts->known_hosts_file);
    static const char is_installed[] = "dpkg-query -W -f='${db:Status-Status}' rift-toy-apt";
    assert_int_not_equal(test_host_run(case_hosts, is_installed, NULL, 0), 0);
    run(nodes, "packages: [rift-toy-apt]", "/usr/bin/rift-toy-package", "");
    assert_says(output, "it came by apt");
    assert_exit_code(test_host_run(case_hosts, is_installed, output, sizeof output), 0, output);
    assert_string_equal(output, "installed");
    test_host_run(case_hosts, "cat /run/policy-said; ls /usr/sbin/policy-rc.d 2>&1", output,
                  sizeof output);
    assert_memory_equal(output, "101\n", 4);
    assert_says(output, "No such file");
    /* The private root took it all. */
    assert_int_not_equal(test_run(is_installed, NULL, 0), 0);
}

/* As the node's loss of power would, or an agent's end that takes all of apt along. */
static void an_install_that_was_cut_short_is_ended_by_the_next(void **state)
{
    (void)state;
    case_need_lab();
    CLEANUP(rift_free)
    char *nodes = rift_printf("[{address: %s, port: %d, user: %s, key: %s, known_hosts: %s}]",
                              case_hosts->address, case_hosts->port, case_hosts->user,
                              case_hosts->key_file, case_hosts->known_hosts_file);
    have_repository();
    static const char prepare[] = "dpkg -P rift-toy-apt 2>&1; touch /run/hang";
    static const char cut[] =
        "for i in $(seq 300); do test -e /run/hangs && break; sleep 0.1; done; test -e /run/hangs; "
        "kill -9 $(pgrep '^rift-guardian') $(pgrep '^rift-agent') $(pgrep -x apt-get) $(pgrep -x "
        "dpkg) $(pgrep -x sleep); rm /run/hang; dpkg -s rift-toy-apt >/var/lib/dpkg/updates/0001; "
        "dpkg-query -W -f='${db:Status-Status}' "
        "rift-toy-apt; apt-get -y install rift-toy-apt 2>&1";
    assert_exit_code(test_host_run(case_hosts, prepare, output, sizeof output), 0, output);
    CLEANUP(rift_free)
    char *begin = rift_printf("cd %s; timeout 120 %s run config.yaml --runs runs --quiet >cut 2>&1 "
                              "& echo $! >pid",
                              case_scratch, test_rift_binary());
    case_write_file("toy.yaml", "name: toy\nsummary: sleeps\npackages: [rift-toy-apt]\n"
                                "processes:\n  - {name: toy, command: "
                                "[/usr/bin/rift-toy-package]}\n");
    CLEANUP(rift_free)
    char *config = rift_printf("name: install\nnodes: %s\nsystem: {recipe: toy.yaml}\n"
                               "client: {name: stdio, command: [python3, %s/client.py]}\n"
                               "workload: set\ntime_limit_s: 1\nrecovery_s: 0\n",
                               nodes, case_scratch);
    case_write_file("config.yaml", config);
    test_run(begin, output, sizeof output);
    CLEANUP(rift_free)
    char *end = rift_printf("cd %s; while kill -0 $(cat pid) 2>/dev/null; do sleep 0.1; done",
                            case_scratch);
    test_host_run(case_hosts, cut, output, sizeof output);
    assert_says(output, "dpkg --configure -a"); /* apt does nothing before that */
    test_run(end, NULL, 0);
    run(nodes, "packages: [rift-toy-apt]", "/usr/bin/rift-toy-package", "");
    assert_says(output, "it came by apt");
    test_host_run(case_hosts,
                  "dpkg-query -W -f='${db:Status-Status}' rift-toy-apt; ls "
                  "/usr/sbin/policy-rc.d 2>&1",
                  output, sizeof output);
    assert_memory_equal(output, "installed", 9);
    assert_says(output, "No such file");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tarball_is_unpacked_and_its_hash_stands_in_the_history),
        cmocka_unit_test(a_deb_is_unpacked_not_installed_and_its_hash_stands_in_the_history),
        cmocka_unit_test(packages_are_installed_by_apt_and_start_no_service),
        cmocka_unit_test(an_install_that_was_cut_short_is_ended_by_the_next),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}

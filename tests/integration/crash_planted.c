/* Leftovers that the test itself makes, to see that it finds them. */
#include "tests/integration/crash_points.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/crash_point.h"
#include "tests/lib/lab_hosts.h"

/* Each line of a shell in the host plants one thing, and takes it away. */
void find_planted(void)
{
    static const char *const plants[][2] = {
        {"touch /var/lib/rift/ledger/x.json", "rm /var/lib/rift/ledger/x.json"},
        {"mkdir /var/lib/beat.rift-backup-f", "rmdir /var/lib/beat.rift-backup-f"},
        {"tc qdisc add dev eth0 clsact", "tc qdisc del dev eth0 clsact"},
        {"ip link set dev eth0 gso_max_segs 1", "ip link set dev eth0 gso_max_segs 65535"},
        {"ip tuntap add dev rift0 mode tap", "ip link del rift0"},
        {"mount -n -t tmpfs none /mnt", "umount -n /mnt"},
        {"kill -STOP $(head -n 1 $procs)", "kill -CONT $(head -n 1 $procs)"},
        {"prlimit --nofile=100: -p $(head -n 1 $procs)",
         "p=$(head -n 1 $procs); prlimit --nofile=$(awk '/open files/ { print $5 }' "
         "/proc/$p/limits): -p $p"},
        {"echo 4000000 >$limit", "echo max >$limit"},
    };
    static const char names[] =
        "procs=$(find /sys/fs/cgroup -path '*/rift-system/cgroup.procs' | head -n 1); "
        "limit=$(find /sys/fs/cgroup -path '*/rift-system/pids.max' -o -path "
        "'*/rift-system/memory.high' | head -n 1); ";
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
        for (int part = 0; part < 2; part++) {
            CLEANUP(rift_free) char *script = rift_printf("%s%s", names, plants[i][part]);
            char told[256];
            if (test_host_run(host, script, told, sizeof told) != 0)
                fail_msg("%s: %s", script, told);
            size_t count;
            int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
            do {
                rift_text_clear(&found);
                state_read(after);
                count =
                    node_state_differences(before, after, any_line, NODE_ALL_DIFFERENCES, &found);
            } while ((count > 0) != (part == 0) && rift_clock_now() < deadline);
            if ((count > 0) != (part == 0))
                fail_msg("%s: %zu differences\n%s", script, count, found.data);
        }
    }
}

static bool backup_line(const char *line)
{
    return strstr(line, ".rift-backup") != NULL;
}

/* An agent that would apply first and note it later, or never. */
void find_unledgered(void)
{
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    const struct row row = {"rollback", "{}", PLAIN, ENDS_SYSTEM}; /* no process keeps it, too */
    assert_true(row_up(&row));
    const struct crash_plan plan = {.agent = global_pid(agent_pid(&agent)), .loses_renames = true};
    pid_t guardian = global_pid(guardian_pid(&agent));
    struct crash_point *point = crash_point_start(&plan);
    must("inject", args_of(INJECT, &row));
    assert_true(crash_point_end(point).has_struck);
    kill(plan.agent, SIGSTOP);
    kill(guardian, SIGKILL);
    kill(plan.agent, SIGKILL);
    agent_forget(&agent);
    agent_up();
    must("heal", args_of(HEAL, &row));
    state_read(after);
    assert_true(node_state_differences(before, after, backup_line, NODE_ONLY_NEW, &found) > 0);
    test_host_run(host, "rm -rf /var/lib/beat*.rift-backup*", NULL, 0);
}

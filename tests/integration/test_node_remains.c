/* The search for what a run left on a node finds what is planted there, and nothing else. */
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum { HOSTS = 2 };

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static char before[NODE_STATE_SIZE], after[NODE_STATE_SIZE];

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0)
        return 0;
    lab = test_lab_up("remains", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    node_state_read(&hosts[0], before);
    return 0;
}

static int down(void **state)
{
    rift_lab_close(lab);
    return test_labs_down(state);
}

static int plant_bpf_map(const char *tag)
{
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};
    attr.key_size = attr.value_size = attr.max_entries = sizeof(uint32_t);
    snprintf(attr.map_name, sizeof attr.map_name, "rift_x_%.8s", tag);
    return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

/* Of its own host, and only of that one. */
static void the_search_finds_a_planted_bpf_object(void **state)
{
    (void)state;
    char tag[16];
    if (!lab)
        skip();
    test_host_run(&hosts[0], "printf %08x $(stat -Lc %i /proc/self/ns/net)", tag, sizeof tag);
    assert_int_equal(node_bpf_objects(&hosts[0]), 0);
    int fd = plant_bpf_map(tag);
    assert_true(fd >= 0);
    assert_int_equal(node_bpf_objects(&hosts[0]), 1);
    assert_int_equal(node_bpf_objects(&hosts[1]), 0);
    close(fd);
}

static void the_search_finds_what_is_planted(void **state)
{
    (void)state;
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    if (!lab)
        skip();
    static const char *const kinds[] = {"qdisc eth0",
                                        "cgroup ",
                                        "mount /mnt",
                                        "process rift-hold",
                                        "file /var/lib/rift/ledger/x",
                                        "file /var/lib/rift/system.json",
                                        "file /var/lib/rift-system/data/x",
                                        "file /var/lib/beat",
                                        "file /tmp/.rift-upload-x"};
    assert_int_equal(
        test_host_run(
            &hosts[0],
            "tc qdisc add dev eth0 clsact; g=/sys/fs/cgroup; [ -d $g/unified ] && "
            "g=$g/unified; mkdir $g/rift-system; mount -t tmpfs x /mnt; rm -r /run/mount; mkdir -p "
            "/var/lib/rift/ledger /var/lib/rift-system/data /var/lib/beat; touch "
            "/var/lib/rift/ledger/x /var/lib/rift/system.json /var/lib/rift-system/data/x "
            "/tmp/.rift-upload-x; cp /bin/sleep "
            "/usr/local/bin/rift-hold; setsid /usr/local/bin/rift-hold 30 >/dev/null "
            "2>&1 </dev/null & until pgrep -x rift-hold >/dev/null; do sleep 0.05; done",
            NULL, 0),
        0);
    node_state_read(&hosts[0], after);
    size_t count = node_remains(before, after, &found);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strstr(found.data ? found.data : "", kinds[i]))
            fail_msg("not found: %s in:\n%s", kinds[i], found.data ? found.data : "");
    /* With the folders of rift-system. */
    if (count != sizeof kinds / sizeof *kinds + 2)
        fail_msg("%zu things instead of %zu:\n%s", count, sizeof kinds / sizeof *kinds + 2,
                 found.data);
    test_host_run(
        &hosts[0],
        "tc qdisc del dev eth0 clsact; g=/sys/fs/cgroup; [ -d $g/unified ] && "
        "g=$g/unified; rmdir $g/rift-system; umount /mnt; rm -r /run/mount /var/lib/rift "
        "/var/lib/rift-system /var/lib/beat /tmp/.rift-upload-x "
        "/usr/local/bin/rift-hold; for p in /proc/[0-9]*; do [ $(cat $p/comm) = "
        "rift-hold ] && kill -9 ${p#/proc/}; done; while pgrep -x rift-hold >/dev/null; do "
        "sleep 0.05; done",
        NULL, 0);
    node_state_read(&hosts[0], after);
    found.length = 0;
    assert_int_equal(node_remains(before, after, &found), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_planted),
        cmocka_unit_test(the_search_finds_a_planted_bpf_object),
    };
    return cmocka_run_group_tests(tests, up, down);
}

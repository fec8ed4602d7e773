/* Read inside the host; what a shell there has no program for is asked by ioctl(2) in its network
 * namespace. */
#include "tests/lib/node_state.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/lab_hosts.h"

static const char look[] =
    "procs=$(find /sys/fs/cgroup -path '*/rift-system/cgroup.procs' | head -n 1)\n"
    "for p in $([ -z \"$procs\" ] || cat $procs); do\n"
    "  awk '/^State/ { print \"state\", ($2 ~ /[tT]/ ? \"still\" : \"runs\") }' /proc/$p/status\n"
    "  awk '/^Max open files/ { print \"limit\", $4 }' /proc/$p/limits\n"
    "done 2>/dev/null\n"
    "find /sys/fs/cgroup -path '*/rift-system/*' '(' -name cpu.cfs_quota_us -o -name cpu.max -o "
    "-name memory.limit_in_bytes -o -name memory.max -o -name memory.high -o -name pids.max -o "
    "-name freezer.state -o -name cgroup.freeze -o -name 'blkio.throttle.*_bps_device' -o -name "
    "io.max ')' -exec grep -H . {} + | sed 's/^/setting /'\n"
    "find /sys/fs/cgroup -name cgroup.subtree_control -exec grep -H . {} + | sed 's/^/handed /'\n"
    "ip -d -o link show dev eth0 | grep -o 'gso_max_segs [0-9]*' | sed 's/^/card /'\n"
    "ip -o link | awk '{ print \"card\", $2 }'\n";

static void append_card(const struct rift_lab_host *host, char *state, const char *name,
                        uint32_t command)
{
    struct ethtool_value request = {.cmd = command};
    struct ifreq ifr = {.ifr_name = "eth0"};
    ifr.ifr_data = (char *)&request;
    CLEANUP(rift_close_fd) int fd = test_host_socket(host, SOCK_DGRAM);
    assert_int_equal(ioctl(fd, SIOCETHTOOL, &ifr), 0);
    size_t used = strlen(state);
    snprintf(state + used, NODE_WHOLE_STATE_SIZE - used, "card %s %u\n", name, request.data);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_lines(char *text)
{
    static char *lines[4096], copy[NODE_WHOLE_STATE_SIZE];
    size_t count = 0;
    char *rest = copy, *line;
    snprintf(copy, sizeof copy, "%s", text);
    while ((line = strsep(&rest, "\n")))
        if (*line && count < sizeof lines / sizeof *lines)
            lines[count++] = line;
    qsort(lines, count, sizeof *lines, compare);
    for (size_t i = 0, used = 0; i < count; i++)
        used += (size_t)snprintf(text + used, NODE_WHOLE_STATE_SIZE - used, "%s\n", lines[i]);
}

void node_whole_state_read(const struct rift_lab_host *host, const char *disk_word,
                           char state[NODE_WHOLE_STATE_SIZE])
{
    CLEANUP(rift_free)
    char *script =
        rift_printf("%scat /sys/block/loop*/loop/backing_file 2>/dev/null | grep -F %s | "
                    "sed 's/^/loop /'\n",
                    look, disk_word);
    node_state_read(host, state);
    size_t used = strlen(state);
    state[used++] = '\n';
    test_host_run(host, script, state + used, NODE_WHOLE_STATE_SIZE - used - 128);
    used = strlen(state);
    state[used++] = '\n';
    state[used] = '\0';
    append_card(host, state, "gro", ETHTOOL_GGRO);
    append_card(host, state, "tx_checksums", ETHTOOL_GTXCSUM);
    used = strlen(state);
    snprintf(state + used, NODE_WHOLE_STATE_SIZE - used, "objects %zu\n", node_bpf_objects(host));
    sort_lines(state);
}

static const char *next_line(const char **at, node_line_filter *filter, char line[1024])
{
    while (**at) {
        size_t length = strcspn(*at, "\n");
        snprintf(line, 1024, "%.*s", (int)length, *at);
        *at += length + ((*at)[length] == '\n');
        if (*line && filter(line))
            return line;
    }
    return NULL;
}

size_t node_state_differences(const char *old, const char *new, node_line_filter *filter,
                              enum node_search search, struct rift_text *found)
{
    char old_buffer[1024], new_buffer[1024];
    const char *a = next_line(&old, filter, old_buffer), *b = next_line(&new, filter, new_buffer);
    size_t count = 0;
    while (a || b) {
        int order = !a ? 1 : !b ? -1 : strcmp(a, b);
        if (order > 0 || (order < 0 && search == NODE_ALL_DIFFERENCES)) {
            rift_text_printf(found, "  %s %s\n", order < 0 ? "gone:" : "new: ", order < 0 ? a : b);
            count++;
        }
        if (order <= 0)
            a = next_line(&old, filter, old_buffer);
        if (order >= 0)
            b = next_line(&new, filter, new_buffer);
    }
    return count;
}

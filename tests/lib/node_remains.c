/* What a node still has of a run. */
#include "tests/lib/node_remains.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/lab_hosts.h"

/* Every line begins with its kind. Of processes those of this script itself are left out. */
static const char look[] =
    "for d in $(ls /sys/class/net); do tc qdisc show dev $d | grep -v ' noqueue ' | sed "
    "\"s/^/qdisc "
    "$d /\"; for h in ingress egress; do tc filter show dev $d $h 2>/dev/null | sed \"s/^/filter "
    "$d "
    "$h /\"; done; done\n"
    "grep -hE '^(Name|Pid|PPid):' /proc/[0-9]*/status 2>/dev/null | awk -v own=$$ '/^Name/ { name "
    "= "
    "$2 } /^Pid/ { pid = $2 } /^PPid/ && pid != own && $2 != own && name != \"sshd\" && name !~ "
    "/^kworker/ { print "
    "\"process\", name }'\n"
    "find /sys/fs/cgroup -type d | sed 's/^/cgroup /'\n"
    "cut -d' ' -f5 /proc/self/mountinfo | sed 's/^/mount /'\n"
    "(find /var/lib -maxdepth 1 ! -name 'rift*'; find /var/lib/rift* /run /tmp /root /dev/shm /etc/rift /var/tmp "
    "-xdev) 2>/dev/null | sed 's/^/file /'\n";

void node_state_read(const struct rift_lab_host *host, char state[NODE_STATE_SIZE])
{
    test_host_run(host, look, state, NODE_STATE_SIZE);
}

static int has_line(const char *text, const char *line, size_t length)
{
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++) {
        bool is_start = at == text || at[-1] == '\n';
        if (is_start && (at[length] == '\n' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

static bool is_allowed(const char *line)
{
    static const char cached[] = "file /var/lib/rift/rift-agent-";
    return strcmp(line, "file /var/lib/rift") == 0 ||
           strcmp(line, "file /var/lib/rift/ledger") == 0 ||
           strncmp(line, cached, sizeof cached - 1) == 0;
}

size_t node_remains(const char *before, const char *after, struct rift_text *found)
{
    size_t count = 0;
    for (const char *line = after; *line;) {
        size_t length = strcspn(line, "\n");
        char text[1024] = "";
        if (length < sizeof text)
            memcpy(text, line, length);
        if (length > 0 && !has_line(before, text, length) && !is_allowed(text)) {
            rift_text_printf(found, "%s\n", text);
            count++;
        }
        line += length + (line[length] == '\n');
    }
    return count;
}

static long bpf(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static size_t count_objects(int next_command, int open_command, const char *tag)
{
    size_t count = 0;
    union bpf_attr next;
    memset(&next, 0, sizeof next);
    while (bpf(next_command, &next) == 0) {
        union bpf_attr attr;
        struct bpf_prog_info program;
        struct bpf_map_info map;
        memset(&attr, 0, sizeof attr);
        attr.prog_id = next.next_id; /* the same place as map_id */
        int fd = (int)bpf(open_command, &attr);
        next.start_id = next.next_id;
        if (fd < 0)
            continue;
        bool is_program = open_command == BPF_PROG_GET_FD_BY_ID;
        memset(&attr, 0, sizeof attr);
        memset(&program, 0, sizeof program);
        memset(&map, 0, sizeof map);
        attr.info.bpf_fd = (uint32_t)fd;
        attr.info.info_len = is_program ? sizeof program : sizeof map;
        attr.info.info = (uint64_t)(uintptr_t)(is_program ? (void *)&program : (void *)&map);
        if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0) {
            const char *name = is_program ? program.name : map.name;
            count += rift_text_starts_with(name, "rift_") && rift_text_ends_with(name, tag);
        }
        close(fd);
    }
    return count;
}

size_t node_bpf_objects(const struct rift_lab_host *host)
{
    char path[64], tag[16];
    struct stat namespace = {.st_ino = 0};
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)host->init_pid);
    assert_int_equal(stat(path, &namespace), 0);
    snprintf(tag, sizeof tag, "_%08x", (unsigned)namespace.st_ino);
    return count_objects(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, tag) +
           count_objects(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, tag);
}

/* BPF programs and maps of Rift's. */
#include "tests/lib/bpf_objects.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/text.h"

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

size_t bpf_objects_count(pid_t pid)
{
    char path[64], tag[16];
    struct stat namespace = {.st_ino = 0};
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    if (stat(path, &namespace) != 0)
        return (size_t)-1;
    snprintf(tag, sizeof tag, "_%08x", (unsigned)namespace.st_ino);
    return count_objects(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, tag) +
           count_objects(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, tag);
}

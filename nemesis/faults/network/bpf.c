/* The assembler writes instructions one after the other and fills in jump offsets at load time. */
#include "nemesis/faults/network/bpf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/memory.h"

enum { VERIFIER_LOG_BYTES = 1 << 16 };

static void bpf_emit(struct rift_bpf_program *p, int code, int dst, int src, int offset,
                     int32_t value)
{
    assert(p->length < RIFT_BPF_PROGRAM_MAX);
    struct bpf_insn *insn = &p->code[p->length++];
    memset(insn, 0, sizeof *insn);
    insn->code = (__u8)code;
    insn->dst_reg = (unsigned)dst & 0xfu;
    insn->src_reg = (unsigned)src & 0xfu;
    insn->off = (__s16)offset;
    insn->imm = value;
}

void rift_bpf_move(struct rift_bpf_program *p, int to, int from)
{
    bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

void rift_bpf_move_value(struct rift_bpf_program *p, int to, int32_t value)
{
    bpf_emit(p, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

void rift_bpf_add_value(struct rift_bpf_program *p, int to, int32_t value)
{
    bpf_emit(p, BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}

void rift_bpf_alu(struct rift_bpf_program *p, int operation, int to, int from)
{
    bpf_emit(p, BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
}

void rift_bpf_alu_value(struct rift_bpf_program *p, int operation, int to, int32_t value)
{
    bpf_emit(p, BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}

void rift_bpf_load(struct rift_bpf_program *p, int size, int to, int base, int offset)
{
    bpf_emit(p, BPF_LDX | BPF_MEM | size, to, base, offset, 0);
}

void rift_bpf_store(struct rift_bpf_program *p, int size, int base, int offset, int from)
{
    bpf_emit(p, BPF_STX | BPF_MEM | size, base, from, offset, 0);
}

void rift_bpf_store_value(struct rift_bpf_program *p, int size, int base, int offset, int32_t value)
{
    bpf_emit(p, BPF_ST | BPF_MEM | size, base, 0, offset, value);
}

void rift_bpf_atomic_add(struct rift_bpf_program *p, int base, int offset, int from)
{
    bpf_emit(p, BPF_STX | BPF_ATOMIC | BPF_DW, base, from, offset, BPF_ADD);
}

void rift_bpf_load_value(struct rift_bpf_program *p, int to, uint64_t value)
{
    bpf_emit(p, BPF_LD | BPF_DW | BPF_IMM, to, 0, 0, (int32_t)(uint32_t)value);
    bpf_emit(p, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

void rift_bpf_load_map(struct rift_bpf_program *p, int to, int map_fd)
{
    bpf_emit(p, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map_fd);
    bpf_emit(p, 0, 0, 0, 0, 0);
}

void rift_bpf_call(struct rift_bpf_program *p, enum bpf_func_id helper)
{
    bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)helper);
}

static void bpf_mark_jump(struct rift_bpf_program *p, int label)
{
    assert(label >= 0 && label < RIFT_BPF_LABELS_MAX);
    p->jump_label[p->length] = (unsigned char)(label + 1);
}

void rift_bpf_jump_if(struct rift_bpf_program *p, int condition, int a, int b, int label)
{
    bpf_mark_jump(p, label);
    bpf_emit(p, BPF_JMP | condition | BPF_X, a, b, 0, 0);
}

void rift_bpf_jump_if_value(struct rift_bpf_program *p, int condition, int a, int32_t value,
                            int label)
{
    bpf_mark_jump(p, label);
    bpf_emit(p, BPF_JMP | condition | BPF_K, a, 0, 0, value);
}

void rift_bpf_jump(struct rift_bpf_program *p, int label)
{
    bpf_mark_jump(p, label);
    bpf_emit(p, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void rift_bpf_label(struct rift_bpf_program *p, int label)
{
    assert(label >= 0 && label < RIFT_BPF_LABELS_MAX && p->length > 0);
    p->label_at[label] = (int)p->length;
}

void rift_bpf_exit(struct rift_bpf_program *p)
{
    bpf_emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int bpf_syscall(enum bpf_cmd command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

/* A kernel lists the objects of all its namespaces together, and lab hosts share one. */
static void bpf_set_name(char field[BPF_OBJ_NAME_LEN], const char *name)
{
    struct stat namespace = {.st_ino = 0};
    stat("/proc/self/ns/net", &namespace);
    snprintf(field, BPF_OBJ_NAME_LEN, "%.6s_%08x", name, (unsigned)namespace.st_ino);
}

static void bpf_link_jumps(struct rift_bpf_program *p)
{
    for (size_t i = 0; i < p->length; i++) {
        if (p->jump_label[i] == 0)
            continue;
        int target = p->label_at[p->jump_label[i] - 1];
        assert(target > 0);
        p->code[i].off = (__s16)(target - (int)i - 1);
    }
}

int rift_bpf_program_load(struct rift_bpf_program *p, const char *name, struct rift_error *err)
{
    bpf_link_jumps(p);
    union bpf_attr attr = {0};
    attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attr.insns = (uintptr_t)p->code;
    attr.insn_cnt = (__u32)p->length;
    attr.license = (uintptr_t) "GPL"; /* the kernel gives some helpers to GPL programs only */
    bpf_set_name(attr.prog_name, name);
    int fd = bpf_syscall(BPF_PROG_LOAD, &attr);
    if (fd >= 0)
        return fd;
    int number = errno;
    CLEANUP(rift_free) char *log = rift_calloc(1, VERIFIER_LOG_BYTES);
    attr.log_buf = (uintptr_t)log;
    attr.log_size = VERIFIER_LOG_BYTES;
    attr.log_level = 1;
    fd = bpf_syscall(BPF_PROG_LOAD, &attr);
    if (fd >= 0)
        return fd;
    errno = number;
    size_t length = strlen(log);
    const char *tail = log + (length > 300 ? length - 300 : 0);
    return rift_fail_errno(err, number == EPERM ? RIFT_ERR_DENIED : RIFT_ERR_UNSUPPORTED,
                           "load the BPF program '%s'%s%s", name, *tail ? ": " : "", tail);
}

int rift_bpf_map_create(enum bpf_map_type type, uint32_t key_size, uint32_t value_size,
                        uint32_t max_entries, const char *name, struct rift_error *err)
{
    union bpf_attr attr = {0};
    attr.map_type = type;
    attr.key_size = key_size;
    attr.value_size = value_size;
    attr.max_entries = max_entries;
    bpf_set_name(attr.map_name, name);
    int fd = bpf_syscall(BPF_MAP_CREATE, &attr);
    if (fd < 0)
        return rift_fail_errno(err, errno == EPERM ? RIFT_ERR_DENIED : RIFT_ERR_UNSUPPORTED,
                               "make the BPF map '%s'", name);
    return fd;
}

int rift_bpf_map_update(int map_fd, const void *key, const void *value, struct rift_error *err)
{
    union bpf_attr attr = {0};
    attr.map_fd = (__u32)map_fd;
    attr.key = (uintptr_t)key;
    attr.value = (uintptr_t)value;
    if (bpf_syscall(BPF_MAP_UPDATE_ELEM, &attr))
        return rift_fail_errno(err, RIFT_ERR_IO, "write to a BPF map");
    return 0;
}

int rift_bpf_map_lookup(int map_fd, const void *key, void *value, struct rift_error *err)
{
    union bpf_attr attr = {0};
    attr.map_fd = (__u32)map_fd;
    attr.key = (uintptr_t)key;
    attr.value = (uintptr_t)value;
    if (bpf_syscall(BPF_MAP_LOOKUP_ELEM, &attr))
        return rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO,
                               "read from a BPF map");
    return 0;
}

/* CLOCK_MONOTONIC here minus that of the initial time namespace, in ns. */
static int64_t bpf_time_offset(void)
{
    FILE *file = fopen("/proc/self/timens_offsets", "re");
    if (!file)
        return 0; /* a kernel without time namespaces */
    char line[128];
    long long seconds = 0, ns = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "monotonic %lld %lld", &seconds, &ns) == 2)
            break;
    fclose(file);
    return seconds * INT64_C(1000000000) + ns;
}

uint64_t rift_bpf_kernel_time(int64_t monotonic_ns)
{
    int64_t kernel_ns = monotonic_ns - bpf_time_offset();
    return kernel_ns > 0 ? (uint64_t)kernel_ns : 0;
}

int64_t rift_bpf_monotonic_time(uint64_t kernel_ns)
{
    return (int64_t)kernel_ns + bpf_time_offset();
}

/* bpf(2) without a library: maps, small hand-assembled programs for traffic control, and the
 * kernel's own clock. */
#ifndef NEMESIS_FAULTS_NETWORK_BPF_H
#define NEMESIS_FAULTS_NETWORK_BPF_H

#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

#include "common/error.h"

enum { RIFT_BPF_PROGRAM_MAX = 1024, RIFT_BPF_LABELS_MAX = 96 };

/* A program being written. Jumps name labels, which may be set before or after. */
struct rift_bpf_program {
    struct bpf_insn code[RIFT_BPF_PROGRAM_MAX];
    size_t length;
    int label_at[RIFT_BPF_LABELS_MAX];              /* 0: not set (no jump goes to 0) */
    unsigned char jump_label[RIFT_BPF_PROGRAM_MAX]; /* of the jump at that place, + 1 */
};

/* Registers are BPF_REG_0 ...; BPF_REG_10 is the frame. Overflow is a programmer error. */
void rift_bpf_move(struct rift_bpf_program *p, int to, int from);
void rift_bpf_move_value(struct rift_bpf_program *p, int to, int32_t value);
void rift_bpf_add_value(struct rift_bpf_program *p, int to, int32_t value);
/* operation is BPF_ADD, BPF_AND, BPF_LSH, BPF_OR, BPF_MOD, BPF_SUB, BPF_XOR ..., 64 bits. */
void rift_bpf_alu(struct rift_bpf_program *p, int operation, int to, int from);
void rift_bpf_alu_value(struct rift_bpf_program *p, int operation, int to, int32_t value);
/* size is BPF_B, BPF_H, BPF_W or BPF_DW. */
void rift_bpf_load(struct rift_bpf_program *p, int size, int to, int base, int offset);
void rift_bpf_store(struct rift_bpf_program *p, int size, int base, int offset, int from);
void rift_bpf_store_value(struct rift_bpf_program *p, int size, int base, int offset,
                          int32_t value);
/* Adds register `from` to the u64 at base+offset, atomically. */
void rift_bpf_atomic_add(struct rift_bpf_program *p, int base, int offset, int from);
void rift_bpf_load_value(struct rift_bpf_program *p, int to, uint64_t value);
void rift_bpf_load_map(struct rift_bpf_program *p, int to, int map_fd);
void rift_bpf_call(struct rift_bpf_program *p, enum bpf_func_id helper);
/* condition is BPF_JEQ, BPF_JNE, BPF_JLT, BPF_JGE ..., unsigned, 64 bits. */
void rift_bpf_jump_if(struct rift_bpf_program *p, int condition, int a, int b, int label);
void rift_bpf_jump_if_value(struct rift_bpf_program *p, int condition, int a, int32_t value,
                            int label);
void rift_bpf_jump(struct rift_bpf_program *p, int label);
void rift_bpf_label(struct rift_bpf_program *p, int label);
void rift_bpf_exit(struct rift_bpf_program *p);

/* A file descriptor (close-on-exec), or -1. The object is named for people who list programs and
 * maps, of all hosts of a lab together: name (6 characters), '_', and the inode of this process'
 * network namespace (namespaces(7)) in 8 hexadecimal digits: "rift_p_f0000a1c". */
int rift_bpf_program_load(struct rift_bpf_program *p, const char *name, struct rift_error *err);
int rift_bpf_map_create(enum bpf_map_type type, uint32_t key_size, uint32_t value_size,
                        uint32_t max_entries, const char *name, struct rift_error *err);
int rift_bpf_map_update(int map_fd, const void *key, const void *value, struct rift_error *err);
int rift_bpf_map_lookup(int map_fd, const void *key, void *value, struct rift_error *err);

/* A time of this process' CLOCK_MONOTONIC as bpf_ktime_get_ns() counts it: they differ in a time
 * namespace (time_namespaces(7)). */
uint64_t rift_bpf_kernel_time(int64_t monotonic_ns);
int64_t rift_bpf_monotonic_time(uint64_t kernel_ns);

#endif

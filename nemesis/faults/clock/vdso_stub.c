/* The stub's code. Only registers that a call may change are used; system calls change rcx and r11,
 * which a caller of a function must expect as well. */
#include "nemesis/faults/clock/vdso_stub.h"

#if defined(__x86_64__)

/* clang-format off */
__asm__(
    ".section .rodata\n"
    ".balign 8\n"
    "rift_vdso_stub_begin:\n"
    "    .quad 0\n"                     /* magic */
    "rift_bend_offset: .quad 0\n"
    "rift_bend_base:   .quad 0\n"
    "rift_bend_rate:   .quad 0\n"
    "rift_bend_period: .quad 0\n"
    "rift_bend_expiry: .quad 0\n"

    /* rax: real time in ns -> rax: shown time in ns. Uses rcx, rdx, r8, r9. */
    "rift_bend:\n"
    "    cmpq rift_bend_expiry(%rip), %rax\n"
    "    jge 2f\n"
    "    movq %rax, %rcx\n"
    "    subq rift_bend_base(%rip), %rcx\n"
    "    js 2f\n"
    "    movq %rax, %r9\n"
    "    movq rift_bend_period(%rip), %r8\n"
    "    testq %r8, %r8\n"
    "    jz 1f\n"
    "    movq %rcx, %rax\n"
    "    xorl %edx, %edx\n"
    "    divq %r8\n"
    "    testb $1, %al\n"
    "    movq %r9, %rax\n"
    "    jnz 2f\n"
    "1:  movq %rcx, %rax\n"
    "    imulq rift_bend_rate(%rip)\n"  /* rdx:rax, signed */
    "    shrdq $32, %rdx, %rax\n"
    "    addq %r9, %rax\n"
    "    addq rift_bend_offset(%rip), %rax\n"
    "2:  ret\n"

    /* rax: time in ns -> rax: seconds, rdx: the rest in ns. */
    "rift_bend_split:\n"
    "    xorl %edx, %edx\n"
    "    movl $1000000000, %ecx\n"
    "    divq %rcx\n"
    "    ret\n"

    "rift_bend_clock_gettime:\n"        /* edi: clock, rsi: struct timespec */
    "    movl $228, %eax\n"
    "    syscall\n"
    "    testl %eax, %eax\n"
    "    jnz 3f\n"
    "    testl %edi, %edi\n"            /* CLOCK_REALTIME */
    "    jz 4f\n"
    "    cmpl $5, %edi\n"               /* CLOCK_REALTIME_COARSE */
    "    jz 4f\n"
    "    cmpl $11, %edi\n"              /* CLOCK_TAI */
    "    jz 4f\n"
    "3:  ret\n"
    "4:  imulq $1000000000, (%rsi), %rax\n"
    "    addq 8(%rsi), %rax\n"
    "    call rift_bend\n"
    "    call rift_bend_split\n"
    "    movq %rax, (%rsi)\n"
    "    movq %rdx, 8(%rsi)\n"
    "    xorl %eax, %eax\n"
    "    ret\n"

    "rift_bend_gettimeofday:\n"         /* rdi: struct timeval or NULL, rsi: time zone */
    "    movl $96, %eax\n"
    "    syscall\n"
    "    testl %eax, %eax\n"
    "    jnz 5f\n"
    "    testq %rdi, %rdi\n"
    "    jz 5f\n"
    "    imulq $1000000000, (%rdi), %rax\n"
    "    imulq $1000, 8(%rdi), %rcx\n"
    "    addq %rcx, %rax\n"
    "    call rift_bend\n"
    "    call rift_bend_split\n"
    "    movq %rax, (%rdi)\n"
    "    movq %rdx, %rax\n"
    "    xorl %edx, %edx\n"
    "    movl $1000, %ecx\n"
    "    divq %rcx\n"
    "    movq %rax, 8(%rdi)\n"
    "    xorl %eax, %eax\n"
    "5:  ret\n"

    /* Not the system call of that name: with a fraction of a second in the offset its whole seconds
     * would not agree with the other functions. */
    "rift_bend_time:\n"                 /* rdi: time_t or NULL */
    "    movq %rdi, %r10\n"
    "    subq $24, %rsp\n"
    "    movq %rsp, %rsi\n"
    "    xorl %edi, %edi\n"
    "    movl $228, %eax\n"
    "    syscall\n"
    "    imulq $1000000000, (%rsp), %rax\n"
    "    addq 8(%rsp), %rax\n"
    "    addq $24, %rsp\n"
    "    call rift_bend\n"
    "    call rift_bend_split\n"
    "    testq %r10, %r10\n"
    "    jz 6f\n"
    "    movq %rax, (%r10)\n"
    "6:  ret\n"
    "rift_vdso_stub_end:\n"
    ".previous\n");
/* clang-format on */

extern const char rift_vdso_stub_begin[], rift_vdso_stub_end[], rift_bend_clock_gettime[],
    rift_bend_gettimeofday[], rift_bend_time[];

const void *vdso_stub_code(size_t *size)
{
    *size = (size_t)(rift_vdso_stub_end - rift_vdso_stub_begin);
    return rift_vdso_stub_begin;
}

size_t vdso_stub_entry(enum vdso_function function)
{
    const char *const entries[] = {
        [VDSO_CLOCK_GETTIME] = rift_bend_clock_gettime,
        [VDSO_GETTIMEOFDAY] = rift_bend_gettimeofday,
        [VDSO_TIME] = rift_bend_time,
    };
    return (size_t)(entries[function] - rift_vdso_stub_begin);
}

#else

const void *vdso_stub_code(size_t *size)
{
    *size = 0;
    return NULL;
}

size_t vdso_stub_entry(enum vdso_function function)
{
    (void)function;
    return 0;
}

#endif

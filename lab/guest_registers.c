/* Loaded into a guest's kernel, which is a program, before libc: its ptrace(2) for machines whose
 * processors have more registers than that kernel knows.
 *
 * It keeps 2696 bytes of a process's extended state. Where the processor has AMX the whole is
 * 10688, of which ptrace gives a part, but takes the whole alone (EFAULT, and the guest's PID 1
 * dies). What is missing is the tiles of AMX. No process of a guest has any, as arch_prctl(2) of
 * the guest's kernel never lets it, so the rest is zero; the header, which comes before it, says
 * that it is not in use. */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

enum { STATE_SIZE_MAX = 1 << 16 };

typedef long ptrace_function(enum __ptrace_request request, ...);

/* All that the kernel takes for the registers of that process; 0 with errno. */
static size_t whole_size(ptrace_function *of_libc, pid_t process)
{
    static char state[STATE_SIZE_MAX];
    static size_t size;
    struct iovec whole = {.iov_base = state, .iov_len = sizeof state};
    if (size == 0 && of_libc(PTRACE_GETREGSET, process, NT_X86_XSTATE, &whole) == 0)
        size = whole.iov_len;
    return size;
}

long ptrace(enum __ptrace_request request, ...)
{
    static ptrace_function *of_libc;
    static char state[STATE_SIZE_MAX];
    va_list rest;
    va_start(rest, request);
    pid_t process = va_arg(rest, pid_t);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (!of_libc)
        *(void **)&of_libc = dlsym(RTLD_NEXT, "ptrace");
    if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
        return of_libc(request, process, address, data);
    const struct iovec *known = data;
    struct iovec whole = {.iov_base = state, .iov_len = whole_size(of_libc, process)};
    if (whole.iov_len <= known->iov_len)
        return of_libc(request, process, address, data);
    memcpy(state, known->iov_base, known->iov_len); /* nothing is ever written behind it */
    return of_libc(request, process, address, &whole);
}

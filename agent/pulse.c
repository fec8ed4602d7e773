#include "agent/pulse.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

struct pulse {
    _Atomic int64_t until_ns; /* 0: nothing is expected */
};

struct pulse *pulse_create(void)
{
    struct pulse *pulse =
        mmap(NULL, sizeof *pulse, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return pulse == MAP_FAILED ? NULL : pulse;
}

int64_t pulse_expect(struct pulse *pulse, int64_t until_ns)
{
    return atomic_exchange(&pulse->until_ns, until_ns);
}

int64_t pulse_expected(const struct pulse *pulse)
{
    return atomic_load(&pulse->until_ns);
}

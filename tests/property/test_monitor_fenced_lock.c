#include "checkers/monitors/registry.h"
#include "tests/property/monitor_suite.h"

static const struct rift_call completed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_ACQUIRE, 1, ORACLE_ZERO + 1},
    {RIFT_CALL_ACQUIRE, 2, ORACLE_ZERO + 2},
    {RIFT_CALL_RELEASE, 1, 0},
    {RIFT_CALL_RELEASE, 2, 0},
};
static const struct rift_call crashed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_RELEASE, 1, 0},
};
static const struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed,
                                                crashed, sizeof crashed / sizeof *crashed};

static const struct monitor_suite suite = {
    .monitor = &rift_monitor_owned_lock,
    .object = ORACLE_FENCED_LOCK,
    .alphabet = &alphabet,
    .small_ops = 4,
    .small_valid_min = 200,
    .random_count = 40000,
};

int main(void)
{
    return monitor_suite_run(&suite);
}

#include "checkers/monitors/registry.h"
#include "tests/property/monitor_suite.h"

static const struct rift_call completed[] = {
    {RIFT_CALL_WRITE, 1, 0}, {RIFT_CALL_WRITE, 2, 0}, {RIFT_CALL_READ, 0, 0},
    {RIFT_CALL_READ, 1, 0},  {RIFT_CALL_READ, 2, 0},  {RIFT_CALL_CAS, 0, 1},
    {RIFT_CALL_CAS, 1, 2},   {RIFT_CALL_CAS, 2, 1},
};
static const struct rift_call crashed[] = {
    {RIFT_CALL_WRITE, 1, 0},
    {RIFT_CALL_WRITE, 2, 0},
    {RIFT_CALL_CAS, 1, 2},
    {RIFT_CALL_CAS, 2, 1},
};
static const struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed,
                                                crashed, sizeof crashed / sizeof *crashed};

static const struct monitor_suite suite = {
    .monitor = &rift_monitor_register_unique,
    .object = ORACLE_REGISTER,
    .alphabet = &alphabet,
    .small_ops = 3,
    .small_valid_min = 500,
    .random_count = 60000,
};

int main(void)
{
    return monitor_suite_run(&suite);
}

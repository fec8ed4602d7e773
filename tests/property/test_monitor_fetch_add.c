#include "checkers/monitors/registry.h"
#include "tests/property/monitor_suite.h"

static const struct rift_call completed[] = {
    {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO},
    {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO + 1},
    {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO},
    {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO + 2},
    {RIFT_CALL_READ, ORACLE_ZERO, 0},
    {RIFT_CALL_READ, ORACLE_ZERO + 1, 0},
};
static const struct rift_call crashed[] = {
    {RIFT_CALL_INCREMENT, ORACLE_ZERO + 1, 0},
};
static const struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed,
                                                crashed, sizeof crashed / sizeof *crashed};

static const struct monitor_suite suite = {
    .monitor = &rift_monitor_fetch_add,
    .object = ORACLE_FETCH_ADD,
    .alphabet = &alphabet,
    .small_ops = 3,
    .small_valid_min = 500,
    .random_count = 60000,
};

int main(void)
{
    return monitor_suite_run(&suite);
}

#include "checkers/monitors/registry.h"
#include "tests/property/monitor_suite.h"

static const struct rift_call completed[] = {
    {RIFT_CALL_ADD_NEW, 1, 0}, {RIFT_CALL_REMOVE_FOUND, 1, 0}, {RIFT_CALL_CONTAINS, 1, 0},
    {RIFT_CALL_LACKS, 1, 0},   {RIFT_CALL_ADD, 1, 0},          {RIFT_CALL_REMOVE, 1, 0},
};
static const struct rift_call crashed[] = {
    {RIFT_CALL_ADD, 1, 0},
    {RIFT_CALL_REMOVE, 1, 0},
};
static const struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed,
                                                crashed, sizeof crashed / sizeof *crashed};

static const struct monitor_suite suite = {
    .monitor = &rift_monitor_set,
    .object = ORACLE_SET,
    .alphabet = &alphabet,
    .small_ops = 3,
    .small_valid_min = 500,
    .random_count = 60000,
};

int main(void)
{
    return monitor_suite_run(&suite);
}

#include "checkers/monitors/registry.h"
#include "tests/property/monitor_suite.h"

static const struct monitor_suite suite = {
    .monitor = &rift_monitor_stack,
    .object = ORACLE_STACK,
    .alphabet = &monitor_container_alphabet,
    .small_ops = 3,
    .small_valid_min = 500,
    .random_count = 60000,
    .unexplained_one_in = 1000,
};

int main(void)
{
    return monitor_suite_run(&suite);
}

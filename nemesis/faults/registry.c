/* The table of drivers: a new fault is a new file and a line here. */
#include "nemesis/faults/driver.h"

#include <assert.h>
#include <string.h>

#include "nemesis/fault.h"
#include "nemesis/faults/drivers.h"

const struct rift_fault_driver *const rift_fault_drivers[] = {
    &rift_partition_driver,   &rift_cut_clients_driver,
    &rift_dns_driver,         &rift_conntrack_full_driver,
    &rift_reset_driver,       &rift_link_driver,
    &rift_kill_driver,        &rift_pause_driver,
    &rift_pause_host_driver,  &rift_hang_driver,
    &rift_cpu_driver,         &rift_cpu_burn_driver,
    &rift_memory_driver,      &rift_oom_kill_driver,
    &rift_fd_limit_driver,    &rift_pid_limit_driver,
    &rift_disk_full_driver,   &rift_power_driver,
    &rift_disk_lose_driver,   &rift_disk_error_driver,
    &rift_disk_slow_driver,   &rift_disk_corrupt_driver,
    &rift_disk_rate_driver,   &rift_disk_device_driver,
    &rift_file_damage_driver, &rift_rollback_driver,
    &rift_clock_driver,       NULL,
};

const struct rift_fault_driver *rift_fault_driver_find(const char *name)
{
    for (size_t i = 0; rift_fault_drivers[i]; i++)
        if (strcmp(rift_fault_drivers[i]->name, name) == 0)
            return rift_fault_drivers[i];
    return NULL;
}

bool rift_fault_driver_stops_system(const struct rift_fault_driver *driver)
{
    const struct rift_fault *fault = rift_fault_find(driver->name);
    assert(fault);
    return fault->stops_system;
}

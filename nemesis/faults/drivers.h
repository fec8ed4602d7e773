/* The drivers by name, for the registry. */
#ifndef NEMESIS_FAULTS_DRIVERS_H
#define NEMESIS_FAULTS_DRIVERS_H

#include "nemesis/faults/driver.h"

extern const struct rift_fault_driver rift_partition_driver;
extern const struct rift_fault_driver rift_cut_clients_driver;
extern const struct rift_fault_driver rift_dns_driver;
extern const struct rift_fault_driver rift_conntrack_full_driver;
extern const struct rift_fault_driver rift_reset_driver;
extern const struct rift_fault_driver rift_link_driver;
extern const struct rift_fault_driver rift_kill_driver;
extern const struct rift_fault_driver rift_pause_driver;
extern const struct rift_fault_driver rift_pause_host_driver;
extern const struct rift_fault_driver rift_hang_driver;
extern const struct rift_fault_driver rift_cpu_driver;
extern const struct rift_fault_driver rift_cpu_burn_driver;
extern const struct rift_fault_driver rift_memory_driver;
extern const struct rift_fault_driver rift_oom_kill_driver;
extern const struct rift_fault_driver rift_fd_limit_driver;
extern const struct rift_fault_driver rift_pid_limit_driver;
extern const struct rift_fault_driver rift_disk_full_driver;
extern const struct rift_fault_driver rift_power_driver;
extern const struct rift_fault_driver rift_disk_lose_driver;
extern const struct rift_fault_driver rift_disk_error_driver;
extern const struct rift_fault_driver rift_disk_slow_driver;
extern const struct rift_fault_driver rift_disk_corrupt_driver;
extern const struct rift_fault_driver rift_disk_rate_driver;
extern const struct rift_fault_driver rift_disk_device_driver;
extern const struct rift_fault_driver rift_file_damage_driver;
extern const struct rift_fault_driver rift_rollback_driver;
extern const struct rift_fault_driver rift_clock_driver;

#endif

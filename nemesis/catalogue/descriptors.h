/* The descriptors of the faults, a file for each kind of thing that is broken. The options are
 * those that the agent's driver reads; when a fault comes and whom it hits are options of every
 * fault and stand in the plan. Others find a fault by nemesis/fault.h. */
#ifndef NEMESIS_CATALOGUE_DESCRIPTORS_H
#define NEMESIS_CATALOGUE_DESCRIPTORS_H

#include "nemesis/fault.h"

extern const struct rift_fault rift_fault_partition;
extern const struct rift_fault rift_fault_cut_clients;
extern const struct rift_fault rift_fault_dns;
extern const struct rift_fault rift_fault_conntrack_full;
extern const struct rift_fault rift_fault_reset;
extern const struct rift_fault rift_fault_link;
extern const struct rift_fault rift_fault_wan;
extern const struct rift_fault rift_fault_kill;
extern const struct rift_fault rift_fault_pause;
extern const struct rift_fault rift_fault_pause_host;
extern const struct rift_fault rift_fault_hang;
extern const struct rift_fault rift_fault_clock;
extern const struct rift_fault rift_fault_cpu;
extern const struct rift_fault rift_fault_cpu_burn;
extern const struct rift_fault rift_fault_memory;
extern const struct rift_fault rift_fault_oom_kill;
extern const struct rift_fault rift_fault_fd_limit;
extern const struct rift_fault rift_fault_pid_limit;
extern const struct rift_fault rift_fault_disk_full;
extern const struct rift_fault rift_fault_power;
extern const struct rift_fault rift_fault_disk_lose;
extern const struct rift_fault rift_fault_disk_error;
extern const struct rift_fault rift_fault_disk_slow;
extern const struct rift_fault rift_fault_disk_corrupt;
extern const struct rift_fault rift_fault_disk_rate;
extern const struct rift_fault rift_fault_disk_device;
extern const struct rift_fault rift_fault_file_damage;
extern const struct rift_fault rift_fault_rollback;
extern const struct rift_fault rift_fault_restart;
extern const struct rift_fault rift_fault_upgrade;
extern const struct rift_fault rift_fault_membership;

#endif

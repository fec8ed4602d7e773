/* A lab host whose kernel is its own: User-mode Linux, run by the host's PID 1 inside the host's
 * namespaces and control groups, so that it is taken down with them. It has what the machine's
 * kernel may lack: netem, device mapper, a wall clock that may be set, only cgroup v2. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <sys/types.h>

#include "common/error.h"
#include "lab/host_files.h"

/* What a guest needs in the layer, NULL-terminated Debian names; and with systemd besides. */
extern const char *const lab_guest_packages[], *const lab_guest_systemd_packages[];

/* Writes the guest's PID 1 below upper, the upper folder of the host's root. */
int lab_guest_write_files(const struct lab_host_plan *plan, const char *upper,
                          struct rift_error *err);
/* Forks and executes the guest's kernel; -1 with errno. Its network is the tap device "tap0". */
pid_t lab_guest_start(void);

#endif

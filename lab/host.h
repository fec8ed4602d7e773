/* One host from the inside: the process that becomes its PID 1 builds the root, starts sshd, and
 * reaps. */
#ifndef LAB_HOST_H
#define LAB_HOST_H

#include "common/error.h"
#include "lab/host_files.h"

/* Before the host's network is there: mounts the root and enters it. */
int lab_host_enter_root(const struct lab_host_plan *plan, struct rift_error *err);
/* Once eth0 is there: name, addresses, sshd; or the guest that has them. */
int lab_host_start(const struct lab_host_plan *plan, struct rift_error *err);
/* Reaps for ever; starts sshd, or the guest, again if it ends. */
_Noreturn void lab_host_serve(void);

#endif

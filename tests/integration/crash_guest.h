/* test_crash_points on lab hosts that have a kernel of their own: no tracer reaches into them, so
 * the test program itself is put into the one that is struck, and plays there. */
#ifndef TESTS_INTEGRATION_CRASH_GUEST_H
#define TESTS_INTEGRATION_CRASH_GUEST_H

#include "lab/lab.h"

/* Inside: the host itself, its peer, and the controller's address. NULL: this is not inside. */
const struct rift_lab_host *crash_guest_hosts(void);
/* Outside: plays in hosts[0], with hosts[1] as its peer; the exit code. filter may be NULL. */
int crash_guest_play(const struct rift_lab_host *hosts, const char *filter);

#endif

/* Somebody who holds the kernel's lock of all network devices (rtnl): whoever changes the network
 * waits for it, in all namespaces of the machine. So it is held for moments only. */
#ifndef TESTS_LIB_RTNL_HOLD_H
#define TESTS_LIB_RTNL_HOLD_H

#include <stdbool.h>

struct rtnl_hold;

/* A process that holds it now, and most_ms at most; it goes with its parent. NULL, with the reason
 * in the test's output, where the kernel has no way for that. */
struct rtnl_hold *rtnl_hold(int most_ms);
bool rtnl_is_held(const struct rtnl_hold *hold);
/* It is let go, and free when this returns. */
void rtnl_let_go(struct rtnl_hold *hold);

#endif

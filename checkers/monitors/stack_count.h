/* Whether a stack's crashed pops are enough. */
#ifndef CHECKERS_MONITORS_STACK_COUNT_H
#define CHECKERS_MONITORS_STACK_COUNT_H

#include "checkers/monitors/container.h"

/* A value that nobody popped, pushed while popped values were inside for certain, lies upon one of
 * them and was popped by a crashed pop before that one. False where too few crashed pops were
 * invoked in time; then the certificate is closed. What is given to items is taken back. */
bool monitor_stack_count(struct monitor_container *container, struct rift_certificate *certificate);

#endif

/* Which crashed pops took which values of a stack. */
#ifndef CHECKERS_MONITORS_STACK_DEBT_H
#define CHECKERS_MONITORS_STACK_DEBT_H

#include "checkers/monitors/container.h"

/* Gives crashed pops to the items that nobody popped and that must be gone before a value below
 * them is popped, or before the stack was empty (slots of answers "empty", ascending; empty_count
 * of the container). A good guess: the result is to be judged again. False where no way was found,
 * or the limits (may be NULL) are spent.
 */
bool monitor_stack_give(struct monitor_container *container, const uint32_t *empty_slots,
                        const struct rift_limits *limits);

#endif

/* Stacks by peeling: the outermost value first, then what lies upon it.
 *
 * A value can be peeled when each of its ops has a slot in which no other value is inside for
 * certain: then it lies below all that is left around it. A history without crashed pops is
 * linearizable exactly if all values can be peeled, in whatever order (Lee and Mathur, OOPSLA 2025;
 * Abdulla et al., PLDI 2025). */
#ifndef CHECKERS_MONITORS_STACK_PEEL_H
#define CHECKERS_MONITORS_STACK_PEEL_H

#include "checkers/monitors/stays.h"

/* Peels the items that are alive (NULL: all); the others do not count. True where all could be:
 * then stays holds slots for their ops and for the answers "empty" (each needs a slot in which
 * nothing is inside for certain), and peeled lists them in the order of peeling, room for
 * item_count. False: peeled_count of them could be; stuck_empty is an answer "empty" without a
 * slot, or MONITOR_NONE. O(n log n). */
bool monitor_stack_peel(const struct monitor_container *container, const bool *alive,
                        struct monitor_stays *stays, uint32_t *peeled, size_t *peeled_count,
                        uint32_t *stuck_empty);

#endif

/* Moments at which a queue, ordered or not, may have been empty. */
#ifndef CHECKERS_MONITORS_EMPTIES_H
#define CHECKERS_MONITORS_EMPTIES_H

#include "checkers/monitors/container.h"

/* For each op that found the container empty, its earliest slot in which nothing is inside for
 * certain and the crashed takes so far suffice for all values that stay. False where an op has
 * none; then the certificate is closed. Linear time. */
bool monitor_empties_place(const struct monitor_container *container, uint32_t *slot_of_empty,
                           struct rift_certificate *certificate);

#endif

/* What of a lab is still on this machine, found without asking the lab's own code: by looking
 * through /proc, /sys and /run. */
#ifndef TESTS_LIB_LAB_REMAINS_H
#define TESTS_LIB_LAB_REMAINS_H

#include <stddef.h>

#include "common/text.h"

/* Counts control groups, processes (in its groups, or in a mount namespace that holds its mounts),
 * folders of the lab of that name, and the link uplink ("rift3"; NULL: not looked for); a line for
 * each in found. */
size_t lab_remains(const char *name, const char *uplink, struct rift_text *found);

#endif

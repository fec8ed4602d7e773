/* Controllers of cgroup v2: a group has those that the group above hands down to it. On a host with
 * systemd the groups above are systemd's, which does the same for its units, and takes back what
 * none of them asks for, whenever it starts or ends one. */
#ifndef NEMESIS_FAULTS_HAND_DOWN_H
#define NEMESIS_FAULTS_HAND_DOWN_H

#include "nemesis/faults/driver.h"

/* Is the controller on for the group in folder? */
bool rift_hand_down_is_on(const char *folder, const char *controller);
/* Can v2 govern that group by the controller? Changes nothing. */
bool rift_hand_down_can(const struct rift_cgroup *cgroup, const char *controller);
/* The groups above that do not hand down the controller which file ("cpu.max") belongs to, as far
 * as the group in folder lacks it: their paths are appended to handed, the highest first. */
void rift_hand_down_plan(const char *folder, const char *file, json_t *handed);
/* Switches it on in them. Where v2 has no such thing nothing happens. */
void rift_hand_down(const char *folder, const char *file);
/* What file holds in a group for which nobody has set anything; NULL: not known. */
const char *rift_hand_down_untouched(const char *file);
/* Switches it off again in those groups, the lowest first, but where a group below one of them has
 * a limit or a weight of that controller by now, or hands it down itself. */
int rift_hand_back(const char *file, const json_t *handed, struct rift_error *err);

#endif

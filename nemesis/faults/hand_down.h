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
/* Switches the controller that file ("cpu.max") belongs to on for the group in folder, in all
 * groups above it; the path of each that did not hand it down so far is appended to handed (may be
 * NULL). Where v2 has no such thing nothing happens. */
void rift_hand_down(const char *folder, const char *file, json_t *handed);
/* Switches it off again in those groups, the lowest first, but where a group below one of them has
 * a limit or a weight of that controller by now. */
void rift_hand_back(const char *file, const json_t *handed);

#endif

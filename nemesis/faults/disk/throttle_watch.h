/* Whether the kernel's throttle of a block device holds a group's requests back: seen by looking
 * again and again. A limit that stands there and that nobody reaches holds nothing back. */
#ifndef NEMESIS_FAULTS_DISK_THROTTLE_WATCH_H
#define NEMESIS_FAULTS_DISK_THROTTLE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum rift_throttle_way { RIFT_THROTTLE_READ, RIFT_THROTTLE_WRITE, RIFT_THROTTLE_WAYS };

struct rift_throttle_watch;

/* From now on: to be begun before the limit is set. folder is the group's in blkio (v1) or io (v2),
 * device "MAJ:MIN", limit in bytes a second. */
struct rift_throttle_watch *rift_throttle_watch_create(const char *folder, bool is_v2,
                                                       const char *device,
                                                       enum rift_throttle_way way, int64_t limit);
/* True from when on requests were seen to be held back. Says in how, for people, what was seen. */
bool rift_throttle_watch_look(struct rift_throttle_watch *watch, struct rift_text *how);
/* Safe on NULL. */
void rift_throttle_watch_destroy(struct rift_throttle_watch *watch);

#endif

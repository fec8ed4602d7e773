/* The disk of the system's own, made and removed with its data folders. */
#ifndef AGENT_DISK_H
#define AGENT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/paths.h"
#include "common/error.h"

/* Mounts a disk on folder, which is there; where there is none yet, makes one of that size. For
 * jobs only. */
int agent_disk_mount(const char *folder, int64_t size_mb, bool is_xfs, int64_t deadline_ns,
                     struct rift_error *err);
/* The program that makes an xfs is there. */
bool agent_disk_can_xfs(void);
/* Writes down that folder gets a disk or a layer; to be called before it does. One machine may have
 * several agents: each removes only the disks that it wrote down. */
int agent_disk_remember(const struct agent_paths *paths, const char *folder,
                        struct rift_error *err);
/* Removes all that were written down, and forgets them; what could not be removed stays. */
int agent_disks_remove(const struct agent_paths *paths, struct rift_error *err);
/* Unmounts it, with a layer over it, and removes its file; success where there is none. */
int agent_disk_remove(const char *folder, struct rift_error *err);

#endif

/* The layer: a file system of ours (FUSE) over a data folder of the system's, mounted there from
 * the start of the system to its stop. It hands every request on to what lies below, and can lose
 * what was not synced, fail, delay and damage requests on demand. If its process dies, the folder
 * answers ENOTCONN until the dead mount is taken away, by the next heal, start or purge; what was
 * written is all below. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_LAYER_H
#define NEMESIS_FAULTS_DISK_LAYER_LAYER_H

#include <stdbool.h>

#include <jansson.h>

#include "common/error.h"

/* A file in the data folder by which the agent looks; every rule hits it. */
#define RIFT_LAYER_PROBE ".rift-probe"
/* Another one, which loses what was not synced whatever else does. */
#define RIFT_LAYER_CANARY ".rift-canary"
/* The name of its process. */
#define RIFT_LAYER_PROCESS "rift-layer"

/* Success where it is mounted and alive; a dead one is replaced. as_posix: a name is durable once
 * its folder is synced; else a sync of anything makes all names before it durable, as in ext4, xfs
 * and btrfs. Forks; not for the agent's own thread. */
int rift_layer_mount(const char *folder, bool as_posix, struct rift_error *err);
/* Success where it is not mounted. What still has files open there gets ENOTCONN from then on. A
 * process of the layer's that hangs is killed. */
int rift_layer_unmount(const char *folder, struct rift_error *err);
/* Is the folder the root of a layer, alive or dead? */
bool rift_layer_is_mounted(const char *folder);
/* Unmounts it where its process is gone. */
void rift_layer_bury(const char *folder);
/* Asks the layer of the folder (control.h); the reply is the caller's, NULL with the error. Takes
 * request. Waits 5 s at most. */
json_t *rift_layer_ask(const char *folder, json_t *request, struct rift_error *err);
/* The same without a reply, and without waiting. */
int rift_layer_tell(const char *folder, json_t *request, struct rift_error *err);
/* Before a look at a file in the folder: fails where it has a layer that does not answer, for which
 * the look would wait. */
int rift_layer_check(const char *folder, struct rift_error *err);
/* Calls visit with the folder of each layer that is mounted here. */
void rift_layer_visit(void (*visit)(const char *folder, void *context), void *context);

#endif

/* What the agent asks of a layer: one message of JSON there, one back, over the socket
 * FOLDER.rift-layer.
 *
 *   {"do": "set", "id", "rule": as layer_rules_set, "until_ns"} -> {}   caches are empty before the
 * reply
 *   {"do": "renew", "id", "until_ns"} -> {}
 *   {"do": "end", "id"} -> {}          what it delayed is carried out
 *   {"do": "hits", "id"} -> {"hits"}   requests of the system's that the rule has hit
 *   {"do": "sync"} -> {}               all that was written counts as synced
 *   {"do": "lose", "files": glob, "keep": 0..1, "id"} -> {"files", "sectors", "names"}
 *   {"do": "power"} -> {}              the file system below is shut down (volume.h)
 *
 * or {"error": text}. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_CONTROL_H
#define NEMESIS_FAULTS_DISK_LAYER_CONTROL_H

#include "nemesis/faults/disk/layer/fs.h"

enum { LAYER_MESSAGE_MAX = 8192 };

/* Takes a connection from the listening socket and answers it. */
void layer_control_serve(struct layer_fs *fs, int listener);

#endif

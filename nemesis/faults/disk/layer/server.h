/* The process of a layer. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_SERVER_H
#define NEMESIS_FAULTS_DISK_LAYER_SERVER_H

#include <stdbool.h>

/* Mounts the layer on the folder and serves it until it is unmounted; the calling process is its
 * alone. ready_fd gets "ok", or what is wrong, and is closed. socket_path: see control.h. */
void layer_serve(const char *folder, const char *socket_path, bool as_posix, int ready_fd);

#endif

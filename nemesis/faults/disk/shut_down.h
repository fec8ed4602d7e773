/* The end of a file system as at a loss of power. */
#ifndef NEMESIS_FAULTS_DISK_SHUT_DOWN_H
#define NEMESIS_FAULTS_DISK_SHUT_DOWN_H

#include "common/error.h"

/* From this moment nothing more reaches the device below the file system that fd is on, and every
 * call fails with EIO: what was not synced is lost, names and contents; its journal is not flushed.
 */
int rift_shut_down(int fd, struct rift_error *err);

#endif

/* A disk of the system's own: an ext4 or xfs in a file beside its data folder, mounted there. Disk
 * faults happen to it and to nothing else on the node. */
#ifndef NEMESIS_FAULTS_DISK_VOLUME_H
#define NEMESIS_FAULTS_DISK_VOLUME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/text.h"

enum { RIFT_VOLUME_PATH_SIZE = 512 };

/* Where the file system of a data folder lies. */
void rift_volume_image(const char *folder, char image[RIFT_VOLUME_PATH_SIZE]);
/* Is the folder the root of such a disk? */
bool rift_volume_is_mounted(const char *folder);
/* Mounts the image, which is there and has a file system; success where it is mounted. */
int rift_volume_mount(const char *folder, struct rift_error *err);
/* Mounts it where there is an image: after a reboot what heals has to find the disk. */
int rift_volume_bring_back(const char *folder, struct rift_error *err);
/* Success where it is not mounted; a layer over it goes first. Waits a little for the last file to
 * be closed. */
int rift_volume_unmount(const char *folder, struct rift_error *err);
/* From this moment nothing more reaches the image, and every call fails with EIO: what was not
 * synced is lost, names and contents (EXT4_IOC_SHUTDOWN, without flushing its journal). */
int rift_volume_cut_power(const char *folder, struct rift_error *err);
/* Can a file be made there? */
bool rift_volume_is_writable(const char *folder);
/* Calls visit with the folder of each disk of ours that is mounted here. */
void rift_volume_visit(void (*visit)(const char *folder, void *context), void *context);

#endif

/* A device of the device mapper between a disk of the system's own and its file system, so that
 * the kernel itself can let it fail, forget or take its time. */
#ifndef NEMESIS_FAULTS_DISK_DEVICE_H
#define NEMESIS_FAULTS_DISK_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

/* 128 bytes with the end; ours begin with "rift-". */
enum { RIFT_DEVICE_NAME_SIZE = 128, RIFT_DEVICE_TABLE_SIZE = 256, RIFT_DEVICE_PATH_SIZE = 64 };

/* One target that covers the whole device: "linear", "7:0 0". */
struct rift_device_table {
    uint64_t sectors;
    char target[16];
    char parameters[RIFT_DEVICE_TABLE_SIZE];
};

/* Does this kernel have device mapper, with that target ("flakey")? Its module is loaded where
 * there is one. UNSUPPORTED otherwise. */
int rift_device_check(const char *target, struct rift_error *err);
/* Makes a device that passes everything to below ("/dev/loop0") and fills in its path. Once
 * rift_device_release was called, it goes with its last user, as a mount. */
int rift_device_make(const char *below, char path[RIFT_DEVICE_PATH_SIZE], struct rift_error *err);
int rift_device_release(const char *path, struct rift_error *err);
/* The name of the device of ours that the root of a mount lies on; false: it lies on none. */
bool rift_device_of(const char *folder, char name[RIFT_DEVICE_NAME_SIZE]);
/* MISSING where the device is gone. */
int rift_device_look(const char *name, struct rift_device_table *table, struct rift_error *err);
/* In place of its table, between two requests; what it already has is finished. */
int rift_device_change(const char *name, const struct rift_device_table *table,
                       struct rift_error *err);
/* Waits a moment for the end of a device that was released and has no user. */
void rift_device_wait_gone(const char *name);
/* Devices of ours that are there, one line each; their number. */
int rift_device_list(struct rift_text *lines);
/* Removes those without a user; the others go with theirs. */
int rift_device_remove_all(struct rift_error *err);

#endif

/* A file of ours beside the system's data, to be lost with what the system did not sync. */
#ifndef NEMESIS_FAULTS_DISK_CANARY_H
#define NEMESIS_FAULTS_DISK_CANARY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum { RIFT_CANARY_HALF_BYTES = 32768 };

/* Writes two halves, of which the second is not synced; nor is the first, unless so asked: a sync
 * takes along what the system has not synced. */
int rift_canary_write(const char *folder, bool syncs_first, struct rift_error *err);
/* Adds how many bytes of each half are there; of a file that is gone none. */
int rift_canary_count(const char *folder, size_t count[2], struct rift_error *err);
/* Success where there is none. */
void rift_canary_remove(const char *folder);

#endif

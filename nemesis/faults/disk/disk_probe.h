/* How a disk is, seen by one who uses it: a process that writes, syncs and reads a file in each
 * data folder all the time and counts what happens to it. It shares nothing with what breaks the
 * disk, and blocks in the agent's place. */
#ifndef NEMESIS_FAULTS_DISK_DISK_PROBE_H
#define NEMESIS_FAULTS_DISK_DISK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/process.h"

/* The name of its process. */
#define RIFT_DISK_PROBE_PROCESS "rift-disk-probe"

enum rift_disk_use {
    RIFT_DISK_NAMES, /* its file is made and removed */
    RIFT_DISK_WRITE,
    RIFT_DISK_SYNC,
    RIFT_DISK_READ,
    RIFT_DISK_USES,
};

struct rift_disk_sight {
    struct {
        uint64_t count, failures;
        int last_error;
        int64_t longest_ns;
    } uses[RIFT_DISK_USES];
    uint64_t damaged; /* reads of something else than was written */
    int64_t since_ns; /* what it waits for now began then; 0: it waits for nothing */
    enum rift_disk_use now;
};

struct rift_disk_probe;

/* NULL with the error. It ends with who started it, at the latest. */
struct rift_disk_probe *rift_disk_probe_start(const char *const *folders, struct rift_error *err);
void rift_disk_probe_look(const struct rift_disk_probe *probe, struct rift_disk_sight *sight);
/* For one who must end it without it. */
const struct rift_process *rift_disk_probe_process(const struct rift_disk_probe *probe);
/* Safe on NULL. Its files are removed by rift_disk_probe_clean. */
void rift_disk_probe_stop(struct rift_disk_probe *probe);
void rift_disk_probe_clean(const char *folder);
/* "a sync", as people say it. */
const char *rift_disk_use_name(enum rift_disk_use use);

#endif

/* Descriptors of faults of disks and files. */
#include <stddef.h>

#include "nemesis/catalogue/descriptors.h"

static const struct rift_option disk_full_options[] = {
    {.name = "leave_kb",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "how much stays free"},
    {.name = NULL},
};
const struct rift_fault rift_fault_disk_full = {
    .name = "disk-full",
    .summary = "the system's disk is full",
    .effect =
        "A file of Rift's takes what is free on the disk of each data folder, which must be a disk "
        "of its own (disk_mb in the section system); no other is touched. Observed where nothing "
        "is free: what leave_kb leaves, once the system has used it. A keeper of its own "
        "removes the file when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_disk = true,
    .options = disk_full_options,
};

const struct rift_fault rift_fault_power = {
    .name = "power",
    .summary = "the system's node loses power: what was not synced is gone, and it starts again",
    .effect =
        "The disk of each data folder, which must be a disk of its own (disk_mb in the section "
        "system), is cut off without flushing anything (EXT4_IOC_SHUTDOWN), the system is killed, "
        "and the disk is mounted again: what was not synced is lost, names as well as contents. "
        "Observed where the processes are gone, and what was not synced of a file beside the "
        "data. At the end the system is started again by its recipe.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true,
    .needs_disk = true,
};

#define SEEN_BY_PROBE                                                                              \
    "Observed by a probe's file in the folder, and only if a request of the system's own was hit " \
    "as well. "

/* Options that the faults of the layer share. */
#define OPTION_FILES                                                                               \
    {                                                                                              \
        .name = "files", .kind = RIFT_OPTION_TEXT, .unit = "", .fallback = "*",                    \
        .summary =                                                                                 \
            "which, a pattern of their path in the data folder; * matches slashes too, and a "     \
            "pattern without a slash the last part of a path"                                      \
    }
#define OPTION_PERCENT                                                                             \
    {                                                                                              \
        .name = "percent", .kind = RIFT_OPTION_RANGE, .unit = "%", .fallback = "100",              \
        .minimum = 0.001, .maximum = 100, .summary = "chance that a request is hit"                \
    }

static const struct rift_option disk_lose_options[] = {
    OPTION_FILES,
    {.name = "keep_percent",
     .kind = RIFT_OPTION_RANGE,
     .unit = "%",
     .fallback = "0",
     .minimum = 0,
     .maximum = 99,
     .summary = "chance that a piece that was not synced stays, 512 bytes of what was overwritten, "
                "4 KiB of what was appended: writes are torn"},
    {.name = NULL},
};
const struct rift_fault rift_fault_disk_lose = {
    .name = "disk-lose",
    .summary = "the system is killed and what it did not sync is lost, or torn",
    .effect =
        "The system is killed; then the layer over its data folders (disk_layer in the section "
        "system) puts back what was there at the last sync of each file, and takes back names that "
        "were made, removed or moved since. At the end the system is started again by its recipe. "
        "Owners, modes and times of files are never lost. What a fault of its own lost stays lost.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true,
    .needs_layer = true,
    .options = disk_lose_options,
};

static const char *const disk_requests[] = {"read", "write", "sync", "names", NULL};
static const char *const disk_errors[] = {"EIO", "ENOSPC", "EDQUOT", "EROFS", NULL};
static const struct rift_option disk_error_options[] = {
    {.name = "on",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[write, sync]",
     .choices = disk_requests,
     .summary = "what fails; names: to make, remove or rename a file"},
    {.name = "error",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "EIO",
     .choices = disk_errors,
     .summary = "what the system is told"},
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
const struct rift_fault rift_fault_disk_error = {
    .name = "disk-error",
    .summary = "the system's disk fails: reads, writes and syncs get an error",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) answers "
        "requests with an error and does nothing. Reads that the kernel's cache can answer do not "
        "reach it; the cache is emptied when the fault begins. " SEEN_BY_PROBE
        "The layer itself ends it with the lease, whatever is killed. A system that ended itself "
        "is started again at the end.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true, /* many systems end themselves when their disk fails */
    .needs_layer = true,
    .options = disk_error_options,
};

#define OPTION_DELAY(word, text)                                                                   \
    {                                                                                              \
        .name = word, .kind = RIFT_OPTION_RANGE, .unit = "ms", .fallback = "0", .minimum = 0,      \
        .maximum = 600000, .summary = text                                                         \
    }
static const struct rift_option disk_slow_options[] = {
    OPTION_DELAY("sync_ms", "how much longer a sync takes; 500 where none of the three is given, "
                            "of which one must be above 0"),
    OPTION_DELAY("write_ms", "how much longer a write takes"),
    OPTION_DELAY("read_ms", "how much longer a read takes"),
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
static const char *const disk_slow_asks[] = {"sync_ms", "write_ms", "read_ms", NULL};
const struct rift_fault rift_fault_disk_slow = {
    .name = "disk-slow",
    .summary = "the system's disk takes its time for syncs, writes or reads",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) lets each "
        "request wait, many at the same time, before it is done. A process that is killed "
        "meanwhile "
        "does not wait. " SEEN_BY_PROBE
        "The layer itself ends it with the lease, whatever is killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_layer = true,
    .options = disk_slow_options,
    .asks = disk_slow_asks,
    .usual_ask = 500,
};

static const char *const disk_transfers[] = {"read", "write", NULL};
static const struct rift_option disk_corrupt_options[] = {
    {.name = "on",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[read]",
     .choices = disk_transfers,
     .summary = "read: what is on the disk stays right; write: it is wrong from then on"},
    OPTION_PERCENT,
    OPTION_FILES,
    {.name = NULL},
};
const struct rift_fault rift_fault_disk_corrupt = {
    .name = "disk-corrupt",
    .summary = "one bit of what the system reads from its disk, or writes there, is flipped",
    .effect =
        "The layer over the system's data folders (disk_layer in the section system) flips one bit "
        "of each request that is hit. Reads that the kernel's cache can answer do not reach it; "
        "the "
        "cache is emptied when the fault begins. " SEEN_BY_PROBE
        "The layer itself ends it with the lease, whatever is killed; what was written wrong stays "
        "wrong. A system that ended itself is started "
        "again "
        "at the end.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true, /* many systems end themselves when they find their data damaged */
    .needs_layer = true,
    .damages_data = true,
    .options = disk_corrupt_options,
};

static const struct rift_option disk_rate_options[] = {
    {.name = "write_kb_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that is written; 0: no limit, but 1000 where none of the two is given, of "
                "which one must be above 0"},
    {.name = "read_kb_s",
     .kind = RIFT_OPTION_RANGE,
     .unit = "KiB/s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e8,
     .summary = "most that is read; 0: no limit"},
    {.name = NULL},
};
static const char *const disk_rate_asks[] = {"write_kb_s", "read_kb_s", NULL};
const struct rift_fault rift_fault_disk_rate = {
    .name = "disk-rate",
    .summary = "the system's disk moves no more than so much a second",
    .effect =
        "The kernel's throttle of block devices (blkio of cgroup v1, io.max of v2) for the "
        "system's own cgroup and the disk of each data folder, which must be a disk of its own "
        "(disk_mb in the section system) without a layer over it. Under v1 only syncs and direct "
        "I/O are held back, not what the kernel writes back later. Observed where bytes of the "
        "system's wait while the disk stands idle, or where for a second it moves what the limit "
        "allows: one that by itself comes within 8 % of that looks the same. Under v2 reads and "
        "direct I/O are seen by the latter alone, so not where the limit lets nothing through for "
        "seconds. A chaos has it only where it is named. A keeper of its own lifts it when the "
        "lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .needs_load = true,
    .needs_disk = true,
    .options = disk_rate_options,
    .asks = disk_rate_asks,
    .usual_ask = 1000,
};

static const char *const device_kinds[] = {"delay", "error", "error-writes", "drop-writes", NULL};
static const struct rift_option disk_device_options[] = {
    {.name = "kind",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "delay",
     .choices = device_kinds,
     .summary =
         "delay: each read, write and flush of the device waits; error: each fails with EIO; "
         "error-writes: writes and flushes do; drop-writes: they are acknowledged and lost"},
    {.name = "delay_ms",
     .kind = RIFT_OPTION_RANGE,
     .unit = "ms",
     .fallback = "100",
     .minimum = 1,
     .maximum = 60000,
     .summary = "how long, for delay; a sync of a file takes several of them, one after the other"},
    {.name = NULL},
};
const struct rift_fault rift_fault_disk_device = {
    .name = "disk-device",
    .summary = "the device below the system's disk fails, loses what it acknowledged, or is slow",
    .effect =
        "The disk of each data folder, which must be a disk of its own (disk_mb in the section "
        "system) without a layer over it, lies on a device of the device mapper where the node's "
        "kernel has one; that gets another table (dm-delay, dm-flakey) without a sync. "
        "Observed by a probe that writes, syncs and reads a file there. At the end it gets its own "
        "table back. Where the file system takes no writes then, as its journal met an error, and "
        "always after drop-writes, the system is killed, the disk mounted anew and the system "
        "started again by its recipe: after drop-writes it finds what was on the disk when the "
        "fault began, AND NOTHING THAT IT SYNCED SINCE. A chaos has it only where it is named. A "
        "keeper of its own ends it when the lease is past or agent and guardian are killed.",
    .scope = RIFT_FAULT_ON_NODES,
    .is_alone = true,
    .stops_system = true, /* where its disk must be mounted anew */
    .needs_disk = true,
    .damages_data = true,
    .options = disk_device_options,
};

static const char *const damage_ways[] = {"bitflip", "truncate", "copy", NULL};
static const struct rift_option file_damage_options[] = {
    {.name = "how",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "bitflip",
     .choices = damage_ways,
     .summary = "bitflip: one bit; truncate: the last bytes go; copy: a piece over another one"},
    {.name = "bytes",
     .kind = RIFT_OPTION_RANGE,
     .unit = "bytes",
     .fallback = "512",
     .minimum = 1,
     .maximum = 65536,
     .summary = "how much is cut off, or how large a piece is"},
    {.name = "count",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "1",
     .minimum = 1,
     .maximum = 20,
     .summary = "how many files, at most"},
    OPTION_FILES,
    {.name = NULL},
};
const struct rift_fault rift_fault_file_damage = {
    .name = "file-damage",
    .summary = "files of the system are damaged: a bit, the end, or a piece of them",
    .effect =
        "Some of the files in the system's data folders that the pattern selects are changed where "
        "they are, and synced, while the system may have them open. A path is followed within the "
        "data folder only, and through no link. NOTHING IS HEALED: the damaged data are the fault. "
        "A chaos has it only where it is named. A system that ended itself is started again at the "
        "end.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true, /* many systems end themselves when they find their data damaged */
    .damages_data = true,
    .options = file_damage_options,
};

static const struct rift_option rollback_options[] = {
    OPTION_FILES,
    {.name = NULL},
};
const struct rift_fault rift_fault_rollback = {
    .name = "rollback",
    .summary = "the system's data are set back to how they were, as from an old backup",
    .effect =
        "When the window begins, the files of the data folders that the pattern selects are "
        "copied, beside the folder, while every process of the system stands still for it (by "
        "ptrace). The system goes on. At the end it is killed (a systemd unit is stopped), the "
        "files become those of the copy, and what was made since is removed: what is read back "
        "must be the copy. Observed where the data are not as in the copy any more: else there is "
        "nothing to set back. Then the system is started by its recipe: a node that was restored "
        "from a backup as old as the window is long. NOTHING BRINGS BACK what it wrote since; a "
        "system may not be made for that, and a chaos has it only where it is named. If the "
        "controller is lost, or the lease ends, the copy is removed and nothing is set back; a "
        "putting back that had begun is finished. Owners and modes come back too; sockets and the "
        "like are left alone.",
    .scope = RIFT_FAULT_ON_NODES,
    .stops_system = true,
    .damages_data = true,
    .options = rollback_options,
};

/* Two things show it.
 *
 * The group's bytes wait while nothing moves and no disk has anything to do. blkio (v1) counts a
 * request of the group when it is made, and the device when it is done: what is made and not done
 * waits. io (v2) counts it when the throttle lets it go, so there it is what the group has under
 * write-back that waits; it may be meant for another disk, so none may be at work. A read, or a
 * write past the cache, shows under v2 by the rate alone.
 *
 * Or the group moves, for a second or longer, what the limit allows, and no more. From just before
 * one step to just before another: one that writes in steps, below the limit, is not taken for
 * faster than it is. That cannot be told from a group that does so by itself, nearly to the limit.
 */
#include "nemesis/faults/disk/throttle_watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/setting_file.h"

enum { SAMPLES = 64, LEAST_STEP_MS = 20, SPAN_MS = 1000, SECTOR = 512 };

#define RATE_LEAST 0.92
#define RATE_MOST  1.2
#define SLICE_S    0.25 /* what the throttle may let go at once, in seconds of the limit */

/* Where a group says its limit, and what it moved: the file, and the word before the number. */
static const struct source {
    const char *limit_file, *limit_word, *count_file, *count_word;
} sources[2][RIFT_THROTTLE_WAYS] = {
    {{"blkio.throttle.read_bps_device", " ", "blkio.throttle.io_service_bytes", " Read "},
     {"blkio.throttle.write_bps_device", " ", "blkio.throttle.io_service_bytes", " Write "}},
    {{"io.max", " rbps=", "io.stat", " rbytes="}, {"io.max", " wbps=", "io.stat", " wbytes="}},
};

struct sample {
    int64_t at_ns;
    int64_t moved; /* by the group's count */
    int64_t done;  /* by the device's */
    int64_t waits; /* bytes that no disk is at */
};

struct rift_throttle_watch {
    char *folder;
    const struct source *source;
    char device[32];
    int64_t limit, least_due; /* the least that was ever made and not done, v1 */
    bool is_v2, is_held;
    enum rift_throttle_way way;
    struct sample first, samples[SAMPLES]; /* the last ones, in a ring */
    size_t count;
    int64_t stands_since_ns; /* that bytes wait and nothing moves; 0: not so */
    char seen[128];
};

/* The number behind the word in the line of the device; 0 where there is none. */
static int64_t number_of(const struct rift_throttle_watch *watch, const char *file,
                         const char *word)
{
    char path[400], line[512];
    snprintf(path, sizeof path, "%.255s/%s", watch->folder, file);
    FILE *stream = fopen(path, "re");
    size_t length = strlen(watch->device);
    int64_t number = 0;
    while (stream && fgets(line, sizeof line, stream)) {
        const char *at = strncmp(line, watch->device, length) == 0 && line[length] == ' '
                             ? strstr(line + length, word)
                             : NULL;
        number = at ? strtoll(at + strlen(word), NULL, 10) : number;
    }
    if (stream)
        fclose(stream);
    return number;
}

/* Of the device's line in sysfs, counted from 0: sectors read 2, written 6; requests that it is at,
 * 8. */
static int64_t device_number(const struct rift_throttle_watch *watch, int field)
{
    char folder[64], text[RIFT_SETTING_TEXT_SIZE];
    snprintf(folder, sizeof folder, "/sys/dev/block/%.31s", watch->device);
    if (!rift_setting_read(folder, "stat", text))
        return 0;
    char *at = text;
    for (int i = 0; i < field; i++)
        strtoll(at, &at, 10);
    return strtoll(at, NULL, 10);
}

static int64_t device_done(const struct rift_throttle_watch *watch)
{
    return device_number(watch, watch->way == RIFT_THROTTLE_READ ? 2 : 6) * SECTOR;
}

/* No disk of the node has a request that it is at. */
static bool are_all_idle(void)
{
    DIR *folder = opendir("/sys/block");
    bool are_idle = folder != NULL;
    for (const struct dirent *entry; folder && are_idle && (entry = readdir(folder));) {
        char path[300], text[RIFT_SETTING_TEXT_SIZE], *rest;
        snprintf(path, sizeof path, "/sys/block/%s", entry->d_name);
        if (entry->d_name[0] != '.' && rift_setting_read(path, "inflight", text))
            are_idle = strtoll(text, &rest, 10) == 0 && strtoll(rest, NULL, 10) == 0;
    }
    if (folder)
        closedir(folder);
    return are_idle;
}

/* The order of the reads makes what waits too little, never too much. */
static struct sample sample_take(struct rift_throttle_watch *watch)
{
    int64_t done_before = device_done(watch);
    struct sample sample = {
        .at_ns = rift_clock_now(),
        .moved = number_of(watch, watch->source->count_file, watch->source->count_word)};
    sample.done = device_done(watch);
    if (sample.moved - done_before < watch->least_due)
        watch->least_due = sample.moved - done_before;
    bool is_idle = watch->is_v2 ? are_all_idle() : device_number(watch, 8) == 0;
    if (watch->is_v2)
        sample.waits = watch->way == RIFT_THROTTLE_WRITE
                           ? rift_setting_count(watch->folder, "memory.stat", "file_writeback")
                           : 0;
    else
        sample.waits = sample.moved - sample.done - watch->least_due;
    if (!is_idle)
        sample.waits = 0;
    return sample;
}

static const struct sample *sample_at(const struct rift_throttle_watch *watch, size_t back)
{
    return &watch->samples[(watch->count - 1 - back) % SAMPLES];
}

/* The limit is not there: what was seen until now says nothing of it. */
static void begin_anew(struct rift_throttle_watch *watch)
{
    watch->count = 0;
    watch->stands_since_ns = 0;
}

/* Under v2 more must wait than the limit had let go meanwhile. */
static bool stands_still(struct rift_throttle_watch *watch)
{
    const struct sample *now = sample_at(watch, 0), *last = sample_at(watch, 1);
    bool is_still = now->waits > 0 && last->waits > 0 && now->done == last->done &&
                    (!watch->is_v2 || now->moved == last->moved);
    if (!is_still) {
        watch->stands_since_ns = 0;
        return false;
    }
    if (watch->stands_since_ns == 0)
        watch->stands_since_ns = last->at_ns;
    double seconds = (double)(now->at_ns - watch->stands_since_ns) / 1e9;
    snprintf(watch->seen, sizeof watch->seen,
             "%.1f KiB waited while the disk stood idle, for %.2f s", (double)now->waits / 1024,
             seconds);
    return !watch->is_v2 || (double)now->waits > (double)watch->limit * seconds;
}

static bool moves_at_limit(struct rift_throttle_watch *watch)
{
    const struct sample *now = sample_at(watch, 0), *end = sample_at(watch, 1);
    size_t kept = watch->count < SAMPLES ? watch->count : SAMPLES;
    for (size_t back = 2; back < kept && now->moved > end->moved; back++) {
        const struct sample *begin = sample_at(watch, back);
        double seconds = (double)(now->at_ns - begin->at_ns) / 1e9, limit = (double)watch->limit;
        double least = (double)(end->moved - begin->moved),
               all = (double)(now->moved - begin->moved);
        if (seconds < SPAN_MS / 1e3 || least < RATE_LEAST * limit * seconds ||
            all > limit * (RATE_MOST * seconds + SLICE_S))
            continue;
        snprintf(watch->seen, sizeof watch->seen, "%.0f KiB/s for %.1f s, of %.0f that it may",
                 all / seconds / 1024, seconds, limit / 1024);
        return true;
    }
    return false;
}

struct rift_throttle_watch *rift_throttle_watch_create(const char *folder, bool is_v2,
                                                       const char *device,
                                                       enum rift_throttle_way way, int64_t limit)
{
    struct rift_throttle_watch *watch = rift_calloc(1, sizeof *watch);
    watch->folder = rift_strdup(folder);
    watch->is_v2 = is_v2;
    watch->way = way;
    watch->limit = limit;
    watch->source = &sources[is_v2][way];
    watch->least_due = INT64_MAX;
    snprintf(watch->device, sizeof watch->device, "%s", device);
    watch->first = sample_take(watch);
    return watch;
}

bool rift_throttle_watch_look(struct rift_throttle_watch *watch, struct rift_text *how)
{
    bool is_there =
        number_of(watch, watch->source->limit_file, watch->source->limit_word) == watch->limit;
    struct sample sample = sample_take(watch);
    if (!is_there)
        begin_anew(watch);
    else if (watch->count == 0 ||
             sample.at_ns - sample_at(watch, 0)->at_ns >= LEAST_STEP_MS * RIFT_MS) {
        watch->samples[watch->count++ % SAMPLES] = sample;
        if (!watch->is_held && watch->count > 1)
            watch->is_held = stands_still(watch) || moves_at_limit(watch);
    }
    rift_text_printf(how, "%s%s, %s: ", how->length ? "; " : "", watch->device,
                     watch->way == RIFT_THROTTLE_READ ? "reads" : "writes");
    if (watch->is_held)
        rift_text_append(how, watch->seen);
    else
        rift_text_printf(how, "%.0f KiB in %.1f s%s",
                         (double)(sample.moved - watch->first.moved) / 1024,
                         (double)(sample.at_ns - watch->first.at_ns) / 1e9,
                         is_there ? ", nothing seen to wait" : ", and the limit is not there");
    return watch->is_held;
}

void rift_throttle_watch_destroy(struct rift_throttle_watch *watch)
{
    if (watch)
        free(watch->folder);
    free(watch);
}

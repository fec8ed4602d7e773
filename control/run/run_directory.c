/* The directory of one run: runs/<name>/<time>/, and runs/latest that points to it. */
#include "control/run/run_directory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { RUN_DIRECTORY_TRIES = 100 };

static int make_folder(const char *path, struct rift_error *err)
{
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    return rift_fail_errno(err, RIFT_ERR_IO, "make the folder %s", path);
}

static void print_time(char *text, size_t size, int64_t wall_ns)
{
    time_t seconds = wall_ns / RIFT_SECOND;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(text, size, "%Y%m%dT%H%M%S", &utc);
    snprintf(text + used, size - used, ".%03d", (int)(wall_ns % RIFT_SECOND / RIFT_MS));
}

/* Relative, so that the folder can be moved; replaced in one step. */
static int point_latest(const char *runs_folder, const char *name, const char *time,
                        struct rift_error *err)
{
    CLEANUP(rift_free) char *target = rift_printf("%s/%s", name, time);
    CLEANUP(rift_free) char *latest = rift_printf("%s/latest", runs_folder);
    CLEANUP(rift_free) char *fresh = rift_printf("%s/.latest.%d", runs_folder, (int)getpid());
    unlink(fresh);
    if (symlink(target, fresh) != 0 || rename(fresh, latest) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "point %s to %s", latest, target);
    return 0;
}

char *run_directory_create(const char *runs_folder, const char *name, struct rift_error *err)
{
    CLEANUP(rift_free) char *parent = rift_printf("%s/%s", runs_folder, name);
    if (make_folder(runs_folder, err) != 0 || make_folder(parent, err) != 0)
        return NULL;
    char time[64];
    for (int i = 0; i < RUN_DIRECTORY_TRIES; i++) {
        print_time(time, sizeof time, rift_clock_wall() + i * RIFT_MS);
        char *directory = rift_printf("%s/%s", parent, time);
        if (mkdir(directory, 0755) == 0) {
            CLEANUP(rift_free) char *nodes = rift_printf("%s/nodes", directory);
            if (make_folder(nodes, err) == 0 && point_latest(runs_folder, name, time, err) == 0)
                return directory;
            free(directory);
            return NULL;
        }
        if (errno != EEXIST) {
            rift_fail_errno(err, RIFT_ERR_IO, "make the folder %s", directory);
            free(directory);
            return NULL;
        }
        free(directory);
    }
    rift_fail(err, RIFT_ERR_CONFLICT, "%s is full of runs of this moment", parent);
    return NULL;
}

int run_directory_write_json(const char *directory, const char *file, const json_t *json,
                             struct rift_error *err)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", directory, file);
    CLEANUP(rift_free) char *fresh = rift_printf("%s.new", path);
    CLEANUP(rift_free) char *text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    FILE *out = fopen(fresh, "we");
    if (!out)
        return rift_fail_errno(err, RIFT_ERR_IO, "write %s", fresh);
    bool is_written = text && fputs(text, out) >= 0 && fputc('\n', out) != EOF &&
                      fflush(out) == 0 && fsync(fileno(out)) == 0;
    int failure = errno;
    is_written = fclose(out) == 0 && is_written;
    if (!is_written || rename(fresh, path) != 0) {
        errno = failure;
        unlink(fresh);
        return rift_fail_errno(err, RIFT_ERR_IO, "write %s", path);
    }
    return 0;
}

/* Paths, and trees of files made and removed. */
#include "agent/paths.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int agent_paths_init(struct agent_paths *paths, const char *folder, struct rift_error *err)
{
    if (folder[0] != '/' || strlen(folder) > AGENT_PATH_SIZE - 32)
        return rift_fail(err, RIFT_ERR_INVALID, "the state folder '%s' must be an absolute path",
                         folder);
    struct {
        char *path;
        const char *name;
    } below[] = {{paths->ledger, "ledger"},    {paths->lock, "agent.lock"},
                 {paths->record, "record"},    {paths->system, "system.json"},
                 {paths->logs, "logs"},        {paths->artifacts, "artifacts"},
                 {paths->disks, "disks.json"}, {paths->prepare, "prepare.json"}};
    snprintf(paths->folder, sizeof paths->folder, "%s", folder);
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++)
        snprintf(below[i].path, AGENT_PATH_SIZE, "%.200s/%s", folder, below[i].name);
    return agent_make_folders(folder, 0755, err);
}

int agent_make_folders(const char *path, int mode, struct rift_error *err)
{
    char part[4096];
    if (strlen(path) >= sizeof part)
        return rift_fail(err, RIFT_ERR_LIMIT, "the path '%.64s...' is too long", path);
    snprintf(part, sizeof part, "%s", path);
    for (char *c = part + 1;; c++) {
        char saved = *c;
        if (saved != '/' && saved != 0)
            continue;
        *c = 0;
        if (mkdir(part, (mode_t)mode) && errno != EEXIST)
            return rift_fail_errno(err, RIFT_ERR_IO, "make the folder '%s'", part);
        if (saved == 0)
            return 0;
        *c = saved;
    }
}

int agent_remove_file(const char *path, struct rift_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    int failure = errno; /* a disk that takes no writes says so of files that are not there, too */
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    errno = failure;
    return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", path);
}

int agent_remove_tree(const char *path, bool and_itself, struct rift_error *err)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    if (!walk)
        return rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", path);
    int rc = 0;
    FTSENT *entry;
    while (rc == 0 && (entry = fts_read(walk))) {
        bool is_root = entry->fts_level == FTS_ROOTLEVEL;
        if (entry->fts_info == FTS_D || (is_root && !and_itself))
            continue;
        if (entry->fts_info == FTS_NS && entry->fts_errno == ENOENT)
            continue;
        if (remove(entry->fts_accpath) && errno != ENOENT)
            rc = rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", entry->fts_path);
    }
    fts_close(walk);
    return rc;
}

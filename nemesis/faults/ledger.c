/* A file is written beside its place, synced, renamed, and the folder synced: a half-written entry
 * is never seen, and one whose fault was injected is never missing, not even after a power cut. */
#include "nemesis/faults/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "nemesis/faults/undo.h"

enum { LEDGER_PATH_SIZE = 512, LEDGER_ENTRY_MAX = 1 << 20 };

static const char ending[] = ".json", unfinished[] = ".new";

bool rift_fault_id_is_valid(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length < RIFT_FAULT_ID_SIZE && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

static int ledger_write_file(const char *path, const char *text, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
    size_t length = strlen(text), done = 0;
    while (done < length) {
        ssize_t n = write(fd, text + done, length - done);
        if (n < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
        done += (size_t)n;
    }
    if (fsync(fd))
        return rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", path);
    return 0;
}

static int ledger_sync_folder(const char *folder, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        return rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", folder);
    return 0;
}

int rift_ledger_write(const char *folder, const struct rift_injection *injection,
                      struct rift_error *err)
{
    char path[LEDGER_PATH_SIZE], fresh[LEDGER_PATH_SIZE];
    if (mkdir(folder, 0700) && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make the ledger '%s'", folder);
    snprintf(path, sizeof path, "%s/%s%s", folder, injection->id, ending);
    snprintf(fresh, sizeof fresh, "%s/%s%s", folder, injection->id, unfinished);
    json_t *entry = json_pack("{s:s, s:s, s:O}", "id", injection->id, "fault",
                              injection->driver->name, "undo", injection->undo);
    CLEANUP(rift_free) char *text = json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    if (!text)
        return rift_fail(err, RIFT_ERR_INVALID, "fault '%s': its record is no JSON", injection->id);
    if (ledger_write_file(fresh, text, err))
        return -1;
    if (rename(fresh, path))
        return rift_fail_errno(err, RIFT_ERR_IO, "rename '%s'", fresh);
    return ledger_sync_folder(folder, err);
}

int rift_ledger_remove(const char *folder, const char *id, struct rift_error *err)
{
    char path[LEDGER_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s%s", folder, id, ending);
    if (unlink(path) && errno != ENOENT)
        return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", path);
    return 0;
}

void rift_ledger_visit(const char *folder, rift_ledger_visitor *visit, void *context)
{
    DIR *stream = opendir(folder);
    if (!stream)
        return;
    const struct dirent *file;
    while ((file = readdir(stream))) {
        char path[LEDGER_PATH_SIZE + 256];
        if (!rift_text_ends_with(file->d_name, ending))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        json_t *entry = json_load_file(path, 0, NULL);
        const char *id = json_string_value(json_object_get(entry, "id"));
        const char *fault = json_string_value(json_object_get(entry, "fault"));
        if (id && fault && rift_fault_id_is_valid(id))
            visit(id, fault, json_object_get(entry, "undo"), context);
        json_decref(entry);
    }
    closedir(stream);
}

struct heal_round {
    const char *folder;
    json_t *healed;
    struct rift_error *err;
    int rc;
};

static void heal_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    struct heal_round *round = context;
    struct rift_error err = {0};
    const struct rift_fault_driver *driver = rift_fault_driver_find(fault);
    int rc = driver
                 ? rift_undo(driver, id, undo, round->folder, &err)
                 : rift_fail(&err, RIFT_ERR_UNSUPPORTED, "this agent knows no fault '%s'", fault);
    if (rc == 0)
        rc = rift_ledger_remove(round->folder, id, &err);
    if (rc == 0) {
        if (round->healed)
            json_array_append_new(round->healed, json_string(id));
        return;
    }
    rift_wrap(&err, "heal '%s'", id);
    if (round->rc == 0 && round->err)
        *round->err = err;
    round->rc = -1;
}

/* An entry that was not written whole is that of a fault that was not injected. */
static void ledger_remove_unfinished(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *file;
    while (stream && (file = readdir(stream)))
        if (rift_text_ends_with(file->d_name, unfinished))
            unlinkat(dirfd(stream), file->d_name, 0);
    if (stream)
        closedir(stream);
}

int rift_ledger_heal_all(const char *folder, json_t *healed, struct rift_error *err)
{
    struct heal_round round = {.folder = folder, .healed = healed, .err = err};
    ledger_remove_unfinished(folder);
    rift_ledger_visit(folder, heal_visit, &round);
    return round.rc;
}

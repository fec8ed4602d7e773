/* A half-written entry is never seen, and one whose fault was injected is never missing, not even
 * after a power cut. */
#include "nemesis/faults/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/boot.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/whole_file.h"
#include "nemesis/faults/setting_log.h"
#include "nemesis/faults/undo.h"

enum { LEDGER_PATH_SIZE = 512 };

static const char ending[] = ".json";

bool rift_fault_id_is_valid(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length < RIFT_FAULT_ID_SIZE && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

int rift_ledger_write(const char *folder, const struct rift_injection *injection,
                      struct rift_error *err)
{
    char path[LEDGER_PATH_SIZE], boot_id[RIFT_BOOT_ID_SIZE];
    if (mkdir(folder, 0700) && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make the ledger '%s'", folder);
    snprintf(path, sizeof path, "%s/%s%s", folder, injection->id, ending);
    rift_boot_id(boot_id);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:O}", "id", injection->id, "fault",
                              injection->driver->name, "boot", boot_id, "undo", injection->undo);
    CLEANUP(rift_free) char *text = json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    if (!text)
        return rift_fail(err, RIFT_ERR_INVALID, "fault '%s': its record is no JSON", injection->id);
    return rift_whole_file_write(path, text, err);
}

int rift_ledger_remove(const char *folder, const char *id, struct rift_error *err)
{
    char path[LEDGER_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s%s", folder, id, ending);
    if (unlink(path) && errno != ENOENT)
        return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", path);
    return 0;
}

/* An entry that is whole has all of these. */
struct entry {
    const char *id, *fault, *boot;
    const json_t *undo;
};

static bool entry_read(const json_t *json, struct entry *entry)
{
    *entry = (struct entry){.id = json_string_value(json_object_get(json, "id")),
                            .fault = json_string_value(json_object_get(json, "fault")),
                            .boot = json_string_value(json_object_get(json, "boot")),
                            .undo = json_object_get(json, "undo")};
    return entry->id && entry->fault && json_is_object(entry->undo) &&
           rift_fault_id_is_valid(entry->id);
}

/* entry is NULL where the file cannot be read, or is no entry. */
typedef void file_visitor(const char *path, const struct entry *entry, void *context);

static int visit_files(const char *folder, file_visitor *visit, void *context,
                       struct rift_error *err)
{
    DIR *stream = opendir(folder);
    if (!stream)
        return errno == ENOENT ? 0
                               : rift_fail_errno(err, RIFT_ERR_IO, "read the ledger '%s'", folder);
    const struct dirent *file;
    while ((file = readdir(stream))) {
        char path[LEDGER_PATH_SIZE + 256];
        if (!rift_text_ends_with(file->d_name, ending))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        json_t *json = json_load_file(path, 0, NULL);
        struct entry entry;
        bool is_whole = entry_read(json, &entry);
        if (is_whole || access(path, F_OK) == 0) /* another may have healed it just now */
            visit(path, is_whole ? &entry : NULL, context);
        json_decref(json);
    }
    closedir(stream);
    return 0;
}

struct visit {
    rift_ledger_visitor *entry;
    void (*unreadable)(const char *path, void *context);
    void *context;
};

static void visit_file(const char *path, const struct entry *entry, void *context)
{
    const struct visit *visit = context;
    if (entry && visit->entry)
        visit->entry(entry->id, entry->fault, entry->undo, visit->context);
    else if (!entry && visit->unreadable)
        visit->unreadable(path, visit->context);
}

void rift_ledger_visit(const char *folder, rift_ledger_visitor *visit, void *context)
{
    struct visit each = {.entry = visit, .context = context};
    visit_files(folder, visit_file, &each, NULL);
}

void rift_ledger_visit_unreadable(const char *folder,
                                  void (*visit)(const char *path, void *context), void *context)
{
    struct visit each = {.unreadable = visit, .context = context};
    visit_files(folder, visit_file, &each, NULL);
}

struct heal_round {
    const char *folder;
    const json_t *ids; /* only these; NULL: all */
    char boot_id[RIFT_BOOT_ID_SIZE];
    json_t *healed;
    struct rift_error *err;
    int rc;
};

static void round_fail(struct heal_round *round, const struct rift_error *err)
{
    if (round->rc == 0 && round->err)
        *round->err = *err;
    round->rc = -1;
}

static bool round_wants(const struct heal_round *round, const char *id)
{
    size_t i;
    json_t *wanted;
    if (!round->ids)
        return true;
    json_array_foreach((json_t *)round->ids, i, wanted)
    {
        if (json_is_string(wanted) && strcmp(json_string_value(wanted), id) == 0)
            return true;
    }
    return false;
}

/* Process numbers, interfaces, limits and clocks of an earlier boot mean nothing in this one, or
 * something else. */
static bool went_with_its_boot(const struct heal_round *round, const struct entry *entry,
                               const struct rift_fault_driver *driver)
{
    return entry->boot && strcmp(entry->boot, round->boot_id) != 0 && !driver->outlives_boot;
}

static void heal_visit(const char *path, const struct entry *entry, void *context)
{
    struct heal_round *round = context;
    struct rift_error err = {0};
    if (!entry) {
        rift_fail(&err, RIFT_ERR_INVALID,
                  "'%s' cannot be read, so nobody knows what it would undo: look at the node, then "
                  "remove the file, or say 'rift heal --purge'",
                  path);
        round_fail(round, &err);
        return;
    }
    if (!round_wants(round, entry->id))
        return;
    const struct rift_fault_driver *driver = rift_fault_driver_find(entry->fault);
    int rc = !driver ? rift_fail(&err, RIFT_ERR_UNSUPPORTED, "this agent knows no fault '%s'",
                                 entry->fault)
             : went_with_its_boot(round, entry, driver)
                 ? rift_setting_log_remove(entry->undo, &err)
                 : rift_undo(driver, entry->id, entry->undo, round->folder, &err);
    if (rc == 0)
        rc = rift_ledger_remove(round->folder, entry->id, &err);
    if (rc == 0 && round->healed)
        json_array_append_new(round->healed, json_string(entry->id));
    if (rc == 0)
        return;
    rift_wrap(&err, "heal '%s'", entry->id);
    round_fail(round, &err);
}

/* An entry that was not written whole is that of a fault that was not injected. */
static void ledger_remove_unfinished(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *file;
    while (stream && (file = readdir(stream)))
        if (rift_text_ends_with(file->d_name, RIFT_WHOLE_FILE_UNFINISHED))
            unlinkat(dirfd(stream), file->d_name, 0);
    if (stream)
        closedir(stream);
}

int rift_ledger_heal(const char *folder, const json_t *ids, json_t *healed, struct rift_error *err)
{
    struct heal_round round = {.folder = folder, .ids = ids, .healed = healed, .err = err};
    rift_boot_id(round.boot_id);
    return visit_files(folder, heal_visit, &round, err) ? -1 : round.rc;
}

int rift_ledger_heal_all(const char *folder, json_t *healed, struct rift_error *err)
{
    ledger_remove_unfinished(folder);
    return rift_ledger_heal(folder, NULL, healed, err);
}

/* A file of JSON lines: first the session, then {"begin": id} and {"end": id, "reply": {...}}. It
 * is not synced: what must survive is the death of processes. After a power cut the boot id
 * differs, and the record counts as absent. */
#include "agent/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

static struct record_entry *record_entry_for(const struct record *record, int64_t id)
{
    for (size_t i = record->count; i-- > 0;)
        if (record->entries[i].id == id)
            return &record->entries[i];
    return NULL;
}

static struct record_entry *record_add(struct record *record, int64_t id, enum record_state state)
{
    if (record->count == RECORD_ENTRIES_MAX) {
        struct record_entry *oldest = &record->entries[0];
        if (oldest->id > record->forgotten_id)
            record->forgotten_id = oldest->id;
        json_decref(oldest->reply);
        record->count--;
        memmove(oldest, oldest + 1, record->count * sizeof *oldest);
    }
    struct record_entry *entry = &record->entries[record->count++];
    *entry = (struct record_entry){.id = id, .state = state};
    return entry;
}

static void record_take_line(struct record *record, const char *line)
{
    json_t *json = json_loads(line, 0, NULL);
    json_int_t begun = json_integer_value(json_object_get(json, "begin"));
    json_int_t ended = json_integer_value(json_object_get(json, "end"));
    if (begun > 0 && !record_entry_for(record, begun))
        record_add(record, begun, RECORD_LOST);
    struct record_entry *entry = ended > 0 ? record_entry_for(record, ended) : NULL;
    json_t *reply = json_object_get(json, "reply");
    if (entry && json_is_object(reply)) {
        entry->state = RECORD_DONE;
        entry->reply = json_incref(reply);
    }
    json_decref(json);
}

/* True when the file is of this session and boot; its entries are taken then. */
static bool record_load(struct record *record, const char *session, const char *boot_id)
{
    FILE *file = fopen(record->path, "re");
    if (!file)
        return false;
    CLEANUP(rift_free) char *line = NULL;
    size_t size = 0;
    bool is_same = false;
    if (getline(&line, &size, file) > 0) {
        json_t *head = json_loads(line, 0, NULL);
        const char *of_session = json_string_value(json_object_get(head, "session"));
        const char *of_boot = json_string_value(json_object_get(head, "boot_id"));
        is_same = of_session && of_boot && strcmp(of_session, session) == 0 &&
                  strcmp(of_boot, boot_id) == 0;
        json_decref(head);
    }
    while (is_same && getline(&line, &size, file) > 0)
        record_take_line(record, line);
    fclose(file);
    return is_same;
}

static int record_append(struct record *record, json_t *line, struct rift_error *err)
{
    CLEANUP(rift_free) char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return rift_fail(err, RIFT_ERR_INVALID, "the record of requests: no UTF-8");
    size_t length = strlen(text);
    text[length++] = '\n'; /* over the NUL: one write, so that a line is whole or the last */
    struct stat before;
    if (fstat(record->fd, &before))
        return rift_fail_errno(err, RIFT_ERR_IO, "look at '%s'", record->path);
    errno = ENOSPC; /* what a short write of a file means */
    if (write(record->fd, text, length) == (ssize_t)length)
        return 0;
    rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", record->path);
    if (ftruncate(record->fd, before.st_size)) /* half a line would spoil the next one */
        return rift_wrap(err, "and half a line stays");
    return -1;
}

int record_open(struct record *record, const char *path, const char *session, const char *boot_id,
                bool *is_resumed, struct rift_error *err)
{
    memset(record, 0, sizeof *record);
    record->entries = rift_calloc(RECORD_ENTRIES_MAX, sizeof *record->entries);
    snprintf(record->path, sizeof record->path, "%s", path);
    *is_resumed = record_load(record, session, boot_id);
    record->fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (*is_resumed ? 0 : O_TRUNC), 0600);
    if (record->fd < 0) {
        record_close(record);
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
    }
    if (*is_resumed)
        return write(record->fd, "\n", 1) == 1 ? 0 : rift_fail_errno(err, RIFT_ERR_IO, "%s", path);
    return record_append(record, json_pack("{s:s, s:s}", "session", session, "boot_id", boot_id),
                         err);
}

enum record_state record_find(const struct record *record, int64_t id, const json_t **reply)
{
    const struct record_entry *entry = record_entry_for(record, id);
    if (!entry)
        return id <= record->forgotten_id ? RECORD_LOST : RECORD_NEW;
    *reply = entry->reply;
    return entry->state;
}

int record_begin(struct record *record, int64_t id, struct rift_error *err)
{
    if (record_append(record, json_pack("{s:I}", "begin", (json_int_t)id), err))
        return -1;
    record_add(record, id, RECORD_RUNNING);
    return 0;
}

void record_end(struct record *record, int64_t id, const json_t *reply)
{
    struct record_entry *entry = record_entry_for(record, id);
    if (!entry || entry->state != RECORD_RUNNING)
        return;
    bool is_kept = json_dumpb(reply, NULL, 0, JSON_COMPACT) <= RECORD_REPLY_MAX;
    entry->state = is_kept ? RECORD_DONE : RECORD_LOST;
    if (!is_kept)
        return;
    entry->reply = json_incref((json_t *)reply);
    /* A reply that cannot be stored leaves a request that counts as lost for the next agent. */
    record_append(record, json_pack("{s:I, s:O}", "end", (json_int_t)id, "reply", reply), NULL);
}

void record_close(struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        json_decref(record->entries[i].reply);
    free(record->entries);
    if (record->fd > 0)
        close(record->fd);
    memset(record, 0, sizeof *record);
}

/* Lines: "before VALUE" and "wrote VALUE". */
#include "nemesis/faults/setting_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/sha256.h"
#include "common/text.h"

static const char before_word[] = "before ", wrote_word[] = "wrote ";

static const char *log_path(const json_t *undo)
{
    return json_string_value(json_object_get(undo, "log"));
}

void rift_setting_log_plan(json_t *undo, const char *ledger, const char *path)
{
    struct rift_sha256 sum;
    char hex[RIFT_SHA256_HEX_SIZE];
    rift_sha256_init(&sum);
    rift_sha256_add(&sum, path, strlen(path));
    rift_sha256_finish(&sum, hex);
    CLEANUP(rift_free) char *log = rift_printf("%s/%.16s.written", ledger, hex);
    json_object_set_new(undo, "log", json_string(log));
}

int rift_setting_log_add(const json_t *undo, const char *before, const char *value,
                         struct rift_error *err)
{
    const char *path = log_path(undo);
    if (!path)
        return 0;
    CLEANUP(rift_free)
    char *lines = rift_printf("%s%s\n%s%s\n", before_word, before, wrote_word, value);
    CLEANUP(rift_close_fd) int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    ssize_t length = (ssize_t)strlen(lines);
    return fd >= 0 && write(fd, lines, (size_t)length) == length
               ? 0
               : rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
}

static bool starts_with(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

void rift_setting_log_read(const json_t *undo, struct rift_setting_log *log)
{
    char line[RIFT_SETTING_TEXT_SIZE + sizeof before_word + 1];
    const char *path = log_path(undo);
    FILE *stream = path ? fopen(path, "re") : NULL;
    *log = (struct rift_setting_log){.is_there = !path || stream || errno != ENOENT,
                                     .is_unread = !stream,
                                     .written = json_array()};
    while (stream && fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = 0;
        if (starts_with(line, before_word))
            snprintf(log->before, sizeof log->before, "%s", line + strlen(before_word));
        else if (starts_with(line, wrote_word))
            json_array_append_new(log->written, json_string(line + strlen(wrote_word)));
    }
    if (!stream)
        return;
    log->is_unread = ferror(stream) != 0;
    fclose(stream);
}

void rift_setting_log_finish(struct rift_setting_log *log)
{
    json_decref(log->written);
}

int rift_setting_log_remove(const json_t *undo, struct rift_error *err)
{
    const char *path = log_path(undo);
    return path && unlink(path) && errno != ENOENT && errno != ENOTDIR
               ? rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", path)
               : 0;
}

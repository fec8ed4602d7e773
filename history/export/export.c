/* Opens the file, finds the format, and cleans up after a failure. */
#include "history/export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "history/export/sink.h"

enum { FLUSH_BYTES = 1 << 20 };

const struct rift_export_format rift_export_formats[] = {
    {"edn", ".edn", "Jepsen's history.edn: a map a line"},
    {"jsonl", ".jsonl", "JSON lines: an object a line"},
    {"rift", ".rift", "Rift's own file"},
    {NULL, NULL, NULL},
};

/* In the order of the table above. */
static int (*const exporters[])(const struct rift_history *, struct rift_sink *,
                                struct rift_error *) = {
    rift_export_edn,
    rift_export_jsonl,
    rift_export_native,
};

int rift_sink_flush(struct rift_sink *sink, bool is_last, struct rift_error *err)
{
    if (sink->fd < 0 || (!is_last && sink->text->length < FLUSH_BYTES))
        return 0;
    for (size_t done = 0; done < sink->text->length;) {
        ssize_t n = write(sink->fd, sink->text->data + done, sink->text->length - done);
        if (n < 0 && errno != EINTR)
            return rift_fail_errno(err, RIFT_ERR_IO, "write %s", sink->path);
        done += n > 0 ? (size_t)n : 0;
    }
    rift_text_clear(sink->text);
    return 0;
}

static int export_to(const struct rift_history *history, const char *format, struct rift_sink *sink,
                     struct rift_error *err)
{
    for (size_t i = 0; rift_export_formats[i].name; i++)
        if (strcmp(rift_export_formats[i].name, format) == 0)
            return exporters[i](history, sink, err) != 0 ? -1 : rift_sink_flush(sink, true, err);
    return rift_fail(err, RIFT_ERR_INVALID,
                     "there is no format '%s' to write; there are edn, jsonl and rift", format);
}

int rift_history_export_text(const struct rift_history *history, const char *format,
                             struct rift_text *text, struct rift_error *err)
{
    struct rift_sink sink = {.text = text, .fd = -1};
    return export_to(history, format, &sink, err);
}

int rift_history_export_fd(const struct rift_history *history, const char *format, int fd,
                           struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    struct rift_sink sink = {.text = &text, .fd = fd, .path = "the output"};
    return export_to(history, format, &sink, err);
}

int rift_history_export(const struct rift_history *history, const char *format, const char *path,
                        struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return rift_fail_errno(err, errno == EEXIST ? RIFT_ERR_CONFLICT : RIFT_ERR_IO, "create %s",
                               path);
    struct rift_sink sink = {.text = &text, .fd = fd, .path = path};
    if (export_to(history, format, &sink, err) == 0)
        return 0;
    unlink(path);
    return -1;
}

bool rift_history_lacks_times(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++)
        if (ops->end[i] == RIFT_TIME_NEVER && ops->type[i] != RIFT_OP_INFO)
            return true;
    return false;
}

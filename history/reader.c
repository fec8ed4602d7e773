/* Opens what is to be read, and finds the importer that knows it. */
#include "history/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "history/import/importer.h"

enum { FORMAT_COUNT_MAX = 32 };

const struct rift_format *rift_history_formats(void)
{
    static struct rift_format formats[FORMAT_COUNT_MAX + 1];
    for (size_t i = 0; rift_importers[i] && i < FORMAT_COUNT_MAX; i++)
        formats[i] = (struct rift_format){rift_importers[i]->format, rift_importers[i]->summary};
    return formats;
}

static const struct rift_importer *importer_named(const char *format, const char *name,
                                                  struct rift_error *err)
{
    const char *names[FORMAT_COUNT_MAX];
    size_t count = 0;
    for (; rift_importers[count] && count < FORMAT_COUNT_MAX; count++) {
        names[count] = rift_importers[count]->format;
        if (strcmp(names[count], format) == 0)
            return rift_importers[count];
    }
    const char *nearest = rift_text_nearest(format, names, count);
    rift_fail(err, RIFT_ERR_INVALID, "%s: there is no format '%s'%s%s%s", name, format,
              nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'" : "");
    return NULL;
}

static const struct rift_importer *importer_for(const struct rift_source *source,
                                                const struct rift_read_options *options,
                                                struct rift_error *err)
{
    if (options && options->format)
        return importer_named(options->format, source->name, err);
    for (size_t i = 0; rift_importers[i]; i++)
        if (rift_importers[i]->recognise(source))
            return rift_importers[i];
    rift_fail(err, RIFT_ERR_INVALID,
              "%s: not a history in any format that Rift reads; docs/formats.md lists them",
              source->name);
    return NULL;
}

static struct rift_history *read_source(const struct rift_source *source,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    const struct rift_importer *importer = importer_for(source, options, err);
    return importer ? importer->read(source, options, err) : NULL;
}

struct rift_history *rift_history_read_bytes(const char *name, const void *data, size_t length,
                                             const struct rift_read_options *options,
                                             struct rift_error *err)
{
    struct rift_source source = {.name = name, .data = length ? data : "", .length = length};
    return read_source(&source, options, err);
}

/* A run directory stands for the history in it. */
static char *file_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return rift_printf("%s/history.rift", path);
    return rift_strdup(path);
}

struct rift_history *rift_history_read(const char *path, const struct rift_read_options *options,
                                       struct rift_error *err)
{
    char *file CLEANUP(rift_free) = file_of(path);
    CLEANUP(rift_close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO, "read %s", file);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        rift_fail(err, RIFT_ERR_INVALID, "%s is not a file", file);
        return NULL;
    }
    size_t length = (size_t)status.st_size;
    struct rift_read_options native = {.format = "rift"};
    if (length == 0 && rift_text_ends_with(file, ".rift"))
        return rift_history_read_bytes(file, "", 0, &native, err);
    void *data = NULL;
    if (length && (data = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
        rift_fail_errno(err, RIFT_ERR_IO, "map %s", file);
        return NULL;
    }
    if (!length)
        return rift_history_read_bytes(file, "", 0, options, err);
    madvise(data, length, MADV_SEQUENTIAL);
    struct rift_source source = {.name = file, .data = data, .length = length, .is_mapped = true};
    struct rift_history *history = read_source(&source, options, err);
    munmap(data, length);
    return history;
}

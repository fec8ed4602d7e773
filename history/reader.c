/* Finds the importer that knows what is to be read. */
#include "history/reader.h"

#include <string.h>

#include "common/text.h"
#include "history/import/importer.h"
#include "history/import/source.h"

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
    bool is_gzip = source->length >= 2 && memcmp(source->data, "\x1f\x8b", 2) == 0;
    rift_fail(err, RIFT_ERR_INVALID, "%s: %s", source->name,
              is_gzip ? "it is compressed; unpack it first: gzip -d"
                      : "not a history in any format that Rift reads; docs/formats.md lists them");
    return NULL;
}

/* Without the byte order mark with which some editors begin a text. */
static struct rift_source after_mark(const struct rift_source *source)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct rift_source text = *source;
    if (text.length >= sizeof mark - 1 && memcmp(text.data, mark, sizeof mark - 1) == 0) {
        text.data += sizeof mark - 1;
        text.length -= sizeof mark - 1;
    }
    return text;
}

static struct rift_history *read_source(const struct rift_source *whole,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    const struct rift_source shifted = after_mark(whole), *source = &shifted;
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

struct rift_history *rift_history_read(const char *path, const struct rift_read_options *options,
                                       struct rift_error *err)
{
    static const struct rift_read_options native = {.format = "rift"};
    struct rift_source source;
    if (rift_source_open(&source, path, err) != 0)
        return NULL;
    /* The writer of our own file may have been killed at its very start. */
    bool is_empty_native = source.length == 0 && rift_text_ends_with(source.name, ".rift");
    struct rift_history *history = read_source(&source, is_empty_native ? &native : options, err);
    rift_source_close(&source);
    return history;
}

/* Our own file, see history/block.h, into the columns of a history. They are allocated once, as the
 * headers of all blocks say how many rows there are. */
#include "history/import/native.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/memory.h"
#include "history/import/native_events.h"
#include "history/import/native_file.h"
#include "history/ops.h"

static int check_memory(const struct rift_native_file *file,
                        const struct rift_read_options *options, struct rift_error *err)
{
    uint64_t bound = options ? options->memory_bytes : 0;
    size_t needed = file->row_count * RIFT_OP_BYTES + rift_values_size_bytes(file->history->values);
    if (bound && needed > bound)
        return rift_fail(err, RIFT_ERR_LIMIT,
                         "%s: %zu operations need %zu MB of memory, more than the bound of %" PRIu64
                         " MB",
                         file->source->name, file->row_count, needed >> 20, bound >> 20);
    return 0;
}

static int read_blocks(struct rift_native_file *file, struct rift_native_events *events,
                       const struct rift_read_options *options, struct rift_error *err)
{
    const struct rift_block_header *header;
    struct rift_bytes payload;
    int more;
    while ((more = rift_native_file_next(file, &header, &payload, err)) == 1) {
        if (!rift_native_events_read(events, header, payload))
            return rift_native_file_refuse(file, err);
        if (check_memory(file, options, err) != 0)
            return -1;
    }
    return more;
}

static int read_all(struct rift_native_file *file, struct rift_native_events *events,
                    const struct rift_source *source, const struct rift_read_options *options,
                    struct rift_history *history, struct rift_error *err)
{
    if (rift_native_file_open(file, source, history, err) != 0 ||
        check_memory(file, options, err) != 0)
        return -1;
    if (file->row_count > UINT32_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s: more than %u operations", source->name,
                         UINT32_MAX);
    rift_native_events_init(events, history, file->row_count, file->longest_column);
    rift_native_events_blank_rows(events);
    return read_blocks(file, events, options, err);
}

static struct rift_history *native_read(const struct rift_source *source,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    struct rift_native_file file;
    struct rift_native_events events = {0};
    struct rift_history *history = rift_calloc(1, sizeof *history);
    history->values = rift_values_create();
    if (read_all(&file, &events, source, options, history, err) == 0) {
        rift_native_events_complete(&events);
    } else {
        rift_history_destroy(history);
        history = NULL;
    }
    rift_native_events_finish(&events);
    rift_native_file_close(&file);
    return history;
}

const struct rift_importer rift_importer_native = {
    .format = "rift",
    .summary = "history.rift, the file that Rift itself writes",
    .recognise = rift_native_file_recognise,
    .read = native_read,
};

/* Blocks of the native file: how events become bytes, for the writer and the export.
 *
 * A file is a file header, then blocks; docs/formats.md has every byte. Inside a block, the
 * invocations and completions of some stretch of the run stand in columns. Names, texts and keys
 * get their numbers where they first appear, so that a block can be read once all blocks before it
 * are. */
#ifndef HISTORY_BLOCK_H
#define HISTORY_BLOCK_H

#include <stdint.h>

#include "common/arena.h"
#include "history/history.h"
#include "history/key_table.h"
#include "history/names.h"

#define RIFT_FILE_MAGIC "RIFTHIST"

enum {
    RIFT_FILE_VERSION = 1,
    RIFT_BLOCK_MAGIC = 0x4b4c4252, /* "RBLK" */
    RIFT_BLOCK_BYTES_MAX = 1 << 26,
    RIFT_BLOCK_ROWS_MAX = 1 << 17, /* invocations, and as many completions */
};

/* In front of the meta text, a JSON object; all little-endian. */
struct rift_file_header {
    char magic[8];
    uint32_t version;
    uint32_t meta_bytes;
    uint64_t checksum; /* XXH3 of the meta text */
};

enum rift_block_kind { RIFT_BLOCK_EVENTS = 1, RIFT_BLOCK_END = 2 };
enum rift_block_compression { RIFT_BLOCK_PLAIN, RIFT_BLOCK_ZSTD };

struct rift_block_header {
    uint32_t magic;
    uint32_t number;       /* counts up from 0 */
    uint32_t stored_bytes; /* of the payload in the file */
    uint32_t raw_bytes;    /* of the payload when unpacked */
    uint32_t invoke_count;
    uint32_t complete_count;
    uint16_t kind;
    uint16_t compression;
    uint32_t header_check; /* low half of XXH3 of the fields above */
    uint64_t checksum;     /* XXH3 of the stored payload */
};

uint32_t rift_block_header_check(const struct rift_block_header *header);

/* The columns of a block, in the order of the file. Those from the first optional one on are there
 * only if the block's flags say so. */
enum rift_block_column {
    COLUMN_INVOKE_TIME, /* distance from the invocation before */
    COLUMN_INVOKE_PROCESS,
    COLUMN_INVOKE_F,
    COLUMN_INVOKE_NODE,
    COLUMN_INVOKE_KEY,
    COLUMN_INVOKE_ARGUMENT,
    COLUMN_COMPLETE_ID,
    COLUMN_COMPLETE_TYPE,
    COLUMN_COMPLETE_START, /* distance from the completion before */
    COLUMN_COMPLETE_TAKEN, /* end minus start */
    COLUMN_COMPLETE_ERROR,
    COLUMN_COMPLETE_RESULT,
    COLUMN_INVOKE_CLOCK, /* rift_ops.time_start, or RIFT_TIME_NEVER */
    COLUMN_INVOKE_EXTRA,
    COLUMN_COMPLETE_CLOCK,
    COLUMN_COMPLETE_EXTRA,
    COLUMN_COUNT,
};

enum { COLUMN_FIRST_OPTIONAL = COLUMN_INVOKE_CLOCK };

/* The word of a value that follows in the column's stream of boxes. */
enum { RIFT_TAG_IN_STREAM = 15 };

/* The tag in a stream of a list of 32-bit integers; other tags there are kinds. */
enum { RIFT_STREAM_PACKED_LIST = RIFT_TAG_PACKED_LIST };

/* What grows over a whole file: which texts, names and keys have a number already. */
struct rift_block_tables {
    struct rift_arena arena;
    struct rift_name_table names, errors, nodes;
    struct rift_key_table keys;
    struct rift_values *key_values;
    struct rift_values *values; /* only the texts, numbered as the file numbers them */
    size_t text_count;
};

void rift_block_tables_init(struct rift_block_tables *tables);
void rift_block_tables_finish(struct rift_block_tables *tables);

/* A block being filled. Zeroed is empty. */
struct rift_block {
    struct {
        uint64_t *numbers;
        size_t count, capacity;
        struct rift_text boxes; /* for columns of values */
    } columns[COLUMN_COUNT];
    struct rift_text new_texts, new_names, new_errors, new_nodes, new_keys;
    size_t new_text_count, new_name_count, new_error_count, new_node_count, new_key_count;
    bool has_optional;
    int64_t first_time, last_time;             /* of invocations */
    int64_t first_completion, last_completion; /* their starts */
};

struct rift_block_invoke {
    int64_t time;
    int32_t process;
    const char *f;
    const char *node; /* or NULL */
    const struct rift_values *values;
    bool has_key;
    struct rift_value key;
    struct rift_value argument;
    int64_t clock; /* RIFT_TIME_NEVER: none */
    struct rift_value extra;
};

struct rift_block_complete {
    int64_t id;
    enum rift_op_type type;
    int64_t start, end;
    const char *error; /* or NULL */
    const struct rift_values *values;
    struct rift_value result;
    int64_t clock;
    struct rift_value extra;
};

/* Both return -1 only past a limit: names, or the nesting of values; the block is then unusable. */
int rift_block_invoke(struct rift_block *block, struct rift_block_tables *tables,
                      const struct rift_block_invoke *event, struct rift_error *err);
int rift_block_complete(struct rift_block *block, struct rift_block_tables *tables,
                        const struct rift_block_complete *event, struct rift_error *err);
/* Bytes held for what was appended, about. */
size_t rift_block_size_bytes(const struct rift_block *block);
bool rift_block_is_empty(const struct rift_block *block);
bool rift_block_is_full(const struct rift_block *block);
/* Appends header and payload, compressed where that helps, to bytes, and empties the block. */
int rift_block_encode(struct rift_block *block, uint32_t number, struct rift_text *bytes,
                      struct rift_error *err);
/* The mark that the file was closed. */
void rift_block_encode_end(uint32_t number, struct rift_text *bytes);
/* The file header. model may be NULL. */
void rift_block_encode_file_header(enum rift_time_kind time_kind, const char *model,
                                   struct rift_text *bytes);
void rift_block_finish(struct rift_block *block);

#endif

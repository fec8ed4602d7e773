/* The blocks of our own file, one after the other: checked, unpacked, the torn tail cut. */
#ifndef HISTORY_IMPORT_NATIVE_FILE_H
#define HISTORY_IMPORT_NATIVE_FILE_H

#include "history/block.h"
#include "history/import/importer.h"
#include "history/import/native_unpack.h"
#include "history/packing.h"

struct rift_native_file {
    const struct rift_source *source;
    struct rift_history *history;
    struct rift_native_block *blocks;
    size_t block_count, block_capacity;
    size_t next;                      /* block to be read */
    size_t row_count, longest_column; /* that the headers promise */
    size_t released;                  /* bytes of the file whose pages were given back */
    bool has_end;
    struct rift_native_unpacker *unpacker;
};

bool rift_native_file_recognise(const struct rift_source *source);
/* Walks the headers of all blocks, so that the sizes are known. Sets of the history what stands in
 * front of the blocks. source and history must live as long; close it also after a failure. */
int rift_native_file_open(struct rift_native_file *file, const struct rift_source *source,
                          struct rift_history *history, struct rift_error *err);
/* 1: the next block of events; header and payload are valid until the next call. 0: there is none,
 * and history->is_truncated is known. -1: damage. */
int rift_native_file_next(struct rift_native_file *file, const struct rift_block_header **header,
                          struct rift_bytes *payload, struct rift_error *err);
/* The error for a block whose payload is nonsense, always -1. */
int rift_native_file_refuse(const struct rift_native_file *file, struct rift_error *err);
void rift_native_file_close(struct rift_native_file *file);

#endif

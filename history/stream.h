/* Reads our own file without loading it: part by part, in memory for one block, the operations that
 * are open, and the texts, names and keys of all.
 *
 * A part holds the operations that completed in one block, joined with their invocations; so a
 * process's operations come in its order. The last part holds those that never completed, as INFO.
 * Rows of a part are in the order of the invocations in the file, which is nearly that of start. */
#ifndef HISTORY_STREAM_H
#define HISTORY_STREAM_H

#include "common/error.h"
#include "history/history.h"

struct rift_stream;

/* path may be a run directory. Sets *stream to NULL and returns 0 where it is a history in another
 * format, which only rift_history_read can read. */
int rift_stream_open(const char *path, struct rift_stream **stream, struct rift_error *err);
/* 1: *part is the next part, borrowed; it is valid until the next call, its names, errors, nodes
 * and keys keep their numbers for the whole stream. 0: the end; *part is empty, is_truncated is
 * known. -1: damage, and what was read before is no history. */
int rift_stream_next(struct rift_stream *stream, const struct rift_history **part,
                     struct rift_error *err);
/* How far it has been read. */
struct rift_reach rift_stream_reach(const struct rift_stream *stream);
void rift_stream_close(struct rift_stream *stream);

#endif

/* Writes history.rift while a test runs: append-only, checksummed blocks, durable within 10 ms.
 *
 * The scheduler appends an invocation before the worker may send. A thread of the writer compresses
 * and syncs; appending only copies into a buffer. */
#ifndef HISTORY_WRITER_H
#define HISTORY_WRITER_H

#include <stdint.h>

#include "common/error.h"
#include "history/op.h"
#include "history/value.h"

struct rift_writer;

/* The file must not exist yet. */
struct rift_writer *rift_writer_open(const char *path, struct rift_error *err);

/* Appends an invocation and returns its id, 0 or more: ids count up by one. time_ns is since the
 * run began. values is the pool of key and argument. node: whom the process speaks to, or NULL. One
 * thread at a time, the same that calls rift_writer_complete. process RIFT_PROCESS_NEMESIS: a
 * fault. */
int64_t rift_writer_invoke(struct rift_writer *writer, int64_t time_ns, int32_t process,
                           const char *f, const struct rift_values *values, struct rift_value key,
                           struct rift_value argument, const char *node);
/* Appends the completion of id, once. start and end are the worker's exact times and lie within the
 * dispatch time and now. extra: a MAP of further keys, or nil. error: a short stable text
 * ("timeout"), or NULL. */
void rift_writer_complete(struct rift_writer *writer, int64_t id, enum rift_op_type type,
                          int64_t start_ns, int64_t end_ns, const struct rift_values *values,
                          struct rift_value result, struct rift_value extra, const char *error);
/* 0, or -1 once a write or sync failed (disk full): from then on nothing more is written, and the
 * run must end. May be called from any thread at any time. */
int rift_writer_status(struct rift_writer *writer, struct rift_error *err);
/* Returns when everything appended so far is on disk; -1 also if that takes more than 30 s. */
int rift_writer_sync(struct rift_writer *writer, struct rift_error *err);
/* Syncs, marks the file as complete, frees the writer, also on failure. writer may be NULL. */
int rift_writer_close(struct rift_writer *writer, struct rift_error *err);

#endif

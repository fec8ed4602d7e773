/* The writer: the caller fills blocks, a thread encodes, writes and syncs them.
 *
 * The first event after a pause wakes the thread, which lets 4 ms of events gather and then takes
 * all that is there. While it encodes and syncs, further events gather in the next blocks, so the
 * slower the disk, the larger the blocks. */
#include "history/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "history/block.h"

#define GATHER_NS       (4 * RIFT_MS)
#define IDLE_WAIT_NS    RIFT_SECOND
#define SYNC_TIMEOUT_NS (30 * RIFT_SECOND)
#define ROOM_TIMEOUT_NS (10 * RIFT_SECOND)

enum { WAITING_BYTES_MAX = 1 << 27 };

struct waiting_block {
    struct rift_block block;
    size_t size_bytes;
    struct waiting_block *next;
};

struct rift_writer {
    int fd;
    char *path;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t has_work; /* for the thread */
    pthread_cond_t has_room; /* for appenders and syncs: the thread finished a round */
    /* All below under the mutex. */
    struct rift_block_tables tables;
    struct waiting_block *current;
    struct waiting_block *first_full, *last_full;
    struct waiting_block *spare;
    size_t waiting_bytes; /* of full blocks, those in the thread's hands too */
    int64_t next_id;
    uint64_t *completed; /* a bit for each id */
    size_t completed_words;
    uint64_t appended, synced; /* events */
    bool is_idle;              /* the thread waits for an event */
    bool is_urgent;            /* do not wait for more events */
    bool is_closing;
    bool has_failed;
    struct rift_error failure;
};

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline)
{
    struct timespec when = {.tv_sec = (time_t)(deadline / RIFT_SECOND),
                            .tv_nsec = (long)(deadline % RIFT_SECOND)};
    pthread_cond_timedwait(cond, mutex, &when);
}

static void writer_fail(struct rift_writer *writer, const struct rift_error *failure)
{
    if (!writer->has_failed)
        writer->failure = *failure;
    writer->has_failed = true;
}

static int write_fully(int fd, const char *path, const char *data, size_t length,
                       struct rift_error *err)
{
    while (length) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "write %s", path);
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int write_blocks(struct rift_writer *writer, struct waiting_block *list, uint32_t *number,
                        bool is_last, struct rift_text *bytes, struct rift_error *err)
{
    rift_text_clear(bytes);
    for (; list; list = list->next)
        if (!rift_block_is_empty(&list->block) &&
            rift_block_encode(&list->block, (*number)++, bytes, err) != 0)
            return rift_wrap(err, "%s", writer->path);
    if (is_last)
        rift_block_encode_end((*number)++, bytes);
    if (bytes->length == 0)
        return 0;
    if (write_fully(writer->fd, writer->path, bytes->data, bytes->length, err) != 0)
        return -1;
    if (fdatasync(writer->fd) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "sync %s", writer->path);
    return 0;
}

/* The full blocks and the one being filled. Called with the mutex held. */
static struct waiting_block *take_all(struct rift_writer *writer)
{
    writer->current->size_bytes = rift_block_size_bytes(&writer->current->block);
    writer->waiting_bytes += writer->current->size_bytes;
    struct waiting_block *list = writer->first_full;
    if (list)
        writer->last_full->next = writer->current;
    else
        list = writer->current;
    writer->first_full = writer->last_full = NULL;
    writer->current = writer->spare ? writer->spare : rift_calloc(1, sizeof *writer->current);
    writer->spare = NULL;
    writer->is_urgent = false;
    return list;
}

/* One block is kept for the next round, with the memory of its columns. Mutex held. */
static void give_back(struct rift_writer *writer, struct waiting_block *list)
{
    while (list) {
        struct waiting_block *next = list->next;
        writer->waiting_bytes -= list->size_bytes;
        list->next = NULL;
        if (!writer->spare && rift_block_is_empty(&list->block)) {
            writer->spare = list;
        } else {
            rift_block_finish(&list->block);
            free(list);
        }
        list = next;
    }
}

/* Mutex held; returns with events to write, or at the close. */
static void gather(struct rift_writer *writer)
{
    while (writer->appended == writer->synced && !writer->is_closing) {
        writer->is_idle = true;
        wait_until(&writer->has_work, &writer->mutex, rift_clock_now() + IDLE_WAIT_NS);
        writer->is_idle = false;
    }
    int64_t deadline = rift_clock_now() + GATHER_NS;
    while (!writer->is_closing && !writer->is_urgent && rift_clock_now() < deadline)
        wait_until(&writer->has_work, &writer->mutex, deadline);
}

static void *writer_run(void *argument)
{
    struct rift_writer *writer = argument;
    struct rift_text bytes = {0};
    uint32_t number = 0;
    bool is_last = false;
    pthread_mutex_lock(&writer->mutex);
    while (!is_last) {
        gather(writer);
        is_last = writer->is_closing;
        bool has_failed = writer->has_failed;
        uint64_t appended = writer->appended;
        struct waiting_block *list = take_all(writer);
        pthread_mutex_unlock(&writer->mutex);
        struct rift_error err = {0};
        int failed = has_failed ? 0 : write_blocks(writer, list, &number, is_last, &bytes, &err);
        pthread_mutex_lock(&writer->mutex);
        if (failed)
            writer_fail(writer, &err);
        give_back(writer, list);
        writer->synced = appended;
        pthread_cond_broadcast(&writer->has_room);
    }
    pthread_mutex_unlock(&writer->mutex);
    rift_text_finish(&bytes);
    return NULL;
}

/* The name of a new file lasts only once its folder is synced too. */
static int sync_folder(const char *path, struct rift_error *err)
{
    char *copy CLEANUP(rift_free) = rift_strdup(path);
    CLEANUP(rift_close_fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "sync the folder of %s", path);
    return 0;
}

static int create_file(const char *path, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text header = {0};
    rift_block_encode_file_header(RIFT_TIME_NS, NULL, &header);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return rift_fail_errno(err, errno == EEXIST ? RIFT_ERR_CONFLICT : RIFT_ERR_IO, "create %s",
                               path);
    if (write_fully(fd, path, header.data, header.length, err) == 0 && sync_folder(path, err) == 0)
        return fd;
    close(fd);
    return -1;
}

static void writer_free(struct rift_writer *writer)
{
    if (writer->current)
        give_back(writer, writer->current);
    if (writer->spare) {
        rift_block_finish(&writer->spare->block);
        free(writer->spare);
    }
    rift_block_tables_finish(&writer->tables);
    free(writer->completed);
    pthread_mutex_destroy(&writer->mutex);
    pthread_cond_destroy(&writer->has_work);
    pthread_cond_destroy(&writer->has_room);
    rift_close_fd(&writer->fd);
    free(writer->path);
    free(writer);
}

struct rift_writer *rift_writer_open(const char *path, struct rift_error *err)
{
    int fd = create_file(path, err);
    if (fd < 0)
        return NULL;
    struct rift_writer *writer = rift_calloc(1, sizeof *writer);
    writer->fd = fd;
    writer->path = rift_strdup(path);
    writer->current = rift_calloc(1, sizeof *writer->current);
    rift_block_tables_init(&writer->tables);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->has_work, &monotonic);
    pthread_cond_init(&writer->has_room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&writer->thread, NULL, writer_run, writer);
    if (failed) {
        errno = failed;
        rift_fail_errno(err, RIFT_ERR_LIMIT, "start the thread that writes %s", path);
        writer_free(writer);
        return NULL;
    }
    return writer;
}

/* Mutex held. Puts a full block aside, and waits while too much is waiting: a disk that cannot keep
 * up must not take the memory of the machine. */
static void make_room(struct rift_writer *writer)
{
    struct waiting_block *full = writer->current;
    full->size_bytes = rift_block_size_bytes(&full->block);
    writer->waiting_bytes += full->size_bytes;
    if (writer->first_full)
        writer->last_full->next = full;
    else
        writer->first_full = full;
    writer->last_full = full;
    writer->current = writer->spare ? writer->spare : rift_calloc(1, sizeof *writer->current);
    writer->spare = NULL;
    writer->is_urgent = true;
    pthread_cond_signal(&writer->has_work);
    int64_t deadline = rift_clock_now() + ROOM_TIMEOUT_NS;
    while (writer->waiting_bytes > WAITING_BYTES_MAX && !writer->has_failed) {
        if (rift_clock_now() >= deadline) {
            struct rift_error err;
            rift_fail(&err, RIFT_ERR_TIMEOUT, "%s: the disk does not keep up: %zu bytes wait",
                      writer->path, writer->waiting_bytes);
            writer_fail(writer, &err);
            return;
        }
        wait_until(&writer->has_room, &writer->mutex, deadline);
    }
}

/* Mutex held. */
static void note_append(struct rift_writer *writer, int failed, const struct rift_error *err)
{
    if (failed) {
        struct rift_error failure = *err;
        rift_wrap(&failure, "%s", writer->path);
        writer_fail(writer, &failure);
        return;
    }
    writer->appended++;
    if (writer->is_idle) {
        writer->is_idle = false;
        pthread_cond_signal(&writer->has_work);
    }
    if (rift_block_is_full(&writer->current->block))
        make_room(writer);
}

int64_t rift_writer_invoke(struct rift_writer *writer, int64_t time_ns, int32_t process,
                           const char *f, const struct rift_values *values, struct rift_value key,
                           struct rift_value argument, const char *node)
{
    struct rift_block_invoke event = {.time = time_ns,
                                      .process = process,
                                      .f = f,
                                      .node = node,
                                      .values = values,
                                      .has_key = !rift_value_is_nil(key),
                                      .key = key,
                                      .argument = argument,
                                      .clock = RIFT_TIME_NEVER};
    struct rift_error err;
    pthread_mutex_lock(&writer->mutex);
    int64_t id = writer->next_id++;
    if (!writer->has_failed)
        note_append(writer,
                    rift_block_invoke(&writer->current->block, &writer->tables, &event, &err),
                    &err);
    pthread_mutex_unlock(&writer->mutex);
    return id;
}

/* Mutex held. An operation that completes twice would make the file unreadable; no caller may. */
static void note_completed(struct rift_writer *writer, int64_t id)
{
    assert(id >= 0 && id < writer->next_id);
    size_t word = (size_t)id / 64;
    uint64_t bit = UINT64_C(1) << (id % 64);
    if (word >= writer->completed_words) {
        size_t words = 2 * word + 64;
        writer->completed = rift_reallocarray(writer->completed, words, sizeof *writer->completed);
        memset(writer->completed + writer->completed_words, 0,
               (words - writer->completed_words) * sizeof *writer->completed);
        writer->completed_words = words;
    }
    assert(!(writer->completed[word] & bit));
    writer->completed[word] |= bit;
}

void rift_writer_complete(struct rift_writer *writer, int64_t id, enum rift_op_type type,
                          int64_t start_ns, int64_t end_ns, const struct rift_values *values,
                          struct rift_value result, struct rift_value extra, const char *error)
{
    /* A fault that fails before the instant agreed for its start ends before it: the interval is
     * widened, never refused, as the run must go on. */
    struct rift_block_complete event = {.id = id,
                                        .type = type,
                                        .start = start_ns < end_ns ? start_ns : end_ns,
                                        .end = start_ns < end_ns ? end_ns : start_ns,
                                        .error = error,
                                        .values = values,
                                        .result = result,
                                        .clock = RIFT_TIME_NEVER,
                                        .extra = extra};
    struct rift_error err;
    assert(start_ns < RIFT_TIME_NEVER && end_ns < RIFT_TIME_NEVER);
    pthread_mutex_lock(&writer->mutex);
    note_completed(writer, id);
    if (!writer->has_failed)
        note_append(writer,
                    rift_block_complete(&writer->current->block, &writer->tables, &event, &err),
                    &err);
    pthread_mutex_unlock(&writer->mutex);
}

int rift_writer_status(struct rift_writer *writer, struct rift_error *err)
{
    pthread_mutex_lock(&writer->mutex);
    int status = writer->has_failed ? -1 : 0;
    if (status && err)
        *err = writer->failure;
    pthread_mutex_unlock(&writer->mutex);
    return status;
}

int rift_writer_sync(struct rift_writer *writer, struct rift_error *err)
{
    pthread_mutex_lock(&writer->mutex);
    uint64_t wanted = writer->appended;
    int64_t deadline = rift_clock_now() + SYNC_TIMEOUT_NS;
    writer->is_urgent = true;
    pthread_cond_signal(&writer->has_work);
    while (writer->synced < wanted && !writer->has_failed && rift_clock_now() < deadline)
        wait_until(&writer->has_room, &writer->mutex, deadline);
    bool is_late = writer->synced < wanted && !writer->has_failed;
    pthread_mutex_unlock(&writer->mutex);
    if (is_late)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "%s: not on disk after 30 s", writer->path);
    return rift_writer_status(writer, err);
}

int rift_writer_close(struct rift_writer *writer, struct rift_error *err)
{
    if (!writer)
        return 0;
    pthread_mutex_lock(&writer->mutex);
    writer->is_closing = true;
    pthread_cond_signal(&writer->has_work);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    int status = rift_writer_status(writer, err);
    writer_free(writer);
    return status;
}

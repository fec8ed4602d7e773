#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "history/block.h"
#include "history/reader.h"
#include "history/writer.h"

static char folder[] = "/tmp/rift-native-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/history.rift", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static char *slurp(size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *data = rift_malloc(1 << 20);
    *length = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static struct rift_history *read_prefix(const char *data, size_t length, struct rift_error *err)
{
    const struct rift_read_options options = {.format = "rift"};
    /* A copy of its own, so that a read past the end is seen. */
    char *copy CLEANUP(rift_free) = rift_malloc(length);
    memcpy(copy, data, length);
    return rift_history_read_bytes("h", copy, length, &options, err);
}

/* An operation whose parts all follow from its number, so that a reader can be checked. */
static struct rift_value argument_of(struct rift_values *v, int i)
{
    char text[32];
    int length = snprintf(text, sizeof text, "text %d", i % 5);
    struct rift_value items[3] = {rift_value_integer(v, i), rift_value_integer(v, -i),
                                  rift_value_text(v, text, (size_t)length)};
    struct rift_value inner = rift_value_box(v, RIFT_LIST, items, 3);
    struct rift_value mop[3] = {rift_value_keyword(v, "append", 6), items[0], inner};
    switch (i % 9) {
    case 0:
        return items[0];
    case 1:
        return rift_value_box(v, RIFT_PAIR, items, 2);
    case 2:
        return rift_value_box(v, RIFT_LIST, items, 2);
    case 3:
        return items[2];
    case 4:
        return rift_value_box(v, RIFT_TXN, mop, 3);
    case 5:
        return rift_value_integer(v, INT64_MIN + i);
    case 6:
        return rift_value_double(v, i + 0.5);
    case 7:
        return rift_value_bool(i % 2);
    default:
        return RIFT_VALUE_NIL;
    }
}

/* What a client told besides, from the middle of the file on. */
static struct rift_value extra_of(struct rift_values *v, int i)
{
    struct rift_value items[] = {rift_value_keyword(v, "commit-ts", strlen("commit-ts")),
                                 rift_value_integer(v, i)};
    return i % 4 == 1 && i > 1000 ? rift_value_box(v, RIFT_MAP, items, 2) : RIFT_VALUE_NIL;
}

static void append(struct rift_writer *writer, struct rift_values *v, int i)
{
    static const char *const nodes[] = {"n1", "n2", NULL};
    static const char *const names[] = {"read", "write", "cas"};
    struct rift_value key = i % 4 ? rift_value_integer(v, i % 4) : RIFT_VALUE_NIL;
    if (i % 4 == 3)
        key = rift_value_text(v, "k", 1);
    int64_t id = rift_writer_invoke(writer, i * 100, i % 7 ? i % 7 : RIFT_PROCESS_NEMESIS,
                                    names[i % 3], v, key, argument_of(v, i), nodes[i % 3]);
    assert_int_equal(id, i);
    if (i % 11 != 10)
        rift_writer_complete(writer, id, (enum rift_op_type)(i % 3), i * 100 + 5, i * 100 + 170, v,
                             argument_of(v, i + 1), extra_of(v, i), i % 3 ? "timeout" : NULL);
}

static void write_ops(int count, int sync_every)
{
    struct rift_error err = {0};
    unlink(path);
    struct rift_writer *writer = rift_writer_open(path, &err);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    for (int i = 0; i < count; i++) {
        append(writer, v, i);
        if (i % sync_every == sync_every - 1)
            assert_int_equal(rift_writer_sync(writer, NULL), 0);
        if (i % 13 == 0)
            rift_values_reset(v);
    }
    rift_values_destroy(v);
    assert_int_equal(rift_writer_close(writer, &err), 0);
}

static void assert_value(const struct rift_history *h, struct rift_value got,
                         struct rift_value (*make)(struct rift_values *, int), int i)
{
    struct rift_values *v = rift_values_create();
    char *a CLEANUP(rift_free) = rift_value_print(h->values, got);
    char *b CLEANUP(rift_free) = rift_value_print(v, make(v, i));
    assert_string_equal(a, b);
    rift_values_destroy(v);
}

/* Rows are those of operations 0, 1, 2... as far as the history goes; their completions may be cut.
 * Returns the number of operations. */
static int assert_is_prefix(const struct rift_history *h, bool is_whole)
{
    size_t client = 0, fault = 0;
    int i = 0;
    for (; client + fault < h->ops.count + h->nemesis.count; i++) {
        bool is_fault = i % 7 == 0;
        const struct rift_ops *ops = is_fault ? &h->nemesis : &h->ops;
        size_t row = is_fault ? fault++ : client++;
        assert_true(row < ops->count);
        static const char *const nodes[] = {"n1", "n2", ""};
        static const char *const names[] = {"read", "write", "cas"};
        assert_string_equal(h->names.text[ops->f[row]], names[i % 3]);
        assert_string_equal(h->nodes.text[ops->node[row]], nodes[i % 3]);
        assert_int_equal(ops->process[row], is_fault ? RIFT_PROCESS_NEMESIS : i % 7);
        assert_value(h, ops->argument[row], argument_of, i);
        char *key CLEANUP(rift_free) = rift_value_print(h->values, h->keys[ops->key[row]]);
        static const char *const keys[] = {"nil", "1", "2", "\"k\""};
        assert_string_equal(key, keys[i % 4]);
        bool is_done = ops->end[row] != RIFT_TIME_NEVER;
        if (is_whole)
            assert_int_equal(is_done, i % 11 != 10);
        if (!is_done) {
            assert_int_equal(ops->start[row], i * 100);
            assert_int_equal(ops->type[row], RIFT_OP_INFO);
            assert_true(rift_value_is_nil(ops->result[row]));
            continue;
        }
        assert_int_equal(ops->start[row], i * 100 + 5);
        assert_int_equal(ops->end[row], i * 100 + 170);
        assert_int_equal(ops->type[row], i % 3);
        assert_string_equal(h->errors.text[ops->error[row]], i % 3 ? "timeout" : "");
        assert_value(h, ops->result[row], argument_of, i + 1);
        assert_value(h, ops->extra_end ? ops->extra_end[row] : RIFT_VALUE_NIL, extra_of, i);
    }
    return i;
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    write_ops(3000, 700);
    struct rift_error err = {0};
    struct rift_history *h = rift_history_read(folder, NULL, &err);
    assert_non_null(h);
    assert_int_equal(assert_is_prefix(h, true), 3000);
    assert_false(h->is_truncated);
    assert_int_equal(h->time_kind, RIFT_TIME_NS);
    assert_string_equal(h->format, "rift");
    assert_null(h->ops.time_start);
    rift_history_destroy(h);
}

/* kill -9 leaves a prefix of the file: of any length, everything up to the last whole block. */
static void every_prefix_is_a_shorter_history(void **state)
{
    (void)state;
    write_ops(60, 10);
    size_t length = 0;
    char *data CLEANUP(rift_free) = slurp(&length);
    int longest = 0, step_count = 0;
    for (size_t cut = 0; cut <= length; cut++) {
        struct rift_error err = {0};
        struct rift_history *h = read_prefix(data, cut, &err);
        assert_non_null(h);
        assert_int_equal(h->is_truncated, cut < length);
        int count = assert_is_prefix(h, cut == length);
        assert_true(count >= longest);
        step_count += count > longest;
        longest = count;
        rift_history_destroy(h);
    }
    /* A block at each sync at least; a slow machine gives time for more. */
    assert_true(step_count >= 6);
    assert_int_equal(longest, 60);
}

/* A run of many blocks, enough to be unpacked by a thread, which the next two tests damage. How
 * many there are depends on how fast the machine is: the writer puts into a block what came within
 * a few milliseconds. */
enum { LARGE_OPS = 30000, LARGE_SYNCS = 60, BLOCKS_MAX = 8192 };

struct large_run {
    char *data;
    size_t length;
    size_t block_count; /* without the end block, whose place is starts[block_count] */
    size_t starts[BLOCKS_MAX];
    int invoked[BLOCKS_MAX], completed[BLOCKS_MAX]; /* in all blocks before this one */
};

static void large_run_init(struct large_run *run)
{
    write_ops(LARGE_OPS, LARGE_OPS / LARGE_SYNCS);
    run->data = slurp(&run->length);
    assert_true(run->length < 1 << 20);
    char *at = memmem(run->data, run->length, "RBLK", 4);
    assert_non_null(at);
    for (size_t n = 0;; n++) {
        uint32_t header[10]; /* docs/formats.md: magic, number, stored, raw, invoked, completed */
        assert_true(n + 1 < BLOCKS_MAX);
        memcpy(header, at, sizeof header);
        assert_int_equal(header[1], n);
        run->starts[n] = (size_t)(at - run->data);
        run->invoked[n + 1] = run->invoked[n] + (int)header[4];
        run->completed[n + 1] = run->completed[n] + (int)header[5];
        run->block_count = n;
        at += sizeof header + header[2];
        if (at == run->data + run->length)
            break;
    }
    assert_true(run->block_count >= LARGE_SYNCS);
    assert_int_equal(run->invoked[run->block_count], LARGE_OPS);
}

static void a_tear_in_a_large_run_says_how_far_it_was_read(void **state)
{
    (void)state;
    struct large_run *run CLEANUP(rift_free) = rift_calloc(1, sizeof *run);
    large_run_init(run);
    for (size_t block = 1; block < run->block_count; block += run->block_count / 7) {
        size_t middle = run->starts[block] + (run->starts[block + 1] - run->starts[block]) / 2;
        /* Of the operations in turn, every eleventh does not complete. */
        int count = run->invoked[block], last = run->completed[block] - 1;
        int end = (last + last / 10) * 100 + 170, start = (count - 1) * 100;
        for (int hole = 0; hole < 2; hole++) {
            /* A kill of the process leaves a shorter file; one of the machine may leave zeros. */
            char *torn CLEANUP(rift_free) = rift_calloc(1, run->length);
            memcpy(torn, run->data, middle);
            struct rift_error err = {0};
            struct rift_history *h = read_prefix(torn, hole ? run->length : middle, &err);
            assert_non_null(h);
            assert_true(h->is_truncated);
            assert_int_equal(assert_is_prefix(h, false), count);
            CLEANUP(rift_text_finish) struct rift_text reach = {0};
            rift_history_append_reach(h, &reach);
            char *said CLEANUP(rift_free) =
                rift_printf("torn at byte %zu: read up to operation %zu and %.3f s",
                            run->starts[block], h->ops.count, (end > start ? end : start) / 1e9);
            assert_string_equal(reach.data, said);
            rift_history_destroy(h);
        }
    }
    free(run->data);
}

static void bit_rot_in_a_large_run_is_an_error_that_names_its_block(void **state)
{
    (void)state;
    struct large_run *run CLEANUP(rift_free) = rift_calloc(1, sizeof *run);
    large_run_init(run);
    size_t block = 0;
    for (size_t i = run->starts[0]; i < run->starts[run->block_count]; i += run->length / 101) {
        while (run->starts[block + 1] <= i)
            block++;
        struct rift_error err = {0};
        run->data[i] ^= 16;
        assert_null(read_prefix(run->data, run->length, &err));
        run->data[i] ^= 16;
        char *said CLEANUP(rift_free) = rift_printf("damaged at byte %zu: ", run->starts[block]);
        assert_non_null(strstr(err.text, said));
    }
    free(run->data);
}

/* A flipped bit is an error that names the place, or costs nothing but the end mark or the last
 * block; never an operation in the middle. */
static void no_flipped_bit_goes_unnoticed(void **state)
{
    (void)state;
    write_ops(60, 20);
    size_t length = 0;
    char *data CLEANUP(rift_free) = slurp(&length);
    size_t end_mark = length - 40;
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct rift_error err = {0};
            data[i] ^= (char)(1 << bit);
            struct rift_history *h = read_prefix(data, length, &err);
            data[i] ^= (char)(1 << bit);
            if (i < end_mark) {
                assert_null(h);
                assert_non_null(strstr(err.text, i < 12 ? "h: " : "at byte"));
                continue;
            }
            assert_non_null(h);
            assert_true(h->is_truncated);
            assert_int_equal(assert_is_prefix(h, true), 60);
            rift_history_destroy(h);
        }
    }
}

static void a_missing_block_in_the_middle_is_refused(void **state)
{
    (void)state;
    write_ops(40, 10);
    size_t length = 0;
    char *data CLEANUP(rift_free) = slurp(&length);
    /* The blocks start at the magic that the format has. */
    char *first = memmem(data, length, "RBLK", 4);
    char *second = memmem(first + 4, length - (size_t)(first + 4 - data), "RBLK", 4);
    size_t gap = (size_t)(second - first);
    memmove(first, second, length - (size_t)(second - data));
    struct rift_error err = {0};
    assert_null(read_prefix(data, length - gap, &err));
    assert_non_null(strstr(err.text, "missing"));
}

static void trailing_bytes_are_an_error(void **state)
{
    (void)state;
    write_ops(5, 10);
    size_t length = 0;
    char *data CLEANUP(rift_free) = slurp(&length);
    data[length] = 'x';
    struct rift_error err = {0};
    assert_null(read_prefix(data, length + 1, &err));
    assert_non_null(strstr(err.text, "after the end mark"));
}

/* A file of two operations and of completions of these. */
static void completions_of(const int64_t *ids, size_t count, struct rift_text *bytes)
{
    struct rift_error err = {0};
    struct rift_block_tables tables;
    struct rift_block block = {0};
    struct rift_values *values = rift_values_create();
    rift_block_tables_init(&tables);
    rift_block_encode_file_header(RIFT_TIME_NS, NULL, bytes);
    for (int64_t i = 0; i < 2; i++) {
        const struct rift_block_invoke invoke = {
            .time = i, .f = "read", .values = values, .clock = RIFT_TIME_NEVER};
        assert_int_equal(rift_block_invoke(&block, &tables, &invoke, &err), 0);
    }
    for (size_t i = 0; i < count; i++) {
        const struct rift_block_complete complete = {
            .id = ids[i], .start = 2, .end = 3, .values = values, .clock = RIFT_TIME_NEVER};
        assert_int_equal(rift_block_complete(&block, &tables, &complete, &err), 0);
    }
    assert_int_equal(rift_block_encode(&block, 0, bytes, &err), 0);
    rift_block_encode_end(1, bytes);
    rift_block_finish(&block);
    rift_block_tables_finish(&tables);
    rift_values_destroy(values);
}

static void no_operation_completes_twice_or_before_it_is_invoked(void **state)
{
    (void)state;
    static const int64_t ids[][2] = {{0, 1}, {1, 0}, {0, 0}, {1, 1}, {0, 2}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        CLEANUP(rift_text_finish) struct rift_text bytes = {0};
        struct rift_error err = {0};
        completions_of(ids[i], 2, &bytes);
        struct rift_history *h = read_prefix(bytes.data, bytes.length, &err);
        assert_int_equal(h != NULL, i < 2);
        assert_true(h || strstr(err.text, "the content of a block"));
        rift_history_destroy(h);
    }
}

static void an_existing_history_is_not_overwritten(void **state)
{
    (void)state;
    write_ops(5, 10);
    struct rift_error err = {0};
    assert_null(rift_writer_open(path, &err));
    assert_int_equal(err.code, RIFT_ERR_CONFLICT);
}

static void what_is_synced_can_be_read_while_the_writer_goes_on(void **state)
{
    (void)state;
    unlink(path);
    struct rift_writer *writer = rift_writer_open(path, NULL);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    for (int i = 0; i < 30; i++) {
        append(writer, v, i);
        assert_int_equal(rift_writer_sync(writer, NULL), 0);
        struct rift_history *h = rift_history_read(path, NULL, NULL);
        assert_non_null(h);
        assert_true(h->is_truncated);
        assert_int_equal(assert_is_prefix(h, true), i + 1);
        rift_history_destroy(h);
    }
    rift_values_destroy(v);
    assert_int_equal(rift_writer_close(writer, NULL), 0);
}

/* What is appended while the thread writes belongs to the next round. */
static void a_sync_waits_for_what_came_during_a_write(void **state)
{
    (void)state;
    unlink(path);
    struct rift_writer *writer = rift_writer_open(path, NULL);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    for (int i = 0; i < 60; i += 2) {
        append(writer, v, i);
        /* The thread gathers for 4 ms, then writes and syncs. */
        rift_clock_sleep_until(rift_clock_now() + 4 * RIFT_MS + i * RIFT_MS / 30);
        append(writer, v, i + 1);
        assert_int_equal(rift_writer_sync(writer, NULL), 0);
        struct rift_history *h = rift_history_read(path, NULL, NULL);
        assert_non_null(h);
        assert_int_equal(assert_is_prefix(h, true), i + 2);
        rift_history_destroy(h);
    }
    rift_values_destroy(v);
    assert_int_equal(rift_writer_close(writer, NULL), 0);
}

/* The size limit of the process stands for a disk that is full. */
static void a_full_disk_is_reported_and_what_came_before_is_kept(void **state)
{
    (void)state;
    unlink(path);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    struct rift_writer *writer = rift_writer_open(path, NULL);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    for (int i = 0; i < 100; i++)
        append(writer, v, i);
    assert_int_equal(rift_writer_sync(writer, NULL), 0);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    limit = (struct rlimit){(rlim_t)status.st_size + 100, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int i = 100; i < 200; i++)
        append(writer, v, i);
    struct rift_error err = {0};
    int synced = rift_writer_sync(writer, &err);
    struct rift_error again = {0};
    int status_later = rift_writer_status(writer, &again);
    append(writer, v, 200);
    int closed = rift_writer_close(writer, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    rift_values_destroy(v);
    assert_int_equal(synced, -1);
    assert_int_equal(status_later, -1);
    assert_int_equal(closed, -1);
    assert_int_equal(err.code, RIFT_ERR_IO);
    assert_non_null(strstr(again.text, path));

    struct rift_history *h = rift_history_read(path, NULL, &err);
    assert_non_null(h);
    assert_true(h->is_truncated);
    assert_int_equal(assert_is_prefix(h, true), 100);
    rift_history_destroy(h);
}

static void errors_that_all_differ_do_not_end_a_run(void **state)
{
    (void)state;
    enum { COUNT = 66000 };
    unlink(path);
    struct rift_writer *writer = rift_writer_open(path, NULL);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    for (int i = 0; i < COUNT; i++) {
        char error[32];
        snprintf(error, sizeof error, "request %d timed out", i);
        int64_t id =
            rift_writer_invoke(writer, i, 1, "read", v, RIFT_VALUE_NIL, RIFT_VALUE_NIL, NULL);
        rift_writer_complete(writer, id, RIFT_OP_INFO, i, i, v, RIFT_VALUE_NIL, RIFT_VALUE_NIL,
                             error);
    }
    rift_values_destroy(v);
    assert_int_equal(rift_writer_close(writer, NULL), 0);
    struct rift_history *h = rift_history_read(path, NULL, NULL);
    assert_non_null(h);
    assert_int_equal(h->ops.count, COUNT);
    assert_string_equal(h->errors.text[h->ops.error[60000]], "request 60000 timed out");
    assert_string_equal(h->errors.text[h->ops.error[COUNT - 1]], "(one of many more errors)");
    rift_history_destroy(h);
}

static void more_operations_than_the_memory_bound_are_refused(void **state)
{
    (void)state;
    write_ops(3000, 700);
    const struct rift_read_options options = {.memory_bytes = 100000};
    struct rift_error err = {0};
    assert_null(rift_history_read(path, &options, &err));
    assert_int_equal(err.code, RIFT_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(every_prefix_is_a_shorter_history),
        cmocka_unit_test(a_tear_in_a_large_run_says_how_far_it_was_read),
        cmocka_unit_test(bit_rot_in_a_large_run_is_an_error_that_names_its_block),
        cmocka_unit_test(no_flipped_bit_goes_unnoticed),
        cmocka_unit_test(a_missing_block_in_the_middle_is_refused),
        cmocka_unit_test(trailing_bytes_are_an_error),
        cmocka_unit_test(no_operation_completes_twice_or_before_it_is_invoked),
        cmocka_unit_test(an_existing_history_is_not_overwritten),
        cmocka_unit_test(what_is_synced_can_be_read_while_the_writer_goes_on),
        cmocka_unit_test(a_sync_waits_for_what_came_during_a_write),
        cmocka_unit_test(a_full_disk_is_reported_and_what_came_before_is_kept),
        cmocka_unit_test(errors_that_all_differ_do_not_end_a_run),
        cmocka_unit_test(more_operations_than_the_memory_bound_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

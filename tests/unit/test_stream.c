/* A streamed history has the operations of the loaded one, whatever the blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "common/text.h"
#include "history/export/export.h"
#include "history/reader.h"
#include "history/stream.h"
#include "history/writer.h"

static char folder[] = "/tmp/rift-stream-XXXXXX";
static char *path;

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    path = rift_printf("%s/history.rift", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    free(path);
    return rmdir(folder);
}

/* Lists, so that values and keys are boxes; every thirteenth operation stays open to the end, and
 * those of process 3 over many blocks. */
static void write_run(int count, int list_length, int sync_every)
{
    static const char *const names[] = {"read", "write", "append"};
    struct rift_error err = {0};
    unlink(path);
    struct rift_writer *writer = rift_writer_open(path, &err);
    assert_non_null(writer);
    struct rift_values *v = rift_values_create();
    int32_t *numbers CLEANUP(rift_free) = rift_calloc((size_t)list_length, sizeof *numbers);
    int64_t slow_id = -1;
    for (int i = 0; i < count; i++) {
        numbers[0] = i;
        struct rift_value list = rift_value_list_of_int32(v, numbers, (size_t)list_length);
        int32_t key_numbers[] = {i % 50, 7, 9};
        struct rift_value key = rift_value_list_of_int32(v, key_numbers, 3);
        if (i % 500 == 3 && slow_id >= 0)
            rift_writer_complete(writer, slow_id, RIFT_OP_FAIL, slow_id * 100 + 3, i * 100, v, list,
                                 RIFT_VALUE_NIL, "late");
        int64_t id = rift_writer_invoke(writer, i * 100, i % 7 ? i % 7 : RIFT_PROCESS_NEMESIS,
                                        names[i / 100 % 3], v, key, list, i % 2 ? "n1" : NULL);
        if (i % 500 == 3)
            slow_id = id;
        else if (i % 13)
            rift_writer_complete(writer, id, (enum rift_op_type)(i % 3), i * 100 + 5, i * 100 + 170,
                                 v, list, RIFT_VALUE_NIL,
                                 i % 3 && i > count / 2 ? "timeout" : NULL);
        if (i % sync_every == 0)
            assert_int_equal(rift_writer_sync(writer, NULL), 0);
        if (i % 13 == 0)
            rift_values_reset(v);
    }
    rift_values_destroy(v);
    assert_int_equal(rift_writer_close(writer, &err), 0);
}

struct lines {
    char **items;
    size_t count, capacity;
};

static void lines_add(struct lines *lines, const struct rift_history *h, const struct rift_ops *ops)
{
    const struct rift_values *v = h->values;
    for (size_t row = 0; row < ops->count; row++) {
        struct rift_text line = {0};
        rift_text_printf(&line, "%d %s %s %s %d %lld %lld ", ops->process[row],
                         h->names.text[ops->f[row]], h->errors.text[ops->error[row]],
                         h->nodes.text[ops->node[row]], ops->type[row], (long long)ops->start[row],
                         (long long)ops->end[row]);
        rift_value_print_to(&line, v, h->keys[ops->key[row]]);
        rift_value_print_to(&line, v, ops->argument[row]);
        rift_value_print_to(&line, v, ops->result[row]);
        bool has_times = ops->time_start, has_extras = ops->extra_start;
        rift_text_printf(&line, " %lld %lld ",
                         (long long)(has_times ? ops->time_start[row] : RIFT_TIME_NEVER),
                         (long long)(has_times ? ops->time_end[row] : RIFT_TIME_NEVER));
        rift_value_print_to(&line, v, has_extras ? ops->extra_start[row] : RIFT_VALUE_NIL);
        rift_value_print_to(&line, v, has_extras ? ops->extra_end[row] : RIFT_VALUE_NIL);
        if (lines->count == lines->capacity) {
            lines->capacity = 2 * lines->capacity + 64;
            lines->items = rift_reallocarray(lines->items, lines->capacity, sizeof *lines->items);
        }
        lines->items[lines->count++] = rift_text_take(&line);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_finish(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
}

/* Returns the number of parts. */
static size_t assert_streams_as_it_loads(void)
{
    struct rift_error err = {0};
    struct rift_history *h = rift_history_read(path, NULL, &err);
    assert_non_null(h);
    struct lines loaded = {0}, streamed = {0};
    lines_add(&loaded, h, &h->ops);
    lines_add(&loaded, h, &h->nemesis);

    struct rift_stream *stream;
    const struct rift_history *part;
    size_t part_count = 0;
    int more;
    assert_int_equal(rift_stream_open(path, &stream, &err), 0);
    assert_non_null(stream);
    while ((more = rift_stream_next(stream, &part, &err)) == 1) {
        lines_add(&streamed, part, &part->ops);
        lines_add(&streamed, part, &part->nemesis);
        part_count++;
    }
    assert_int_equal(more, 0);
    assert_int_equal(part->is_truncated, h->is_truncated);
    struct rift_reach a = rift_history_reach(h), b = rift_stream_reach(stream);
    assert_int_equal(a.op_count, b.op_count);
    assert_int_equal(a.last_ns, b.last_ns);
    assert_int_equal(a.cut_at_byte, b.cut_at_byte);

    assert_int_equal(loaded.count, streamed.count);
    if (loaded.count > 0) {
        qsort(loaded.items, loaded.count, sizeof *loaded.items, compare_lines);
        qsort(streamed.items, streamed.count, sizeof *streamed.items, compare_lines);
    }
    for (size_t i = 0; i < loaded.count; i++)
        assert_string_equal(loaded.items[i], streamed.items[i]);
    lines_finish(&loaded);
    lines_finish(&streamed);
    rift_stream_close(stream);
    rift_history_destroy(h);
    return part_count;
}

static void a_stream_has_every_operation(void **state)
{
    (void)state;
    write_run(4000, 3, 100);
    assert_in_range(assert_streams_as_it_loads(), 40, 4000);
}

/* More values than are kept: those of open operations and of keys survive. */
static void values_that_are_still_needed_are_kept(void **state)
{
    (void)state;
    write_run(2500, 2000, 100);
    assert_in_range(assert_streams_as_it_loads(), 25, 4000);
}

static void a_stream_ends_where_the_file_is_torn(void **state)
{
    (void)state;
    write_run(60, 3, 10);
    FILE *file = fopen(path, "rb");
    char data[20000];
    size_t length = fread(data, 1, sizeof data, file);
    fclose(file);
    assert_in_range(length, 1000, sizeof data - 1);
    for (size_t cut = 1; cut < length; cut++) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
        assert_streams_as_it_loads();
        file = fopen(path, "wb");
        fwrite(data, 1, length, file);
        fclose(file);
    }
}

static void damage_ends_a_stream_with_an_error(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_stream *stream;
    const struct rift_history *part;
    int more;
    write_run(4000, 3, 100);
    FILE *file = fopen(path, "r+b");
    fseek(file, 5000, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 5000, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    assert_int_equal(rift_stream_open(path, &stream, &err), 0);
    while ((more = rift_stream_next(stream, &part, &err)) == 1)
        ;
    assert_int_equal(more, -1);
    assert_non_null(strstr(err.text, "damaged at byte"));
    rift_stream_close(stream);
}

/* Further keys and times for people in some blocks only. */
static void a_converted_history_streams_too(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_text edn = {0};
    for (int i = 0; i < 300000; i++) {
        rift_text_printf(&edn, "{:type :invoke, :f :w, :value %d, :process %d%s}\n", i, i % 5,
                         i > 200000 && i % 3 == 0 ? ", :time 7, :extra [1 2]" : "");
        rift_text_printf(&edn, "{:type :%s, :f :w, :value %d, :process %d%s}\n",
                         i % 4 ? "ok" : "fail", i, i % 5, i > 250000 ? ", :more {:a 1.5}" : "");
    }
    struct rift_history *h = rift_history_read_bytes("converted", edn.data, edn.length, NULL, &err);
    assert_non_null(h);
    unlink(path);
    assert_int_equal(rift_history_export(h, "rift", path, &err), 0);
    rift_history_destroy(h);
    rift_text_finish(&edn);
    assert_in_range(assert_streams_as_it_loads(), 2, 10);
}

static void another_format_is_no_stream(void **state)
{
    (void)state;
    struct rift_stream *stream;
    struct rift_error err = {0};
    FILE *file = fopen(path, "wb");
    fputs("{:type :invoke, :f :read, :process 0, :value nil}\n", file);
    fclose(file);
    assert_int_equal(rift_stream_open(path, &stream, &err), 0);
    assert_null(stream);
}

/* But for the examples, which are rows. */
static void stats_of_a_stream_are_those_of_the_whole(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_stream *stream;
    const struct rift_history *part;
    const struct rift_checker *stats = rift_checker_find("stats");
    write_run(4000, 3, 100);
    struct rift_history *h = rift_history_read(path, NULL, &err);
    struct rift_verdict whole = {0}, streamed = {0};
    struct rift_check check = {.history = h};
    assert_int_equal(stats->check(&check, &whole, &err), 0);

    assert_int_equal(rift_stream_open(path, &stream, &err), 0);
    void *counts = stats->stream->begin(&(struct rift_check){0});
    while (rift_stream_next(stream, &part, &err) == 1)
        stats->stream->add(counts, part);
    stats->stream->end(counts, part, &streamed);

    static const char *const groups[] = {"by_operation", "by_error"};
    for (size_t i = 0; i < 2; i++) {
        json_t *group = json_object_get(json_object_get(whole.details, "stats"), groups[i]);
        const char *name;
        json_t *tally;
        assert_int_equal(json_object_size(group), i == 0 ? 3 : 2);
        json_object_foreach(group, name, tally) json_object_del(tally, "example");
    }
    json_t *unhandled = json_object_get(json_object_get(whole.details, "stats"), "unhandled");
    assert_true(json_array_size(unhandled) > 0);
    for (size_t i = 0; i < json_array_size(unhandled); i++)
        json_object_del(json_array_get(unhandled, i), "example");
    assert_int_equal(whole.validity, streamed.validity);
    assert_true(json_equal(whole.details, streamed.details));
    rift_verdict_finish(&whole);
    rift_verdict_finish(&streamed);
    rift_stream_close(stream);
    rift_history_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_has_every_operation),
        cmocka_unit_test(values_that_are_still_needed_are_kept),
        cmocka_unit_test(a_stream_ends_where_the_file_is_torn),
        cmocka_unit_test(damage_ends_a_stream_with_an_error),
        cmocka_unit_test(a_converted_history_streams_too),
        cmocka_unit_test(another_format_is_no_stream),
        cmocka_unit_test(stats_of_a_stream_are_those_of_the_whole),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* Every history of other projects that is at hand: read, told by its content, and the same again
 * after a journey through each format that Rift writes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/memory.h"
#include "common/text.h"
#include "history/export/export.h"
#include "history/reader.h"

enum { COLUMNS = 4, PAIRS_MAX = 1500 };

/* A row of INDEX.tsv, as far as it concerns reading. */
struct row {
    char *file;
    char *format;
    char *model;
    char *count;
};

static char *folder;
static struct row *rows;
static size_t row_count;

static int read_index(void **state)
{
    (void)state;
    const char *given = getenv("RIFT_PEER_HISTORIES");
    folder = rift_strdup(given ? given : "../shared/data");
    char *path CLEANUP(rift_free) = rift_printf("%s/INDEX.tsv", folder);
    FILE *file = fopen(path, "r");
    char line[4096];
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        char *rest = line, *words[COLUMNS];
        for (int i = 0; i < COLUMNS; i++)
            words[i] = rest ? strsep(&rest, "\t\n") : "";
        if (strcmp(words[1], "tsv") == 0 || strcmp(words[0], "file") == 0)
            continue;
        rows = rift_reallocarray(rows, row_count + 1, sizeof *rows);
        rows[row_count++] = (struct row){rift_strdup(words[0]), rift_strdup(words[1]),
                                         rift_strdup(words[2]), rift_strdup(words[3])};
    }
    fclose(file);
    return 0;
}

static int drop_index(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        free(rows[i].file);
        free(rows[i].format);
        free(rows[i].model);
        free(rows[i].count);
    }
    free(rows);
    free(folder);
    return 0;
}

static void skip_without_histories(void)
{
    if (row_count)
        return;
    print_message("no INDEX.tsv in '%s': set RIFT_PEER_HISTORIES\n", folder);
    skip();
}

static struct rift_history *read_row(const struct row *row)
{
    struct rift_error err = {0};
    char *path CLEANUP(rift_free) = rift_printf("%s/%s", folder, row->file);
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history)
        fail_msg("%s", err.text);
    return history;
}

/* What the index calls a format, and what Rift does. */
static const char *const names[][2] = {
    {"edn", "jepsen-edn"},          {"jepsen-edn", "jepsen-edn"},
    {"jepsen-json", "jsonl"},       {"porcupine-jepsen-log", "porcupine-jepsen-log"},
    {"plume-text", "plume-text"},   {"porcupine-kv-log", "porcupine-kv-log"},
    {"awdit-test", "awdit-test"},   {"fastlin-hist", "fastlin-log"},
    {"polylin-log", "fastlin-log"}, {"fptlin-hist", "fptlin-log"},
    {"limo-hist", "calls-log"},     {"popl16-log", "calls-log"},
};

static const char *our_name(const char *format)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], format) == 0)
            return names[i][1];
    return format;
}

static void every_format_is_told_by_its_content(void **state)
{
    (void)state;
    skip_without_histories();
    for (size_t i = 0; i < row_count; i++) {
        struct rift_history *h = read_row(&rows[i]);
        /* An empty file is of no format at all. */
        if (h->ops.count && strcmp(h->format, our_name(rows[i].format)) != 0)
            fail_msg("%s: taken for %s", rows[i].file, h->format);
        bool says_model = h->model && strcmp(h->format, "plume-text") != 0 &&
                          strcmp(h->format, "awdit-test") != 0;
        if (h->ops.count && says_model && strcmp(h->model, rows[i].model) != 0)
            fail_msg("%s: model %s", rows[i].file, h->model);
        rift_history_destroy(h);
    }
}

/* The readers that made the index left out what their checkers do not need: operations that failed,
 * except in the logs where a failure is an observation, and reads without an answer; of Elle's
 * transactions it counts the completions, and the faults too. */
static size_t count_as_the_index_does(const struct rift_history *h)
{
    size_t count = 0;
    bool counts_faults = h->ops.count && strcmp(h->names.text[h->ops.f[0]], "txn") == 0;
    bool counts_all = h->model && strcmp(h->format, "plume-text") != 0;
    for (size_t i = 0; i < h->ops.count; i++) {
        const char *f = h->names.text[h->ops.f[i]];
        bool is_read = strcmp(f, "read") == 0;
        if (strcmp(f, "txn") == 0 && strcmp(h->format, "jepsen-edn") == 0)
            count += h->ops.end[i] != RIFT_TIME_NEVER;
        else
            count += counts_all || h->ops.type[i] == RIFT_OP_OK ||
                     (h->ops.type[i] == RIFT_OP_INFO && !is_read);
    }
    return counts_faults ? count + h->nemesis.count : count;
}

static void operations_are_as_many_as_others_counted(void **state)
{
    (void)state;
    skip_without_histories();
    for (size_t i = 0; i < row_count; i++) {
        char *end = NULL;
        unsigned long count = strtoul(rows[i].count, &end, 10);
        if (end == rows[i].count || *end)
            continue;
        struct rift_history *h = read_row(&rows[i]);
        if (count_as_the_index_does(h) != count)
            fail_msg("%s: %zu operations, the index says %lu", rows[i].file,
                     count_as_the_index_does(h), count);
        rift_history_destroy(h);
    }
}

static void assert_same_value(const char *file, const struct rift_history *a, struct rift_value x,
                              const struct rift_history *b, struct rift_value y)
{
    char *first CLEANUP(rift_free) = rift_value_print(a->values, x);
    char *second CLEANUP(rift_free) = rift_value_print(b->values, y);
    if (strcmp(first, second) != 0)
        fail_msg("%s: %s became %s", file, first, second);
}

static struct rift_value extra_of(const struct rift_value *column, size_t row)
{
    return column ? column[row] : RIFT_VALUE_NIL;
}

static int64_t time_of(const int64_t *column, size_t row)
{
    return column ? column[row] : RIFT_TIME_NEVER;
}

static void assert_same_ops(const char *file, const struct rift_history *a,
                            const struct rift_ops *x, const struct rift_history *b,
                            const struct rift_ops *y)
{
    if (x->count != y->count)
        fail_msg("%s: %zu operations became %zu", file, x->count, y->count);
    for (size_t i = 0; i < x->count; i++) {
        assert_int_equal(x->process[i], y->process[i]);
        assert_int_equal(x->type[i], y->type[i]);
        assert_string_equal(a->names.text[x->f[i]], b->names.text[y->f[i]]);
        assert_string_equal(a->errors.text[x->error[i]], b->errors.text[y->error[i]]);
        assert_string_equal(a->nodes.text[x->node[i]], b->nodes.text[y->node[i]]);
        assert_int_equal(x->key[i] != 0, y->key[i] != 0);
        assert_same_value(file, a, a->keys[x->key[i]], b, b->keys[y->key[i]]);
        assert_same_value(file, a, x->argument[i], b, y->argument[i]);
        assert_same_value(file, a, x->result[i], b, y->result[i]);
        assert_same_value(file, a, extra_of(x->extra_start, i), b, extra_of(y->extra_start, i));
        assert_same_value(file, a, extra_of(x->extra_end, i), b, extra_of(y->extra_end, i));
        assert_true(time_of(x->time_start, i) == time_of(y->time_start, i));
        assert_true(time_of(x->time_end, i) == time_of(y->time_end, i));
    }
}

/* The relation that checkers go by: an operation ended before another started. Within a process it
 * is known anyway. */
static void assert_same_order(const char *file, const struct rift_ops *x, const struct rift_ops *y)
{
    size_t count = x->count < PAIRS_MAX ? x->count : PAIRS_MAX;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (x->process[i] != x->process[j] &&
                (x->end[i] < x->start[j]) != (y->end[i] < y->start[j]))
                fail_msg("%s: the order of operations %zu and %zu has changed", file, i, j);
}

static struct rift_history *travel(const struct rift_history *h, const char *format)
{
    struct rift_error err = {0};
    CLEANUP(rift_text_finish) struct rift_text text = {0};
    assert_int_equal(rift_history_export_text(h, format, &text, &err), 0);
    struct rift_history *back =
        rift_history_read_bytes("export", text.data, text.length, NULL, &err);
    if (!back)
        fail_msg("%s", err.text);
    return back;
}

static void journeys_through(const char *format)
{
    for (size_t i = 0; i < row_count; i++) {
        struct rift_history *h = read_row(&rows[i]);
        struct rift_history *back = travel(h, format);
        assert_same_ops(rows[i].file, h, &h->ops, back, &back->ops);
        assert_same_ops(rows[i].file, h, &h->nemesis, back, &back->nemesis);
        assert_same_order(rows[i].file, &h->ops, &back->ops);
        rift_history_destroy(h);
        rift_history_destroy(back);
    }
}

static void edn_gives_the_same_history_again(void **state)
{
    (void)state;
    skip_without_histories();
    journeys_through("edn");
}

static void our_own_file_gives_the_same_history_again(void **state)
{
    (void)state;
    skip_without_histories();
    journeys_through("rift");
    for (size_t i = 0; i < row_count; i++) {
        struct rift_history *h = read_row(&rows[i]);
        struct rift_history *back = travel(h, "rift");
        assert_memory_equal(h->ops.start, back->ops.start, h->ops.count * sizeof *h->ops.start);
        assert_memory_equal(h->ops.end, back->ops.end, h->ops.count * sizeof *h->ops.end);
        assert_int_equal(h->time_kind, back->time_kind);
        assert_string_equal(h->model ? h->model : "", back->model ? back->model : "");
        assert_false(back->is_truncated);
        rift_history_destroy(h);
        rift_history_destroy(back);
    }
}

/* JSON has no keywords and no sets: what comes out of the first journey stays as it is. */
static void json_gives_what_json_can_say(void **state)
{
    (void)state;
    skip_without_histories();
    for (size_t i = 0; i < row_count; i++) {
        struct rift_history *h = read_row(&rows[i]);
        struct rift_history *once = travel(h, "jsonl"), *twice = travel(once, "jsonl");
        if (h->ops.count != once->ops.count)
            fail_msg("%s: %zu operations became %zu", rows[i].file, h->ops.count, once->ops.count);
        assert_same_order(rows[i].file, &h->ops, &once->ops);
        assert_same_ops(rows[i].file, once, &once->ops, twice, &twice->ops);
        rift_history_destroy(h);
        rift_history_destroy(once);
        rift_history_destroy(twice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_told_by_its_content),
        cmocka_unit_test(operations_are_as_many_as_others_counted),
        cmocka_unit_test(edn_gives_the_same_history_again),
        cmocka_unit_test(our_own_file_gives_the_same_history_again),
        cmocka_unit_test(json_gives_what_json_can_say),
    };
    return cmocka_run_group_tests(tests, read_index, drop_index);
}

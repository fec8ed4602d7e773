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
#include "common/rng.h"
#include "common/text.h"
#include "history/builder.h"
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
    /* Hashes are of the values themselves: a print that lost something would do so twice. */
    if (strcmp(first, second) != 0 ||
        rift_value_hash(a->values, x) != rift_value_hash(b->values, y))
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

enum { RANDOM_HISTORIES = 300, RANDOM_OPS = 12, DEEPEST = 3 };

/* Characters that notations treat in ways of their own. */
static size_t random_text(struct rift_rng *rng, char text[40])
{
    static const char *const pieces[] = {"a", "type", " ", "\"", "\\",       "\n",   "\t",
                                         ":", "#",    ";", ",",  "{",        "]",    "'",
                                         "/", "nil",  "1", "-",  "\xc3\xa9", "\x01", "rift/key"};
    size_t length = 0;
    for (uint64_t n = rift_rng_below(rng, 4); n > 0; n--) {
        const char *piece = pieces[rift_rng_below(rng, sizeof pieces / sizeof *pieces)];
        memcpy(text + length, piece, strlen(piece));
        length += strlen(piece);
    }
    text[length] = '\0';
    return length;
}

static struct rift_value random_value(struct rift_values *v, struct rift_rng *rng, int depth)
{
    static const char *const words[] = {"append", "r", "w", "a-b", "x/y", "type", "nil"};
    static const int64_t integers[] = {0, -1, 7, INT32_MAX, INT64_MAX, INT64_MIN, INT64_C(1) << 60};
    static const double doubles[] = {0, -0.0, 0.1, 1e300, 5e-324, -3, 1e15, 0.1 + 0.2, 2.0 / 3};
    static const enum rift_value_kind boxes[] = {RIFT_LIST, RIFT_PAIR, RIFT_SET, RIFT_MAP};
    char text[40];
    switch (rift_rng_below(rng, depth == DEEPEST ? 8 : depth > 0 ? 7 : 6)) {
    case 0:
        return RIFT_VALUE_NIL;
    case 1:
        return rift_value_bool(rift_rng_below(rng, 2));
    case 2:
        return rift_value_integer(v, integers[rift_rng_below(rng, 7)]);
    case 3: {
        size_t length = random_text(rng, text);
        return rift_value_text(v, text, length);
    }
    case 4: {
        const char *word = words[rift_rng_below(rng, 7)];
        return rift_value_keyword(v, word, strlen(word));
    }
    case 5:
        return rift_value_double(v, doubles[rift_rng_below(rng, 9)]);
    case 7: { /* within another value it would be a list of lists */
        struct rift_value part[3] = {rift_value_keyword(v, "append", 6), random_value(v, rng, 0),
                                     random_value(v, rng, 0)};
        return rift_value_box(v, RIFT_TXN, part, 3);
    }
    default:
        break;
    }
    /* Sets and maps without equal items, which no notation has. */
    struct rift_value items[4];
    enum rift_value_kind kind = boxes[rift_rng_below(rng, 4)];
    size_t count = kind == RIFT_PAIR ? 2 : 2 * rift_rng_below(rng, 3);
    for (size_t i = 0; i < count; i++)
        items[i] = (kind == RIFT_SET || (kind == RIFT_MAP && i % 2 == 0))
                       ? rift_value_integer(v, (int64_t)i)
                       : random_value(v, rng, depth - 1);
    return rift_value_box(v, kind, items, count);
}

/* Keys of a record, and others: known ones too, which our own file may hold. */
static struct rift_value random_extra(struct rift_values *v, struct rift_rng *rng)
{
    static const char *const keys[] = {"type",     "process", "f",          "value", "time",
                                       "rift/key", "more",    "rift/extra", "debug"};
    struct rift_value items[4];
    size_t count = 2 * rift_rng_below(rng, 3), first = rift_rng_below(rng, 9);
    for (size_t i = 0; i < count; i += 2) {
        const char *name = keys[(first + i) % 9];
        items[i] = rift_value_keyword(v, name, strlen(name));
        items[i + 1] = random_value(v, rng, 2);
    }
    return count ? rift_value_box(v, RIFT_MAP, items, count) : RIFT_VALUE_NIL;
}

/* By the way of our own file, which is what a run leaves. */
static struct rift_history *random_history(struct rift_rng *rng)
{
    enum rift_time_kind kind = rift_rng_below(rng, 2) ? RIFT_TIME_NS : RIFT_TIME_LINES;
    struct rift_builder *builder = rift_builder_create(kind);
    struct rift_values *v = rift_builder_values(builder);
    bool has_extras = rift_rng_below(rng, 2), is_keyed = rift_rng_below(rng, 2);
    struct rift_error err = {0};
    for (int i = 0; i < RANDOM_OPS; i++) {
        char f[44] = "f", error[44] = "e";
        random_text(rng, f + 1);
        random_text(rng, error + 1);
        struct rift_event event = {
            .process = i % 4 ? i : RIFT_PROCESS_NEMESIS,
            .f = f,
            .value = random_value(v, rng, DEEPEST),
            .has_key = is_keyed && i % 4,
            .key = random_value(v, rng, 1),
            .node = i % 3 ? "n1" : NULL,
            .has_time = true,
            .time_ns = i * 10,
        };
        event.extra = has_extras ? random_extra(v, rng) : RIFT_VALUE_NIL;
        assert_int_equal(rift_builder_add(builder, &event, &err), 0);
        /* In EDN the next info of the same name ends a fault, so each fault ends. */
        if (i % 4 && rift_rng_below(rng, 6) == 0)
            continue;
        event.type = i % 4 ? RIFT_EVENT_OK + (unsigned)rift_rng_below(rng, 3) : RIFT_EVENT_INFO;
        event.value = random_value(v, rng, DEEPEST);
        event.error = rift_rng_below(rng, 2) ? error : NULL;
        event.extra = has_extras ? random_extra(v, rng) : RIFT_VALUE_NIL;
        event.time_ns += 5;
        assert_int_equal(rift_builder_add(builder, &event, &err), 0);
    }
    struct rift_history *built = rift_builder_finish(builder, &err);
    assert_non_null(built);
    struct rift_history *h = travel(built, "rift");
    assert_same_ops("our own file", built, &built->ops, h, &h->ops);
    rift_history_destroy(built);
    return h;
}

/* Only a time of the run becomes a time for people. */
static void hide_times(struct rift_history *h)
{
    rift_ops_drop_times(&h->ops);
    rift_ops_drop_times(&h->nemesis);
}

static void random_histories_come_back_from_edn(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 11);
    for (int i = 0; i < RANDOM_HISTORIES; i++) {
        char *name CLEANUP(rift_free) = rift_printf("history %d", i);
        struct rift_history *h = random_history(&rng);
        struct rift_history *back = travel(h, "edn");
        hide_times(h);
        hide_times(back);
        assert_same_ops(name, h, &h->ops, back, &back->ops);
        assert_same_ops(name, h, &h->nemesis, back, &back->nemesis);
        assert_same_order(name, &h->ops, &back->ops);
        rift_history_destroy(h);
        rift_history_destroy(back);
    }
}

/* JSON has no keywords and no sets, so values count from the second journey on. */
static void random_histories_come_back_from_json(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 12);
    for (int i = 0; i < RANDOM_HISTORIES; i++) {
        char *name CLEANUP(rift_free) = rift_printf("history %d", i);
        struct rift_history *h = random_history(&rng);
        struct rift_history *once = travel(h, "jsonl"), *twice = travel(once, "jsonl");
        assert_int_equal(h->ops.count, once->ops.count);
        assert_same_order(name, &h->ops, &once->ops);
        assert_same_ops(name, once, &once->ops, twice, &twice->ops);
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
        cmocka_unit_test(random_histories_come_back_from_edn),
        cmocka_unit_test(random_histories_come_back_from_json),
    };
    return cmocka_run_group_tests(tests, read_index, drop_index);
}

/* How fast histories are written and read: bench_history [OPS [FOLDER [native]]]. Prints a table;
 * with "native" only that of our own file. With RIFT_LONG set, a file of 10^8 operations too. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "history/export/export.h"
#include "history/reader.h"
#include "history/stream.h"
#include "history/writer.h"

enum { PROCESSES = 20, KEYS = 10, APPENDS_PER_KEY = 128, TXN_SHARE = 10 };

static char *folder;

static void die(const struct rift_error *err)
{
    fprintf(stderr, "bench_history: %s\n", err->text);
    exit(1);
}

static double size_mb(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (double)status.st_size / 1e6 : 0;
}

/* The kernel keeps the largest size; writing 5 there starts anew (proc(5)). */
static void peak_reset(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

static double peak_mb(void)
{
    char line[256];
    double kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtod(line + 6, NULL);
    if (file)
        fclose(file);
    return kilobytes / 1024;
}

/* Where the machine is shared, the time of the processor says more than that of the clock. */
struct stopwatch {
    int64_t wall, cpu;
};

static int64_t cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * RIFT_SECOND + now.tv_nsec;
}

static struct stopwatch stopwatch_start(void)
{
    return (struct stopwatch){rift_clock_now(), cpu_now()};
}

static void print_row(const char *what, size_t ops, double mb, struct stopwatch started)
{
    double wall = (double)(rift_clock_now() - started.wall) / 1e9;
    double cpu = (double)(cpu_now() - started.cpu) / 1e9;
    printf("%-32s %11zu %8.1f %8.3f %8.3f %10.2f %8.0f %8.0f\n", what, ops, mb, wall, cpu,
           (double)ops / cpu / 1e6, mb / cpu, peak_mb());
    fflush(stdout);
}

/* Reads, writes and cas on one register by processes that take turns; each starts up to jitter_ns
 * after it is told to. */
static void bench_writer(const char *what, const char *path, size_t ops, uint64_t jitter_ns)
{
    static const char *const names[] = {"read", "write", "cas"};
    struct rift_error err = {0};
    struct rift_rng rng;
    rift_rng_init(&rng, 1);
    struct rift_writer *writer = rift_writer_open(path, &err);
    if (!writer)
        die(&err);
    struct rift_values *values = rift_values_create();
    struct stopwatch started = stopwatch_start();
    int64_t ids[PROCESSES], starts[PROCESSES], time = 0;
    for (size_t i = 0; i < ops + PROCESSES; i++) {
        size_t process = i % PROCESSES;
        time += 400 + (int64_t)(rift_rng_next(&rng) % 200);
        if (i >= PROCESSES)
            rift_writer_complete(writer, ids[process], RIFT_OP_OK, starts[process], time - 20,
                                 values, rift_value_small_integer((int64_t)i % 5), RIFT_VALUE_NIL,
                                 NULL);
        if (i >= ops)
            continue;
        struct rift_value sides[] = {rift_value_small_integer((int64_t)(i % 5)),
                                     rift_value_small_integer((int64_t)(i / 5 % 5))};
        starts[process] = time + 20 + (int64_t)rift_rng_below(&rng, jitter_ns);
        ids[process] = rift_writer_invoke(
            writer, time, (int32_t)process, names[i % 3], values, RIFT_VALUE_NIL,
            i % 3 == 2 ? rift_value_box(values, RIFT_PAIR, sides, 2) : sides[0], "n1");
    }
    if (rift_writer_close(writer, &err) != 0)
        die(&err);
    print_row(what, ops, size_mb(path), started);
    rift_values_destroy(values);
}

static struct rift_history *bench_read(const char *what, const char *path)
{
    struct rift_error err = {0};
    peak_reset();
    struct stopwatch started = stopwatch_start();
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history)
        die(&err);
    print_row(what, history->ops.count, size_mb(path), started);
    return history;
}

/* The checker stats, without loading the history. */
static void bench_stream(const char *what, const char *path, size_t ops)
{
    struct rift_error err = {0};
    struct rift_stream *stream;
    const struct rift_history *part;
    const struct rift_checker_stream *stats = rift_checker_find("stats")->stream;
    struct rift_verdict verdict = {0};
    int more;
    peak_reset();
    struct stopwatch started = stopwatch_start();
    if (rift_stream_open(path, &stream, &err) != 0)
        die(&err);
    void *state = stats->begin(&(struct rift_check){0});
    while ((more = rift_stream_next(stream, &part, &err)) == 1)
        stats->add(state, part);
    if (more < 0)
        die(&err);
    stats->end(state, part, &verdict);
    if (rift_stream_reach(stream).op_count != ops || verdict.validity != RIFT_VALID)
        die(&(struct rift_error){.text = "the stream does not have all operations"});
    print_row(what, ops, size_mb(path), started);
    rift_verdict_finish(&verdict);
    rift_stream_close(stream);
}

static void bench_export(const char *what, const struct rift_history *history, const char *format,
                         const char *path)
{
    struct rift_error err = {0};
    struct stopwatch started = stopwatch_start();
    if (rift_history_export(history, format, path, &err) != 0)
        die(&err);
    print_row(what, history->ops.count, size_mb(path), started);
}

/* A list of a key, as long as it has become. */
struct list {
    int64_t key;
    int32_t items[APPENDS_PER_KEY];
    size_t count;
};

/* Transactions of 1 to 4 appends and reads over 10 keys at a time, one after the other. */
static struct rift_history *make_transactions(size_t count)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_LINES);
    struct rift_values *v = rift_builder_values(builder);
    struct rift_rng rng;
    struct list lists[KEYS] = {0};
    int64_t next_key = 0;
    rift_rng_init(&rng, 2);
    struct rift_value append = rift_value_keyword(v, "append", 6),
                      read = rift_value_keyword(v, "r", 1);
    for (int k = 0; k < KEYS; k++)
        lists[k].key = next_key++;
    for (size_t i = 0; i < count; i++) {
        struct rift_value asked[12], told[12];
        size_t parts = 3 * (size_t)rift_rng_between(&rng, 1, 4);
        for (size_t p = 0; p < parts; p += 3) {
            struct list *list = &lists[rift_rng_below(&rng, KEYS)];
            if (list->count == APPENDS_PER_KEY)
                *list = (struct list){.key = next_key++};
            bool is_read = rift_rng_next(&rng) % 2;
            asked[p] = told[p] = is_read ? read : append;
            asked[p + 1] = told[p + 1] = rift_value_integer(v, list->key);
            if (!is_read)
                list->items[list->count] = (int32_t)list->count + 1;
            list->count += !is_read;
            asked[p + 2] =
                is_read ? RIFT_VALUE_NIL : rift_value_integer(v, list->items[list->count - 1]);
            told[p + 2] =
                is_read ? rift_value_list_of_int32(v, list->items, list->count) : asked[p + 2];
        }
        struct rift_event event = {
            .process = (int32_t)(i % PROCESSES), .f = "txn", .has_time = true};
        event.time_ns = (int64_t)i * 1000;
        event.value = rift_value_box(v, RIFT_TXN, asked, parts);
        rift_builder_add(builder, &event, NULL);
        event.type = RIFT_EVENT_OK;
        event.value = rift_value_box(v, RIFT_TXN, told, parts);
        rift_builder_add(builder, &event, NULL);
    }
    return rift_builder_finish(builder, NULL);
}

static char *path_of(const char *name)
{
    char *path = rift_printf("%s/%s", folder, name);
    unlink(path);
    return path;
}

/* More operations than fit into the memory of a small machine. */
static void bench_long(void)
{
    enum { LONG_OPS = 100000000 };
    char *native CLEANUP(rift_free) = path_of("bench.rift");
    bench_writer("writer, 10^8 operations", native, LONG_OPS, 2000);
    bench_stream("stats by stream, 10^8 operations", native, LONG_OPS);
    unlink(native);
}

int main(int argc, char **argv)
{
    size_t ops = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    char template[] = "/tmp/rift-bench-XXXXXX";
    folder = argc > 2 ? argv[2] : mkdtemp(template);
    printf("a small operation takes %d bytes in memory\n", RIFT_OP_BYTES);
    printf("%-32s %11s %8s %8s %8s %10s %8s %8s\n", "", "ops", "MB", "wall s", "cpu s",
           "M ops/cpu s", "MB/cpu s", "peak MB");
    char *native CLEANUP(rift_free) = path_of("bench.rift");
    char *edn CLEANUP(rift_free) = path_of("bench.edn");
    char *jsonl CLEANUP(rift_free) = path_of("bench.jsonl");
    if (getenv("RIFT_LONG"))
        bench_long();
    bench_writer("writer, starts in order", native, ops, 1);
    for (int i = 0; i < 3; i++)
        rift_history_destroy(bench_read("reader, starts in order", native));
    unlink(native);
    bench_writer("writer, cas register", native, ops, 2000);
    bench_stream("stats by stream, cas register", native, ops);
    struct rift_history *history = bench_read("reader, cas register", native);
    if (argc > 3 && strcmp(argv[3], "native") == 0) {
        rift_history_destroy(history);
        unlink(native);
        return 0;
    }
    bench_export("export EDN, cas register", history, "edn", edn);
    bench_export("export JSON lines, cas register", history, "jsonl", jsonl);
    rift_history_destroy(history);
    rift_history_destroy(bench_read("import EDN, cas register", edn));
    rift_history_destroy(bench_read("import JSON lines, cas register", jsonl));
    unlink(native);
    unlink(edn);
    unlink(jsonl);
    history = make_transactions(ops / TXN_SHARE);
    bench_export("export EDN, list-append", history, "edn", edn);
    bench_export("export JSON lines, list-append", history, "jsonl", jsonl);
    bench_export("export our own, list-append", history, "rift", native);
    rift_history_destroy(history);
    rift_history_destroy(bench_read("import EDN, list-append", edn));
    rift_history_destroy(bench_read("import JSON lines, list-append", jsonl));
    rift_history_destroy(bench_read("reader, list-append", native));
    unlink(native);
    unlink(edn);
    unlink(jsonl);
    if (argc <= 2)
        rmdir(folder);
    return 0;
}

/* The checker set-full on a set that is read all the time: every read lists all elements so far.
 * Usage: bench_set_full [elements] [reads]. Check time without loading. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "common/memory.h"
#include "history/builder.h"

static void record(struct rift_builder *builder, int32_t process, int type, const char *f,
                   struct rift_value value, int64_t time)
{
    struct rift_event event = {
        .process = process, .f = f, .value = value, .has_time = true, .time_ns = time};
    event.type = type;
    struct rift_error err;
    if (rift_builder_add(builder, &event, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(255);
    }
}

static struct rift_history *make(size_t element_count, size_t read_count)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    CLEANUP(rift_free)
    struct rift_value *items = rift_malloc((element_count + 1) * sizeof *items);
    int64_t time = 0;
    size_t every = element_count / (read_count ? read_count : 1);
    for (size_t i = 0; i < element_count; i++) {
        items[i] = rift_value_integer(values, (int64_t)i);
        record(builder, 0, RIFT_EVENT_INVOKE, "add", items[i], time++);
        record(builder, 0, RIFT_EVENT_OK, "add", items[i], time++);
        if (every == 0 || (i + 1) % every != 0)
            continue;
        record(builder, 1, RIFT_EVENT_INVOKE, "read", RIFT_VALUE_NIL, time++);
        record(builder, 1, RIFT_EVENT_OK, "read", rift_value_box(values, RIFT_LIST, items, i + 1),
               time++);
    }
    return rift_builder_finish(builder, NULL);
}

/* Of the check alone. It is done twice: what only the first one pays for is the machine's, as page
 * faults, or memory that a virtual machine gets when it first looks at it. */
static int measure(const struct rift_check *check, const char *when)
{
    const struct rift_checker *checker = rift_checker_find("set-full");
    struct rift_verdict verdict = {0};
    struct rusage before, after;
    int64_t start = rift_clock_now();
    getrusage(RUSAGE_SELF, &before);
    if (checker->check(check, &verdict, NULL) < 0)
        return -1;
    getrusage(RUSAGE_SELF, &after);
    double user_s = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                    (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
    double system_s = (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
                      (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    printf("%s: %s; user %.3f s, system %.3f s, clock %.3f s, %ld page faults, peak %.0f MB\n",
           when, rift_validity_name(verdict.validity), user_s, system_s,
           (double)(rift_clock_now() - start) / (double)RIFT_SECOND,
           after.ru_minflt - before.ru_minflt, (double)after.ru_maxrss / 1024);
    rift_verdict_finish(&verdict);
    return 0;
}

int main(int argc, char **argv)
{
    size_t element_count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    size_t read_count = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    struct rift_history *history = make(element_count, read_count);
    if (history == NULL)
        return 255;
    json_t *options = rift_checker_options(rift_checker_find("set-full"), NULL, NULL);
    struct rift_check check = {.history = history, .options = options};
    printf("elements %zu, reads %zu\n", element_count, read_count);
    if (measure(&check, "first") < 0 || measure(&check, "again") < 0)
        return 255;
    json_decref(options);
    rift_history_destroy(history);
    return 0;
}

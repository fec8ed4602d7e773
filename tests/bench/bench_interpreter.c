/* What the interpreter itself costs: operations a second against a store that answers at once, and
 * how long an operation takes from its dispatch until its client sends.
 *
 * usage: bench_interpreter. Prints a table; passes whatever it says. */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/run/interpreter.h"

enum { OPERATIONS = 200000 };

struct writes {
    struct rift_generator base;
    int64_t next;
};

static enum rift_next writes_next(struct rift_generator *base,
                                  const struct rift_generator_context *context,
                                  struct rift_planned_op *op, int64_t *wake_ns)
{
    struct writes *writes = (struct writes *)base;
    if (writes->next == OPERATIONS)
        return RIFT_NEXT_DONE;
    for (unsigned i = 0; i < context->thread_count; i++) {
        if (!context->is_free[i])
            continue;
        *op = (struct rift_planned_op){.f = "write", .thread = RIFT_THREAD_ANY};
        op->argument = rift_value_integer(context->values, writes->next++);
        return RIFT_NEXT_OP;
    }
    *wake_ns = RIFT_TIME_NEVER;
    return RIFT_NEXT_PENDING;
}

static const struct rift_generator_kind writes_kind = {"writes", writes_next, NULL};

static int instant_open(const struct rift_client_config *config, void **session,
                        struct rift_error *err)
{
    (void)config;
    (void)err;
    *session = rift_malloc(1);
    return 0;
}

static void instant_invoke(void *session, const struct rift_request *request,
                           struct rift_answer *answer)
{
    (void)session;
    (void)request;
    answer->type = RIFT_OP_OK;
}

static const struct rift_client instant = {
    .name = "instant", .open = instant_open, .invoke = instant_invoke, .close = free};

/* A journal that only keeps the delays. */
static int64_t invoked_ns[OPERATIONS], delays_ns[OPERATIONS], next_id;

static int64_t note_invoke(void *context, int64_t time_ns, int32_t process, const char *f,
                           const struct rift_values *values, struct rift_value key,
                           struct rift_value argument, const char *node)
{
    (void)context;
    (void)process;
    (void)f;
    (void)values;
    (void)key;
    (void)argument;
    (void)node;
    invoked_ns[next_id] = time_ns;
    return next_id++;
}

static void note_complete(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                          int64_t end_ns, const struct rift_values *values,
                          struct rift_value result, struct rift_value extra, const char *error)
{
    (void)context;
    (void)type;
    (void)end_ns;
    (void)values;
    (void)result;
    (void)extra;
    (void)error;
    delays_ns[id] = start_ns - invoked_ns[id];
}

static int note_status(void *context, struct rift_error *err)
{
    (void)context;
    (void)err;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void run(unsigned thread_count)
{
    struct rift_client_config config = {.node = "n1", .run_id = "", .address = "127.0.0.1"};
    struct interpreter_settings settings = {
        .client = &instant,
        .configs = &config,
        .node_count = 1,
        .thread_count = thread_count,
        .op_timeout_ms = 1000,
        .origin_ns = rift_clock_now(),
        .journal = {NULL, note_invoke, note_complete, note_status},
    };
    struct writes writes = {.base = {&writes_kind}};
    next_id = 0;
    struct interpreter *interpreter = interpreter_create(&settings, NULL);
    if (!interpreter)
        return;
    int64_t before_ns = rift_clock_now();
    interpreter_run(interpreter, &writes.base, INT64_MAX, NULL);
    double seconds = (double)(rift_clock_now() - before_ns) / (double)RIFT_SECOND;
    interpreter_destroy(interpreter);
    qsort(delays_ns, OPERATIONS, sizeof *delays_ns, compare);
    printf("%8u %12.0f %14.1f %14.1f\n", thread_count, OPERATIONS / seconds,
           (double)delays_ns[OPERATIONS / 2] / 1e3,
           (double)delays_ns[OPERATIONS * 99L / 100] / 1e3);
}

int main(void)
{
    printf("%8s %12s %14s %14s\n", "threads", "ops/s", "median us", "99 % us");
    static const unsigned counts[] = {1, 10, 100, 1000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run(counts[i]);
    return 0;
}

/* What a person sees while a run goes on. */
#include "control/run/live.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

#define LIVE_PERIOD_NS (200 * RIFT_MS)
/* Operations a second are those of this long. */
#define LIVE_RATE_NS RIFT_SECOND

enum { LIVE_COLUMNS_DEFAULT = 80, LIVE_COLUMNS_MAX = 400 };

struct live {
    pthread_t thread;
    bool has_thread, is_quiet, is_terminal;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;
    char *phase;
    const struct interpreter *interpreter;
    struct nemesis *nemesis;
    const struct cluster *cluster;
    int64_t origin_ns, length_ns;
    uint64_t rate_count; /* operations that had ended at rate_ns */
    int64_t rate_ns;
    double rate_hz;
};

static uint64_t ended_count(const struct scheduler_counts *counts)
{
    return counts->ok + counts->fail + counts->info;
}

static void live_print_counts(struct live *live, int64_t now_ns, struct rift_text *text)
{
    const struct scheduler_counts *counts = interpreter_counts(live->interpreter);
    if (now_ns - live->rate_ns >= LIVE_RATE_NS) {
        uint64_t ended = ended_count(counts);
        live->rate_hz = (double)(ended - live->rate_count) * (double)RIFT_SECOND /
                        (double)(now_ns - live->rate_ns);
        live->rate_count = ended;
        live->rate_ns = now_ns;
    }
    rift_text_printf(text, "%3d s of %d | %.0f ops/s | %llu ok %llu fail %llu info",
                     (int)((now_ns - live->origin_ns) / RIFT_SECOND),
                     (int)(live->length_ns / RIFT_SECOND), live->rate_hz,
                     (unsigned long long)counts->ok, (unsigned long long)counts->fail,
                     (unsigned long long)counts->info);
    size_t connected = 0, count = live->cluster->node_count;
    for (size_t i = 0; i < count; i++)
        connected += rift_node_is_connected(live->cluster->nodes[i]);
    if (connected < count)
        rift_text_printf(text, " | contact with %zu of %zu nodes", connected, count);
    else
        rift_text_printf(text, " | %zu nodes", count);
    struct rift_text CLEANUP(rift_text_finish) active = {0};
    nemesis_print_active(live->nemesis, &active);
    if (active.length > 0)
        rift_text_printf(text, " | %s", active.data);
}

/* The line as it is now. The lock is held. */
static void live_print(struct live *live, struct rift_text *line)
{
    struct winsize window = {0};
    int columns = LIVE_COLUMNS_DEFAULT;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
        columns = window.ws_col;
    if (columns > LIVE_COLUMNS_MAX)
        columns = LIVE_COLUMNS_MAX;
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    if (live->interpreter)
        live_print_counts(live, rift_clock_now(), &text);
    else
        rift_text_append(&text, live->phase ? live->phase : "");
    /* To the start of the line, the text, and the rest of the line cleared. */
    rift_text_printf(line, "\r%.*s\033[K", columns - 1, text.data ? text.data : "");
}

static void *live_run(void *context)
{
    struct live *live = context;
    pthread_mutex_lock(&live->lock);
    while (!live->is_stopping) {
        struct rift_text CLEANUP(rift_text_finish) line = {0};
        live_print(live, &line);
        /* A terminal may take its time; whoever names a phase meanwhile must not wait for it. */
        pthread_mutex_unlock(&live->lock);
        fputs(line.data, stderr);
        fflush(stderr);
        pthread_mutex_lock(&live->lock);
        int64_t until_ns = rift_clock_now() + LIVE_PERIOD_NS;
        struct timespec until = {.tv_sec = until_ns / RIFT_SECOND,
                                 .tv_nsec = until_ns % RIFT_SECOND};
        pthread_cond_timedwait(&live->changed, &live->lock, &until);
    }
    fputs("\r\033[K", stderr);
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

struct live *live_start(bool is_quiet)
{
    struct live *live = rift_calloc(1, sizeof *live);
    live->is_quiet = is_quiet;
    live->is_terminal = !is_quiet && isatty(STDERR_FILENO);
    pthread_mutex_init(&live->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&live->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (live->is_terminal)
        live->has_thread = pthread_create(&live->thread, NULL, live_run, live) == 0;
    return live;
}

void live_phase(struct live *live, const char *format, ...)
{
    char *phase = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&phase, format, args) < 0)
        phase = NULL;
    va_end(args);
    rift_log(RIFT_LOG_INFO, "phase: %s", phase ? phase : "");
    if (!live->is_quiet && !live->is_terminal)
        fprintf(stderr, "rift: %s\n", phase ? phase : "");
    pthread_mutex_lock(&live->lock);
    free(live->phase);
    live->phase = phase;
    pthread_cond_signal(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

void live_attach(struct live *live, const struct interpreter *interpreter, struct nemesis *nemesis,
                 const struct cluster *cluster, int64_t origin_ns, int64_t length_ns)
{
    pthread_mutex_lock(&live->lock);
    live->interpreter = interpreter;
    live->nemesis = nemesis;
    live->cluster = cluster;
    live->origin_ns = origin_ns;
    live->length_ns = length_ns;
    live->rate_ns = origin_ns;
    live->rate_count = ended_count(interpreter_counts(interpreter));
    pthread_mutex_unlock(&live->lock);
}

void live_detach(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    live->interpreter = NULL;
    live->nemesis = NULL;
    pthread_mutex_unlock(&live->lock);
}

void live_stop(struct live *live)
{
    if (!live)
        return;
    pthread_mutex_lock(&live->lock);
    live->is_stopping = true;
    pthread_cond_signal(&live->changed);
    pthread_mutex_unlock(&live->lock);
    if (live->has_thread)
        pthread_join(live->thread, NULL);
    pthread_cond_destroy(&live->changed);
    pthread_mutex_destroy(&live->lock);
    free(live->phase);
    free(live);
}

/* watch: watchers of a key see its changes in the order of their revisions, each once, none left
 * out between two that they see, and all of them the same.
 *
 * What is known of the key are the revisions that any watcher saw or that a change was answered
 * with. Sorted by revision, events of one revision stand together, and so do those of one stream
 * among them: repeated and divergent ones are neighbours. What a stream must have seen is counted
 * as ranks of revisions, so a stream is searched for what it lacks only where it lacks something.
 * Linear but for the sort. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "checkers/registry.h"
#include "checkers/watch_events.h"
#include "common/memory.h"

/* Of each violation. */
enum { WATCH_TOLD = 16 };

enum violation { OUT_OF_ORDER, REPEATED, DIVERGENT, LOST, PHANTOM, FUTURE, VIOLATIONS };

static const char *const names[VIOLATIONS] = {
    "event out of order", "event seen twice", "divergent event",
    "lost event",         "phantom event",    "event from the future",
};
static const char *const stat_names[VIOLATIONS] = {
    "out_of_order", "seen_twice", "divergent", "streams_that_lost", "phantom", "from_the_future",
};

/* Of an event, by its index. */
struct place {
    uint32_t rank; /* of its revision, among those that are known */
    bool is_fresh; /* the first of its stream at its revision */
};

/* Of a stream. */
struct progress {
    bool has_top;
    int64_t top; /* the highest revision so far */
    uint32_t top_row, top_rank;
    size_t count; /* of revisions that it saw and had to */
};

struct watch {
    const struct rift_history *history;
    struct rift_verdict *verdict;
    uint32_t key;
    struct watch_events events;
    struct place *places;
    int64_t *revisions; /* by rank */
    uint32_t *witness;  /* by rank: a row that knows it */
    size_t revision_count;
    struct progress *progress;
    size_t found[VIOLATIONS]; /* over all keys */
    size_t watch_count, event_count, stream_count, unread_count, unknown_count, moved_count;
};

static void add_row(json_t *rows, uint32_t row)
{
    size_t i;
    json_t *other;
    json_array_foreach(rows, i, other)
    {
        if (json_integer_value(other) == row)
            return;
    }
    if (row != ELEMENT_NONE)
        json_array_append_new(rows, json_integer(row));
}

/* Convicts of the first few of a kind; rows of ELEMENT_NONE are none. */
__attribute__((format(printf, 6, 7))) static void convict(struct watch *self, enum violation kind,
                                                          uint32_t a, uint32_t b, uint32_t c,
                                                          const char *format, ...)
{
    if (self->found[kind]++ >= WATCH_TOLD)
        return;
    va_list arguments;
    va_start(arguments, format);
    CLEANUP(rift_free) char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    json_t *rows = json_array();
    add_row(rows, a);
    add_row(rows, b);
    add_row(rows, c);
    json_t *anomaly = rift_verdict_convict(self->verdict, names[kind], "%s", text);
    json_object_set_new(anomaly, "ops", rows);
    if (self->key != 0)
        json_object_set_new(
            anomaly, "key",
            rift_value_to_json(self->history->values, self->history->keys[self->key]));
}

static char *print_value(const struct watch *self, uint32_t id)
{
    return rift_value_print(self->history->values, elements_value(self->events.elements, id));
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By revision, stream, value, and then as they were seen. */
static int compare_events(const void *a, const void *b, void *context)
{
    const struct watch_event *all = context;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const struct watch_event *x = &all[i], *y = &all[j];
    int by_revision = compare(x->revision, y->revision);
    if (by_revision)
        return by_revision;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return i < j ? -1 : i > j;
}

/* A value that one write wrote and that has two revisions: its client may have asked again, so it
 * is no violation for certain. */
static void count_moved(struct watch *self)
{
    struct watch_events *events = &self->events;
    size_t count = elements_count(events->elements);
    CLEANUP(rift_free) uint32_t *first = rift_calloc(count + 1, sizeof *first);
    CLEANUP(rift_free) bool *is_moved = rift_calloc(count + 1, sizeof *is_moved);
    for (size_t i = 0; i < events->count; i++) {
        uint32_t value = events->events[i].value;
        if (value == 0 || watch_writes_of(events, value)->count != 1)
            continue;
        if (first[value] == 0)
            first[value] = self->places[i].rank + 1;
        else if (first[value] != self->places[i].rank + 1 && !is_moved[value]) {
            is_moved[value] = true;
            self->moved_count++;
        }
    }
}

/* Events sorted[from] .. sorted[to - 1] are all of one revision. */
static void judge_revision(struct watch *self, const uint32_t *sorted, size_t from, size_t to)
{
    const struct watch_event *events = self->events.events;
    const struct watch_event *first = &events[sorted[from]], *other = NULL;
    uint32_t rank = (uint32_t)self->revision_count++;
    self->revisions[rank] = first->revision;
    self->witness[rank] = first->row;
    for (size_t i = from, fresh = from; i < to; i++) {
        const struct watch_event *event = &events[sorted[i]];
        const struct watch_event *before = i > from ? &events[sorted[i - 1]] : NULL;
        bool is_same_stream = before && before->stream == event->stream;
        self->places[sorted[i]] = (struct place){rank, !is_same_stream};
        if (!is_same_stream) {
            fresh = i;
        } else if (sorted[i] < sorted[fresh]) {
            self->places[sorted[i]].is_fresh = true;
            self->places[sorted[fresh]].is_fresh = false;
            fresh = i;
        }
        if (event->value != first->value && !other)
            other = event;
        if (!is_same_stream || before->value != event->value || event->stream == WATCH_NO_STREAM)
            continue;
        convict(self, REPEATED, before->row, event->row, ELEMENT_NONE,
                "Process %" PRId32 " saw revision %" PRId64 " twice",
                self->events.streams[event->stream].process, event->revision);
    }
    if (!other)
        return;
    CLEANUP(rift_free) char *one = print_value(self, first->value);
    CLEANUP(rift_free) char *two = print_value(self, other->value);
    convict(self, DIVERGENT, first->row, other->row, ELEMENT_NONE,
            "Revision %" PRId64 " is %s to one, and %s to another", first->revision, one, two);
}

static void sort_revisions(struct watch *self)
{
    size_t count = self->events.count;
    CLEANUP(rift_free) uint32_t *sorted = rift_malloc((count + 1) * sizeof *sorted);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = i;
    qsort_r(sorted, count, sizeof *sorted, compare_events, self->events.events);
    for (size_t from = 0, to; from < count; from = to) {
        int64_t revision = self->events.events[sorted[from]].revision;
        for (to = from + 1; to < count && self->events.events[sorted[to]].revision == revision;)
            to++;
        judge_revision(self, sorted, from, to);
    }
}

/* Somebody wrote the value, and before the watcher saw it. Deletes may be anybody's, as leases end
 * by themselves. */
static void judge_source(struct watch *self, const struct watch_event *event)
{
    const struct rift_ops *ops = &self->history->ops;
    const struct watch_writes *writes = watch_writes_of(&self->events, event->value);
    if (event->value == 0)
        return;
    if (writes->count == 0 && self->events.has_other_changes) {
        self->unknown_count++;
        return;
    }
    if (writes->count > 0 && ops->start[writes->first] <= ops->end[event->row])
        return;
    CLEANUP(rift_free) char *value = print_value(self, event->value);
    if (writes->count > 0)
        convict(self, FUTURE, event->row, writes->first, ELEMENT_NONE,
                "Process %" PRId32 " saw %s at revision %" PRId64 " before it was written",
                ops->process[event->row], value, event->revision);
    else
        convict(self, PHANTOM, event->row, writes->failed, ELEMENT_NONE,
                "Process %" PRId32 " saw %s at revision %" PRId64 ", which %s",
                ops->process[event->row], value, event->revision,
                writes->failed == ELEMENT_NONE ? "nobody wrote" : "only a failed write wrote");
}

static void judge_event(struct watch *self, size_t at)
{
    const struct watch_event *event = &self->events.events[at];
    if (event->stream == WATCH_NO_STREAM)
        return;
    const struct watch_stream *stream = &self->events.streams[event->stream];
    struct progress *progress = &self->progress[event->stream];
    judge_source(self, event);
    self->event_count++;
    if (!self->places[at].is_fresh)
        return;
    progress->count += event->revision >= stream->low;
    if (progress->has_top && event->revision < progress->top)
        convict(self, OUT_OF_ORDER, progress->top_row, event->row, ELEMENT_NONE,
                "Process %" PRId32 " saw revision %" PRId64 " after %" PRId64, stream->process,
                event->revision, progress->top);
    else if (stream->is_asked && event->revision < stream->low)
        convict(self, OUT_OF_ORDER, stream->row, event->row, ELEMENT_NONE,
                "Process %" PRId32 " asked for all from revision %" PRId64 ", and saw %" PRId64,
                stream->process, stream->low, event->revision);
    if (progress->has_top && event->revision < progress->top)
        return;
    progress->has_top = true;
    progress->top = event->revision;
    progress->top_row = event->row;
    progress->top_rank = self->places[at].rank;
}

/* How many revisions are known that are smaller. */
static uint32_t rank_of(const struct watch *self, int64_t revision)
{
    size_t low = 0, high = self->revision_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->revisions[middle] < revision)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* Tells of the first revision from low on that the stream lacks; missing: how many it lacks. */
static void convict_lost(struct watch *self, uint32_t number, uint32_t low, size_t missing)
{
    const struct watch_stream *stream = &self->events.streams[number];
    const struct watch_event *events = self->events.events;
    size_t count = self->revision_count;
    CLEANUP(rift_free) uint32_t *seen_by = rift_malloc((count + 1) * sizeof *seen_by);
    for (size_t rank = 0; rank < count; rank++)
        seen_by[rank] = ELEMENT_NONE;
    for (size_t i = 0; i < self->events.count; i++)
        if (events[i].stream == number && self->places[i].is_fresh)
            seen_by[self->places[i].rank] = events[i].row;
    uint32_t lost = low, next;
    while (seen_by[lost] != ELEMENT_NONE)
        lost++;
    for (next = lost; seen_by[next] == ELEMENT_NONE;)
        next++;
    convict(self, LOST, lost > low ? seen_by[lost - 1] : stream->row, self->witness[lost],
            seen_by[next],
            "Process %" PRId32 " %s revision %" PRId64 " and saw %" PRId64 ", but not %" PRId64
            " between them; it lacks %zu in all",
            stream->process, lost > low ? "saw" : "asked for all from",
            lost > low ? self->revisions[lost - 1] : stream->low, self->revisions[next],
            self->revisions[lost], missing);
}

static void judge_streams(struct watch *self)
{
    for (uint32_t i = 0; i < self->events.stream_count; i++) {
        const struct watch_stream *stream = &self->events.streams[i];
        const struct progress *progress = &self->progress[i];
        if (!progress->has_top || progress->top < stream->low)
            continue;
        uint32_t low = rank_of(self, stream->low);
        size_t due = progress->top_rank - low + 1;
        if (due == progress->count)
            continue;
        if (self->found[LOST] < WATCH_TOLD)
            convict_lost(self, i, low, due - progress->count);
        else
            self->found[LOST]++;
    }
}

static void judge_key(struct watch *self)
{
    size_t capacity = self->events.count + 1;
    self->places = rift_calloc(capacity, sizeof *self->places);
    self->revisions = rift_malloc(capacity * sizeof *self->revisions);
    self->witness = rift_malloc(capacity * sizeof *self->witness);
    self->progress = rift_calloc(self->events.stream_count + 1, sizeof *self->progress);
    self->revision_count = 0;
    sort_revisions(self);
    for (size_t i = 0; i < self->events.count; i++)
        judge_event(self, i);
    judge_streams(self);
    count_moved(self);
    self->watch_count += self->events.watch_count;
    self->unread_count += self->events.unread_count;
    self->stream_count += self->events.stream_count;
    free(self->places);
    free(self->revisions);
    free(self->witness);
    free(self->progress);
}

static void conclude(const struct watch *self)
{
    struct rift_verdict *verdict = self->verdict;
    if (self->watch_count == 0)
        rift_verdict_doubt(verdict, "nothing was watched");
    else if (self->event_count == 0)
        rift_verdict_doubt(verdict, "no watcher saw an event");
    if (self->unread_count > 0)
        rift_verdict_doubt(verdict, "%zu watches answered no list of [revision value]",
                           self->unread_count);
    if (self->unknown_count > 0)
        rift_verdict_doubt(verdict, "%zu events may be of operations other than write and delete",
                           self->unknown_count);
    if (self->moved_count > 0)
        rift_verdict_doubt(verdict,
                           "%zu values that were written once have two revisions: their clients "
                           "asked again, or the store applied a write twice",
                           self->moved_count);
    element_stat_add(verdict, "watches", self->watch_count);
    element_stat_add(verdict, "streams", self->stream_count);
    element_stat_add(verdict, "events", self->event_count);
    for (int kind = 0; kind < VIOLATIONS; kind++)
        element_stat_add(verdict, stat_names[kind], self->found[kind]);
}

static int check_watch(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    bool is_resumed = json_is_true(json_object_get(check->options, "resumed"));
    struct watch self = {.history = check->history, .verdict = verdict};
    struct watch_lives lives;
    struct rift_key_split split;
    watch_lives_init(&lives, check->history);
    rift_key_split_init(&split, check->history);
    for (size_t key = 0; key < split.key_count; key++) {
        const uint32_t *rows = split.rows + split.first[key];
        size_t count = split.first[key + 1] - split.first[key];
        self.key = (uint32_t)key;
        watch_events_init(&self.events, check->history, &lives, is_resumed, rows, count);
        judge_key(&self);
        watch_events_finish(&self.events);
    }
    rift_key_split_finish(&split);
    watch_lives_finish(&lives);
    conclude(&self);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "resumed",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "each watch of a process goes on where its last one ended; false: anywhere"},
    {.name = NULL},
};

const struct rift_checker rift_checker_watch = {
    .name = "watch",
    .summary = "watchers see all changes of a key in one order, each once, and the same",
    .options = options,
    .parts = RIFT_PARTS_NONE,
    .check = check_watch,
};

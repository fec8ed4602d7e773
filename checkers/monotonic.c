/* monotonic: registers whose values only rise, and no process sees one go back.
 *
 * A read of a smaller value than one that the process read before is a violation, unless that
 * value's write may have taken effect after the larger one's: it never heard back, or both were
 * under way together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/register_sessions.h"
#include "checkers/registry.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 16 };

/* A value that a session saw. */
struct seen {
    uint32_t row; /* of the read */
    int64_t value;
    int64_t written_at; /* when its write began */
};

/* By session, for the key in hand: what may convict a later read. Values rise from item to item and
 * their writes began earlier and earlier, as one that is smaller than another and began before it
 * never convicts alone. */
struct front {
    uint32_t stamp; /* 1 + the key */
    uint32_t count, capacity;
    struct seen *items;
};

struct monotonic {
    struct register_sessions sessions;
    struct front *fronts;
    size_t back_count, other_count;
};

static void convict(struct monotonic *self, uint32_t before, uint32_t read,
                    struct rift_verdict *verdict)
{
    const struct rift_history *history = self->sessions.history;
    if (self->back_count++ >= ANOMALIES_TOLD)
        return;
    uint32_t source = self->sessions.source[before];
    CLEANUP(rift_free) char *key = register_sessions_key(&self->sessions, read);
    CLEANUP(rift_free)
    char *old = rift_value_print(history->values, history->ops.argument[source]);
    CLEANUP(rift_free) char *now = rift_value_print(history->values, history->ops.result[read]);
    json_t *anomaly = rift_verdict_convict(verdict, "non-monotonic read",
                                           "Process %" PRId32 " saw %s at %s, and later at %s",
                                           history->ops.process[read], key, old, now);
    json_object_set_new(anomaly, "ops", json_pack("[I, I]", (json_int_t)before, (json_int_t)read));
}

/* The value of this write may follow that of the other. */
static bool may_be_later(const struct monotonic *self, uint32_t write, uint32_t other)
{
    const struct rift_ops *ops = &self->sessions.history->ops;
    return ops->type[write] != RIFT_OP_OK || ops->end[write] >= ops->start[other];
}

/* The first item of a value that is at least this. */
static uint32_t front_find(const struct front *front, int64_t value)
{
    uint32_t low = 0, high = front->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (front->items[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void front_add(struct front *front, struct seen seen)
{
    uint32_t at = front_find(front, seen.value), first = at;
    if (at < front->count && front->items[at].written_at >= seen.written_at)
        return;
    while (first > 0 && front->items[first - 1].written_at <= seen.written_at)
        first--;
    if (front->count == front->capacity) {
        front->capacity = front->capacity ? 2 * front->capacity : 4;
        front->items = rift_reallocarray(front->items, front->capacity, sizeof *front->items);
    }
    memmove(front->items + first + 1, front->items + at,
            (front->count - at) * sizeof *front->items);
    front->items[first] = seen;
    front->count = first + 1 + front->count - at;
}

static void judge_read(struct monotonic *self, uint32_t read, uint32_t key,
                       struct rift_verdict *verdict)
{
    const struct register_sessions *sessions = &self->sessions;
    const struct rift_history *history = sessions->history;
    struct front *front = &self->fronts[sessions->session[read]];
    if (front->stamp != key + 1) {
        front->stamp = key + 1;
        front->count = 0;
    }
    if (sessions->seen[read] == SEEN_INITIAL && front->count > 0)
        convict(self, front->items[front->count - 1].row, read, verdict);
    if (sessions->seen[read] != SEEN_WRITE)
        return;
    uint32_t write = sessions->source[read];
    struct rift_value value = history->ops.argument[write];
    if (rift_value_kind(history->values, value) != RIFT_INTEGER) {
        self->other_count++;
        return;
    }
    int64_t number = rift_value_as_integer(history->values, value);
    uint32_t larger = number == INT64_MAX ? front->count : front_find(front, number + 1);
    if (larger < front->count &&
        !may_be_later(self, write, sessions->source[front->items[larger].row]))
        convict(self, front->items[larger].row, read, verdict);
    front_add(front, (struct seen){read, number, history->ops.start[write]});
}

static int check_monotonic(const struct rift_check *check, struct rift_verdict *verdict,
                           struct rift_error *err)
{
    (void)err;
    struct monotonic self = {0};
    register_sessions_init(&self.sessions, check->history);
    register_sessions_judge_sources(&self.sessions, verdict);
    self.fronts = rift_calloc((size_t)self.sessions.session_count + 1, sizeof *self.fronts);
    struct rift_key_split split;
    rift_key_split_init(&split, check->history);
    for (size_t key = 0; key < split.key_count; key++)
        for (size_t i = split.first[key]; i < split.first[key + 1]; i++)
            judge_read(&self, split.rows[i], (uint32_t)key, verdict);
    rift_key_split_finish(&split);
    if (self.other_count > 0)
        rift_verdict_doubt(verdict, "%zu values are no integers", self.other_count);
    element_stat_add(verdict, "reads", self.sessions.read_count);
    element_stat_add(verdict, "sessions", self.sessions.session_count);
    element_stat_add(verdict, "went_back", self.back_count);
    for (uint32_t i = 0; i < self.sessions.session_count; i++)
        free(self.fronts[i].items);
    free(self.fronts);
    register_sessions_finish(&self.sessions);
    return 0;
}

const struct rift_checker rift_checker_monotonic = {
    .name = "monotonic",
    .summary = "no process sees a register that only rises go back",
    .check = check_monotonic,
};

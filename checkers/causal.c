/* causal: who sees a write of a register sees what had happened before it.
 *
 * What an op knows is how far it had seen each session: a clock. It knows what the op before it in
 * its session knew and, if it is a read, the write that it saw and what that knew. A read is a
 * violation if its process knew a later write of the session that made the one it saw, to the same
 * register; a read of the initial state, if it knew any write of the register. Versions are
 * ordered only where one session wrote both.
 *
 * Ops are gone through in an order in which causes come first, once for each block of sessions,
 * with the clocks of one block: those of sessions, and those of writes that are still to be read,
 * so that they stay in the cache. Only sessions that others read from have a place in clocks. Time
 * is ops times those sessions in steps of a whole block, memory linear. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/register_sessions.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 16, BLOCK = 64 };

#define PLACE_NONE UINT32_MAX

#define CLOCK_NONE UINT32_MAX

struct block {
    int32_t until[BLOCK]; /* by place in the block: ops of that session that are known */
};

struct engine {
    struct register_sessions sessions;
    uint32_t *order;    /* rows, causes first */
    uint32_t *place;    /* by session: in clocks, or PLACE_NONE */
    uint32_t *of_place; /* the session */
    uint32_t place_count;
    uint32_t *reader_count; /* by row of a write: reads of it by other sessions */
    bool *is_told;          /* by row of a read: that it is a violation */
    /* The block in hand. */
    uint32_t base;
    struct block *clocks;
    uint32_t *free_clocks, free_count, clock_count;
    uint32_t *known;        /* by session: the clock of what it knows now, or CLOCK_NONE */
    uint32_t *written;      /* by row of a write: the clock of what it knew */
    uint32_t *readers_left; /* by row of a write */
    size_t found;
    struct rift_verdict *verdict;
};

/* The op before in its session, or ROW_NONE. */
static uint32_t row_before(const struct register_sessions *sessions, uint32_t row)
{
    uint32_t position = sessions->position[row];
    return position ? sessions->rows[sessions->first[sessions->session[row]] + position - 1]
                    : ROW_NONE;
}

enum visit { NOT_VISITED, WAITS_FOR_BEFORE, WAITS_FOR_SOURCE, VISITED };

/* The causes at .. end - 1 of a path go round: one of them is a read that saw what depends on a
 * later op of its own session. */
static void convict_cycle(struct engine *self, const uint32_t *path, const uint8_t *visit,
                          uint32_t at, uint32_t end)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t first = at;
    while (visit[path[at]] != WAITS_FOR_SOURCE)
        at++;
    uint32_t read = path[at], later = read;
    for (uint32_t i = first; i < end; i++)
        if (sessions->session[path[i]] == sessions->session[read] &&
            sessions->position[path[i]] > sessions->position[read])
            later = path[i];
    json_t *anomaly =
        rift_verdict_convict(self->verdict, "causality violation",
                             "What process %" PRId32 " read depends on what it did later",
                             sessions->history->ops.process[read]);
    json_object_set_new(anomaly, "ops", json_pack("[I, I]", (json_int_t)read, (json_int_t)later));
}

/* Depth first from each op to its causes. False where they go round, which is told: then no order
 * is made. */
static bool find_order(struct engine *self)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t count = (uint32_t)sessions->history->ops.count, done = 0, depth;
    CLEANUP(rift_free) uint8_t *visit = rift_calloc((size_t)count + 1, sizeof *visit);
    CLEANUP(rift_free) uint32_t *path = rift_calloc((size_t)count + 1, sizeof *path);
    for (uint32_t root = 0; root < count; root++) {
        path[0] = root;
        depth = visit[root] != VISITED;
        while (depth > 0) {
            uint32_t row = path[depth - 1], cause = ROW_NONE;
            if (visit[row] == NOT_VISITED)
                cause = row_before(sessions, row);
            else if (visit[row] == WAITS_FOR_BEFORE)
                cause = sessions->source[row];
            if (++visit[row] == VISITED) {
                self->order[done++] = row;
                depth--;
            } else if (cause != ROW_NONE && visit[cause] == NOT_VISITED) {
                path[depth++] = cause;
            } else if (cause != ROW_NONE && visit[cause] != VISITED) {
                /* From the cause the path leads to a read, and over its source back to here. */
                uint32_t at = depth - 1;
                while (path[at] != cause)
                    at--;
                convict_cycle(self, path, visit, at, depth);
                return false;
            }
        }
    }
    return true;
}

/* Whether each op of a session ended before its next one began, as processes do. */
static bool is_sequential(const struct register_sessions *sessions)
{
    const struct rift_ops *ops = &sessions->history->ops;
    for (uint32_t row = 0; row < ops->count; row++) {
        uint32_t before = row_before(sessions, row);
        if (before != ROW_NONE && ops->end[before] > ops->start[row])
            return false;
    }
    return true;
}

/* Gives a place to each session that can be missed: somebody else saw one of its writes that it
 * replaced itself, or the initial state of what it wrote. Causes begin before their effects end, so
 * that a write need only be known to reads that end after it began. */
static void find_places(struct engine *self)
{
    const struct register_sessions *sessions = &self->sessions;
    const struct rift_history *history = sessions->history;
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free) bool *is_placed = rift_calloc((size_t)sessions->session_count + 1, 1);
    CLEANUP(rift_free) int64_t *limit = rift_calloc(history->key_count + 1, sizeof *limit);
    bool has_times = is_sequential(sessions);
    for (size_t key = 0; key < history->key_count; key++)
        limit[key] = INT64_MIN;
    for (uint32_t row = 0; row < ops->count; row++) {
        uint32_t source = sessions->source[row];
        int64_t end = has_times ? ops->end[row] : INT64_MAX;
        if (sessions->seen[row] == SEEN_INITIAL && end > limit[ops->key[row]])
            limit[ops->key[row]] = end;
        if (source == ROW_NONE || sessions->session[source] == sessions->session[row])
            continue;
        self->reader_count[source]++;
        if (sessions->next_write[source] != ROW_NONE)
            is_placed[sessions->session[source]] = true;
    }
    for (uint32_t pair = 0; pair < sessions->pair_count; pair++) {
        uint32_t row = sessions->first_write[pair];
        if (ops->start[row] <= limit[ops->key[row]])
            is_placed[sessions->session[row]] = true;
    }
    for (uint32_t s = 0; s < sessions->session_count; s++) {
        self->place[s] = is_placed[s] ? self->place_count : PLACE_NONE;
        if (is_placed[s])
            self->of_place[self->place_count++] = s;
    }
}

/* A clock of nothing. */
static uint32_t take_clock(struct engine *self)
{
    uint32_t clock;
    if (self->free_count > 0) {
        clock = self->free_clocks[--self->free_count];
    } else {
        clock = self->clock_count++;
        if ((clock & (clock - 1)) == 0) {
            size_t capacity = clock ? 2 * (size_t)clock : 1;
            self->clocks = rift_reallocarray(self->clocks, capacity, sizeof *self->clocks);
            self->free_clocks =
                rift_reallocarray(self->free_clocks, capacity, sizeof *self->free_clocks);
        }
    }
    memset(&self->clocks[clock], 0, sizeof *self->clocks);
    return clock;
}

static void give_back(struct engine *self, uint32_t *clock)
{
    if (*clock != CLOCK_NONE)
        self->free_clocks[self->free_count++] = *clock;
    *clock = CLOCK_NONE;
}

/* How many ops of another session the session of a row knows at it. */
static uint32_t known_until(const struct engine *self, uint32_t row, uint32_t session)
{
    uint32_t own = self->sessions.session[row], place = self->place[session] - self->base;
    if (session == own)
        return self->sessions.position[row];
    return self->known[own] == CLOCK_NONE || place >= BLOCK
               ? 0
               : (uint32_t)self->clocks[self->known[own]].until[place];
}

/* The write, if the session of a read knew it. */
static uint32_t if_known(const struct engine *self, uint32_t read, uint32_t write)
{
    const struct register_sessions *sessions = &self->sessions;
    return write != ROW_NONE &&
                   sessions->position[write] < known_until(self, read, sessions->session[write])
               ? write
               : ROW_NONE;
}

/* The first pair of a key whose session is not less than this. */
static uint32_t pair_from(const struct register_sessions *sessions, uint32_t key, uint32_t session)
{
    uint32_t low = sessions->pair_first[key], high = sessions->pair_first[key + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sessions->session[sessions->first_write[middle]] < session)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A write of the key by its own session or one of the block that a read of the initial state
 * missed, or ROW_NONE. */
static uint32_t missed_any(const struct engine *self, uint32_t read)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t key = sessions->history->ops.key[read], own = sessions->session[read];
    uint32_t end = sessions->pair_first[key + 1], missed = ROW_NONE;
    uint32_t pair = pair_from(sessions, key, own);
    if (pair < end && sessions->session[sessions->first_write[pair]] == own)
        missed = if_known(self, read, sessions->first_write[pair]);
    if (self->known[own] == CLOCK_NONE)
        return missed;
    uint32_t last = self->base + BLOCK < self->place_count ? self->of_place[self->base + BLOCK]
                                                           : sessions->session_count;
    for (pair = pair_from(sessions, key, self->of_place[self->base]);
         missed == ROW_NONE && pair < end && sessions->session[sessions->first_write[pair]] < last;
         pair++)
        missed = if_known(self, read, sessions->first_write[pair]);
    return missed;
}

/* The first op of the read's session that the write had happened before. */
static uint32_t first_effect(const struct engine *self, uint32_t read, uint32_t write)
{
    const struct register_sessions *sessions = &self->sessions;
    size_t count = sessions->history->ops.count;
    CLEANUP(rift_free) bool *is_cause = rift_calloc(count + 1, sizeof *is_cause);
    CLEANUP(rift_free) uint32_t *stack = rift_calloc(2 * count + 2, sizeof *stack);
    for (uint32_t i = sessions->first[sessions->session[read]];; i++) {
        uint32_t row = sessions->rows[i], depth = 0;
        if (row == read)
            return row;
        for (stack[depth++] = row; depth > 0;) {
            uint32_t cause = stack[--depth];
            if (cause == ROW_NONE || is_cause[cause])
                continue;
            is_cause[cause] = true;
            stack[depth++] = sessions->source[cause];
            stack[depth++] = row_before(sessions, cause);
        }
        if (is_cause[write])
            return row;
    }
}

static void convict(struct engine *self, uint32_t read, uint32_t write)
{
    const struct rift_history *history = self->sessions.history;
    if (self->is_told[read])
        return;
    self->is_told[read] = true;
    if (self->found++ >= ANOMALIES_TOLD)
        return;
    uint32_t because = first_effect(self, read, write);
    CLEANUP(rift_free) char *key = register_sessions_key(&self->sessions, read);
    CLEANUP(rift_free) char *value = rift_value_print(history->values, history->ops.result[read]);
    CLEANUP(rift_free)
    char *later = rift_value_print(history->values, history->ops.argument[write]);
    json_t *anomaly = rift_verdict_convict(
        self->verdict, "causality violation", "Process %" PRId32 " read %s of %s, though %s: %s",
        history->ops.process[read], value, key,
        because == write                          ? "it had written a later one itself"
        : self->sessions.source[because] == write ? "it had read a later one before"
                                                  : "it had seen an effect of a later one",
        later);
    json_t *rows = json_pack("[I]", (json_int_t)write);
    if (because != write)
        json_array_append_new(rows, json_integer(because));
    json_array_append_new(rows, json_integer(read));
    json_object_set_new(anomaly, "ops", rows);
}

/* Takes in what the write knew that a read of another session saw, and the write itself. */
static void learn(struct engine *self, uint32_t read, uint32_t write)
{
    uint32_t *clock = &self->known[self->sessions.session[read]];
    if (self->written[write] != CLOCK_NONE) {
        if (*clock == CLOCK_NONE)
            *clock = take_clock(self);
        struct block *to = &self->clocks[*clock];
        const struct block *from = &self->clocks[self->written[write]];
        for (int i = 0; i < BLOCK; i++)
            to->until[i] = from->until[i] > to->until[i] ? from->until[i] : to->until[i];
    }
    if (--self->readers_left[write] == 0)
        give_back(self, &self->written[write]);
}

/* Keeps what a write knew, itself included, for those who will read it. */
static void keep(struct engine *self, uint32_t write)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t session = sessions->session[write], place = self->place[session] - self->base;
    uint32_t known = self->known[session];
    if (known == CLOCK_NONE && place >= BLOCK)
        return;
    uint32_t clock = self->written[write] = take_clock(self);
    if (known != CLOCK_NONE)
        self->clocks[clock] = self->clocks[known];
    if (place < BLOCK)
        self->clocks[clock].until[place] = (int32_t)sessions->position[write] + 1;
}

static void judge_block(struct engine *self)
{
    const struct register_sessions *sessions = &self->sessions;
    size_t count = sessions->history->ops.count;
    memcpy(self->readers_left, self->reader_count, count * sizeof *self->readers_left);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = self->order[i], session = sessions->session[row];
        uint32_t source = sessions->source[row], missed = ROW_NONE;
        if (sessions->seen[row] == SEEN_INITIAL)
            missed = missed_any(self, row);
        else if (source != ROW_NONE)
            missed = if_known(self, row, sessions->next_write[source]);
        if (missed != ROW_NONE)
            convict(self, row, missed);
        if (source != ROW_NONE && sessions->session[source] != session)
            learn(self, row, source);
        if (self->reader_count[row] > 0)
            keep(self, row);
        if (sessions->first[session] + sessions->position[row] + 1 == sessions->first[session + 1])
            give_back(self, &self->known[session]);
    }
}

static void judge(struct engine *self, int64_t deadline_ns)
{
    uint32_t session_count = self->sessions.session_count;
    size_t count = self->sessions.history->ops.count;
    self->place = rift_calloc((size_t)session_count + 1, sizeof *self->place);
    self->of_place = rift_calloc((size_t)session_count + 1, sizeof *self->of_place);
    self->known = rift_calloc((size_t)session_count + 1, sizeof *self->known);
    self->reader_count = rift_calloc(count + 1, sizeof *self->reader_count);
    self->readers_left = rift_calloc(count + 1, sizeof *self->readers_left);
    self->written = rift_calloc(count + 1, sizeof *self->written);
    self->is_told = rift_calloc(count + 1, sizeof *self->is_told);
    find_places(self);
    for (uint32_t s = 0; s < session_count; s++)
        self->known[s] = CLOCK_NONE;
    for (size_t row = 0; row < count; row++)
        self->written[row] = CLOCK_NONE;
    do {
        if (rift_clock_now() > deadline_ns) {
            rift_verdict_doubt(self->verdict,
                               "time ran out after %" PRIu32 " of %" PRIu32 " sessions", self->base,
                               self->place_count);
            break;
        }
        judge_block(self);
        self->base += BLOCK;
    } while (self->base < self->place_count);
    free(self->clocks);
    free(self->free_clocks);
    free(self->place);
    free(self->of_place);
    free(self->known);
    free(self->reader_count);
    free(self->readers_left);
    free(self->written);
    free(self->is_told);
}

static int check_causal(const struct rift_check *check, struct rift_verdict *verdict,
                        struct rift_error *err)
{
    (void)err;
    struct engine engine = {.verdict = verdict};
    int64_t deadline_ns =
        check->budget.time_ms > 0 ? rift_clock_now() + check->budget.time_ms * RIFT_MS : INT64_MAX;
    register_sessions_init(&engine.sessions, check->history);
    register_sessions_judge_sources(&engine.sessions, verdict);
    engine.order = rift_calloc(check->history->ops.count + 1, sizeof *engine.order);
    /* Where causes go round, that is the violation, and clocks make no sense. */
    if (find_order(&engine))
        judge(&engine, deadline_ns);
    register_sessions_count(&engine.sessions, verdict);
    free(engine.order);
    register_sessions_finish(&engine.sessions);
    return 0;
}

const struct rift_checker rift_checker_causal = {
    .name = "causal",
    .summary = "who sees a write of a register sees what came before it",
    .check = check_causal,
};

/* sessions: what a process may see of registers after what it saw and did before.
 *
 * A read of one write of a pair of register and session is a violation if a later write of the same
 * pair must not be missed any more, and a read of the initial state if any write of the register
 * must not. Of session q that holds for what
 *   read your writes       q wrote
 *   monotonic reads        q read
 *   monotonic writes       another session wrote before a write that q read
 *   writes follow reads    another session read before a write that q read
 * Versions are ordered only where one session wrote both: writes of two sessions may be ordered
 * either way in a system that promises no more than this. The order that one session gives needs no
 * care for ops that never heard back, as they end it.
 *
 * The first three take constant work for each read. For the last, q either takes in what the
 * sessions that it read from had read before, or compares each of its reads with those that others
 * made of the same pair, whichever is less: short sessions do the latter and only few can be long,
 * so that all of it is about ops to the power of 3/2 at worst. (Whether two sessions saw one
 * another across a third is to find a triangle: nothing much faster is known.) */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/register_sessions.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 16, BISECTION_STEPS = 8 };

enum rule { OWN_WRITE, OWN_READ, WRITTEN_BEFORE, READ_BEFORE, RULE_COUNT };

static const char *const rule_names[RULE_COUNT] = {"own write not read", "non-monotonic read",
                                                   "monotonic writes", "writes follow reads"};
static const char *const rule_reasons[RULE_COUNT] = {
    "it had written a later one itself",
    "it had read a later one before",
    "it had seen what the writer of a later one wrote after that",
    "it had seen a write by somebody who had seen a later one before",
};

/* A write that must not be missed, and the op that says so. */
struct duty {
    uint32_t write, because;
};

static const struct duty NO_DUTY = {ROW_NONE, ROW_NONE};

/* What q knows of a pair or of a register; of another session if it is not stamped with 1 + q. */
struct known {
    uint32_t stamp;
    struct duty duty;
};

struct engine {
    struct register_sessions sessions;
    bool is_asked[RULE_COUNT];
    /* Reads by the pair that they saw, and of each pair by session and position: those of pair p
     * are reads[read_first[p]] .. reads[read_first[p + 1] - 1]. latest is the latest write seen so
     * far by that session in that pair. */
    uint32_t *read_first;
    uint32_t *reads, *latest;
    /* The session in hand. */
    uint32_t q;
    bool takes_in;
    struct known *own_writes;                         /* by key */
    struct known *own_reads, *own_reads_of_key;       /* by pair, by key */
    struct known *others_reads, *others_reads_of_key; /* where q takes them in */
    struct seen {
        uint32_t stamp;
        uint32_t until; /* q read a write at this position less one */
    } * seen;           /* by session */
    uint32_t *seen_list, seen_count;
    size_t found[RULE_COUNT];
    struct rift_verdict *verdict;
};

static uint32_t key_of(const struct engine *self, uint32_t row)
{
    return self->sessions.history->ops.key[row];
}

static void group_reads(struct engine *self)
{
    const struct register_sessions *sessions = &self->sessions;
    size_t count = sessions->history->ops.count;
    uint32_t *place = rift_calloc((size_t)sessions->pair_count + 3, sizeof *place);
    for (size_t row = 0; row < count; row++)
        if (sessions->seen[row] == SEEN_WRITE)
            place[sessions->pair[sessions->source[row]] + 2]++;
    for (size_t pair = 0; pair <= sessions->pair_count; pair++)
        place[pair + 2] += place[pair + 1];
    self->reads = rift_calloc(count + 1, sizeof *self->reads);
    self->latest = rift_calloc(count + 1, sizeof *self->latest);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = sessions->rows[i];
        if (sessions->seen[row] != SEEN_WRITE)
            continue;
        uint32_t source = sessions->source[row], pair = sessions->pair[source];
        uint32_t at = place[pair + 1]++;
        self->reads[at] = row;
        self->latest[at] = source;
        if (at > place[pair] && sessions->session[self->reads[at - 1]] == sessions->session[row] &&
            sessions->position[self->latest[at - 1]] > sessions->position[source])
            self->latest[at] = self->latest[at - 1];
    }
    self->read_first = place;
}

static void note(const struct engine *self, struct known *known, struct duty duty, bool is_of_pair)
{
    const uint32_t *position = self->sessions.position;
    bool is_first = known->stamp != self->q + 1;
    if (is_first || (is_of_pair && position[known->duty.write] < position[duty.write]))
        *known = (struct known){self->q + 1, duty};
}

/* The duty if it is one of q, and later than the source of a read. */
static struct duty if_later(const struct engine *self, const struct known *known, uint32_t source)
{
    const uint32_t *position = self->sessions.position;
    if (known->stamp != self->q + 1 ||
        (source != ROW_NONE && position[known->duty.write] <= position[source]))
        return NO_DUTY;
    return known->duty;
}

/* How far q has seen a session; 0 for itself. */
static uint32_t seen_until(const struct engine *self, uint32_t session)
{
    return self->seen[session].stamp == self->q + 1 ? self->seen[session].until : 0;
}

/* The first read by q of what a session wrote at that position or after it. */
static uint32_t first_sight(const struct engine *self, uint32_t session, uint32_t position)
{
    const struct register_sessions *sessions = &self->sessions;
    for (uint32_t i = sessions->first[self->q]; i < sessions->first[self->q + 1]; i++) {
        uint32_t row = sessions->rows[i], source = sessions->source[row];
        if (sessions->seen[row] == SEEN_WRITE && sessions->session[source] == session &&
            sessions->position[source] >= position)
            return row;
    }
    return ROW_NONE;
}

static struct duty missed_own_write(const struct engine *self, uint32_t read)
{
    uint32_t source = self->sessions.source[read];
    if (source != ROW_NONE && self->sessions.session[source] != self->q)
        return NO_DUTY;
    return if_later(self, &self->own_writes[key_of(self, read)], source);
}

static struct duty missed_own_read(const struct engine *self, uint32_t read)
{
    uint32_t source = self->sessions.source[read];
    return if_later(self,
                    source == ROW_NONE ? &self->own_reads_of_key[key_of(self, read)]
                                       : &self->own_reads[self->sessions.pair[source]],
                    source);
}

/* The pair of a key and a session, or pair_first[key + 1]. */
static uint32_t find_pair(const struct register_sessions *sessions, uint32_t key, uint32_t session)
{
    uint32_t low = sessions->pair_first[key], end = sessions->pair_first[key + 1], high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sessions->session[sessions->first_write[middle]] < session)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && sessions->session[sessions->first_write[low]] == session ? low : end;
}

/* A write if it must not be missed because q saw a later one of its session. */
static struct duty if_written_before(const struct engine *self, uint32_t write)
{
    const struct register_sessions *sessions = &self->sessions;
    if (write == ROW_NONE ||
        sessions->position[write] >= seen_until(self, sessions->session[write]))
        return NO_DUTY;
    return (struct duty){write,
                         first_sight(self, sessions->session[write], sessions->position[write])};
}

static struct duty missed_write(const struct engine *self, uint32_t read)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t source = sessions->source[read], key = key_of(self, read);
    if (source != ROW_NONE)
        return if_written_before(self, sessions->next_write[source]);
    uint32_t first = sessions->pair_first[key], end = sessions->pair_first[key + 1];
    struct duty duty = NO_DUTY;
    if (end - first <= self->seen_count) {
        for (uint32_t pair = first; pair < end && duty.write == ROW_NONE; pair++)
            duty = if_written_before(self, sessions->first_write[pair]);
        return duty;
    }
    for (uint32_t i = 0; i < self->seen_count && duty.write == ROW_NONE; i++) {
        uint32_t pair = find_pair(sessions, key, self->seen_list[i]);
        if (pair < end)
            duty = if_written_before(self, sessions->first_write[pair]);
    }
    return duty;
}

/* The end of the reads low .. high - 1, of one pair, that a session made before a position. */
static uint32_t reads_end(const struct engine *self, uint32_t low, uint32_t high, uint32_t session,
                          uint32_t position)
{
    const struct register_sessions *sessions = &self->sessions;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, row = self->reads[middle];
        if (sessions->session[row] < session ||
            (sessions->session[row] == session && sessions->position[row] < position))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The latest write that was read by number at, if it is later than source, and q saw what the
 * reader wrote after it. */
static struct duty if_read_before(const struct engine *self, uint32_t at, uint32_t source)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t row = self->reads[at], session = sessions->session[row];
    uint32_t latest = source == ROW_NONE ? sessions->source[row] : self->latest[at];
    if (sessions->position[row] >= seen_until(self, session) ||
        (source != ROW_NONE && sessions->position[latest] <= sessions->position[source]))
        return NO_DUTY;
    return (struct duty){latest, first_sight(self, session, sessions->position[row])};
}

static struct duty missed_read(const struct engine *self, uint32_t read)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t source = sessions->source[read], key = key_of(self, read);
    struct duty duty = NO_DUTY;
    if (self->takes_in)
        return if_later(self,
                        source == ROW_NONE ? &self->others_reads_of_key[key]
                                           : &self->others_reads[sessions->pair[source]],
                        source);
    uint32_t pair = source == ROW_NONE ? sessions->pair_first[key] : sessions->pair[source];
    uint32_t pair_end = source == ROW_NONE ? sessions->pair_first[key + 1] : pair + 1;
    uint32_t first = self->read_first[pair], end = self->read_first[pair_end];
    if (source == ROW_NONE || end - first <= BISECTION_STEPS * self->seen_count) {
        for (uint32_t at = first; at < end && duty.write == ROW_NONE; at++)
            duty = if_read_before(self, at, source);
        return duty;
    }
    for (uint32_t i = 0; i < self->seen_count && duty.write == ROW_NONE; i++) {
        uint32_t session = self->seen_list[i];
        uint32_t at = reads_end(self, first, end, session, seen_until(self, session));
        if (at > first && sessions->session[self->reads[at - 1]] == session)
            duty = if_read_before(self, at - 1, source);
    }
    return duty;
}

static void convict(struct engine *self, uint32_t read, enum rule rule, struct duty duty)
{
    const struct rift_history *history = self->sessions.history;
    CLEANUP(rift_free) char *key = register_sessions_key(&self->sessions, read);
    CLEANUP(rift_free) char *value = rift_value_print(history->values, history->ops.result[read]);
    CLEANUP(rift_free)
    char *later = rift_value_print(history->values, history->ops.argument[duty.write]);
    json_t *anomaly = rift_verdict_convict(
        self->verdict, rule_names[rule], "Process %" PRId32 " read %s of %s, though %s: %s",
        history->ops.process[read], value, key, rule_reasons[rule], later);
    json_t *rows = json_pack("[I]", (json_int_t)duty.write);
    if (duty.because != duty.write)
        json_array_append_new(rows, json_integer(duty.because));
    json_array_append_new(rows, json_integer(read));
    json_object_set_new(anomaly, "ops", rows);
}

static void judge_read(struct engine *self, uint32_t read)
{
    static struct duty (*const missed[RULE_COUNT])(const struct engine *, uint32_t) = {
        missed_own_write, missed_own_read, missed_write, missed_read};
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        struct duty duty = self->is_asked[rule] ? missed[rule](self, read) : NO_DUTY;
        if (duty.write == ROW_NONE)
            continue;
        if (self->found[rule]++ < ANOMALIES_TOLD)
            convict(self, read, (enum rule)rule, duty);
        return;
    }
}

/* Takes in what a session read from one position to another, now that q read what it wrote then. */
static void take_in(struct engine *self, uint32_t session, uint32_t from, uint32_t until,
                    uint32_t because)
{
    const struct register_sessions *sessions = &self->sessions;
    for (uint32_t position = from; position < until; position++) {
        uint32_t row = sessions->rows[sessions->first[session] + position];
        if (sessions->seen[row] != SEEN_WRITE)
            continue;
        struct duty duty = {sessions->source[row], because};
        note(self, &self->others_reads[sessions->pair[duty.write]], duty, true);
        note(self, &self->others_reads_of_key[key_of(self, row)], duty, false);
    }
}

/* q has read this write. */
static void see(struct engine *self, uint32_t write, uint32_t read)
{
    const struct register_sessions *sessions = &self->sessions;
    struct duty duty = {write, read};
    note(self, &self->own_reads[sessions->pair[write]], duty, true);
    note(self, &self->own_reads_of_key[key_of(self, write)], duty, false);
    uint32_t session = sessions->session[write], until = sessions->position[write] + 1;
    uint32_t before = seen_until(self, session);
    if (session == self->q || until <= before)
        return;
    if (before == 0)
        self->seen_list[self->seen_count++] = session;
    self->seen[session] = (struct seen){self->q + 1, until};
    if (self->takes_in)
        take_in(self, session, before, until, read);
}

/* Whether it is less work for q to take in what others read than to look it up for each read. */
static bool should_take_in(struct engine *self)
{
    const struct register_sessions *sessions = &self->sessions;
    uint64_t to_take_in = 0, to_look_up = 0;
    self->seen_count = 0;
    for (uint32_t i = sessions->first[self->q]; i < sessions->first[self->q + 1]; i++) {
        uint32_t row = sessions->rows[i], source = sessions->source[row], key = key_of(self, row);
        if (sessions->seen[row] == SEEN_INITIAL)
            to_look_up += self->read_first[sessions->pair_first[key + 1]] -
                          self->read_first[sessions->pair_first[key]];
        if (sessions->seen[row] != SEEN_WRITE)
            continue;
        uint32_t session = sessions->session[source], until = sessions->position[source] + 1;
        uint32_t pair = sessions->pair[source], before = seen_until(self, session);
        uint64_t reads = self->read_first[pair + 1] - self->read_first[pair];
        uint64_t bisections = (uint64_t)BISECTION_STEPS * self->seen_count;
        to_look_up += reads < bisections ? reads : bisections;
        if (session == self->q || until <= before)
            continue;
        self->seen_count += before == 0;
        to_take_in += until - before;
        self->seen[session] = (struct seen){self->q + 1, until};
    }
    for (uint32_t i = sessions->first[self->q]; i < sessions->first[self->q + 1]; i++)
        if (sessions->seen[sessions->rows[i]] == SEEN_WRITE)
            self->seen[sessions->session[sessions->source[sessions->rows[i]]]].stamp = 0;
    self->seen_count = 0;
    return to_take_in < to_look_up;
}

static void judge_session(struct engine *self, uint32_t q)
{
    const struct register_sessions *sessions = &self->sessions;
    self->q = q;
    self->takes_in = should_take_in(self);
    for (uint32_t i = sessions->first[q]; i < sessions->first[q + 1]; i++) {
        uint32_t row = sessions->rows[i];
        if (sessions->is_write[row])
            note(self, &self->own_writes[key_of(self, row)], (struct duty){row, row}, true);
        if (sessions->seen[row] == SEEN_INITIAL || sessions->seen[row] == SEEN_WRITE)
            judge_read(self, row);
        if (sessions->seen[row] == SEEN_WRITE)
            see(self, sessions->source[row], row);
    }
}

static void engine_init(struct engine *self)
{
    size_t pair_count = (size_t)self->sessions.pair_count + 1;
    size_t key_count = self->sessions.history->key_count + 1;
    size_t session_count = (size_t)self->sessions.session_count + 1;
    group_reads(self);
    self->own_writes = rift_calloc(key_count, sizeof *self->own_writes);
    self->own_reads = rift_calloc(pair_count, sizeof *self->own_reads);
    self->own_reads_of_key = rift_calloc(key_count, sizeof *self->own_reads_of_key);
    self->others_reads = rift_calloc(pair_count, sizeof *self->others_reads);
    self->others_reads_of_key = rift_calloc(key_count, sizeof *self->others_reads_of_key);
    self->seen = rift_calloc(session_count, sizeof *self->seen);
    self->seen_list = rift_calloc(session_count, sizeof *self->seen_list);
}

static void engine_finish(struct engine *self)
{
    free(self->read_first);
    free(self->reads);
    free(self->latest);
    free(self->own_writes);
    free(self->own_reads);
    free(self->own_reads_of_key);
    free(self->others_reads);
    free(self->others_reads_of_key);
    free(self->seen);
    free(self->seen_list);
    register_sessions_finish(&self->sessions);
}

/* In the order of the rules. */
static const char *const guarantees[] = {"read your writes", "monotonic reads", "monotonic writes",
                                         "writes follow reads", NULL};

static bool is_in_list(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return json_is_string(list) && strcmp(json_string_value(list), name) == 0;
}

static int check_sessions(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    (void)err;
    struct engine engine = {.verdict = verdict};
    const json_t *asked = json_object_get(check->options, "guarantees");
    for (int rule = 0; rule < RULE_COUNT; rule++)
        engine.is_asked[rule] = is_in_list(asked, guarantees[rule]);
    register_sessions_init(&engine.sessions, check->history);
    register_sessions_judge_sources(&engine.sessions, verdict);
    engine_init(&engine);
    int64_t deadline =
        check->budget.time_ms > 0 ? rift_clock_now() + check->budget.time_ms * RIFT_MS : INT64_MAX;
    for (uint32_t q = 0; q < engine.sessions.session_count; q++) {
        if (rift_clock_now() > deadline) {
            rift_verdict_doubt(verdict, "time ran out after %" PRIu32 " of %" PRIu32 " sessions", q,
                               engine.sessions.session_count);
            break;
        }
        judge_session(&engine, q);
    }
    register_sessions_count(&engine.sessions, verdict);
    for (int rule = 0; rule < RULE_COUNT; rule++)
        element_stat_add(verdict, guarantees[rule], engine.found[rule]);
    engine_finish(&engine);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "guarantees",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[\"read your writes\", \"monotonic reads\", \"monotonic writes\", "
                 "\"writes follow reads\"]",
     .choices = guarantees,
     .summary = "which of the four must hold"},
    {.name = NULL},
};

const struct rift_checker rift_checker_sessions = {
    .name = "sessions",
    .summary = "read your writes, monotonic reads, monotonic writes, writes follow reads",
    .options = options,
    .check = check_sessions,
};

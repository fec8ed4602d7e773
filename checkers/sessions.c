/* sessions and causal: what a process may see of registers after what it saw and did before.
 *
 * Each session q is gone through once. What it must not miss any more is kept for each pair of a
 * register and a session that writes it, as the latest such write:
 *   read your writes       q wrote it
 *   monotonic reads        q read it
 *   monotonic writes       its session wrote it before another write that q read
 *   writes follow reads    a session read it before a write that q read
 * A read of an earlier write of the same pair, or of the initial state, is then a violation. For
 * causal the last two go on from read to write to read: the causal past of q. Every session is
 * taken in at most once for each q, so the time is ops times sessions at most, and no clock vectors
 * are stored.
 *
 * Versions are ordered only where one session wrote both: writes of two sessions may be ordered
 * either way in a system that promises no more than this. The order that one session gives needs no
 * care for ops that never heard back, as they end it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/register_sessions.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 16 };

enum rule { OWN_WRITE, OWN_READ, WRITTEN_BEFORE, READ_BEFORE, RULE_COUNT };

static const char *const rule_names[RULE_COUNT] = {"own write not read", "non-monotonic read",
                                                   "monotonic writes", "writes follow reads"};
static const char *const rule_reasons[RULE_COUNT] = {
    "it had written a later one itself",
    "it had read a later one before",
    "it had seen what the writer of a later one wrote after that",
    "it had seen a write by somebody who had seen a later one before",
};

/* What must not be missed: a write, and the op of q that made it so. */
struct duty {
    uint32_t write, because;
};

/* Of a pair of register and writer, or of a register as a whole. */
struct duties {
    uint32_t stamp; /* 1 + q; otherwise there are none */
    struct duty of[RULE_COUNT];
};

struct engine {
    struct register_sessions sessions;
    bool is_causal;
    bool is_asked[RULE_COUNT];
    uint32_t *pair;       /* by row of a write */
    struct duties *pairs; /* by pair */
    struct duties *keys;  /* by key: any write of it, against reads of the initial state */
    uint32_t *taken;      /* by session: ops that q has taken in */
    uint32_t *taken_stamp;
    uint32_t *stack; /* of writes whose past is to be taken in */
    size_t stack_count, stack_capacity;
    size_t found[RULE_COUNT], cycle_count;
    struct rift_verdict *verdict;
};

static void find_pairs(struct engine *self)
{
    const struct rift_history *history = self->sessions.history;
    struct rift_key_split split;
    rift_key_split_init(&split, history);
    size_t session_count = self->sessions.session_count, pair_count = 0;
    CLEANUP(rift_free) uint32_t *stamp = rift_calloc(session_count + 1, sizeof *stamp);
    CLEANUP(rift_free) uint32_t *last = rift_calloc(session_count + 1, sizeof *last);
    self->pair = rift_calloc(history->ops.count + 1, sizeof *self->pair);
    for (uint32_t key = 0; key < split.key_count; key++) {
        for (size_t i = split.first[key]; i < split.first[key + 1]; i++) {
            uint32_t row = split.rows[i], session = self->sessions.session[row];
            if (!self->sessions.is_write[row])
                continue;
            if (stamp[session] != key + 1)
                last[session] = (uint32_t)pair_count++;
            stamp[session] = key + 1;
            self->pair[row] = last[session];
        }
    }
    self->pairs = rift_calloc(pair_count + 1, sizeof *self->pairs);
    self->keys = rift_calloc(history->key_count + 1, sizeof *self->keys);
    self->taken = rift_calloc(session_count + 1, sizeof *self->taken);
    self->taken_stamp = rift_calloc(session_count + 1, sizeof *self->taken_stamp);
    rift_key_split_finish(&split);
}

static void note_in(const struct engine *self, struct duties *duties, uint32_t q, enum rule rule,
                    struct duty duty, bool is_of_pair)
{
    if (duties->stamp != q + 1) {
        duties->stamp = q + 1;
        for (int i = 0; i < RULE_COUNT; i++)
            duties->of[i].write = ROW_NONE;
    }
    struct duty *old = &duties->of[rule];
    const uint32_t *position = self->sessions.position;
    if (old->write == ROW_NONE || (is_of_pair && position[old->write] < position[duty.write]))
        *old = duty;
}

static void note(struct engine *self, uint32_t q, enum rule rule, uint32_t write, uint32_t because)
{
    struct duty duty = {write, because};
    note_in(self, &self->pairs[self->pair[write]], q, rule, duty, true);
    note_in(self, &self->keys[self->sessions.history->ops.key[write]], q, rule, duty, false);
}

static void push(struct engine *self, uint32_t write)
{
    if (self->stack_count == self->stack_capacity) {
        self->stack_capacity = self->stack_capacity ? 2 * self->stack_capacity : 64;
        self->stack = rift_reallocarray(self->stack, self->stack_capacity, sizeof *self->stack);
    }
    self->stack[self->stack_count++] = write;
}

static void convict_cycle(struct engine *self, uint32_t read, uint32_t write)
{
    const struct rift_ops *ops = &self->sessions.history->ops;
    if (self->cycle_count++ >= ANOMALIES_TOLD)
        return;
    json_t *anomaly = rift_verdict_convict(
        self->verdict, "causality violation",
        "What process %" PRId32 " read depends on what it did later", ops->process[read]);
    json_object_set_new(anomaly, "ops", json_pack("[I, I]", (json_int_t)read, (json_int_t)write));
}

/* Takes in what a session did up to a write of it that became known to q by its op `because`. */
static void take_in(struct engine *self, uint32_t q, uint32_t write, uint32_t because)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t session = sessions->session[write], until = sessions->position[write] + 1;
    if (session == q) {
        if (sessions->position[write] > sessions->position[because] && self->is_causal)
            convict_cycle(self, because, write);
        return;
    }
    if (self->taken_stamp[session] != q + 1) {
        self->taken_stamp[session] = q + 1;
        self->taken[session] = 0;
    }
    uint32_t from = self->taken[session];
    self->taken[session] = until > from ? until : from;
    for (uint32_t position = from; position < until; position++) {
        uint32_t row = sessions->rows[sessions->first[session] + position];
        if (sessions->is_write[row])
            note(self, q, WRITTEN_BEFORE, row, because);
        if (sessions->seen[row] != SEEN_WRITE)
            continue;
        note(self, q, READ_BEFORE, sessions->source[row], because);
        if (self->is_causal)
            push(self, sessions->source[row]);
    }
}

static void convict(struct engine *self, uint32_t read, enum rule rule, struct duty duty)
{
    const struct rift_history *history = self->sessions.history;
    if (self->found[rule]++ >= ANOMALIES_TOLD)
        return;
    const char *name = self->is_causal ? "causality violation" : rule_names[rule];
    CLEANUP(rift_free) char *key = register_sessions_key(&self->sessions, read);
    CLEANUP(rift_free) char *value = rift_value_print(history->values, history->ops.result[read]);
    CLEANUP(rift_free)
    char *later = rift_value_print(history->values, history->ops.argument[duty.write]);
    json_t *anomaly = rift_verdict_convict(
        self->verdict, name, "Process %" PRId32 " read %s of %s, though %s: %s",
        history->ops.process[read], value, key, rule_reasons[rule], later);
    json_t *rows = json_pack("[I]", (json_int_t)duty.write);
    if (duty.because != duty.write)
        json_array_append_new(rows, json_integer(duty.because));
    json_array_append_new(rows, json_integer(read));
    json_object_set_new(anomaly, "ops", rows);
}

static void judge_read(struct engine *self, uint32_t q, uint32_t read)
{
    const struct register_sessions *sessions = &self->sessions;
    uint32_t source = sessions->source[read], key = sessions->history->ops.key[read];
    const struct duties *duties =
        source == ROW_NONE ? &self->keys[key] : &self->pairs[self->pair[source]];
    if (duties->stamp != q + 1)
        return;
    for (int rule = 0; rule < RULE_COUNT; rule++) {
        struct duty duty = duties->of[rule];
        if (duty.write == ROW_NONE || !self->is_asked[rule] ||
            (source != ROW_NONE && sessions->position[duty.write] <= sessions->position[source]))
            continue;
        convict(self, read, (enum rule)rule, duty);
        return;
    }
}

static void judge_session(struct engine *self, uint32_t q)
{
    const struct register_sessions *sessions = &self->sessions;
    for (uint32_t i = sessions->first[q]; i < sessions->first[q + 1]; i++) {
        uint32_t row = sessions->rows[i];
        if (sessions->is_write[row])
            note(self, q, OWN_WRITE, row, row);
        if (sessions->seen[row] != SEEN_INITIAL && sessions->seen[row] != SEEN_WRITE)
            continue;
        judge_read(self, q, row);
        if (sessions->seen[row] == SEEN_INITIAL)
            continue;
        note(self, q, OWN_READ, sessions->source[row], row);
        push(self, sessions->source[row]);
        while (self->stack_count > 0)
            take_in(self, q, self->stack[--self->stack_count], row);
    }
}

static void judge(struct engine *self, const struct rift_check *check, struct rift_verdict *verdict)
{
    self->verdict = verdict;
    register_sessions_init(&self->sessions, check->history);
    register_sessions_judge_sources(&self->sessions, verdict);
    find_pairs(self);
    int64_t deadline =
        check->budget.time_ms > 0 ? rift_clock_now() + check->budget.time_ms * RIFT_MS : INT64_MAX;
    for (uint32_t q = 0; q < self->sessions.session_count; q++) {
        if (rift_clock_now() > deadline) {
            rift_verdict_doubt(verdict, "time ran out after %" PRIu32 " of %" PRIu32 " sessions", q,
                               self->sessions.session_count);
            break;
        }
        judge_session(self, q);
    }
    element_stat_add(verdict, "reads", self->sessions.read_count);
    element_stat_add(verdict, "writes", self->sessions.write_count);
    element_stat_add(verdict, "sessions", self->sessions.session_count);
    free(self->pair);
    free(self->pairs);
    free(self->keys);
    free(self->taken);
    free(self->taken_stamp);
    free(self->stack);
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
    struct engine engine = {0};
    const json_t *asked = json_object_get(check->options, "guarantees");
    for (int rule = 0; rule < RULE_COUNT; rule++)
        engine.is_asked[rule] = is_in_list(asked, guarantees[rule]);
    judge(&engine, check, verdict);
    for (int rule = 0; rule < RULE_COUNT; rule++)
        element_stat_add(verdict, guarantees[rule], engine.found[rule]);
    return 0;
}

static int check_causal(const struct rift_check *check, struct rift_verdict *verdict,
                        struct rift_error *err)
{
    (void)err;
    struct engine engine = {.is_causal = true, .is_asked = {true, true, true, true}};
    judge(&engine, check, verdict);
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

const struct rift_checker rift_checker_causal = {
    .name = "causal",
    .summary = "who sees a write of a register sees what came before it",
    .check = check_causal,
};

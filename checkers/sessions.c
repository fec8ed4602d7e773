/* monotonic, sessions, causal: what each process may see of registers whose values only rise.
 *
 * The value is the version, so what a process must see at least is one number for each key, its
 * floor: of what it read (monotonic reads), of what it wrote (read your writes), of what came in
 * the writer's session before a write that it read: the writer's own writes (monotonic writes), or
 * the writer's reads (writes follow reads); and for causal consistency all of that, and what was
 * known to whoever was read from, in turn (Terry and others, PDIS 1994). Events are taken in order
 * of time: writes when they start, reads when they end. Time and memory O(operations + writes *
 * keys). */
#include "checkers/registry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { KEPT = 16 };

/* Numbers kept for all writes together. */
static const uint64_t FLOORS_MAX = UINT64_C(1) << 27;

enum guarantee {
    MONOTONIC_READS,
    READ_YOUR_WRITES,
    MONOTONIC_WRITES,
    WRITES_FOLLOW_READS,
    CAUSALITY,
    GUARANTEE_COUNT,
};

static const struct {
    const char *name, *text;
} guarantees[] = {
    {"non-monotonic read", "the process had read"},
    {"own write not read", "the process had written"},
    {"monotonic writes", "the process had read a later write of the session that wrote"},
    {"writes follow reads", "the process had read a write of a session that before had read"},
    {"causality violation", "there had happened before the read a write of"},
};

struct event {
    int64_t time;
    bool is_read;
    uint32_t row;
};

struct sessions {
    const struct rift_history *history;
    struct rift_verdict *verdict;
    unsigned asked; /* bits of enum guarantee */
    size_t key_count;
    uint32_t *process; /* per row: dense */
    size_t process_count;
    int64_t *floors[GUARANTEE_COUNT]; /* process * key_count + key; 0: nothing */
    int64_t *behind[GUARANTEE_COUNT]; /* write * key_count + key: what comes with a write */
    uint32_t *write_number;           /* per row of a write */
    struct write {
        uint32_t key, row;
        int64_t value;
    } * writes; /* sorted by key and value */
    size_t write_count;
    size_t found, reads;
};

static int compare_events(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->is_read != y->is_read)
        return x->is_read ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static int64_t *floor_of(const struct sessions *sessions, enum guarantee guarantee, uint32_t row)
{
    return sessions->floors[guarantee] + sessions->process[row] * sessions->key_count;
}

static void raise(int64_t *floor, const int64_t *behind, size_t count)
{
    for (size_t k = 0; k < count; k++)
        floor[k] = behind[k] > floor[k] ? behind[k] : floor[k];
}

static void report(struct sessions *sessions, uint32_t row, enum guarantee guarantee, int64_t value,
                   int64_t floor)
{
    const struct rift_history *history = sessions->history;
    if (++sessions->found > KEPT)
        return;
    struct rift_value key = history->keys[history->ops.key[row]];
    CLEANUP(rift_free) char *name = rift_value_print(history->values, key);
    json_t *anomaly = rift_verdict_convict(sessions->verdict, guarantees[guarantee].name,
                                           "operation %" PRIu32 " of process %" PRId32
                                           " read %" PRId64 " of key %s, but %s %" PRId64 " of it",
                                           row, history->ops.process[row], value, name,
                                           guarantees[guarantee].text, floor);
    json_object_set_new(anomaly, "key", rift_value_to_json(history->values, key));
    json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)row));
}

static void take_write(struct sessions *sessions, uint32_t row)
{
    const struct rift_ops *ops = &sessions->history->ops;
    uint32_t key = ops->key[row];
    size_t count = sessions->key_count, at = sessions->write_number[row] * count;
    int64_t value = rift_value_as_integer(sessions->history->values, ops->argument[row]);
    /* What stands behind the write is what the session had done before it. */
    static const enum guarantee pairs[][2] = {{MONOTONIC_WRITES, READ_YOUR_WRITES},
                                              {WRITES_FOLLOW_READS, MONOTONIC_READS},
                                              {CAUSALITY, CAUSALITY}};
    for (size_t i = 0; i < 3; i++)
        if (sessions->behind[pairs[i][0]])
            memcpy(sessions->behind[pairs[i][0]] + at, floor_of(sessions, pairs[i][1], row),
                   count * sizeof(int64_t));
    int64_t *own = floor_of(sessions, READ_YOUR_WRITES, row);
    int64_t *all = floor_of(sessions, CAUSALITY, row);
    own[key] = value > own[key] ? value : own[key];
    all[key] = value > all[key] ? value : all[key];
}

static int compare_writes(const void *a, const void *b)
{
    const struct write *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* The row that wrote the value, or UINT32_MAX. */
static uint32_t writer_of(const struct sessions *sessions, uint32_t key, int64_t value)
{
    struct write wanted = {.key = key, .value = value};
    const struct write *found = bsearch(&wanted, sessions->writes, sessions->write_count,
                                        sizeof *sessions->writes, compare_writes);
    return found ? found->row : UINT32_MAX;
}

static void take_read(struct sessions *sessions, uint32_t row)
{
    const struct rift_history *history = sessions->history;
    uint32_t key = history->ops.key[row];
    struct rift_value read = history->ops.result[row];
    int64_t value = rift_value_as_integer(history->values, read);
    size_t count = sessions->key_count;
    sessions->reads++;
    for (int g = 0; g < GUARANTEE_COUNT; g++) {
        int64_t floor = floor_of(sessions, (enum guarantee)g, row)[key];
        if ((sessions->asked >> g & 1) && value < floor) {
            report(sessions, row, (enum guarantee)g, value, floor);
            break;
        }
    }
    int64_t *seen = floor_of(sessions, MONOTONIC_READS, row);
    int64_t *all = floor_of(sessions, CAUSALITY, row);
    seen[key] = value > seen[key] ? value : seen[key];
    all[key] = value > all[key] ? value : all[key];
    if (rift_value_is_nil(read))
        return;
    uint32_t writer = writer_of(sessions, key, value);
    if (writer == UINT32_MAX) {
        json_t *anomaly = rift_verdict_convict(
            sessions->verdict, "garbage read",
            "operation %" PRIu32 " read %" PRId64 ", which nobody wrote", row, value);
        json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)row));
        return;
    }
    for (int g = MONOTONIC_WRITES; g < GUARANTEE_COUNT; g++)
        if (sessions->behind[g])
            raise(floor_of(sessions, (enum guarantee)g, row),
                  sessions->behind[g] + sessions->write_number[writer] * count, count);
}

static bool is_named(const struct rift_history *history, size_t row, const char *name)
{
    return strcmp(history->names.text[history->ops.f[row]], name) == 0;
}

/* Numbers processes and writes; false, with a doubt, where the history is none of rising values. */
static bool number(struct sessions *sessions)
{
    const struct rift_history *history = sessions->history;
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free) struct write *by_process = rift_calloc(ops->count + 1, sizeof *by_process);
    for (size_t row = 0; row < ops->count; row++) {
        by_process[row] = (struct write){.row = (uint32_t)row, .value = ops->process[row]};
        if (!is_named(history, row, "write") || ops->type[row] == RIFT_OP_FAIL)
            continue;
        sessions->write_number[row] = (uint32_t)sessions->write_count;
        sessions->writes[sessions->write_count++] =
            (struct write){ops->key[row], (uint32_t)row,
                           rift_value_as_integer(history->values, ops->argument[row])};
    }
    qsort(by_process, ops->count, sizeof *by_process, compare_writes);
    for (size_t i = 0; i < ops->count; i++) {
        sessions->process_count += i == 0 || by_process[i].value != by_process[i - 1].value;
        sessions->process[by_process[i].row] = (uint32_t)sessions->process_count - 1;
    }
    qsort(sessions->writes, sessions->write_count, sizeof *sessions->writes, compare_writes);
    for (size_t i = 1; i < sessions->write_count; i++) {
        const struct write *a = &sessions->writes[i - 1], *b = &sessions->writes[i];
        if (a->key == b->key && (a->value == b->value || ops->start[a->row] > ops->start[b->row])) {
            rift_verdict_doubt(sessions->verdict,
                               "values of a key do not rise: their order is not known");
            return false;
        }
    }
    uint64_t floors = (uint64_t)sessions->key_count *
                      (sessions->write_count * 3 + sessions->process_count * GUARANTEE_COUNT);
    if (floors > FLOORS_MAX)
        rift_verdict_doubt(sessions->verdict, "too many writes and keys to follow");
    return floors <= FLOORS_MAX;
}

static void follow(struct sessions *sessions)
{
    const struct rift_history *history = sessions->history;
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free) struct event *events = rift_calloc(ops->count + 1, sizeof *events);
    size_t count = 0;
    for (uint32_t row = 0; row < ops->count; row++) {
        if (is_named(history, row, "write") && ops->type[row] != RIFT_OP_FAIL)
            events[count++] = (struct event){ops->start[row], false, row};
        else if (is_named(history, row, "read") && ops->type[row] == RIFT_OP_OK)
            events[count++] = (struct event){ops->end[row], true, row};
    }
    qsort(events, count, sizeof *events, compare_events);
    for (size_t i = 0; i < count; i++) {
        if (events[i].is_read)
            take_read(sessions, events[i].row);
        else
            take_write(sessions, events[i].row);
    }
}

static int check_guarantees(const struct rift_check *check, unsigned asked,
                            struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    size_t rows = history->ops.count + 1;
    struct sessions sessions = {.history = history, .verdict = verdict, .asked = asked};
    CLEANUP(rift_free) uint32_t *process = rift_calloc(rows, sizeof *process);
    CLEANUP(rift_free) uint32_t *write_number = rift_calloc(rows, sizeof *write_number);
    CLEANUP(rift_free) struct write *writes = rift_calloc(rows, sizeof *writes);
    sessions.key_count = history->key_count ? history->key_count : 1;
    sessions.process = process;
    sessions.write_number = write_number;
    sessions.writes = writes;
    if (number(&sessions)) {
        for (int g = 0; g < GUARANTEE_COUNT; g++) {
            sessions.floors[g] =
                rift_calloc(sessions.process_count * sessions.key_count + 1, sizeof(int64_t));
            if (g >= MONOTONIC_WRITES && (asked >> g & 1))
                sessions.behind[g] =
                    rift_calloc(sessions.write_count * sessions.key_count + 1, sizeof(int64_t));
        }
        follow(&sessions);
        for (int g = 0; g < GUARANTEE_COUNT; g++) {
            free(sessions.floors[g]);
            free(sessions.behind[g]);
        }
        if (sessions.reads == 0)
            rift_verdict_doubt(verdict, "no read succeeded");
    }
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "reads", json_integer((json_int_t)sessions.reads));
    json_object_set_new(stats, "writes", json_integer((json_int_t)sessions.write_count));
    json_object_set_new(stats, "violations", json_integer((json_int_t)sessions.found));
    return 0;
}

static int check_monotonic(const struct rift_check *check, struct rift_verdict *verdict,
                           struct rift_error *err)
{
    (void)err;
    return check_guarantees(check, 1U << MONOTONIC_READS, verdict);
}

static int check_sessions(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    (void)err;
    return check_guarantees(check,
                            1U << MONOTONIC_READS | 1U << READ_YOUR_WRITES |
                                1U << MONOTONIC_WRITES | 1U << WRITES_FOLLOW_READS,
                            verdict);
}

static int check_causal(const struct rift_check *check, struct rift_verdict *verdict,
                        struct rift_error *err)
{
    (void)err;
    return check_guarantees(check, 1U << CAUSALITY, verdict);
}

const struct rift_checker rift_checker_monotonic = {
    .name = "monotonic",
    .summary = "registers that only rise: no process sees one go back",
    .check = check_monotonic,
};

const struct rift_checker rift_checker_sessions = {
    .name = "sessions",
    .summary = "read your writes, monotonic reads, monotonic writes, writes follow reads",
    .check = check_sessions,
};

const struct rift_checker rift_checker_causal = {
    .name = "causal",
    .summary = "who sees a write sees what came before it",
    .check = check_causal,
};

/* kafka: logs in partitions, sent to and polled from, and everything that can go wrong with them.
 *
 * The log of each key is put together from all answers (kafka_records.c). Then: what stands in it
 * (inconsistent offsets, duplicate), what polls answered (G1a, precommitted read, garbage read,
 * future read, G1c), what nobody polled though others polled past it (lost write), and for each
 * process the order of its polls and sends, from one operation to the next and within one
 * (internal). Offsets are counted without gaps: transactions leave marks in a log that no poll
 * returns.
 *
 * A poll that never heard back may have taken messages away from a group. While there is one, a
 * message is lost for certain only if a process polled right past it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/kafka_cycles.h"
#include "checkers/kafka_records.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 8 };

enum flaw {
    INCONSISTENT_OFFSETS,
    DUPLICATE,
    G1A,
    PRECOMMITTED_READ,
    UNEXPECTED_VALUE,
    FUTURE_READ,
    G1C,
    G1C_PROCESS,
    G1C_REALTIME,
    G0,
    G0_PROCESS,
    G0_REALTIME,
    LOST_WRITE,
    POLL_SKIP,
    NONMONOTONIC_POLL,
    INT_POLL_SKIP,
    INT_NONMONOTONIC_POLL,
    NONMONOTONIC_SEND,
    INT_SEND_SKIP,
    INT_NONMONOTONIC_SEND,
    FLAW_COUNT,
};

static const char *const flaw_names[FLAW_COUNT + 1] = {
    "inconsistent offsets",
    "duplicate",
    "G1a",
    "precommitted read",
    "garbage read",
    "future read",
    "G1c",
    "G1c-process",
    "G1c-realtime",
    "G0",
    "G0-process",
    "G0-realtime",
    "lost write",
    "poll skip",
    "nonmonotonic poll",
    "internal poll skip",
    "internal nonmonotonic poll",
    "nonmonotonic send",
    "internal send skip",
    "internal nonmonotonic send",
};

/* Of the process in hand, by key. */
struct position {
    uint32_t stamp;      /* what is older than the process's last assignment counts for nothing */
    uint32_t poll, send; /* indices of the last message; KAFKA_NONE */
    uint32_t poll_row, send_row; /* their ops */
    bool is_rewound;             /* it begins at the beginning */
};

struct kafka {
    const struct rift_check *check;
    struct kafka_records log;
    bool is_allowed[FLAW_COUNT];
    size_t found[FLAW_COUNT];
    struct position *positions;
    uint32_t stamp;
    uint32_t *first_record; /* by row, and one more */
    uint32_t *bottom;       /* by key: its first index */
    uint32_t *top;          /* by key: 1 + the highest index that an ok poll has */
    int32_t *passed; /* by index: polls that begin minus polls that end to skip it from here on */
    bool is_ahead;   /* only what was passed over is looked for, nothing is told yet */
    struct rift_verdict *verdict;
};

static void found(struct kafka *self, enum flaw flaw, uint32_t message, uint32_t row,
                  uint32_t other, const char *what)
{
    if (self->is_ahead || self->found[flaw]++ >= ANOMALIES_TOLD || self->is_allowed[flaw])
        return;
    const struct kafka_message *m = &self->log.messages[message];
    struct element_finding key = {.ids = (uint32_t[]){m->key}, .count = 1};
    struct element_finding value = {.ids = (uint32_t[]){m->value}, .count = 1};
    CLEANUP(rift_free) char *key_text = element_finding_print(&key, self->log.keys);
    CLEANUP(rift_free) char *value_text = element_finding_print(&value, self->log.values);
    json_t *anomaly = rift_verdict_convict(self->verdict, flaw_names[flaw], "%s of key %s: %s",
                                           value_text, key_text, what);
    json_t *rows = json_pack("[I]", (json_int_t)row);
    if (other != KAFKA_NONE && other != row)
        json_array_append_new(rows, json_integer(other));
    json_object_set_new(anomaly, "ops", rows);
}

static void judge_log(struct kafka *self)
{
    const struct kafka_records *log = &self->log;
    CLEANUP(rift_free)
    uint32_t *standing = rift_calloc(log->message_count + 1, sizeof *standing);
    for (size_t i = 0; i < log->entry_count; i++) {
        const struct kafka_record *r = &log->records[log->entries[i]];
        const struct kafka_record *before = i ? &log->records[log->entries[i - 1]] : NULL;
        uint32_t key = log->messages[r->message].key;
        if (before && log->messages[before->message].key == key && before->offset == r->offset &&
            before->message != r->message)
            found(self, INCONSISTENT_OFFSETS, r->message, before->row, r->row,
                  "another message stands at this offset too");
        uint32_t *stands = &standing[r->message];
        if (*stands != 0 && log->records[*stands - 1].offset != r->offset)
            found(self, DUPLICATE, r->message, log->records[*stands - 1].row, r->row,
                  "stands at two offsets");
        *stands = log->entries[i] + 1;
    }
}

static void judge_polled(struct kafka *self)
{
    const struct rift_ops *ops = &self->check->history->ops;
    for (size_t i = 0; i < self->log.record_count; i++) {
        const struct kafka_record *r = &self->log.records[i];
        const struct kafka_message *message = &self->log.messages[r->message];
        if (!r->is_poll || ops->type[r->row] != RIFT_OP_OK)
            continue;
        if (message->sent == KAFKA_NONE && message->failed != KAFKA_NONE)
            found(self, G1A, r->message, message->failed, r->row,
                  "polled, though its send surely failed");
        else if (message->sent == KAFKA_NONE)
            found(self, UNEXPECTED_VALUE, r->message, r->row, KAFKA_NONE,
                  "polled, and nobody sent it");
        else if (message->sent == r->row)
            found(self, PRECOMMITTED_READ, r->message, r->row, KAFKA_NONE,
                  "polled by the transaction that sends it");
        else if (ops->start[message->sent] > ops->end[r->row])
            found(self, FUTURE_READ, r->message, r->row, message->sent,
                  "polled before anybody asked for it to be sent");
    }
}

static enum flaw flaw_of(enum txn_anomaly anomaly)
{
    const char *name = txn_anomaly_name(anomaly);
    for (int flaw = 0; flaw < FLAW_COUNT; flaw++)
        if (strcmp(flaw_names[flaw], name) == 0)
            return (enum flaw)flaw;
    return G1C_REALTIME; /* there are no other edges than those of these six */
}

static void found_cycle(struct kafka *self, const struct txn_cycle *cycle, bool is_allowed)
{
    enum flaw flaw = flaw_of(cycle->anomaly);
    if (self->found[flaw]++ >= ANOMALIES_TOLD || is_allowed || self->is_allowed[flaw])
        return;
    CLEANUP(rift_free) char *text = kafka_cycle_print(cycle);
    json_t *anomaly = rift_verdict_convict(self->verdict, flaw_names[flaw], "%s", text);
    json_t *rows = json_array(), *steps = json_array();
    for (uint32_t i = 0; i < cycle->length; i++) {
        uint32_t next = cycle->vertex[(i + 1) % cycle->length];
        json_array_append_new(rows, json_integer(cycle->vertex[i]));
        json_array_append_new(steps,
                              json_pack("{s:I, s:I, s:s}", "from", (json_int_t)cycle->vertex[i],
                                        "to", (json_int_t)next, "edge",
                                        txn_relation_name((enum txn_relation)cycle->relation[i])));
    }
    json_object_set_new(anomaly, "ops", rows);
    json_object_set_new(anomaly, "steps", steps);
}

/* The messages of two transactions may stand in different orders in different logs: Kafka promises
 * no more, so where operations send several messages, circles through the order of a log are
 * counted only. */
static void judge_cycles(struct kafka *self)
{
    int64_t deadline_ns = self->check->budget.time_ms > 0
                              ? rift_clock_now() + self->check->budget.time_ms * RIFT_MS
                              : 0;
    bool has_transactions = kafka_cycles_has_transactions(&self->log);
    for (int has_log_order = 0; has_log_order < 2; has_log_order++) {
        struct txn_cycles cycles;
        kafka_cycles_find(&self->log, has_log_order, deadline_ns, &cycles);
        bool is_allowed = has_log_order && has_transactions;
        for (size_t i = 0; i < cycles.count; i++) {
            bool has_ww = false;
            for (uint32_t j = 0; j < cycles.items[i].length; j++)
                has_ww |= cycles.items[i].relation[j] == TXN_WW;
            if (has_ww == (has_log_order != 0)) /* the others were found before */
                found_cycle(self, &cycles.items[i], is_allowed);
        }
        if (cycles.undecided && !is_allowed)
            rift_verdict_doubt(self->verdict, "circles of operations were not sought to the end");
        txn_cycles_finish(&cycles);
    }
}

static void pass(struct kafka *self, uint32_t from, uint32_t to)
{
    self->passed[from] += self->is_ahead;
    self->passed[to] -= self->is_ahead;
}

static struct position *position_of(struct kafka *self, uint32_t key)
{
    struct position *position = &self->positions[key];
    if (position->stamp != self->stamp)
        *position = (struct position){self->stamp, KAFKA_NONE, KAFKA_NONE, 0, 0, false};
    return position;
}

static void step_poll(struct kafka *self, const struct kafka_record *r)
{
    uint32_t key = self->log.messages[r->message].key;
    struct position *position = position_of(self, key);
    if (r->index == KAFKA_NONE)
        return;
    bool is_same_op = position->poll != KAFKA_NONE && position->poll_row == r->row;
    if (position->poll != KAFKA_NONE && r->index <= position->poll) {
        found(self, is_same_op ? INT_NONMONOTONIC_POLL : NONMONOTONIC_POLL, r->message,
              position->poll_row, r->row, "polled after a message that stands behind it");
    } else if (position->poll != KAFKA_NONE && r->index > position->poll + 1) {
        found(self, is_same_op ? INT_POLL_SKIP : POLL_SKIP, r->message, position->poll_row, r->row,
              "polled, and messages before it were passed over");
        if (is_same_op || !self->log.has_subscribe)
            pass(self, position->poll + 1, r->index);
    } else if (position->poll == KAFKA_NONE && position->is_rewound) {
        pass(self, self->bottom[key], r->index);
    }
    position->is_rewound = false;
    position->poll = r->index;
    position->poll_row = r->row;
}

static void step_send(struct kafka *self, const struct kafka_record *r, bool is_ok)
{
    struct position *position = position_of(self, self->log.messages[r->message].key);
    if (r->index == KAFKA_NONE)
        return;
    bool is_same_op = position->send != KAFKA_NONE && position->send_row == r->row;
    if (position->send != KAFKA_NONE && r->index <= position->send && is_ok)
        found(self, is_same_op ? INT_NONMONOTONIC_SEND : NONMONOTONIC_SEND, r->message,
              position->send_row, r->row, "sent after a message that stands behind it");
    if (is_same_op && r->index > position->send + 1)
        found(self, INT_SEND_SKIP, r->message, r->row, KAFKA_NONE,
              "another one stands between two messages of one operation");
    position->send = r->index;
    position->send_row = r->row;
}

/* Keys that stay assigned keep their positions, unless the assignment says to begin anew. */
static void step_assign(struct kafka *self, uint32_t row)
{
    const struct rift_history *history = self->check->history;
    const struct rift_values *values = history->values;
    struct rift_value keys = history->ops.argument[row], from;
    bool is_rewind = rift_value_map_get(values, keys, "from", &from) &&
                     rift_value_is_word(values, from, "beginning");
    if (history->ops.extra_start &&
        rift_value_map_get(values, history->ops.extra_start[row], "seek-to-beginning?", &from))
        is_rewind |= rift_value_kind(values, from) == RIFT_BOOL && rift_value_as_bool(from);
    if (rift_value_kind(values, keys) == RIFT_MAP &&
        !rift_value_map_get(values, keys, "keys", &keys))
        keys = RIFT_VALUE_NIL;
    uint32_t before = self->stamp++;
    for (size_t i = 0; i < rift_value_count(values, keys); i++) {
        uint32_t key = kafka_records_key(&self->log, rift_value_item(values, keys, i));
        struct position *position = &self->positions[key];
        if (position->stamp == before && !is_rewind)
            position->stamp = self->stamp;
        else
            position_of(self, key)->is_rewound = is_rewind;
    }
}

static void step(struct kafka *self, uint32_t row)
{
    static const char *const assigns[] = {"assign", "subscribe", NULL};
    const struct rift_history *history = self->check->history;
    enum rift_op_type type = history->ops.type[row];
    struct rift_value ignored;
    bool is_rebalanced =
        history->ops.extra_end &&
        rift_value_map_get(history->values, history->ops.extra_end[row], "rebalance-log", &ignored);
    if (type == RIFT_OP_OK && element_op_is(history, row, assigns))
        step_assign(self, row);
    for (uint32_t i = self->first_record[row];
         i < self->first_record[row + 1] && type != RIFT_OP_FAIL; i++) {
        const struct kafka_record *r = &self->log.records[i];
        if (!r->is_poll)
            step_send(self, r, type == RIFT_OP_OK);
        else if (type == RIFT_OP_OK)
            step_poll(self, r);
    }
    /* Nobody knows where the process stands now. */
    self->stamp += type == RIFT_OP_INFO || is_rebalanced;
}

struct process_row {
    int32_t process;
    uint32_t row;
};

static int compare_rows(const void *a, const void *b)
{
    const struct process_row *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void judge_processes(struct kafka *self)
{
    const struct rift_ops *ops = &self->check->history->ops;
    CLEANUP(rift_free) struct process_row *rows = rift_calloc(ops->count + 1, sizeof *rows);
    for (uint32_t row = 0; row < ops->count; row++)
        rows[row] = (struct process_row){ops->process[row], row};
    qsort(rows, ops->count, sizeof *rows, compare_rows);
    for (size_t i = 0; i < ops->count; i++) {
        self->stamp += i == 0 || rows[i].process != rows[i - 1].process;
        step(self, rows[i].row);
    }
}

/* What was acknowledged must have been polled by the time that others polled past it. */
static void judge_unpolled(struct kafka *self)
{
    const struct kafka_records *log = &self->log;
    size_t unseen_count = 0, doubtful_count = 0;
    for (size_t i = 1; i <= log->index_count; i++)
        self->passed[i] += self->passed[i - 1];
    for (uint32_t m = 0; m < log->message_count; m++) {
        const struct kafka_message *message = &log->messages[m];
        if (message->acked == KAFKA_NONE || message->polled != KAFKA_NONE)
            continue;
        unseen_count++;
        if (message->index == KAFKA_NONE || message->index >= self->top[message->key])
            continue;
        if (log->blind_poll_count > 0 && self->passed[message->index] <= 0)
            doubtful_count++;
        else
            found(self, LOST_WRITE, m, message->acked, KAFKA_NONE,
                  "acknowledged, and never polled, though what stands behind it was");
    }
    if (doubtful_count > 0)
        rift_verdict_doubt(self->verdict,
                           "%zu acknowledged messages were passed over; polls that never heard "
                           "back may have taken them",
                           doubtful_count);
    if (unseen_count > doubtful_count + self->found[LOST_WRITE])
        rift_verdict_doubt(self->verdict, "%zu acknowledged messages at the end were never polled",
                           unseen_count - doubtful_count - self->found[LOST_WRITE]);
    json_object_set_new(rift_verdict_stats(self->verdict), "unseen",
                        json_integer((json_int_t)unseen_count));
}

static void prepare(struct kafka *self)
{
    const struct kafka_records *log = &self->log;
    const struct rift_history *history = self->check->history;
    static const char *const assigns[] = {"assign", "subscribe", NULL};
    /* Keys that are only ever assigned get their ids before the tables get their size. */
    for (uint32_t row = 0; row < history->ops.count; row++)
        if (element_op_is(history, row, assigns)) {
            struct rift_value keys = history->ops.argument[row];
            rift_value_map_get(history->values, keys, "keys", &keys);
            for (size_t i = 0; i < rift_value_count(history->values, keys); i++)
                kafka_records_key(&self->log, rift_value_item(history->values, keys, i));
        }
    size_t key_count = elements_count(log->keys);
    self->positions = rift_calloc(key_count + 1, sizeof *self->positions);
    self->bottom = rift_calloc(key_count + 1, sizeof *self->bottom);
    self->top = rift_calloc(key_count + 1, sizeof *self->top);
    self->passed = rift_calloc(log->index_count + 2, sizeof *self->passed);
    self->first_record = rift_calloc(history->ops.count + 2, sizeof *self->first_record);
    memset(self->bottom, 0xff, key_count * sizeof *self->bottom);
    for (uint32_t i = 0; i < log->record_count; i++) {
        const struct kafka_record *r = &log->records[i];
        uint32_t key = log->messages[r->message].key;
        self->first_record[r->row + 1]++;
        if (r->index == KAFKA_NONE)
            continue;
        if (r->index < self->bottom[key])
            self->bottom[key] = r->index;
        if (r->is_poll && history->ops.type[r->row] == RIFT_OP_OK && r->index >= self->top[key])
            self->top[key] = r->index + 1;
    }
    for (size_t row = 0; row < history->ops.count; row++)
        self->first_record[row + 1] += self->first_record[row];
}

static void allow(struct kafka *self)
{
    const json_t *given = json_object_get(self->check->options, "allowed");
    for (int flaw = 0; flaw < FLAW_COUNT; flaw++) {
        size_t i;
        json_t *item;
        json_array_foreach(given, i, item)
        {
            self->is_allowed[flaw] |= strcmp(json_string_value(item), flaw_names[flaw]) == 0;
        }
        self->is_allowed[flaw] |=
            json_is_string(given) && strcmp(json_string_value(given), flaw_names[flaw]) == 0;
    }
    /* A group moves partitions between its members at any time. */
    if (self->log.has_subscribe)
        self->is_allowed[POLL_SKIP] = self->is_allowed[NONMONOTONIC_POLL] = true;
}

static int check_kafka(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    struct kafka self = {.check = check, .verdict = verdict};
    kafka_records_init(&self.log, check->history);
    allow(&self);
    prepare(&self);
    judge_log(&self);
    judge_polled(&self);
    self.is_ahead = true;
    judge_processes(&self);
    self.is_ahead = false;
    judge_unpolled(&self);
    judge_processes(&self);
    /* Last: what a finer word above says is told by that word. */
    judge_cycles(&self);
    size_t polled_count = 0;
    for (size_t i = 0; i < self.log.record_count; i++)
        polled_count += self.log.records[i].is_poll;
    if (polled_count == 0)
        rift_verdict_doubt(verdict, "no message was polled");
    if (self.log.unreadable_count > 0)
        rift_verdict_doubt(verdict,
                           "%zu micro-operations or answers are not of this kind, first "
                           "in operation %" PRIu32,
                           self.log.unreadable_count, self.log.unreadable_row);
    json_t *counts = json_object();
    element_stat_add(verdict, "messages", self.log.message_count);
    element_stat_add(verdict, "polled", polled_count);
    for (int flaw = 0; flaw < FLAW_COUNT; flaw++)
        if (self.found[flaw] > 0)
            json_object_set_new(counts, flaw_names[flaw],
                                json_integer((json_int_t)self.found[flaw]));
    json_object_set_new(verdict->details, "counts", counts);
    kafka_records_finish(&self.log);
    free(self.positions);
    free(self.bottom);
    free(self.top);
    free(self.passed);
    free(self.first_record);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "allowed",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[\"internal send skip\"]",
     .choices = flaw_names,
     .summary = "anomalies that are counted and no violation; with subscribe, poll skip and "
                "nonmonotonic poll always are"},
    {.name = NULL},
};

const struct rift_checker rift_checker_kafka = {
    .name = "kafka",
    .summary = "logs in partitions: nothing lost, doubled, reordered, or polled too early",
    .options = options,
    .check = check_kafka,
};

/* causal-reverse: who sees a write sees everything that was acknowledged before that write began.
 *
 * Elements are written once each, and reads answer all they see. What a read must have follows from
 * the latest start of all that it has: whatever was acknowledged before. With the acknowledged
 * writes ranked by their end, that is a prefix of them, so counting decides; linear but for the
 * sorting. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

enum { READS_TOLD = 16, MISSING_TOLD = 8 };

static const char *const writes[] = {"write", "add", "insert", NULL};
static const char *const reads[] = {"read", NULL};

/* By element. */
struct written {
    uint32_t row;  /* of the first write that may have happened; ELEMENT_NONE */
    uint32_t rank; /* among the acknowledged, by end; ELEMENT_NONE */
    uint32_t stamp;
};

struct acked {
    int64_t end;
    uint32_t id;
};

struct reverse {
    const struct rift_check *check;
    struct elements *elements;
    struct written *written;
    size_t capacity;
    struct acked *acked; /* by end */
    size_t acked_count, read_count, found;
    uint32_t stamp;
};

static struct written *written_of(struct reverse *self, uint32_t id)
{
    if (id >= self->capacity) {
        size_t old = self->capacity;
        self->capacity = 2 * (size_t)id + 64;
        self->written = rift_reallocarray(self->written, self->capacity, sizeof *self->written);
        for (size_t i = old; i < self->capacity; i++)
            self->written[i] = (struct written){ELEMENT_NONE, ELEMENT_NONE, 0};
    }
    return &self->written[id];
}

static int compare_acked(const void *a, const void *b)
{
    const struct acked *x = a, *y = b;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void take_writes(struct reverse *self, const uint32_t *rows, size_t row_count)
{
    const struct rift_ops *ops = &self->check->history->ops;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (!element_op_is(self->check->history, row, writes) || ops->type[row] == RIFT_OP_FAIL)
            continue;
        uint32_t id = elements_intern(self->elements, ops->argument[row]);
        struct written *written = written_of(self, id);
        if (written->row != ELEMENT_NONE)
            continue; /* what a second write adds cannot be seen */
        written->row = row;
        if (ops->type[row] == RIFT_OP_OK)
            self->acked[self->acked_count++] = (struct acked){ops->end[row], id};
    }
    qsort(self->acked, self->acked_count, sizeof *self->acked, compare_acked);
    for (uint32_t rank = 0; rank < self->acked_count; rank++)
        self->written[self->acked[rank].id].rank = rank;
}

static size_t acked_before(const struct reverse *self, int64_t time)
{
    size_t low = 0, high = self->acked_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->acked[middle].end < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void convict(struct reverse *self, uint32_t read, uint32_t latest, size_t must,
                    struct rift_verdict *verdict)
{
    const struct rift_history *history = self->check->history;
    if (self->found++ >= READS_TOLD)
        return;
    struct element_finding missing = {0};
    for (size_t rank = 0; rank < must && missing.count < MISSING_TOLD; rank++) {
        const struct written *written = &self->written[self->acked[rank].id];
        if (written->stamp != self->stamp)
            element_finding_add(&missing, self->acked[rank].id, written->row, ELEMENT_NONE);
    }
    CLEANUP(rift_free) char *list = element_finding_print(&missing, self->elements);
    CLEANUP(rift_free)
    char *seen = rift_value_print(history->values, history->ops.argument[latest]);
    json_t *anomaly = rift_verdict_convict(
        verdict, "causal reverse",
        "A read has %s, and lacks what was acknowledged before that was asked for: %s", seen, list);
    json_array_append_new(missing.rows, json_integer(latest));
    json_array_append_new(missing.rows, json_integer(read));
    json_object_set(anomaly, "ops", missing.rows);
    element_finding_finish(&missing);
}

static void judge_read(struct reverse *self, uint32_t read, struct element_finding *unexpected,
                       struct rift_verdict *verdict)
{
    const struct rift_history *history = self->check->history;
    const struct rift_ops *ops = &history->ops;
    size_t count, has = 0;
    const uint32_t *ids = elements_intern_from(self->elements, ops->result[read], 0, &count);
    uint32_t latest = ELEMENT_NONE;
    self->read_count++;
    self->stamp++;
    for (size_t i = 0; i < count; i++) {
        struct written *written = written_of(self, ids[i]);
        if (written->row == ELEMENT_NONE)
            element_finding_add(unexpected, ids[i], read, ELEMENT_NONE);
        else if (latest == ELEMENT_NONE || ops->start[written->row] > ops->start[latest])
            latest = written->row;
    }
    size_t must = latest == ELEMENT_NONE ? 0 : acked_before(self, ops->start[latest]);
    for (size_t i = 0; i < count; i++) {
        struct written *written = &self->written[ids[i]];
        has += written->stamp != self->stamp && written->rank < must;
        written->stamp = self->stamp;
    }
    if (has < must)
        convict(self, read, latest, must, verdict);
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    struct reverse self = {.check = check, .elements = elements_create(history)};
    struct element_finding unexpected = {0};
    self.acked = rift_calloc(row_count + 1, sizeof *self.acked);
    take_writes(&self, rows, row_count);
    for (size_t i = 0; i < row_count; i++)
        if (history->ops.type[rows[i]] == RIFT_OP_OK && element_op_is(history, rows[i], reads))
            judge_read(&self, rows[i], &unexpected, verdict);
    element_finding_convict(&unexpected, self.elements, key, "unexpected element",
                            "Read, though nobody can have written it", verdict);
    if (self.read_count == 0)
        rift_verdict_doubt(verdict, "nothing was read");
    element_stat_add(verdict, "reads", self.read_count);
    element_stat_add(verdict, "reversed", self.found);
    element_finding_finish(&unexpected);
    elements_destroy(self.elements);
    free(self.written);
    free(self.acked);
}

static int check_causal_reverse(const struct rift_check *check, struct rift_verdict *verdict,
                                struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

const struct rift_checker rift_checker_causal_reverse = {
    .name = "causal-reverse",
    .summary = "who sees a write sees what was acknowledged before it began",
    .check = check_causal_reverse,
};

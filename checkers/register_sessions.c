#include "checkers/register_sessions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "common/memory.h"

enum { READS_TOLD = 8 };

static const char *const reads[] = {"read", "r", NULL};
static const char *const writes[] = {"write", "w", NULL};

static int compare_processes(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void find_sessions(struct register_sessions *self)
{
    const struct rift_ops *ops = &self->history->ops;
    size_t process_count = 0;
    CLEANUP(rift_free) int32_t *processes = rift_calloc(ops->count + 1, sizeof *processes);
    memcpy(processes, ops->process, ops->count * sizeof *processes);
    qsort(processes, ops->count, sizeof *processes, compare_processes);
    for (size_t i = 0; i < ops->count; i++)
        if (i == 0 || processes[i] != processes[process_count - 1])
            processes[process_count++] = processes[i];
    /* The open session of each process and its length; sessions count up as they begin. */
    CLEANUP(rift_free) uint32_t *open = rift_calloc(process_count + 1, sizeof *open);
    CLEANUP(rift_free) uint32_t *length = rift_calloc(ops->count + 1, sizeof *length);
    for (size_t i = 0; i < process_count; i++)
        open[i] = ROW_NONE;
    for (uint32_t row = 0; row < ops->count; row++) {
        const int32_t *process = bsearch(&ops->process[row], processes, process_count,
                                         sizeof *processes, compare_processes);
        uint32_t *mine = &open[process - processes];
        if (*mine == ROW_NONE)
            *mine = self->session_count++;
        self->session[row] = *mine;
        self->position[row] = length[*mine]++;
        if (ops->type[row] == RIFT_OP_INFO)
            *mine = ROW_NONE;
    }
    self->first = rift_calloc((size_t)self->session_count + 1, sizeof *self->first);
    for (uint32_t s = 0; s < self->session_count; s++)
        self->first[s + 1] = self->first[s] + length[s];
    for (uint32_t row = 0; row < ops->count; row++)
        self->rows[self->first[self->session[row]] + self->position[row]] = row;
}

/* Writes by key and value, open addressing: row + 1. */
struct write_table {
    const struct rift_history *history;
    uint32_t *slots;
    size_t mask;
    bool *is_repeated; /* by row: another one wrote the same */
};

static uint32_t *slot_of(const struct write_table *table, uint32_t key, struct rift_value value)
{
    const struct rift_history *history = table->history;
    const struct rift_ops *ops = &history->ops;
    uint64_t hash = rift_value_hash(history->values, value) ^ key * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash ^ hash >> 32) & table->mask;
    while (table->slots[i] != 0) {
        uint32_t row = table->slots[i] - 1;
        if (ops->key[row] == key && rift_value_equal(history->values, ops->argument[row], value))
            break;
        i = (i + 1) & table->mask;
    }
    return &table->slots[i];
}

/* One that may have happened comes before those that failed. */
static void take_writes(struct register_sessions *self, struct write_table *table)
{
    const struct rift_history *history = self->history;
    const struct rift_ops *ops = &history->ops;
    for (uint32_t row = 0; row < ops->count; row++) {
        if (!element_op_is(history, row, writes))
            continue;
        self->is_write[row] = ops->type[row] != RIFT_OP_FAIL;
        self->write_count += self->is_write[row];
        uint32_t *slot = slot_of(table, ops->key[row], ops->argument[row]);
        if (*slot == 0 || !self->is_write[*slot - 1])
            *slot = row + 1;
        else if (self->is_write[row])
            table->is_repeated[*slot - 1] = true;
    }
}

static bool is_initial(const struct rift_values *values, struct rift_value value)
{
    return rift_value_is_nil(value) || (rift_value_kind(values, value) == RIFT_INTEGER &&
                                        rift_value_as_integer(values, value) == 0);
}

static enum register_seen look_up(struct register_sessions *self, const struct write_table *table,
                                  uint32_t read)
{
    const struct rift_ops *ops = &self->history->ops;
    uint32_t slot = *slot_of(table, ops->key[read], ops->result[read]);
    if (slot == 0)
        return is_initial(self->history->values, ops->result[read]) ? SEEN_INITIAL
                                                                    : SEEN_UNEXPECTED;
    if (!self->is_write[slot - 1])
        return SEEN_FAILED;
    if (table->is_repeated[slot - 1] || rift_value_is_nil(ops->result[read]))
        return SEEN_AMBIGUOUS;
    if (ops->start[slot - 1] > ops->end[read])
        return SEEN_FUTURE;
    self->source[read] = slot - 1;
    return SEEN_WRITE;
}

/* Session by session, so that the pairs of a key come in the order of sessions. */
static void find_pairs(struct register_sessions *self)
{
    const struct rift_ops *ops = &self->history->ops;
    size_t key_count = self->history->key_count;
    CLEANUP(rift_free) uint32_t *stamp = rift_calloc(2 * (key_count + 1), sizeof *stamp);
    CLEANUP(rift_free) uint32_t *latest = rift_calloc(key_count + 1, sizeof *latest);
    uint32_t *place = rift_calloc(key_count + 3, sizeof *place);
    uint32_t *is_placed = stamp + key_count + 1;
    for (size_t i = 0; i < ops->count; i++) {
        uint32_t row = self->rows[i], key = ops->key[row];
        if (self->is_write[row] && stamp[key] != self->session[row] + 1) {
            stamp[key] = self->session[row] + 1;
            place[key + 2]++;
            self->pair_count++;
        }
    }
    for (size_t key = 0; key <= key_count; key++)
        place[key + 2] += place[key + 1];
    self->first_write = rift_calloc((size_t)self->pair_count + 1, sizeof *self->first_write);
    for (size_t i = 0; i < ops->count; i++) {
        uint32_t row = self->rows[i], key = ops->key[row];
        self->next_write[row] = ROW_NONE;
        if (!self->is_write[row])
            continue;
        if (is_placed[key] != self->session[row] + 1) {
            is_placed[key] = self->session[row] + 1;
            self->first_write[place[key + 1]++] = row;
        } else {
            self->next_write[latest[key]] = row;
        }
        self->pair[row] = place[key + 1] - 1;
        latest[key] = row;
    }
    self->pair_first = place;
}

void register_sessions_init(struct register_sessions *self, const struct rift_history *history)
{
    size_t count = history->ops.count, slot_count = 16;
    *self = (struct register_sessions){.history = history};
    self->session = rift_calloc(count + 1, sizeof *self->session);
    self->position = rift_calloc(count + 1, sizeof *self->position);
    self->rows = rift_calloc(count + 1, sizeof *self->rows);
    self->is_write = rift_calloc(count + 1, sizeof *self->is_write);
    self->seen = rift_calloc(count + 1, sizeof *self->seen);
    self->source = rift_calloc(count + 1, sizeof *self->source);
    self->pair = rift_calloc(count + 1, sizeof *self->pair);
    self->next_write = rift_calloc(count + 1, sizeof *self->next_write);
    find_sessions(self);
    while (slot_count < 2 * count)
        slot_count *= 2;
    struct write_table table = {.history = history, .mask = slot_count - 1};
    table.slots = rift_calloc(slot_count, sizeof *table.slots);
    table.is_repeated = rift_calloc(count + 1, sizeof *table.is_repeated);
    take_writes(self, &table);
    find_pairs(self);
    for (uint32_t row = 0; row < count; row++) {
        self->source[row] = ROW_NONE;
        if (history->ops.type[row] != RIFT_OP_OK || !element_op_is(history, row, reads))
            continue;
        self->read_count++;
        self->seen[row] = (uint8_t)look_up(self, &table, row);
        self->ambiguous_count += self->seen[row] == SEEN_AMBIGUOUS;
    }
    free(table.slots);
    free(table.is_repeated);
}

void register_sessions_finish(struct register_sessions *self)
{
    free(self->session);
    free(self->position);
    free(self->first);
    free(self->rows);
    free(self->is_write);
    free(self->seen);
    free(self->source);
    free(self->pair_first);
    free(self->first_write);
    free(self->pair);
    free(self->next_write);
    *self = (struct register_sessions){0};
}

char *register_sessions_key(const struct register_sessions *self, uint32_t row)
{
    uint32_t key = self->history->ops.key[row];
    if (key == 0)
        return rift_strdup("the register");
    CLEANUP(rift_free)
    char *name = rift_value_print(self->history->values, self->history->keys[key]);
    return rift_printf("register %s", name);
}

void register_sessions_judge_sources(const struct register_sessions *self,
                                     struct rift_verdict *verdict)
{
    static const char *const what[] = {[SEEN_FAILED] = "whose write surely failed",
                                       [SEEN_FUTURE] = "before anybody asked for it to be written",
                                       [SEEN_UNEXPECTED] = "which nobody wrote"};
    const struct rift_history *history = self->history;
    size_t count = 0;
    for (uint32_t row = 0; row < history->ops.count; row++) {
        if (self->seen[row] < SEEN_FAILED || count++ >= READS_TOLD)
            continue;
        CLEANUP(rift_free)
        char *value = rift_value_print(history->values, history->ops.result[row]);
        CLEANUP(rift_free) char *key = register_sessions_key(self, row);
        json_t *anomaly =
            rift_verdict_convict(verdict, "garbage read", "Process %" PRId32 " read %s of %s, %s",
                                 history->ops.process[row], value, key, what[self->seen[row]]);
        json_object_set_new(anomaly, "ops", json_pack("[I]", (json_int_t)row));
    }
    if (self->ambiguous_count > 0)
        rift_verdict_doubt(verdict, "%zu reads answered a value that was written more than once",
                           self->ambiguous_count);
    if (self->read_count == 0)
        rift_verdict_doubt(verdict, "no register was read");
}

void register_sessions_count(const struct register_sessions *self, struct rift_verdict *verdict)
{
    element_stat_add(verdict, "reads", self->read_count);
    element_stat_add(verdict, "writes", self->write_count);
    element_stat_add(verdict, "sessions", self->session_count);
}

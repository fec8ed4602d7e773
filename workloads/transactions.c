/* One stream, so that the values written to a key count up in it: every written value is unique for
 * its key. A key that was planned to be written often enough is left, and the lowest unused number
 * takes its place; that only counts plans, so outcomes never shift the keys. */
#include "workloads/transactions.h"

#include <string.h>

enum { LENGTH_MAX = 64 };

struct txn_key {
    int64_t number;
    int64_t writes;
};

struct transactions {
    struct rift_distribution distribution;
    struct txn_key *keys;
    size_t key_count;
    int64_t next_key, max_writes_per_key;
    int64_t shortest, longest;
    double read_part;
    const char *write_f;
};

const struct rift_option workload_transaction_options[] = {
    {.name = "keys",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "10",
     .minimum = 1,
     .maximum = 100000,
     .summary = "in use at a time"},
    {.name = "key_distribution",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "exponential",
     .choices = rift_distribution_words,
     .summary = "how often each key in use is chosen"},
    {.name = "max_writes_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "256",
     .minimum = 1,
     .maximum = 1e9,
     .summary = "then a new key follows"},
    {.name = "txn_length",
     .kind = RIFT_OPTION_RANGE,
     .unit = "",
     .fallback = "[1, 4]",
     .minimum = 1,
     .maximum = LENGTH_MAX,
     .summary = "micro-operations of a transaction"},
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the micro-operations that read"},
    {.name = "final_reads",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "after all is healed, every thread reads the keys in use once more"},
    WORKLOAD_OPTION_END,
};

void workload_micro_operation(struct rift_values *values, struct rift_value items[3], const char *f,
                              int64_t key, struct rift_value value)
{
    items[0] = rift_value_keyword(values, f, strlen(f));
    items[1] = rift_value_integer(values, key);
    items[2] = value;
}

static void make_transaction(struct rift_source *source, struct rift_values *values,
                             struct rift_planned_op *op)
{
    struct transactions *self = source->shared;
    struct rift_value items[3 * LENGTH_MAX];
    size_t length = (size_t)rift_rng_between(&source->rng, self->shortest, self->longest);
    for (size_t i = 0; i < length; i++) {
        struct txn_key *key =
            &self->keys[rift_distribution_draw(&self->distribution, &source->rng)];
        if (rift_rng_unit(&source->rng) < self->read_part) {
            workload_micro_operation(values, &items[3 * i], "r", key->number, RIFT_VALUE_NIL);
            continue;
        }
        if (key->writes >= self->max_writes_per_key)
            *key = (struct txn_key){.number = self->next_key++};
        workload_micro_operation(values, &items[3 * i], self->write_f, key->number,
                                 rift_value_integer(values, ++key->writes));
    }
    op->f = "txn";
    op->argument = rift_value_box(values, RIFT_TXN, items, 3 * length);
}

static void make_final_read(struct rift_source *source, struct rift_values *values,
                            struct rift_planned_op *op)
{
    const struct transactions *self = source->shared;
    struct rift_value items[3 * LENGTH_MAX];
    size_t length = self->key_count < LENGTH_MAX ? self->key_count : LENGTH_MAX;
    for (size_t i = 0; i < length; i++)
        workload_micro_operation(values, &items[3 * i], "r", self->keys[i].number, RIFT_VALUE_NIL);
    op->f = "txn";
    op->argument = rift_value_box(values, RIFT_TXN, items, 3 * length);
}

static void read_length(const struct rift_workload_request *request, struct transactions *self)
{
    const json_t *length = json_object_get(request->options, "txn_length");
    bool is_range = json_is_array(length);
    self->shortest = json_integer_value(is_range ? json_array_get(length, 0) : length);
    self->longest = json_integer_value(is_range ? json_array_get(length, 1) : length);
}

int workload_transactions_build(const struct rift_workload_request *request, const char *write_f,
                                struct rift_workload_phases *phases, struct rift_error *err)
{
    struct transactions *self = rift_arena_calloc(request->arena, 1, sizeof *self);
    self->key_count = (size_t)workload_integer(request, "keys");
    self->max_writes_per_key = workload_integer(request, "max_writes_per_key");
    self->read_part = workload_number(request, "read_part");
    self->write_f = write_f;
    read_length(request, self);
    if (self->shortest < 1 || self->longest > LENGTH_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "txn_length must be whole numbers from 1 to %d",
                         LENGTH_MAX);
    rift_distribution_init(&self->distribution, request->arena,
                           workload_word(request, "key_distribution"), self->key_count);
    self->keys = rift_arena_calloc(request->arena, self->key_count, sizeof *self->keys);
    for (size_t i = 0; i < self->key_count; i++)
        self->keys[i].number = self->next_key++;
    phases->main = workload_stream(request, make_transaction, self);
    if (json_is_true(json_object_get(request->options, "final_reads")))
        phases->final = workload_until_each_ok(request, make_final_read, self);
    return 0;
}

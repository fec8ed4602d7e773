/* A journal in memory, for tests that look at what was recorded and when. */
#include "tests/lib/memory_journal.h"

#include <assert.h>
#include <stdio.h>

static int64_t as_integer(const struct rift_values *values, struct rift_value value)
{
    return rift_value_kind(values, value) == RIFT_INTEGER ? rift_value_as_integer(values, value)
                                                          : -1;
}

static int64_t memory_invoke(void *context, int64_t time_ns, int32_t process, const char *f,
                             const struct rift_values *values, struct rift_value key,
                             struct rift_value argument, const char *node)
{
    struct memory_journal *journal = context;
    int64_t id = atomic_load(&journal->count);
    assert(id < MEMORY_JOURNAL_MAX);
    struct memory_record *record = &journal->records[id];
    *record = (struct memory_record){.process = process, .invoked_ns = time_ns};
    record->key = as_integer(values, key);
    record->argument = as_integer(values, argument);
    record->argument_to = -1;
    if (process == RIFT_PROCESS_NEMESIS)
        record->planned = rift_value_to_json(values, argument);
    if (rift_value_count(values, argument) == 2) {
        record->argument = as_integer(values, rift_value_item(values, argument, 0));
        record->argument_to = as_integer(values, rift_value_item(values, argument, 1));
    }
    snprintf(record->f, sizeof record->f, "%s", f);
    snprintf(record->node, sizeof record->node, "%s", node ? node : "");
    atomic_store(&journal->count, id + 1);
    return id;
}

static void memory_complete(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                            int64_t end_ns, const struct rift_values *values,
                            struct rift_value result, struct rift_value extra, const char *error)
{
    (void)extra;
    struct memory_journal *journal = context;
    assert(id >= 0 && id < atomic_load(&journal->count));
    struct memory_record *record = &journal->records[id];
    assert(!record->has_ended);
    record->has_ended = true;
    record->type = type;
    record->start_ns = start_ns;
    record->end_ns = end_ns;
    record->result = as_integer(values, result);
    if (record->process == RIFT_PROCESS_NEMESIS)
        record->observed = rift_value_to_json(values, result);
    snprintf(record->error, sizeof record->error, "%s", error ? error : "");
}

static int memory_status(void *context, struct rift_error *err)
{
    struct memory_journal *journal = context;
    return atomic_load(&journal->is_full)
               ? rift_fail(err, RIFT_ERR_IO, "history.rift: No space left on device")
               : 0;
}

void memory_journal_close(struct memory_journal *journal)
{
    for (int64_t i = 0; i < atomic_load(&journal->count); i++) {
        json_decref(journal->records[i].planned);
        json_decref(journal->records[i].observed);
    }
    atomic_store(&journal->count, 0);
}

struct run_journal memory_journal_open(struct memory_journal *journal)
{
    memory_journal_close(journal);
    atomic_store(&journal->is_full, false);
    return (struct run_journal){journal, memory_invoke, memory_complete, memory_status};
}

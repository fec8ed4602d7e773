/* Registers read by every thread and written by one, whose values only rise: then the order of
 * versions is known, and what each process may see follows from what it saw and did before.
 *   monotonic: a process never sees a register go back.
 *   sessions: read your writes, monotonic reads, monotonic writes, writes follow reads.
 *   causal: what was seen before a write is seen by whoever sees the write. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct sessions {
    int64_t thread_count, keys_per_thread;
    double read_part, own_part;
};

static const char *const reads_choices[] = {"linearizable", "local", NULL};

static const struct rift_option options[] = {
    {.name = "keys_per_thread",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "1",
     .minimum = 1,
     .maximum = 10000,
     .summary = "registers that each thread writes"},
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.6",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that read"},
    {.name = "own_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.3",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the reads that read a register of the thread itself"},
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "linearizable",
     .choices = reads_choices,
     .summary = "local: answered by the node that is asked"},
    WORKLOAD_OPTION_END,
};

/* Register r belongs to thread r modulo the number of threads. Values of a thread's registers come
 * from one counter: they rise in each. */
static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct sessions *self = source->shared;
    bool is_read = rift_rng_unit(&source->rng) < self->read_part;
    bool is_own = !is_read || rift_rng_unit(&source->rng) < self->own_part;
    int64_t owner =
        is_own ? source->number : rift_rng_between(&source->rng, 0, self->thread_count - 1);
    int64_t which = rift_rng_between(&source->rng, 0, self->keys_per_thread - 1);
    op->f = is_read ? "read" : "write";
    op->key = rift_value_integer(values, owner + self->thread_count * which);
    if (!is_read)
        op->argument = rift_value_integer(values, ++source->counter);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct sessions *self = rift_arena_calloc(request->arena, 1, sizeof *self);
    *self = (struct sessions){.thread_count = request->thread_count,
                              .keys_per_thread = workload_integer(request, "keys_per_thread"),
                              .read_part = workload_number(request, "read_part"),
                              .own_part = workload_number(request, "own_part")};
    phases->main = workload_thread_streams(request, make_operation, self);
    return 0;
}

static const char *const operations[] = {"read", "write", NULL};
static const char *const client_options[] = {"reads", NULL};

#define SESSIONS(word, text, checker_list)                                                         \
    {                                                                                              \
        .name = word, .summary = text, .options = options, .operations = operations,               \
        .client_options = client_options, .client_settings = "{\"shape\": \"register\"}",          \
        .checkers = checker_list, .build = build,                                                  \
    }

static const struct rift_checker_choice monotonic_checkers[] = {{"monotonic", NULL},
                                                                {.name = NULL}};
static const struct rift_checker_choice sessions_checkers[] = {{"sessions", NULL}, {.name = NULL}};
static const struct rift_checker_choice causal_checkers[] = {{"causal", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_monotonic = SESSIONS(
    "monotonic", "registers that only rise: nobody may see one go back", monotonic_checkers);
const struct rift_workload rift_workload_sessions =
    SESSIONS("sessions", "what each process may see after what it saw and did", sessions_checkers);
const struct rift_workload rift_workload_causal =
    SESSIONS("causal", "who sees a write sees what came before it", causal_checkers);

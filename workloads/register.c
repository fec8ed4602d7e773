/* Independent registers: reads, writes, and compare-and-set where it is asked for. Written values
 * are unique for each key, so that every read names the write it saw; compare-and-set needs values
 * that meet each other, and draws from a few; most expect the last value that was planned for the
 * key, or none might succeed where each key is asked a few times. */
#include "workloads/parts.h"
#include "workloads/registry.h"

#define PLANNED_PART 0.75 /* of compare-and-set: what it expects is the last value planned */

struct register_settings {
    double read_part, cas_part;
    int64_t value_count; /* 0: unique values */
};

static const char *const reads_choices[] = {"linearizable", "local", NULL};

static const struct rift_option options[] = {
    {.name = "keys",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "20",
     .minimum = 1,
     .maximum = 100000,
     .summary = "in use at a time"},
    {.name = "ops_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "300",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "then a new key follows; 0: never"},
    {.name = "infos_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "8",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "then the key is left too, as each info doubles what a checker must consider; 0: "
                "any number"},
    {.name = "key_distribution",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "uniform",
     .choices = rift_distribution_words,
     .summary = "how often each key in use is chosen"},
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that read"},
    {.name = "cas_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1,
     .summary = "part that compares and sets; the rest writes"},
    {.name = "cas_values",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "5",
     .minimum = 2,
     .maximum = 1e6,
     .summary = "with compare-and-set, values are drawn from so many; without, they are unique"},
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "linearizable",
     .choices = reads_choices,
     .summary = "local: answered by the node that is asked, and stale by design"},
    WORKLOAD_OPTION_END,
};

static struct rift_value register_value(struct rift_source *source, struct rift_values *values)
{
    const struct register_settings *settings = source->shared;
    if (settings->value_count)
        return rift_value_integer(
            values, (int64_t)rift_rng_below(&source->rng, (uint64_t)settings->value_count));
    return rift_value_integer(values, ++source->counter);
}

/* The key's counter is not in use where values are drawn: it keeps the last value that was planned,
 * and one more. */
static void keep_planned(struct rift_source *source, const struct rift_values *values,
                         struct rift_value value)
{
    const struct register_settings *settings = source->shared;
    if (settings->value_count)
        source->counter = rift_value_as_integer(values, value) + 1;
}

static void make_cas(struct rift_source *source, struct rift_values *values,
                     struct rift_planned_op *op)
{
    bool expects_planned = rift_rng_unit(&source->rng) < PLANNED_PART && source->counter > 0;
    struct rift_value pair[2];
    pair[0] = register_value(source, values);
    pair[1] = register_value(source, values);
    if (expects_planned) {
        pair[0] = rift_value_integer(values, source->counter - 1);
        keep_planned(source, values, pair[1]);
    }
    op->f = "cas";
    op->argument = rift_value_box(values, RIFT_PAIR, pair, 2);
}

static void register_make(struct rift_source *source, struct rift_values *values,
                          struct rift_planned_op *op)
{
    const struct register_settings *settings = source->shared;
    double choice = rift_rng_unit(&source->rng);
    if (choice < settings->read_part) {
        op->f = "read";
    } else if (choice < settings->read_part + settings->cas_part) {
        make_cas(source, values, op);
    } else {
        op->f = "write";
        op->argument = register_value(source, values);
        keep_planned(source, values, op->argument);
    }
}

static int register_build(const struct rift_workload_request *request,
                          struct rift_workload_phases *phases, struct rift_error *err)
{
    struct register_settings *settings = rift_arena_calloc(request->arena, 1, sizeof *settings);
    settings->read_part = workload_number(request, "read_part");
    settings->cas_part = workload_number(request, "cas_part");
    if (settings->read_part + settings->cas_part > 1)
        return rift_fail(err, RIFT_ERR_INVALID, "read_part and cas_part are more than 1 together");
    if (settings->cas_part > 0)
        settings->value_count = workload_integer(request, "cas_values");
    struct rift_keys_request keys = {
        .active_count = (size_t)workload_integer(request, "keys"),
        .ops_per_key = (uint64_t)workload_integer(request, "ops_per_key"),
        .infos_per_key = (uint64_t)workload_integer(request, "infos_per_key"),
        .distribution = workload_word(request, "key_distribution"),
        .make = register_make,
        .shared = settings,
        .seed = request->seed,
    };
    phases->main = workload_paced(request, rift_generator_keys(request->arena, &keys));
    return 0;
}

static const char *const operations[] = {"read", "write", NULL};
static const struct rift_optional_operation optional_operations[] = {{"cas", "cas_part"},
                                                                     {NULL, NULL}};
static const char *const client_options[] = {"reads", NULL};
static const struct rift_checker_choice checkers[] = {
    {"linearizable", "{model: cas-register}"},
    {.name = NULL},
};

const struct rift_workload rift_workload_register = {
    .name = "register",
    .summary = "independent registers: read, write, compare-and-set",
    .options = options,
    .operations = operations,
    .optional_operations = optional_operations,
    .client_options = client_options,
    .client_settings = "{\"shape\": \"register\"}",
    .checkers = checkers,
    .build = register_build,
};

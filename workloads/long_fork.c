/* Long fork: two reads of a group of keys that saw its writes in different orders. Each key is
 * written once, alone; groups are read whole. A few groups are in use at a time, so that reads fall
 * between the writes of their group. */
#include "workloads/registry.h"
#include "workloads/transactions.h"

enum { GROUP_SIZE_MAX = 32, GROUPS_IN_USE = 4 };

struct group {
    int64_t number;
    int64_t written; /* keys of it */
    int64_t reads;   /* after the last of its keys was written */
};

struct long_fork {
    struct group groups[GROUPS_IN_USE];
    int64_t next_group, group_size, reads_after;
    double read_part;
};

static const struct rift_option options[] = {
    {.name = "group_size",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "2",
     .minimum = 2,
     .maximum = GROUP_SIZE_MAX,
     .summary = "keys that are read together"},
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.7",
     .minimum = 0.01,
     .maximum = 0.99,
     .summary = "part of the operations that read"},
    WORKLOAD_OPTION_END,
};

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    struct long_fork *self = source->shared;
    struct group *group = &self->groups[rift_rng_below(&source->rng, GROUPS_IN_USE)];
    bool is_read = rift_rng_unit(&source->rng) < self->read_part;
    if (group->written == self->group_size && (!is_read || group->reads >= self->reads_after))
        *group = (struct group){.number = self->next_group++};
    int64_t first = group->number * self->group_size;
    struct rift_value items[3 * GROUP_SIZE_MAX];
    size_t length = 1;
    if (!is_read) {
        workload_micro_operation(values, items, "w", first + group->written++,
                                 rift_value_integer(values, 1));
    } else {
        length = (size_t)self->group_size;
        int64_t keys[GROUP_SIZE_MAX];
        for (size_t i = 0; i < length; i++)
            keys[i] = first + (int64_t)i;
        rift_rng_shuffle(&source->rng, keys, length, sizeof keys[0]);
        for (size_t i = 0; i < length; i++)
            workload_micro_operation(values, &items[3 * i], "r", keys[i], RIFT_VALUE_NIL);
        group->reads += group->written == self->group_size;
    }
    op->f = "txn";
    op->argument = rift_value_box(values, RIFT_TXN, items, 3 * length);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct long_fork *self = rift_arena_calloc(request->arena, 1, sizeof *self);
    self->group_size = workload_integer(request, "group_size");
    self->read_part = workload_number(request, "read_part");
    self->reads_after = 2 * self->group_size;
    for (size_t i = 0; i < GROUPS_IN_USE; i++)
        self->groups[i].number = self->next_group++;
    phases->main = workload_stream(request, make_operation, self);
    return 0;
}

static const char *const operations[] = {"txn", NULL};
static const struct rift_checker_choice checkers[] = {{"long-fork", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_long_fork = {
    .name = "long-fork",
    .summary = "keys written once; reads of a group must agree on the order",
    .options = options,
    .operations = operations,
    .client_settings = "{\"shape\": \"register\"}",
    .checkers = checkers,
    .build = build,
};

/* Reads the sections one after another into one plan; nothing is done with a plan that has
 * problems. */
#include "plan/plan.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/memory.h"
#include "plan/file.h"
#include "plan/options.h"
#include "plan/reader.h"
#include "plan/tables.h"

/* TCP sends again at the latest as long after a cut as the cut was, then needs a moment. */
static const double RECOVERY_BEYOND_LONGEST_S = 10;

enum { NAME_BYTES_MAX = 100 };

struct plan_box {
    struct rift_plan plan; /* first: the box is found from it */
    struct rift_arena arena;
    json_t *json, *kept;
};

static int64_t milliseconds(const json_t *object, const char *key)
{
    return (int64_t)llround(json_number_value(json_object_get(object, key)) * 1000);
}

/* Without a name the file's own: "configs/etcd-register.yaml" is "etcd-register". */
static void read_name(struct rift_plan_reader *reader)
{
    const struct rift_tree *node = rift_tree_get(reader->root, "name");
    const char *name = rift_plan_text(reader, reader->top, "name");
    if (!name) {
        const char *slash = strrchr(reader->problems.path, '/');
        char *base = rift_arena_strdup(reader->arena, slash ? slash + 1 : reader->problems.path);
        char *dot = strrchr(base, '.');
        if (dot && dot != base)
            *dot = '\0';
        for (char *c = base; *c; c++)
            if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
                *c = '-';
        name = base[0] == '.' || base[0] == '\0' ? "test" : base;
    }
    bool is_good = isalnum((unsigned char)name[0]) && strlen(name) <= NAME_BYTES_MAX;
    for (const char *c = name; *c; c++)
        is_good = is_good && (isalnum((unsigned char)*c) || strchr("._-", *c));
    if (!is_good)
        rift_problem_add(&reader->problems, node,
                         "'name' is a folder's name: letters, digits, '.', '_' and '-', at most %d",
                         NAME_BYTES_MAX);
    reader->plan->name = name;
    json_object_set_new(reader->frozen, "name", json_string(name));
}

static void read_seed(struct rift_plan_reader *reader, uint64_t override)
{
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(reader->top, "seed"));
    if (override)
        seed = override;
    if (seed > INT64_MAX)
        rift_problem_add(&reader->problems, NULL, "the seed must be less than 2^63");
    while (seed == 0) {
        /* Short enough to be typed; getrandom never fails for so few bytes. */
        uint32_t drawn = 0;
        if (getrandom(&drawn, sizeof drawn, 0) == (ssize_t)sizeof drawn)
            seed = drawn;
    }
    reader->plan->seed = seed;
    json_object_set_new(reader->frozen, "seed", json_integer((json_int_t)seed));
}

static void read_deadlines(struct rift_plan_reader *reader)
{
    const struct rift_tree *node = rift_tree_get(reader->root, "deadlines");
    json_t *json =
        rift_options_check(&reader->problems, node, rift_deadline_options, NULL, "deadlines", node);
    reader->plan->deadlines = (struct rift_plan_deadlines){
        .connect_ms = milliseconds(json, "connect_s"),
        .install_ms = milliseconds(json, "install_s"),
        .start_ms = milliseconds(json, "start_s"),
        .healthy_ms = milliseconds(json, "healthy_s"),
        .setup_ms = milliseconds(json, "setup_s"),
        .final_ms = milliseconds(json, "final_s"),
        .logs_ms = milliseconds(json, "logs_s"),
        .stop_ms = milliseconds(json, "stop_s"),
        .check_ms = milliseconds(json, "check_s"),
    };
    json_object_set_new(reader->frozen, "deadlines", json);
}

static void read_quiet(struct rift_plan_reader *reader)
{
    const struct rift_tree *node = rift_tree_get(reader->root, "quiet");
    json_t *json =
        rift_options_check(&reader->problems, node, rift_quiet_options, NULL, "quiet", node);
    reader->plan->quiet_every_s = json_number_value(json_object_get(json, "every_s"));
    reader->plan->quiet_for_s = json_number_value(json_object_get(json, "for_s"));
    if (reader->plan->quiet_for_s > 0 && reader->plan->quiet_for_s >= reader->plan->quiet_every_s)
        rift_problem_add(&reader->problems, node,
                         "for_s must be shorter than every_s, or there "
                         "is no time for faults");
    if (reader->plan->quiet_for_s <= 0 && reader->plan->quiet_every_s > 0)
        rift_problem_add(&reader->problems, node,
                         "quiet needs for_s: how much of every_s is without faults");
    json_object_set_new(reader->frozen, "quiet", json);
}

static double longest_window_s(const struct rift_plan *plan)
{
    double longest = 0;
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct rift_fault_entry *entry = &plan->faults[i];
        longest = fmax(longest, entry->for_s.high);
        for (size_t j = 0; j < entry->variant_count; j++)
            longest = fmax(longest, entry->variants[j].for_s.high);
    }
    return longest;
}

static void read_times(struct rift_plan_reader *reader)
{
    static const char *const copied[] = {"time_limit_s", "lease_s", "check_memory_mb", "stop_on",
                                         NULL};
    struct rift_plan *plan = reader->plan;
    plan->time_limit_ms = milliseconds(reader->top, "time_limit_s");
    plan->lease_ms = milliseconds(reader->top, "lease_s");
    plan->check_memory_bytes =
        (uint64_t)json_integer_value(json_object_get(reader->top, "check_memory_mb")) * 1000000;
    size_t i;
    const json_t *word;
    json_array_foreach(json_object_get(reader->top, "stop_on"), i, word)
    {
        const char *reason = json_string_value(word);
        plan->stop_on |= strcmp(reason, "node-lost") == 0   ? RIFT_STOP_NODE_LOST
                         : strcmp(reason, "violation") == 0 ? RIFT_STOP_VIOLATION
                                                            : RIFT_STOP_FAULT_FAILED;
    }
    for (i = 0; copied[i]; i++)
        json_object_set(reader->frozen, copied[i], json_object_get(reader->top, copied[i]));
    const json_t *recovery = json_object_get(reader->top, "recovery_s");
    double recovery_s = recovery            ? json_number_value(recovery)
                        : plan->fault_count ? longest_window_s(plan) + RECOVERY_BEYOND_LONGEST_S
                                            : 0;
    plan->recovery_ms = (int64_t)llround(recovery_s * 1000);
    json_object_set_new(reader->frozen, "recovery_s", json_real(recovery_s));
}

static struct rift_schedule_request schedule_request(const struct rift_plan *plan)
{
    return (struct rift_schedule_request){.entries = plan->faults,
                                          .entry_count = plan->fault_count,
                                          .duration_ns = plan->time_limit_ms * RIFT_MS,
                                          .quiet_every_s = plan->quiet_every_s,
                                          .quiet_for_s = plan->quiet_for_s,
                                          .seed = plan->seed};
}

static void read_sections(struct rift_plan_reader *reader, uint64_t seed_override)
{
    reader->top = rift_options_check(&reader->problems, reader->root, rift_plan_options, NULL,
                                     "the configuration", reader->root);
    read_name(reader);
    read_seed(reader, seed_override);
    rift_plan_read_nodes(reader);
    rift_plan_read_system(reader);
    rift_plan_read_workload(reader);
    rift_plan_read_faults(reader);
    read_quiet(reader);
    read_times(reader);
    rift_plan_read_checkers(reader);
    read_deadlines(reader);
    json_decref(reader->top);
}

static struct rift_plan *parse(const char *path, const char *text, size_t length,
                               const struct rift_catalogue *catalogue, uint64_t seed_override,
                               bool is_past, struct rift_error *err)
{
    struct plan_box *box = rift_calloc(1, sizeof *box);
    box->json = json_object();
    box->kept = json_array();
    struct rift_plan_reader reader = {.problems = {.path = path},
                                      .catalogue = catalogue,
                                      .arena = &box->arena,
                                      .plan = &box->plan,
                                      .frozen = box->json,
                                      .kept = box->kept,
                                      .is_past = is_past};
    reader.root = rift_tree_parse(&box->arena, path, text, length, err);
    if (reader.root && reader.root->kind != RIFT_TREE_MAP) {
        rift_problem_add(&reader.problems, reader.root,
                         "a configuration is a table of keys: 'nodes:', 'workload:'...");
    } else if (reader.root) {
        read_sections(&reader, seed_override);
    }
    int result = reader.root ? rift_problems_fail(&reader.problems, err) : -1;
    rift_problems_finish(&reader.problems);
    if (result != 0) {
        rift_plan_destroy(&box->plan);
        return NULL;
    }
    box->plan.json = box->json;
    return &box->plan;
}

struct rift_plan *rift_plan_parse(const char *path, const char *text, size_t length,
                                  const struct rift_catalogue *catalogue, uint64_t seed_override,
                                  struct rift_error *err)
{
    return parse(path, text, length, catalogue, seed_override, false, err);
}

static struct rift_plan *read_file(const char *path, const struct rift_catalogue *catalogue,
                                   uint64_t seed_override, bool is_past, struct rift_error *err)
{
    char *text;
    size_t length;
    if (rift_plan_file_read(path, &text, &length, err) != 0)
        return NULL;
    struct rift_plan *plan = parse(path, text, length, catalogue, seed_override, is_past, err);
    free(text);
    return plan;
}

struct rift_plan *rift_plan_read(const char *path, const struct rift_catalogue *catalogue,
                                 uint64_t seed_override, struct rift_error *err)
{
    return read_file(path, catalogue, seed_override, false, err);
}

struct rift_plan *rift_plan_read_past(const char *path, const struct rift_catalogue *catalogue,
                                      struct rift_error *err)
{
    return read_file(path, catalogue, 0, true, err);
}

void rift_plan_destroy(struct rift_plan *plan)
{
    if (!plan)
        return;
    struct plan_box *box = (struct plan_box *)plan;
    json_decref(box->json);
    json_decref(box->kept);
    rift_arena_finish(&box->arena);
    free(box);
}

struct rift_schedule *rift_plan_schedule(const struct rift_plan *plan, struct rift_error *err)
{
    struct rift_schedule_request request = schedule_request(plan);
    return rift_schedule_create(&request, err);
}

int rift_plan_check_windows(const struct rift_plan *plan, const char *path, struct rift_error *err)
{
    struct rift_schedule_request request = schedule_request(plan);
    for (size_t i = 0; i < request.entry_count; i++) {
        const struct rift_fault_entry *entry = &request.entries[i];
        struct rift_schedule_room room = rift_schedule_room(&request, i);
        if (room.length_ns > room.between_quiet_ns)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "%s:%u:%u: it would never come: it takes %g s at least, and quiet "
                             "times leave %g s between them",
                             path, entry->line, entry->column, (double)room.length_ns / 1e9,
                             (double)room.between_quiet_ns / 1e9);
        if (room.start_ns + room.length_ns > room.limit_ns)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "%s:%u:%u: it would never come: it begins at %g s at the soonest, "
                             "takes %g s at least, and must be over by %g s (start_s, every_s; "
                             "for_s; until_s, time_limit_s)",
                             path, entry->line, entry->column, (double)room.start_ns / 1e9,
                             (double)room.length_ns / 1e9, (double)room.limit_ns / 1e9);
    }
    return 0;
}

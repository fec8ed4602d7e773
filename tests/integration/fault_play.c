/* One row of the table of faults on one kind of host. */
#include "tests/integration/fault_play.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/fault.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/node_remains.h"

enum {
    CALL_MS = 30000,
    LOGIN_MS = 120000, /* to a machine whose processor is emulated */
    LEASE_MS = 20000,
    SEEN_MS = 5000,
    BACK_MS = 15000, /* after a heal: until the system has started again */
    DISK_MB = 48,
};

#define FAILED "**FAILED**"

static void cell_fail(char *cell, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t used = strlen(cell);
    int n = snprintf(cell + used, FAULT_CELL_SIZE - used, "%s" FAILED ": ", used ? "; " : "");
    used += n > 0 ? (size_t)n : 0;
    if (used < FAULT_CELL_SIZE)
        vsnprintf(cell + used, FAULT_CELL_SIZE - used, format, args);
    va_end(args);
}

static bool is_within(double number, const double bounds[2])
{
    return number >= bounds[0] && number <= bounds[1];
}

/* --- the agent's side: only to do and undo */

static json_t *must_call(struct rift_node *node, const char *verb, json_t *args, char *cell)
{
    struct rift_error err;
    json_t *reply = NULL;
    if (rift_node_call(node, verb, args, CALL_MS, &reply, &err) < 0) {
        cell_fail(cell, "%s: %.100s", verb, err.text);
        reply = NULL;
    }
    json_decref(args);
    return reply;
}

static bool do_call(struct rift_node *node, const char *verb, json_t *args, char *cell)
{
    json_t *reply = must_call(node, verb, args, cell);
    json_decref(reply);
    return reply != NULL;
}

/* 0: it does not answer in time. */
static pid_t pid_in_time(const struct rift_lab_host *host)
{
    pid_t pid;
    int64_t back_ns = rift_clock_now() + BACK_MS * RIFT_MS;
    while ((pid = fault_system_pid(host)) == 0 && rift_clock_now() < back_ns)
        ;
    return pid;
}

static bool start_system(struct rift_node *node, const struct rift_lab_host *host,
                         const struct rift_fault *fault, char *cell)
{
    json_t *self =
        json_pack("{s:s,s:s,s:i}", "name", host->name, "address", host->address, "index", 2);
    json_t *recipe = json_pack("{s:s,s:[s],s:[{s:s,s:[s,s,s]}]}", "name", "witness", "data_folders",
                               FAULT_DATA_FOLDER, "processes", "name", "witness", "command",
                               FAULT_WITNESS_PATH, "system", FAULT_DATA_FOLDER);
    json_t *context =
        json_pack("{s:O,s:[o],s:{},s:{}}", "node", self, "nodes", self, "options", "artifacts");
    json_t *args = json_pack("{s:o,s:o,s:b}", "recipe", recipe, "context", context, "lab", 1);
    if (fault->needs_disk)
        json_object_set_new(args, "disk_mb", json_integer(DISK_MB));
    if (fault->needs_layer)
        json_object_set_new(args, "disk_layer", json_string("ext4"));
    if (!do_call(node, "system.configure", args, cell) ||
        !do_call(node, "system.start", json_pack("{s:i}", "deadline_ms", CALL_MS), cell))
        return false;
    if (pid_in_time(host) > 0)
        return true;
    cell_fail(cell, "the system does not answer");
    return false;
}

json_t *fault_play_args(const struct fault_row *row, const struct rift_lab_host *peer)
{
    const struct rift_fault *fault = rift_fault_find(row->fault);
    json_t *options = json_loads(row->options, 0, NULL);
    json_t *args = json_pack("{s:s,s:s,s:O}", "id", "table", "fault",
                             fault->driver ? fault->driver : fault->name, "options", options);
    if (fault->scope == RIFT_FAULT_ON_LINKS) {
        json_t *to = json_pack("{s:s,s:[s,s]}", "name", peer->name, "addresses", peer->address,
                               peer->address6);
        if (fault->is_given_by_link)
            json_object_set(to, "options", options);
        json_object_set_new(args, "peers", json_pack("[o]", to));
    }
    json_decref(options);
    return args;
}

/* --- one row on one kind of host */

static void judge(const struct fault_row *row, const double seen[3], const pid_t pids[2],
                  char *cell)
{
    snprintf(cell, FAULT_CELL_SIZE, "%.4g → **%.10g** → %.4g", seen[FAULT_BEFORE],
             round(seen[FAULT_DURING] * 100) / 100, seen[FAULT_AFTER]);
    if (!is_within(seen[FAULT_BEFORE], row->base))
        cell_fail(cell, "before");
    if (!is_within(seen[FAULT_DURING], row->hit))
        cell_fail(cell, "while it was on");
    if (!is_within(seen[FAULT_AFTER], row->base))
        cell_fail(cell, "not healed");
    if ((row->whose == SAME_PROCESS && pids[0] != pids[1]) ||
        (row->whose == NEW_PROCESS && pids[0] == pids[1]))
        cell_fail(cell, "process %d became %d", (int)pids[0], (int)pids[1]);
}

/* While the measure runs the agent must see what the measure sees, or soon after it: some measures
 * take less time than a look. */
struct look {
    struct rift_node *node;
    _Atomic int64_t until_ns; /* 0: the measure runs */
    atomic_bool is_observed;
    char cell[FAULT_CELL_SIZE]; /* why not */
};

static void *look_again_and_again(void *context)
{
    struct look *look = context;
    bool is_last = false;
    while (!look->is_observed && !is_last) {
        int64_t until_ns = look->until_ns;
        is_last = until_ns > 0 && rift_clock_now() > until_ns;
        look->cell[0] = 0;
        json_t *seen =
            must_call(look->node, "observe", json_pack("{s:s}", "id", "table"), look->cell);
        look->is_observed = json_is_true(json_object_get(seen, "observed"));
        if (seen && !look->is_observed)
            snprintf(look->cell, sizeof look->cell, "not observed: %.100s",
                     json_string_value(json_object_get(seen, "how")));
        json_decref(seen);
    }
    return NULL;
}

/* Some rows measure what the fault leaves alone. */
static bool is_hit(const struct fault_row *row)
{
    return row->hit[0] != row->base[0] || row->hit[1] != row->base[1];
}

static double measure_and_look(const struct fault_row *row, struct rift_node *node,
                               const struct fault_bench *bench, char *cell)
{
    struct look look = {.node = node};
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, look_again_and_again, &look));
    double seen = row->measure(bench);
    look.until_ns = rift_clock_now() + (is_hit(row) ? SEEN_MS : 0) * RIFT_MS;
    pthread_join(thread, NULL);
    if (is_hit(row) && !look.is_observed)
        snprintf(cell, FAULT_CELL_SIZE, "%s", look.cell);
    return seen;
}

static void play_fault(const struct fault_row *row, struct rift_node *node,
                       struct fault_bench *bench, char *cell)
{
    char unseen[FAULT_CELL_SIZE] = "";
    double seen[3];
    pid_t pids[2];
    bench->phase = FAULT_BEFORE;
    seen[FAULT_BEFORE] = row->measure(bench);
    pids[0] = pid_in_time(bench->hit);
    if (!do_call(node, "inject", fault_play_args(row, bench->peer), cell))
        return;
    bench->phase = FAULT_DURING;
    seen[FAULT_DURING] = measure_and_look(row, node, bench, unseen);
    if (!do_call(node, "heal", json_pack("{s:s}", "id", "table"), cell))
        return;
    pids[1] = pid_in_time(bench->hit);
    bench->phase = FAULT_AFTER;
    seen[FAULT_AFTER] = row->measure(bench);
    judge(row, seen, pids, cell);
    if (unseen[0])
        cell_fail(cell, "%s", unseen);
}

/* Whether a host of this kind cannot have the fault. What somebody's machine has, its kernel's
 * maker decided, among what is an option of the kernel. */
static bool may_lack(const struct fault_row *row)
{
    const char *kind = test_hosts_are_guests() ? "uml" : "netns";
    return row->not_on && (strcmp(row->not_on, kind) == 0 || strcmp(test_driver(), "hosts") == 0);
}

static void try_and_play(const struct fault_row *row, struct rift_node *node,
                         struct fault_bench *bench, bool has_own_kernel, char *cell)
{
    json_t *ability = must_call(node, "probe_fault", fault_play_args(row, bench->peer), cell);
    bool can = json_is_true(json_object_get(ability, "can"));
    if (ability && can && row->prepare && !has_own_kernel)
        snprintf(cell, FAULT_CELL_SIZE, "not here: the kernel is this machine's");
    else if (ability && can)
        play_fault(row, node, bench, cell);
    else if (ability && !may_lack(row))
        cell_fail(cell, "%.100s", json_string_value(json_object_get(ability, "why")));
    else if (ability)
        snprintf(cell, FAULT_CELL_SIZE, "not here: %.120s",
                 json_string_value(json_object_get(ability, "why")));
    json_decref(ability);
}

/* A row that fails leaves as little to the next one as any other. */
static void play_on_node(const struct fault_row *row, struct rift_node *node,
                         struct fault_bench *bench, char *cell)
{
    bool has_own_kernel = test_hosts_are_guests();
    if (row->prepare && has_own_kernel)
        test_host_run(bench->hit, row->prepare, NULL, 0);
    if (start_system(node, bench->hit, rift_fault_find(row->fault), cell))
        try_and_play(row, node, bench, has_own_kernel, cell);
    do_call(node, "heal_all", json_object(), cell);
    do_call(node, "system.stop", json_pack("{s:i}", "deadline_ms", CALL_MS), cell);
    do_call(node, "system.remove", json_object(), cell);
    if (row->undo && has_own_kernel)
        test_host_run(bench->hit, row->undo, NULL, 0);
}

static void compare_states(const struct rift_lab_host *host, const char *before, char *cell)
{
    CLEANUP(rift_text_finish) struct rift_text found = {0};
    size_t count = node_remains_in_time(host, before, &found);
    if (count == 0)
        return;
    fprintf(stderr, "%s", found.data);
    cell_fail(cell, "%zu things are left", count);
}

void fault_play_remains(const struct rift_lab_host *host, const char *before,
                        char cell[FAULT_CELL_SIZE])
{
    char output[400];
    compare_states(host, before, cell);
    test_host_run(host, "$(ls -t /var/lib/rift/rift-agent-* | head -n 1) --leftovers", output,
                  sizeof output);
    if (output[0])
        cell_fail(cell, "left: %.100s", output);
}

struct rift_node *fault_play_open(const struct rift_lab_host *host, char cell[FAULT_CELL_SIZE])
{
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(host);
    settings.lease_ms = LEASE_MS;
    settings.connect_timeout_ms = LOGIN_MS;
    struct rift_node *node = rift_node_open(&settings, &err);
    if (!node)
        cell_fail(cell, "%.120s", err.text);
    return node;
}

bool fault_play_within(const struct fault_row *row, struct rift_node *node,
                       struct fault_bench *bench, const char *before, char cell[FAULT_CELL_SIZE])
{
    play_on_node(row, node, bench, cell);
    compare_states(bench->hit, before, cell);
    return !strstr(cell, FAILED);
}

bool fault_play(const struct fault_row *row, struct fault_bench *bench, const char *before,
                char cell[FAULT_CELL_SIZE])
{
    struct rift_node *node = fault_play_open(bench->hit, cell);
    if (!node)
        return false;
    play_on_node(row, node, bench, cell);
    rift_node_close(node);
    fault_play_remains(bench->hit, before, cell);
    return !strstr(cell, FAILED);
}

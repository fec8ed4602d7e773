/* A process of the agent's is killed, and nobody else: what holds a fault, what guards it, what
 * carries a request out. */
#include "tests/integration/crash_points.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/text.h"
#include "tests/lib/crash_point.h"

/* *is_nameless: a process that the agent forked is not called by its work yet. */
static pid_t find_helper(const char *name, pid_t other_than, bool *is_nameless)
{
    pid_t agent_now = global_pid(agent_pid(&agent)), helper = 0;
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    assert_non_null(folder);
    *is_nameless = false;
    while (helper == 0 && (entry = readdir(folder))) {
        char called[RIFT_PROCESS_NAME_SIZE];
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == other_than || rift_process_parent(pid) != agent_now)
            continue;
        rift_process_name(pid, called);
        char state = rift_process_state(pid);
        bool is_there = state != 'Z' && state != 'X' && state != 0;
        *is_nameless = *is_nameless || (is_there && strcmp(called, "rift-agent") == 0);
        if (is_there && strcmp(called, name) == 0)
            helper = pid;
    }
    closedir(folder);
    return helper;
}

static pid_t helper_of(const char *name, pid_t other_than)
{
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    bool is_nameless;
    pid_t helper = find_helper(name, other_than, &is_nameless);
    while (!helper && is_nameless && rift_clock_now() < deadline) {
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
        helper = find_helper(name, other_than, &is_nameless);
    }
    return helper;
}

/* What the agent says of the fault: did it end before its time? */
static bool is_told_to_have_ended(void)
{
    json_t *status = agent_must(&agent, "status", NULL);
    const json_t *fault = json_array_get(json_object_get(status, "faults"), 0);
    const char *how = json_string_value(json_object_get(json_object_get(fault, "details"), "how"));
    bool has_ended = how && strstr(how, "before its time");
    if (has_ended && json_is_true(json_object_get(fault, "observed")))
        fail_msg("%s: observed, though it has ended", what);
    json_decref(status);
    return has_ended;
}

/* Either it is over, and told to be, or it goes on as it was, with another helper. */
static bool kill_helper(const char *name, pid_t helper)
{
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    assert_true(helper > 0); /* else our own group would be meant */
    kill(helper, SIGKILL);
    while (rift_clock_now() < deadline) {
        if (is_told_to_have_ended())
            return true;
        if (helper_of(name, helper))
            return false;
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    }
    fail_msg("%s: the agent has not noticed", what);
    return true;
}

static void must_have_been(const char *word, const struct row *row)
{
    json_t *ok = agent_must(&agent, "heal", args_of(HEAL, row));
    const char *was = json_string_value(json_object_get(ok, "was"));
    if (!was || strcmp(was, word) != 0)
        fail_msg("%s: the heal found it '%s', not '%s'", what, was ? was : "", word);
    json_decref(ok);
}

/* The new helper is as good as the old one: nobody else is left to end the fault. */
static void play_helper_left_alone(const struct row *row, const char *name)
{
    hold(row);
    kill_helper(name, helper_of(name, 0));
    must("lease", json_pack("{s:i}", "lease_ms", LEASE_MS));
    pid_t agent_now = global_pid(agent_pid(&agent)), guardian = global_pid(guardian_pid(&agent));
    kill(agent_now, SIGSTOP);
    kill(guardian, SIGKILL);
    kill(agent_now, SIGKILL);
    if (!(row->traits & ENDS_SYSTEM))
        assert_as_before(felt_line, NODE_ALL_DIFFERENCES, "after the lease", MARGIN_MS + LEASE_MS);
    agent_forget(&agent);
    agent_up();
    must("heal", args_of(HEAL, row));
    assert_whole("after the next contact");
}

static void play_helper(const struct row *row, const char *name)
{
    static char during[NODE_WHOLE_STATE_SIZE];
    hold(row);
    pid_t helper = helper_of(name, 0);
    if (!helper) {
        must("heal", args_of(HEAL, row));
        return;
    }
    snprintf(what, sizeof what, "%s %s, its %s killed", row->fault, row->options, name);
    state_read(during);
    bool has_ended = kill_helper(name, helper);
    print_message("%s: it %s\n", what, has_ended ? "ends" : "goes on");
    bool is_layer = strcmp(name, "rift-layer") == 0;
    if (has_ended && !is_layer) {
        if (!becomes(peer_answers, GONE_MS) || !becomes(system_beats, GONE_MS))
            fail_msg("%s: told to be over, and it is not", what);
        assert_as_before(felt_line, NODE_ALL_DIFFERENCES, "before the heal", GONE_MS);
    }
    if (!has_ended) {
        CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
        state_read(after);
        if (node_state_differences(during, after, felt_line, NODE_ALL_DIFFERENCES, &found))
            fail_msg("%s: it does not go on as it was:\n%s", what, found.data);
    }
    must_have_been(has_ended ? "ended" : "on", row);
    if (is_layer)
        system_up(row->disk); /* which makes another one */
    assert_whole("after the heal");
    if (!has_ended)
        play_helper_left_alone(row, name);
}

/* At each step of an act the process that is about to take it is killed, where the agent is not. */
static void play_helper_at(const struct row *row, enum act act, int at)
{
    if (act == HEAL)
        hold(row);
    must("lease", json_pack("{s:i}", "lease_ms", LONG_LEASE_MS));
    const struct crash_plan plan = {
        .agent = global_pid(agent_pid(&agent)), .at = at, .is_helper_alone = true};
    struct crash_point *point = crash_point_start(&plan);
    json_t *reply = agent_wait(&agent, agent_send(&agent, act_words[act], args_of(act, row)));
    struct crash_seen seen = crash_point_end(point);
    snprintf(what, sizeof what, "%s %s, %s, a helper at step %d (%s)", row->fault, row->options,
             act_words[act], at, seen.step);
    if (getenv("RIFT_TEST_TALK"))
        print_message("%s\n", what);
    if (!reply)
        fail_msg("%s: no reply", what);
    json_decref(reply);
    must("heal", args_of(HEAL, row));
    if (strstr(seen.step, "of rift-layer")) /* the disk under the system has died, too */
        system_up(row->disk);
    assert_whole("after the heal");
}

void play_helper_steps(const struct row *row, enum act act, struct rift_rng *rng)
{
    if (act == HEAL)
        hold(row);
    const struct crash_plan plan = {.agent = global_pid(agent_pid(&agent)),
                                    .is_helper_alone = true};
    struct crash_point *point = crash_point_start(&plan);
    must(act_words[act], args_of(act, row));
    int steps = crash_point_end(point).steps;
    if (act == INJECT)
        must("heal", args_of(HEAL, row));
    print_message("%s %s, %s: %d steps of helpers\n", row->fault, row->options, act_words[act],
                  steps);
    if (!is_long() && steps > 0)
        play_helper_at(row, act, (int)rift_rng_between(rng, 1, steps));
    for (int at = 1; is_long() && at <= steps; at++)
        if (is_asked_for(at))
            play_helper_at(row, act, at);
}

void play_helpers(const struct row *row, enum act act, struct rift_rng *rng)
{
    static const char *const names[] = {"rift-hold", "rift-keeper", "rift-line", "rift-clock",
                                        "rift-layer"};
    (void)rng;
    if (is_long() && act == HEAL)
        return; /* once a row */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], "rift-layer") != 0 ||
            (row->disk == LAYERED && !(row->traits & ENDS_SYSTEM))) /* else nothing holds on */
            play_helper(row, names[i]);
}

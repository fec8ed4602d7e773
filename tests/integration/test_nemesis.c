/* The nemesis against hosts in memory: what is recorded, when it is healed, and who waits for whom.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/run/lead.h"
#include "control/run/nemesis.h"
#include "tests/lib/fake_nodes.h"
#include "tests/lib/memory_client.h"
#include "tests/lib/memory_journal.h"

static const char *const names[] = {"n1", "n2", "n3", "n4", "n5", NULL};
static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};

static struct memory_journal journal;
static struct memory_store *store;
static struct cluster *cluster;
static struct interpreter *interpreter;
static int64_t origin_ns;
static json_t *options;
static int failures;

static int begin(void **state)
{
    (void)state;
    memset(&fake_world, 0, sizeof fake_world);
    fake_world.leader = -1;
    failures = 0;
    struct rift_node_settings hosts[FAKE_NODES_MAX] = {0};
    struct rift_client_config configs[FAKE_NODES_MAX] = {0};
    store = rift_calloc(1, sizeof *store);
    memory_store_init(store);
    json_t *client_options = memory_store_options(store);
    for (size_t i = 0; i < FAKE_NODES_MAX; i++) {
        hosts[i] = (struct rift_node_settings){.name = names[i], .address = addresses[i]};
        configs[i] = (struct rift_client_config){
            .node = names[i], .run_id = "", .address = addresses[i], .options = client_options};
    }
    cluster = cluster_open(hosts, FAKE_NODES_MAX, names, NULL);
    origin_ns = rift_clock_now();
    struct interpreter_settings settings = {.client = &memory_client_correct,
                                            .configs = configs,
                                            .node_count = FAKE_NODES_MAX,
                                            .thread_count = 1,
                                            .op_timeout_ms = 100,
                                            .origin_ns = origin_ns,
                                            .journal = memory_journal_open(&journal)};
    interpreter = interpreter_create(&settings, NULL);
    json_decref(client_options);
    options = json_object();
    return cluster && interpreter ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    interpreter_destroy(interpreter);
    cluster_close(cluster);
    memory_journal_close(&journal);
    json_decref(options);
    free(store);
    return 0;
}

static struct rift_window cut(uint32_t number, const char *lane, int64_t start_ms, int64_t for_ms)
{
    return (struct rift_window){.number = number,
                                .lane = lane,
                                .what = {.fault = rift_fault_find("partition"),
                                         .grudge = RIFT_GRUDGE_HALVES,
                                         .options = options,
                                         .weight = 1},
                                .start_ns = start_ms * RIFT_MS,
                                .length_ns = for_ms * RIFT_MS,
                                .seed = 7};
}

static struct rift_window pause_one(uint32_t number, const char *lane, size_t node,
                                    int64_t start_ms, int64_t for_ms)
{
    struct rift_window window = cut(number, lane, start_ms, for_ms);
    window.what.fault = rift_fault_find("pause");
    window.what.target.kind = RIFT_TARGET_NAMED;
    rift_node_set_add(&window.what.target.named, node);
    return window;
}

static void on_failure(void *context, const struct rift_error *error)
{
    (void)context;
    assert_true(error->text[0] != '\0');
    failures++;
}

static struct nemesis *start(const struct rift_schedule *schedule)
{
    struct nemesis_settings settings = {.cluster = cluster,
                                        .schedule = schedule,
                                        .interpreter = interpreter,
                                        .run_origin_ns = origin_ns,
                                        .phase_origin_ns = rift_clock_now(),
                                        .on_failure = on_failure};
    struct nemesis *nemesis = nemesis_start(&settings, NULL);
    assert_non_null(nemesis);
    return nemesis;
}

static void finish(struct nemesis *nemesis)
{
    nemesis_join(nemesis);
    nemesis_destroy(nemesis);
    interpreter_run(interpreter, NULL, 0, NULL);
}

static const struct memory_record *record(const char *f, int window)
{
    for (int64_t i = 0; i < journal.count; i++) {
        const struct memory_record *found = &journal.records[i];
        if (strcmp(found->f, f) == 0 &&
            json_integer_value(json_object_get(found->planned, "window")) == window)
            return found;
    }
    fail_msg("no %s of window %d is recorded", f, window);
    return NULL;
}

static bool is_observed(const struct memory_record *found)
{
    return json_is_true(json_object_get(found->observed, "observed"));
}

static const char *seen_at(const struct memory_record *found, const char *node)
{
    const char *member = strncmp(found->f, "stop", 4) == 0 ? "after" : "observed";
    const json_t *nodes = json_object_get(found->observed, "nodes");
    const char *text = json_string_value(json_object_get(json_object_get(nodes, node), member));
    return text ? text : "";
}

/* Until a host has noted when it did something. */
static void wait_for(_Atomic int64_t *moment_ns)
{
    for (int i = 0; i < 3000 && *moment_ns == 0; i++)
        usleep(10000);
    assert_true(*moment_ns != 0);
}

static void a_cut_is_recorded_as_it_was_seen_and_is_healed(void **state)
{
    (void)state;
    struct rift_window windows[] = {cut(0, "a", 100, 300)};
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_int_equal(fake_world.most_drops, 12); /* two of five, three of five, both ways */
    assert_int_equal(fake_drops(), 0);
    const struct memory_record *started = record("start-partition", 0);
    const struct memory_record *stopped = record("stop-partition", 0);
    assert_true(is_observed(started));
    assert_true(is_observed(stopped));
    assert_int_equal(started->type, RIFT_OP_OK);
    assert_int_equal(json_array_size(json_object_get(started->planned, "nodes")), 5);
    assert_non_null(strstr(seen_at(started, "n1"), "not heard"));
    assert_non_null(strstr(seen_at(stopped, "n1"), "heard again"));
    assert_int_equal(failures, 0);
}

static void all_nodes_begin_at_one_moment_of_our_clock(void **state)
{
    (void)state;
    struct rift_window windows[] = {cut(0, "a", 150, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const json_t *nodes = json_object_get(record("start-partition", 0)->observed, "nodes");
    const char *name = NULL;
    json_t *node = NULL;
    json_int_t first =
        json_integer_value(json_object_get(json_object_get(nodes, "n1"), "applied_ns"));
    assert_in_range(first, 150 * RIFT_MS, 5 * RIFT_SECOND);
    json_object_foreach((json_t *)nodes, name, node)
    {
        assert_int_equal(json_integer_value(json_object_get(node, "applied_ns")), first);
        assert_int_equal(json_integer_value(json_object_get(node, "clock_error_ns")),
                         FAKE_CLOCK_ERROR_NS);
    }
    for (size_t i = 1; i < FAKE_NODES_MAX; i++)
        assert_int_equal(fake_world.agreed_ns[i], fake_world.agreed_ns[0]);
}

/* What is left to chance on the nodes is of the window's seed, and no two nodes do the same. */
static void each_node_has_a_seed_of_its_own_which_the_plan_repeats(void **state)
{
    (void)state;
    int64_t seeds[3][FAKE_NODES_MAX];
    const uint64_t of_window[3] = {7, 7, 8};
    for (int i = 0; i < 3; i++) {
        struct rift_window windows[] = {cut(0, "a", 50, 50)};
        windows[0].seed = of_window[i];
        finish(start(&(struct rift_schedule){windows, 1}));
        for (size_t node = 0; node < FAKE_NODES_MAX; node++)
            seeds[i][node] = fake_world.seed[node];
    }
    for (size_t node = 0; node < FAKE_NODES_MAX; node++) {
        assert_int_equal(seeds[0][node], seeds[1][node]);
        assert_int_not_equal(seeds[0][node], seeds[2][node]);
        for (size_t other = 0; other < node; other++)
            assert_int_not_equal(seeds[0][node], seeds[0][other]);
    }
}

static json_int_t late_ns(const struct memory_record *found, const char *node)
{
    const json_t *nodes = json_object_get(found->observed, "nodes");
    const json_t *late = json_object_get(json_object_get(nodes, node), "late_ns");
    assert_true(json_is_integer(late));
    return json_integer_value(late);
}

/* n4 takes a while until it is ready: more than the first lead, which is 0.15 s for five nodes, and
 * what the call comes sooner than that at best. */
static void a_node_that_is_late_is_told_of_and_later_windows_give_it_time(void **state)
{
    (void)state;
    fake_world.takes_ns[3] = 1300 * RIFT_MS;
    struct rift_window windows[] = {cut(0, "a", 100, 1500), cut(1, "a", 4500, 100)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 2});
    wait_for(&fake_world.healed_ns[3]);
    int64_t first_late_ns = fake_world.late_ns[3];
    finish(nemesis);
    const struct memory_record *first = record("start-partition", 0);
    const struct memory_record *second = record("start-partition", 1);
    assert_true(late_ns(first, "n4") > 800 * RIFT_MS);
    assert_int_equal(late_ns(first, "n4"), first_late_ns);
    assert_non_null(strstr(seen_at(first, "n4"), " ms late"));
    assert_int_equal(late_ns(first, "n1"), 0);
    assert_null(strstr(seen_at(first, "n1"), "late"));
    assert_int_equal(late_ns(second, "n4"), 0);
    /* The schedule is kept: the call comes sooner, the start does not come later by what n4 takes.
     */
    assert_in_range(fake_world.agreed_ns[0] - origin_ns, 4500 * RIFT_MS, 5500 * RIFT_MS);
    /* Most faults are answered when they have begun, and the call waits for that. */
    assert_true((int64_t)fake_world.spare_ns[0] > RIFT_SECOND);
}

static void one_slow_moment_is_not_remembered_for_ever(void **state)
{
    (void)state;
    struct lead lead = {0};
    lead_learn(&lead, 3 * RIFT_SECOND);
    lead_learn(&lead, RIFT_MS);
    assert_true(lead.slowest_ns > 2 * RIFT_SECOND);
    for (int window = 0; window < 30; window++)
        lead_learn(&lead, RIFT_MS);
    assert_in_range(lead.slowest_ns, RIFT_MS, 100 * RIFT_MS);
}

static void a_cut_that_catches_nothing_is_not_observed(void **state)
{
    (void)state;
    fake_world.cuts_nothing = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *started = record("start-partition", 0);
    assert_false(is_observed(started));
    assert_non_null(strstr(seen_at(started, "n2"), "still heard (5 of 5 probes)"));
}

static void a_cut_that_one_of_its_links_passes_is_not_observed(void **state)
{
    (void)state;
    fake_world.is_never_cut[0] = true; /* nodes look at it first, and then at those that are cut */
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_false(is_observed(record("start-partition", 0)));
}

static void a_link_that_was_dead_before_shows_no_cut(void **state)
{
    (void)state;
    for (size_t s = 1; s < FAKE_NODES_MAX; s++)
        fake_world.drops[0][s] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *started = record("start-partition", 0);
    assert_false(is_observed(started));
    assert_non_null(strstr(seen_at(started, "n1"), "but not before either"));
}

static void links_that_fall_silent_by_themselves_show_no_cut(void **state)
{
    (void)state;
    fake_world.is_silent_by_itself = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *started = record("start-partition", 0);
    assert_false(is_observed(started));
    assert_non_null(strstr(seen_at(started, "n2"), "not heard, but nothing was dropped"));
}

/* Of two at once on one link the filter that comes first has all packets. */
static void a_cut_behind_another_one_is_observed_by_the_silence(void **state)
{
    (void)state;
    fake_world.has_other_cuts = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_true(is_observed(record("start-partition", 0)));
}

/* A node of whose clock only so much is known may begin so much later. */
static void a_cut_is_looked_at_once_every_clock_must_have_come_to_it(void **state)
{
    (void)state;
    fake_world.clock_error_ns = 120 * RIFT_MS;
    struct rift_window windows[] = {cut(0, "a", 50, 1000)};
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_true(is_observed(record("start-partition", 0)));
}

static void a_change_that_a_node_refuses_is_not_observed(void **state)
{
    (void)state;
    fake_world.refuses_change[1] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 900)};
    windows[0].vary_ns = 500 * RIFT_MS;
    windows[0].ranges = options;
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_true(is_observed(record("start-partition", 0)));
    const struct memory_record *changed = record("change-partition", 0);
    assert_false(is_observed(changed));
    assert_non_null(
        strstr(json_string_value(json_object_get(changed->observed, "why")), "refuses"));
}

/* As on a slow node whose probe comes to it only after a while. */
static void what_is_not_seen_at_once_is_looked_for_until_the_window_ends(void **state)
{
    (void)state;
    fake_world.blind_looks = 3;
    struct rift_window windows[] = {pause_one(0, "a", 1, 50, 20000)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 1});
    for (int i = 0; i < 1500 && fake_world.blind_looks >= 0; i++)
        usleep(10000);
    assert_int_equal(fake_world.blind_looks, -1); /* and no more once it is seen */
    nemesis_stop(nemesis);
    finish(nemesis);
    assert_true(is_observed(record("start-pause", 0)));
}

/* Nodes need not show it at one moment. */
static void what_was_seen_once_need_not_be_seen_again(void **state)
{
    (void)state;
    fake_world.is_blind[0] = true;
    struct rift_window windows[] = {pause_one(0, "a", 0, 50, 6000)};
    rift_node_set_add(&windows[0].what.target.named, 1);
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 1});
    for (int i = 0; i < 1500 && fake_world.looks < 2; i++)
        usleep(10000);
    fake_world.is_blind[1] = true;
    fake_world.is_blind[0] = false;
    for (int i = 0; i < 1500 && fake_world.looks < 4; i++)
        usleep(10000);
    nemesis_stop(nemesis);
    finish(nemesis);
    assert_true(is_observed(record("start-pause", 0)));
}

/* What is left to chance hits nothing where few packets pass. */
static void a_bad_link_is_looked_at_until_it_hit_something(void **state)
{
    (void)state;
    fake_world.blind_looks = 2 * FAKE_NODES_MAX;
    json_t *loss = json_pack("{s:i}", "loss_percent", 1);
    struct rift_window windows[] = {cut(0, "a", 50, 4000)};
    windows[0].what.fault = rift_fault_find("link");
    windows[0].what.options = loss;
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_true(is_observed(record("start-link", 0)));
    json_decref(loss);
}

static void a_bad_link_is_observed_where_chance_spared_some_nodes_but_not_all(void **state)
{
    (void)state;
    json_t *loss = json_pack("{s:i}", "loss_percent", 1);
    fake_world.is_spared[1] = fake_world.is_spared[3] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100), cut(1, "a", 1500, 100)};
    for (size_t i = 0; i < 2; i++) {
        windows[i].what.fault = rift_fault_find("link");
        windows[i].what.options = loss;
    }
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 2});
    wait_for(&fake_world.healed_ns[0]);
    for (size_t i = 0; i < FAKE_NODES_MAX; i++)
        fake_world.is_spared[i] = true;
    finish(nemesis);
    assert_true(is_observed(record("start-link", 0)));
    assert_false(is_observed(record("start-link", 1)));
    json_decref(loss);
}

/* Of a delay each packet tells, so an agent that saw nothing of it was not spared by chance. */
static void a_late_link_that_a_node_does_not_see_is_not_observed(void **state)
{
    (void)state;
    json_t *late = json_pack("{s:i, s:i}", "delay_ms", 50, "loss_percent", 1);
    fake_world.is_spared[1] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    windows[0].what.fault = rift_fault_find("link");
    windows[0].what.options = late;
    finish(start(&(struct rift_schedule){windows, 1}));
    assert_false(is_observed(record("start-link", 0)));
    json_decref(late);
}

/* A cut that lets packets pass is not looked at until none does. */
static void a_cut_that_is_not_seen_is_looked_at_once(void **state)
{
    (void)state;
    fake_world.cuts_nothing = true;
    struct rift_window windows[] = {cut(0, "a", 50, 3000)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 1});
    wait_for(&fake_world.agreed_ns[0]);
    usleep(1500000);
    fake_world.cuts_nothing = false;
    for (int s = 0; s < FAKE_NODES_MAX; s++)
        for (int t = 0; t < FAKE_NODES_MAX; t++)
            fake_world.drops[s][t] = true;
    finish(nemesis);
    assert_false(is_observed(record("start-partition", 0)));
}

static void a_silent_host_delays_the_heal_of_no_other_fault(void **state)
{
    (void)state;
    fake_world.is_silent[4] = true; /* each call to it takes its whole deadline */
    struct rift_window windows[] = {pause_one(0, "a", 4, 50, 200), pause_one(1, "b", 0, 50, 200)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 2});
    wait_for(&fake_world.healed_ns[0]);
    assert_false(fake_world.is_paused[0]);
    assert_true(fake_world.waiting_at_heal[0] > 0);
    fake_world.is_silent[4] = false;
    finish(nemesis);
    assert_true(is_observed(record("start-pause", 1)));
    assert_false(is_observed(record("start-pause", 0)));
    assert_true(failures > 0);
}

static void a_silent_host_does_not_prolong_the_cut_of_others(void **state)
{
    (void)state;
    fake_world.is_silent[4] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 3000)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 1});
    wait_for(&fake_world.healed_ns[0]);
    assert_true(fake_world.healed_ns[0] - fake_world.agreed_ns[0] >= 2900 * RIFT_MS);
    /* Its 3 s do not begin when the silent one is given up. */
    assert_true(fake_world.given_up_ns > 0);
    assert_true(fake_world.healed_ns[0] - fake_world.given_up_ns < 2900 * RIFT_MS);
    fake_world.is_silent[4] = false;
    finish(nemesis);
    assert_false(is_observed(record("start-partition", 0)));
}

static void a_host_that_refuses_is_named_and_the_others_are_healed(void **state)
{
    (void)state;
    fake_world.refuses[2] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *started = record("start-partition", 0);
    assert_false(is_observed(started));
    assert_string_equal(started->error, "a node failed");
    assert_non_null(strstr(seen_at(started, "n3"), "this host refuses"));
    assert_int_equal(fake_drops(), 0);
    assert_int_equal(failures, 1);
    /* It may have begun all the same: its answer may be what was lost. */
    assert_int_equal(fake_world.heals, FAKE_NODES_MAX);
}

static void a_host_that_is_not_healed_is_named(void **state)
{
    (void)state;
    fake_world.refuses_heal[2] = true;
    struct rift_window windows[] = {pause_one(0, "a", 2, 50, 100), pause_one(1, "a", 1, 2000, 100)};
    finish(start(&(struct rift_schedule){windows, 2}));
    const struct memory_record *stopped = record("stop-pause", 0);
    assert_false(is_observed(stopped));
    assert_string_equal(stopped->error, "a node failed");
    assert_non_null(strstr(seen_at(stopped, "n3"), "this host refuses"));
    assert_int_equal(failures, 1);
    assert_true(is_observed(record("stop-pause", 1)));
}

static void a_link_that_stays_dead_after_a_heal_is_not_healed(void **state)
{
    (void)state;
    fake_world.stays_cut = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *stopped = record("stop-partition", 0);
    assert_true(is_observed(record("start-partition", 0)));
    assert_false(is_observed(stopped));
    assert_non_null(strstr(seen_at(stopped, "n2"), "not heard"));
}

static bool ended_early(const struct memory_record *stopped, const char *node)
{
    const json_t *nodes = json_object_get(stopped->observed, "nodes");
    return json_is_true(json_object_get(json_object_get(nodes, node), "ended_early"));
}

static void an_end_before_the_heal_is_told_of(void **state)
{
    (void)state;
    fake_world.has_ended[1] = fake_world.has_ended[2] = true;
    fake_world.refuses[2] = true;
    struct rift_window windows[] = {cut(0, "a", 50, 100)};
    finish(start(&(struct rift_schedule){windows, 1}));
    const struct memory_record *stopped = record("stop-partition", 0);
    assert_true(ended_early(stopped, "n2"));
    assert_non_null(strstr(seen_at(stopped, "n2"), "it had ended before"));
    assert_false(ended_early(stopped, "n1"));
    assert_false(ended_early(stopped, "n3")); /* what never began did not end */
}

static void stopping_heals_at_once_and_begins_nothing_more(void **state)
{
    (void)state;
    struct rift_window windows[] = {pause_one(0, "a", 0, 0, 60000),
                                    pause_one(1, "a", 1, 90000, 1000),
                                    pause_one(2, "b", 2, 30000, 1000)};
    struct nemesis *nemesis = start(&(struct rift_schedule){windows, 3});
    wait_for(&fake_world.agreed_ns[0]);
    for (int i = 0; i < 1000 && !fake_world.is_paused[0]; i++)
        usleep(10000);
    assert_true(fake_world.is_paused[0]);
    struct rift_text active = {0};
    nemesis_print_active(nemesis, &active);
    assert_non_null(strstr(active.data, "n1"));
    rift_text_finish(&active);
    int64_t before_ns = rift_clock_now();
    nemesis_stop(nemesis);
    finish(nemesis);
    assert_true(rift_clock_now() - before_ns < 20 * RIFT_SECOND); /* the window has 60 s */
    assert_false(fake_world.is_paused[0]);
    assert_int_equal(fake_world.injects, 1);
}

static void the_primary_is_asked_for_when_the_window_comes(void **state)
{
    (void)state;
    fake_world.leader = 3;
    struct rift_window windows[] = {pause_one(0, "a", 0, 50, 100)};
    windows[0].what.target.kind = RIFT_TARGET_PRIMARIES;
    finish(start(&(struct rift_schedule){windows, 1}));
    const json_t *nodes = json_object_get(record("start-pause", 0)->planned, "nodes");
    assert_int_equal(json_array_size(nodes), 1);
    assert_string_equal(json_string_value(json_array_get(nodes, 0)), "n4");
    assert_int_equal(fake_world.role_questions, FAKE_NODES_MAX);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_is_recorded_as_it_was_seen_and_is_healed, begin, end),
        cmocka_unit_test_setup_teardown(all_nodes_begin_at_one_moment_of_our_clock, begin, end),
        cmocka_unit_test_setup_teardown(each_node_has_a_seed_of_its_own_which_the_plan_repeats,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_node_that_is_late_is_told_of_and_later_windows_give_it_time, begin, end),
        cmocka_unit_test(one_slow_moment_is_not_remembered_for_ever),
        cmocka_unit_test_setup_teardown(a_cut_that_catches_nothing_is_not_observed, begin, end),
        cmocka_unit_test_setup_teardown(a_link_that_was_dead_before_shows_no_cut, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_that_one_of_its_links_passes_is_not_observed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_was_seen_once_need_not_be_seen_again, begin, end),
        cmocka_unit_test_setup_teardown(a_change_that_a_node_refuses_is_not_observed, begin, end),
        cmocka_unit_test_setup_teardown(links_that_fall_silent_by_themselves_show_no_cut, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_cut_behind_another_one_is_observed_by_the_silence, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_cut_is_looked_at_once_every_clock_must_have_come_to_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_not_seen_at_once_is_looked_for_until_the_window_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_that_is_not_seen_is_looked_at_once, begin, end),
        cmocka_unit_test_setup_teardown(
            a_bad_link_is_observed_where_chance_spared_some_nodes_but_not_all, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_link_is_looked_at_until_it_hit_something, begin, end),
        cmocka_unit_test_setup_teardown(a_late_link_that_a_node_does_not_see_is_not_observed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_silent_host_delays_the_heal_of_no_other_fault, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_silent_host_does_not_prolong_the_cut_of_others, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_host_that_refuses_is_named_and_the_others_are_healed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_host_that_is_not_healed_is_named, begin, end),
        cmocka_unit_test_setup_teardown(a_link_that_stays_dead_after_a_heal_is_not_healed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_end_before_the_heal_is_told_of, begin, end),
        cmocka_unit_test_setup_teardown(stopping_heals_at_once_and_begins_nothing_more, begin, end),
        cmocka_unit_test_setup_teardown(the_primary_is_asked_for_when_the_window_comes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

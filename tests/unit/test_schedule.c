#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/schedule.h"

static const char *const names[] = {"n1", "n2", "n3", "n4", "n5"};

static struct rift_fault_variant cuts[2], kills[1];
static struct rift_fault_entry entries[2];

static int set_up(void **state)
{
    (void)state;
    cuts[0] = (struct rift_fault_variant){
        .fault = rift_fault_find("partition"), .grudge = RIFT_GRUDGE_HALVES, .weight = 1};
    cuts[1] = cuts[0];
    cuts[1].grudge = RIFT_GRUDGE_BRIDGE;
    kills[0] = (struct rift_fault_variant){
        .fault = rift_fault_find("kill"), .target = {.kind = RIFT_TARGET_MINORITY}, .weight = 1};
    entries[0] = (struct rift_fault_entry){.lane = "net",
                                           .variants = cuts,
                                           .variant_count = 2,
                                           .every_s = {8, 8},
                                           .for_s = {3, 6},
                                           .first_s = -1,
                                           .until_s = -1};
    entries[1] = (struct rift_fault_entry){.lane = "process",
                                           .variants = kills,
                                           .variant_count = 1,
                                           .every_s = {5, 9},
                                           .for_s = {2, 4},
                                           .first_s = 1,
                                           .until_s = -1};
    return 0;
}

static struct rift_schedule *draw(size_t count, double duration_s, uint64_t seed)
{
    struct rift_schedule_request request = {.entries = entries,
                                            .entry_count = count,
                                            .duration_ns = (int64_t)(duration_s * 1e9),
                                            .seed = seed};
    struct rift_schedule *schedule = rift_schedule_create(&request, NULL);
    assert_non_null(schedule);
    return schedule;
}

/* One line a window. */
static char *print(const struct rift_schedule *schedule)
{
    struct rift_text text = {0};
    for (size_t i = 0; i < schedule->count; i++) {
        json_t *json = rift_window_to_json(&schedule->windows[i], 5, names);
        char *line = json_dumps(json, JSON_SORT_KEYS);
        rift_text_printf(&text, "%s %llx\n", line, (unsigned long long)schedule->windows[i].seed);
        free(line);
        json_decref(json);
    }
    return rift_text_take(&text);
}

static void one_seed_gives_one_schedule(void **state)
{
    (void)state;
    char *lines[3];
    for (size_t i = 0; i < 3; i++) {
        struct rift_schedule *schedule = draw(2, 300, i == 2 ? 8 : 7);
        lines[i] = print(schedule);
        rift_schedule_destroy(schedule);
    }
    assert_string_equal(lines[0], lines[1]);
    assert_string_not_equal(lines[0], lines[2]);
    for (size_t i = 0; i < 3; i++)
        free(lines[i]);
}

static void windows_keep_their_ranges_and_end_in_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rift_schedule *schedule = draw(2, 60, seed);
        assert_true(schedule->count >= 10);
        int64_t lane_end[2] = {0, 0}, last_start = 0;
        for (size_t i = 0; i < schedule->count; i++) {
            const struct rift_window *w = &schedule->windows[i];
            size_t lane = strcmp(w->lane, "net") != 0;
            assert_int_equal(w->number, i);
            assert_true(w->start_ns >= last_start);
            assert_true(w->start_ns > lane_end[lane]);
            assert_true(w->length_ns >= (lane ? 2 : 3) * RIFT_SECOND);
            assert_true(w->length_ns <= (lane ? 4 : 6) * RIFT_SECOND);
            assert_true(w->start_ns + w->length_ns <= 60 * RIFT_SECOND);
            lane_end[lane] = w->start_ns + w->length_ns;
            last_start = w->start_ns;
        }
        rift_schedule_destroy(schedule);
    }
}

static void one_entry_never_moves_the_faults_of_another(void **state)
{
    (void)state;
    struct rift_schedule *both = draw(2, 120, 3), *alone = draw(1, 120, 3);
    size_t matched = 0;
    for (size_t i = 0; i < both->count; i++) {
        if (strcmp(both->windows[i].lane, "net") != 0)
            continue;
        assert_true(both->windows[i].start_ns == alone->windows[matched].start_ns);
        assert_true(both->windows[i].length_ns == alone->windows[matched].length_ns);
        assert_int_equal(both->windows[i].what.grudge, alone->windows[matched].what.grudge);
        matched++;
    }
    assert_int_equal(matched, alone->count);
    rift_schedule_destroy(both);
    rift_schedule_destroy(alone);
}

static void entries_of_one_lane_take_turns(void **state)
{
    (void)state;
    entries[1].lane = "net";
    struct rift_schedule *schedule = draw(2, 600, 11);
    size_t kinds[2] = {0, 0};
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_window *w = &schedule->windows[i];
        if (i > 0)
            assert_true(w[-1].start_ns + w[-1].length_ns < w->start_ns);
        kinds[strcmp(w->what.fault->name, "kill") == 0]++;
    }
    assert_true(kinds[0] > 10 && kinds[1] > 10);
    rift_schedule_destroy(schedule);
}

static void quiet_periods_are_quiet(void **state)
{
    (void)state;
    struct rift_schedule_request request = {.entries = entries,
                                            .entry_count = 2,
                                            .duration_ns = 600 * RIFT_SECOND,
                                            .quiet_every_s = 60,
                                            .quiet_for_s = 20};
    for (request.seed = 1; request.seed < 20; request.seed++) {
        struct rift_schedule *schedule = rift_schedule_create(&request, NULL);
        assert_true(schedule->count > 20);
        for (size_t i = 0; i < schedule->count; i++) {
            const struct rift_window *w = &schedule->windows[i];
            int64_t phase = w->start_ns % (60 * RIFT_SECOND);
            assert_true(phase + w->length_ns <= 40 * RIFT_SECOND);
        }
        rift_schedule_destroy(schedule);
    }
}

static void weights_are_kept(void **state)
{
    (void)state;
    cuts[1].weight = 3;
    struct rift_schedule *schedule = draw(1, 80000, 5);
    size_t bridges = 0;
    for (size_t i = 0; i < schedule->count; i++)
        bridges += schedule->windows[i].what.grudge == RIFT_GRUDGE_BRIDGE;
    double part = (double)bridges / (double)schedule->count;
    assert_true(schedule->count > 9000 && part > 0.73 && part < 0.77);
    rift_schedule_destroy(schedule);
}

/* Of two entries the second ends before its first window could. */
static void an_entry_that_never_comes_is_told(void **state)
{
    (void)state;
    entries[1].lane = "late";
    entries[1].until_s = 2;
    struct rift_schedule *schedule = draw(2, 100, 5);
    assert_true(schedule->count > 0);
    assert_true(rift_schedule_has(schedule, 0));
    assert_false(rift_schedule_has(schedule, 1));
    rift_schedule_destroy(schedule);
}

/* A chaos of one window that the time between quiet times has room for, and one that it has not. */
static void a_window_that_does_not_fit_is_left_out_and_the_others_go_on(void **state)
{
    (void)state;
    struct rift_fault_variant items[2] = {kills[0], cuts[0]};
    items[0].for_s = (struct rift_range){3, 3};
    items[1].for_s = (struct rift_range){30, 30};
    entries[0] = (struct rift_fault_entry){.lane = "chaos",
                                           .variants = items,
                                           .variant_count = 2,
                                           .every_s = {10, 10},
                                           .for_s = {5, 5},
                                           .first_s = -1,
                                           .until_s = -1};
    struct rift_schedule_request request = {.entries = entries,
                                            .entry_count = 1,
                                            .duration_ns = 600 * RIFT_SECOND,
                                            .quiet_every_s = 20,
                                            .quiet_for_s = 5};
    size_t count = 0;
    for (request.seed = 1; request.seed < 20; request.seed++) {
        struct rift_schedule *schedule = rift_schedule_create(&request, NULL);
        for (size_t i = 0; i < schedule->count; i++)
            assert_string_equal(schedule->windows[i].what.fault->name, "kill");
        count += schedule->count;
        rift_schedule_destroy(schedule);
    }
    /* Half of what is drawn: about 20 in each. Two would come before the first that does not fit.
     */
    assert_true(count > 15 * 19);
}

static void a_sequence_comes_whole_with_its_steps_in_place(void **state)
{
    (void)state;
    /* Isolate from 0 s to 12 s, kill at 5 s for 3 s, then, after both, cut again for 2 s. */
    struct rift_fault_variant steps[3] = {cuts[0], kills[0], cuts[1]};
    steps[0].for_s = (struct rift_range){12, 12};
    steps[1].for_s = (struct rift_range){3, 3};
    steps[1].at_s = 5;
    steps[2].for_s = (struct rift_range){2, 2};
    steps[2].at_s = 14;
    entries[0] = (struct rift_fault_entry){.lane = "script",
                                           .variants = steps,
                                           .variant_count = 3,
                                           .is_sequence = true,
                                           .every_s = {30, 30},
                                           .for_s = {1, 1},
                                           .first_s = 4,
                                           .until_s = -1};
    struct rift_schedule *schedule = draw(1, 100, 5);
    static const struct {
        int64_t start, length;
        const char *lane;
    } expected[] = {{4, 12, "script/1"}, {9, 3, "script/2"}, {18, 2, "script/3"}};
    assert_int_equal(schedule->count, 9); /* at 4, 34 and 64 s; at 94 s it would not fit */
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_window *w = &schedule->windows[i];
        assert_true(w->start_ns == (expected[i % 3].start + 30 * (int64_t)(i / 3)) * RIFT_SECOND);
        assert_true(w->length_ns == expected[i % 3].length * RIFT_SECOND);
        assert_string_equal(w->lane, expected[i % 3].lane);
    }
    rift_schedule_destroy(schedule);
    /* Without at_s each step waits for the one before. */
    steps[1].follows = steps[2].follows = true;
    schedule = draw(1, 100, 5);
    for (size_t i = 1; i < schedule->count; i++)
        assert_true(schedule->windows[i - 1].start_ns + schedule->windows[i - 1].length_ns <
                    schedule->windows[i].start_ns);
    assert_int_equal(schedule->count, 9);
    rift_schedule_destroy(schedule);
    /* A wait begins with the step before it, and what follows it hangs on it. */
    steps[1] = (struct rift_fault_variant){
        .fault = &rift_wait_for, .weight = 1, .for_s = {5, 5}, .begins_with = true};
    schedule = draw(1, 100, 5);
    const struct rift_window *w = schedule->windows;
    assert_true(w[1].start_ns == w[0].start_ns && w[1].wait_lane == NULL);
    assert_true(w[2].start_ns == w[1].start_ns + 6 * RIFT_SECOND);
    assert_string_equal(w[2].wait_lane, "script/2");
    assert_true(w[2].wait_start_ns == w[1].start_ns);
    assert_true(w[2].wait_end_ns == w[1].start_ns + 5 * RIFT_SECOND);
    rift_schedule_destroy(schedule);
}

static void a_mix_that_changes_keeps_to_its_half_for_a_period(void **state)
{
    (void)state;
    struct rift_fault_variant all[3] = {cuts[0], kills[0], cuts[1]};
    entries[0].variants = all;
    entries[0].variant_count = 3;
    entries[0].change_s = 100;
    entries[0].for_s = (struct rift_range){1, 1};
    entries[0].every_s = (struct rift_range){2, 2};
    struct rift_schedule *schedule = draw(1, 6000, 5);
    unsigned of_period[60] = {0}, combinations = 0;
    for (size_t i = 0; i < schedule->count; i++) {
        const struct rift_window *w = &schedule->windows[i];
        unsigned kind =
            strcmp(w->what.fault->name, "kill") == 0 ? 2 : w->what.grudge == RIFT_GRUDGE_BRIDGE;
        of_period[w->start_ns / (100 * RIFT_SECOND)] |= 1u << kind;
    }
    for (size_t i = 0; i < 60; i++)
        combinations |= 1u << of_period[i];
    /* 50 windows a period show all that may come: every subset of three comes up, also none. */
    assert_int_equal(combinations, 0xff);
    assert_in_range(schedule->count, 2000, 2900); /* 7 of 8 periods have faults */
    rift_schedule_destroy(schedule);
}

static void a_window_names_the_same_nodes_each_time_it_is_asked(void **state)
{
    (void)state;
    struct rift_schedule *schedule = draw(2, 200, 9);
    struct rift_cluster cluster = {.node_count = 5, .names = names};
    CLEANUP(rift_free) struct rift_resolved *a = rift_malloc(sizeof *a);
    CLEANUP(rift_free) struct rift_resolved *b = rift_malloc(sizeof *b);
    uint64_t hit = 0;
    for (size_t i = 0; i < schedule->count; i++) {
        assert_int_equal(rift_window_resolve(&schedule->windows[i], &cluster, a, NULL), 0);
        assert_int_equal(rift_window_resolve(&schedule->windows[i], &cluster, b, NULL), 0);
        assert_memory_equal(a, b, sizeof *a);
        if (schedule->windows[i].what.fault->scope == RIFT_FAULT_ON_NODES)
            hit |= a->nodes.bits[0];
        else
            assert_true(rift_grudge_cut_count(&a->grudge) > 0);
    }
    assert_int_equal(hit, 0x1f);
    rift_schedule_destroy(schedule);
}

static void another_seed_names_other_nodes(void **state)
{
    (void)state;
    struct rift_cluster cluster = {.node_count = 5, .names = names};
    CLEANUP(rift_free) struct rift_resolved *resolved = rift_malloc(sizeof *resolved);
    uint64_t hit = 0;
    kills[0].target.kind = RIFT_TARGET_ONE;
    entries[0] = entries[1];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rift_schedule *schedule = draw(1, 60, seed);
        assert_int_equal(rift_window_resolve(&schedule->windows[0], &cluster, resolved, NULL), 0);
        hit |= resolved->nodes.bits[0];
        rift_schedule_destroy(schedule);
    }
    assert_int_equal(hit, 0x1f);
}

static const struct rift_fault_variant *bad_links(void)
{
    static struct rift_fault_variant link;
    link = (struct rift_fault_variant){
        .fault = rift_fault_find("link"),
        .grudge = RIFT_GRUDGE_HALVES,
        .weight = 1,
        .options = json_pack("{s:[i,i], s:i}", "delay_ms", 10, 90, "loss_percent", 3)};
    return &link;
}

static void a_window_that_varies_changes_within_its_ranges_as_the_seed_says(void **state)
{
    (void)state;
    const struct rift_fault_variant *link = bad_links();
    entries[0].variants = link;
    entries[0].variant_count = 1;
    entries[0].vary_s = 1;
    struct rift_schedule *first = draw(1, 100, 3), *again = draw(1, 100, 3);
    unsigned different = 0, count = 0;
    for (size_t i = 0; i < first->count; i++) {
        const struct rift_window *window = &first->windows[i];
        json_int_t before = json_integer_value(json_object_get(window->what.options, "delay_ms"));
        assert_true(json_is_true(json_object_get(window->what.options, "changeable")));
        /* The last change leaves some of the window. */
        uint64_t changes = rift_window_vary_count(window);
        assert_true((int64_t)changes * RIFT_SECOND < window->length_ns);
        assert_true((int64_t)(changes + 1) * RIFT_SECOND >= window->length_ns);
        for (uint64_t number = 1; number <= changes; number++, count++) {
            json_t *options = rift_window_vary(window, number);
            json_t *same = rift_window_vary(&again->windows[i], number);
            json_int_t delay_ms = json_integer_value(json_object_get(options, "delay_ms"));
            assert_true(json_equal(options, same));
            assert_in_range(delay_ms, 10, 90);
            assert_int_equal(3, json_integer_value(json_object_get(options, "loss_percent")));
            different += delay_ms != before;
            before = delay_ms;
            json_decref(options);
            json_decref(same);
        }
    }
    assert_true(count > 20 && different > count * 9 / 10);
    rift_schedule_destroy(first);
    rift_schedule_destroy(again);
    json_decref((json_t *)link->options);
}

/* The windows of many entries that a quiet time puts off do not begin together at its end. */
static void what_a_quiet_time_puts_off_does_not_come_all_at_once(void **state)
{
    (void)state;
    enum { ENTRIES = 8 };
    struct rift_fault_entry many[ENTRIES];
    char lanes[ENTRIES][8];
    for (size_t i = 0; i < ENTRIES; i++) {
        snprintf(lanes[i], sizeof lanes[i], "lane%zu", i);
        many[i] = entries[0];
        many[i].lane = lanes[i];
        many[i].for_s = (struct rift_range){1, 1};
        many[i].every_s = (struct rift_range){6 + (double)i, 6 + (double)i};
    }
    struct rift_schedule_request request = {.entries = many,
                                            .entry_count = ENTRIES,
                                            .duration_ns = 400 * RIFT_SECOND,
                                            .quiet_every_s = 20,
                                            .quiet_for_s = 8,
                                            .seed = 5};
    struct rift_schedule *schedule = rift_schedule_create(&request, NULL);
    assert_non_null(schedule);
    size_t together = 0;
    for (size_t i = 0; i < schedule->count; i++) {
        int64_t within_ns = schedule->windows[i].start_ns % (20 * RIFT_SECOND);
        assert_true(within_ns + schedule->windows[i].length_ns <= 12 * RIFT_SECOND);
        together += i > 0 && schedule->windows[i].start_ns == schedule->windows[i - 1].start_ns;
    }
    assert_true(schedule->count > 150);
    assert_true(together < schedule->count / 50);
    rift_schedule_destroy(schedule);
}

static void too_many_windows_are_refused(void **state)
{
    (void)state;
    entries[0].every_s = entries[0].for_s = (struct rift_range){0.001, 0.001};
    struct rift_schedule_request request = {
        .entries = entries, .entry_count = 1, .duration_ns = INT64_C(1000000) * RIFT_SECOND};
    struct rift_error err = {0};
    assert_null(rift_schedule_create(&request, &err));
    assert_int_equal(err.code, RIFT_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_seed_gives_one_schedule, set_up),
        cmocka_unit_test_setup(windows_keep_their_ranges_and_end_in_time, set_up),
        cmocka_unit_test_setup(one_entry_never_moves_the_faults_of_another, set_up),
        cmocka_unit_test_setup(entries_of_one_lane_take_turns, set_up),
        cmocka_unit_test_setup(quiet_periods_are_quiet, set_up),
        cmocka_unit_test_setup(weights_are_kept, set_up),
        cmocka_unit_test_setup(an_entry_that_never_comes_is_told, set_up),
        cmocka_unit_test_setup(a_window_that_does_not_fit_is_left_out_and_the_others_go_on, set_up),
        cmocka_unit_test_setup(a_sequence_comes_whole_with_its_steps_in_place, set_up),
        cmocka_unit_test_setup(a_mix_that_changes_keeps_to_its_half_for_a_period, set_up),
        cmocka_unit_test_setup(a_window_names_the_same_nodes_each_time_it_is_asked, set_up),
        cmocka_unit_test_setup(another_seed_names_other_nodes, set_up),
        cmocka_unit_test_setup(a_window_that_varies_changes_within_its_ranges_as_the_seed_says,
                               set_up),
        cmocka_unit_test_setup(what_a_quiet_time_puts_off_does_not_come_all_at_once, set_up),
        cmocka_unit_test_setup(too_many_windows_are_refused, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Each entry draws from a stream of its own, in the same order for every window (variant, length,
 * options, distance to the next), so a change in one entry never moves another's faults. All times
 * are whole milliseconds, so that they print exactly. */
#include "nemesis/schedule.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

/* Between two windows of one lane: the first must have healed before the second begins. */
static const int64_t LANE_GAP_NS = RIFT_SECOND;
/* Without a configured start the first window comes at a random part of a period, but not at once:
 * the system shows its normal behaviour first. */
static const double FIRST_WINDOW_LEAST_PART = 0.25;

/* What rift_schedule_create really makes. */
struct schedule_box {
    struct rift_schedule schedule; /* first: the box is found from it */
    struct rift_arena arena;       /* names of lanes */
};

/* An entry while its windows are drawn. */
struct entry_state {
    const struct rift_fault_entry *entry;
    struct rift_rng rng;
    size_t index;    /* of the entry in the plan */
    int64_t next_ns; /* wanted start of its next window */
    int64_t limit_ns;
    bool is_done;
};

static int64_t seconds_to_ns(double seconds)
{
    return (int64_t)llround(seconds * 1000.0) * RIFT_MS;
}

static double draw_range(struct rift_range range, struct rift_rng *rng)
{
    double part = rift_rng_unit(rng);
    return range.low + (range.high - range.low) * part;
}

/* Options in which every [low, high] of a RANGE has become a number: whole where both ends are. */
static json_t *draw_options(const struct rift_fault_variant *variant, struct rift_rng *rng)
{
    json_t *drawn = variant->options ? json_deep_copy(variant->options) : json_object();
    const struct rift_option *option = variant->fault->options;
    for (; option && option->name; option++) {
        const json_t *pair = json_object_get(drawn, option->name);
        if (option->kind != RIFT_OPTION_RANGE || !json_is_array(pair))
            continue;
        const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
        double part = rift_rng_unit(rng);
        json_t *number;
        if (json_is_integer(low) && json_is_integer(high)) {
            json_int_t a = json_integer_value(low), b = json_integer_value(high);
            number = json_integer(a + (json_int_t)(part * (double)(b - a + 1)));
        } else {
            double a = json_number_value(low), b = json_number_value(high);
            number = json_real(round((a + (b - a) * part) * 1000.0) / 1000.0);
        }
        json_object_set_new(drawn, option->name, number);
    }
    return drawn;
}

uint64_t rift_window_vary_count(const struct rift_window *window)
{
    return window->vary_ns > 0 ? (uint64_t)((window->length_ns - 1) / window->vary_ns) : 0;
}

json_t *rift_window_vary(const struct rift_window *window, uint64_t number)
{
    char stream[48];
    struct rift_fault_variant what = window->what;
    struct rift_rng rng;
    what.options = window->ranges;
    snprintf(stream, sizeof stream, "vary/%llu", (unsigned long long)number);
    rift_rng_init_named(&rng, window->seed, stream);
    json_t *options = draw_options(&what, &rng);
    json_object_set_new(options, "changeable", json_true());
    return options;
}

/* Which variants take part at this time: all, or, where they change, the half that was drawn for
 * this period. chances[i] is the weight of variant i, or 0. Returns the sum. */
static double variant_chances(const struct entry_state *state, uint64_t seed, double *chances)
{
    const struct rift_fault_entry *entry = state->entry;
    int64_t period_ns = seconds_to_ns(entry->change_s);
    int64_t period = period_ns > 0 ? state->next_ns / period_ns : 0;
    char stream[64];
    snprintf(stream, sizeof stream, "faults/%zu/change/%lld", state->index, (long long)period);
    struct rift_rng rng;
    rift_rng_init_named(&rng, seed, stream);
    double total = 0;
    for (size_t i = 0; i < entry->variant_count; i++) {
        bool takes_part = period_ns <= 0 || rift_rng_below(&rng, 2) == 0;
        chances[i] = takes_part ? entry->variants[i].weight : 0;
        total += chances[i];
    }
    return total;
}

/* NULL: none takes part now. */
static const struct rift_fault_variant *draw_variant(struct entry_state *state, uint64_t seed)
{
    const struct rift_fault_entry *entry = state->entry;
    CLEANUP(rift_free) double *chances = rift_calloc(entry->variant_count, sizeof *chances);
    double part = rift_rng_unit(&state->rng);
    double total = variant_chances(state, seed, chances);
    const struct rift_fault_variant *chosen = NULL;
    part *= total;
    for (size_t i = 0; i < entry->variant_count; i++) {
        if (chances[i] <= 0)
            continue;
        chosen = &entry->variants[i];
        if (part < chances[i])
            break;
        part -= chances[i];
    }
    return chosen;
}

/* Moves a window out of the quiet part of each period: shortened where at least least_ns are left
 * of it, else put behind the quiet part, by some of every_ns, which its seed says: what several
 * entries had for the quiet time does not come all at once after it. */
static void avoid_quiet(const struct rift_schedule_request *request, int64_t least_ns,
                        int64_t every_ns, uint64_t seed, int64_t *start, int64_t *length)
{
    int64_t period = seconds_to_ns(request->quiet_every_s);
    int64_t quiet = seconds_to_ns(request->quiet_for_s);
    if (period <= 0 || quiet <= 0)
        return;
    int64_t period_start = *start / period * period;
    int64_t busy_end = period_start + period - quiet;
    int64_t room = busy_end - *start;
    if (room >= *length)
        return;
    if (room >= least_ns) {
        *length = room;
        return;
    }
    if (*length > period - quiet)
        *length = period - quiet;
    int64_t free_ns = period - quiet - *length;
    struct rift_rng rng;
    rift_rng_init_named(&rng, seed, "quiet");
    *start = period_start + period +
             (int64_t)(rift_rng_unit(&rng) *
                       (double)((free_ns < every_ns ? free_ns : every_ns) / RIFT_MS)) *
                 RIFT_MS;
}

static void schedule_add(struct rift_schedule *schedule, const struct rift_window *window)
{
    if ((schedule->count & (schedule->count + 1)) == 0)
        schedule->windows = rift_reallocarray(schedule->windows, 2 * schedule->count + 2,
                                              sizeof *schedule->windows);
    schedule->windows[schedule->count++] = *window;
}

static struct rift_range length_of(const struct rift_fault_entry *entry,
                                   const struct rift_fault_variant *variant)
{
    return variant->for_s.high <= 0 ? entry->for_s : variant->for_s;
}

/* The shortest that a window of the entry may be: of a chaos that of its shortest item. */
static int64_t shortest_window(const struct rift_fault_entry *entry)
{
    double least_s = INFINITY;
    for (size_t i = 0; i < entry->variant_count; i++)
        least_s = fmin(least_s, length_of(entry, &entry->variants[i]).low);
    return seconds_to_ns(least_s);
}

/* Draws one window of the entry and puts it into its lane, which is free from *lane_free_ns on. One
 * that does not fit is left out, and the entry goes on for as long as a shorter one might. */
static void draw_window(struct entry_state *state, const struct rift_schedule_request *request,
                        int64_t *lane_free_ns, struct rift_schedule *schedule)
{
    int64_t wanted_ns = state->next_ns;
    const struct rift_fault_variant *variant = draw_variant(state, request->seed);
    const struct rift_fault_variant *any = variant ? variant : &state->entry->variants[0];
    struct rift_range for_s = length_of(state->entry, any);
    int64_t length = seconds_to_ns(draw_range(for_s, &state->rng));
    int64_t every = seconds_to_ns(draw_range(state->entry->every_s, &state->rng));
    int64_t least = seconds_to_ns(for_s.low);
    struct rift_window window = {
        .entry = state->index,
        .lane = state->entry->lane,
        .what = *any,
        .seed = rift_rng_next(&state->rng),
        .start_ns = state->next_ns > *lane_free_ns ? state->next_ns : *lane_free_ns,
    };
    json_t *options = draw_options(any, &state->rng);
    window.vary_ns = seconds_to_ns(state->entry->vary_s);
    window.ranges = any->options;
    if (window.vary_ns > 0)
        json_object_set_new(options, "changeable", json_true());
    window.what.options = options;
    avoid_quiet(request, least, every, window.seed, &window.start_ns, &length);
    if (window.start_ns + length > state->limit_ns)
        length = state->limit_ns - window.start_ns;
    bool fits = length > 0 && length >= least;
    state->is_done = window.start_ns + shortest_window(state->entry) > state->limit_ns;
    state->next_ns = window.start_ns + (every > 0 ? every : RIFT_MS);
    if (!variant) {
        /* Nothing comes before the mix changes again. */
        int64_t period_ns = seconds_to_ns(state->entry->change_s);
        int64_t change_ns = (wanted_ns / period_ns + 1) * period_ns;
        state->next_ns = state->next_ns > change_ns ? state->next_ns : change_ns;
    }
    if (!fits || !variant) {
        json_decref(options);
        return;
    }
    window.length_ns = length;
    schedule_add(schedule, &window);
    *lane_free_ns = window.start_ns + length + LANE_GAP_NS;
}

/* When a step begins, seen from the start of the sequence. */
static int64_t step_start(const struct rift_window *steps, size_t i)
{
    const struct rift_fault_variant *step = &steps[i].what;
    if (step->begins_with)
        return i > 0 ? steps[i - 1].start_ns : 0;
    if (!step->follows)
        return seconds_to_ns(step->at_s);
    return i > 0 ? steps[i - 1].start_ns + steps[i - 1].length_ns + LANE_GAP_NS : 0;
}

/* The shortest that a sequence may be, from its start to the end of its last step. */
static int64_t shortest_sequence(const struct rift_fault_entry *entry)
{
    CLEANUP(rift_free)
    struct rift_window *steps = rift_calloc(entry->variant_count, sizeof *steps);
    int64_t span = 0;
    for (size_t i = 0; i < entry->variant_count; i++) {
        steps[i].what = entry->variants[i];
        steps[i].start_ns = step_start(steps, i);
        steps[i].length_ns = seconds_to_ns(length_of(entry, &entry->variants[i]).low);
        int64_t end = steps[i].start_ns + steps[i].length_ns;
        span = end > span ? end : span;
    }
    return span;
}

/* Steps that follow a wait, or follow one that does, come when it is over. */
static void link_to_waits(struct rift_window *steps, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct rift_window *before = &steps[i - 1];
        if (!steps[i].what.follows)
            continue;
        bool is_wait = before->what.fault == &rift_wait_for;
        steps[i].wait_lane = is_wait ? before->lane : before->wait_lane;
        steps[i].wait_start_ns = is_wait ? before->start_ns : before->wait_start_ns;
        steps[i].wait_end_ns = is_wait ? before->start_ns + before->length_ns : before->wait_end_ns;
    }
}

/* Draws all steps of a sequence, at their places in it; a sequence that does not fit whole is not
 * begun. */
static void draw_sequence(struct entry_state *state, const struct rift_schedule_request *request,
                          int64_t *lane_free_ns, struct rift_schedule *schedule)
{
    const struct rift_fault_entry *entry = state->entry;
    int64_t start = state->next_ns > *lane_free_ns ? state->next_ns : *lane_free_ns;
    int64_t every = seconds_to_ns(draw_range(entry->every_s, &state->rng));
    CLEANUP(rift_free)
    struct rift_window *steps = rift_calloc(entry->variant_count, sizeof *steps);
    int64_t span = 0;
    for (size_t i = 0; i < entry->variant_count; i++) {
        const struct rift_fault_variant *variant = &entry->variants[i];
        steps[i].what = *variant;
        steps[i].entry = state->index;
        steps[i].start_ns = step_start(steps, i);
        steps[i].length_ns = seconds_to_ns(draw_range(length_of(entry, variant), &state->rng));
        steps[i].seed = rift_rng_next(&state->rng);
        steps[i].what.options = draw_options(variant, &state->rng);
        int64_t end = steps[i].start_ns + steps[i].length_ns;
        span = end > span ? end : span;
    }
    int64_t length = span;
    avoid_quiet(request, span, every, steps[0].seed, &start, &length);
    bool fits = start + span <= state->limit_ns && length == span;
    state->is_done = start + shortest_sequence(entry) > state->limit_ns;
    state->next_ns = start + (every > 0 ? every : RIFT_MS);
    for (size_t i = 0; i < entry->variant_count; i++) {
        if (!fits) {
            json_decref((json_t *)steps[i].what.options);
            continue;
        }
        steps[i].lane = rift_arena_printf(&((struct schedule_box *)schedule)->arena, "%s/%zu",
                                          entry->lane, i + 1);
        steps[i].start_ns += start;
    }
    link_to_waits(steps, entry->variant_count);
    if (!fits)
        return;
    for (size_t i = 0; i < entry->variant_count; i++)
        schedule_add(schedule, &steps[i]);
    *lane_free_ns = start + span + LANE_GAP_NS;
}

/* The first window begins as long after the start of the phase, for part of [0, 1]. */
static int64_t first_start(const struct rift_fault_entry *entry, double part)
{
    double least = FIRST_WINDOW_LEAST_PART;
    return seconds_to_ns(entry->first_s < 0 ? (least + (1 - least) * part) * entry->every_s.low
                                            : entry->first_s);
}

static int64_t limit_of(const struct rift_fault_entry *entry, int64_t duration_ns)
{
    int64_t until_ns = entry->until_s < 0 ? duration_ns : seconds_to_ns(entry->until_s);
    return until_ns < duration_ns ? until_ns : duration_ns;
}

struct rift_schedule_room rift_schedule_room(const struct rift_schedule_request *request,
                                             size_t index)
{
    const struct rift_fault_entry *entry = &request->entries[index];
    int64_t quiet_ns = seconds_to_ns(request->quiet_for_s);
    return (struct rift_schedule_room){
        .start_ns = first_start(entry, 0),
        .length_ns = entry->is_sequence ? shortest_sequence(entry) : shortest_window(entry),
        .limit_ns = limit_of(entry, request->duration_ns),
        .between_quiet_ns =
            quiet_ns > 0 ? seconds_to_ns(request->quiet_every_s) - quiet_ns : INT64_MAX};
}

static void state_init(struct entry_state *state, const struct rift_schedule_request *request,
                       size_t index)
{
    const struct rift_fault_entry *entry = &request->entries[index];
    assert(entry->variant_count > 0);
    char stream[32];
    snprintf(stream, sizeof stream, "faults/%zu", index);
    *state = (struct entry_state){
        .entry = entry, .index = index, .limit_ns = limit_of(entry, request->duration_ns)};
    rift_rng_init_named(&state->rng, request->seed, stream);
    state->next_ns = first_start(entry, rift_rng_unit(&state->rng));
}

/* All windows of the lane of states[first]: whichever entry of the lane wants to start soonest
 * goes next; of two at once the one listed first. */
static int draw_lane(struct entry_state *states, size_t count, size_t first,
                     const struct rift_schedule_request *request, struct rift_schedule *schedule,
                     struct rift_error *err)
{
    int64_t lane_free_ns = 0;
    for (;;) {
        struct entry_state *next = NULL;
        for (size_t i = first; i < count; i++) {
            if (states[i].is_done || strcmp(states[i].entry->lane, states[first].entry->lane) != 0)
                continue;
            if (!next || states[i].next_ns < next->next_ns)
                next = &states[i];
        }
        if (!next)
            return 0;
        if (schedule->count >= RIFT_WINDOWS_MAX)
            return rift_fail(err, RIFT_ERR_LIMIT,
                             "the schedule has more than %d fault windows; raise every_s or lower "
                             "time_limit_s",
                             RIFT_WINDOWS_MAX);
        if (next->entry->is_sequence)
            draw_sequence(next, request, &lane_free_ns, schedule);
        else
            draw_window(next, request, &lane_free_ns, schedule);
    }
}

static int compare_windows(const void *left, const void *right)
{
    const struct rift_window *a = left, *b = right;
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    /* Numbers are still the order of drawing here, so the order is total. */
    return a->number < b->number ? -1 : a->number > b->number;
}

struct rift_schedule *rift_schedule_create(const struct rift_schedule_request *request,
                                           struct rift_error *err)
{
    struct schedule_box *box = rift_calloc(1, sizeof *box);
    struct rift_schedule *schedule = &box->schedule;
    CLEANUP(rift_free)
    struct entry_state *states = rift_calloc(request->entry_count, sizeof *states);
    for (size_t i = 0; i < request->entry_count; i++)
        state_init(&states[i], request, i);
    for (size_t i = 0; i < request->entry_count; i++) {
        bool is_first = true;
        for (size_t j = 0; j < i; j++)
            is_first = is_first && strcmp(states[j].entry->lane, states[i].entry->lane) != 0;
        if (is_first && draw_lane(states, request->entry_count, i, request, schedule, err) != 0) {
            rift_schedule_destroy(schedule);
            return NULL;
        }
    }
    for (size_t i = 0; i < schedule->count; i++)
        schedule->windows[i].number = (uint32_t)i;
    if (schedule->count)
        qsort(schedule->windows, schedule->count, sizeof *schedule->windows, compare_windows);
    for (size_t i = 0; i < schedule->count; i++)
        schedule->windows[i].number = (uint32_t)i;
    return schedule;
}

bool rift_schedule_has(const struct rift_schedule *schedule, size_t entry)
{
    size_t i = 0;
    while (i < schedule->count && schedule->windows[i].entry != entry)
        i++;
    return i < schedule->count;
}

void rift_schedule_destroy(struct rift_schedule *schedule)
{
    if (!schedule)
        return;
    for (size_t i = 0; i < schedule->count; i++)
        json_decref((json_t *)schedule->windows[i].what.options);
    struct schedule_box *box = (struct schedule_box *)schedule;
    rift_arena_finish(&box->arena);
    free(schedule->windows);
    free(box);
}

int rift_window_resolve(const struct rift_window *window, const struct rift_cluster *cluster,
                        struct rift_resolved *resolved, struct rift_error *err)
{
    const struct rift_fault_variant *what = &window->what;
    struct rift_rng rng;
    rift_rng_init(&rng, window->seed);
    memset(resolved, 0, sizeof *resolved);
    if (what->fault->scope != RIFT_FAULT_ON_LINKS)
        return rift_target_resolve(&what->target, cluster, &rng, &resolved->nodes,
                                   &resolved->is_guess, err);
    if (what->grudge == RIFT_GRUDGE_EXPLICIT)
        resolved->grudge = *what->explicit_grudge;
    else if (rift_grudge_resolve(what->grudge, cluster, &rng, &resolved->grudge,
                                 &resolved->is_guess, err) != 0)
        return -1;
    for (size_t i = 0; i < cluster->node_count; i++)
        if (rift_node_set_count(&resolved->grudge.drops[i]) > 0)
            rift_node_set_add(&resolved->nodes, i);
    return 0;
}

char *rift_window_target(const struct rift_window *window, size_t node_count,
                         const char *const *names)
{
    const struct rift_fault_variant *what = &window->what;
    struct rift_text text = {0};
    if (what->fault->scope != RIFT_FAULT_ON_LINKS) {
        rift_target_print(&what->target, node_count, names, &text);
    } else if (what->grudge != RIFT_GRUDGE_EXPLICIT) {
        rift_text_append(&text, rift_grudge_words[what->grudge]);
    } else {
        json_t *json = rift_grudge_to_json(what->explicit_grudge, names);
        char *grudge = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
        rift_text_append(&text, grudge ? grudge : "{}");
        free(grudge);
        json_decref(json);
    }
    return rift_text_take(&text);
}

json_t *rift_window_to_json(const struct rift_window *window, size_t node_count,
                            const char *const *names)
{
    CLEANUP(rift_free) char *target = rift_window_target(window, node_count, names);
    json_t *json = json_object();
    json_object_set_new(json, "fault", json_string(window->what.fault->name));
    json_object_set_new(json, "lane", json_string(window->lane));
    json_object_set_new(json, "target", json_string(target));
    json_object_set_new(json, "start_s", json_real((double)window->start_ns / 1e9));
    json_object_set_new(json, "for_s", json_real((double)window->length_ns / 1e9));
    json_object_set_new(json, "options", json_deep_copy(window->what.options));
    if (window->vary_ns > 0)
        json_object_set_new(json, "vary_s", json_real((double)window->vary_ns / 1e9));
    return json;
}

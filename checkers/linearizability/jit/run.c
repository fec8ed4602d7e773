#include "checkers/linearizability/jit/run.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/jit/open.h"
#include "checkers/linearizability/jit/order.h"
#include "common/memory.h"

enum {
    CHECKPOINT_EVENTS = 16,
    BACK_EVENTS_FIRST = 64, /* how far the first return goes; each further one four times as far */
    WIDE_EVENTS = 128,      /* past the death: then the beam is narrow again */
    CLOSURE_PER_WIDTH = 64, /* configurations of one step, for each of the beam */
    SLACK_FIRST = 0,
    WIDTH_MAX = 1 << 20,
    THIN_COUNT = 512, /* so many more checkpoints than were kept before are thinned out */
    THIN_NEAR_EVENTS = 4096,
    THIN_FAR_EVENTS = 65536,
};

/* The walk as it was before an event. */
struct jit_checkpoint {
    uint32_t event, count;
    bool is_cut;
    char *data; /* configurations; holds their trails */
    struct jit_open open;
};

void jit_run_init(struct jit_run *run, const struct jit_plan *plan, bool is_relaxed,
                  const struct rift_limits *limits)
{
    *run = (struct jit_run){.limits = *limits, .thin_at = THIN_COUNT};
    jit_walk_init(&run->walk, plan, is_relaxed, &run->limits);
}

static void checkpoint_drop(struct jit_run *run, struct jit_checkpoint *checkpoint)
{
    size_t stride = run->walk.current.stride;
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        const struct jit_config *config =
            (const struct jit_config *)(const void *)(checkpoint->data + i * stride);
        jit_trail_release(&run->walk.trail, config->trail);
    }
    free(checkpoint->data);
    jit_open_finish(&checkpoint->open);
}

void jit_run_finish(struct jit_run *run)
{
    for (uint32_t i = 0; i < run->checkpoint_count; i++) {
        free(run->checkpoints[i].data);
        jit_open_finish(&run->checkpoints[i].open);
    }
    free(run->checkpoints);
    jit_walk_finish(&run->walk);
}

/* The older, the fewer; the last one before anything was left out always stays. */
static void checkpoints_thin(struct jit_run *run)
{
    uint32_t now = run->walk.event, kept = 0;
    for (uint32_t i = 0; i < run->checkpoint_count; i++) {
        struct jit_checkpoint *it = &run->checkpoints[i];
        uint32_t age = now - it->event;
        uint32_t every = age > THIN_FAR_EVENTS ? 4096 : age > THIN_NEAR_EVENTS ? 256 : 1;
        bool is_last_whole =
            !it->is_cut && (i + 1 == run->checkpoint_count || run->checkpoints[i + 1].is_cut);
        if (it->event % every < CHECKPOINT_EVENTS || is_last_whole || it->event == 0) {
            if (kept < i)
                run->checkpoints[kept] = *it;
            kept++;
        } else {
            checkpoint_drop(run, it);
        }
    }
    run->checkpoint_count = kept;
    run->thin_at = kept + THIN_COUNT;
}

static void checkpoint_save(struct jit_run *run)
{
    struct jit_walk *walk = &run->walk;
    if (run->checkpoint_count > 0 &&
        run->checkpoints[run->checkpoint_count - 1].event >= walk->event)
        return;
    if (run->checkpoint_count >= run->thin_at)
        checkpoints_thin(run);
    if (run->checkpoint_count == run->checkpoint_capacity) {
        run->checkpoint_capacity = run->checkpoint_capacity ? run->checkpoint_capacity * 2 : 4;
        run->checkpoints =
            rift_reallocarray(run->checkpoints, run->checkpoint_capacity, sizeof *run->checkpoints);
    }
    struct jit_checkpoint *it = &run->checkpoints[run->checkpoint_count++];
    size_t bytes = walk->current.count * walk->current.stride;
    *it = (struct jit_checkpoint){.event = walk->event,
                                  .count = walk->current.count,
                                  .is_cut = walk->is_cut,
                                  .data = rift_malloc(bytes)};
    memcpy(it->data, walk->current.data, bytes);
    jit_open_init(&it->open, walk->open.class_end);
    jit_open_copy(&it->open, &walk->open);
    for (uint32_t i = 0; i < walk->current.count; i++)
        jit_trail_hold(&walk->trail, jit_set_at(&walk->current, i)->trail);
}

/* walk becomes what the checkpoint says; the trails are held by walk's own nodes. */
static void checkpoint_load(struct jit_walk *walk, const struct jit_checkpoint *checkpoint)
{
    size_t stride = walk->current.stride;
    jit_set_release(&walk->current, &walk->trail);
    bool is_cut = false;
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        memcpy(walk->scratch, checkpoint->data + i * stride, stride);
        jit_set_add(&walk->current, walk->scratch, NULL, JIT_KEEP_ALL, &walk->trail, &is_cut);
    }
    jit_open_copy(&walk->open, &checkpoint->open);
    walk->event = checkpoint->event;
    walk->is_cut = checkpoint->is_cut;
}

/* To the last checkpoint at or before the event; later ones are forgotten. */
static void go_back(struct jit_run *run, uint32_t event)
{
    while (run->checkpoint_count > 1 && run->checkpoints[run->checkpoint_count - 1].event > event)
        checkpoint_drop(run, &run->checkpoints[--run->checkpoint_count]);
    checkpoint_load(&run->walk, &run->checkpoints[run->checkpoint_count - 1]);
    run->restarts++;
}

/* From the second return on, rival ways of using crashed ops are kept beside each other. */
static void set_width(struct jit_walk *walk, uint32_t width, uint32_t level)
{
    walk->keep = level < 2 ? JIT_KEEP_SINGLE : JIT_KEEP_ALL;
    walk->width = width;
    walk->slack = SLACK_FIRST + 2 * level;
    walk->closure_max = width * CLOSURE_PER_WIDTH;
}

static enum rift_answer finish_valid(struct jit_run *run, struct rift_certificate *certificate)
{
    const struct jit_walk *walk = &run->walk;
    jit_order_write(walk, jit_set_at(&walk->current, 0)->trail, certificate);
    return RIFT_ANSWER_VALID;
}

enum rift_answer jit_run_beam(struct jit_run *run, uint32_t width, uint64_t work_max,
                              struct rift_certificate *certificate)
{
    struct jit_walk *walk = &run->walk;
    walk->work_max = work_max;
    if (walk->width == UINT32_MAX)
        set_width(walk, width, 0);
    while (walk->event < walk->problem->event_count) {
        if (walk->event % CHECKPOINT_EVENTS == 0)
            checkpoint_save(run);
        if (walk->width > width && walk->event > run->wide_until)
            set_width(walk, width, 0);
        enum jit_step step = jit_walk_step(walk);
        if (walk->event > run->reached)
            run->reached = walk->event;
        if (step == JIT_STEP_ALIVE)
            continue;
        if (step == JIT_STEP_SPENT)
            return RIFT_ANSWER_NONE;
        certificate->moment = walk->event;
        certificate->is_moment_first = true;
        if (!walk->is_cut)
            return RIFT_ANSWER_INVALID;
        bool is_again = run->level > 0 && walk->event <= run->wide_until - WIDE_EVENTS;
        run->level = is_again ? run->level + 1 : 1;
        if ((uint64_t)width << 2 * run->level > WIDTH_MAX) {
            run->is_exhausted = true;
            return RIFT_ANSWER_NONE;
        }
        if (!is_again)
            run->wide_until = walk->event + WIDE_EVENTS;
        uint64_t back = (uint64_t)BACK_EVENTS_FIRST << 2 * (run->level - 1);
        set_width(walk, width << 2 * run->level, run->level);
        go_back(run, back < walk->event ? walk->event - (uint32_t)back : 0);
    }
    return finish_valid(run, certificate);
}

void jit_run_start_from(struct jit_run *run, const struct jit_run *beam)
{
    uint32_t last = beam->checkpoint_count;
    while (last > 0 && beam->checkpoints[last - 1].is_cut)
        last--;
    /* Ids of states mean nothing in another walk, unless they are values. */
    if (last == 0 || !run->walk.plan->is_register)
        return;
    struct jit_trail *trail = &run->walk.trail;
    const struct jit_trail *source = &beam->walk.trail;
    jit_set_release(&run->walk.current, trail);
    trail->nodes = rift_reallocarray(trail->nodes, source->capacity, sizeof *trail->nodes);
    memcpy(trail->nodes, source->nodes, source->count * sizeof *trail->nodes);
    trail->count = source->count;
    trail->capacity = source->capacity;
    trail->free_head = source->free_head;
    checkpoint_load(&run->walk, &beam->checkpoints[last - 1]);
}

enum rift_answer jit_run_exact(struct jit_run *run, uint64_t work_max,
                               struct rift_certificate *certificate)
{
    struct jit_walk *walk = &run->walk;
    walk->keep = JIT_KEEP_ALL;
    walk->work_max = work_max;
    while (walk->event < walk->problem->event_count) {
        enum jit_step step = jit_walk_step(walk);
        if (walk->event > run->reached)
            run->reached = walk->event;
        if (step == JIT_STEP_SPENT)
            return RIFT_ANSWER_NONE;
        if (step == JIT_STEP_DEAD) {
            certificate->moment = walk->event;
            certificate->is_moment_first = !walk->is_relaxed;
            return RIFT_ANSWER_INVALID;
        }
    }
    return walk->is_relaxed ? RIFT_ANSWER_NONE : finish_valid(run, certificate);
}

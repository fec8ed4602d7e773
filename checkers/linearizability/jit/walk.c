/* How a register's walk stays narrow:
 *   - an observer whose answer fits is done at once;
 *   - a write may be put just before another one that is put in later ("killed"): a configuration
 *     remembers only when a write was last put in, and a completed write invoked before that is
 * content;
 *   - a write is put in only where somebody open waits for its value, where it is the one that
 *     completes, or where it kills the one that completes and its own value may be seen later; and
 * never after a write of the same step that nobody looked at: the first would be a killed one;
 *   - of updates with the same call the earliest deadline goes first, crashed ones last;
 *   - crashed ops are counted by class.
 * Other models use the last two alone. */
#include "checkers/linearizability/jit/walk.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/jit/open.h"
#include "common/memory.h"

void jit_walk_init(struct jit_walk *walk, const struct jit_plan *plan, bool is_relaxed,
                   const struct rift_limits *limits)
{
    *walk = (struct jit_walk){
        .plan = plan,
        .problem = plan->problem,
        .is_relaxed = is_relaxed,
        .keep = JIT_KEEP_ALL,
        .width = UINT32_MAX,
        .closure_max = UINT32_MAX,
        .slack = UINT32_MAX,
        .work_max = UINT64_MAX,
        .limits = limits,
    };
    uint32_t slots = is_relaxed ? 0 : plan->class_slots;
    walk->states = rift_states_create();
    jit_trail_init(&walk->trail);
    jit_set_init(&walk->current, slots);
    jit_set_init(&walk->next, slots);
    jit_set_init(&walk->closure, slots);
    jit_open_init(&walk->open, plan->class_slots);
    walk->scratch = rift_calloc(1, walk->current.stride);
    walk->from = rift_calloc(1, walk->current.stride);
    walk->is_free = rift_calloc(plan->problem->value_count + 1, sizeof *walk->is_free);
    walk->scratch->state = plan->problem->model->start(plan->problem, walk->states);
    walk->scratch->trail = JIT_TRAIL_START;
    bool is_cut = false;
    jit_set_add(&walk->current, walk->scratch, NULL, JIT_KEEP_ALL, &walk->trail, &is_cut);
}

void jit_walk_finish(struct jit_walk *walk)
{
    rift_states_destroy(walk->states);
    jit_trail_finish(&walk->trail);
    jit_set_finish(&walk->current);
    jit_set_finish(&walk->next);
    jit_set_finish(&walk->closure);
    jit_open_finish(&walk->open);
    free(walk->scratch);
    free(walk->from);
    free(walk->is_free);
}

size_t jit_walk_size_bytes(const struct jit_walk *walk)
{
    return jit_set_size_bytes(&walk->current) + jit_set_size_bytes(&walk->next) +
           jit_set_size_bytes(&walk->closure) + walk->trail.capacity * sizeof *walk->trail.nodes +
           rift_states_size_bytes(walk->states);
}

/* The op that completes, for which configurations are being found. */
struct target {
    uint32_t op;
    uint64_t bit;
    bool is_observer;
    bool is_write;      /* a register's plain write: may be killed */
    bool is_seen_later; /* it may matter that its value is the last one */
};

static const struct rift_call *update_call(const struct jit_walk *walk, int slot)
{
    return &walk->problem->ops[walk->open.update_op[slot]].call;
}

static uint32_t canonical(const struct jit_walk *walk, uint32_t value)
{
    return walk->is_relaxed && walk->is_free[value] ? JIT_STATE_ANY : value;
}

static bool has_value(const struct jit_walk *walk, uint32_t state, uint32_t value)
{
    return state == value || (state == JIT_STATE_ANY && walk->is_relaxed && walk->is_free[value]);
}

static bool observer_fits(const struct jit_walk *walk, uint32_t state, const struct rift_call *call)
{
    if (!walk->plan->is_register)
        return walk->problem->model->step(walk->problem, walk->states, state, call, 0) !=
               RIFT_STATE_NONE;
    if (call->kind == RIFT_CALL_CAS_FAILED)
        return state != call->a;
    return has_value(walk, state, call->a);
}

/* The state after the update, RIFT_STATE_NONE where it cannot happen. */
static uint32_t state_after(const struct jit_walk *walk, uint32_t state,
                            const struct rift_call *call)
{
    if (!walk->plan->is_register)
        return walk->problem->model->step(walk->problem, walk->states, state, call, 0);
    if (call->kind == RIFT_CALL_WRITE)
        return canonical(walk, call->a);
    return has_value(walk, state, call->a) ? canonical(walk, call->b) : RIFT_STATE_NONE;
}

/* Answers every open observer that the state fits. */
static void absorb(const struct jit_walk *walk, struct jit_config *config)
{
    for (uint64_t rest = walk->open.observers & ~config->seen; rest; rest &= rest - 1) {
        int slot = __builtin_ctzll(rest);
        const struct rift_call *call = &walk->problem->ops[walk->open.observer_op[slot]].call;
        if (!observer_fits(walk, config->state, call))
            continue;
        config->seen |= UINT64_C(1) << slot;
        config->is_fresh = false;
    }
}

/* Puts a copy of config where it belongs; true where it has to go on. put: as in jit_set_add. */
static bool classify(struct jit_walk *walk, const struct target *target, struct jit_config *config,
                     struct jit_put *put)
{
    bool is_done = (target->is_observer ? config->seen : config->used) & target->bit;
    bool is_killed =
        target->is_write && !is_done && config->last_write > walk->problem->ops[target->op].invoke;
    bool goes_on = !is_done && (!is_killed || target->is_seen_later);
    if (is_done || is_killed) {
        bool was_fresh = config->is_fresh;
        uint64_t used = config->used, seen = config->seen;
        if (target->is_observer)
            config->seen &= ~target->bit;
        else
            config->used &= ~target->bit;
        config->is_fresh = false;
        jit_set_add(&walk->next, config, put, walk->keep, &walk->trail, &walk->is_cut);
        config->is_fresh = was_fresh;
        config->used = used;
        config->seen = seen;
    }
    return goes_on;
}

/* Relaxed: where any value can be set at will, a write can be put in at any moment for nothing. */
static void refresh_any(const struct jit_walk *walk, struct jit_config *config)
{
    if (walk->is_relaxed && config->state == JIT_STATE_ANY)
        config->last_write = walk->event + 1;
}

/* Answers the observers that wait for the value that was just set. */
static void answer(const struct jit_walk *walk, struct jit_config *config, uint64_t readers)
{
    uint64_t answered = readers & walk->open.observers & ~config->seen;
    config->seen |= answered;
    config->is_fresh = config->is_fresh && !answered;
}

/* Takes scratch over: into the next set, the closure, or both. readers: of the call put in, where
 * the object is a register. */
static void settle(struct jit_walk *walk, const struct target *target, uint64_t readers)
{
    walk->work++;
    refresh_any(walk, walk->scratch);
    if (walk->plan->is_register && !walk->is_relaxed)
        answer(walk, walk->scratch, readers);
    else
        absorb(walk, walk->scratch);
    if (!classify(walk, target, walk->scratch, &walk->put))
        return;
    if (walk->closure.count < walk->closure_max)
        jit_set_add(&walk->closure, walk->scratch, &walk->put, JIT_KEEP_QUEUE, &walk->trail,
                    &walk->is_cut);
    else
        walk->is_cut = true;
}

/* scratch becomes walk->from in a new state. */
static void move_to(struct jit_walk *walk, uint32_t state, const struct rift_call *call,
                    uint32_t what, bool is_class)
{
    memcpy(walk->scratch, walk->from, walk->current.stride);
    walk->scratch->state = state;
    walk->scratch->is_fresh = false;
    if (walk->plan->is_register && call->kind == RIFT_CALL_WRITE) {
        walk->scratch->last_write = walk->event + 1;
        walk->scratch->is_fresh = true;
    }
    walk->put = (struct jit_put){what, is_class, walk->event, 0};
}

/* Somebody open waits for the value: these ops, or a crashed cas that leads on to such a value. */
static bool is_value_wanted(const struct jit_walk *walk, uint64_t readers, uint64_t cassers,
                            uint64_t cas_after)
{
    const struct jit_config *from = walk->from;
    return (readers & walk->open.observers & ~from->seen) ||
           (cassers & walk->open.updates & ~from->used) || (cas_after & walk->useful_cas);
}

static bool has_supply(const struct jit_walk *walk, uint32_t c)
{
    return walk->is_relaxed || (walk->from->counts[c] < walk->open.classes[c].supply &&
                                walk->from->counts[c] < UINT16_MAX);
}

/* A crashed cas is worth trying only if it leads, through others perhaps, to a value that is
 * wanted. */
static void find_useful_cas(struct jit_walk *walk)
{
    const struct jit_open *open = &walk->open;
    walk->useful_cas = open->class_end > JIT_CLASS_BIT_SHARED ? jit_class_bit(JIT_CLASSES_MAX) : 0;
    for (bool is_growing = true; is_growing;) {
        is_growing = false;
        for (uint32_t c = 0; c < open->class_end; c++) {
            const struct jit_open_class *it = &open->classes[c];
            if (it->class == RIFT_EVENT_NEVER || (walk->useful_cas & jit_class_bit(c)) ||
                walk->plan->classes[it->class].call.kind != RIFT_CALL_CAS || !has_supply(walk, c) ||
                !is_value_wanted(walk, it->readers, it->cassers, it->cas_after))
                continue;
            walk->useful_cas |= jit_class_bit(c);
            is_growing = true;
        }
    }
}

/* Whether a plain write of this value is worth putting in. */
static bool is_write_wanted(const struct jit_walk *walk, const struct target *target,
                            uint32_t value, uint64_t readers, uint64_t cassers, uint64_t cas_after)
{
    if (walk->from->is_fresh)
        return false;
    bool kills =
        target->is_write && walk->from->last_write <= walk->problem->ops[target->op].invoke;
    return (kills && walk->plan->last_seen[value] > walk->event) ||
           is_value_wanted(walk, readers, cassers, cas_after);
}

static void try_updates(struct jit_walk *walk, const struct target *target)
{
    const struct jit_open *open = &walk->open;
    for (uint64_t rest = open->updates & ~walk->from->used; rest; rest &= rest - 1) {
        int slot = __builtin_ctzll(rest);
        const struct rift_call *call = update_call(walk, slot);
        if (open->earlier[slot] & open->updates & ~walk->from->used)
            continue;
        bool is_target = open->update_op[slot] == target->op;
        if (walk->plan->is_register && call->kind == RIFT_CALL_WRITE &&
            (is_target ? walk->from->is_fresh
                       : !is_write_wanted(walk, target, call->a, open->readers[slot],
                                          open->cassers[slot], open->cas_after[slot])))
            continue;
        uint32_t state = state_after(walk, walk->from->state, call);
        if (state == RIFT_STATE_NONE)
            continue;
        move_to(walk, state, call, open->update_op[slot], false);
        walk->scratch->used |= UINT64_C(1) << slot;
        settle(walk, target, open->readers[slot]);
    }
}

/* A crashed op is worth trying only for its effect, and after completed ones of the same call. */
static bool is_class_wanted(const struct jit_walk *walk, const struct target *target, uint32_t c,
                            const struct rift_call *call)
{
    const struct jit_open *open = &walk->open;
    if (open->classes[c].same & open->updates & ~walk->from->used)
        return false;
    if (!has_supply(walk, c))
        return false;
    if (!walk->plan->is_register)
        return true;
    const struct jit_open_class *it = &open->classes[c];
    if (call->kind == RIFT_CALL_WRITE)
        return is_write_wanted(walk, target, call->a, it->readers, it->cassers, it->cas_after);
    return walk->useful_cas & jit_class_bit(c);
}

static void try_classes(struct jit_walk *walk, const struct target *target)
{
    const struct jit_open *open = &walk->open;
    for (uint32_t c = 0; c < open->class_end; c++) {
        uint32_t class = open->classes[c].class;
        if (class == RIFT_EVENT_NEVER)
            continue;
        const struct rift_call *call = &walk->plan->classes[class].call;
        if (walk->is_relaxed && call->kind == RIFT_CALL_WRITE)
            continue;
        if (!is_class_wanted(walk, target, c, call))
            continue;
        uint32_t state = state_after(walk, walk->from->state, call);
        /* A write of the value that is there already still kills other writes. */
        bool changes = state != walk->from->state || call->kind == RIFT_CALL_WRITE;
        if (state == RIFT_STATE_NONE || !changes)
            continue;
        move_to(walk, state, call, class, true);
        if (!walk->is_relaxed) {
            walk->scratch->counts[c]++;
            walk->scratch->crashed++;
        }
        settle(walk, target, open->classes[c].readers);
    }
}

/* Relaxed: any value that crashed ops can set at will, chosen when somebody looks. */
static void try_any(struct jit_walk *walk, const struct target *target)
{
    const struct jit_config *from = walk->from;
    if (!walk->has_free || from->state == JIT_STATE_ANY || from->is_fresh)
        return;
    bool is_wanted = target->is_write && from->last_write <= walk->problem->ops[target->op].invoke;
    for (uint64_t rest = walk->open.observers & ~from->seen; rest && !is_wanted; rest &= rest - 1)
        is_wanted =
            walk->is_free[walk->problem->ops[walk->open.observer_op[__builtin_ctzll(rest)]].call.a];
    for (uint64_t rest = walk->open.updates & ~from->used; rest && !is_wanted; rest &= rest - 1) {
        const struct rift_call *call = update_call(walk, __builtin_ctzll(rest));
        is_wanted = call->kind == RIFT_CALL_CAS && walk->is_free[call->a];
    }
    if (!is_wanted)
        return;
    static const struct rift_call write = {RIFT_CALL_WRITE, 0, 0};
    move_to(walk, JIT_STATE_ANY, &write, 0, true);
    settle(walk, target, 0);
}

/* The limits are looked at once in a while: a step may make very many configurations. */
static bool is_spent(struct jit_walk *walk)
{
    /* Eight comparisons count as one op put in. */
    walk->work += (walk->closure.compared + walk->next.compared) / 8;
    walk->closure.compared = walk->next.compared = 0;
    if (walk->work > walk->work_max)
        return true;
    if (walk->work < walk->next_look)
        return false;
    walk->next_look = walk->work + 512;
    return rift_limits_are_spent(walk->limits) ||
           jit_walk_size_bytes(walk) > walk->limits->memory_bytes;
}

/* Tries everything from entry i of the closure. */
static void close_entry(struct jit_walk *walk, const struct target *target, uint32_t i)
{
    memcpy(walk->from, jit_set_at(&walk->closure, i), walk->current.stride);
    if (walk->plan->is_register)
        find_useful_cas(walk);
    try_updates(walk, target);
    try_classes(walk, target);
    if (walk->is_relaxed)
        try_any(walk, target);
}

static uint32_t fewest_crashed(const struct jit_set *set)
{
    uint32_t fewest = UINT32_MAX;
    for (uint32_t i = 0; i < set->count; i++)
        if (jit_set_at(set, i)->crashed < fewest)
            fewest = jit_set_at(set, i)->crashed;
    return fewest;
}

/* Goes through the closure, ways with fewer crashed ops first; a beam stops once it has found
 * enough. False where work or limits are spent. */
static bool close_step(struct jit_walk *walk, const struct target *target)
{
    uint32_t passed = walk->next.count, level = 0;
    for (uint32_t next_level; level != UINT32_MAX; level = next_level) {
        uint32_t enough = fewest_crashed(&walk->next);
        if (level > enough && level - enough > walk->slack) {
            walk->is_cut = true;
            return true;
        }
        next_level = UINT32_MAX;
        for (uint32_t i = 0; i < walk->closure.count; i++) {
            uint32_t crashed = jit_set_at(&walk->closure, i)->crashed;
            if (crashed > level && crashed < next_level)
                next_level = crashed;
            if (crashed != level)
                continue;
            close_entry(walk, target, i);
            if (is_spent(walk))
                return false;
            if (walk->next.count - passed >= walk->width) {
                walk->is_cut = true;
                return true;
            }
        }
    }
    return true;
}

static enum jit_step complete(struct jit_walk *walk, uint32_t op)
{
    const struct jit_plan *plan = walk->plan;
    const struct rift_call *call = &walk->problem->ops[op].call;
    struct target target = {
        .op = op,
        .bit = UINT64_C(1) << plan->slot[op],
        .is_observer = plan->is_observer[op],
        .is_write = plan->is_register && call->kind == RIFT_CALL_WRITE,
    };
    target.is_seen_later = target.is_write && plan->last_seen[call->a] > walk->event;
    for (uint32_t i = 0; i < walk->current.count; i++) {
        struct jit_config *config = jit_set_at(&walk->current, i);
        refresh_any(walk, config);
        if (classify(walk, &target, config, NULL))
            jit_set_add(&walk->closure, config, NULL, JIT_KEEP_QUEUE, &walk->trail, &walk->is_cut);
    }
    bool was_spent = !close_step(walk, &target);
    jit_set_release(&walk->closure, &walk->trail);
    if (was_spent || walk->next.count == 0) {
        jit_set_release(&walk->next, &walk->trail);
        return was_spent ? JIT_STEP_SPENT : JIT_STEP_DEAD;
    }
    if (jit_set_trim(&walk->next, walk->width, &walk->trail))
        walk->is_cut = true;
    jit_set_release(&walk->current, &walk->trail);
    struct jit_set swap = walk->current;
    walk->current = walk->next;
    walk->next = swap;
    return JIT_STEP_ALIVE;
}

/* More values can be set at will; configurations that hold one of them become "any". */
static void free_values(struct jit_walk *walk)
{
    bool is_changed = false, is_growing = true;
    while (is_growing) {
        is_growing = false;
        for (uint32_t c = 0; c < walk->open.class_end; c++) {
            uint32_t class = walk->open.classes[c].class;
            if (class == RIFT_EVENT_NEVER)
                continue;
            const struct rift_call *call = &walk->plan->classes[class].call;
            bool is_cas = call->kind == RIFT_CALL_CAS;
            uint32_t value = is_cas ? call->b : call->a;
            if (walk->is_free[value] || (is_cas && !walk->is_free[call->a]))
                continue;
            walk->is_free[value] = walk->has_free = true;
            is_growing = is_changed = true;
        }
    }
    for (uint32_t i = 0; is_changed && i < walk->current.count; i++) {
        struct jit_config *config = jit_set_at(&walk->current, i);
        if (config->state != JIT_STATE_ANY)
            config->state = canonical(walk, config->state);
        absorb(walk, config);
    }
}

static void invoke(struct jit_walk *walk, uint32_t op)
{
    const struct jit_plan *plan = walk->plan;
    bool is_crashed = walk->problem->ops[op].complete == RIFT_EVENT_NEVER;
    jit_open_invoke(&walk->open, plan, op);
    if (is_crashed && walk->is_relaxed && plan->class[op] != RIFT_EVENT_NEVER)
        free_values(walk);
    if (is_crashed || !plan->is_observer[op])
        return;
    const struct rift_call *call = &walk->problem->ops[op].call;
    uint64_t bit = UINT64_C(1) << plan->slot[op];
    for (uint32_t i = 0; i < walk->current.count; i++) {
        struct jit_config *config = jit_set_at(&walk->current, i);
        if (observer_fits(walk, config->state, call))
            config->seen |= bit;
    }
}

/* Nobody can see the values of these crashed ops any more: how many were used is forgotten. */
static void end_classes(struct jit_walk *walk)
{
    const struct jit_plan *plan = walk->plan;
    for (uint32_t class = plan->dying[walk->event]; class != RIFT_EVENT_NEVER;
         class = plan->next_dying[class]) {
        uint16_t slot = plan->classes[class].slot;
        jit_open_end_class(&walk->open, plan, class);
        for (uint32_t i = 0; !walk->is_relaxed && i < walk->current.count; i++) {
            struct jit_config *config = jit_set_at(&walk->current, i);
            config->crashed -= config->counts[slot];
            config->counts[slot] = 0;
        }
    }
}

enum jit_step jit_walk_step(struct jit_walk *walk)
{
    uint32_t op = walk->plan->event_op[walk->event];
    if (walk->problem->ops[op].invoke == walk->event) {
        invoke(walk, op);
    } else {
        enum jit_step step = complete(walk, op);
        if (step != JIT_STEP_ALIVE)
            return step;
        jit_open_complete(&walk->open, walk->plan, op);
        end_classes(walk);
    }
    walk->event++;
    return JIT_STEP_ALIVE;
}

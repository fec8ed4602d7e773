#include "nemesis/faults/network/link_class.h"

#include "common/clock.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/link_program.h"

enum { DRAIN_MS = 100 }; /* the agent waits meanwhile, and several links may be healed one by one */

struct class_search {
    json_int_t first, count;
    bool is_moved;
};

static void class_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct class_search *search = context;
    const json_t *classes = json_object_get(undo, "classes");
    json_int_t first = json_integer_value(json_array_get(classes, 0));
    json_int_t end = first + json_integer_value(json_array_get(classes, 1));
    if (first > 0 && search->first < end && first < search->first + search->count) {
        search->first = end;
        search->is_moved = true;
    }
}

int rift_link_classes_plan(struct rift_injection *injection, const struct rift_target *target,
                           const char *ledger, struct rift_error *err)
{
    struct class_search search = {.first = 1, .count = (json_int_t)target->peer_count};
    if (!ledger) /* a trial, which must not take the classes of a fault that is on */
        search.first = RIFT_SHAPE_CLASSES_MAX - search.count;
    do {
        search.is_moved = false;
        if (ledger)
            rift_ledger_visit(ledger, class_visit, &search);
    } while (search.is_moved);
    if (search.first + search.count > RIFT_SHAPE_CLASSES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "link: more than %d links are slowed down at once",
                         RIFT_SHAPE_CLASSES_MAX);
    json_object_set_new(injection->undo, "classes",
                        json_pack("[I, I]", search.first, search.count));
    return 0;
}

struct mark_search {
    json_int_t number;
    bool is_taken;
};

static void mark_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct mark_search *search = context;
    search->is_taken |= json_integer_value(json_object_get(undo, "mark")) == search->number;
}

void rift_link_mark_plan(struct rift_injection *injection, const char *ledger)
{
    struct mark_search search = {.number = 0};
    do {
        search = (struct mark_search){.number = search.number + 1};
        if (ledger)
            rift_ledger_visit(ledger, mark_visit, &search);
    } while (search.is_taken && search.number < RIFT_LINK_MARKS_MAX);
    json_object_set_new(injection->undo, "mark", json_integer(search.number));
}

uint32_t rift_link_mark_of(const json_t *undo)
{
    return RIFT_LINK_MARK | (uint32_t)json_integer_value(json_object_get(undo, "mark"));
}

int rift_link_class_number(const json_t *undo, size_t peer)
{
    const json_t *classes = json_object_get(undo, "classes");
    return (int)json_integer_value(json_array_get(classes, 0)) + (int)peer;
}

static int work_set_class(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    const struct rift_link_class *work = context;
    return rift_shape_set(tc, interface, work->number, &work->quality, work->has_netem, err);
}

static int work_count_class(struct rift_tc *tc, int interface, void *context,
                            struct rift_error *err)
{
    struct rift_link_class *work = context;
    return rift_shape_count(tc, interface, work->number, &work->counts, err);
}

static int work_remove_classes(struct rift_tc *tc, int interface, void *context,
                               struct rift_error *err)
{
    const json_t *classes = context;
    int first = (int)json_integer_value(json_array_get(classes, 0));
    int end = first + (int)json_integer_value(json_array_get(classes, 1));
    for (int number = first; number < end; number++)
        if (rift_shape_remove(tc, interface, number, err))
            return -1;
    return 0;
}

int rift_link_class_set(const json_t *undo, struct rift_link_class *class, struct rift_error *err)
{
    return rift_interfaces_each(undo, work_set_class, class, err);
}

int rift_link_class_count(const json_t *undo, struct rift_link_class *class, struct rift_error *err)
{
    return rift_interfaces_each(undo, work_count_class, class, err);
}

static int work_release_classes(struct rift_tc *tc, int interface, void *context,
                                struct rift_error *err)
{
    struct rift_link_class *work = context;
    return rift_shape_release(tc, interface, work->number, err) ||
                   rift_shape_count(tc, interface, work->number, &work->counts, err)
               ? -1
               : 0;
}

/* A class takes along what waits in it, and nothing comes to it any more. What netem has dated it
 * keeps until then, so a longer delay than DRAIN_MS loses packets. */
static int drain_classes(const json_t *undo, json_int_t first, json_int_t count,
                         struct rift_error *err)
{
    int64_t end = rift_clock_now() + DRAIN_MS * RIFT_MS;
    uint64_t waiting;
    do {
        waiting = 0;
        for (json_int_t i = 0; i < count; i++) {
            struct rift_link_class work = {.number = (int)(first + i)};
            if (rift_interfaces_each(undo, work_release_classes, &work, err))
                return -1;
            waiting += work.counts.waiting;
        }
        if (waiting > 0)
            rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    } while (waiting > 0 && rift_clock_now() < end);
    return 0;
}

int rift_link_classes_remove(const json_t *undo, struct rift_error *err)
{
    json_t *classes = json_object_get(undo, "classes");
    if (!classes)
        return 0;
    int rc = drain_classes(undo, json_integer_value(json_array_get(classes, 0)),
                           json_integer_value(json_array_get(classes, 1)), err);
    return rift_interfaces_each(undo, work_remove_classes, classes, err) ? -1 : rc;
}

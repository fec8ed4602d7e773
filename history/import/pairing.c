/* Pairing by what fits, for the few histories that need it. */
#include "history/import/pairing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { OPEN_MAX = 4096, FIRST_FREE = 1000000000 };

void rift_pairing_init(struct rift_pairing *pairing, struct rift_builder *builder)
{
    *pairing = (struct rift_pairing){.builder = builder, .next_free = FIRST_FREE};
}

void rift_pairing_finish(struct rift_pairing *pairing)
{
    free(pairing->open);
    *pairing = (struct rift_pairing){0};
}

static bool txns_fit(const struct rift_values *values, struct rift_value asked,
                     struct rift_value answered)
{
    size_t count = rift_value_count(values, asked);
    if (count != rift_value_count(values, answered))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct rift_value a = rift_value_item(values, asked, i);
        struct rift_value b = rift_value_item(values, answered, i);
        bool is_blank = i % 3 == 2 && (rift_value_is_nil(a) || rift_value_is_nil(b));
        if (!is_blank && !rift_value_equal(values, a, b))
            return false;
    }
    return true;
}

/* Whether the completion can be that of the operation which a process has open. */
static bool fits(const struct rift_pairing *pairing, int32_t process,
                 const struct rift_event *event)
{
    const struct rift_values *values = rift_builder_values(pairing->builder);
    const char *f = NULL;
    struct rift_value asked;
    if (!rift_builder_is_open(pairing->builder, process, &f, &asked))
        return false;
    if (event->f && *event->f && strcmp(event->f, f) != 0)
        return false;
    if (rift_value_is_nil(asked) || rift_value_is_nil(event->value))
        return true;
    if (rift_value_kind(values, asked) == RIFT_TXN &&
        rift_value_kind(values, event->value) == RIFT_TXN)
        return txns_fit(values, asked, event->value);
    return rift_value_equal(values, asked, event->value);
}

static int invoke_apart(struct rift_pairing *pairing, struct rift_event *event,
                        struct rift_error *err)
{
    if (pairing->open_count == OPEN_MAX || pairing->next_free == INT32_MAX)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "more than %d operations without a process of their own are open",
                         OPEN_MAX);
    if (pairing->open_count == pairing->open_capacity) {
        pairing->open_capacity = pairing->open_capacity ? pairing->open_capacity * 2 : 8;
        pairing->open =
            rift_reallocarray(pairing->open, pairing->open_capacity, sizeof *pairing->open);
    }
    int32_t assigned = pairing->next_free++;
    pairing->open[pairing->open_count++] =
        (struct rift_pairing_open){.claimed = event->process, .assigned = assigned};
    event->process = assigned;
    return rift_builder_add(pairing->builder, event, err);
}

static int complete_apart(struct rift_pairing *pairing, struct rift_event *event,
                          struct rift_error *err)
{
    int32_t claimed = event->process;
    size_t found = SIZE_MAX, candidates = 0;
    if (claimed != RIFT_PROCESS_UNNAMED)
        candidates = fits(pairing, claimed, event);
    for (size_t i = 0; i < pairing->open_count; i++) {
        if (pairing->open[i].claimed == claimed &&
            fits(pairing, pairing->open[i].assigned, event)) {
            found = i;
            candidates++;
        }
    }
    if (candidates != 1)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "%s open operations of one process fit this completion of '%s'",
                         candidates ? "two" : "none of the", event->f ? event->f : "");
    if (found != SIZE_MAX) {
        event->process = pairing->open[found].assigned;
        pairing->open[found] = pairing->open[--pairing->open_count];
    }
    return rift_builder_add(pairing->builder, event, err);
}

static bool is_apart(const struct rift_pairing *pairing, int32_t claimed)
{
    for (size_t i = 0; i < pairing->open_count; i++)
        if (pairing->open[i].claimed == claimed)
            return true;
    return false;
}

int rift_pairing_add(struct rift_pairing *pairing, const struct rift_event *given,
                     struct rift_error *err)
{
    struct rift_event event = *given;
    const char *f = NULL;
    struct rift_value asked;
    if (event.process == RIFT_PROCESS_NEMESIS)
        return rift_builder_add(pairing->builder, &event, err);
    if (event.process >= pairing->next_free)
        pairing->next_free = event.process < INT32_MAX ? event.process + 1 : INT32_MAX;
    if (event.type == RIFT_EVENT_INVOKE) {
        if (event.process == RIFT_PROCESS_UNNAMED ||
            rift_builder_is_open(pairing->builder, event.process, &f, &asked))
            return invoke_apart(pairing, &event, err);
        return rift_builder_add(pairing->builder, &event, err);
    }
    if (pairing->open_count && is_apart(pairing, event.process))
        return complete_apart(pairing, &event, err);
    if (event.process == RIFT_PROCESS_UNNAMED) {
        if (pairing->next_free == INT32_MAX)
            return rift_fail(err, RIFT_ERR_LIMIT, "too many operations without a process");
        event.process = pairing->next_free++;
    }
    return rift_builder_add(pairing->builder, &event, err);
}

/* set-full on random small histories, against the definitions of docs/checkers followed literally:
 * for each element, all reads. RIFT_LONG=1: more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum { ELEMENTS = 12, READS_MAX = 16, ITEMS_MAX = 16, NONE = -1 };
enum { LOST, STALE, NEVER_READ, STABLE, DUPLICATED, UNEXPECTED, FINDINGS };

static const char *const findings[FINDINGS] = {"lost",   "stale",      "never_read",
                                               "stable", "duplicated", "unexpected"};

struct sample {
    /* Element e is added once, or never: start 0. */
    struct {
        int64_t start, end;
        enum rift_op_type type;
    } add[ELEMENTS];
    int read_count;
    struct {
        int64_t start, end;
        int count, item[ITEMS_MAX];
    } read[READS_MAX];
    bool is_text; /* elements are texts, of which lists are not packed */
};

/* Reads list the set in the order of adds, and go wrong now and then. */
static void sample_make(struct sample *sample, struct rift_rng *rng)
{
    int set[ITEMS_MAX], set_count = 0, next = 0;
    int64_t now = 1;
    *sample = (struct sample){.is_text = rift_rng_below(rng, 4) == 0};
    int wrong_percent = (int)rift_rng_below(rng, 3) * 15;
    while (sample->read_count < READS_MAX) {
        int64_t start = now += (int64_t)rift_rng_below(rng, 3);
        int64_t end = start + (int64_t)rift_rng_below(rng, 6);
        if (next < ELEMENTS && rift_rng_below(rng, 2)) {
            sample->add[next].start = start;
            sample->add[next].end = end;
            sample->add[next].type = rift_rng_below(rng, 8)   ? RIFT_OP_OK
                                     : rift_rng_below(rng, 2) ? RIFT_OP_INFO
                                                              : RIFT_OP_FAIL;
            set[set_count++] = next++;
            continue;
        }
        int r = sample->read_count++, count = set_count, *item = sample->read[r].item;
        memcpy(item, set, sizeof set);
        sample->read[r].start = start;
        sample->read[r].end = end;
        if ((int)rift_rng_below(rng, 100) < wrong_percent && count > 0) {
            int at = (int)rift_rng_below(rng, (uint64_t)count);
            switch (rift_rng_below(rng, 4)) {
            case 0: /* the end is missing */
                count = at;
                break;
            case 1: /* one is missing, for now or for good */
                memmove(item + at, item + at + 1, (size_t)(count - at - 1) * sizeof *item);
                count--;
                if (rift_rng_below(rng, 2))
                    memcpy(set, item, (size_t)(set_count = count) * sizeof *set);
                break;
            case 2: /* any element, twice or unexpected */
                item[count++] = (int)rift_rng_below(rng, ELEMENTS);
                break;
            default: /* another order */
                item[at] = set[count - 1];
                item[count - 1] = set[at];
            }
        }
        sample->read[r].count = count;
    }
}

static struct rift_value element_value(struct rift_values *values, const struct sample *sample,
                                       int element)
{
    char text[] = {(char)('a' + element), '\0'};
    return sample->is_text ? rift_value_text(values, text, 1) : rift_value_integer(values, element);
}

static void add_op(struct rift_builder *builder, int32_t process, const char *f,
                   struct rift_value argument, enum rift_op_type type, int64_t start, int64_t end,
                   struct rift_value result)
{
    struct rift_event event = {.process = process, .f = f, .value = argument};
    struct rift_error err = {0};
    if (rift_builder_add_op(builder, &event, type, start,
                            type == RIFT_OP_INFO ? RIFT_TIME_NEVER : end, result, &err) != 0)
        fail_msg("%s", err.text);
}

/* Each op has a process of its own. */
static struct rift_history *history_of(const struct sample *sample)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    int32_t process = 0;
    for (int e = 0; e < ELEMENTS; e++)
        if (sample->add[e].start) {
            struct rift_value value = element_value(values, sample, e);
            add_op(builder, process++, "add", value, sample->add[e].type, sample->add[e].start,
                   sample->add[e].end, value);
        }
    for (int r = 0; r < sample->read_count; r++) {
        struct rift_value items[ITEMS_MAX];
        for (int i = 0; i < sample->read[r].count; i++)
            items[i] = element_value(values, sample, sample->read[r].item[i]);
        add_op(builder, process++, "read", RIFT_VALUE_NIL, RIFT_OP_OK, sample->read[r].start,
               sample->read[r].end,
               rift_value_box(values, RIFT_LIST, items, (size_t)sample->read[r].count));
    }
    return rift_builder_finish(builder, NULL);
}

static void judge_element(const struct sample *sample, int e, json_int_t expected[FINDINGS])
{
    bool may_exist = sample->add[e].start && sample->add[e].type != RIFT_OP_FAIL;
    bool is_twice = false, is_unexpected = false, is_anywhere = may_exist;
    int64_t known_at =
        may_exist && sample->add[e].type == RIFT_OP_OK ? sample->add[e].end : INT64_MAX;
    int present = NONE, absent = NONE;
    for (int r = 0; r < sample->read_count; r++) {
        int times = 0;
        for (int i = 0; i < sample->read[r].count; i++)
            times += sample->read[r].item[i] == e;
        *(times ? &present : &absent) = r;
        is_twice |= times > 1;
        is_anywhere |= times > 0;
        if (times && sample->read[r].end < known_at)
            known_at = sample->read[r].end;
        is_unexpected |= times && (!may_exist || sample->add[e].start > sample->read[r].end);
    }
    bool is_missed = absent != NONE && sample->read[absent].start > known_at;
    expected[DUPLICATED] += is_twice;
    expected[UNEXPECTED] += is_unexpected;
    expected[STABLE] += is_anywhere && present > absent;
    expected[STALE] += present > absent && is_missed;
    expected[LOST] += present <= absent && is_missed;
    expected[NEVER_READ] += present == NONE && !is_missed && known_at != INT64_MAX;
}

static void counts_follow_the_definitions(void **state)
{
    (void)state;
    uint64_t rounds = getenv("RIFT_LONG") ? 1000000 : 20000;
    json_int_t total[FINDINGS] = {0};
    struct rift_rng rng;
    rift_rng_init_named(&rng, 1, "set-full");
    for (uint64_t i = 0; i < rounds; i++) {
        struct sample sample;
        json_int_t expected[FINDINGS] = {0};
        sample_make(&sample, &rng);
        for (int e = 0; e < ELEMENTS; e++)
            judge_element(&sample, e, expected);
        struct rift_history *history = history_of(&sample);
        struct rift_verdict verdict = judge("set-full", NULL, history);
        for (int f = 0; f < FINDINGS; f++) {
            json_int_t found =
                json_integer_value(json_object_get(rift_verdict_stats(&verdict), findings[f]));
            if (found != expected[f])
                fail_msg("round %llu, %s: %lld, found %lld", (unsigned long long)i, findings[f],
                         (long long)expected[f], (long long)found);
            total[f] += found;
        }
        rift_verdict_finish(&verdict);
        rift_history_destroy(history);
    }
    for (int f = 0; f < FINDINGS; f++) {
        print_message("%s: %lld\n", findings[f], (long long)total[f]);
        assert_true(total[f] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_follow_the_definitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

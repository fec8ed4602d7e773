/* Circles of operations on logs against a brute force over all simple cycles, and what stands in a
 * log or was polled against every pair of answers. Edges are those of
 * docs/checkers/sessions-and-logs.md: who polled what somebody sent, who stands before whom in a
 * log, and what ended before what began. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/lib/choices.h"
#include "tests/lib/judging.h"

enum { ROUNDS = 40000, OPS_MAX = 6, KEYS = 2, PARTS_MAX = 3 };

/* A message in a send or in the answer of a poll. Values are numbers of their own in each key. */
struct part {
    bool is_poll;
    int key, offset, value;
};

struct log_op {
    int process, start, end;
    enum rift_op_type type;
    int part_count;
    struct part part[PARTS_MAX];
};

struct log_history {
    int count;
    struct log_op op[OPS_MAX];
};

enum edge { WW, WR, PROCESS, REALTIME, EDGE_COUNT };
enum flaw {
    G0,
    G0_PROCESS,
    G0_REALTIME,
    G1C,
    G1C_PROCESS,
    G1C_REALTIME,
    CYCLES,
    INCONSISTENT = CYCLES,
    DUPLICATE,
    G1A,
    PRECOMMITTED,
    GARBAGE,
    FUTURE,
    ANSWERS,
    LOST = ANSWERS,
    SKIP,
    BACK,
    INTERNAL_SKIP,
    INTERNAL_BACK,
    SEND_BACK,
    INTERNAL_SEND_SKIP,
    INTERNAL_SEND_BACK,
    FLAWS
};

static const char *const flaw_names[FLAWS] = {"G0",
                                              "G0-process",
                                              "G0-realtime",
                                              "G1c",
                                              "G1c-process",
                                              "G1c-realtime",
                                              "inconsistent offsets",
                                              "duplicate",
                                              "G1a",
                                              "precommitted read",
                                              "garbage read",
                                              "future read",
                                              "lost write",
                                              "poll skip",
                                              "nonmonotonic poll",
                                              "internal poll skip",
                                              "internal nonmonotonic poll",
                                              "nonmonotonic send",
                                              "internal send skip",
                                              "internal nonmonotonic send"};

/* Each operation starts and ends at a moment of its own; a process runs one after another. */
static void choose_times(struct choices *choices, struct log_history *history)
{
    int slots[2 * OPS_MAX], count = 2 * history->count;
    for (int i = 0; i < count; i++)
        slots[i] = i / 2;
    for (int i = count - 1; i > 0; i--) {
        int other = (int)choose(choices, (unsigned)i + 1), kept = slots[i];
        slots[i] = slots[other];
        slots[other] = kept;
    }
    for (int t = 0; t < history->count; t++)
        history->op[t].start = history->op[t].end = -1;
    for (int i = 0; i < count; i++) {
        struct log_op *op = &history->op[slots[i]];
        *(op->start < 0 ? &op->start : &op->end) = i;
    }
    for (int t = 0; t < history->count; t++) {
        struct log_op *op = &history->op[t];
        op->process = t;
        for (int other = 0; other < t; other++)
            if (history->op[other].type == RIFT_OP_OK && history->op[other].end < op->start &&
                choose(choices, 2))
                op->process = history->op[other].process;
        for (int other = 0; other < t; other++)
            if (history->op[other].process == op->process &&
                (history->op[other].type != RIFT_OP_OK || history->op[other].end > op->start) &&
                history->op[other].start < op->end)
                op->process = t;
    }
}

/* Sends have offsets in any order; polls have any message at its offset, and now and then at
 * another. */
static void generate(struct choices *choices, struct log_history *history)
{
    struct part sent[OPS_MAX * PARTS_MAX];
    int sent_count = 0;
    bool has_transactions = choose(choices, 3) == 0, is_wild = choose(choices, 4) == 0;
    history->count = 2 + (int)choose(choices, OPS_MAX - 1);
    for (int t = 0; t < history->count; t++) {
        struct log_op *op = &history->op[t];
        unsigned outcome = choose(choices, 10);
        op->type = outcome == 0 ? RIFT_OP_FAIL : outcome == 1 ? RIFT_OP_INFO : RIFT_OP_OK;
        int sends = has_transactions ? (int)choose(choices, 3) : (int)choose(choices, 2);
        for (int i = 0; i < sends; i++) {
            struct part part = {.key = (int)choose(choices, KEYS), .value = sent_count + 1};
            bool is_taken = true;
            while (is_taken) {
                part.offset = (int)choose(choices, 3 * OPS_MAX);
                is_taken = false;
                for (int other = 0; other < sent_count && !is_wild; other++)
                    is_taken |= sent[other].key == part.key && sent[other].offset == part.offset;
            }
            sent[sent_count++] = op->part[op->part_count++] = part;
        }
    }
    for (int t = 0; t < history->count; t++) {
        struct log_op *op = &history->op[t];
        while (op->part_count < PARTS_MAX && sent_count > 0 && choose(choices, 3)) {
            struct part part = sent[choose(choices, (unsigned)sent_count)];
            part.is_poll = true;
            if (is_wild && choose(choices, 6) == 0)
                part.offset = (int)choose(choices, 3 * OPS_MAX);
            if (is_wild && choose(choices, 10) == 0)
                part.value = 90;
            op->part[op->part_count++] = part;
        }
    }
    choose_times(choices, history);
}

static void print_parts(const struct log_op *op, bool is_answer, struct rift_text *text)
{
    rift_text_append(text, "[");
    for (int i = 0; i < op->part_count; i++) {
        const struct part *part = &op->part[i];
        if (!part->is_poll && is_answer)
            rift_text_printf(text, "[:send %d [%d %d]]", part->key, part->offset, part->value);
        else if (!part->is_poll)
            rift_text_printf(text, "[:send %d %d]", part->key, part->value);
        else if (is_answer)
            rift_text_printf(text, "[:poll {%d [[%d %d]]}]", part->key, part->offset, part->value);
        else
            rift_text_append(text, "[:poll]");
    }
    rift_text_append(text, "]");
}

static char *to_edn(const struct log_history *history)
{
    static const char *const types[] = {"ok", "fail", "info"};
    struct rift_text text = {0};
    for (int moment = 0; moment < 2 * history->count; moment++)
        for (int t = 0; t < history->count; t++) {
            const struct log_op *op = &history->op[t];
            if (op->start != moment && op->end != moment)
                continue;
            bool is_start = op->start == moment;
            rift_text_printf(&text, "{:type :%s :f :txn :process %d :value ",
                             is_start ? "invoke" : types[op->type], op->process);
            print_parts(op, !is_start && op->type == RIFT_OP_OK, &text);
            rift_text_append(&text, "}\n");
        }
    return rift_text_take(&text);
}

/* The one operation that may have sent the value; -1 where there are none or several. */
static int only_sender(const struct log_history *history, int key, int value)
{
    int sender = -1, count = 0;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->op[t].part_count; i++) {
            const struct part *part = &history->op[t].part[i];
            if (part->is_poll || part->key != key || part->value != value ||
                history->op[t].type == RIFT_OP_FAIL)
                continue;
            sender = t;
            count++;
        }
    return count == 1 ? sender : -1;
}

/* What an answer says of a log. */
struct entry {
    int op;
    struct part part;
};

static int list_entries(const struct log_history *history, struct entry *entries)
{
    int count = 0;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->op[t].part_count; i++)
            if (history->op[t].type == RIFT_OP_OK)
                entries[count++] = (struct entry){t, history->op[t].part[i]};
    return count;
}

typedef bool edges[OPS_MAX][OPS_MAX][EDGE_COUNT];

static void find_edges(const struct log_history *history, edges has)
{
    struct entry entries[OPS_MAX * PARTS_MAX];
    int count = list_entries(history, entries);
    memset(has, 0, sizeof(edges));
    for (int a = 0; a < count; a++) {
        const struct part *x = &entries[a].part;
        int sender = only_sender(history, x->key, x->value);
        if (sender >= 0 && x->is_poll)
            has[sender][entries[a].op][WR] = true;
        for (int b = 0; b < count; b++) {
            const struct part *y = &entries[b].part;
            int later = only_sender(history, y->key, y->value);
            if (sender >= 0 && later >= 0 && x->key == y->key && x->offset < y->offset)
                has[sender][later][WW] = true;
        }
    }
    for (int a = 0; a < history->count; a++)
        for (int b = 0; b < history->count; b++) {
            const struct log_op *x = &history->op[a], *y = &history->op[b];
            bool is_before = x->type == RIFT_OP_OK && x->end < y->start;
            has[a][b][PROCESS] = is_before && y->type == RIFT_OP_OK && x->process == y->process;
            has[a][b][REALTIME] = is_before && y->type != RIFT_OP_FAIL;
            if (a == b)
                memset(has[a][b], 0, sizeof has[a][b]);
        }
}

struct walk {
    edges has;
    int count, path[OPS_MAX];
    enum edge by[OPS_MAX];
    bool exists[2][CYCLES];
};

static void classify(struct walk *walk, int length)
{
    int count[EDGE_COUNT] = {0};
    for (int i = 0; i < length; i++)
        count[walk->by[i]]++;
    if (count[WW] + count[WR] == 0 || (count[PROCESS] && count[REALTIME]))
        return;
    int variant = count[REALTIME] ? 2 : count[PROCESS] ? 1 : 0;
    walk->exists[count[WW] > 0][(count[WR] ? G1C : G0) + variant] = true;
}

static void follow(struct walk *walk, int length)
{
    int at = walk->path[length - 1];
    for (int next = walk->path[0]; next < walk->count; next++) {
        bool is_on_path = false;
        for (int i = 1; i < length; i++)
            is_on_path |= walk->path[i] == next;
        if (is_on_path)
            continue;
        for (int edge = 0; edge < EDGE_COUNT; edge++) {
            if (!walk->has[at][next][edge])
                continue;
            walk->by[length - 1] = (enum edge)edge;
            if (next == walk->path[0]) {
                classify(walk, length);
                continue;
            }
            walk->path[length] = next;
            follow(walk, length + 1);
        }
    }
}

/* What stands in the logs, and what was polled: each pair of answers. */
static void find_answers(const struct log_history *history, bool *exists)
{
    struct entry entries[OPS_MAX * PARTS_MAX];
    int count = list_entries(history, entries);
    for (int a = 0; a < count; a++) {
        const struct part *x = &entries[a].part;
        for (int b = 0; b < count; b++) {
            const struct part *y = &entries[b].part;
            bool is_one_key = x->key == y->key;
            exists[INCONSISTENT] |= is_one_key && x->offset == y->offset && x->value != y->value;
            exists[DUPLICATE] |= is_one_key && x->value == y->value && x->offset != y->offset;
        }
        if (!x->is_poll)
            continue;
        bool was_tried = false, failed = false, by_itself = false, had_begun = false;
        for (int t = 0; t < history->count; t++)
            for (int i = 0; i < history->op[t].part_count; i++) {
                const struct part *y = &history->op[t].part[i];
                if (y->is_poll || y->key != x->key || y->value != x->value)
                    continue;
                failed |= history->op[t].type == RIFT_OP_FAIL;
                was_tried |= history->op[t].type != RIFT_OP_FAIL;
                by_itself |= t == entries[a].op;
                had_begun |= history->op[t].start <= history->op[entries[a].op].end;
            }
        exists[G1A] |= !was_tried && failed;
        exists[GARBAGE] |= !was_tried && !failed;
        exists[PRECOMMITTED] |= was_tried && by_itself;
        exists[FUTURE] |= was_tried && !had_begun;
    }
}

/* How many messages that are surely there stand before this offset. */
static int place_of(const struct log_history *history, int key, int offset)
{
    struct entry entries[OPS_MAX * PARTS_MAX];
    int count = list_entries(history, entries), place = 0;
    for (int below = 0; below < offset; below++) {
        bool is_there = false;
        for (int i = 0; i < count; i++)
            is_there |= entries[i].part.key == key && entries[i].part.offset == below;
        place += is_there;
    }
    return place;
}

/* Whether an ok answer knows where the message stands. */
static bool has_place(const struct log_history *history, const struct part *part)
{
    struct entry entries[OPS_MAX * PARTS_MAX];
    int count = list_entries(history, entries);
    for (int i = 0; i < count; i++)
        if (entries[i].part.key == part->key && entries[i].part.value == part->value)
            return true;
    return false;
}

/* What a process sent or polled of a key, one after another; after an operation that never heard
 * back nobody knows where it stands, and it begins anew. */
struct trail {
    int op[OPS_MAX * PARTS_MAX], place[OPS_MAX * PARTS_MAX], part[OPS_MAX * PARTS_MAX];
    int count, part_count;
};

static void follow_trail(const struct log_history *history, int process, int key, bool is_poll,
                         struct trail *trail)
{
    trail->count = trail->part_count = 0;
    for (int moment = 0; moment < 2 * history->count; moment++)
        for (int t = 0; t < history->count; t++) {
            const struct log_op *op = &history->op[t];
            if (op->start != moment || op->process != process || op->type == RIFT_OP_FAIL)
                continue;
            for (int i = 0; i < op->part_count && (!is_poll || op->type == RIFT_OP_OK); i++) {
                const struct part *part = &op->part[i];
                if (part->key != key || part->is_poll != is_poll || !has_place(history, part))
                    continue;
                trail->op[trail->count] = t;
                trail->part[trail->count] = trail->part_count;
                trail->place[trail->count++] = place_of(history, key, part->offset);
            }
            trail->part_count += op->type == RIFT_OP_INFO;
        }
}

static void find_steps(const struct log_history *history, const struct trail *trail, bool is_poll,
                       bool *exists)
{
    for (int i = 1; i < trail->count; i++) {
        bool is_same = trail->op[i] == trail->op[i - 1];
        bool is_ok = history->op[trail->op[i]].type == RIFT_OP_OK;
        int step = trail->place[i] - trail->place[i - 1];
        if (trail->part[i] != trail->part[i - 1])
            continue;
        if (is_poll && step <= 0)
            exists[is_same ? INTERNAL_BACK : BACK] = true;
        if (is_poll && step > 1)
            exists[is_same ? INTERNAL_SKIP : SKIP] = true;
        if (!is_poll && step <= 0 && is_ok)
            exists[is_same ? INTERNAL_SEND_BACK : SEND_BACK] = true;
        if (!is_poll && step > 1 && is_same)
            exists[INTERNAL_SEND_SKIP] = true;
    }
}

static bool was_passed(const struct log_history *history, int key, int place)
{
    for (int process = 0; process < history->count; process++) {
        struct trail trail;
        follow_trail(history, process, key, true, &trail);
        for (int i = 1; i < trail.count; i++)
            if (trail.part[i] == trail.part[i - 1] && trail.place[i - 1] < place &&
                place < trail.place[i])
                return true;
    }
    return false;
}

/* An acknowledged message that no ok poll has, though one has what stands behind it; where a poll
 * never heard back, some process must have polled right past it. */
static void find_lost(const struct log_history *history, bool *exists)
{
    struct entry entries[OPS_MAX * PARTS_MAX];
    int count = list_entries(history, entries);
    bool is_blind = false;
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->op[t].part_count; i++)
            is_blind |= history->op[t].type == RIFT_OP_INFO && history->op[t].part[i].is_poll;
    for (int a = 0; a < count; a++) {
        const struct part *sent = &entries[a].part;
        bool is_polled = false, is_behind = false;
        for (int b = 0; b < count; b++) {
            const struct part *polled = &entries[b].part;
            if (!polled->is_poll || polled->key != sent->key)
                continue;
            is_polled |= polled->value == sent->value;
            is_behind |= polled->offset > sent->offset;
        }
        exists[LOST] |= !sent->is_poll && !is_polled && is_behind &&
                        (!is_blind || was_passed(history, sent->key,
                                                 place_of(history, sent->key, sent->offset)));
    }
}

static void find_positions(const struct log_history *history, bool *exists)
{
    for (int process = 0; process < history->count; process++)
        for (int key = 0; key < KEYS; key++)
            for (int is_poll = 0; is_poll < 2; is_poll++) {
                struct trail trail;
                follow_trail(history, process, key, is_poll, &trail);
                find_steps(history, &trail, is_poll, exists);
            }
    find_lost(history, exists);
}

/* A cycle with fewer kinds of edges is a cycle of the classes that allow more. */
static void close_over(const bool *shown, bool *implied)
{
    for (int base = G0; base <= G1C; base += G1C - G0)
        for (int variant = 0; variant < 3; variant++)
            for (int weaker = 0; weaker <= variant; weaker++) {
                implied[base + variant] |= shown[base + weaker];
                implied[G1C + variant] |= shown[base + weaker];
            }
}

static bool has_two_sends(const struct log_history *history)
{
    for (int t = 0; t < history->count; t++)
        for (int i = 1; i < history->op[t].part_count; i++)
            if (!history->op[t].part[i].is_poll && !history->op[t].part[i - 1].is_poll)
                return true;
    return false;
}

static void disagree(const char *edn, uint64_t seed, const bool *exists, const json_t *counts,
                     const char *what)
{
    CLEANUP(rift_free) char *told = json_dumps(counts, 0);
    fprintf(stderr, "%sby the brute force:", edn);
    for (int flaw = 0; flaw < FLAWS; flaw++)
        if (exists[flaw])
            fprintf(stderr, " %s", flaw_names[flaw]);
    fprintf(stderr, "\ntold: %s\n", told);
    fail_msg("seed %llu: %s", (unsigned long long)seed, what);
}

static bool is_convicted(const struct rift_verdict *verdict, int flaw)
{
    size_t i;
    json_t *found;
    json_array_foreach(json_object_get(verdict->details, "anomalies"), i, found)
    {
        if (strcmp(json_string_value(json_object_get(found, "name")), flaw_names[flaw]) == 0)
            return true;
    }
    return false;
}

/* Rows are in order of start. */
static int op_of_row(const struct log_history *history, json_int_t row)
{
    for (int t = 0; t < history->count; t++) {
        int rank = 0;
        for (int other = 0; other < history->count; other++)
            rank += history->op[other].start < history->op[t].start;
        if (rank == row)
            return t;
    }
    fail_msg("there is no operation %lld", (long long)row);
    return -1;
}

/* Each step of a circle is an edge that is there, and the text says so in the same order. */
static void check_words(const struct log_history *history, const struct walk *walk,
                        const json_t *anomaly)
{
    static const char *const edge_names[] = {"ww", "wr", "process", "realtime"};
    static const char *const words[] = {"stands right before a message of", "was polled by",
                                        "was done by the same process before",
                                        "ended before the beginning of"};
    struct rift_text expected = {0};
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(anomaly, "steps"), i, step)
    {
        json_int_t from = json_integer_value(json_object_get(step, "from"));
        json_int_t to = json_integer_value(json_object_get(step, "to"));
        int edge = 0;
        while (strcmp(edge_names[edge], json_string_value(json_object_get(step, "edge"))) != 0)
            edge++;
        assert_true(walk->has[op_of_row(history, from)][op_of_row(history, to)][edge]);
        rift_text_printf(&expected, "%s%lld %s %lld", i ? ", " : "Operation ", (long long)from,
                         words[edge], (long long)to);
    }
    if (i > 0)
        assert_string_equal(json_string_value(json_object_get(anomaly, "text")), expected.data);
    rift_text_finish(&expected);
}

static void compare(const struct log_history *history, uint64_t seed, uint64_t *seen)
{
    CLEANUP(rift_free) char *edn = to_edn(history);
    struct rift_history *read = judging_history(edn);
    struct rift_verdict verdict = judge("kafka", NULL, read);
    json_t *counts = json_object_get(verdict.details, "counts");
    struct walk walk = {.count = history->count};
    bool exists[FLAWS] = {0}, shown[FLAWS] = {0}, implied[CYCLES] = {0}, is_cyclic = false;
    find_edges(history, walk.has);
    for (walk.path[0] = 0; walk.path[0] < walk.count; walk.path[0]++)
        follow(&walk, 1);
    find_answers(history, exists);
    find_positions(history, exists);
    for (int flaw = 0; flaw < CYCLES; flaw++)
        exists[flaw] = walk.exists[0][flaw] || walk.exists[1][flaw];
    for (int flaw = 0; flaw < FLAWS; flaw++) {
        shown[flaw] = json_object_get(counts, flaw_names[flaw]) != NULL;
        seen[flaw] += exists[flaw];
    }
    close_over(shown, implied);
    /* A message at two offsets, or two at one, leave the order of the log open. */
    bool has_order = !exists[INCONSISTENT] && !exists[DUPLICATE];
    for (int flaw = 0; flaw < CYCLES && has_order; flaw++)
        if ((shown[flaw] && !exists[flaw]) || (exists[flaw] && !implied[flaw]))
            disagree(edn, seed, exists, counts, flaw_names[flaw]);
    for (int flaw = CYCLES; flaw < (has_order ? FLAWS : ANSWERS); flaw++) {
        bool convicts = exists[flaw] && flaw != INTERNAL_SEND_SKIP; /* which Kafka allows */
        if (shown[flaw] != exists[flaw] || is_convicted(&verdict, flaw) != convicts)
            disagree(edn, seed, exists, counts, flaw_names[flaw]);
    }
    /* Where operations send several messages, only circles without the order of a log convict. */
    bool is_told = false;
    for (int flaw = 0; flaw < CYCLES; flaw++) {
        is_cyclic |= walk.exists[0][flaw] || (!has_two_sends(history) && walk.exists[1][flaw]);
        is_told |= is_convicted(&verdict, flaw);
    }
    if (has_order && is_told != is_cyclic)
        disagree(edn, seed, exists, counts, "a circle convicts or not");
    size_t i;
    json_t *anomaly;
    json_array_foreach(json_object_get(verdict.details, "anomalies"), i, anomaly)
    {
        if (has_order)
            check_words(history, &walk, anomaly);
    }
    rift_verdict_finish(&verdict);
    rift_history_destroy(read);
}

static void circles_and_answers_are_those_of_the_brute_force(void **state)
{
    uint64_t seen[FLAWS] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < oracle_rounds(ROUNDS); seed++) {
        struct choices choices;
        struct log_history history = {0};
        choices_random(&choices, seed);
        generate(&choices, &history);
        compare(&history, seed, seen);
    }
    for (int flaw = 0; flaw < FLAWS; flaw++) {
        print_message("%s in %llu histories\n", flaw_names[flaw], (unsigned long long)seen[flaw]);
        assert_true(seen[flaw] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_and_answers_are_those_of_the_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

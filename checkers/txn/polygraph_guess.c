/* A serial order made step by step: of the transactions whose predecessors are done, the one that
 * ended first, unless it would overwrite a version that others have yet to read.
 *
 * Where that gets stuck, some writes wait for reads that wait for these writes. Of the versions
 * that are not read to the end the one put in place last should have come later: all that was done
 * since is taken back, the write that waits must now come before it, and so on from there. Where
 * there is time that is a short way back. On histories of a healthy system this mostly reaches the
 * end; where it does not, nothing is lost. */
#include "checkers/txn/polygraph.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { WORK_PER_TRANSACTION = 64, WORK_AT_LEAST = 1 << 16 };

/* A transaction must come before another, as long as what stands at place depends stays there. If
 * that is impossible, what stands there must come after another transaction instead. */
struct lesson {
    uint32_t before, after;
    uint32_t depends;      /* TXN_NONE: on nothing */
    uint32_t depends_most; /* the largest of it and all lessons before, plus one */
    uint32_t instead;
    uint32_t next_from; /* the next lesson with this one's before */
    uint32_t next_to;   /* and with its after */
    bool is_void;
};

struct guess {
    const struct polygraph *polygraph;
    struct txn_graph graph;
    uint32_t *waits_for; /* per vertex: predecessors not done */
    uint32_t *current;   /* per key: the version in place */
    uint32_t *unread;    /* per version: readers not done */
    uint32_t *heap;      /* transactions that are ready and not blocked, by priority */
    uint32_t heap_count;
    uint32_t *blocked;      /* per key: first of a list of blocked transactions, or TXN_NONE */
    uint32_t *next_blocked; /* per transaction */
    int64_t *time;
    /* To take back. */
    uint32_t *done; /* transactions in the order made so far */
    uint32_t done_count;
    uint32_t *place;    /* per transaction: in done, or TXN_NONE */
    uint32_t *replaced; /* versions that were in place before those written, in order */
    uint32_t replaced_count;
    uint32_t *ready; /* transactions that may be ready, each once */
    uint32_t ready_count;
    bool *is_listed; /* per transaction: in ready */
    /* From the first time that it was stuck on. */
    uint32_t *into_first, *into; /* per vertex: where edges into it come from */
    uint32_t *stamp;             /* per vertex: the last walk that passed it */
    uint32_t walk;
    struct lesson *lessons;
    uint32_t lesson_count, lesson_capacity;
    uint32_t *lesson_from, *lesson_to; /* per transaction: first lesson, or TXN_NONE */
    uint64_t work;
};

/* The one that ended first, or else comes first in its process. */
static int64_t priority(const struct guess *guess, uint32_t t)
{
    int64_t end = txn_end(guess->polygraph->model->set, t);
    return end != RIFT_TIME_NEVER ? end : guess->time[t];
}

static bool comes_first(const struct guess *guess, uint32_t a, uint32_t b)
{
    int64_t x = priority(guess, a), y = priority(guess, b);
    return x != y ? x < y : a < b;
}

static void heap_push(struct guess *guess, uint32_t t)
{
    uint32_t i = guess->heap_count++;
    for (; i > 0 && comes_first(guess, t, guess->heap[(i - 1) / 2]); i = (i - 1) / 2)
        guess->heap[i] = guess->heap[(i - 1) / 2];
    guess->heap[i] = t;
}

static uint32_t heap_pop(struct guess *guess)
{
    uint32_t top = guess->heap[0], last = guess->heap[--guess->heap_count], i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= guess->heap_count)
            break;
        if (child + 1 < guess->heap_count &&
            comes_first(guess, guess->heap[child + 1], guess->heap[child]))
            child++;
        if (!comes_first(guess, guess->heap[child], last))
            break;
        guess->heap[i] = guess->heap[child];
        i = child;
    }
    guess->heap[i] = last;
    return top;
}

/* A key whose current version others have yet to read and the transaction writes, or TXN_NONE. */
static uint32_t blocking_key(const struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++) {
        uint32_t k = set->mop_key[mop], own = 0;
        if (set->mop_function[mop] == TXN_READ || model->has_later_write[mop])
            continue;
        uint32_t version = guess->current[k];
        for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at])
            own |= model->read_version[at] == version;
        if (guess->unread[version] > own)
            return k;
    }
    return TXN_NONE;
}

static bool counts(const struct guess *guess, uint32_t v)
{
    return v < guess->graph.transaction_count && guess->polygraph->is_included[v];
}

static void list_ready(struct guess *guess, uint32_t t)
{
    if (!guess->is_listed[t])
        guess->ready[guess->ready_count++] = t;
    guess->is_listed[t] = true;
}

/* A vertex waits for nothing any more. Junctions, and transactions that do not count, are done at
 * once; the depth of calls is that of chains of them. */
static void become_ready(struct guess *guess, uint32_t vertex)
{
    uint32_t *stack = rift_malloc(sizeof *stack), depth = 0, capacity = 1;
    stack[depth++] = vertex;
    while (depth > 0) {
        uint32_t v = stack[--depth];
        if (counts(guess, v)) {
            list_ready(guess, v);
            heap_push(guess, v);
            continue;
        }
        for (uint32_t e = guess->graph.first[v]; e < guess->graph.first[v + 1]; e++) {
            uint32_t target = txn_edge_target(guess->graph.edge[e]);
            if (--guess->waits_for[target] > 0)
                continue;
            if (depth == capacity) {
                capacity *= 2;
                stack = rift_reallocarray(stack, capacity, sizeof *stack);
            }
            stack[depth++] = target;
        }
    }
    free(stack);
}

/* The other way round: of a vertex on which others waited. */
static void wait_again(struct guess *guess, uint32_t vertex)
{
    uint32_t *stack = rift_malloc(sizeof *stack), depth = 0, capacity = 1;
    stack[depth++] = vertex;
    while (depth > 0) {
        uint32_t v = stack[--depth];
        for (uint32_t e = guess->graph.first[v]; e < guess->graph.first[v + 1]; e++) {
            uint32_t target = txn_edge_target(guess->graph.edge[e]);
            if (guess->waits_for[target]++ > 0 || counts(guess, target))
                continue;
            if (depth == capacity) {
                capacity *= 2;
                stack = rift_reallocarray(stack, capacity, sizeof *stack);
            }
            stack[depth++] = target;
        }
    }
    free(stack);
}

static void unblock(struct guess *guess, uint32_t k)
{
    uint32_t t = guess->blocked[k];
    guess->blocked[k] = TXN_NONE;
    while (t != TXN_NONE) {
        uint32_t next = guess->next_blocked[t];
        heap_push(guess, t);
        t = next;
    }
}

/* Whether the mop is the first of its transaction to read a version of another one. */
static bool is_first_read(const struct guess *guess, uint32_t mop)
{
    const struct register_model *model = guess->polygraph->model;
    uint32_t version = model->read_version[mop], before = model->set->mop_before[mop];
    return version != TXN_NONE && register_writer(model, version) != model->set->mop_txn[mop] &&
           (before == TXN_NONE || model->read_version[before] != version);
}

static bool is_last_write(const struct guess *guess, uint32_t mop)
{
    const struct register_model *model = guess->polygraph->model;
    return model->set->mop_function[mop] != TXN_READ && !model->has_later_write[mop];
}

static void perform(struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    guess->place[t] = guess->done_count;
    guess->done[guess->done_count++] = t;
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (is_first_read(guess, mop) && --guess->unread[model->read_version[mop]] <= 1)
            unblock(guess, set->mop_key[mop]);
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (is_last_write(guess, mop)) {
            guess->replaced[guess->replaced_count++] = guess->current[set->mop_key[mop]];
            guess->current[set->mop_key[mop]] = mop;
            unblock(guess, set->mop_key[mop]);
        }
    for (uint32_t e = guess->graph.first[t]; e < guess->graph.first[t + 1]; e++) {
        uint32_t target = txn_edge_target(guess->graph.edge[e]);
        if (--guess->waits_for[target] == 0)
            become_ready(guess, target);
    }
    for (uint32_t i = guess->lesson_from ? guess->lesson_from[t] : TXN_NONE; i != TXN_NONE;
         i = guess->lessons[i].next_from)
        if (!guess->lessons[i].is_void && --guess->waits_for[guess->lessons[i].after] == 0)
            become_ready(guess, guess->lessons[i].after);
}

/* Takes back the last one. */
static void take_back(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    uint32_t t = guess->done[--guess->done_count];
    guess->place[t] = TXN_NONE;
    for (uint32_t mop = set->first[t + 1]; mop-- > set->first[t];)
        if (is_last_write(guess, mop))
            guess->current[set->mop_key[mop]] = guess->replaced[--guess->replaced_count];
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (is_first_read(guess, mop))
            guess->unread[model->read_version[mop]]++;
    wait_again(guess, t);
    for (uint32_t i = guess->lesson_from[t]; i != TXN_NONE; i = guess->lessons[i].next_from)
        if (!guess->lessons[i].is_void)
            guess->waits_for[guess->lessons[i].after]++;
    list_ready(guess, t);
    guess->work++;
}

/* Who is ready and not known to be blocked, anew. */
static void find_ready(struct guess *guess)
{
    uint32_t kept = 0;
    guess->heap_count = 0;
    for (uint32_t i = 0; i < guess->ready_count; i++) {
        uint32_t t = guess->ready[i];
        guess->is_listed[t] = guess->place[t] == TXN_NONE && guess->waits_for[t] == 0;
        if (!guess->is_listed[t])
            continue;
        guess->ready[kept++] = t;
        heap_push(guess, t);
    }
    guess->work += guess->ready_count;
    guess->ready_count = kept;
}

/* Takes back all from a place on, and the lessons that depend on it. */
static void take_back_to(struct guess *guess, uint32_t place)
{
    const struct txn_set *set = guess->polygraph->model->set;
    /* Whoever is blocked is listed as ready. */
    for (uint32_t i = 0; i < guess->ready_count; i++)
        for (uint32_t t = guess->ready[i], mop = set->first[t]; mop < set->first[t + 1]; mop++)
            guess->blocked[set->mop_key[mop]] = TXN_NONE;
    while (guess->done_count > place)
        take_back(guess);
    for (uint32_t i = guess->lesson_count; i-- > 0 && guess->lessons[i].depends_most > place;) {
        struct lesson *lesson = &guess->lessons[i];
        if (lesson->depends == TXN_NONE || lesson->depends < place || lesson->is_void)
            continue;
        lesson->is_void = true;
        if (guess->place[lesson->before] == TXN_NONE && --guess->waits_for[lesson->after] == 0)
            list_ready(guess, lesson->after);
    }
}

/* Goes back to a place; what stands there must come after this transaction. */
static void learn(struct guess *guess, uint32_t before, uint32_t place, uint32_t depends,
                  uint32_t instead)
{
    uint32_t after = guess->done[place];
    take_back_to(guess, place);
    if (guess->lesson_count == guess->lesson_capacity) {
        guess->lesson_capacity = 2 * guess->lesson_capacity + 64;
        guess->lessons =
            rift_reallocarray(guess->lessons, guess->lesson_capacity, sizeof *guess->lessons);
    }
    uint32_t most = guess->lesson_count ? guess->lessons[guess->lesson_count - 1].depends_most : 0;
    guess->lessons[guess->lesson_count] =
        (struct lesson){.before = before,
                        .after = after,
                        .depends = depends,
                        .depends_most = depends != TXN_NONE && depends >= most ? depends + 1 : most,
                        .instead = instead,
                        .next_from = guess->lesson_from[before],
                        .next_to = guess->lesson_to[after]};
    guess->lesson_from[before] = guess->lesson_to[after] = guess->lesson_count++;
    guess->waits_for[after]++;
    find_ready(guess);
}

static bool is_done(const struct guess *guess, uint32_t v)
{
    return counts(guess, v) ? guess->place[v] != TXN_NONE : guess->waits_for[v] == 0;
}

/* One for which the vertex waits, and the lesson that says so, or TXN_NONE. */
static uint32_t cause_of_wait(struct guess *guess, uint32_t v, uint32_t *lesson)
{
    *lesson = TXN_NONE;
    for (uint32_t e = guess->into_first[v]; e < guess->into_first[v + 1]; e++, guess->work++)
        if (!is_done(guess, guess->into[e]))
            return guess->into[e];
    for (uint32_t i = guess->lesson_to[v]; i != TXN_NONE; i = guess->lessons[i].next_to)
        if (!guess->lessons[i].is_void && !is_done(guess, guess->lessons[i].before)) {
            *lesson = i;
            return guess->lessons[i].before;
        }
    return TXN_NONE;
}

/* From a vertex to a transaction that waits for nothing and must be done before it. TXN_NONE where
 * waits go round, then over circle. */
static uint32_t end_of_wait(struct guess *guess, uint32_t v, uint32_t *circle)
{
    uint32_t lesson;
    guess->walk++;
    while (v != TXN_NONE && guess->waits_for[v] > 0) {
        if (guess->stamp[v] == guess->walk) {
            *circle = v;
            return TXN_NONE;
        }
        guess->stamp[v] = guess->walk;
        v = cause_of_wait(guess, v, &lesson);
    }
    return v;
}

/* A transaction other than t that has yet to read the version that t would replace. */
static uint32_t late_reader(const struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    uint32_t version = guess->current[blocking_key(guess, t)];
    for (uint32_t r = model->reader_first[version]; r < model->reader_first[version + 1]; r++)
        if (model->reader[r] != t && !is_done(guess, model->reader[r]))
            return model->reader[r];
    return TXN_NONE;
}

/* Lessons let waits go round over this vertex: the one that depends on the latest place is given
 * up. */
static bool unlearn(struct guess *guess, uint32_t circle)
{
    uint32_t v = circle, lesson, given_up = TXN_NONE;
    do {
        v = cause_of_wait(guess, v, &lesson);
        if (lesson != TXN_NONE && guess->lessons[lesson].depends != TXN_NONE &&
            (given_up == TXN_NONE ||
             guess->lessons[lesson].depends > guess->lessons[given_up].depends))
            given_up = lesson;
    } while (v != circle);
    if (given_up == TXN_NONE)
        return false;
    learn(guess, guess->lessons[given_up].instead, guess->lessons[given_up].depends, TXN_NONE,
          TXN_NONE);
    return true;
}

static void prepare_to_learn(struct guess *guess)
{
    const struct txn_graph *graph = &guess->graph;
    size_t vertices = (size_t)graph->vertex_count + 2;
    guess->into_first = rift_calloc(vertices, sizeof *guess->into_first);
    guess->into = rift_reallocarray(NULL, (size_t)graph->edge_count + 1, sizeof *guess->into);
    guess->stamp = rift_calloc(vertices, sizeof *guess->stamp);
    guess->lesson_from = rift_reallocarray(NULL, vertices, sizeof *guess->lesson_from);
    guess->lesson_to = rift_reallocarray(NULL, vertices, sizeof *guess->lesson_to);
    for (size_t v = 0; v < vertices; v++)
        guess->lesson_from[v] = guess->lesson_to[v] = TXN_NONE;
    uint32_t *next = guess->into_first + 1;
    for (uint32_t e = 0; e < graph->edge_count; e++)
        if (txn_edge_target(graph->edge[e]) + 1 < graph->vertex_count)
            next[txn_edge_target(graph->edge[e]) + 1]++;
    for (uint32_t v = 1; v < graph->vertex_count; v++)
        next[v] += next[v - 1];
    for (uint32_t v = 0; v < graph->vertex_count; v++)
        for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
            guess->into[next[txn_edge_target(graph->edge[e])]++] = v;
}

/* Nothing is ready that is not blocked. Follows who is blocked by whom until that goes round, and
 * goes back to where the last of the versions concerned was put in place. False if there is no way.
 */
static bool go_back(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    uint32_t circle = TXN_NONE, length = 0, repeat = TXN_NONE, t;
    uint32_t latest = TXN_NONE, other = TXN_NONE, blocked = TXN_NONE, instead = TXN_NONE;
    if (!guess->into)
        prepare_to_learn(guess);
    find_ready(guess);
    guess->heap_count = 0;
    CLEANUP(rift_free)
    uint32_t *path = rift_reallocarray(NULL, (size_t)guess->ready_count + 1, sizeof *path);
    t = guess->ready_count > 0 ? guess->ready[0]
        : guess->lesson_count > 0
            ? end_of_wait(guess, guess->lessons[guess->lesson_count - 1].after, &circle)
            : TXN_NONE;
    while (t != TXN_NONE && repeat == TXN_NONE) {
        path[length++] = t;
        t = end_of_wait(guess, late_reader(guess, t), &circle);
        for (uint32_t i = 0; i < length; i++)
            if (path[i] == t)
                repeat = i;
        guess->work += length;
    }
    if (circle != TXN_NONE)
        return unlearn(guess, circle);
    for (uint32_t i = repeat; i < length; i++) {
        uint32_t writer = register_writer(model, guess->current[blocking_key(guess, path[i])]);
        uint32_t place = writer == TXN_NONE ? TXN_NONE : guess->place[writer];
        if (place == TXN_NONE)
            continue;
        if (latest == TXN_NONE || place > latest) {
            other = latest;
            instead = blocked;
            latest = place;
            blocked = path[i];
        } else if (other == TXN_NONE || place > other) {
            other = place;
            instead = path[i];
        }
    }
    if (repeat == TXN_NONE || latest == TXN_NONE)
        return false;
    learn(guess, blocked, latest, other, instead);
    return true;
}

/* Nothing is done yet. */
static void restart(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    uint32_t vertex_count = guess->graph.vertex_count, roots = 0;
    guess->heap_count = guess->ready_count = 0;
    memset(guess->is_listed, 0, set->count * sizeof *guess->is_listed);
    memset(guess->waits_for, 0, vertex_count * sizeof *guess->waits_for);
    for (uint32_t e = 0; e < guess->graph.edge_count; e++)
        guess->waits_for[txn_edge_target(guess->graph.edge[e])]++;
    for (uint32_t k = 0; k < set->key_count; k++) {
        guess->current[k] = set->mop_count + k;
        guess->blocked[k] = TXN_NONE;
    }
    for (uint32_t v = 0; v < model->version_count; v++)
        guess->unread[v] = model->reader_first[v + 1] - model->reader_first[v];
    CLEANUP(rift_free)
    uint32_t *root = rift_reallocarray(NULL, (size_t)vertex_count + 1, sizeof *root);
    for (uint32_t v = 0; v < vertex_count; v++)
        if (guess->waits_for[v] == 0)
            root[roots++] = v;
    for (uint32_t i = 0; i < roots; i++)
        become_ready(guess, root[i]);
}

static void guess_init(struct guess *guess, const struct polygraph *polygraph)
{
    const struct register_model *model = polygraph->model;
    const struct txn_set *set = model->set;
    size_t txns = (size_t)set->count + 1, keys = (size_t)set->key_count + 1;
    *guess = (struct guess){.polygraph = polygraph};
    txn_edges_copy(&polygraph->known, &guess->graph);
    guess->waits_for =
        rift_reallocarray(NULL, (size_t)guess->graph.vertex_count + 1, sizeof *guess->waits_for);
    guess->current = rift_reallocarray(NULL, keys, sizeof *guess->current);
    guess->blocked = rift_reallocarray(NULL, keys, sizeof *guess->blocked);
    guess->unread =
        rift_reallocarray(NULL, (size_t)model->version_count + 1, sizeof *guess->unread);
    guess->heap = rift_reallocarray(NULL, txns, sizeof *guess->heap);
    guess->next_blocked = rift_reallocarray(NULL, txns, sizeof *guess->next_blocked);
    guess->done = rift_reallocarray(NULL, txns, sizeof *guess->done);
    guess->place = rift_reallocarray(NULL, txns, sizeof *guess->place);
    guess->ready = rift_reallocarray(NULL, txns, sizeof *guess->ready);
    guess->is_listed = rift_calloc(txns, sizeof *guess->is_listed);
    guess->replaced = rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *guess->replaced);
    for (uint32_t t = 0; t < set->count; t++)
        guess->place[t] = TXN_NONE;
    guess->time = polygraph_times(polygraph);
    restart(guess);
}

static void guess_finish(struct guess *guess)
{
    txn_graph_finish(&guess->graph);
    free(guess->waits_for);
    free(guess->current);
    free(guess->unread);
    free(guess->heap);
    free(guess->blocked);
    free(guess->next_blocked);
    free(guess->time);
    free(guess->done);
    free(guess->place);
    free(guess->replaced);
    free(guess->ready);
    free(guess->is_listed);
    free(guess->into_first);
    free(guess->into);
    free(guess->stamp);
    free(guess->lessons);
    free(guess->lesson_from);
    free(guess->lesson_to);
}

/* Goes on until nothing is ready. */
static void advance(struct guess *guess)
{
    while (guess->heap_count > 0) {
        uint32_t t = heap_pop(guess), k = blocking_key(guess, t);
        if (k == TXN_NONE) {
            perform(guess, t);
            continue;
        }
        guess->next_blocked[t] = guess->blocked[k];
        guess->blocked[k] = t;
    }
}

/* Whether the order made explains everything, from the start and without a thought of how it was
 * made: nothing comes before what it waits for, and each read sees the last write. */
static bool is_explanation(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    restart(guess);
    for (uint32_t i = 0; i < guess->done_count; i++) {
        uint32_t t = guess->done[i];
        if (guess->waits_for[t] > 0)
            return false;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
            if (is_first_read(guess, mop) &&
                guess->current[set->mop_key[mop]] != model->read_version[mop])
                return false;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
            if (is_last_write(guess, mop))
                guess->current[set->mop_key[mop]] = mop;
        for (uint32_t e = guess->graph.first[t]; e < guess->graph.first[t + 1]; e++)
            if (--guess->waits_for[txn_edge_target(guess->graph.edge[e])] == 0)
                become_ready(guess, txn_edge_target(guess->graph.edge[e]));
    }
    return true;
}

bool polygraph_guess(const struct polygraph *polygraph)
{
    const struct txn_set *set = polygraph->model->set;
    struct guess guess;
    uint32_t count = 0;
    guess_init(&guess, polygraph);
    for (uint32_t t = 0; t < set->count; t++)
        count += polygraph->is_included[t];
    uint64_t work_max = (uint64_t)WORK_PER_TRANSACTION * count + WORK_AT_LEAST;
    advance(&guess);
    while (guess.done_count < count && guess.work <= work_max && go_back(&guess))
        advance(&guess);
    bool is_explained =
        guess.done_count == count && (guess.lesson_count == 0 || is_explanation(&guess));
    guess_finish(&guess);
    return is_explained;
}

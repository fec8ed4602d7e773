/* The way back of a guessed order that got stuck: some writes wait for reads that wait for these
 * writes. Of the versions that are not read to the end the one put in place last should have come
 * later: all that was done since is taken back, the write that waits must now come before it, and
 * so on from there, as solvers learn clauses. Where no choice is left to blame, the last steps are
 * done again in a random order. Where there is time that is a short way back. */
#include "checkers/txn/polygraph_attempt.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { WINDOW_FIRST = 32, TRIES_PER_WINDOW = 8 };

/* The other way round: of a vertex on which others waited. */
static void wait_again(struct guess *guess, uint32_t vertex)
{
    uint32_t *stack = rift_malloc(sizeof *stack), depth = 0, capacity = 1;
    stack[depth++] = vertex;
    while (depth > 0) {
        uint32_t v = stack[--depth];
        for (uint32_t e = guess->graph.first[v]; e < guess->graph.first[v + 1]; e++) {
            uint32_t target = txn_edge_target(guess->graph.edge[e]);
            if (guess->waits_for[target]++ > 0 || guess_counts(guess, target))
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

/* Takes back the last one. */
static void take_back(struct guess *guess)
{
    const struct register_model *model = guess->polygraph->model;
    const struct txn_set *set = model->set;
    uint32_t t = guess->done[--guess->done_count];
    guess->place[t] = TXN_NONE;
    for (uint32_t mop = set->first[t + 1]; mop-- > set->first[t];)
        if (guess_is_last_write(guess, mop))
            guess->current[set->mop_key[mop]] = guess->replaced[--guess->replaced_count];
    for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
        if (guess_is_first_read(guess, mop))
            guess->unread[model->read_version[mop]]++;
    wait_again(guess, t);
    for (uint32_t i = guess->lesson_from[t]; i != TXN_NONE; i = guess->lessons[i].next_from)
        if (!guess->lessons[i].is_void)
            guess->waits_for[guess->lessons[i].after]++;
    guess_list_ready(guess, t);
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
        guess_heap_push(guess, t);
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
    for (uint32_t i = guess->lesson_count; i-- > 0 && guess->lessons[i].place_most > place;) {
        struct lesson *lesson = &guess->lessons[i];
        if (lesson->is_void || lesson->others.count == 0 || lesson->others.choices[0].place < place)
            continue;
        lesson->is_void = true;
        if (guess->place[lesson->before] == TXN_NONE && --guess->waits_for[lesson->after] == 0)
            guess_list_ready(guess, lesson->after);
    }
}

/* Of two choices at one place only one can be kept, whichever. */
static void add_choice(struct guess *guess, struct conflict *conflict, uint32_t place,
                       uint32_t other)
{
    uint32_t at = 0;
    while (at < conflict->count && conflict->choices[at].place > place)
        at++;
    bool is_there = at < conflict->count && conflict->choices[at].place == place;
    if (is_there && rift_rng_below(&guess->rng, 2))
        conflict->choices[at].other = other;
    if (at == CHOICES_MAX || is_there)
        return;
    uint32_t last = conflict->count < CHOICES_MAX ? conflict->count++ : CHOICES_MAX - 1;
    for (; last > at; last--)
        conflict->choices[last] = conflict->choices[last - 1];
    conflict->choices[at] = (struct choice){place, other};
}

/* Goes back to the last choice of a conflict and does the other thing. False without a choice. */
static bool learn(struct guess *guess, const struct conflict *conflict)
{
    if (conflict->count == 0)
        return false;
    uint32_t before = conflict->choices[0].other, place = conflict->choices[0].place;
    struct lesson lesson = {.before = before,
                            .after = guess->done[place],
                            .next_from = guess->lesson_from[before],
                            .next_to = guess->lesson_to[guess->done[place]]};
    lesson.others.count = conflict->count - 1;
    memcpy(lesson.others.choices, conflict->choices + 1,
           lesson.others.count * sizeof *conflict->choices);
    if (guess->lesson_count > 0)
        lesson.place_most = guess->lessons[guess->lesson_count - 1].place_most;
    if (lesson.others.count > 0 && lesson.others.choices[0].place >= lesson.place_most)
        lesson.place_most = lesson.others.choices[0].place + 1;
    take_back_to(guess, place);
    if (guess->place[before] != TXN_NONE) {
        /* It was, when that was learnt, but is not any more. */
        find_ready(guess);
        return false;
    }
    if (guess->lesson_count == guess->lesson_capacity) {
        guess->lesson_capacity = 2 * guess->lesson_capacity + 64;
        guess->lessons =
            rift_reallocarray(guess->lessons, guess->lesson_capacity, sizeof *guess->lessons);
    }
    guess->lessons[guess->lesson_count] = lesson;
    guess->lesson_from[before] = guess->lesson_to[lesson.after] = guess->lesson_count++;
    guess->waits_for[lesson.after]++;
    find_ready(guess);
    return true;
}

static bool is_done(const struct guess *guess, uint32_t v)
{
    return guess_counts(guess, v) ? guess->place[v] != TXN_NONE : guess->waits_for[v] == 0;
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

static void add_choices_of(struct guess *guess, uint32_t lesson, struct conflict *conflict)
{
    const struct conflict *others = &guess->lessons[lesson].others;
    for (uint32_t i = 0; i < others->count; i++)
        add_choice(guess, conflict, others->choices[i].place, others->choices[i].other);
}

/* From a vertex to a transaction that waits for nothing and must be done before it. TXN_NONE where
 * waits go round, then over circle. conflict, unless NULL, gets the choices behind these waits. */
static uint32_t end_of_wait(struct guess *guess, uint32_t v, uint32_t *circle,
                            struct conflict *conflict)
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
        if (conflict && lesson != TXN_NONE)
            add_choices_of(guess, lesson, conflict);
    }
    return v;
}

/* A transaction other than t that has yet to read the version that t would replace. */
static uint32_t late_reader(const struct guess *guess, uint32_t t)
{
    const struct register_model *model = guess->polygraph->model;
    uint32_t version = guess->current[guess_blocking_key(guess, t)];
    for (uint32_t r = model->reader_first[version]; r < model->reader_first[version + 1]; r++)
        if (model->reader[r] != t && !is_done(guess, model->reader[r]))
            return model->reader[r];
    return TXN_NONE;
}

/* Waits go round over this vertex. False if no lesson is to blame: then there is no serial order.
 */
static bool blame_lessons(struct guess *guess, uint32_t circle, struct conflict *conflict)
{
    uint32_t v = circle, lesson;
    bool has_any = false;
    do {
        v = cause_of_wait(guess, v, &lesson);
        has_any |= lesson != TXN_NONE;
        if (lesson != TXN_NONE)
            add_choices_of(guess, lesson, conflict);
    } while (v != circle);
    return has_any;
}

/* A transaction that a lesson keeps waiting, or TXN_NONE. */
static uint32_t one_that_waits(const struct guess *guess)
{
    for (uint32_t i = guess->lesson_count; i-- > 0;)
        if (!guess->lessons[i].is_void && !is_done(guess, guess->lessons[i].after))
            return guess->lessons[i].after;
    return TXN_NONE;
}

/* A transaction is blocked by a version: it was chosen to come after the version's writer, and the
 * late reader waits for the next one on the path. */
static void blame_blocked(struct guess *guess, uint32_t t, struct conflict *conflict)
{
    uint32_t version = guess->current[guess_blocking_key(guess, t)], circle;
    uint32_t writer = register_writer(guess->polygraph->model, version);
    if (writer != TXN_NONE && guess->place[writer] != TXN_NONE)
        add_choice(guess, conflict, guess->place[writer], t);
    end_of_wait(guess, late_reader(guess, t), &circle, conflict);
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

/* No choice is to blame: what was learnt is of no use here. Takes back some steps, the more the
 * less often that has helped. */
static void try_otherwise(struct guess *guess)
{
    if (guess->done_count > guess->stuck_at + WINDOW_FIRST)
        guess->tries = 0;
    if (guess->done_count > guess->stuck_at)
        guess->stuck_at = guess->done_count;
    uint32_t doublings = guess->tries++ / TRIES_PER_WINDOW;
    uint64_t window = (uint64_t)WINDOW_FIRST << (doublings < 31 ? doublings : 31);
    if (window > guess->done_count)
        window = guess->done_count;
    guess->shuffle_until = guess->done_count;
    take_back_to(guess, guess->done_count - (uint32_t)window);
    for (uint32_t i = 0; i < guess->lesson_count; i++) {
        const struct lesson *lesson = &guess->lessons[i];
        if (!lesson->is_void && guess->place[lesson->before] == TXN_NONE &&
            --guess->waits_for[lesson->after] == 0)
            guess_list_ready(guess, lesson->after);
        guess->lesson_from[lesson->before] = guess->lesson_to[lesson->after] = TXN_NONE;
    }
    guess->lesson_count = 0;
    find_ready(guess);
}

/* Nothing is ready that is not blocked. Follows who is blocked by whom until that goes round, which
 * is a conflict. False if there is no way out of it. */
bool guess_go_back(struct guess *guess)
{
    uint32_t circle = TXN_NONE, length = 0, repeat = TXN_NONE, t = TXN_NONE;
    struct conflict conflict = {0};
    if (!guess->into)
        prepare_to_learn(guess);
    find_ready(guess);
    guess->heap_count = 0;
    CLEANUP(rift_free)
    uint32_t *path = rift_reallocarray(NULL, (size_t)guess->ready_count + 1, sizeof *path);
    if (guess->ready_count > 0)
        t = guess->ready[0];
    else
        t = end_of_wait(guess, one_that_waits(guess), &circle, NULL);
    if (t == TXN_NONE && circle == TXN_NONE)
        return false;
    while (t != TXN_NONE && repeat == TXN_NONE) {
        path[length++] = t;
        t = end_of_wait(guess, late_reader(guess, t), &circle, NULL);
        for (uint32_t i = 0; i < length; i++)
            if (path[i] == t)
                repeat = i;
        guess->work += length;
    }
    if (circle != TXN_NONE && !blame_lessons(guess, circle, &conflict))
        return false;
    for (uint32_t i = repeat; i < length; i++)
        blame_blocked(guess, path[i], &conflict);
    if (learn(guess, &conflict))
        return true;
    if (guess->done_count == 0)
        return false;
    try_otherwise(guess);
    return true;
}

void guess_finish_back(struct guess *guess)
{
    free(guess->into_first);
    free(guess->into);
    free(guess->stamp);
    free(guess->lessons);
    free(guess->lesson_from);
    free(guess->lesson_to);
}

#include "tests/lib/lin_family.h"

#include <assert.h>
#include <stdlib.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"

enum { LOOK_BACK = 2000, STEP_NS = 1000 };

struct family_op {
    int64_t start, end;
    int32_t process;
    char f; /* 'r', 'w', 'c' */
    enum rift_op_type type;
    int64_t a, b; /* read: answer a; write: a; cas: from a to b */
    size_t key;
};

struct client {
    enum { IDLE, INVOKED, EFFECTED } phase;
    size_t op;
    int32_t process;
    bool crashes;
};

struct generator {
    const struct lin_family *family;
    struct rift_rng rng;
    struct family_op *ops;
    size_t count;
    int64_t now;
    struct client *clients;
    int32_t next_process;
    size_t *ghosts; /* crashed ops that may still take effect */
    size_t ghost_count;
    int64_t *state; /* of each key */
    int64_t next_value, value_count;
};

static void invoke(struct generator *g, struct client *client)
{
    struct family_op *op = &g->ops[g->count];
    client->op = g->count++;
    client->phase = INVOKED;
    client->crashes = rift_rng_below(&g->rng, 100) < g->family->crash_percent;
    *op = (struct family_op){.start = g->now, .end = RIFT_TIME_NEVER, .process = client->process};
    op->type = RIFT_OP_INFO;
    op->key = g->family->key_count ? rift_rng_below(&g->rng, g->family->key_count) : 0;
    if (g->family->kind == LIN_UNIQUE) {
        op->f = rift_rng_below(&g->rng, 2) ? 'r' : 'w';
        op->a = op->f == 'w' ? ++g->next_value : 0;
        return;
    }
    op->f = "rwc"[rift_rng_below(&g->rng, 3)];
    op->a = rift_rng_between(&g->rng, 1, g->value_count);
    op->b = rift_rng_between(&g->rng, 1, g->value_count);
}

static void take_effect(struct generator *g, struct family_op *op)
{
    int64_t *state = &g->state[op->key];
    if (op->f == 'r')
        op->a = *state;
    else if (op->f == 'w')
        *state = op->a;
    else if (*state == op->a)
        *state = op->b;
    else if (op->type == RIFT_OP_INFO)
        op->type = RIFT_OP_FAIL; /* until the client completes or crashes */
}

static void complete(struct generator *g, struct client *client)
{
    struct family_op *op = &g->ops[client->op];
    client->phase = IDLE;
    if (client->crashes) {
        op->type = RIFT_OP_INFO;
        client->process = g->next_process++;
        return;
    }
    op->end = g->now;
    if (op->type != RIFT_OP_FAIL)
        op->type = RIFT_OP_OK;
}

static void step(struct generator *g)
{
    g->now += STEP_NS;
    if (g->ghost_count > 0 && rift_rng_below(&g->rng, 64) == 0) {
        size_t nth = rift_rng_below(&g->rng, g->ghost_count);
        struct family_op *ghost = &g->ops[g->ghosts[nth]];
        take_effect(g, ghost);
        ghost->type = RIFT_OP_INFO;
        g->ghosts[nth] = g->ghosts[--g->ghost_count];
        return;
    }
    struct client *client = &g->clients[rift_rng_below(&g->rng, g->family->client_count)];
    if (client->phase == IDLE) {
        if (g->count < g->family->op_count)
            invoke(g, client);
    } else if (client->phase == INVOKED) {
        /* Half of the crashes come before the effect: it comes later, or never. */
        if (client->crashes && rift_rng_below(&g->rng, 2)) {
            g->ghosts[g->ghost_count++] = client->op;
            complete(g, client);
            return;
        }
        take_effect(g, &g->ops[client->op]);
        client->phase = EFFECTED;
    } else {
        complete(g, client);
    }
}

static bool sets(const struct family_op *op, int64_t *value)
{
    *value = op->f == 'w' ? op->a : op->b;
    return op->f != 'r' && op->type != RIFT_OP_FAIL;
}

/* Every writer of value that began before the read was over before some update to another value
 * began, which was itself over before the read began. */
static bool is_gone(const struct generator *g, size_t reader, int64_t value)
{
    const struct family_op *read = &g->ops[reader];
    bool skips_crashed = g->family->stale == LIN_STALE_CRASHED, is_written = false;
    int64_t last_end = -1, other;
    for (size_t i = 0; i < g->count && g->ops[i].start < read->end; i++) {
        const struct family_op *op = &g->ops[i];
        if (op->key != read->key || !sets(op, &other) || other != value)
            continue;
        if (op->type == RIFT_OP_INFO && skips_crashed)
            continue;
        is_written = true;
        last_end = op->end > last_end ? op->end : last_end;
    }
    size_t from = reader > LOOK_BACK ? reader - LOOK_BACK : 0;
    for (size_t i = from; is_written && i < reader; i++) {
        const struct family_op *op = &g->ops[i];
        if (op->key == read->key && op->type == RIFT_OP_OK && sets(op, &other) && other != value &&
            op->start > last_end && op->end < read->start)
            return true;
    }
    return false;
}

static bool make_stale(struct generator *g)
{
    for (size_t i = g->count * 9 / 10; i < g->count; i++) {
        struct family_op *op = &g->ops[i];
        if (op->f != 'r' || op->type != RIFT_OP_OK)
            continue;
        int64_t high = g->family->kind == LIN_CAS ? g->value_count : op->a - 1;
        int64_t low = g->family->kind == LIN_CAS ? 1 : high > 200 ? high - 200 : 1;
        for (int64_t value = high; value >= low; value--) {
            if (value == op->a || !is_gone(g, i, value))
                continue;
            op->a = value;
            return true;
        }
    }
    return false;
}

static struct rift_value pair(struct rift_values *values, int64_t a, int64_t b)
{
    struct rift_value items[2] = {rift_value_integer(values, a), rift_value_integer(values, b)};
    return rift_value_box(values, RIFT_PAIR, items, 2);
}

static struct rift_history *build(const struct generator *g)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_error err;
    for (size_t i = 0; i < g->count; i++) {
        const struct family_op *op = &g->ops[i];
        struct rift_event event = {.process = op->process, .type = RIFT_EVENT_INVOKE};
        struct rift_value result = RIFT_VALUE_NIL;
        event.f = op->f == 'r' ? "read" : op->f == 'w' ? "write" : "cas";
        if (op->f == 'w')
            event.value = rift_value_integer(values, op->a);
        else if (op->f == 'c')
            event.value = pair(values, op->a, op->b);
        if (op->f == 'r' && op->a)
            result = rift_value_integer(values, op->a);
        event.has_key = g->family->key_count > 0;
        if (event.has_key)
            event.key = rift_value_integer(values, (int64_t)op->key);
        int result_code =
            rift_builder_add_op(builder, &event, op->type, op->start, op->end,
                                op->type == RIFT_OP_OK ? result : RIFT_VALUE_NIL, &err);
        assert(result_code == 0);
        (void)result_code;
    }
    return rift_builder_finish(builder, &err);
}

struct rift_history *lin_family_make(const struct lin_family *family, bool *has_stale)
{
    struct generator g = {.family = family};
    g.value_count = family->value_count ? family->value_count : 5;
    rift_rng_init(&g.rng, family->seed);
    g.ops = rift_calloc(family->op_count + 1, sizeof *g.ops);
    g.ghosts = rift_calloc(family->op_count + 1, sizeof *g.ghosts);
    g.clients = rift_calloc(family->client_count, sizeof *g.clients);
    g.state = rift_calloc(family->key_count + 1, sizeof *g.state);
    for (unsigned i = 0; i < family->client_count; i++)
        g.clients[i].process = g.next_process++;
    unsigned open = 0;
    while (g.count < family->op_count || open > 0) {
        step(&g);
        open = 0;
        for (unsigned i = 0; i < family->client_count; i++)
            open += g.clients[i].phase != IDLE;
    }
    bool is_stale = family->stale != LIN_VALID && make_stale(&g);
    if (has_stale)
        *has_stale = is_stale;
    struct rift_history *history = build(&g);
    free(g.ops);
    free(g.ghosts);
    free(g.clients);
    free(g.state);
    return history;
}

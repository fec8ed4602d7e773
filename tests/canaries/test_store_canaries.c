/* Stores with one known bug, and their healthy twins: a bank, registers in copies, a log, watches.
 * Four clients, a crash now and then. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum bug {
    HEALTHY,
    LOSES_UPDATES,   /* balances are written over without a look */
    PAYS_ANYWAY,     /* an account may be drawn below zero */
    FORKS,           /* each copy applies writes in an order of its own */
    HOPS,            /* each read asks any copy, however old */
    FORGETS_OWN,     /* reads ask a copy that writes do not wait for */
    FORGETS_CAUSES,  /* each key is as new as it happens to be */
    LACKS_CAUSES,    /* a read now and then lacks a write in the middle */
    LOOKS_TOO_EARLY, /* an insert acts on what its transaction saw when it began */
    LOSES_SENT,      /* now and then an acknowledged message is not kept */
    SENDS_TWICE,
    SKIPS,         /* a poll or watch now and then goes on too far */
    POLLS_AGAIN,   /* a poll or watch now and then goes back */
    SHOWS_ABORTED, /* what was refused is kept */
    SWAPS,         /* now and then two events come in the wrong order */
    FILLS_IN,      /* one copy now and then has another value at a revision */
    GUESSES,       /* now and then it shows a value that will be written */
};

enum { CLIENTS = 4, OPS = 4000, KEYS = 6, VERSIONS_MAX = OPS, ACCOUNTS = 4, TOTAL = 40 };

enum kind { BANK, GROUPS, REGISTERS, LOG, COMMENTS, INSERTS, WATCHED };

struct client {
    int32_t process;
    const char *f; /* NULL: idle */
    bool has_acted, is_refused;
    int64_t key, value; /* or whom a transfer goes to, and how much */
    int64_t from;
    bool has_seen_none; /* of inserts */
    int64_t before[2];  /* balances that a transfer without a lock saw */
    struct rift_value argument, result;
    int64_t position; /* in the log, or among all writes */
};

struct write {
    int64_t key, value;
};

struct store {
    enum kind kind;
    enum bug bug;
    struct rift_rng rng;
    struct rift_builder *builder;
    struct rift_values *values;
    struct client clients[CLIENTS];
    int64_t balances[ACCOUNTS];
    struct write log[2 * OPS]; /* all writes in one order, and what was sent */
    size_t log_count;
    size_t copied[CLIENTS]; /* what the copy of each client has of it */
    size_t copied_key[CLIENTS][KEYS];
    int64_t next_value, time;
};

static bool often(struct store *store, unsigned one_in)
{
    return rift_rng_below(&store->rng, one_in) == 0;
}

static struct rift_value integer(struct store *store, int64_t number)
{
    return rift_value_integer(store->values, number);
}

static struct rift_value word(struct store *store, const char *text)
{
    return rift_value_keyword(store->values, text, strlen(text));
}

static void record(struct store *store, struct client *client, int type, struct rift_value value)
{
    struct rift_event event = {.process = client->process,
                               .f = client->f,
                               .value = value,
                               .has_key = store->kind == REGISTERS,
                               .has_time = true,
                               .time_ns = store->time += 1000};
    event.key = event.has_key ? integer(store, client->key) : RIFT_VALUE_NIL;
    event.type = type;
    assert_int_equal(rift_builder_add(store->builder, &event, NULL), 0);
}

static struct rift_value micro(struct store *store, const char *f, struct rift_value key,
                               struct rift_value value)
{
    struct rift_value items[] = {word(store, f), key, value};
    return rift_value_box(store->values, RIFT_TXN, items, 3);
}

static struct rift_value transfer(struct store *store, const struct client *client)
{
    struct rift_value items[] = {word(store, "from"),   integer(store, client->from),
                                 word(store, "to"),     integer(store, client->key),
                                 word(store, "amount"), integer(store, client->value)};
    return rift_value_box(store->values, RIFT_MAP, items, 6);
}

/* A group is the pair of keys 2 i and 2 i + 1; each is written once. */
static struct rift_value pair_of_reads(struct store *store, int64_t group, const int64_t *seen)
{
    struct rift_value items[6];
    for (int64_t i = 0; i < 2; i++) {
        items[3 * i] = word(store, "r");
        items[3 * i + 1] = integer(store, 2 * group + i);
        items[3 * i + 2] = seen && seen[i] ? integer(store, 1) : RIFT_VALUE_NIL;
    }
    return rift_value_box(store->values, RIFT_TXN, items, 6);
}

static bool has_written(const struct store *store, int64_t key, size_t until)
{
    for (size_t i = 0; i < until; i++)
        if (store->log[i].key == key)
            return true;
    return false;
}

static void ask(struct store *store, struct client *client)
{
    int64_t number = client - store->clients;
    bool is_change = often(store, 2);
    client->has_acted = client->is_refused = false;
    client->argument = client->result = RIFT_VALUE_NIL;
    client->value = rift_rng_between(&store->rng, 1, 5);
    if (store->kind == BANK) {
        client->f = is_change ? "transfer" : "read";
        client->from = rift_rng_between(&store->rng, 0, ACCOUNTS - 1);
        client->key = (client->from + 1) % ACCOUNTS;
        client->before[0] = store->balances[client->from];
        client->before[1] = store->balances[client->key];
        client->argument = is_change ? transfer(store, client) : RIFT_VALUE_NIL;
    } else if (store->kind == GROUPS) {
        client->f = "txn";
        client->value = is_change ? store->next_value++ : -1;
        client->key = store->next_value / 2;
        client->argument = is_change
                               ? micro(store, "w", integer(store, client->value), integer(store, 1))
                               : pair_of_reads(store, client->key, NULL);
    } else if (store->kind == REGISTERS) {
        client->f = is_change ? "write" : "read";
        client->key = is_change ? number : rift_rng_between(&store->rng, 0, KEYS - 1);
        if (is_change && number + CLIENTS < KEYS && often(store, 2))
            client->key = number + CLIENTS;
        client->value = is_change ? ++store->next_value : 0;
        client->argument = is_change ? integer(store, client->value) : RIFT_VALUE_NIL;
    } else if (store->kind == COMMENTS) {
        client->f = is_change ? "write" : "read";
        client->value = ++store->next_value;
        client->argument = is_change ? integer(store, client->value) : RIFT_VALUE_NIL;
    } else if (store->kind == WATCHED) {
        client->f = is_change ? "write" : "watch";
        client->value = is_change ? ++store->next_value : 0;
        client->argument = is_change ? integer(store, client->value) : RIFT_VALUE_NIL;
    } else if (store->kind == INSERTS) {
        client->f = "insert";
        client->key = ++store->next_value / 2;
        client->has_seen_none = !has_written(store, client->key, store->log_count);
        struct rift_value pair[] = {integer(store, client->key), integer(store, store->next_value)};
        client->argument = rift_value_box(store->values, RIFT_LIST, pair, 2);
    } else {
        client->f = is_change ? "send" : "poll";
        client->value = is_change ? ++store->next_value : 0;
        client->argument =
            is_change ? micro(store, "send", integer(store, 0), integer(store, client->value))
                      : micro(store, "poll", RIFT_VALUE_NIL, RIFT_VALUE_NIL);
    }
    record(store, client, RIFT_EVENT_INVOKE, client->argument);
}

static void act_on_bank(struct store *store, struct client *client)
{
    if (strcmp(client->f, "read") == 0) {
        struct rift_value items[2 * ACCOUNTS];
        for (int64_t i = 0; i < ACCOUNTS; i++) {
            items[2 * i] = integer(store, i);
            items[2 * i + 1] = integer(store, store->balances[i]);
        }
        client->result = rift_value_box(store->values, RIFT_MAP, items, 2 * ACCOUNTS);
        return;
    }
    const bool is_blind = store->bug == LOSES_UPDATES;
    int64_t from = is_blind ? client->before[0] : store->balances[client->from];
    int64_t to = is_blind ? client->before[1] : store->balances[client->key];
    client->is_refused = from < client->value && store->bug != PAYS_ANYWAY;
    if (client->is_refused)
        return;
    store->balances[client->from] = from - client->value;
    store->balances[client->key] = to + client->value;
}

static void act_on_groups(struct store *store, struct client *client)
{
    int64_t number = client - store->clients;
    if (client->value >= 0) {
        store->log[store->log_count++] = (struct write){client->value, 1};
        return;
    }
    int64_t seen[2] = {0};
    size_t until = store->log_count - rift_rng_below(&store->rng, store->log_count < 3 ? 1 : 3);
    for (int64_t i = 0; i < 2; i++) {
        bool is_late = store->bug == FORKS && number % 2 == i; /* misses the newest of this kind */
        seen[i] = has_written(store, 2 * client->key + i, until) && !is_late;
    }
    client->result = pair_of_reads(store, client->key, seen);
}

static int64_t newest(const struct store *store, int64_t key, size_t until)
{
    for (size_t i = until; i > 0; i--)
        if (store->log[i - 1].key == key)
            return store->log[i - 1].value;
    return 0;
}

/* A copy is a prefix of all writes. The healthy store reads from the client's own copy, which
 * never goes back and never lacks its own writes: causal, and often stale. */
static void act_on_registers(struct store *store, struct client *client)
{
    size_t number = (size_t)(client - store->clients);
    size_t *copied = &store->copied[number];
    if (strcmp(client->f, "write") == 0) {
        store->log[store->log_count++] = (struct write){client->key, client->value};
        if (store->bug != FORGETS_OWN)
            *copied = store->log_count;
        return;
    }
    size_t lag = rift_rng_below(&store->rng, 40), until = store->log_count;
    size_t fresh = until > lag ? until - lag : 0;
    *copied = *copied > fresh ? *copied : fresh;
    until = *copied;
    if (store->bug == HOPS)
        until = fresh;
    if (store->bug == FORGETS_CAUSES) { /* but never goes back, and never lacks its own */
        size_t *mine = &store->copied_key[number][client->key];
        bool is_own = (size_t)client->key % CLIENTS == number;
        *mine = *mine > fresh ? *mine : fresh;
        until = is_own ? store->log_count : *mine;
    }
    int64_t value = newest(store, client->key, until);
    client->result = value ? integer(store, value) : RIFT_VALUE_NIL;
}

static void act_on_log(struct store *store, struct client *client)
{
    if (strcmp(client->f, "send") == 0) {
        client->is_refused = often(store, 20);
        bool is_kept = !client->is_refused || store->bug == SHOWS_ABORTED;
        int64_t offset = (int64_t)store->log_count;
        if (is_kept && (store->bug != LOSES_SENT || !often(store, 50)))
            store->log[store->log_count++] = (struct write){0, client->value};
        else if (is_kept)
            store->log[store->log_count++] = (struct write){0, 0}; /* a gap */
        if (store->bug == SENDS_TWICE && often(store, 50))
            store->log[store->log_count++] = (struct write){0, client->value};
        struct rift_value pair[] = {integer(store, offset), integer(store, client->value)};
        client->result = micro(store, "send", integer(store, 0),
                               rift_value_box(store->values, RIFT_LIST, pair, 2));
        return;
    }
    if (store->bug == SKIPS && often(store, 50) && client->position + 2 < (int64_t)store->log_count)
        client->position += 2;
    if (store->bug == POLLS_AGAIN && often(store, 50) && client->position > 0)
        client->position--;
    struct rift_value pairs[10];
    size_t count = 0;
    for (; client->position < (int64_t)store->log_count && count < 10; client->position++) {
        struct rift_value pair[] = {integer(store, client->position),
                                    integer(store, store->log[client->position].value)};
        if (store->log[client->position].value != 0)
            pairs[count++] = rift_value_box(store->values, RIFT_LIST, pair, 2);
    }
    struct rift_value all[] = {integer(store, 0),
                               rift_value_box(store->values, RIFT_LIST, pairs, count)};
    client->result = micro(store, "poll", RIFT_VALUE_NIL,
                           rift_value_box(store->values, RIFT_MAP, all, count ? 2 : 0));
}

/* The healthy store answers some beginning of all writes. */
static void act_on_comments(struct store *store, struct client *client)
{
    struct rift_value items[2 * OPS];
    size_t count = 0, until = store->log_count;
    if (strcmp(client->f, "write") == 0) {
        store->log[store->log_count++] = (struct write){0, client->value};
        return;
    }
    until -= rift_rng_below(&store->rng, until < 5 ? 1 : 5);
    bool lacks_one = store->bug == LACKS_CAUSES && until > 9 && often(store, 20);
    for (size_t i = 0; i < until; i++)
        if (!lacks_one || i != until - 9)
            items[count++] = integer(store, store->log[i].value);
    client->result = rift_value_box(store->values, RIFT_LIST, items, count);
}

static void act_on_inserts(struct store *store, struct client *client)
{
    bool sees_none = store->bug == LOOKS_TOO_EARLY
                         ? client->has_seen_none
                         : !has_written(store, client->key, store->log_count);
    client->is_refused = !sees_none;
    if (sees_none)
        store->log[store->log_count++] = (struct write){client->key, 1};
}

static struct rift_value watch_event(struct store *store, int64_t revision, int64_t value)
{
    struct rift_value pair[] = {integer(store, revision), integer(store, value)};
    return rift_value_box(store->values, RIFT_LIST, pair, 2);
}

/* A revision is how many writes there are with it. Every other write is answered with its own. */
static void act_on_watched(struct store *store, struct client *client)
{
    if (strcmp(client->f, "write") == 0) {
        client->is_refused = often(store, 20);
        if (client->is_refused && store->bug != SHOWS_ABORTED)
            return;
        store->log[store->log_count++] = (struct write){0, client->value};
        if (client->value % 2)
            client->result = watch_event(store, (int64_t)store->log_count, client->value);
        return;
    }
    if (store->bug == SKIPS && often(store, 50) && client->position + 2 < (int64_t)store->log_count)
        client->position += 2;
    if (store->bug == POLLS_AGAIN && often(store, 50) && client->position > 0)
        client->position--;
    struct rift_value events[10];
    size_t count = 0;
    for (; client->position < (int64_t)store->log_count && count < 9; client->position++) {
        int64_t value = store->log[client->position].value;
        if (store->bug == FILLS_IN && client == store->clients && often(store, 50))
            value = store->log[0].value;
        events[count++] = watch_event(store, client->position + 1, value);
        if (store->bug != SWAPS || count < 2 || !often(store, 50))
            continue;
        struct rift_value last = events[count - 1];
        events[count - 1] = events[count - 2];
        events[count - 2] = last;
    }
    if (store->bug == GUESSES && often(store, 50))
        events[count++] = watch_event(store, ++client->position, store->next_value + 1);
    client->result = rift_value_box(store->values, RIFT_LIST, events, count);
}

static void act(struct store *store, struct client *client)
{
    client->has_acted = true;
    if (store->kind == BANK)
        act_on_bank(store, client);
    else if (store->kind == GROUPS)
        act_on_groups(store, client);
    else if (store->kind == REGISTERS)
        act_on_registers(store, client);
    else if (store->kind == COMMENTS)
        act_on_comments(store, client);
    else if (store->kind == INSERTS)
        act_on_inserts(store, client);
    else if (store->kind == WATCHED)
        act_on_watched(store, client);
    else
        act_on_log(store, client);
}

/* A crashed client begins anew: another process, with a copy and a place in the log of its own; a
 * watcher with what comes next. */
static void answer(struct store *store, struct client *client)
{
    size_t number = (size_t)(client - store->clients);
    if (often(store, 80)) {
        record(store, client, RIFT_EVENT_INFO, RIFT_VALUE_NIL);
        client->process += CLIENTS;
        client->position = store->kind == WATCHED ? (int64_t)store->log_count : 0;
        store->copied[number] = 0;
        memset(store->copied_key[number], 0, sizeof store->copied_key[number]);
    } else if (client->is_refused) {
        record(store, client, RIFT_EVENT_FAIL, RIFT_VALUE_NIL);
    } else {
        record(store, client, RIFT_EVENT_OK,
               rift_value_is_nil(client->result) ? client->argument : client->result);
    }
    client->f = NULL;
}

static void step(struct store *store, struct client *client)
{
    if (client->f == NULL)
        ask(store, client);
    else if (!client->has_acted)
        act(store, client);
    else
        answer(store, client);
}

/* At the end of a log, everybody polls until there is nothing more. */
static void poll_rest(struct store *store)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &store->clients[i];
        while (client->f != NULL)
            step(store, client);
        while (client->position < (int64_t)store->log_count) {
            client->f = "poll";
            client->argument = micro(store, "poll", RIFT_VALUE_NIL, RIFT_VALUE_NIL);
            client->is_refused = false;
            record(store, client, RIFT_EVENT_INVOKE, client->argument);
            act(store, client);
            record(store, client, RIFT_EVENT_OK, client->result);
            client->f = NULL;
        }
    }
}

static struct rift_history *simulate(enum kind kind, enum bug bug)
{
    static struct store store;
    store = (struct store){.kind = kind, .bug = bug, .builder = rift_builder_create(RIFT_TIME_NS)};
    store.values = rift_builder_values(store.builder);
    rift_rng_init(&store.rng, 7);
    for (int32_t i = 0; i < CLIENTS; i++)
        store.clients[i].process = i;
    for (int64_t i = 0; i < ACCOUNTS; i++)
        store.balances[i] = TOTAL / ACCOUNTS;
    for (int i = 0; i < OPS; i++)
        step(&store, &store.clients[rift_rng_below(&store.rng, CLIENTS)]);
    if (kind == LOG)
        poll_rest(&store);
    return rift_builder_finish(store.builder, NULL);
}

static void expect(const char *checker, enum kind kind, enum bug bug, const char *anomaly)
{
    CLEANUP(rift_free)
    char *options = kind == BANK ? rift_printf("{\"total\": %d}", TOTAL) : NULL;
    expect_verdict(checker, options, simulate(kind, bug), anomaly ? RIFT_INVALID : RIFT_VALID,
                   anomaly);
}

static void bank_that_loses_updates_is_convicted(void **state)
{
    (void)state;
    expect("bank", BANK, HEALTHY, NULL);
    expect("bank", BANK, LOSES_UPDATES, "wrong total");
    expect("bank", BANK, PAYS_ANYWAY, "negative balance");
}

static void copies_with_an_order_of_their_own_are_convicted(void **state)
{
    (void)state;
    expect("long-fork", GROUPS, HEALTHY, NULL);
    expect("long-fork", GROUPS, FORKS, "long fork");
}

static void copies_that_go_back_are_convicted(void **state)
{
    (void)state;
    expect("monotonic", REGISTERS, HEALTHY, NULL);
    expect("monotonic", REGISTERS, HOPS, "non-monotonic read");
}

static void sessions_that_forget_are_convicted(void **state)
{
    (void)state;
    expect("sessions", REGISTERS, HEALTHY, NULL);
    expect("sessions", REGISTERS, HOPS, "non-monotonic read");
    expect("sessions", REGISTERS, FORGETS_OWN, "own write not read");
    expect("sessions", REGISTERS, FORGETS_CAUSES, "monotonic writes");
    expect("sessions", REGISTERS, FORGETS_CAUSES, "writes follow reads");
}

static void effects_without_their_causes_are_convicted(void **state)
{
    (void)state;
    expect("causal", REGISTERS, HEALTHY, NULL);
    expect("causal", REGISTERS, FORGETS_CAUSES, "causality violation");
}

static void writes_seen_without_earlier_ones_are_convicted(void **state)
{
    (void)state;
    expect("causal-reverse", COMMENTS, HEALTHY, NULL);
    expect("causal-reverse", COMMENTS, LACKS_CAUSES, "causal reverse");
}

static void inserts_that_did_not_see_each_other_are_convicted(void **state)
{
    (void)state;
    expect("adya", INSERTS, HEALTHY, NULL);
    expect("adya", INSERTS, LOOKS_TOO_EARLY, "G2");
}

static void log_with_a_bug_is_convicted(void **state)
{
    (void)state;
    expect("kafka", LOG, HEALTHY, NULL);
    expect("kafka", LOG, LOSES_SENT, "lost write");
    expect("kafka", LOG, SENDS_TWICE, "duplicate");
    expect("kafka", LOG, SKIPS, "poll skip");
    expect("kafka", LOG, POLLS_AGAIN, "nonmonotonic poll");
    expect("kafka", LOG, SHOWS_ABORTED, "G1a");
}

static void watches_of_a_store_with_a_bug_are_convicted(void **state)
{
    (void)state;
    expect("watch", WATCHED, HEALTHY, NULL);
    expect("watch", WATCHED, SWAPS, "event out of order");
    expect("watch", WATCHED, POLLS_AGAIN, "event seen twice");
    expect("watch", WATCHED, FILLS_IN, "divergent event");
    expect("watch", WATCHED, SKIPS, "lost event");
    expect("watch", WATCHED, SHOWS_ABORTED, "phantom event");
    expect("watch", WATCHED, GUESSES, "event from the future");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bank_that_loses_updates_is_convicted),
        cmocka_unit_test(copies_with_an_order_of_their_own_are_convicted),
        cmocka_unit_test(copies_that_go_back_are_convicted),
        cmocka_unit_test(sessions_that_forget_are_convicted),
        cmocka_unit_test(effects_without_their_causes_are_convicted),
        cmocka_unit_test(writes_seen_without_earlier_ones_are_convicted),
        cmocka_unit_test(inserts_that_did_not_see_each_other_are_convicted),
        cmocka_unit_test(log_with_a_bug_is_convicted),
        cmocka_unit_test(watches_of_a_store_with_a_bug_are_convicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

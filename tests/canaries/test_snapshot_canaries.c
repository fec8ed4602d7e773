/* A store of snapshots that tells them as PostgreSQL does, and its twins with a bug: one tells a
 * snapshot that is not the one it read from, one reads what is newest, one lets two who overlap
 * write one key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum bug { HEALTHY, TELLS_AN_OLDER_SNAPSHOT, READS_THE_NEWEST, LETS_WRITERS_OVERLAP };
enum { CLIENTS = 5, STEPS = 4000, TXNS_MAX = STEPS, KEYS = 4, MOPS = 2 };

struct client {
    int32_t process;
    bool is_open;
    int mop_count;
    size_t seen; /* commits in its snapshot */
    struct rift_value mops[3 * MOPS], snapshot, older;
    bool writes[KEYS];
    int64_t xid; /* 0: none yet */
};

struct commit {
    int64_t value[KEYS]; /* after it */
    bool wrote[KEYS];
};

struct store {
    enum bug bug;
    struct rift_rng rng;
    struct rift_builder *builder;
    struct rift_values *values;
    struct client clients[CLIENTS];
    struct commit commits[TXNS_MAX + 1];
    size_t commit_count;
    int64_t next_xid, next_value, time;
    int64_t last_ended; /* xid */
};

/* "xmin:xmax:xip": what is below xmax and not in xip has ended. */
static struct rift_value tell_snapshot(struct store *store)
{
    struct rift_text text = {0};
    int64_t xmax = store->last_ended + 1;
    bool has_one = false;
    rift_text_printf(&text, "1:%lld:", (long long)xmax);
    for (int64_t xid = 1; xid < xmax; xid++)
        for (int c = 0; c < CLIENTS; c++)
            if (store->clients[c].is_open && store->clients[c].xid == xid) {
                rift_text_printf(&text, has_one ? ",%lld" : "%lld", (long long)xid);
                has_one = true;
            }
    CLEANUP(rift_free) char *taken = rift_text_take(&text);
    return rift_value_text(store->values, taken, strlen(taken));
}

static struct rift_value word(struct store *store, const char *name)
{
    return rift_value_keyword(store->values, name, strlen(name));
}

static void record(struct store *store, struct client *client, int type, struct rift_value extra)
{
    struct rift_event event = {.process = client->process,
                               .f = "txn",
                               .has_time = true,
                               .time_ns = store->time += 1000,
                               .extra = extra};
    event.type = type;
    event.value = rift_value_box(store->values, RIFT_TXN, client->mops,
                                 type == RIFT_EVENT_INVOKE ? 0 : 3 * (size_t)client->mop_count);
    assert_int_equal(rift_builder_add(store->builder, &event, NULL), 0);
}

static void begin(struct store *store, struct client *client)
{
    struct rift_value before = client->snapshot;
    client->mop_count = 0;
    client->xid = 0;
    memset(client->writes, 0, sizeof client->writes);
    client->seen = store->commit_count;
    client->snapshot = tell_snapshot(store);
    client->older = rift_value_is_nil(before) ? client->snapshot : before;
    client->is_open = true;
    record(store, client, RIFT_EVENT_INVOKE, RIFT_VALUE_NIL);
}

static void work(struct store *store, struct client *client)
{
    uint64_t key = rift_rng_below(&store->rng, KEYS);
    struct rift_value *mop = &client->mops[3 * client->mop_count++];
    size_t seen = store->bug == READS_THE_NEWEST ? store->commit_count : client->seen;
    mop[1] = rift_value_integer(store->values, (int64_t)key);
    if (rift_rng_below(&store->rng, 2) || client->writes[key]) {
        int64_t value = store->commits[seen].value[key];
        if (client->writes[key]) { /* its own */
            client->mop_count--;
            return;
        }
        mop[0] = word(store, "r");
        mop[2] = value ? rift_value_integer(store->values, value) : RIFT_VALUE_NIL;
        return;
    }
    mop[0] = word(store, "w");
    mop[2] = rift_value_integer(store->values, store->next_value++);
    client->writes[key] = true;
    if (client->xid == 0)
        client->xid = ++store->next_xid;
}

static bool conflicts(const struct store *store, const struct client *client)
{
    for (size_t i = client->seen + 1; i <= store->commit_count; i++)
        for (int key = 0; key < KEYS; key++)
            if (client->writes[key] && store->commits[i].wrote[key])
                return store->bug != LETS_WRITERS_OVERLAP;
    return false;
}

static void end(struct store *store, struct client *client)
{
    bool is_refused = conflicts(store, client);
    struct rift_value extra[4] = {
        word(store, "snapshot"),
        store->bug == TELLS_AN_OLDER_SNAPSHOT && rift_rng_below(&store->rng, 20) == 0
            ? client->older
            : client->snapshot,
        word(store, "xid"), rift_value_integer(store->values, client->xid)};
    if (client->xid && !is_refused) {
        struct commit *commit = &store->commits[++store->commit_count];
        *commit = store->commits[store->commit_count - 1];
        for (int key = 0; key < KEYS; key++)
            commit->wrote[key] = client->writes[key];
        for (int i = 0; i < client->mop_count; i++)
            if (rift_value_is_word(store->values, client->mops[3 * i], "w"))
                commit->value[rift_value_as_integer(store->values, client->mops[3 * i + 1])] =
                    rift_value_as_integer(store->values, client->mops[3 * i + 2]);
    }
    if (client->xid > store->last_ended)
        store->last_ended = client->xid;
    record(store, client, is_refused ? RIFT_EVENT_FAIL : RIFT_EVENT_OK,
           rift_value_box(store->values, RIFT_MAP, extra, client->xid ? 4 : 2));
    client->is_open = false;
}

static struct rift_history *simulate(enum bug bug)
{
    static struct store store;
    store = (struct store){.bug = bug, .builder = rift_builder_create(RIFT_TIME_NS)};
    store.values = rift_builder_values(store.builder);
    store.next_value = 1;
    rift_rng_init(&store.rng, 5);
    for (int i = 0; i < STEPS; i++) {
        struct client *client = &store.clients[rift_rng_below(&store.rng, CLIENTS)];
        client->process = (int32_t)(client - store.clients);
        if (!client->is_open)
            begin(&store, client);
        else if (client->mop_count < MOPS)
            work(&store, client);
        else
            end(&store, client);
    }
    return rift_builder_finish(store.builder, NULL);
}

static void expect(enum bug bug, const char *anomaly)
{
    expect_verdict("timestamps", "{\"order\": \"realtime\"}", simulate(bug),
                   anomaly ? RIFT_INVALID : RIFT_VALID, anomaly);
}

static void store_that_tells_its_snapshots_is_clean(void **state)
{
    (void)state;
    expect(HEALTHY, NULL);
}

static void a_wrong_snapshot_is_convicted(void **state)
{
    (void)state;
    expect(TELLS_AN_OLDER_SNAPSHOT, "read against timestamps");
    expect(TELLS_AN_OLDER_SNAPSHOT, "session against timestamps");
}

static void reads_past_the_snapshot_and_overlapping_writers_are_convicted(void **state)
{
    (void)state;
    expect(READS_THE_NEWEST, "read against timestamps");
    expect(LETS_WRITERS_OVERLAP, "write conflict");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_that_tells_its_snapshots_is_clean),
        cmocka_unit_test(a_wrong_snapshot_is_convicted),
        cmocka_unit_test(reads_past_the_snapshot_and_overlapping_writers_are_convicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The checker of transactions whose client recorded the database's own timestamps: :start-ts and
 * :commit-ts (or with _) beside the completion, or PostgreSQL's :snapshot and :xid. They leave no
 * order to search for. Everything happens again in their order, and each read must return what the
 * store holds then, as in Chronos (ICDE 2025): O(n log n).
 *
 * snapshot-isolation: reads show what was committed at or before start-ts, and no two transactions
 * that overlap write one key. serializable: reads show what was committed before commit-ts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/registry.h"
#include "checkers/txn/load.h"
#include "checkers/txn/snapshots.h"
#include "checkers/txn/txns.h"
#include "common/memory.h"

enum { KEPT_PER_KIND = 8 };

enum kind { BACKWARD, STALE_READ, CONFLICT, BEHIND_SESSION, BEHIND_REALTIME, KIND_COUNT };

static const struct {
    const char *name, *what;
} kinds[KIND_COUNT] = {
    [BACKWARD] = {"timestamps backwards", "its commit timestamp is before its start timestamp"},
    [STALE_READ] = {"read against timestamps", "it did not read what was committed by then"},
    [CONFLICT] = {"write conflict", "another one committed the same key while it ran"},
    [BEHIND_SESSION] = {"session against timestamps",
                        "its process had run another one with a later timestamp before"},
    [BEHIND_REALTIME] = {"real time against timestamps",
                         "one with a later timestamp had ended before it started"},
};

/* A moment of a transaction: commits come before starts of the same timestamp. */
struct moment {
    int64_t timestamp;
    bool is_start;
    uint32_t txn;
};

struct judge {
    const struct txn_set *set;
    struct rift_verdict *verdict;
    bool is_serializable;
    int64_t *start, *commit; /* per transaction; has tells whether they are there */
    uint8_t *has;
    uint32_t *last;    /* per key: the write mop committed last, or TXN_NONE */
    uint32_t *count;   /* per key: appends committed */
    uint32_t *before;  /* per write mop: the one committed before it */
    uint32_t *behind;  /* per key: the transaction that committed it last, or TXN_NONE */
    bool *is_doubtful; /* per key: a read showed a write without a commit timestamp */
    size_t found[KIND_COUNT], doubtful;
};

static bool read_timestamp(const struct txn_set *set, uint32_t txn, const char *name,
                           const char *other, int64_t *timestamp)
{
    const struct rift_history *history = set->history;
    struct rift_value extra, value;
    if (!history->ops.extra_end)
        return false;
    extra = history->ops.extra_end[set->row[txn]];
    if (!rift_value_map_get(history->values, extra, name, &value) &&
        !rift_value_map_get(history->values, extra, other, &value))
        return false;
    if (rift_value_kind(history->values, value) != RIFT_INTEGER)
        return false;
    *timestamp = rift_value_as_integer(history->values, value);
    return true;
}

static void convict(struct judge *judge, enum kind kind, uint32_t txn, uint32_t other,
                    const char *more)
{
    if (++judge->found[kind] > KEPT_PER_KIND)
        return;
    const uint32_t *row = judge->set->row;
    json_t *object =
        rift_verdict_convict(judge->verdict, kinds[kind].name, "%s: operation %" PRIu32 ": %s%s",
                             kinds[kind].name, row[txn], kinds[kind].what, more);
    json_t *ops = json_pack("[i]", (int)row[txn]);
    if (other != TXN_NONE)
        json_array_append_new(ops, json_integer(row[other]));
    json_object_set_new(object, "ops", ops);
}

static bool is_unstamped(const struct judge *judge, uint32_t mop)
{
    return mop != TXN_NONE && judge->set->type[judge->set->mop_txn[mop]] != RIFT_OP_FAIL &&
           !(judge->has[judge->set->mop_txn[mop]] & TXN_HAS_COMMIT);
}

/* What a read must show: the state, then what the transaction wrote itself before. */
static bool register_fits(const struct judge *judge, uint32_t mop, bool *is_doubtful)
{
    const struct txn_set *set = judge->set;
    uint32_t at = set->mop_before[mop];
    while (at != TXN_NONE && set->mop_function[at] == TXN_READ)
        at = set->mop_before[at];
    if (at == TXN_NONE)
        at = judge->last[set->mop_key[mop]];
    struct rift_value expected =
        at == TXN_NONE ? set->initial[set->mop_key[mop]] : set->mop_value[at];
    if (rift_value_equal(set->values, expected, set->mop_value[mop]))
        return true;
    *is_doubtful = is_unstamped(judge, txn_set_writer(set, set->mop_key[mop], set->mop_value[mop]));
    return false;
}

/* The list from its end: own appends backwards, then what was committed, backwards. */
static bool list_fits(const struct judge *judge, uint32_t mop, bool *is_doubtful)
{
    const struct txn_set *set = judge->set;
    struct rift_value list = set->mop_value[mop];
    size_t left = rift_value_count(set->values, list);
    bool is_right = true;
    for (size_t i = 0; i < left; i++)
        *is_doubtful |= is_unstamped(
            judge, txn_set_writer(set, set->mop_key[mop], rift_value_item(set->values, list, i)));
    for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at])
        if (set->mop_function[at] != TXN_READ)
            is_right = is_right && left > 0 &&
                       rift_value_equal(set->values, set->mop_value[at],
                                        rift_value_item(set->values, list, --left));
    if (left != judge->count[set->mop_key[mop]])
        return false;
    for (uint32_t at = judge->last[set->mop_key[mop]]; is_right && at != TXN_NONE;
         at = judge->before[at])
        is_right = rift_value_equal(set->values, set->mop_value[at],
                                    rift_value_item(set->values, list, --left));
    return is_right;
}

static void judge_reads(struct judge *judge, uint32_t txn)
{
    const struct txn_set *set = judge->set;
    for (uint32_t mop = set->first[txn]; mop < set->first[txn + 1]; mop++) {
        uint32_t key = set->mop_key[mop];
        bool is_doubtful = false;
        if (set->mop_function[mop] != TXN_READ || !txn_is_committed(set, txn) ||
            judge->is_doubtful[key])
            continue;
        bool fits = set->write_function == TXN_APPEND ? list_fits(judge, mop, &is_doubtful)
                                                      : register_fits(judge, mop, &is_doubtful);
        if (!fits && is_doubtful) {
            judge->is_doubtful[key] = true;
            judge->doubtful++;
        } else if (!fits) {
            CLEANUP(rift_free) char *name = rift_value_print(set->values, set->keys[key]);
            CLEANUP(rift_free) char *more = rift_printf(" of key %s", name);
            uint32_t last = judge->last[key];
            convict(judge, STALE_READ, txn, last == TXN_NONE ? TXN_NONE : set->mop_txn[last], more);
        }
    }
}

static void apply_writes(struct judge *judge, uint32_t txn)
{
    const struct txn_set *set = judge->set;
    for (uint32_t mop = set->first[txn]; mop < set->first[txn + 1]; mop++) {
        uint32_t key = set->mop_key[mop], other = judge->behind[key];
        if (set->mop_function[mop] == TXN_READ)
            continue;
        if (!judge->is_serializable && other != TXN_NONE && other != txn &&
            judge->commit[other] > judge->start[txn])
            convict(judge, CONFLICT, txn, other, "");
        judge->behind[key] = txn;
        judge->before[mop] = judge->last[key];
        judge->last[key] = mop;
        judge->count[key]++;
    }
}

static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->timestamp != y->timestamp)
        return x->timestamp < y->timestamp ? -1 : 1;
    if (x->is_start != y->is_start)
        return x->is_start ? 1 : -1;
    return (x->txn > y->txn) - (x->txn < y->txn);
}

/* When the reads of a transaction happen. */
static int64_t read_moment(const struct judge *judge, uint32_t txn)
{
    bool at_commit = judge->is_serializable && (judge->has[txn] & TXN_HAS_COMMIT);
    return at_commit || !(judge->has[txn] & TXN_HAS_START) ? judge->commit[txn] : judge->start[txn];
}

static void replay(struct judge *judge)
{
    const struct txn_set *set = judge->set;
    struct moment *moments = rift_reallocarray(NULL, 2 * (size_t)set->count + 1, sizeof *moments);
    size_t count = 0;
    for (uint32_t t = 0; t < set->count; t++) {
        bool reads_at_commit = judge->is_serializable || !(judge->has[t] & TXN_HAS_START);
        if ((judge->has[t] & TXN_HAS_START) &&
            !(reads_at_commit && (judge->has[t] & TXN_HAS_COMMIT)))
            moments[count++] = (struct moment){judge->start[t], true, t};
        if (judge->has[t] & TXN_HAS_COMMIT)
            moments[count++] = (struct moment){judge->commit[t], false, t};
    }
    qsort(moments, count, sizeof *moments, compare_moments);
    for (size_t i = 0; i < count; i++) {
        uint32_t t = moments[i].txn;
        if (moments[i].is_start || judge->is_serializable || !(judge->has[t] & TXN_HAS_START))
            judge_reads(judge, t);
        if (!moments[i].is_start)
            apply_writes(judge, t);
    }
    free(moments);
}

struct ended {
    int64_t end, timestamp;
    uint32_t txn;
};

static int compare_ends(const void *a, const void *b)
{
    const struct ended *x = a, *y = b;
    return (x->end > y->end) - (x->end < y->end);
}

/* Rows come by their start, so one walk over the ends keeps the latest timestamp of what had ended.
 */
static void judge_realtime(struct judge *judge)
{
    const struct txn_set *set = judge->set;
    struct ended *ended = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof *ended);
    size_t count = 0, passed = 0;
    uint32_t latest = TXN_NONE;
    for (uint32_t t = 0; t < set->count; t++)
        if (judge->has[t] && txn_end(set, t) != RIFT_TIME_NEVER)
            ended[count++] = (struct ended){
                txn_end(set, t),
                judge->has[t] & TXN_HAS_COMMIT ? judge->commit[t] : judge->start[t], t};
    qsort(ended, count, sizeof *ended, compare_ends);
    int64_t timestamp = INT64_MIN;
    for (uint32_t t = 0; t < set->count; t++) {
        for (; passed < count && ended[passed].end < txn_start(set, t); passed++)
            if (ended[passed].timestamp > timestamp) {
                timestamp = ended[passed].timestamp;
                latest = ended[passed].txn;
            }
        if (judge->has[t] && latest != TXN_NONE && read_moment(judge, t) < timestamp)
            convict(judge, BEHIND_REALTIME, t, latest, "");
    }
    free(ended);
}

struct session {
    int32_t process;
    uint32_t txn;
};

static int compare_sessions(const void *a, const void *b)
{
    const struct session *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return (x->txn > y->txn) - (x->txn < y->txn);
}

static void judge_sessions(struct judge *judge)
{
    const struct txn_set *set = judge->set;
    struct session *sessions = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof *sessions);
    size_t count = 0;
    for (uint32_t t = 0; t < set->count; t++)
        if (judge->has[t] && txn_is_committed(set, t))
            sessions[count++] = (struct session){set->history->ops.process[set->row[t]], t};
    qsort(sessions, count, sizeof *sessions, compare_sessions);
    for (size_t i = 1; i < count; i++) {
        uint32_t a = sessions[i - 1].txn, b = sessions[i].txn;
        int64_t timestamp = judge->has[a] & TXN_HAS_COMMIT ? judge->commit[a] : judge->start[a];
        if (sessions[i - 1].process == sessions[i].process && read_moment(judge, b) < timestamp)
            convict(judge, BEHIND_SESSION, b, a, "");
    }
    free(sessions);
}

/* Reads the timestamps; returns how many committed transactions lack what the level needs. */
static uint32_t read_timestamps(struct judge *judge)
{
    const struct txn_set *set = judge->set;
    uint32_t lacking = 0;
    bool has_snapshots = txn_snapshots_read(set, judge->start, judge->commit, judge->has) > 0;
    for (uint32_t t = 0; t < set->count; t++) {
        bool writes = false;
        if (set->type[t] == RIFT_OP_FAIL)
            continue;
        for (uint32_t mop = set->first[t]; mop < set->first[t + 1]; mop++)
            writes |= set->mop_function[mop] != TXN_READ;
        if (!has_snapshots && read_timestamp(set, t, "start-ts", "start_ts", &judge->start[t]))
            judge->has[t] |= TXN_HAS_START;
        if (!has_snapshots && read_timestamp(set, t, "commit-ts", "commit_ts", &judge->commit[t]))
            judge->has[t] |= TXN_HAS_COMMIT;
        bool has_enough =
            (judge->has[t] & (judge->is_serializable ? TXN_HAS_COMMIT : TXN_HAS_START)) ||
            (judge->is_serializable && !writes && judge->has[t]);
        if (writes && !(judge->has[t] & TXN_HAS_COMMIT))
            has_enough = false;
        lacking += txn_is_committed(set, t) && !has_enough;
        if (judge->has[t] == (TXN_HAS_START | TXN_HAS_COMMIT) && judge->commit[t] < judge->start[t])
            convict(judge, BACKWARD, t, TXN_NONE, "");
    }
    return lacking;
}

static void conclude(struct judge *judge, uint32_t lacking)
{
    json_t *stats = rift_verdict_stats(judge->verdict);
    uint32_t stamped = 0;
    for (uint32_t t = 0; t < judge->set->count; t++)
        stamped += judge->has[t] != 0;
    json_object_set_new(stats, "transactions", json_integer(judge->set->count));
    json_object_set_new(stats, "with_timestamps", json_integer(stamped));
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (judge->found[kind])
            json_object_set_new(stats, kinds[kind].name,
                                json_integer((json_int_t)judge->found[kind]));
    if (stamped == 0)
        rift_verdict_doubt(judge->verdict,
                           "no transaction has :start-ts or :commit-ts, or :snapshot");
    else if (lacking)
        rift_verdict_doubt(judge->verdict,
                           "%" PRIu32 " committed transactions lack the timestamps that the level "
                           "needs",
                           lacking);
    if (judge->doubtful)
        rift_verdict_doubt(judge->verdict,
                           "of %zu keys a read showed a write without a commit timestamp",
                           judge->doubtful);
}

static void judge_set(const struct rift_check *check, const struct txn_set *set,
                      struct rift_verdict *verdict)
{
    const char *level = json_string_value(json_object_get(check->options, "level"));
    const char *order = json_string_value(json_object_get(check->options, "order"));
    size_t txns = (size_t)set->count + 1, keys = (size_t)set->key_count + 1;
    struct judge judge = {
        .set = set,
        .verdict = verdict,
        .is_serializable = strcmp(level, "serializable") == 0,
        .start = rift_calloc(txns, sizeof(int64_t)),
        .commit = rift_calloc(txns, sizeof(int64_t)),
        .has = rift_calloc(txns, sizeof(uint8_t)),
        .last = rift_reallocarray(NULL, keys, sizeof(uint32_t)),
        .behind = rift_reallocarray(NULL, keys, sizeof(uint32_t)),
        .count = rift_calloc(keys, sizeof(uint32_t)),
        .before = rift_calloc((size_t)set->mop_count + 1, sizeof(uint32_t)),
        .is_doubtful = rift_calloc(keys, sizeof(bool)),
    };
    memset(judge.last, 0xff, keys * sizeof(uint32_t)); /* TXN_NONE */
    memset(judge.behind, 0xff, keys * sizeof(uint32_t));
    uint32_t lacking = read_timestamps(&judge);
    /* Where a write has no place in the order, what reads should show is not known. */
    if (!lacking)
        replay(&judge);
    if (strcmp(order, "none") != 0)
        judge_sessions(&judge);
    if (strcmp(order, "realtime") == 0)
        judge_realtime(&judge);
    conclude(&judge, lacking);
    free(judge.start);
    free(judge.commit);
    free(judge.has);
    free(judge.last);
    free(judge.behind);
    free(judge.count);
    free(judge.before);
    free(judge.is_doubtful);
}

/* Nobody wrote: what reads answer tells whether they are of lists or of registers. */
static bool only_reads_lists(const struct txn_set *set)
{
    bool has_list = false;
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        if (set->mop_function[mop] != TXN_READ)
            return false;
        has_list |= rift_value_kind(set->values, set->mop_value[mop]) == RIFT_LIST;
    }
    return has_list;
}

static int timestamps_check(const struct rift_check *check, struct rift_verdict *verdict,
                            struct rift_error *err)
{
    struct txn_set set;
    struct rift_error ignored = {0};
    int loaded = txn_set_init(&set, check->history, TXN_WRITE, &ignored);
    if (loaded == 0 && only_reads_lists(&set)) {
        txn_set_finish(&set);
        loaded = -1;
    }
    if (loaded < 0 && txn_set_init(&set, check->history, TXN_APPEND, err) < 0)
        return -1;
    if (set.repeated_write != TXN_NONE)
        rift_verdict_doubt(verdict, "operation %" PRIu32 " writes a value twice",
                           set.row[set.mop_txn[set.repeated_write]]);
    else if (set.predicate_reads)
        rift_verdict_doubt(verdict, "reads of predicates are not replayed by timestamps");
    else
        judge_set(check, &set, verdict);
    txn_set_finish(&set);
    return 0;
}

static const char *const levels[] = {"snapshot-isolation", "serializable", NULL};
static const char *const orders[] = {"none", "session", "realtime", NULL};

static const struct rift_option timestamps_options[] = {
    {.name = "level",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "snapshot-isolation",
     .choices = levels,
     .summary = "whether reads happen at the start or at the commit"},
    {.name = "order",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "session",
     .choices = orders,
     .summary = "timestamps must follow each process, or real time too"},
    {0},
};

const struct rift_checker rift_checker_timestamps = {
    .name = "timestamps",
    .summary = "transactions replayed by the database's own timestamps :start-ts and :commit-ts",
    .options = timestamps_options,
    .check = timestamps_check,
};

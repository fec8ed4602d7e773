/* Every transactional history of the peers: we agree with what its peer expects, or the difference
 * is explained below by the peer's defect or by what it did not ask. An explanation that is no
 * longer needed fails too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "history/reader.h"
#include "tests/lib/small_txns.h"

enum { COLUMN_COUNT = 6, PATH_SIZE = 1024 };

static const struct difference {
    const char *file, *level;
    const char *why;
    bool is_seen;
} differences_start[] = {
    {"txn/dbcop-tests/paper_np_complete-si_pass_non_conflicting.txt",
     "strong-session-snapshot-isolation",
     "it only writes: nothing was read, so nothing was put to the test, and we say unknown", false},
    {"txn/elle-cli/elle/rw-register.edn", "serializable",
     "a read of 3, which nobody wrote: rw-register of Elle does not look for such (elle#8)", false},
    {"txn/elle-cli/elle/rw-register.json", "serializable", "the same history", false},
    {"txn/elle-tests/append-015-checker-test.edn", "serializable",
     "the test asks Elle for G2 alone; the aborted read that it names too rules out "
     "serializability",
     false},
    {"txn/elle-tests/register-053-checker-test.edn", "strict-serializable",
     "a read of 2, which nobody wrote (elle#8)", false},
    {"txn/elle-tests/register-054-checker-test.edn", "strict-serializable",
     "both convict; Elle calls it a cycle through version 2, which nobody wrote: a garbage read",
     false},
    {"txn/elle-tests/register-064-checker-test.edn", "serializable",
     "the test hands Elle an order of transactions from inside the database; without it some "
     "serial "
     "order explains the history, and was found",
     false},
    {"txn/elle-tests/register-069-checker-test.edn", "serializable",
     "the test asks Elle for G2 alone; the G1c rules out serializability", false},
    {"txn/elle-tests/register-077-checker-test.edn", "serializable",
     "both convict; y = 1, which the cycle rests upon, was never written: a garbage read", false},
    {NULL, NULL, NULL, false},
};

static struct difference *differences;
static int asked, agreed, failed;

struct row {
    const char *file, *format, *model, *expected;
};

static const char *data_folder(void)
{
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    return folder ? folder : "../shared/data";
}

static bool is_explained(const char *file, const char *level)
{
    for (struct difference *d = differences; d->file; d++)
        if (strcmp(d->file, file) == 0 && strcmp(d->level, level ? level : "") == 0) {
            d->is_seen = true;
            return true;
        }
    return false;
}

static void report(const struct row *row, const char *level, const char *what)
{
    if (is_explained(row->file, level)) {
        agreed++;
        return;
    }
    fprintf(stderr, "%s, %s: %s\n    expected: %s\n", row->file, level ? level : "", what,
            row->expected);
    failed++;
}

/* Asks one question; the caller finishes the verdict. */
static void ask(const struct row *row, const struct rift_history *history, const char *level,
                const char *option, struct rift_verdict *verdict)
{
    const char *checker = strcmp(row->model, "list-append") == 0           ? "list-append"
                          : strcmp(row->model, "bank") == 0                ? "bank"
                          : rift_text_starts_with(row->model, "long-fork") ? "long-fork"
                                                                           : "rw-register";
    small_check_history(history, checker, level, option, verdict);
    asked++;
}

static void expect(const struct row *row, const struct rift_history *history, const char *level,
                   const char *option, bool is_valid)
{
    struct rift_verdict verdict = {0};
    ask(row, history, level, option, &verdict);
    if (verdict.validity == (is_valid ? RIFT_VALID : RIFT_INVALID)) {
        agreed++;
        if (is_explained(row->file, level)) {
            fprintf(stderr, "%s, %s: agrees, but a difference is explained\n", row->file, level);
            failed++;
        }
    } else {
        CLEANUP(rift_free)
        char *what = rift_printf("%s (%s)", rift_validity_name(verdict.validity),
                                 verdict.reason ? verdict.reason : "");
        report(row, level, what);
    }
    rift_verdict_finish(&verdict);
}

/* Words of the expectation and what they ask: "RC ok", "SER=false", "si invalid". */
static const struct {
    const char *word, *level;
    bool is_valid;
} words[] = {
    {"RC ok", "strong-session-monotonic-read-committed", true},
    {"RC violated", "strong-session-monotonic-read-committed", false},
    {"RC=true", "strong-session-monotonic-read-committed", true},
    {"RC=false", "strong-session-monotonic-read-committed", false},
    {"RA ok", "strong-session-read-atomic", true},
    {"RA violated", "strong-session-read-atomic", false},
    {"RA=true", "strong-session-read-atomic", true},
    {"RA=false", "strong-session-read-atomic", false},
    {"CC ok", "strong-session-causal", true},
    {"CC violated", "strong-session-causal", false},
    {"TCC violated", "strong-session-causal", false},
    {"CC=true", "strong-session-causal", true},
    {"CC=false", "strong-session-causal", false},
    {"SI=true", "strong-session-snapshot-isolation", true},
    {"SI=false", "strong-session-snapshot-isolation", false},
    {"si valid", "strong-session-snapshot-isolation", true},
    {"si invalid", "strong-session-snapshot-isolation", false},
    {"SER=true", "strong-session-serializable", true},
    {"SER=false", "strong-session-serializable", false},
    {"SER violated", "strong-session-serializable", false},
    {"ser invalid", "strong-session-serializable", false},
    {"CommittedRead=ok", "strong-session-monotonic-read-committed", true},
    {"RepeatableRead=err", "repeatable-read", false},
    {"Causal=ok", "strong-session-causal", true},
    {"causal=ok", "strong-session-causal", true},
    {"causal=err", "strong-session-causal", false},
    {"Prefix=err", "strong-session-prefix", false},
    {"prefix=ok", "strong-session-prefix", true},
    {"SnapshotIsolation=ok", "strong-session-snapshot-isolation", true},
    {"SnapshotIsolation=err", "strong-session-snapshot-isolation", false},
    {"Serializable=ok", "strong-session-serializable", true},
    {"Serializable=err", "strong-session-serializable", false},
};

static void check_words(const struct row *row, const struct rift_history *history)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(row->expected, words[i].word);
        if (at && (at == row->expected || at[-1] == ' '))
            expect(row, history, words[i].level, NULL, words[i].is_valid);
    }
}

/* Elle's name of an anomaly as ours: no -item but of G2, and blanks. */
static char *our_name(const char *theirs, size_t length)
{
    char *name = rift_strndup(theirs, length), *item = strstr(name, "-item");
    if (item && !rift_text_starts_with(name, "G2"))
        memmove(item, item + strlen("-item"), strlen(item + strlen("-item")) + 1);
    if (name[0] != 'G')
        for (char *c = name; *c; c++)
            *c = *c == '-' ? ' ' : *c;
    return name;
}

/* Each ":name" between the brackets behind label, through ours; counts[name] must be there. */
static bool has_all_anomalies(const char *expected, const json_t *counts, char **missing)
{
    const char *at = strstr(expected, "anomalies=[");
    const char *end = at ? strchr(at, ']') : NULL;
    while (at && (at = strchr(at, ':')) && at < end) {
        size_t length = strcspn(++at, " ]");
        char *name = our_name(at, length);
        bool is_missing = strcmp(name, "empty transaction graph") != 0 &&
                          !strstr(name, "cycle-exists") && !json_object_get(counts, name);
        if (is_missing) {
            *missing = name;
            return false;
        }
        free(name);
    }
    return true;
}

/* Every level that Elle rules out must be ruled out. */
static bool rules_out_all(const char *expected, const json_t *details, char **missing)
{
    const char *at = strstr(expected, "not=[");
    const char *end = at ? strchr(at, ']') : NULL;
    while (at && (at = strchr(at, ':')) && at < end) {
        size_t length = strcspn(++at, " ]"), i;
        char *name = rift_strndup(at, length);
        const char *ours = strcmp(name, "strong-serializable") == 0 ? "strict-serializable" : name;
        bool is_out = false;
        json_t *level;
        json_array_foreach(json_object_get(details, "not"), i, level) is_out |=
            strcmp(json_string_value(level), ours) == 0;
        json_array_foreach(json_object_get(details, "also_not"), i, level) is_out |=
            strcmp(json_string_value(level), ours) == 0;
        if (!is_out) {
            *missing = name;
            return false;
        }
        free(name);
    }
    return true;
}

/* The levels that an Elle unit test asks for. */
static size_t elle_levels(const char *expected, char levels[4][64])
{
    static const struct {
        const char *anomalies, *level;
    } asked_for[] = {{"[:G0]", "read-uncommitted"},
                     {"[:G1]", "read-committed"},
                     {"[:G2]", "serializable"},
                     {"[:internal]", "read-atomic"}};
    const char *at = strstr(expected, ":consistency-models [");
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        if (strstr(expected, asked_for[i].anomalies) && strstr(expected, ":anomalies [")) {
            snprintf(levels[0], sizeof levels[0], "%s", asked_for[i].level);
            return 1;
        }
    if (!at) {
        snprintf(levels[0], sizeof levels[0], "strict-serializable");
        return 1;
    }
    const char *end = strchr(at, ']');
    at += strlen(":consistency-models");
    while ((at = strchr(at, ':')) && at < end && count < 4) {
        size_t length = strcspn(++at, " ]");
        snprintf(levels[count++], sizeof levels[0], "%.*s", (int)length, at);
    }
    return count;
}

static void check_elle(const struct row *row, const struct rift_history *history)
{
    char levels[4][64];
    const char *option = strstr(row->expected, "linearizable-keys? true") ? "linearizable_keys"
                         : strstr(row->expected, "sequential-keys? true") ? "sequential_keys"
                                                                          : NULL;
    size_t count = elle_levels(row->expected, levels);
    bool is_convicted = false, has_anomalies = false, has_levels = false;
    CLEANUP(rift_free) char *missing = NULL;
    CLEANUP(rift_free) char *found = rift_strdup("");
    for (size_t i = 0; i < count; i++) {
        struct rift_verdict verdict = {0};
        free(missing);
        missing = NULL;
        ask(row, history, levels[i], option, &verdict);
        is_convicted |= verdict.validity == RIFT_INVALID;
        free(found);
        found = json_dumps(json_object_get(verdict.details, "counts"), 0);
        has_anomalies |=
            has_all_anomalies(row->expected, json_object_get(verdict.details, "counts"), &missing);
        CLEANUP(rift_free) char *missing_level = NULL;
        has_levels |= rules_out_all(row->expected, verdict.details, &missing_level);
        if (!missing) {
            missing = missing_level;
            missing_level = NULL;
        }
        rift_verdict_finish(&verdict);
    }
    bool should_convict = strstr(row->expected, "valid=false") != NULL;
    CLEANUP(rift_free)
    char *what = rift_printf("%s, found %s, missing %s", is_convicted ? "invalid" : "not invalid",
                             found, missing ? missing : "nothing");
    if (is_convicted != should_convict || !has_anomalies || !has_levels)
        report(row, levels[0], what);
    else
        agreed++;
}

static void check_row(const struct row *row)
{
    char path[PATH_SIZE];
    struct rift_error err = {0};
    snprintf(path, sizeof path, "%s/%s", data_folder(), row->file);
    struct rift_history *history = rift_history_read(path, NULL, &err);
    if (!history) {
        report(row, "read", err.text);
        return;
    }
    if (strstr(row->file, "elle-tests/"))
        check_elle(row, history);
    else if (strcmp(row->model, "bank") == 0)
        expect(row, history, NULL, strstr(row->file, "bank-neg") ? "negative_balances" : NULL,
               strcmp(row->expected, "valid") == 0);
    else if (rift_text_starts_with(row->model, "long-fork"))
        expect(row, history, NULL, NULL, strcmp(row->expected, "valid") == 0);
    else if (strstr(row->file, "elle-cli/elle/"))
        expect(row, history, "serializable", NULL, strcmp(row->expected, "valid") == 0);
    else if (strstr(row->file, "elle/huge-scc") || strstr(row->file, "append-garbage-read") ||
             strstr(row->file, "append-info-write"))
        expect(row, history, "strict-serializable", NULL, false);
    else if (strstr(row->file, "register-100-valid"))
        expect(row, history, "strict-serializable", "linearizable_keys", true);
    else
        check_words(row, history);
    rift_history_destroy(history);
}

/* PG's row says "RC/RA/CC ok" for three at once. */
static void check_line(char *line)
{
    char *column[COLUMN_COUNT] = {0}, *rest = line;
    for (int i = 0; i < COLUMN_COUNT; i++)
        column[i] = strsep(&rest, "\t\n");
    struct row row = {column[0], column[1], column[2], column[4]};
    if (!row.expected || strncmp(row.file, "txn/", 4) != 0)
        return;
    if (strcmp(row.model, "list-append") != 0 && !strstr(row.model, "register") &&
        strcmp(row.model, "bank") != 0 && !rift_text_starts_with(row.model, "long-fork"))
        return;
    check_row(&row);
}

static void
every_history_of_a_peer_is_judged_as_it_expects_or_the_difference_is_explained(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    CLEANUP(rift_free) char *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/INDEX.tsv", data_folder());
    FILE *index = fopen(path, "r");
    if (!index) {
        print_message("no peers' histories here: set RIFT_PEER_HISTORIES to their folder\n");
        skip();
    }
    differences = rift_malloc(sizeof differences_start);
    memcpy(differences, differences_start, sizeof differences_start);
    while (getline(&line, &size, index) >= 0)
        check_line(line);
    fclose(index);
    for (const struct difference *d = differences; d->file; d++)
        if (!d->is_seen) {
            fprintf(stderr, "%s, %s: explained, but not seen\n", d->file, d->level);
            failed++;
        }
    print_message("%d questions, %d agreed or explained\n", asked, agreed);
    free(differences);
    assert_int_equal(failed, 0);
    assert_true(asked > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_history_of_a_peer_is_judged_as_it_expects_or_the_difference_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* docs/anomalies.md claims for each of its histories what is found and ruled out: it must be so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/checker.h"
#include "checkers/txn/findings.h"
#include "common/memory.h"
#include "common/text.h"
#include "history/builder.h"
#include "history/reader.h"
#include "tests/lib/documented_history.h"

static const struct rift_checker *find_checker(const char *name)
{
    const struct rift_checker *checker = rift_checker_find(name);
    if (!checker)
        fail_msg("docs/anomalies.md names checker '%s'", name);
    return checker;
}

/* "a=true b=c" as an object, over the defaults. */
static json_t *read_options(const struct rift_checker *checker, const char *text)
{
    json_t *given = json_object();
    CLEANUP(rift_free) char *copy = rift_strdup(text);
    char *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        char *equals = strchr(word, '=');
        if (!equals)
            continue;
        *equals = '\0';
        json_object_set_new(
            given, word, strcmp(equals + 1, "true") == 0 ? json_true() : json_string(equals + 1));
    }
    json_t *options = rift_checker_options(checker, given, NULL);
    json_decref(given);
    return options;
}

/* "a, b" in the order of the verdict. */
static char *join_names(const json_t *list)
{
    struct rift_text text = {0};
    if (json_is_object(list)) {
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)list, name, value)
            rift_text_printf(&text, "%s%s", text.length ? ", " : "", name);
    } else {
        for (size_t i = 0; i < json_array_size(list); i++)
            rift_text_printf(&text, "%s%s", i ? ", " : "",
                             json_string_value(json_array_get(list, i)));
    }
    return rift_text_take(&text);
}

/* The same names, in any order. */
static bool are_same_names(const char *a, const char *b)
{
    if (strlen(a) != strlen(b))
        return false;
    CLEANUP(rift_free) char *padded = rift_printf(", %s, ", a);
    CLEANUP(rift_free) char *copy = rift_strdup(b);
    char *rest = copy, *name;
    while ((name = strsep(&rest, ","))) {
        CLEANUP(rift_free) char *word = rift_printf(", %s, ", name + (*name == ' '));
        if (!strstr(padded, word))
            return false;
    }
    return true;
}

static void check_documented(const struct documented_history *documented)
{
    struct rift_error err = {0};
    struct rift_history *history = rift_history_from_notation(documented->notation, &err);
    if (!history)
        fail_msg("%s: %s", documented->heading, err.text);
    const struct rift_checker *checker = find_checker(documented->checker);
    json_t *options = read_options(checker, documented->options);
    struct rift_check check = {.history = history, .options = options};
    struct rift_verdict verdict = {0};
    if (checker->check(&check, &verdict, &err) != 0)
        fail_msg("%s: %s", documented->heading, err.text);
    CLEANUP(rift_free) char *finds = join_names(json_object_get(verdict.details, "counts"));
    CLEANUP(rift_free) char *rules_out = join_names(json_object_get(verdict.details, "not"));
    if (getenv("RIFT_PRINT_VERDICTS")) {
        CLEANUP(rift_free) char *text = json_dumps(verdict.details, JSON_INDENT(1));
        printf("%s\n%s\n", documented->heading, text);
    }
    if (!are_same_names(finds, documented->finds))
        fail_msg("%s: found %s, not %s", documented->heading, finds, documented->finds);
    if (!are_same_names(rules_out, documented->rules_out))
        fail_msg("%s: rules out %s, not %s", documented->heading, rules_out, documented->rules_out);
    assert_int_equal(verdict.validity, RIFT_INVALID);
    rift_verdict_finish(&verdict);
    json_decref(options);
    rift_history_destroy(history);
}

static void every_documented_history_shows_exactly_its_anomalies(void **state)
{
    (void)state;
    size_t count;
    struct documented_history *documented = documented_histories_read("docs/anomalies.md", &count);
    assert_true(count >= 25);
    for (size_t i = 0; i < count; i++)
        check_documented(&documented[i]);
    documented_histories_free(documented, count);
}

/* Plume's format has sessions and no times. */
static enum rift_validity judge_timeless(const char *level, char **reason)
{
    static const char text[] = "w(1,5,0,0)\nr(1,5,1,1)\nw(1,6,1,1)\n";
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    struct rift_read_options read = {.format = "plume-text"};
    struct rift_history *history = rift_history_read_bytes("test", text, strlen(text), &read, &err);
    if (!history)
        fail_msg("%s", err.text);
    const struct rift_checker *checker = rift_checker_find("rw-register");
    json_t *given = json_pack("{s:s}", "level", level);
    json_t *options = rift_checker_options(checker, given, NULL);
    struct rift_check check = {.history = history, .options = options};
    assert_int_equal(checker->check(&check, &verdict, &err), 0);
    enum rift_validity validity = verdict.validity;
    *reason = rift_strdup(verdict.reason ? verdict.reason : "");
    size_t i;
    json_t *possible;
    json_array_foreach(json_object_get(verdict.details, "possible"), i, possible)
        assert_null(strstr(json_string_value(possible), "strict"));
    rift_verdict_finish(&verdict);
    json_decref(options);
    json_decref(given);
    rift_history_destroy(history);
    return validity;
}

static void without_times_no_level_of_real_time_is_claimed(void **state)
{
    (void)state;
    CLEANUP(rift_free) char *strict = NULL;
    CLEANUP(rift_free) char *session = NULL;
    assert_int_equal(judge_timeless("strict-serializable", &strict), RIFT_UNKNOWN);
    assert_non_null(strstr(strict, "ask for strong-session-serializable"));
    assert_int_equal(judge_timeless("strong-session-serializable", &session), RIFT_VALID);
}

static void sentences_show_the_ends_of_long_lists(void **state)
{
    (void)state;
    int32_t numbers[100];
    for (int i = 0; i < 100; i++)
        numbers[i] = i;
    struct rift_values *values = rift_values_create();
    CLEANUP(rift_free)
    char *ten = txn_print_brief(values, rift_value_list_of_int32(values, numbers, 10));
    CLEANUP(rift_free)
    char *all = txn_print_brief(values, rift_value_list_of_int32(values, numbers, 100));
    assert_string_equal(ten, "[0 1 2 3 4 5 6 7 8 9]");
    assert_string_equal(all, "[0 1 2 3 ... and 93 more ... 97 98 99]");
    rift_values_destroy(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_documented_history_shows_exactly_its_anomalies),
        cmocka_unit_test(without_times_no_level_of_real_time_is_claimed),
        cmocka_unit_test(sentences_show_the_ends_of_long_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/lib/judging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "history/builder.h"
#include "history/reader.h"

struct rift_history *judging_history(const char *text)
{
    struct rift_error err = {0};
    struct rift_read_options edn = {.format = "jepsen-edn"};
    struct rift_history *history =
        *text == '{' ? rift_history_read_bytes("test", text, strlen(text), &edn, &err)
                     : rift_history_from_notation(text, &err);
    if (!history)
        fail_msg("%s: %s", text, err.text);
    return history;
}

struct rift_verdict judge_check(const char *name, const char *options_text, struct rift_check check)
{
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    json_error_t malformed;
    const struct rift_checker *checker = rift_checker_find(name);
    json_t *given = options_text ? json_loads(options_text, 0, &malformed) : json_object();
    if (!checker || !given)
        fail_msg("%s: %s", name, checker ? malformed.text : "no such checker");
    json_t *options = rift_checker_options(checker, given, &err);
    check.options = options;
    if (!options || checker->check(&check, &verdict, &err) != 0)
        fail_msg("%s: %s", name, err.text);
    json_decref(given);
    json_decref(options);
    return verdict;
}

struct rift_verdict judge(const char *checker, const char *options,
                          const struct rift_history *history)
{
    return judge_check(checker, options, (struct rift_check){.history = history});
}

const json_t *first_anomaly(const struct rift_verdict *verdict)
{
    return json_array_get(json_object_get(verdict->details, "anomalies"), 0);
}

bool verdict_names(const struct rift_verdict *verdict, const char *anomaly)
{
    size_t i;
    json_t *found;
    json_array_foreach(json_object_get(verdict->details, "anomalies"), i, found)
    {
        if (strcmp(json_string_value(json_object_get(found, "name")), anomaly) == 0)
            return true;
    }
    return false;
}

void expect_verdict(const char *checker, const char *options, struct rift_history *history,
                    enum rift_validity validity, const char *anomaly)
{
    struct rift_verdict verdict = judge(checker, options, history);
    const char *first = json_string_value(json_object_get(first_anomaly(&verdict), "name"));
    bool is_named = anomaly ? verdict_names(&verdict, anomaly) : !first;
    if (verdict.validity != validity || !is_named)
        fail_msg("%s: %s, %s: %s", checker, rift_validity_name(verdict.validity),
                 first ? first : "no anomaly", verdict.reason ? verdict.reason : "");
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

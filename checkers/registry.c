/* The table of all checkers, and the check of their options. */
#include <string.h>

#include "checkers/checker.h"
#include "checkers/registry.h"
#include "common/text.h"

/* One a line, so that two who add one do not meet. */
/* clang-format off */
const struct rift_checker *const rift_checkers[] = {
    &rift_checker_linearizable,
    &rift_checker_sequential,
    &rift_checker_staleness,
    &rift_checker_k_atomic,
    &rift_checker_list_append,
    &rift_checker_rw_register,
    &rift_checker_timestamps,
    &rift_checker_bank,
    &rift_checker_long_fork,
    &rift_checker_monotonic,
    &rift_checker_sessions,
    &rift_checker_causal,
    &rift_checker_causal_reverse,
    &rift_checker_adya,
    &rift_checker_kafka,
    &rift_checker_watch,
    &rift_checker_set,
    &rift_checker_set_full,
    &rift_checker_queue,
    &rift_checker_total_queue,
    &rift_checker_counter,
    &rift_checker_unique_ids,
    &rift_checker_fencing,
    &rift_checker_convergence,
    &rift_checker_availability,
    &rift_checker_log_patterns,
    &rift_checker_by_phase,
    &rift_checker_stats,
    &rift_checker_evidence,
    &rift_checker_performance,
    &rift_checker_clock,
    NULL,
};
/* clang-format on */

enum { OPTIONS_MAX = 64 };

const struct rift_checker *rift_checker_find(const char *name)
{
    for (size_t i = 0; rift_checkers[i]; i++)
        if (strcmp(rift_checkers[i]->name, name) == 0)
            return rift_checkers[i];
    return NULL;
}

static bool is_choice(const struct rift_option *option, const json_t *value)
{
    if (!json_is_string(value))
        return false;
    if (!option->choices)
        return true;
    for (const char *const *choice = option->choices; *choice; choice++)
        if (strcmp(*choice, json_string_value(value)) == 0)
            return true;
    return false;
}

static bool is_in_bounds(const struct rift_option *option, const json_t *value)
{
    double number = json_number_value(value);
    return (option->minimum == 0 && option->maximum == 0) ||
           (number >= option->minimum && number <= option->maximum);
}

static bool list_fits(const struct rift_option *option, const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        if (!is_choice(option, item))
            return false;
    }
    return json_is_array(value) || is_choice(option, value);
}

static bool option_fits(const struct rift_option *option, const json_t *value)
{
    switch (option->kind) {
    case RIFT_OPTION_INTEGER:
        return json_is_integer(value) && is_in_bounds(option, value);
    case RIFT_OPTION_REAL:
        return json_is_number(value) && is_in_bounds(option, value);
    case RIFT_OPTION_BOOL:
        return json_is_boolean(value);
    case RIFT_OPTION_TEXT:
        return json_is_string(value);
    case RIFT_OPTION_CHOICE:
        return is_choice(option, value);
    case RIFT_OPTION_LIST:
        return list_fits(option, value);
    case RIFT_OPTION_RANGE:
        return json_is_array(value) || (json_is_number(value) && is_in_bounds(option, value));
    default:
        return true;
    }
}

/* Words stand bare in a fallback, as they would in YAML. */
static json_t *option_fallback(const struct rift_option *option)
{
    json_t *value = NULL;
    if (option->kind != RIFT_OPTION_TEXT && option->kind != RIFT_OPTION_CHOICE)
        value = json_loads(option->fallback, JSON_DECODE_ANY, NULL);
    return value ? value : json_string(option->fallback);
}

static int refuse_unknown(const struct rift_checker *checker, const char *key,
                          struct rift_error *err)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (const struct rift_option *o = checker->options; o && o->name && count < OPTIONS_MAX; o++)
        names[count++] = o->name;
    const char *nearest = rift_text_nearest(key, names, count);
    return rift_fail(err, RIFT_ERR_INVALID, "the checker %s has no option '%s'%s%s%s",
                     checker->name, key, nearest ? ", did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'" : "");
}

static const struct rift_option *option_find(const struct rift_checker *checker, const char *name)
{
    for (const struct rift_option *o = checker->options; o && o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

json_t *rift_checker_options(const struct rift_checker *checker, const json_t *given,
                             struct rift_error *err)
{
    json_t *options = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)given, key, value)
    {
        const struct rift_option *option = option_find(checker, key);
        if (!option) {
            refuse_unknown(checker, key, err);
            goto refused;
        }
        if (!option_fits(option, value)) {
            rift_fail(err, RIFT_ERR_INVALID, "the option '%s' of the checker %s does not fit: %s",
                      key, checker->name, option->summary);
            goto refused;
        }
        json_object_set(options, key, value);
    }
    for (const struct rift_option *o = checker->options; o && o->name; o++) {
        if (json_object_get(options, o->name))
            continue;
        if (!o->fallback) {
            rift_fail(err, RIFT_ERR_INVALID, "the checker %s needs the option '%s': %s",
                      checker->name, o->name, o->summary);
            goto refused;
        }
        json_object_set_new(options, o->name, option_fallback(o));
    }
    return options;
refused:
    json_decref(options);
    return NULL;
}

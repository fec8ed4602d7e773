#include "control/cli/check_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit times[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {NULL, 0}};
static const struct unit sizes[] = {
    {"K", 1024.0}, {"M", 1048576.0}, {"G", 1073741824.0}, {"T", 1099511627776.0}, {NULL, 0}};

/* A positive number with one of the units behind it; a bare number is in the unit of `bare`. */
static int read_amount(const char *option, const char *text, const struct unit *units, double bare,
                       const char *example, double *amount, struct rift_error *err)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    double factor = *end == '\0' ? bare : 0;
    for (const struct unit *unit = units; unit->name; unit++)
        if (strcmp(end, unit->name) == 0)
            factor = unit->factor;
    *amount = number * factor;
    if (end == text || errno != 0 || !(*amount >= 1) || *amount > 1e15)
        return rift_fail(err, RIFT_ERR_INVALID, "%s %s: not an amount such as %s", option, text,
                         example);
    return 0;
}

enum {
    MODEL = 1,
    MODEL_FILE,
    CHECKER,
    FORMAT,
    INITIAL,
    KEYED,
    TIME,
    MEMORY,
    THREADS,
    ORDER,
    HTML,
    JSON,
    OPTION,
    LEVEL
};

/* A bare word stands for itself; what begins as JSON must be JSON. */
static int check_initial(const char *text, struct rift_error *err)
{
    json_error_t why;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &why);
    bool is_json = value != NULL;
    json_decref(value);
    if (is_json || (text[0] && !strchr("{[\"-0123456789", text[0])))
        return 0;
    return rift_fail(err, RIFT_ERR_INVALID, "--initial %s: no JSON: %s", text, why.text);
}

static int take_option(int choice, const char *value, struct check_options *options,
                       struct rift_error *err)
{
    double amount = 0;
    switch (choice) {
    case MODEL:
        options->model = value;
        return 0;
    case MODEL_FILE:
        options->model_file = value;
        return 0;
    case CHECKER:
        options->checker = value;
        return 0;
    case FORMAT:
        options->format = value;
        return 0;
    case INITIAL:
        options->initial = value;
        return check_initial(value, err);
    case KEYED:
        options->is_keyed = true;
        return 0;
    case ORDER:
        options->wants_order = true;
        return 0;
    case HTML:
        options->html = value;
        return 0;
    case JSON:
        options->is_json = true;
        return 0;
    case LEVEL:
        options->level = value;
        return 0;
    case OPTION:
        if (!strchr(value, '=') || options->set_count == CHECK_SET_MAX)
            return rift_fail(err, RIFT_ERR_INVALID, "--option %s: not NAME=VALUE, or too many",
                             value);
        options->set[options->set_count++] = value;
        return 0;
    case TIME:
        if (read_amount("--time", value, times, 1e3, "60s", &amount, err) < 0)
            return -1;
        options->budget.time_ms = (int64_t)amount;
        return 0;
    case MEMORY:
        if (read_amount("--memory", value, sizes, 1, "2G", &amount, err) < 0)
            return -1;
        options->budget.memory_bytes = (uint64_t)amount;
        return 0;
    default:
        if (read_amount("--threads", value, sizes + 4, 1, "2", &amount, err) < 0)
            return -1;
        options->budget.thread_count = amount < 1024 ? (unsigned)amount : 1024;
        return 0;
    }
}

int check_options_read(int argc, char **argv, struct check_options *options, struct rift_error *err)
{
    static const struct option known[] = {
        {"model", required_argument, NULL, MODEL},
        {"model-file", required_argument, NULL, MODEL_FILE},
        {"checker", required_argument, NULL, CHECKER},
        {"format", required_argument, NULL, FORMAT},
        {"initial", required_argument, NULL, INITIAL},
        {"keyed", no_argument, NULL, KEYED},
        {"time", required_argument, NULL, TIME},
        {"memory", required_argument, NULL, MEMORY},
        {"threads", required_argument, NULL, THREADS},
        {"order", no_argument, NULL, ORDER},
        {"html", required_argument, NULL, HTML},
        {"json", no_argument, NULL, JSON},
        {"option", required_argument, NULL, OPTION},
        {"level", required_argument, NULL, LEVEL},
        {NULL, 0, NULL, 0},
    };
    *options = (struct check_options){0};
    opterr = 0;
    optind = 1;
    for (int choice; (choice = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (choice == ':')
            return rift_fail(err, RIFT_ERR_INVALID, "%s needs a value", argv[optind - 1]);
        if (choice == '?')
            return rift_fail(err, RIFT_ERR_INVALID, "there is no option %s", argv[optind - 1]);
        if (take_option(choice, optarg, options, err) < 0)
            return -1;
    }
    options->files = argv + optind;
    options->file_count = (size_t)(argc - optind);
    if (options->file_count == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "name at least one history");
    if (options->html && options->file_count > 1)
        return rift_fail(err, RIFT_ERR_INVALID, "--html draws one history, and %zu are named",
                         options->file_count);
    return 0;
}

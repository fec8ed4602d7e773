/* Reads a recipe from JSON. Each reader knows the path of what it reads, so that a mistake is named
 * by where it stands; keys that nothing reads are mistakes too. */
#include "common/wire/recipe.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { PATH_SIZE = 128, TEXT_MAX = 1 << 16 };

struct reader {
    struct rift_arena *arena;
    struct rift_error *err;
    const json_t *json;   /* the object whose members are read */
    char path[PATH_SIZE]; /* "" at the top, else "processes[0]." */
};

#define KEYS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static int reader_fail(const struct reader *reader, const char *key, const char *what)
{
    return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: '%s%s' %s", reader->path, key, what);
}

static int reader_known_keys(const struct reader *reader, const char *const *keys)
{
    size_t count = 0;
    while (keys[count])
        count++;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)reader->json, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(key, keys[i]) != 0)
            i++;
        if (i < count)
            continue;
        const char *near = rift_text_nearest(key, keys, count);
        return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: unknown key '%s%s'%s%s%s",
                         reader->path, key, near ? " (did you mean '" : "", near ? near : "",
                         near ? "'?)" : "");
    }
    return 0;
}

/* A reader for member i of the list `key`, or for the object `key` where i is negative. */
static int reader_enter(const struct reader *reader, const char *key, int i, const json_t *json,
                        struct reader *inner)
{
    *inner = *reader;
    inner->json = json;
    struct rift_text path = {0};
    if (i < 0)
        rift_text_printf(&path, "%s%s.", reader->path, key);
    else
        rift_text_printf(&path, "%s%s[%d].", reader->path, key, i);
    strncpy(inner->path, path.data, sizeof inner->path - 1);
    inner->path[sizeof inner->path - 1] = 0;
    rift_text_finish(&path);
    if (!json_is_object(json))
        return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: '%.*s' must be a table of keys",
                         (int)strlen(inner->path) - 1, inner->path);
    return 0;
}

/* Numbers and booleans stand for their text: YAML does not tell 8080 from "8080". */
static int scalar_text(const struct reader *reader, const char *key, const json_t *json,
                       const char **text)
{
    if (json_is_string(json)) {
        if (json_string_length(json) > TEXT_MAX)
            return reader_fail(reader, key, "is too long");
        *text = rift_arena_strdup(reader->arena, json_string_value(json));
    } else if (json_is_integer(json)) {
        *text = rift_arena_printf(reader->arena, "%lld", (long long)json_integer_value(json));
    } else if (json_is_real(json)) {
        *text = rift_arena_printf(reader->arena, "%.17g", json_real_value(json));
    } else if (json_is_boolean(json)) {
        *text = json_is_true(json) ? "true" : "false";
    } else {
        return reader_fail(reader, key, "must be a text");
    }
    return 0;
}

static int read_text(const struct reader *reader, const char *key, const char *fallback,
                     const char **text)
{
    const json_t *json = json_object_get(reader->json, key);
    *text = fallback;
    return json && !json_is_null(json) ? scalar_text(reader, key, json, text) : 0;
}

static int read_required(const struct reader *reader, const char *key, const char **text)
{
    if (read_text(reader, key, NULL, text))
        return -1;
    return *text && **text ? 0 : reader_fail(reader, key, "is missing");
}

static int read_number(const struct reader *reader, const char *key, int64_t fallback,
                       int64_t minimum, int64_t maximum, int64_t *number)
{
    const json_t *json = json_object_get(reader->json, key);
    *number = fallback;
    if (!json)
        return 0;
    if (!json_is_integer(json) || json_integer_value(json) < minimum ||
        json_integer_value(json) > maximum)
        return rift_fail(reader->err, RIFT_ERR_INVALID,
                         "recipe: '%s%s' must be a whole number from %lld to %lld", reader->path,
                         key, (long long)minimum, (long long)maximum);
    *number = json_integer_value(json);
    return 0;
}

static int read_bool(const struct reader *reader, const char *key, bool *value)
{
    const json_t *json = json_object_get(reader->json, key);
    if (json && !json_is_boolean(json))
        return reader_fail(reader, key, "must be true or false");
    *value = json_is_true(json);
    return 0;
}

/* The list's length, 0 where absent, -1 where it is none. */
static int list_size(const struct reader *reader, const char *key, const json_t *json)
{
    if (!json || json_is_null(json))
        return 0;
    if (!json_is_array(json))
        return reader_fail(reader, key, "must be a list");
    if (json_array_size(json) > RIFT_RECIPE_ITEMS_MAX)
        return reader_fail(reader, key, "is too long");
    return (int)json_array_size(json);
}

static int texts_from(const struct reader *reader, const char *key, const json_t *json,
                      const char *const **list)
{
    int count = list_size(reader, key, json);
    if (count < 0)
        return -1;
    const char **texts = rift_arena_calloc(reader->arena, (size_t)count + 1, sizeof *texts);
    for (int i = 0; i < count; i++)
        if (scalar_text(reader, key, json_array_get(json, (size_t)i), &texts[i]))
            return -1;
    *list = texts;
    return 0;
}

static int read_texts(const struct reader *reader, const char *key, const char *const **list)
{
    return texts_from(reader, key, json_object_get(reader->json, key), list);
}

static int read_argv(const struct reader *reader, const char *key, const char *const **argv)
{
    if (read_texts(reader, key, argv))
        return -1;
    return (*argv)[0] ? 0 : reader_fail(reader, key, "must be a list: a program and its arguments");
}

/* An object of any keys as an array: its members' names in order; count is limited. */
static int table_size(const struct reader *reader, const char *key, const json_t **table)
{
    *table = json_object_get(reader->json, key);
    if (!*table || json_is_null(*table))
        return 0;
    if (!json_is_object(*table))
        return reader_fail(reader, key, "must be a table of names");
    if (json_object_size(*table) > RIFT_RECIPE_ITEMS_MAX)
        return reader_fail(reader, key, "has too many members");
    return (int)json_object_size(*table);
}

static int read_pairs(const struct reader *reader, const char *key,
                      const struct rift_recipe_pair **pairs, size_t *count)
{
    const json_t *table;
    int size = table_size(reader, key, &table);
    if (size < 0)
        return -1;
    struct rift_recipe_pair *list =
        rift_arena_calloc(reader->arena, (size_t)size + 1, sizeof *list);
    size_t i = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)table, name, value)
    {
        list[i].name = rift_arena_strdup(reader->arena, name);
        if (scalar_text(reader, key, value, &list[i++].value))
            return -1;
    }
    *pairs = list;
    *count = (size_t)size;
    return 0;
}

static int read_check_command(const struct reader *reader, struct rift_recipe_check *check)
{
    int64_t status;
    if (reader_known_keys(reader, KEYS("command", "status", "contains", "same", "timeout_ms")) ||
        read_argv(reader, "command", &check->command) ||
        read_number(reader, "status", 0, 0, 255, &status))
        return -1;
    check->kind = RIFT_CHECK_COMMAND;
    check->status = (int)status;
    return 0;
}

static int read_check_http(const struct reader *reader, struct rift_recipe_check *check)
{
    int64_t status;
    if (reader_known_keys(
            reader, KEYS("http", "method", "body", "status", "contains", "same", "timeout_ms")) ||
        read_required(reader, "http", &check->url) ||
        read_text(reader, "method", "GET", &check->method) ||
        read_text(reader, "body", NULL, &check->body) ||
        read_number(reader, "status", 200, 100, 599, &status))
        return -1;
    if (!rift_text_starts_with(check->url, "http://"))
        return reader_fail(reader, "http", "must begin with http:// (use a command for https)");
    if (strcmp(check->method, "GET") != 0 && strcmp(check->method, "POST") != 0)
        return reader_fail(reader, "method", "must be GET or POST");
    check->kind = RIFT_CHECK_HTTP;
    check->status = (int)status;
    return 0;
}

static int read_check_tcp(const struct reader *reader, struct rift_recipe_check *check)
{
    check->kind = RIFT_CHECK_TCP;
    if (reader_known_keys(reader, KEYS("tcp", "address", "send", "contains", "timeout_ms")) ||
        read_required(reader, "tcp", &check->port) ||
        read_text(reader, "address", "${node.address}", &check->address) ||
        read_text(reader, "send", NULL, &check->send))
        return -1;
    return 0;
}

static int read_check(const struct reader *outer, const char *key, struct rift_recipe_check *check)
{
    const json_t *json = json_object_get(outer->json, key);
    if (!json || json_is_null(json))
        return 0;
    struct reader inner;
    if (reader_enter(outer, key, -1, json, &inner))
        return -1;
    int (*read)(const struct reader *, struct rift_recipe_check *) =
        json_object_get(json, "command") ? read_check_command
        : json_object_get(json, "http")  ? read_check_http
        : json_object_get(json, "tcp")   ? read_check_tcp
                                         : NULL;
    if (!read)
        return reader_fail(outer, key, "needs one of 'tcp', 'http' and 'command'");
    const char *const *same;
    if (read(&inner, check) || read_text(&inner, "contains", NULL, &check->contains) ||
        read_texts(&inner, "same", &same) ||
        read_number(&inner, "timeout_ms", 1000, 10, 60000, &check->timeout_ms))
        return -1;
    if (same[0] && (!same[1] || same[2]))
        return reader_fail(&inner, "same", "must be a list of two paths into a JSON answer");
    check->same[0] = same[0];
    check->same[1] = same[0] ? same[1] : NULL;
    return 0;
}

static int read_options(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *table;
    int size = table_size(outer, "options", &table);
    if (size < 0)
        return -1;
    struct rift_recipe_option *list =
        rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    size_t i = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)table, name, value)
    {
        struct reader inner;
        struct rift_recipe_option *option = &list[i++];
        option->name = rift_arena_strdup(outer->arena, name);
        if (reader_enter(outer, name, -1, value, &inner) ||
            reader_known_keys(&inner, KEYS("default", "minimum", "maximum", "unit", "summary")) ||
            read_text(&inner, "default", NULL, &option->fallback) ||
            read_text(&inner, "unit", "", &option->unit) ||
            read_text(&inner, "summary", "", &option->summary))
            return -1;
        const json_t *minimum = json_object_get(value, "minimum");
        const json_t *maximum = json_object_get(value, "maximum");
        option->has_bounds = json_is_number(minimum) && json_is_number(maximum);
        option->minimum = json_number_value(minimum);
        option->maximum = json_number_value(maximum);
    }
    recipe->options = list;
    recipe->option_count = (size_t)size;
    return 0;
}

static int read_artifact_kind(const struct reader *reader, enum rift_artifact_kind *kind)
{
    const char *word;
    if (read_text(reader, "kind", "binary", &word))
        return -1;
    if (strcmp(word, "binary") == 0)
        *kind = RIFT_ARTIFACT_BINARY;
    else if (strcmp(word, "tarball") == 0)
        *kind = RIFT_ARTIFACT_TARBALL;
    else if (strcmp(word, "deb") == 0)
        *kind = RIFT_ARTIFACT_DEB;
    else
        return reader_fail(reader, "kind", "must be binary, tarball or deb");
    return 0;
}

static int read_artifacts(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *table;
    int size = table_size(outer, "artifacts", &table);
    if (size < 0)
        return -1;
    struct rift_recipe_artifact *list =
        rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    size_t i = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)table, name, value)
    {
        struct reader inner;
        struct rift_recipe_artifact *artifact = &list[i++];
        artifact->name = rift_arena_strdup(outer->arena, name);
        if (strchr(name, '/') || name[0] == '.' || !name[0])
            return reader_fail(outer, name, "is no name for an artifact");
        if (reader_enter(outer, name, -1, value, &inner) ||
            reader_known_keys(&inner, KEYS("kind", "default")) ||
            read_artifact_kind(&inner, &artifact->kind) ||
            read_text(&inner, "default", NULL, &artifact->fallback))
            return -1;
    }
    recipe->artifacts = list;
    recipe->artifact_count = (size_t)size;
    return 0;
}

static int read_variable(const struct reader *outer, const char *name, const json_t *value,
                         struct rift_recipe_variable *variable)
{
    variable->name = rift_arena_strdup(outer->arena, name);
    variable->join = ",";
    if (strpbrk(name, ".${}"))
        return reader_fail(outer, name, "is no name for a variable");
    if (!json_is_object(value))
        return scalar_text(outer, name, value, &variable->text);
    struct reader inner;
    if (reader_enter(outer, name, -1, value, &inner) ||
        reader_known_keys(&inner, KEYS("each", "join", "without_self", "first", "others")) ||
        read_text(&inner, "each", NULL, &variable->each) ||
        read_text(&inner, "join", ",", &variable->join) ||
        read_bool(&inner, "without_self", &variable->without_self) ||
        read_text(&inner, "first", NULL, &variable->first) ||
        read_text(&inner, "others", NULL, &variable->others))
        return -1;
    bool is_each = variable->each && !variable->first && !variable->others;
    bool is_split = !variable->each && variable->first && variable->others;
    return is_each || is_split
               ? 0
               : reader_fail(outer, name, "needs 'each', or both 'first' and 'others'");
}

static int read_variables(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *table;
    int size = table_size(outer, "variables", &table);
    if (size < 0)
        return -1;
    struct rift_recipe_variable *list =
        rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    size_t i = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)table, name, value)
    {
        if (read_variable(outer, name, value, &list[i++]))
            return -1;
    }
    recipe->variables = list;
    recipe->variable_count = (size_t)size;
    return 0;
}

static int read_files(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "files");
    int size = list_size(outer, "files", json);
    if (size < 0)
        return -1;
    struct rift_recipe_file *list = rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    for (int i = 0; i < size; i++) {
        struct reader inner;
        const char *mode;
        if (reader_enter(outer, "files", i, json_array_get(json, (size_t)i), &inner) ||
            reader_known_keys(&inner, KEYS("path", "content", "mode")) ||
            read_required(&inner, "path", &list[i].path) ||
            read_text(&inner, "content", "", &list[i].content) ||
            read_text(&inner, "mode", "0644", &mode))
            return -1;
        char *end;
        long number = strtol(mode, &end, 8);
        if (*end || end == mode || number < 0 || number > 07777)
            return reader_fail(&inner, "mode", "must be octal in quotes, as \"0644\"");
        list[i].mode = (int)number;
    }
    recipe->files = list;
    recipe->file_count = (size_t)size;
    return 0;
}

static int read_prepare(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "prepare");
    int size = list_size(outer, "prepare", json);
    if (size < 0)
        return -1;
    rift_recipe_argv *list = rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    for (int i = 0; i < size; i++) {
        if (texts_from(outer, "prepare", json_array_get(json, (size_t)i), &list[i]))
            return -1;
        if (!list[i][0])
            return reader_fail(outer, "prepare", "must be a list of commands, each a list");
    }
    recipe->prepare = list;
    recipe->prepare_count = (size_t)size;
    return 0;
}

static int read_process(const struct reader *inner, struct rift_recipe_process *process)
{
    if (reader_known_keys(inner, KEYS("name", "command", "environment", "working_folder", "ready",
                                      "ready_deadline_ms")) ||
        read_required(inner, "name", &process->name) ||
        read_argv(inner, "command", &process->command) ||
        read_pairs(inner, "environment", &process->environment, &process->environment_count) ||
        read_text(inner, "working_folder", "/", &process->working_folder) ||
        read_check(inner, "ready", &process->ready) ||
        read_number(inner, "ready_deadline_ms", 60000, 1, 3600000, &process->ready_deadline_ms))
        return -1;
    if (strchr(process->name, '/') || process->name[0] == '.')
        return reader_fail(inner, "name", "is no name for a process");
    return 0;
}

static int read_processes(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "processes");
    int size = list_size(outer, "processes", json);
    if (size < 0)
        return -1;
    if (size == 0)
        return reader_fail(outer, "processes", "must name at least one process");
    struct rift_recipe_process *list =
        rift_arena_calloc(outer->arena, (size_t)size + 1, sizeof *list);
    for (int i = 0; i < size; i++) {
        struct reader inner;
        if (reader_enter(outer, "processes", i, json_array_get(json, (size_t)i), &inner) ||
            read_process(&inner, &list[i]))
            return -1;
    }
    recipe->processes = list;
    recipe->process_count = (size_t)size;
    return 0;
}

static int signal_number(const char *word)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                 {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"KILL", SIGKILL}};
    if (rift_text_starts_with(word, "SIG"))
        word += 3;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(word, known[i].name) == 0)
            return known[i].number;
    return -1;
}

static int read_stop(const struct reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "stop");
    recipe->stop_signal = SIGTERM;
    recipe->stop_grace_ms = 5000;
    if (!json)
        return 0;
    struct reader inner;
    const char *word;
    if (reader_enter(outer, "stop", -1, json, &inner) ||
        reader_known_keys(&inner, KEYS("signal", "grace_ms")) ||
        read_text(&inner, "signal", "TERM", &word) ||
        read_number(&inner, "grace_ms", 5000, 0, 600000, &recipe->stop_grace_ms))
        return -1;
    recipe->stop_signal = signal_number(word);
    return recipe->stop_signal > 0
               ? 0
               : reader_fail(&inner, "signal", "must be TERM, INT, QUIT, HUP, USR1 or KILL");
}

/* A wipe empties data folders as root: a short or relative path must not even be a template's
 * beginning. The agent checks the expanded path again. */
static int recipe_check_folders(const struct reader *reader, const struct rift_recipe *recipe)
{
    for (const char *const *folder = recipe->data_folders; *folder; folder++)
        if (**folder != '/' && !rift_text_starts_with(*folder, "${"))
            return reader_fail(reader, "data_folders", "must hold absolute paths");
    return 0;
}

static int recipe_read(const struct reader *top, struct rift_recipe *recipe)
{
    if (reader_known_keys(top, KEYS("name", "summary", "client", "packages", "version", "options",
                                    "artifacts", "variables", "user", "data_folders", "files",
                                    "prepare", "processes", "logs", "role", "stop")) ||
        read_required(top, "name", &recipe->name) ||
        read_text(top, "summary", "", &recipe->summary) ||
        read_text(top, "client", NULL, &recipe->client) ||
        read_texts(top, "packages", &recipe->packages) ||
        read_texts(top, "version", &recipe->version) || read_options(top, recipe) ||
        read_artifacts(top, recipe) || read_variables(top, recipe) ||
        read_text(top, "user", NULL, &recipe->user) ||
        read_texts(top, "data_folders", &recipe->data_folders) || read_files(top, recipe) ||
        read_prepare(top, recipe) || read_processes(top, recipe) ||
        read_texts(top, "logs", &recipe->logs) || read_check(top, "role", &recipe->role) ||
        read_stop(top, recipe) || recipe_check_folders(top, recipe))
        return -1;
    if (strchr(recipe->name, '/') || recipe->name[0] == '.')
        return reader_fail(top, "name", "must not hold a slash or begin with a dot");
    if (!recipe->version[0])
        recipe->version = NULL;
    return 0;
}

struct rift_recipe *rift_recipe_from_json(const json_t *json, struct rift_arena *arena,
                                          struct rift_error *err)
{
    struct reader top = {.arena = arena, .err = err, .json = json};
    if (!json_is_object(json)) {
        rift_fail(err, RIFT_ERR_INVALID, "recipe: must be a table of keys");
        return NULL;
    }
    struct rift_recipe *recipe = rift_arena_calloc(arena, 1, sizeof *recipe);
    if (recipe_read(&top, recipe))
        return NULL;
    recipe->source = json_incref((json_t *)json);
    return recipe;
}

json_t *rift_recipe_to_json(const struct rift_recipe *recipe)
{
    return json_incref(recipe->source);
}

void rift_recipe_finish(struct rift_recipe *recipe)
{
    if (!recipe)
        return;
    json_decref(recipe->source);
    recipe->source = NULL;
}

/* Reads a recipe from JSON. */
#include "common/wire/recipe.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/wire/recipe_reader.h"

static int read_check_command(const struct recipe_reader *reader, struct rift_recipe_check *check)
{
    int64_t status;
    if (recipe_reader_known_keys(
            reader, RECIPE_KEYS("command", "status", "contains", "same", "timeout_ms")) ||
        recipe_read_argv(reader, "command", &check->command) ||
        recipe_read_number(reader, "status", 0, 0, 255, &status))
        return -1;
    check->kind = RIFT_CHECK_COMMAND;
    check->status = (int)status;
    return 0;
}

static int read_check_http(const struct recipe_reader *reader, struct rift_recipe_check *check)
{
    int64_t status;
    if (recipe_reader_known_keys(reader, RECIPE_KEYS("http", "method", "body", "status", "contains",
                                                     "same", "timeout_ms")) ||
        recipe_read_required(reader, "http", &check->url) ||
        recipe_read_text(reader, "method", "GET", &check->method) ||
        recipe_read_text(reader, "body", NULL, &check->body) ||
        recipe_read_number(reader, "status", 200, 100, 599, &status))
        return -1;
    if (!rift_text_starts_with(check->url, "http://"))
        return recipe_reader_fail(reader, "http",
                                  "must begin with http:// (use a command for https)");
    if (strcmp(check->method, "GET") != 0 && strcmp(check->method, "POST") != 0)
        return recipe_reader_fail(reader, "method", "must be GET or POST");
    check->kind = RIFT_CHECK_HTTP;
    check->status = (int)status;
    return 0;
}

static int read_check_tcp(const struct recipe_reader *reader, struct rift_recipe_check *check)
{
    check->kind = RIFT_CHECK_TCP;
    if (recipe_reader_known_keys(reader,
                                 RECIPE_KEYS("tcp", "address", "send", "contains", "timeout_ms")) ||
        recipe_read_required(reader, "tcp", &check->port) ||
        recipe_read_text(reader, "address", "${node.address}", &check->address) ||
        recipe_read_text(reader, "send", NULL, &check->send))
        return -1;
    return 0;
}

static int read_check(const struct recipe_reader *outer, const char *key,
                      struct rift_recipe_check *check)
{
    const json_t *json = json_object_get(outer->json, key);
    if (!json || json_is_null(json))
        return 0;
    struct recipe_reader inner;
    if (recipe_reader_enter(outer, key, -1, json, &inner))
        return -1;
    int (*read)(const struct recipe_reader *, struct rift_recipe_check *) =
        json_object_get(json, "command") ? read_check_command
        : json_object_get(json, "http")  ? read_check_http
        : json_object_get(json, "tcp")   ? read_check_tcp
                                         : NULL;
    if (!read)
        return recipe_reader_fail(outer, key, "needs one of 'tcp', 'http' and 'command'");
    const char *const *same;
    if (read(&inner, check) || recipe_read_text(&inner, "contains", NULL, &check->contains) ||
        recipe_read_texts(&inner, "same", &same) ||
        recipe_read_number(&inner, "timeout_ms", 1000, 10, 60000, &check->timeout_ms))
        return -1;
    if (same[0] && (!same[1] || same[2]))
        return recipe_reader_fail(&inner, "same", "must be a list of two paths into a JSON answer");
    check->same[0] = same[0];
    check->same[1] = same[0] ? same[1] : NULL;
    return 0;
}

static int read_option(const struct recipe_reader *outer, const char *name, int i,
                       const json_t *json, void *item)
{
    struct rift_recipe_option *option = item;
    struct recipe_reader inner;
    option->name = rift_arena_strdup(outer->arena, name);
    if (recipe_reader_enter(outer, name, i, json, &inner) ||
        recipe_reader_known_keys(&inner,
                                 RECIPE_KEYS("default", "minimum", "maximum", "unit", "summary")) ||
        recipe_read_text(&inner, "default", NULL, &option->fallback) ||
        recipe_read_text(&inner, "unit", "", &option->unit) ||
        recipe_read_text(&inner, "summary", "", &option->summary))
        return -1;
    const json_t *minimum = json_object_get(json, "minimum");
    const json_t *maximum = json_object_get(json, "maximum");
    option->has_bounds = json_is_number(minimum) && json_is_number(maximum);
    option->minimum = json_number_value(minimum);
    option->maximum = json_number_value(maximum);
    return 0;
}

static int read_artifact_kind(const struct recipe_reader *reader, enum rift_artifact_kind *kind)
{
    const char *word;
    if (recipe_read_text(reader, "kind", "binary", &word))
        return -1;
    if (strcmp(word, "binary") == 0)
        *kind = RIFT_ARTIFACT_BINARY;
    else if (strcmp(word, "tarball") == 0)
        *kind = RIFT_ARTIFACT_TARBALL;
    else if (strcmp(word, "deb") == 0)
        *kind = RIFT_ARTIFACT_DEB;
    else
        return recipe_reader_fail(reader, "kind", "must be binary, tarball or deb");
    return 0;
}

static int read_artifact(const struct recipe_reader *outer, const char *name, int i,
                         const json_t *json, void *item)
{
    struct rift_recipe_artifact *artifact = item;
    struct recipe_reader inner;
    artifact->name = rift_arena_strdup(outer->arena, name);
    if (strchr(name, '/') || name[0] == '.' || !name[0])
        return recipe_reader_fail(outer, name, "is no name for an artifact");
    if (recipe_reader_enter(outer, name, i, json, &inner) ||
        recipe_reader_known_keys(&inner, RECIPE_KEYS("kind", "default")) ||
        read_artifact_kind(&inner, &artifact->kind) ||
        recipe_read_text(&inner, "default", NULL, &artifact->fallback))
        return -1;
    return 0;
}

static int read_secret(const struct recipe_reader *outer, const char *name, int i,
                       const json_t *json, void *item)
{
    struct rift_recipe_secret *secret = item;
    struct recipe_reader inner;
    secret->name = rift_arena_strdup(outer->arena, name);
    if (strchr(name, '/') || name[0] == '.' || !name[0])
        return recipe_reader_fail(outer, name, "is no name for a secret");
    if (recipe_reader_enter(outer, name, i, json, &inner) ||
        recipe_reader_known_keys(&inner, RECIPE_KEYS("summary", "public")) ||
        recipe_read_text(&inner, "summary", "", &secret->summary) ||
        recipe_read_bool(&inner, "public", &secret->is_public))
        return -1;
    return 0;
}

static int read_variable(const struct recipe_reader *outer, const char *name, int i,
                         const json_t *json, void *item)
{
    struct rift_recipe_variable *variable = item;
    variable->name = rift_arena_strdup(outer->arena, name);
    variable->join = ",";
    if (strpbrk(name, ".${}"))
        return recipe_reader_fail(outer, name, "is no name for a variable");
    if (!json_is_object(json))
        return recipe_read_scalar(outer, name, json, &variable->text);
    struct recipe_reader inner;
    if (recipe_reader_enter(outer, name, i, json, &inner) ||
        recipe_reader_known_keys(&inner, RECIPE_KEYS("each", "join", "without_self", "first",
                                                     "others", "founding", "joining")) ||
        recipe_read_text(&inner, "each", NULL, &variable->each) ||
        recipe_read_text(&inner, "join", ",", &variable->join) ||
        recipe_read_bool(&inner, "without_self", &variable->without_self) ||
        recipe_read_text(&inner, "first", NULL, &variable->first) ||
        recipe_read_text(&inner, "others", NULL, &variable->others) ||
        recipe_read_text(&inner, "founding", NULL, &variable->founding) ||
        recipe_read_text(&inner, "joining", NULL, &variable->joining))
        return -1;
    int forms = !!variable->each + (variable->first || variable->others) +
                (variable->founding || variable->joining);
    bool is_whole =
        !variable->first == !variable->others && !variable->founding == !variable->joining;
    return forms == 1 && is_whole
               ? 0
               : recipe_reader_fail(outer, name,
                                    "needs 'each', or both 'first' and 'others', or both "
                                    "'founding' and 'joining'");
}

static int read_file(const struct recipe_reader *outer, const char *key, int i, const json_t *json,
                     void *item)
{
    struct rift_recipe_file *file = item;
    struct recipe_reader inner;
    const char *mode;
    if (recipe_reader_enter(outer, key, i, json, &inner) ||
        recipe_reader_known_keys(&inner, RECIPE_KEYS("path", "content", "mode")) ||
        recipe_read_required(&inner, "path", &file->path) ||
        recipe_read_text(&inner, "content", "", &file->content) ||
        recipe_read_text(&inner, "mode", "0644", &mode))
        return -1;
    char *end;
    long number = strtol(mode, &end, 8);
    if (*end || end == mode || number < 0 || number > 07777)
        return recipe_reader_fail(&inner, "mode", "must be octal in quotes, as \"0644\"");
    file->mode = (int)number;
    return 0;
}

static int read_preparation(const struct recipe_reader *outer, const char *key, int i,
                            const json_t *json, void *item)
{
    rift_recipe_argv *command = item;
    (void)i;
    if (recipe_read_texts_from(outer, key, json, command))
        return -1;
    return (*command)[0]
               ? 0
               : recipe_reader_fail(outer, key, "must be a list of commands, each a list");
}

static int read_pair(const struct recipe_reader *outer, const char *name, int i, const json_t *json,
                     void *item)
{
    struct rift_recipe_pair *pair = item;
    (void)i;
    pair->name = rift_arena_strdup(outer->arena, name);
    return recipe_read_scalar(outer, name, json, &pair->value);
}

static int read_port(const struct recipe_reader *outer, const char *name, int i, const json_t *json,
                     void *item)
{
    struct rift_recipe_pair *port = item;
    if (read_pair(outer, name, i, json, port))
        return -1;
    char *end;
    long number = strtol(port->value, &end, 10);
    if (*end || number < 1 || number > 65535)
        return recipe_reader_fail(outer, name, "must be a port, from 1 to 65535");
    return 0;
}

static int read_process(const struct recipe_reader *outer, const char *key, int i,
                        const json_t *json, void *item)
{
    struct rift_recipe_process *process = item;
    struct recipe_reader inner;
    if (recipe_reader_enter(outer, key, i, json, &inner) ||
        recipe_reader_known_keys(&inner,
                                 RECIPE_KEYS("name", "command", "environment", "working_folder",
                                             "ready", "ready_deadline_ms")) ||
        recipe_read_required(&inner, "name", &process->name) ||
        recipe_read_argv(&inner, "command", &process->command) ||
        !(process->environment =
              recipe_read_table(&inner, "environment", read_pair, sizeof *process->environment,
                                &process->environment_count)) ||
        recipe_read_text(&inner, "working_folder", "/", &process->working_folder) ||
        read_check(&inner, "ready", &process->ready) ||
        recipe_read_number(&inner, "ready_deadline_ms", 60000, 1, 3600000,
                           &process->ready_deadline_ms))
        return -1;
    if (strchr(process->name, '/') || process->name[0] == '.')
        return recipe_reader_fail(&inner, "name", "is no name for a process");
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

static int read_membership(const struct recipe_reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "membership");
    struct rift_recipe_membership *membership = &recipe->membership;
    if (!json)
        return 0;
    struct recipe_reader inner;
    if (recipe_reader_enter(outer, "membership", -1, json, &inner) ||
        recipe_reader_known_keys(
            &inner, RECIPE_KEYS("list", "members", "known_by", "id", "add", "remove")) ||
        read_check(&inner, "list", &membership->list) ||
        read_check(&inner, "add", &membership->add) ||
        read_check(&inner, "remove", &membership->remove) ||
        recipe_read_required(&inner, "members", &membership->members) ||
        recipe_read_required(&inner, "known_by", &membership->known_by) ||
        recipe_read_required(&inner, "id", &membership->id))
        return -1;
    bool is_whole =
        membership->list.kind != RIFT_CHECK_NONE && membership->list.kind != RIFT_CHECK_TCP &&
        membership->add.kind != RIFT_CHECK_NONE && membership->remove.kind != RIFT_CHECK_NONE;
    return is_whole ? 0
                    : recipe_reader_fail(outer, "membership",
                                         "needs 'list' (http or command), 'add' and 'remove'");
}

static int read_stop(const struct recipe_reader *outer, struct rift_recipe *recipe)
{
    const json_t *json = json_object_get(outer->json, "stop");
    recipe->stop_signal = SIGTERM;
    recipe->stop_grace_ms = 5000;
    if (!json)
        return 0;
    struct recipe_reader inner;
    const char *word;
    if (recipe_reader_enter(outer, "stop", -1, json, &inner) ||
        recipe_reader_known_keys(&inner, RECIPE_KEYS("signal", "grace_ms")) ||
        recipe_read_text(&inner, "signal", "TERM", &word) ||
        recipe_read_number(&inner, "grace_ms", 5000, 0, 600000, &recipe->stop_grace_ms))
        return -1;
    recipe->stop_signal = signal_number(word);
    return recipe->stop_signal > 0
               ? 0
               : recipe_reader_fail(&inner, "signal", "must be TERM, INT, QUIT, HUP, USR1 or KILL");
}

/* A wipe empties data folders as root: a short or relative path must not even be a template's
 * beginning. The agent checks the expanded path again. */
static int recipe_check_folders(const struct recipe_reader *reader,
                                const struct rift_recipe *recipe)
{
    for (const char *const *folder = recipe->data_folders; *folder; folder++)
        if (**folder != '/' && !rift_text_starts_with(*folder, "${"))
            return recipe_reader_fail(reader, "data_folders", "must hold absolute paths");
    return 0;
}

/* The lists and tables whose items are more than texts. */
static int recipe_read_items(const struct recipe_reader *top, struct rift_recipe *recipe)
{
    recipe->options = recipe_read_table(top, "options", read_option, sizeof *recipe->options,
                                        &recipe->option_count);
    if (!recipe->options)
        return -1;
    recipe->artifacts = recipe_read_table(top, "artifacts", read_artifact,
                                          sizeof *recipe->artifacts, &recipe->artifact_count);
    if (!recipe->artifacts)
        return -1;
    recipe->secrets = recipe_read_table(top, "secrets", read_secret, sizeof *recipe->secrets,
                                        &recipe->secret_count);
    if (!recipe->secrets)
        return -1;
    recipe->ports =
        recipe_read_table(top, "ports", read_port, sizeof *recipe->ports, &recipe->port_count);
    if (!recipe->ports)
        return -1;
    recipe->variables = recipe_read_table(top, "variables", read_variable,
                                          sizeof *recipe->variables, &recipe->variable_count);
    if (!recipe->variables)
        return -1;
    recipe->files =
        recipe_read_list(top, "files", read_file, sizeof *recipe->files, &recipe->file_count);
    if (!recipe->files)
        return -1;
    recipe->prepare = recipe_read_list(top, "prepare", read_preparation, sizeof *recipe->prepare,
                                       &recipe->prepare_count);
    if (!recipe->prepare)
        return -1;
    recipe->founded = recipe_read_list(top, "founded", read_preparation, sizeof *recipe->founded,
                                       &recipe->founded_count);
    if (!recipe->founded)
        return -1;
    recipe->processes = recipe_read_list(top, "processes", read_process, sizeof *recipe->processes,
                                         &recipe->process_count);
    if (!recipe->processes)
        return -1;
    return recipe->process_count
               ? 0
               : recipe_reader_fail(top, "processes", "must name at least one process");
}

static int recipe_read(const struct recipe_reader *top, struct rift_recipe *recipe)
{
    if (recipe_reader_known_keys(top, RECIPE_KEYS("name", "summary", "client", "packages",
                                                  "version", "options", "artifacts", "secrets",
                                                  "ports", "variables", "user", "data_folders",
                                                  "files", "prepare", "processes", "founded",
                                                  "logs", "role", "membership", "stop")) ||
        recipe_read_required(top, "name", &recipe->name) ||
        recipe_read_text(top, "summary", "", &recipe->summary) ||
        recipe_read_text(top, "client", NULL, &recipe->client) ||
        recipe_read_texts(top, "packages", &recipe->packages) ||
        recipe_read_texts(top, "version", &recipe->version) ||
        recipe_read_text(top, "user", NULL, &recipe->user) ||
        recipe_read_texts(top, "data_folders", &recipe->data_folders) ||
        recipe_read_texts(top, "logs", &recipe->logs) || recipe_read_items(top, recipe) ||
        read_check(top, "role", &recipe->role) || read_membership(top, recipe) ||
        read_stop(top, recipe) || recipe_check_folders(top, recipe))
        return -1;
    if (strchr(recipe->name, '/') || recipe->name[0] == '.')
        return recipe_reader_fail(top, "name", "must not hold a slash or begin with a dot");
    if (!recipe->version[0])
        recipe->version = NULL;
    return 0;
}

struct rift_recipe *rift_recipe_from_json(const json_t *json, struct rift_arena *arena,
                                          struct rift_error *err)
{
    struct recipe_reader top = {
        .arena = arena, .err = err, .items_max = RIFT_RECIPE_ITEMS_MAX, .json = json};
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

/* A recipe means on every node what its author wrote, and a mistake in it is named by its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/wire/recipe.h"

static const char etcd_like[] =
    "{'name': 'kv', 'options': {'beat_ms': {'default': 100}, 'must': {}},"
    " 'artifacts': {'kv': {'default': '/usr/bin/kv'}, 'lib': {'kind': 'tarball', 'default': ''}},"
    " 'variables': {'data': '/var/lib/kv/${node.name}',"
    "   'cluster': {'each': '${node.name}=http://${node.host}:1', 'join': ','},"
    "   'others': {'each': '${node.address}', 'join': ' ', 'without_self': true},"
    "   'role': {'first': 'primary', 'others': 'replica of ${first.address}'}},"
    " 'data_folders': ['${data}'],"
    " 'files': [{'path': '${data}/conf', 'content': 'cost $$5', 'mode': '0600'}],"
    " 'processes': [{'name': 'kv', 'command': ['${artifacts.kv}', '--beat=${options.beat_ms}'],"
    "   'environment': {'A': 1}, 'ready': {'tcp': 2379}}],"
    " 'role': {'http': 'http://${node.host}:1/s', 'same': ['leader', 'header.id']},"
    " 'stop': {'signal': 'INT', 'grace_ms': 10}}";

static const char two_nodes[] =
    "{'node': {'name': 'n2', 'address': 'fd00::2', 'index': 2}, 'options': {'must': 'x'},"
    " 'nodes': [{'name': 'n1', 'address': '10.0.0.1', 'index': 1},"
    "           {'name': 'n2', 'address': 'fd00::2', 'index': 2}]}";

static json_t *load(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(copy, 0, NULL);
    free(copy);
    assert_non_null(json);
    return json;
}

struct fixture {
    struct rift_arena arena;
    json_t *json, *context;
    struct rift_recipe *recipe;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct rift_error err = {0};
    f->json = load(etcd_like);
    f->context = load(two_nodes);
    f->recipe = rift_recipe_from_json(f->json, &f->arena, &err);
    if (!f->recipe)
        print_error("%s\n", err.text);
    *state = f;
    return f->recipe ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rift_recipe_finish(f->recipe);
    json_decref(f->json);
    json_decref(f->context);
    rift_arena_finish(&f->arena);
    free(f);
    return 0;
}

static void assert_expands(struct fixture *f, const char *template, const char *expected)
{
    struct rift_error err = {0};
    const char *text = rift_recipe_expand(f->recipe, f->context, template, &f->arena, &err);
    if (!text)
        fail_msg("%s", err.text);
    assert_string_equal(expected, text);
}

static void variables_speak_of_the_node_they_are_on(void **state)
{
    struct fixture *f = *state;
    assert_expands(f, "${data}/x", "/var/lib/kv/n2/x");
    assert_expands(f, "${cluster}", "n1=http://10.0.0.1:1,n2=http://[fd00::2]:1");
    assert_expands(f, "${others}", "10.0.0.1");
    assert_expands(f, "${role}", "replica of 10.0.0.1");
    assert_expands(f, "${node.index} of ${nodes.count}", "2 of 2");
    assert_expands(f, "${options.beat_ms} ${options.must}", "100 x");
    assert_expands(f, "$${data}", "${data}");
}

static void a_user_s_artifact_replaces_the_default(void **state)
{
    struct fixture *f = *state;
    assert_expands(f, "${artifacts.kv}", "/usr/bin/kv");
    json_object_set_new(f->context, "artifacts", json_pack("{s:s}", "kv", "/opt/mine"));
    assert_expands(f, "${artifacts.kv}", "/opt/mine");
}

static void fields_hold_what_was_written(void **state)
{
    struct fixture *f = *state;
    const struct rift_recipe *r = f->recipe;
    assert_int_equal(0600, r->files[0].mode);
    assert_int_equal(2, r->stop_signal);
    assert_int_equal(RIFT_CHECK_TCP, r->processes[0].ready.kind);
    assert_string_equal("2379", r->processes[0].ready.port);
    assert_int_equal(RIFT_CHECK_HTTP, r->role.kind);
    assert_string_equal("header.id", r->role.same[1]);
    assert_int_equal(RIFT_ARTIFACT_TARBALL, r->artifacts[1].kind);
    assert_int_equal(0, rift_recipe_check_context(r, f->context, NULL));
}

static void assert_unexpandable(struct fixture *f, const char *template, const char *expected)
{
    struct rift_error err = {0};
    assert_null(rift_recipe_expand(f->recipe, f->context, template, &f->arena, &err));
    if (!strstr(err.text, expected))
        fail_msg("'%s' does not say '%s'", err.text, expected);
}

static void unknown_names_are_refused_with_the_nearest(void **state)
{
    struct fixture *f = *state;
    assert_unexpandable(f, "${clustr}", "did you mean '${cluster}'");
    assert_unexpandable(f, "${options.nope}", "no option 'nope'");
    assert_unexpandable(f, "${node.colour}", "no value");
    assert_unexpandable(f, "${open", "write ${name}");
    assert_unexpandable(f, "a $ sign", "$$ for a dollar");
    json_object_del(json_object_get(f->context, "options"), "must");
    assert_unexpandable(f, "${options.must}", "must be given");
}

static void assert_refused(const char *text, const char *expected)
{
    json_t *json = load(text);
    struct rift_arena arena = {0};
    struct rift_error err = {0};
    assert_null(rift_recipe_from_json(json, &arena, &err));
    if (!strstr(err.text, expected))
        fail_msg("'%s' does not say '%s'", err.text, expected);
    rift_arena_finish(&arena);
    json_decref(json);
}

static void mistakes_are_named_by_their_place(void **state)
{
    (void)state;
    assert_refused("[]", "table");
    assert_refused("{}", "'name' is missing");
    assert_refused("{'name': 'a'}", "'processes' must name");
    assert_refused("{'name': 'a', 'proceses': []}", "did you mean 'processes'");
    assert_refused("{'name': '../a', 'processes': [{'name': 'a', 'command': ['/a']}]}", "slash");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a'}]}", "'processes[0].command'");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a'], 'ready': {}}]}",
                   "'processes[0].ready' needs one of");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a'],"
                   " 'ready': {'http': 'https://x'}}]}",
                   "'processes[0].ready.http'");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a']}],"
                   " 'files': [{'path': '/x', 'mode': '9'}]}",
                   "'files[0].mode'");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a']}],"
                   " 'data_folders': ['var']}",
                   "absolute");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a']}],"
                   " 'stop': {'signal': 'NOPE'}}",
                   "'stop.signal'");
    assert_refused("{'name': 'a', 'processes': [{'name': 'a', 'command': ['/a']}],"
                   " 'ports': {'peer': 70000}}",
                   "'peer' must be a port");
}

static void circles_end_with_an_error(void **state)
{
    (void)state;
    json_t *json = load("{'name': 'a', 'processes': [{'name': 'a', 'command': ['${x}']}],"
                        " 'artifacts': {'me': {'default': '${artifacts.me}'}},"
                        " 'variables': {'x': '${y}', 'y': '${x}', 'e0': {'each': '${e1}${e1}'},"
                        " 'e1': {'each': '${e2}${e2}', 'join': ''}, 'e2': {'each': '${e0}',"
                        " 'join': ''}}}");
    json_t *context = load(two_nodes);
    struct rift_arena arena = {0};
    struct fixture f = {.recipe = rift_recipe_from_json(json, &arena, NULL), .context = context};
    assert_non_null(f.recipe);
    assert_unexpandable(&f, "${x}", "defined by itself");
    assert_unexpandable(&f, "${e0}", "defined by itself");
    assert_unexpandable(&f, "${artifacts.me}", "defined by itself");
    assert_int_equal(-1, rift_recipe_check_context(f.recipe, context, NULL));
    rift_recipe_finish(f.recipe);
    rift_arena_finish(&arena);
    rift_arena_finish(&f.arena);
    json_decref(json);
    json_decref(context);
}

static void a_secret_is_a_path_and_never_what_is_in_it(void **state)
{
    (void)state;
    json_t *json = load("{'name': 'kv', 'secrets': {'key': {}, 'ca': {'public': true}},"
                        " 'founded': [['/bin/kv', '${secrets.key}']],"
                        " 'processes': [{'name': 'kv', 'command': ['/bin/kv']}]}");
    json_t *context = load(two_nodes);
    struct rift_arena arena = {0};
    struct fixture f = {.recipe = rift_recipe_from_json(json, &arena, NULL), .context = context};
    assert_non_null(f.recipe);
    assert_true(!f.recipe->secrets[0].is_public && f.recipe->secrets[1].is_public);
    assert_int_equal(1, f.recipe->founded_count);
    assert_expands(&f, "--key=${secrets.key}", "--key=/run/rift-secrets/key");
    assert_unexpandable(&f, "${secrets.keys}", "no secret 'keys'");
    assert_int_equal(0, rift_recipe_check_context(f.recipe, context, NULL));
    rift_recipe_finish(f.recipe);
    rift_arena_finish(&arena);
    rift_arena_finish(&f.arena);
    json_decref(json);
    json_decref(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(variables_speak_of_the_node_they_are_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_s_artifact_replaces_the_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_hold_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_names_are_refused_with_the_nearest, set_up,
                                        tear_down),
        cmocka_unit_test(a_secret_is_a_path_and_never_what_is_in_it),
        cmocka_unit_test(mistakes_are_named_by_their_place),
        cmocka_unit_test(circles_end_with_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

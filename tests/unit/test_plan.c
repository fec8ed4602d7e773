#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "plan/plan.h"

/* A small build: what a configuration is checked against. */
static const char *const reads_choices[] = {"linearizable", "local", NULL};
static const struct rift_option register_options[] = {
    {.name = "keys",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "20",
     .minimum = 1,
     .maximum = 100,
     .summary = "keys"},
    {.name = "cas_part", .kind = RIFT_OPTION_REAL, .unit = "", .fallback = "0", .summary = "cas"},
    {.name = "ops_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "300",
     .summary = "operations"},
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "linearizable",
     .choices = reads_choices,
     .summary = "reads"},
    {.name = NULL}};
static const struct rift_option etcd_options[] = {{.name = "port",
                                                   .kind = RIFT_OPTION_INTEGER,
                                                   .unit = "",
                                                   .fallback = "2379",
                                                   .minimum = 1,
                                                   .maximum = 65535,
                                                   .summary = "port"},
                                                  {.name = "reads",
                                                   .kind = RIFT_OPTION_CHOICE,
                                                   .unit = "",
                                                   .fallback = "linearizable",
                                                   .choices = reads_choices,
                                                   .summary = "reads"},
                                                  {.name = "settings",
                                                   .kind = RIFT_OPTION_ANY,
                                                   .unit = "",
                                                   .fallback = "{}",
                                                   .summary = "settings"},
                                                  {.name = "password_file",
                                                   .kind = RIFT_OPTION_FILE,
                                                   .unit = "",
                                                   .fallback = "",
                                                   .summary = "password"},
                                                  {.name = NULL}};
static const struct rift_option linearizable_options[] = {{.name = "model",
                                                           .kind = RIFT_OPTION_TEXT,
                                                           .unit = "",
                                                           .fallback = "register",
                                                           .summary = "model"},
                                                          {.name = NULL}};
static const char *const read_write[] = {"read", "write", NULL};
static const char *const read_only[] = {"read", NULL};
static const char *const passed[] = {"reads", NULL};
static const struct rift_checker_choice register_checkers[] = {
    {"linearizable", "{model: cas-register}"}, {.name = NULL}};
static const struct rift_optional_operation if_cas[] = {{"cas", "cas_part"}, {NULL, NULL}};
static const struct rift_catalogue_entry workloads[] = {
    {.name = "register",
     .summary = "",
     .options = register_options,
     .operations = read_write,
     .optional_operations = if_cas,
     .client_options = passed,
     .client_settings = "{\"shape\": \"register\"}",
     .checkers = register_checkers},
    {.name = NULL}};
static const struct rift_catalogue_entry checkers[] = {
    {.name = "linearizable", .summary = "", .options = linearizable_options},
    {.name = "evidence", .summary = ""},
    {.name = "performance", .summary = ""},
    {.name = "clock", .summary = ""},
    {.name = NULL}};
static const struct rift_catalogue_entry clients[] = {
    {.name = "etcd", .summary = "", .options = etcd_options, .operations = read_write},
    {.name = "mirror", .summary = "", .operations = read_only},
    {.name = NULL}};
static const char *const folders[] = {"configs/systems", NULL};
static const struct rift_catalogue catalogue = {.faults = rift_faults,
                                                .workloads = workloads,
                                                .checkers = checkers,
                                                .clients = clients,
                                                .system_folders = folders};

static struct rift_error err;

static struct rift_plan *parse(const char *yaml)
{
    memset(&err, 0, sizeof err);
    return rift_plan_parse("folder/test.yaml", yaml, strlen(yaml), &catalogue, 0, &err);
}

static struct rift_plan *parse_good(const char *yaml)
{
    struct rift_plan *plan = parse(yaml);
    if (!plan)
        print_message("%s\n", err.text);
    assert_non_null(plan);
    return plan;
}

static const char *const SMALL = "nodes: {lab: netns}\nsystem: etcd\nworkload: register\n";

static void the_example_of_the_architecture_is_what_it_says(void **state)
{
    (void)state;
    struct rift_plan *plan = rift_plan_read("configs/etcd-register.yaml", &catalogue, 42, &err);
    if (!plan)
        print_message("%s\n", err.text);
    assert_non_null(plan);
    assert_string_equal(plan->name, "etcd-register");
    assert_true(plan->seed == 42);
    assert_true(plan->is_lab);
    assert_string_equal(plan->lab_driver, "netns");
    assert_int_equal(plan->host_count, 5);
    assert_string_equal(plan->host_names[4], "n5");
    assert_string_equal(plan->system.name, "etcd");
    assert_int_equal(json_integer_value(json_object_get(plan->system.options, "heartbeat_ms")),
                     100);
    assert_int_equal(json_integer_value(json_object_get(plan->system.options, "election_ms")),
                     1000);
    assert_string_equal(plan->client.name, "etcd");
    assert_int_equal(plan->concurrency, 10);
    assert_true(plan->rate_hz == 200);
    assert_int_equal(plan->op_timeout_ms, 2000);
    assert_int_equal(plan->fault_count, 2);
    assert_int_equal(plan->faults[0].variant_count, 4);
    assert_int_equal(plan->faults[0].variants[2].grudge, RIFT_GRUDGE_BRIDGE);
    assert_true(plan->faults[0].every_s.low == 8 && plan->faults[0].for_s.high == 6);
    assert_string_equal(plan->faults[1].lane, "kill");
    assert_int_equal(plan->faults[1].variants[0].target.kind, RIFT_TARGET_MINORITY);
    assert_string_equal(
        json_string_value(json_object_get(plan->faults[1].variants[0].options, "signal")), "KILL");
    assert_int_equal(plan->time_limit_ms, 60000);
    assert_int_equal(plan->recovery_ms, 16000); /* the longest cut + 10 s */
    assert_int_equal(plan->checker_count, 4);
    assert_string_equal(plan->checkers[1].name, "evidence");
    assert_string_equal(plan->checkers[2].name, "performance");
    assert_string_equal(plan->checkers[3].name, "clock");
    assert_string_equal(json_string_value(json_object_get(plan->checkers[0].options, "model")),
                        "cas-register");
    rift_plan_destroy(plan);
}

/* Each mistake, and where and how it must be named. */
static const struct {
    const char *yaml, *message;
} mistakes[] = {
    {"nodes: {lab: netns\n", "folder/test.yaml:2:1: "},
    {"nodes: [a, a: b: c]\n", "folder/test.yaml:1:"},
    {"- a\n", "folder/test.yaml:1:1: a configuration is a table"},
    {"nodes: {lab: netns}\nnodes: {lab: netns}\n",
     "folder/test.yaml:2:1: this key comes twice: 'nodes'"},
    {"nodes: &a {lab: netns}\n", "folder/test.yaml:1:8: anchors and aliases"},
    {"nodes: {lab: netns}\nfaults: [{rollback: {files: *.wal}}]\n",
     "folder/test.yaml:2:29: anchors and aliases"},
    {"workload: register\n", "folder/test.yaml:1:1: the configuration needs 'nodes'"},
    {"nodes:\nworkload: register\n", "folder/test.yaml:1:7: the configuration needs 'nodes'"},
    {"nodes: {lab: netns}\nworkload: register\n",
     "folder/test.yaml:1:1: 'client' is missing, and no recipe names one"},
    {"nodes: {lab: nets}\n", "folder/test.yaml:1:14: unknown kind of lab 'nets', did you mean "
                             "'netns'?"},
    {"nodes: {lab: netns, cuont: 3}\n",
     "folder/test.yaml:1:21: unknown key of nodes: 'cuont', did you mean 'count'?"},
    {"nodes: {lab: netns, count: many}\n", "folder/test.yaml:1:28: 'count' must be a whole number"},
    {"nodes: {lab: netns, count: 0}\n",
     "folder/test.yaml:1:28: 'count' must lie between 1 and 250"},
    {"nodes: []\n", "folder/test.yaml:1:8: there must be at least one host"},
    {"nodes: [{name: a, address: x}, {name: a, address: y}]\n",
     "folder/test.yaml:1:32: two hosts are called 'a'"},
    {"nodes: [{name: a}]\n", "folder/test.yaml:1:9: a host needs 'address'"},
    {"nodes: [{address: x, prot: 22}]\n",
     "folder/test.yaml:1:22: unknown key of a host: 'prot', did you mean 'port'?"},
    {"seeed: 4\nnodes: {lab: netns}\n",
     "folder/test.yaml:1:1: unknown key of the configuration: 'seeed', did you mean 'seed'?"},
    {"nodes: {lab: netns}\nsystem: etdc\nworkload: register\n",
     "folder/test.yaml:2:9: unknown system 'etdc', did you mean 'etcd'?"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, options: {heartbeat: 5}}\nworkload: register\n",
     "folder/test.yaml:2:34: unknown key of the system's options: 'heartbeat', did you mean "
     "'heartbeat_ms'?"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, options: {heartbeat_ms: 5}}\nworkload: "
     "register\n",
     "folder/test.yaml:2:48: 'heartbeat_ms' must lie between 10 and 5000 ms"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, artifacts: {etcd: no/such/file}}\nworkload: "
     "register\n",
     "folder/test.yaml:2:42: artifact 'etcd': cannot read"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, artifacts: {etcd: [/dev/null]}}\nworkload: "
     "register\n",
     "folder/test.yaml:2:42: artifact 'etcd' must be a local file"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, artifacts: {etcd: {file: /dev/null, sha256: "
     "'12'}}}\nworkload: register\n",
     "folder/test.yaml:2:68: artifact 'etcd': '/dev/null' is not the file of this plan"},
    {"nodes: {lab: netns}\nsystem: etcd-secure\nworkload: register\n",
     "the recipe needs secrets: {root_password: FILE}, a file whose first line"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd-secure, secrets: {kye: x}}\nworkload: register\n",
     "folder/test.yaml:2:41: unknown secret 'kye', did you mean 'key'?"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd-secure, secrets: {key: [x]}}\nworkload: "
     "register\n",
     "secret 'key' must be a local file"},
    {"nodes: {lab: netns}\nsystem: {recipe: etcd, secrets: x}\nworkload: register\n",
     "folder/test.yaml:2:33: secrets must be a table: {NAME: FILE}"},
    {"nodes: {lab: netns}\nclient: ectd\nworkload: register\n",
     "folder/test.yaml:2:9: unknown client 'ectd', did you mean 'etcd'?"},
    {"nodes: {lab: netns}\nworkload: register\n", "folder/test.yaml:1:1: 'client' is missing"},
    {"nodes: {lab: netns}\nclient: mirror\nworkload: register\n",
     "folder/test.yaml:3:11: workload 'register' needs the operation 'write', which client "
     "'mirror' does not have"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, cas_part: 0.1}\n",
     "folder/test.yaml:3:11: workload 'register' needs the operation 'cas', which client 'etcd' "
     "does "
     "not have"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: regster\n",
     "folder/test.yaml:3:11: unknown workload 'regster', did you mean 'register'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, reads: locl}\n",
     "folder/test.yaml:3:35: unknown value of 'reads': 'locl', did you mean 'local'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, concurrency: 3x}\n",
     "folder/test.yaml:3:41: 'concurrency' must be a number of threads"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: {name: register, keys: 101}\n",
     "folder/test.yaml:3:34: 'keys' must lie between 1 and 100"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {partiton: halves}\n",
     "folder/test.yaml:5:6: unknown fault 'partiton', did you mean 'partition'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {partition: halvs}\n",
     "folder/test.yaml:5:17: unknown partition 'halvs', did you mean 'halves'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {kill: {targets: n6}}\n",
     "folder/test.yaml:5:22: unknown target 'n6', did you mean 'n1'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {kill: one, evry_s: 4}\n",
     "folder/test.yaml:5:17: unknown key of fault 'kill': 'evry_s', did you mean 'every_s'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {kill: one, every_s: [5, 3]}\n",
     "folder/test.yaml:5:26: 'every_s' must be [low, high], low first"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {kill: one, every_s: 5, for_s: 9}\n",
     "folder/test.yaml:5:5: for_s is longer than every_s"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {link: {delay_ms: [5, "
     "60], jitter_ms: 10}}\n",
     "folder/test.yaml:5:12: jitter_ms may be 10, and must never be above delay_ms, which may be "
     "5"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {kill: one, vary_s: 1}\n",
     "folder/test.yaml:5:5: vary_s is for faults that can change while they are on, as link"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {chaos: [link], vary_s: "
     "1}\n",
     "folder/test.yaml:5:5: vary_s is for faults that can change while they are on, as link"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {link: {delay_ms: [5, "
     "60]}, vary_s: 0.05}\n",
     "folder/test.yaml:5:5: vary_s must be 0.1 s at least, or 0"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: {kinds: halves, ports: [80, 70000]}}\n",
     "folder/test.yaml:5:45: '70000' is no port from 1 to 65535"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: {kinds: halves, ports: [90-80]}}\n",
     "folder/test.yaml:5:41: '90-80' is no port from 1 to 65535"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: {kinds: halves, flap_ms: 400, flap_percent: 0}}\n",
     "folder/test.yaml:5:61: 'flap_percent' must lie between 1 and 100 %"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n  - {kill: {signl: TERM}}\n",
     "folder/test.yaml:5:13: unknown key of fault 'kill': 'signl', did you mean 'signal'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: {grudge: {n1: [n9]}}}\n",
     "folder/test.yaml:5:26: there is no node 'n9', did you mean 'n1'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: {ports: [2379, per]}}\n",
     "folder/test.yaml:5:32: unknown port 'per', did you mean 'peer'?"},
    {"nodes: {lab: netns}\nsystem: none\nworkload: register\nfaults:\n  - cut-clients: one\n",
     "folder/test.yaml:5:5: 'client' is no number, and the recipe names no ports"},
    {"nodes: {lab: netns, count: 2}\nsystem: etcd\nworkload: register\nfaults:\n"
     "  - {partition: bridge}\n",
     "folder/test.yaml:5:17: partition 'bridge' needs 3 to 256 nodes, there are 2"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults: {kill: one}\n",
     "folder/test.yaml:4:9: faults must be a list"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\ncheckers: [lineariable]\n",
     "folder/test.yaml:4:12: unknown checker 'lineariable', did you mean 'linearizable'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\ncheckers:\n"
     "  - linearizable: {modle: register}\n",
     "folder/test.yaml:5:20: unknown key of checker 'linearizable': 'modle', did you mean "
     "'model'?"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nname: a/b\n",
     "folder/test.yaml:4:7: 'name' is a folder's name"},
    {"nodes: {lab: netns}\nsystem: etcd\nworkload: register\nquiet: {every_s: 5, for_s: 5}\n",
     "folder/test.yaml:4:8: for_s must be shorter"},
};

static void every_mistake_is_named_with_its_place_and_the_nearest_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct rift_plan *plan = parse(mistakes[i].yaml);
        if (plan || !strstr(err.text, mistakes[i].message))
            print_message("%s\nexpected: %s\ngot: %s\n", mistakes[i].yaml, mistakes[i].message,
                          err.text);
        assert_null(plan);
        assert_non_null(strstr(err.text, mistakes[i].message));
        assert_int_equal(err.code, RIFT_ERR_INVALID);
    }
}

static void several_mistakes_are_named_in_one_go(void **state)
{
    (void)state;
    assert_null(parse("nodes: {lab: netns, cont: 5}\nsystem: etcd\n"
                      "workload: {name: register, keyz: 3}\nfaults:\n  - {kil: one}\n"));
    assert_non_null(
        strstr(err.text, "1:21: unknown key of nodes: 'cont', did you mean 'count'?\n"));
    assert_non_null(strstr(err.text, "3:28: unknown key of workload 'register': 'keyz', did you "
                                     "mean 'keys'?\n"));
    assert_non_null(strstr(err.text, "5:6: unknown fault 'kil', did you mean 'kill'?"));
}

static void a_mistake_in_a_recipe_is_named_in_the_recipe(void **state)
{
    (void)state;
    assert_null(parse("nodes: {lab: netns}\nworkload: register\n"
                      "system:\n  recipe: mine\n  definition:\n    name: mine\n    comand: x\n"));
    assert_non_null(strstr(err.text, "folder/test.yaml:"));
    assert_non_null(strstr(err.text, "comand"));
}

static void a_frozen_plan_read_again_is_the_same(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "nodes: {lab: netns}\nsystem: etcd\nworkload: register\nclient:\n  name: etcd\n"
        "  settings: {a: '5', b: 'null', c: 'true', d: '1e3', e: '', f: [1, 2.5, true, null, x], "
        "'no': {g: \"a\\nb\\n\", h: ' x ', i: '# y', j: '- z'}}\n",
        "nodes: {lab: netns}\nsystem: etcd\nworkload: register\nclient: {name: etcd, reads: "
        "local}\n",
        "nodes: {lab: netns}\nsystem: {recipe: etcd, artifacts: {etcd: /dev/null}}\nworkload: "
        "register\n",
        "nodes:\n  - root@10.0.0.1:2222\n  - {name: b, address: '::1', sudo: true, key: id}\n"
        "  - '[fe80::1]:23'\nssh: {user: admin}\nclient: etcd\nworkload: {name: register, "
        "concurrency: 7, op_timeout_ms: 1.5s}\nseed: 9007199254740993\n",
        "nodes: {lab: netns, count: 4}\nsystem: etcd\nworkload: register\nstop_on: node-lost\n"
        "faults:\n  - chaos\n  - {chaos: [{kill: [n1, n2, primaries], weight: 3}, partition]}\n"
        "  - {sequence: [{partition: isolate-primary, for_s: 3}, {kill: primaries}], every_s: 20}\n"
        "  - {sequence: [{partition: isolate-primary, for_s: 9}, {wait_for: new-leader, for_s: 4}, "
        "kill], every_s: 20}\n"
        "  - {partition: {grudge: {n1: [n2], n2: [n1, n3]}}, lane: x, start_s: 5, until_s: 50}\n"
        "  - pause\nquiet: {every_s: 60, for_s: 10}\ndeadlines: {start_s: 2m}\n"
        "checkers: [performance, linearizable: {model: 'true'}]\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rift_plan *first = parse_good(texts[i]);
        struct rift_text text = {0}, again = {0};
        rift_plan_print(first, &text);
        struct rift_plan *second = parse_good(text.data);
        rift_plan_print(second, &again);
        assert_string_equal(text.data, again.data);
        assert_true(json_equal((json_t *)first->json, (json_t *)second->json));
        assert_true(first->seed == second->seed && first->seed != 0);
        struct rift_schedule *a = rift_plan_schedule(first, &err);
        struct rift_schedule *b = rift_plan_schedule(second, &err);
        assert_int_equal(a->count, b->count);
        for (size_t j = 0; j < a->count; j++) {
            json_t *x = rift_window_to_json(&a->windows[j], first->host_count, first->host_names);
            json_t *y = rift_window_to_json(&b->windows[j], second->host_count, second->host_names);
            assert_true(json_equal(x, y));
            assert_true(a->windows[j].seed == b->windows[j].seed);
            json_decref(x);
            json_decref(y);
        }
        rift_schedule_destroy(a);
        rift_schedule_destroy(b);
        rift_text_finish(&text);
        rift_text_finish(&again);
        rift_plan_destroy(first);
        rift_plan_destroy(second);
    }
}

/* As --set writes it, which makes JSON of what it is given. */
static void a_time_with_its_unit_may_stand_in_quotes(void **state)
{
    (void)state;
    struct rift_plan *plan = parse_good("nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"
                                        "time_limit_s: \"2m\"\n");
    assert_float_equal(120, json_number_value(json_object_get(plan->json, "time_limit_s")), 1e-9);
    rift_plan_destroy(plan);
}

static void a_port_named_by_the_recipe_is_a_number_in_the_plan(void **state)
{
    (void)state;
    struct rift_plan *plan = parse_good("nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"
                                        "faults:\n  - {partition: {ports: [peer, 7000-7010]}}\n");
    const json_t *options = plan->faults[0].variants[0].options;
    const char *peer, *range;
    assert_int_equal(0, json_unpack((json_t *)options, "{s:[s, s!]}", "ports", &peer, &range));
    assert_string_equal("2380", peer);
    assert_string_equal("7000-7010", range);
    rift_plan_destroy(plan);
}

static void clients_are_cut_at_the_recipes_client_port_unless_another_is_named(void **state)
{
    (void)state;
    struct rift_plan *plan = parse_good("nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"
                                        "faults:\n  - cut-clients: primaries\n"
                                        "  - {cut-clients: {ports: [peer]}}\n");
    const char *port;
    const json_t *options = plan->faults[0].variants[0].options;
    assert_int_equal(0, json_unpack((json_t *)options, "{s:[s!]}", "ports", &port));
    assert_string_equal("2379", port);
    options = plan->faults[1].variants[0].options;
    assert_int_equal(0, json_unpack((json_t *)options, "{s:[s!]}", "ports", &port));
    assert_string_equal("2380", port);
    rift_plan_destroy(plan);
}

static void
a_chaos_without_a_list_has_every_fault_that_is_possible_and_none_that_damages(void **state)
{
    (void)state;
    struct rift_plan *plan =
        parse_good("nodes: {lab: netns}\nsystem: {recipe: etcd, disk_mb: 64, disk_layer: ext4}\n"
                   "workload: register\nfaults:\n  - chaos\n");
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    const char *faults = strstr(text.data, "faults:");
    assert_non_null(faults);
    assert_non_null(strstr(faults, "disk-lose"));
    assert_non_null(strstr(faults, "disk-full"));
    assert_non_null(strstr(faults, "cut-clients"));
    assert_null(strstr(faults, "file-damage"));
    assert_null(strstr(faults, "rollback"));
    assert_null(strstr(faults, "dns"));
    assert_null(strstr(faults, "disk-corrupt"));
    rift_text_finish(&text);
    rift_plan_destroy(plan);
    plan = parse_good("nodes: {lab: netns}\nsystem: etcd\nworkload: register\nfaults: [chaos]\n");
    rift_plan_print(plan, &text);
    assert_null(strstr(strstr(text.data, "faults:"), "disk-"));
    rift_text_finish(&text);
    rift_plan_destroy(plan);
}

static void hosts_have_their_own_login_or_that_of_all(void **state)
{
    (void)state;
    struct rift_plan *plan =
        parse_good("nodes:\n  - root@10.0.0.1:2222\n  - {name: b, address: '::1', sudo: true}\n"
                   "  - '[fe80::1]:23'\n  - 2001:db8::7\nssh: {user: admin, port: 99}\n"
                   "client: etcd\nworkload: register\n");
    assert_false(plan->is_lab);
    assert_int_equal(plan->host_count, 4);
    assert_string_equal(plan->hosts[0].name, "n1");
    assert_string_equal(plan->hosts[0].address, "10.0.0.1");
    assert_string_equal(plan->hosts[0].user, "root");
    assert_int_equal(plan->hosts[0].port, 2222);
    assert_string_equal(plan->hosts[1].name, "b");
    assert_string_equal(plan->hosts[1].user, "admin");
    assert_true(plan->hosts[1].use_sudo);
    assert_int_equal(plan->hosts[1].port, 99);
    assert_string_equal(plan->hosts[2].address, "fe80::1");
    assert_int_equal(plan->hosts[2].port, 23);
    assert_string_equal(plan->hosts[3].address, "2001:db8::7");
    assert_int_equal(plan->hosts[3].port, 99);
    assert_null(plan->hosts[3].key_file);
    rift_plan_destroy(plan);
}

static void a_file_of_the_client_is_seen_from_the_configuration(void **state)
{
    (void)state;
    static const char text[] = "nodes: {lab: netns}\nsystem: etcd\nworkload: register\nclient: "
                               "{name: etcd, password_file: secrets/root}\n";
    CLEANUP(rift_free) char *here = getcwd(NULL, 0);
    CLEANUP(rift_free) char *wanted = rift_printf("%s/folder/secrets/root", here);
    struct rift_plan *plan = parse_good(text);
    assert_string_equal(json_string_value(json_object_get(plan->client.options, "password_file")),
                        wanted);
    CLEANUP(rift_text_finish) struct rift_text frozen = {0};
    rift_plan_print(plan, &frozen);
    assert_non_null(strstr(frozen.data, wanted));
    rift_plan_destroy(plan);
}

static void a_password_stands_in_a_file_and_not_in_the_plan(void **state)
{
    (void)state;
    struct rift_plan *plan =
        parse_good("nodes: [10.0.0.1]\nclient: etcd\nworkload: register\n"
                   "ssh: {user: admin, sudo: true, password_file: /etc/hostname}\n");
    assert_string_equal(plan->hosts[0].password_file, "/etc/hostname");
    assert_null(plan->hosts[0].key_file);
    rift_plan_destroy(plan);
    static const char *const wrong[][2] = {
        {"{password: secret}",
         "unknown key of ssh: 'password'; there is: user, port, config, key, password_file"},
        {"{password_file: p, key: k}", "both key and password_file"},
        {"{password_file: p, accept_new_host_key: true}", "a password is not sent"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml,
                 "nodes: [10.0.0.1]\nclient: etcd\nworkload: register\nssh: %s\n", wrong[i][0]);
        assert_null(parse(yaml));
        if (!strstr(err.text, wrong[i][1]))
            fail_msg("no '%s' in: %s", wrong[i][1], err.text);
    }
}

static void a_host_is_broken_only_where_the_configuration_names_it(void **state)
{
    (void)state;
    static const char nodes[] =
        "nodes:\n  - {name: a, address: 10.0.0.1}\n  - {name: b, address: 10.0.0.2}\n"
        "client: etcd\nworkload: register\n";
    CLEANUP(rift_free) char *one = rift_printf("%sallow_faults: [b]\n", nodes);
    struct rift_plan *plan = parse_good(one);
    assert_false(plan->hosts[0].allow_faults);
    assert_true(plan->hosts[1].allow_faults);
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    struct rift_plan *again = parse_good(text.data);
    assert_false(again->hosts[0].allow_faults);
    assert_true(again->hosts[1].allow_faults);
    rift_text_finish(&text);
    rift_plan_destroy(again);
    rift_plan_destroy(plan);
    CLEANUP(rift_free) char *wrong = rift_printf("%sallow_faults: [a, 10.0.0.2]\n", nodes);
    assert_null(parse(wrong));
    assert_non_null(strstr(err.text, "test.yaml:6:15: unknown host '10.0.0.2'"));
    CLEANUP(rift_free)
    char *unseen = rift_printf("%sallow_faults: a\nssh: {accept_new_host_key: true}\n", nodes);
    assert_null(parse(unseen));
    assert_non_null(strstr(err.text, "host 'a' cannot be in allow_faults"));
}

static void a_system_that_runs_already_is_told_by_its_unit(void **state)
{
    (void)state;
    struct rift_plan *plan =
        parse_good("nodes: {lab: netns}\nworkload: register\n"
                   "system: {recipe: etcd, attach: {unit: etcd.service, wipe: true}}\n");
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    struct rift_plan *again = parse_good(text.data);
    const struct rift_plan *both[] = {plan, again};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(json_string_value(json_object_get(both[i]->attach, "unit")),
                            "etcd.service");
        assert_true(both[i]->attach_wipes);
    }
    rift_text_finish(&text);
    rift_plan_destroy(again);
    rift_plan_destroy(plan);
    plan = parse_good(SMALL);
    assert_null(plan->attach);
    rift_plan_destroy(plan);
    static const struct {
        const char *system, *words;
    } wrong[] = {
        {"{recipe: etcd, attach: {unit: etcd}}", "etcd.service"},
        {"{recipe: etcd, attach: {}}", "one of two"},
        {"{recipe: etcd, attach: {unit: a.service, cgroup: /a}}", "one of two"},
        {"{recipe: etcd, attach: {cgroup: /a, wipe: true}}", "wipe needs a unit"},
        {"{recipe: etcd, attach: {units: a.service}}", "did you mean 'unit'?"},
        {"{recipe: etcd, disk_mb: 64, attach: {unit: a.service}}", "not for one with attach"},
        {"{recipe: etcd, disk_layer: ext4, attach: {unit: a.service}}", "not for one with attach"},
        {"{recipe: none, attach: {unit: a.service}}", "attach needs a recipe"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CLEANUP(rift_free)
        char *yaml =
            rift_printf("nodes: {lab: netns}\nworkload: register\nsystem: %s\n", wrong[i].system);
        assert_null(parse(yaml));
        if (!strstr(err.text, wrong[i].words))
            fail_msg("no '%s' in: %s", wrong[i].words, err.text);
    }
}

static void what_the_workload_asks_of_the_client_reaches_it(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *reads;
    } rows[] = {
        {"workload: {name: register, reads: local}\n", "local"},
        {"workload: register\n", "linearizable"},
        {"workload: register\nclient: {name: etcd, reads: local}\n", "local"},
        {"workload: {name: register, reads: linearizable}\nclient: {name: etcd, reads: local}\n",
         "linearizable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, "nodes: {lab: netns}\nsystem: etcd\n%s", rows[i].yaml);
        struct rift_plan *plan = parse_good(yaml);
        assert_string_equal(json_string_value(json_object_get(plan->client.options, "reads")),
                            rows[i].reads);
        assert_string_equal(json_string_value(json_object_get(plan->workload.options, "reads")),
                            rows[i].reads);
        assert_string_equal(json_string_value(json_object_get(plan->client.options, "shape")),
                            "register");
        assert_int_equal(json_integer_value(json_object_get(plan->client.options, "port")), 2379);
        rift_plan_destroy(plan);
    }
}

static void a_seed_is_drawn_where_none_is_given(void **state)
{
    (void)state;
    struct rift_plan *a = parse_good(SMALL), *b = parse_good(SMALL);
    assert_true(a->seed != 0 && b->seed != 0 && a->seed != b->seed);
    assert_true(json_integer_value(json_object_get(a->json, "seed")) == (json_int_t)a->seed);
    rift_plan_destroy(a);
    rift_plan_destroy(b);
}

static void a_seed_from_the_command_line_counts_and_must_fit_the_file(void **state)
{
    (void)state;
    struct rift_plan *plan = rift_plan_parse("t.yaml", SMALL, strlen(SMALL), &catalogue, 77, &err);
    assert_true(plan && plan->seed == 77);
    rift_plan_destroy(plan);
    assert_null(rift_plan_parse("t.yaml", SMALL, strlen(SMALL), &catalogue, UINT64_MAX, &err));
    assert_string_equal(err.text, "t.yaml: the seed must be less than 2^63");
}

static void node_names_together_are_one_target_and_words_are_choices(void **state)
{
    (void)state;
    struct rift_plan *plan = parse_good("nodes: {lab: netns}\nsystem: etcd\nworkload: register\n"
                                        "faults:\n  - {kill: [primaries, n1, n3]}\n");
    assert_int_equal(plan->faults[0].variant_count, 2);
    assert_int_equal(plan->faults[0].variants[0].target.kind, RIFT_TARGET_PRIMARIES);
    assert_int_equal(plan->faults[0].variants[1].target.kind, RIFT_TARGET_NAMED);
    assert_int_equal(plan->faults[0].variants[1].target.named.bits[0], 5);
    rift_plan_destroy(plan);
}

static void many_mistakes_end_in_how_many_more(void **state)
{
    (void)state;
    struct rift_text yaml = {0};
    rift_text_append(&yaml, SMALL);
    for (int i = 0; i < 60; i++)
        rift_text_printf(&yaml, "zzzz%d: 1\n", i);
    assert_null(parse(yaml.data));
    assert_non_null(strstr(err.text, "\nand "));
    assert_non_null(strstr(err.text, " more"));
    rift_text_finish(&yaml);
}

static void a_missing_file_is_one_clear_line(void **state)
{
    (void)state;
    assert_null(rift_plan_read("no/such.yaml", &catalogue, 0, &err));
    assert_string_equal(err.text, "cannot read 'no/such.yaml': No such file or directory");
    assert_null(rift_plan_read("configs", &catalogue, 0, &err));
    assert_string_equal(err.text, "'configs' is not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_architecture_is_what_it_says),
        cmocka_unit_test(every_mistake_is_named_with_its_place_and_the_nearest_word),
        cmocka_unit_test(several_mistakes_are_named_in_one_go),
        cmocka_unit_test(a_mistake_in_a_recipe_is_named_in_the_recipe),
        cmocka_unit_test(a_frozen_plan_read_again_is_the_same),
        cmocka_unit_test(a_time_with_its_unit_may_stand_in_quotes),
        cmocka_unit_test(a_port_named_by_the_recipe_is_a_number_in_the_plan),
        cmocka_unit_test(clients_are_cut_at_the_recipes_client_port_unless_another_is_named),
        cmocka_unit_test(
            a_chaos_without_a_list_has_every_fault_that_is_possible_and_none_that_damages),
        cmocka_unit_test(hosts_have_their_own_login_or_that_of_all),
        cmocka_unit_test(a_file_of_the_client_is_seen_from_the_configuration),
        cmocka_unit_test(a_password_stands_in_a_file_and_not_in_the_plan),
        cmocka_unit_test(a_host_is_broken_only_where_the_configuration_names_it),
        cmocka_unit_test(a_system_that_runs_already_is_told_by_its_unit),
        cmocka_unit_test(what_the_workload_asks_of_the_client_reaches_it),
        cmocka_unit_test(a_seed_is_drawn_where_none_is_given),
        cmocka_unit_test(a_seed_from_the_command_line_counts_and_must_fit_the_file),
        cmocka_unit_test(node_names_together_are_one_target_and_words_are_choices),
        cmocka_unit_test(many_mistakes_end_in_how_many_more),
        cmocka_unit_test(a_missing_file_is_one_clear_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

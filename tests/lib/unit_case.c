#include "tests/lib/unit_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/host_shell.h"
#include "tests/lib/lab_case.h"

enum { CALL_MS = 60000 };

struct rift_node *unit_node;
char unit_output[8192];

static struct host_shell shell;

int unit_case_up(const char *suffix)
{
    setenv("RIFT_TEST_DRIVER", "systemd", 1);
    if (case_up(suffix, 1, NULL) < 0)
        return -1;
    if (case_hosts)
        host_shell_open(case_hosts, &shell);
    return 0;
}

int unit_case_down(void **state)
{
    unit_close_node();
    host_shell_close(&shell);
    return case_down(state);
}

void unit_on_host(const char *script)
{
    host_shell_must(&shell, script, unit_output, sizeof unit_output);
}

json_t *unit_call(const char *verb, json_t *args)
{
    struct rift_error err = {0};
    json_t *ok = NULL;
    if (rift_node_call(unit_node, verb, args, CALL_MS, &ok, &err) != 0)
        fail_msg("%s: %s", verb, err.text);
    json_decref(args);
    return ok;
}

void unit_attach(const char *unit)
{
    struct rift_error err = {0};
    struct rift_node_settings settings = test_node_settings(case_hosts);
    settings.lease_ms = UNIT_LEASE_S * 1000;
    if (!unit_node && !(unit_node = rift_node_open(&settings, &err)))
        fail_msg("%s", err.text);
    json_decref(unit_call(
        "system.configure",
        json_pack("{s:{s:s, s:[{s:s, s:[s]}]}, s:{s:{s:s, s:s, s:i}, s:[], s:{}, s:{}}, s:{s:s}}",
                  "recipe", "name", "toy", "processes", "name", "toy", "command", "/bin/false",
                  "context", "node", "name", "n1", "address", case_hosts->address, "index", 1,
                  "nodes", "options", "artifacts", "attach", "unit", unit)));
}

void unit_close_node(void)
{
    rift_node_close(unit_node);
    unit_node = NULL;
}

void unit_write_config(const char *attach)
{
    CLEANUP(rift_free)
    char *config = rift_printf(
        "nodes:\n  - {address: %s, port: %d, user: %s, key: %s, known_hosts: %s}\n"
        "system: {recipe: toy.yaml, attach: {%s}}\nallow_faults: [n1]\nlease_s: %d\n"
        "client: {name: stdio, command: [/bin/true]}\nworkload: register\ntime_limit_s: 1\n",
        case_hosts->address, case_hosts->port, case_hosts->user, case_hosts->key_file,
        case_hosts->known_hosts_file, attach, UNIT_LEASE_S);
    case_write_file("config.yaml", config);
    case_write_file("toy.yaml",
                    "name: toy\nsummary: sleeps\ndata_folders: [/run/toy/data]\nprocesses:\n"
                    "  - {name: toy, command: [/bin/false], ready: {command: [/bin/true]}}\n");
}

/* The section `nodes` and `ssh`: a lab, or a list of hosts. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "plan/host_text.h"
#include "plan/options.h"
#include "plan/reader.h"
#include "plan/tables.h"

enum { HOST_NAME_MAX_BYTES = 63, SSH_PORT = 22 };

static void read_lab(struct rift_plan_reader *reader, const struct rift_tree *node)
{
    static const char *const drivers[] = {"netns", "uml", "systemd"};
    struct rift_plan *plan = reader->plan;
    json_t *lab =
        rift_options_check(&reader->problems, node, rift_lab_options, NULL, "nodes", node);
    json_object_set_new(reader->frozen, "nodes", lab);
    plan->is_lab = true;
    plan->lab_driver = rift_plan_text(reader, lab, "lab");
    plan->lab_name = rift_plan_text(reader, lab, "name");
    bool is_known = !plan->lab_driver;
    for (size_t i = 0; !is_known && i < sizeof drivers / sizeof *drivers; i++)
        is_known = strcmp(plan->lab_driver, drivers[i]) == 0;
    if (!is_known)
        rift_problem_unknown(&reader->problems, rift_tree_get(node, "lab"), "kind of lab",
                             plan->lab_driver, drivers, sizeof drivers / sizeof drivers[0]);
    size_t count = (size_t)json_integer_value(json_object_get(lab, "count"));
    struct rift_plan_host *hosts = rift_arena_calloc(reader->arena, count, sizeof *hosts);
    for (size_t i = 0; i < count; i++) {
        hosts[i].name = rift_arena_printf(reader->arena, "n%zu", i + 1);
        hosts[i].address = "";
    }
    plan->hosts = hosts;
    plan->host_count = count;
}

/* A host's text as a map of the same meaning. */
static struct rift_tree *host_from_text(struct rift_plan_reader *reader,
                                        const struct rift_tree *node)
{
    struct rift_host_text host = rift_host_text_split(rift_arena_strdup(reader->arena, node->text));
    const char *texts[] = {"address", host.address, "user", host.user, "port", host.port};
    struct rift_tree *map = rift_arena_calloc(reader->arena, 1, sizeof *map);
    *map = *node;
    map->kind = RIFT_TREE_MAP;
    map->keys = rift_arena_calloc(reader->arena, 3, sizeof *map->keys);
    map->items = rift_arena_calloc(reader->arena, 3, sizeof *map->items);
    for (size_t i = 0; i < 3; i++) {
        if (!texts[2 * i + 1])
            continue;
        struct rift_tree *pair = rift_arena_calloc(reader->arena, 2, sizeof *pair);
        pair[0] = pair[1] = *node;
        pair[0].text = texts[2 * i];
        pair[1].text = texts[2 * i + 1];
        pair[1].is_plain = true;
        map->keys[map->count] = &pair[0];
        map->items[map->count++] = &pair[1];
    }
    return map;
}

/* Settings of `ssh` for what the host does not set itself. */
static json_t *read_host_json(struct rift_plan_reader *reader, const struct rift_tree *node,
                              const json_t *ssh, size_t index)
{
    static const char *const ssh_names[] = {
        "user", "port", "config", "key", "password_file", "known_hosts", "accept_new_host_key",
        "sudo", NULL};
    static const char *const host_names[] = {"name", "address", NULL};
    json_t *host = json_object();
    json_object_set_new(host, "name", json_sprintf("n%zu", index + 1));
    json_t *given =
        rift_options_check(&reader->problems, node, rift_host_options, ssh_names, "a host", node);
    json_object_update(host, given);
    json_decref(given);
    json_t *own =
        rift_options_check(&reader->problems, node, rift_ssh_options, host_names, "a host", node);
    for (size_t i = 0; ssh_names[i]; i++) {
        bool is_own = rift_tree_get(node, ssh_names[i]);
        json_t *value = json_object_get(is_own ? own : ssh, ssh_names[i]);
        if (value)
            json_object_set(host, ssh_names[i], value);
    }
    json_decref(own);
    return host;
}

static bool is_good_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > HOST_NAME_MAX_BYTES || !isalnum((unsigned char)name[0]))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
            return false;
    return true;
}

static uint16_t port_of(const struct rift_plan_host *host)
{
    return host->port ? host->port : SSH_PORT;
}

static void read_host(struct rift_plan_reader *reader, struct rift_tree *node, const json_t *ssh,
                      size_t index, struct rift_plan_host *hosts, json_t *frozen)
{
    if (node->kind == RIFT_TREE_SCALAR && !rift_tree_is_nothing(node))
        node = host_from_text(reader, node);
    json_t *json = read_host_json(reader, node, ssh, index);
    struct rift_plan_host *host = &hosts[index];
    host->name = rift_plan_text(reader, json, "name");
    host->address = rift_plan_text(reader, json, "address");
    host->user = rift_plan_text(reader, json, "user");
    host->port = (uint16_t)json_integer_value(json_object_get(json, "port"));
    host->accept_new_host_key = json_is_true(json_object_get(json, "accept_new_host_key"));
    host->use_sudo = json_is_true(json_object_get(json, "sudo"));
    const char *key = rift_plan_text(reader, json, "key");
    const char *password = rift_plan_text(reader, json, "password_file");
    const char *known_hosts = rift_plan_text(reader, json, "known_hosts");
    const char *config = rift_plan_text(reader, json, "config");
    host->ignores_ssh_config = config && strcmp(config, "none") == 0;
    if (config && !host->ignores_ssh_config) {
        host->ssh_config_file = rift_plan_path(reader, config);
        json_object_set_new(json, "config", json_string(host->ssh_config_file));
    }
    if (key) {
        host->key_file = rift_plan_path(reader, key);
        json_object_set_new(json, "key", json_string(host->key_file));
    }
    if (password) {
        host->password_file = rift_plan_path(reader, password);
        json_object_set_new(json, "password_file", json_string(host->password_file));
    }
    if (key && password)
        rift_problem_add(&reader->problems, node,
                         "host '%s' has both key and password_file: give one", host->name);
    if (password && host->accept_new_host_key)
        rift_problem_add(&reader->problems, node,
                         "host '%s': a password is not sent to a host that accept_new_host_key "
                         "would take unseen; write its key into known_hosts",
                         host->name);
    if (known_hosts) {
        host->known_hosts_file = rift_plan_path(reader, known_hosts);
        json_object_set_new(json, "known_hosts", json_string(host->known_hosts_file));
    }
    json_array_append_new(frozen, json);
    if (!is_good_name(host->name))
        rift_problem_add(&reader->problems, node,
                         "the name of a host is letters, digits, '.', '_' and '-', not '%s'",
                         host->name);
    for (size_t i = 0; rift_target_words[i]; i++)
        if (strcmp(rift_target_words[i], host->name) == 0)
            rift_problem_add(&reader->problems, node,
                             "no host can be called '%s': faults have targets of that name",
                             host->name);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(hosts[i].name, host->name) == 0)
            rift_problem_add(&reader->problems, node, "two hosts are called '%s'", host->name);
        if (hosts[i].address && host->address && port_of(&hosts[i]) == port_of(host) &&
            strcmp(hosts[i].address, host->address) == 0)
            rift_problem_add(&reader->problems, node,
                             "hosts '%s' and '%s' are one: both have the address %s%s",
                             hosts[i].name, host->name, host->address,
                             hosts[i].port == host->port
                                 ? ""
                                 : "; give both a port, where ssh takes another one than 22");
    }
}

static void read_hosts(struct rift_plan_reader *reader, const struct rift_tree *node)
{
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *ssh_node = rift_tree_get(reader->root, "ssh");
    json_t *ssh =
        rift_options_check(&reader->problems, ssh_node, rift_ssh_options, NULL, "ssh", ssh_node);
    if (node->count == 0)
        rift_problem_add(&reader->problems, node, "there must be at least one host");
    if (node->count > RIFT_NODES_MAX)
        rift_problem_add(&reader->problems, node, "more than %d hosts", RIFT_NODES_MAX);
    json_t *frozen = json_array();
    struct rift_plan_host *hosts = rift_arena_calloc(reader->arena, node->count, sizeof *hosts);
    for (size_t i = 0; i < node->count && i < RIFT_NODES_MAX; i++)
        read_host(reader, node->items[i], ssh, i, hosts, frozen);
    plan->hosts = hosts;
    plan->host_count = node->count < RIFT_NODES_MAX ? node->count : RIFT_NODES_MAX;
    json_object_set_new(reader->frozen, "nodes", frozen);
    json_decref(ssh);
}

/* A host whose key is taken unseen may be any host: nothing is broken there on a name's word. */
static void read_allowed(struct rift_plan_reader *reader, struct rift_plan_host *hosts)
{
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *node = rift_tree_get(reader->root, "allow_faults");
    const json_t *names = json_object_get(reader->top, "allow_faults"), *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        size_t at = 0;
        while (at < plan->host_count && strcmp(plan->host_names[at], text) != 0)
            at++;
        if (at == plan->host_count) {
            rift_problem_unknown(&reader->problems, node, "host", text, plan->host_names,
                                 plan->host_count);
            continue;
        }
        hosts[at].allow_faults = true;
        if (hosts[at].accept_new_host_key)
            rift_problem_add(&reader->problems, node,
                             "host '%s' cannot be in allow_faults while accept_new_host_key takes "
                             "any host for it: write its key into known_hosts",
                             text);
    }
    json_object_set(reader->frozen, "allow_faults", (json_t *)names);
}

void rift_plan_read_nodes(struct rift_plan_reader *reader)
{
    struct rift_plan *plan = reader->plan;
    const struct rift_tree *node = rift_tree_get(reader->root, "nodes");
    if (node && node->kind == RIFT_TREE_LIST)
        read_hosts(reader, node);
    else if (node && node->kind == RIFT_TREE_MAP)
        read_lab(reader, node);
    else if (node)
        rift_problem_add(&reader->problems, node,
                         "nodes must be {lab: netns, count: 5} or a list of hosts");
    const char **names = rift_arena_calloc(reader->arena, plan->host_count + 1, sizeof *names);
    for (size_t i = 0; i < plan->host_count; i++)
        names[i] = plan->hosts[i].name;
    plan->host_names = names;
    /* The hosts are ours to write until the plan is made. */
    read_allowed(reader, (struct rift_plan_host *)plan->hosts);
}

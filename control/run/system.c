/* The system under test on all hosts of a run. The agents carry the recipe out; here is only the
 * order of the steps. */
#include "control/run/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"

#define ARTIFACTS_FOLDER "/var/lib/rift/artifacts" /* of agents, agent/paths.c */

enum { SYSTEM_CALL_DEADLINE_MS = 10000, SYSTEM_SHA256_SIZE = 65 };

static json_t *system_node_json(const struct cluster *cluster, size_t node)
{
    return json_pack("{s:s, s:s, s:i}", "name", cluster->names[node], "address",
                     cluster->addresses[node], "index", (int)node + 1);
}

static json_t *system_context(const struct cluster *cluster, const struct rift_plan *plan,
                              size_t node)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < cluster->node_count; i++)
        json_array_append_new(nodes, system_node_json(cluster, i));
    /* Where an artifact lies on the node the agent says once it is installed; of a system that is
     * there already nobody knows it. */
    json_t *artifacts = json_object();
    const char *name;
    json_t *artifact;
    json_object_foreach(json_object_get(plan->recipe, "artifacts"), name, artifact)
    {
        if (json_object_get(plan->artifacts, name))
            json_object_set_new(artifacts, name, json_sprintf(ARTIFACTS_FOLDER "/%s", name));
        else if (plan->attach && !json_object_get(artifact, "default"))
            json_object_set_new(artifacts, name, json_string(name));
    }
    return json_pack("{s:o, s:o, s:O, s:o}", "node", system_node_json(cluster, node), "nodes",
                     nodes, "options", plan->system.options, "artifacts", artifacts);
}

/* What the files of a node's secrets hold, in base64; NULL with an error. Said to the agent on its
 * stdin, as all is: no command line and no log has it. */
static json_t *system_secrets(const struct rift_plan *plan, const char *node,
                              struct rift_error *err)
{
    json_t *secrets = json_object();
    const char *name;
    const json_t *file;
    json_object_foreach((json_t *)plan->secrets, name, file)
    {
        const json_t *declared = json_object_get(json_object_get(plan->recipe, "secrets"), name);
        CLEANUP(rift_free) char *path = rift_plan_secret_path(json_string_value(file), node);
        CLEANUP(rift_text_finish) struct rift_text bytes = {0}, encoded = {0};
        if (rift_secret_read(path, json_is_true(json_object_get(declared, "public")), &bytes,
                             err)) {
            rift_wrap(err, "secret '%s' of %s", name, node);
            json_decref(secrets);
            return NULL;
        }
        rift_base64_encode(&encoded, bytes.data, bytes.length);
        json_object_set_new(secrets, name, json_string(encoded.data ? encoded.data : ""));
    }
    return secrets;
}

int system_check_secrets(const struct rift_plan *plan, struct rift_error *err)
{
    for (size_t i = 0; i < plan->host_count; i++) {
        json_t *secrets = system_secrets(plan, plan->host_names[i], err);
        if (!secrets)
            return -1;
        json_decref(secrets);
    }
    return 0;
}

static int system_configure(struct cluster *cluster, const struct rift_plan *plan,
                            struct rift_error *err)
{
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    struct rift_node_set all;
    cluster_all(cluster, &all);
    int result = 0;
    for (size_t i = 0; i < cluster->node_count && result == 0; i++) {
        json_t *secrets = system_secrets(plan, cluster->names[i], err);
        if (!secrets) {
            result = -1;
            break;
        }
        args[i] =
            json_pack("{s:O, s:o, s:b, s:I, s:s, s:s, s:b, s:o}", "recipe", plan->recipe, "context",
                      system_context(cluster, plan, i), "lab", (int)plan->is_lab, "disk_mb",
                      (json_int_t)plan->disk_mb, "disk_fs", plan->disk_fs, "disk_layer",
                      plan->disk_layer, "keep_data", (int)plan->keep_data, "secrets", secrets);
        if (plan->attach)
            json_object_set(args[i], "attach", (json_t *)plan->attach);
    }
    if (result == 0) {
        cluster_call(cluster, &all, "system.configure", args, SYSTEM_CALL_DEADLINE_MS, replies);
        result = cluster_replies_check(cluster, replies, err);
    }
    for (size_t i = 0; i < cluster->node_count; i++)
        json_decref(args[i]);
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(args);
    return result;
}

/* Uploads artifacts, {name: local path}, to one node; *uploaded is what system.install wants to
 * hear. */
static int system_upload(struct cluster *cluster, const struct rift_plan *plan,
                         const json_t *artifacts, const char *suffix, size_t node,
                         json_t **uploaded, struct rift_error *err)
{
    const char *name = NULL;
    json_t *local = NULL;
    *uploaded = json_array();
    json_object_foreach((json_t *)artifacts, name, local)
    {
        const char *path = json_string_value(local);
        char sha256[SYSTEM_SHA256_SIZE] = "";
        CLEANUP(rift_free)
        char *remote = rift_printf(ARTIFACTS_FOLDER "/%s.%s", name, suffix);
        if (rift_node_upload(cluster->nodes[node], path, remote, 0755, plan->deadlines.install_ms,
                             sha256, err) != 0)
            return rift_wrap(err, "%s: artifact '%s'", cluster->names[node], name);
        if (node == 0)
            rift_log(RIFT_LOG_INFO, "%s %s: %s, sha256 %s",
                     artifacts == plan->artifacts ? "artifact" : "upgrade of", name, path, sha256);
        json_array_append_new(*uploaded, json_pack("{s:s, s:s, s:s}", "name", name, "path", remote,
                                                   "sha256", sha256));
    }
    return 0;
}

static int system_install_all(struct cluster *cluster, const struct rift_plan *plan,
                              struct rift_error *err)
{
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    struct rift_node_set all;
    cluster_all(cluster, &all);
    int result = 0;
    for (size_t i = 0; i < cluster->node_count && result == 0; i++) {
        json_t *first = NULL, *upgrade = NULL;
        result = system_upload(cluster, plan, plan->artifacts, "upload", i, &first, err);
        if (result == 0)
            result = system_upload(cluster, plan, plan->upgrade_to, "upgrade", i, &upgrade, err);
        args[i] = json_pack("{s:o, s:o*}", "artifacts", first, "upgrade", upgrade);
    }
    if (result == 0) {
        cluster_call(cluster, &all, "system.install", args, plan->deadlines.install_ms, replies);
        result = cluster_replies_check(cluster, replies, err);
        const char *version = json_string_value(json_object_get(replies[0].ok, "version"));
        if (version)
            rift_log(RIFT_LOG_INFO, "system %s: %s", plan->system.name, version);
    }
    for (size_t i = 0; i < cluster->node_count; i++)
        json_decref(args[i]);
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(args);
    return result;
}

static int system_tell(struct cluster *cluster, const struct rift_node_set *set, const char *verb,
                       int64_t deadline_ms, struct rift_error *err)
{
    json_t *args = json_pack("{s:I}", "deadline_ms", (json_int_t)deadline_ms);
    int result = cluster_tell(cluster, set, verb, args, deadline_ms, err);
    json_decref(args);
    return result;
}

int system_attach(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err)
{
    return plan->attach && plan->recipe ? system_configure(cluster, plan, err) : 0;
}

int system_install(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err)
{
    if (!plan->recipe)
        return 0;
    struct rift_node_set all;
    cluster_all(cluster, &all);
    if (system_configure(cluster, plan, err) != 0)
        return -1;
    if (plan->attach && !plan->attach_wipes)
        return 0;
    if (system_tell(cluster, &all, "system.stop", plan->deadlines.stop_ms, err) != 0 ||
        system_tell(cluster, &all, "system.wipe", SYSTEM_CALL_DEADLINE_MS, err) != 0)
        return -1;
    return plan->attach ? 0 : system_install_all(cluster, plan, err);
}

int system_start(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err)
{
    if (!plan->recipe)
        return 0;
    struct rift_node_set all;
    cluster_all(cluster, &all);
    if (system_tell(cluster, &all, "system.start", plan->deadlines.start_ms, err) != 0)
        return -1;
    return system_tell(cluster, &all, "system.wait_ready", plan->deadlines.start_ms, err);
}

int system_stop(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err)
{
    if (!plan->recipe)
        return 0;
    /* The run is over: nothing is gained by letting it end in its own time. */
    struct rift_node_set there;
    struct rift_error ignored = {0};
    cluster_connected(cluster, &there);
    if (plan->attach) /* a no-op where it runs, as it should */
        return system_tell(cluster, &there, "system.start", plan->deadlines.start_ms, err);
    system_tell(cluster, &there, "system.kill", SYSTEM_CALL_DEADLINE_MS, &ignored);
    return system_tell(cluster, &there, "system.stop", plan->deadlines.stop_ms, err);
}

int system_remove(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err)
{
    if (!plan->recipe)
        return 0;
    struct rift_node_set there;
    cluster_connected(cluster, &there);
    return system_tell(cluster, &there, "system.remove", plan->deadlines.stop_ms, err);
}

static void system_fetch_from(struct cluster *cluster, size_t node, const json_t *files,
                              const char *folder, int64_t deadline_ns)
{
    CLEANUP(rift_free) char *own = rift_printf("%s/%s", folder, cluster->names[node]);
    if (mkdir(own, 0755) != 0 && errno != EEXIST) {
        rift_log(RIFT_LOG_WARNING, "cannot make %s: %s", own, strerror(errno));
        return;
    }
    size_t i = 0;
    const json_t *file = NULL;
    json_array_foreach(files, i, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        if (!path)
            continue;
        const char *slash = strrchr(path, '/');
        CLEANUP(rift_free) char *local = rift_printf("%s/%s", own, slash ? slash + 1 : path);
        struct rift_error err = {0};
        int left_ms = rift_clock_poll_ms(deadline_ns);
        if (left_ms == 0 || rift_node_download(cluster->nodes[node], path, local, left_ms, &err))
            rift_log(RIFT_LOG_WARNING, "%s: log %s is not fetched: %s", cluster->names[node], path,
                     left_ms == 0 ? "the deadline has passed" : err.text);
    }
}

void system_fetch_logs(struct cluster *cluster, const struct rift_plan *plan, const char *folder)
{
    if (!plan->recipe)
        return;
    int64_t deadline_ns = rift_clock_now() + plan->deadlines.logs_ms * RIFT_MS;
    struct rift_node_set there;
    cluster_connected(cluster, &there);
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    cluster_call(cluster, &there, "system.logs", NULL, SYSTEM_CALL_DEADLINE_MS, replies);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (replies[i].ok)
            system_fetch_from(cluster, i, json_object_get(replies[i].ok, "files"), folder,
                              deadline_ns);
        else
            rift_log(RIFT_LOG_WARNING, "%s: no logs: %s", cluster->names[i],
                     replies[i].is_asked ? replies[i].error.text : "there is no contact");
    }
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
}

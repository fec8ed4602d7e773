#include "nemesis/faults/disk/layer_fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/layer/layer.h"

int rift_layer_fault_check(const struct rift_target *target, struct rift_error *err)
{
    size_t count = 0;
    for (const char *const *folder = target->data_folders; *folder; folder++, count++)
        if (!rift_layer_is_mounted(*folder))
            return rift_fail(err, RIFT_ERR_MISSING,
                             "there is no layer over '%s': set disk_layer in the section system",
                             *folder);
    return count > 0 ? 0 : rift_fail(err, RIFT_ERR_MISSING, "the system has no data folder");
}

double rift_layer_fault_number(const json_t *options, const char *name, double fallback)
{
    const json_t *value = json_object_get(options, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

const char *rift_layer_fault_files(const json_t *options)
{
    const char *files = json_string_value(json_object_get(options, "files"));
    return files ? files : "*";
}

int rift_layer_fault_plan(struct rift_injection *injection, const struct rift_target *target,
                          const char *ledger, struct rift_error *err)
{
    (void)ledger;
    json_t *folders = json_array();
    json_object_set_new(injection->undo, "folders", folders);
    for (const char *const *folder = target->data_folders; *folder; folder++)
        json_array_append_new(folders, json_string(*folder));
    return rift_layer_fault_check(target, err);
}

static int ask_all(const char *id, const json_t *folders, const json_t *question, json_t **reply,
                   struct rift_error *err)
{
    size_t i;
    json_t *folder;
    json_array_foreach(folders, i, folder)
    {
        json_t *request = json_copy((json_t *)question), *answer;
        json_object_set_new(request, "id", json_string(id));
        answer = rift_layer_ask(json_string_value(folder), request, err);
        if (!answer)
            return -1;
        if (reply)
            json_array_append(*reply, answer);
        json_decref(answer);
    }
    return 0;
}

int rift_layer_fault_inject(struct rift_injection *injection, const struct rift_target *target,
                            json_t *rule, struct rift_error *err)
{
    json_object_set_new(rule, "seed", json_integer((json_int_t)injection->seed));
    json_t *question = json_pack("{s:s, s:o, s:I}", "do", "set", "rule", rule, "until_ns",
                                 (json_int_t)injection->lease_end_ns);
    int rc =
        ask_all(injection->id, json_object_get(injection->undo, "folders"), question, NULL, err);
    json_decref(question);
    if (rc)
        return -1;
    injection->applied_ns = rift_clock_now();
    injection->live = rift_disk_probe_start(target->data_folders, err);
    return injection->live ? 0 : -1;
}

/* The layer is not waited for: one that hangs would keep the agent from everything else. */
int rift_layer_fault_renew(struct rift_injection *injection, struct rift_error *err)
{
    size_t i;
    json_t *folder;
    int rc = 0;
    json_array_foreach(json_object_get(injection->undo, "folders"), i, folder)
    {
        json_t *request = json_pack("{s:s, s:s, s:I}", "do", "renew", "id", injection->id,
                                    "until_ns", (json_int_t)injection->lease_end_ns);
        if (rift_layer_tell(json_string_value(folder), request, err))
            rc = -1;
    }
    return rc;
}

/* A layer that is gone has no rules any more; one that is dead is taken away. */
int rift_layer_fault_heal(const char *id, const json_t *undo, const char *ledger,
                          struct rift_error *err)
{
    (void)ledger;
    size_t i;
    json_t *folder;
    int rc = 0;
    json_array_foreach(json_object_get(undo, "folders"), i, folder)
    {
        const char *path = json_string_value(folder);
        if (!path)
            continue;
        rift_layer_bury(path);
        if (!rift_layer_is_mounted(path))
            continue;
        json_t *reply = rift_layer_ask(path, json_pack("{s:s, s:s}", "do", "end", "id", id), err);
        /* A process that is being killed hears for a moment, and answers no more. */
        if (!reply)
            rift_layer_bury(path);
        rc = reply || !rift_layer_is_mounted(path) ? rc : -1;
        json_decref(reply);
        rift_disk_probe_clean(path);
    }
    return rc;
}

int rift_layer_fault_count(const struct rift_injection *injection, bool *is_observed,
                           json_t *details, struct rift_error *err)
{
    json_t *question = json_pack("{s:s}", "do", "hits"), *replies = json_array();
    int rc = ask_all(injection->id, json_object_get(injection->undo, "folders"), question, &replies,
                     err);
    json_int_t hits = 0;
    size_t i;
    json_t *reply;
    json_array_foreach(replies, i, reply)
    {
        hits += json_integer_value(json_object_get(reply, "hits"));
    }
    json_decref(question);
    json_decref(replies);
    if (rc)
        return -1;
    const char *files = rift_layer_fault_files(injection->options);
    bool is_for_all = strcmp(files, "*") == 0;
    json_object_set_new(details, "hits", json_integer(hits));
    json_object_set_new(details, "how",
                        json_sprintf("%s; %lld requests of the system's%s%s%s were hit",
                                     json_string_value(json_object_get(details, "how")),
                                     (long long)hits, is_for_all ? "" : " to '",
                                     is_for_all ? "" : files, is_for_all ? "" : "'"));
    *is_observed = *is_observed && hits > 0;
    return 0;
}

void rift_layer_fault_forget(struct rift_injection *injection)
{
    size_t i;
    json_t *folder;
    rift_disk_probe_stop(injection->live);
    injection->live = NULL;
    json_array_foreach(json_object_get(injection->undo, "folders"), i, folder)
    {
        if (json_string_value(folder) && rift_layer_is_mounted(json_string_value(folder)))
            rift_disk_probe_clean(json_string_value(folder));
    }
}

/* Asked before the system is started, when its layer is not there yet. */
int rift_layer_fault_probe(struct rift_fault_ability *ability)
{
    CLEANUP(rift_close_fd) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    ability->can = fd >= 0;
    if (fd < 0)
        snprintf(
            ability->why, sizeof ability->why,
            "/dev/fuse cannot be opened: this kernel has no FUSE, or its module is not loaded");
    ability->backend = "a file system over the data folders (FUSE)";
    ability->end = "the file system itself stops at the end of the lease, whatever is killed; if "
                   "its own process is killed the folder answers ENOTCONN until the next heal or "
                   "start of the system";
    return 0;
}

/* systemctl(1) does the work: its D-Bus interface would need a library on every host. */
#include "agent/attach.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/command.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/text.h"

enum { ASK_MS = 5000 };
#define SPAN_MAX_MS (365LL * 24 * 3600 * 1000)

static int systemctl(const char *verb, const char *option, const char *unit, int64_t deadline_ns,
                     struct rift_text *output, struct rift_error *err)
{
    char *argv[] = {"systemctl", (char *)verb, (char *)(option ? option : unit),
                    (char *)(option ? unit : NULL), NULL};
    struct command_result result;
    int rc = agent_command_run(argv, NULL, NULL, deadline_ns, &result, err);
    if (rc)
        return rift_wrap(err, "attach needs systemd");
    const char *said = result.errors.data ? result.errors.data : "";
    if (result.status != 0)
        rc = rift_fail(err, RIFT_ERR_IO, "'systemctl %s %s' ended with %d: %.*s", verb, unit,
                       result.status, (int)strcspn(said, "\n"), said);
    if (rc == 0 && output)
        rift_text_append(output, result.output.data ? result.output.data : "");
    agent_command_finish(&result);
    return rc;
}

/* The value behind "Name=" in the output of `systemctl show`. */
static void read_property(const char *output, const char *name, char value[ATTACH_NAME_SIZE])
{
    size_t length = strlen(name);
    value[0] = 0;
    while (output) {
        if (strncmp(output, name, length) == 0 && output[length] == '=') {
            const char *start = output + length + 1;
            snprintf(value, ATTACH_NAME_SIZE, "%.*s", (int)strcspn(start, "\n"), start);
            return;
        }
        output = strchr(output, '\n');
        output += output != NULL;
    }
}

/* Where a unit will be that does not run: each dash in the name of a slice is a step down
 * (systemd.slice(5)): "a-b.slice" is the folder a.slice/a-b.slice, and "-.slice" the root. */
static int cgroup_from_slice(struct attach *attach, const char *slice, struct rift_error *err)
{
    static const char suffix[] = ".slice";
    CLEANUP(rift_text_finish) struct rift_text path = {0};
    size_t length = rift_text_ends_with(slice, suffix) ? strlen(slice) - strlen(suffix) : 0;
    for (size_t i = 1; i <= length; i++)
        if (slice[i - 1] != '-' && (slice[i] == '-' || i == length))
            rift_text_printf(&path, "%.*s.slice/", (int)i, slice);
    rift_text_append(&path, attach->unit);
    if (length == 0 || path.length >= sizeof attach->cgroup)
        return rift_fail(err, RIFT_ERR_MISSING,
                         "'%s' does not run, and of its slice, '%s', no cgroup follows: start it "
                         "first",
                         attach->unit, slice);
    snprintf(attach->cgroup, sizeof attach->cgroup, "%s", path.data);
    return 0;
}

int64_t attach_span_ms(const char *text)
{
    static const struct {
        const char *word;
        double ms;
    } units[] = {{"us", 0.001}, {"ms", 1},     {"s", 1e3},         {"min", 6e4},   {"h", 36e5},
                 {"d", 864e5},  {"w", 6048e5}, {"month", 26298e5}, {"y", 315576e5}};
    double sum_ms = 0;
    if (strcmp(text, "infinity") == 0)
        return SPAN_MAX_MS;
    while (*text) {
        char *end;
        double amount = strtod(text, &end);
        size_t length = strcspn(end, " "), i = 0;
        while (i < sizeof units / sizeof *units &&
               (strlen(units[i].word) != length || strncmp(end, units[i].word, length) != 0))
            i++;
        if (end == text || i == sizeof units / sizeof *units)
            return 0;
        sum_ms += amount * units[i].ms;
        text = end + length + strspn(end + length, " ");
    }
    return sum_ms < (double)SPAN_MAX_MS ? (int64_t)sum_ms : SPAN_MAX_MS;
}

static int ask_systemd(struct attach *attach, struct rift_error *err)
{
    char state[ATTACH_NAME_SIZE], slice[ATTACH_NAME_SIZE], cgroup[ATTACH_NAME_SIZE];
    char stop[ATTACH_NAME_SIZE];
    CLEANUP(rift_text_finish) struct rift_text output = {0};
    if (systemctl("show", "--property=LoadState,Slice,ControlGroup,TimeoutStopUSec", attach->unit,
                  rift_clock_now() + ASK_MS * RIFT_MS, &output, err))
        return -1;
    read_property(output.data, "LoadState", state);
    read_property(output.data, "Slice", slice);
    read_property(output.data, "ControlGroup", cgroup);
    read_property(output.data, "TimeoutStopUSec", stop);
    attach->stop_ms = attach_span_ms(stop);
    if (strcmp(state, "loaded") != 0)
        return rift_fail(err, RIFT_ERR_MISSING, "systemd has no unit '%s' here (%s)", attach->unit,
                         state[0] ? state : "it says nothing of it");
    if (cgroup[0] != '/')
        return cgroup_from_slice(attach, slice, err);
    snprintf(attach->cgroup, sizeof attach->cgroup, "%s", cgroup + 1);
    return 0;
}

/* Is that process in the cgroup or in one below it, in any hierarchy? */
static bool holds_process(const char *cgroup, const char *proc_file)
{
    char line[1024];
    size_t length = strlen(cgroup);
    bool is_held = false;
    FILE *file = fopen(proc_file, "re");
    while (file && !is_held && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':'), *path = colon ? strchr(colon + 1, ':') : NULL;
        is_held = path && path[1] == '/' && strncmp(path + 2, cgroup, length) == 0 &&
                  strchr("/\n", path[2 + length]);
    }
    if (file)
        fclose(file);
    return is_held;
}

/* This agent, who started it (its login), and PID 1. */
static bool holds_own(const char *cgroup)
{
    char path[64];
    for (pid_t pid = getpid(); pid > 0; pid = rift_process_parent(pid)) {
        snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        if (holds_process(cgroup, path))
            return true;
    }
    return false;
}

/* Everything in it will be killed, so it must be one system and nothing else. */
static int check_cgroup(const char *cgroup, struct rift_error *err)
{
    size_t length = strlen(cgroup);
    if (!length || cgroup[0] == '/' || cgroup[length - 1] == '/' || strstr(cgroup, "..") ||
        strstr(cgroup, "//") || rift_text_ends_with(cgroup, ".slice") || holds_own(cgroup))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "the cgroup '/%s' is not that of one system: it must not be a slice, nor "
                         "hold systemd or this agent",
                         cgroup);
    return 0;
}

static bool is_unit_name(const char *unit)
{
    if (!isalnum((unsigned char)unit[0]) || !strchr(unit, '.'))
        return false;
    for (const char *c = unit; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(":-_.\\@", *c))
            return false;
    return true;
}

int attach_read(const json_t *json, struct attach *attach, struct rift_error *err)
{
    const char *unit = json_string_value(json_object_get(json, "unit"));
    const char *cgroup = json_string_value(json_object_get(json, "cgroup"));
    *attach = (struct attach){.unit = ""};
    if ((!unit && !cgroup) || (unit && (strlen(unit) >= ATTACH_NAME_SIZE || !is_unit_name(unit))) ||
        (cgroup && strlen(cgroup) >= ATTACH_NAME_SIZE))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'attach' needs the whole name of a unit, as 'etcd.service', or a cgroup");
    snprintf(attach->unit, sizeof attach->unit, "%s", unit ? unit : "");
    attach->stop_ms = json_integer_value(json_object_get(json, "stop_ms"));
    if (cgroup)
        snprintf(attach->cgroup, sizeof attach->cgroup, "%s", cgroup + (cgroup[0] == '/'));
    else if (ask_systemd(attach, err))
        return -1;
    return check_cgroup(attach->cgroup, err);
}

json_t *attach_to_json(const struct attach *attach)
{
    json_t *json =
        json_pack("{s:s, s:I}", "cgroup", attach->cgroup, "stop_ms", (json_int_t)attach->stop_ms);
    if (attach->unit[0])
        json_object_set_new(json, "unit", json_string(attach->unit));
    return json;
}

static int require_unit(const struct attach *attach, const char *what, struct rift_error *err)
{
    return attach->unit[0] ? 0
                           : rift_fail(err, RIFT_ERR_UNSUPPORTED,
                                       "nobody can %s the processes of cgroup '/%s': attach to a "
                                       "unit",
                                       what, attach->cgroup);
}

int attach_start(const struct attach *attach, int64_t deadline_ns, struct rift_error *err)
{
    if (require_unit(attach, "start", err))
        return -1;
    if (systemctl("is-active", "--quiet", attach->unit, deadline_ns, NULL, NULL) == 0)
        return 0;
    /* After a few kills in a row systemd would refuse: "start request repeated too quickly". */
    systemctl("reset-failed", NULL, attach->unit, deadline_ns, NULL, NULL);
    return systemctl("start", NULL, attach->unit, deadline_ns, NULL, err);
}

int attach_stop(const struct attach *attach, int64_t deadline_ns, struct rift_error *err)
{
    if (require_unit(attach, "stop", err))
        return -1;
    return systemctl("stop", NULL, attach->unit, deadline_ns, NULL, err);
}

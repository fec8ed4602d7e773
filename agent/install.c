/* In the lab the programs come with the hosts' package layer, so nothing is installed, only looked
 * for. On a real host missing packages are installed by apt, with their services kept from
 * starting. Artifacts are what the user brings: verified, then unpacked into a folder of ours. */
#include "agent/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/disk.h"
#include "agent/system_state.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/sha256.h"

/* Debian's invoke-rc.d asks this program before it starts a service (its man page); 101 forbids. */
static const char policy_path[] = "/usr/sbin/policy-rc.d";
static const char policy_text[] = "#!/bin/sh\n# rift-agent: no service starts while it installs\n"
                                  "exit 101\n";

static int install_run(char *const *argv, int64_t deadline_ns, struct rift_text *output,
                       struct rift_error *err)
{
    struct command_result result;
    int rc = agent_command_run(argv, NULL, NULL, deadline_ns, &result, err);
    if (rc == 0 && result.status != 0) {
        const char *text = result.errors.data ? result.errors.data : "";
        size_t length = strlen(text);
        rc = rift_fail(err, RIFT_ERR_IO, "'%s %s' ended with %d: %s", argv[0],
                       argv[1] ? argv[1] : "", result.status,
                       text + (length > 400 ? length - 400 : 0));
    }
    if (rc == 0 && output)
        rift_text_append(output, result.output.data ? result.output.data : "");
    agent_command_finish(&result);
    return rc;
}

/* --- artifacts */

static const struct rift_recipe_artifact *artifact_find(const struct rift_recipe *recipe,
                                                        const char *name)
{
    for (size_t i = 0; i < recipe->artifact_count; i++)
        if (strcmp(recipe->artifacts[i].name, name) == 0)
            return &recipe->artifacts[i];
    return NULL;
}

static int artifact_verify(const char *path, const char *sha256, struct rift_error *err)
{
    char found[RIFT_SHA256_HEX_SIZE];
    if (rift_sha256_file(path, found, err))
        return -1;
    if (strcmp(found, sha256) != 0)
        return rift_fail(err, RIFT_ERR_IO, "'%s' has another SHA-256 than was sent", path);
    return 0;
}

/* Puts it in place; *where is what ${artifacts.NAME} stands for. */
static int artifact_unpack(const struct agent *agent, const struct rift_recipe_artifact *artifact,
                           const char *version, const char *path, int64_t deadline_ns,
                           char where[512], struct rift_error *err)
{
    char folder[AGENT_PATH_SIZE + 80];
    snprintf(folder, sizeof folder, "%s/%s/%.64s", agent->paths.artifacts, version, artifact->name);
    if (agent_remove_tree(folder, true, err) || agent_make_folders(folder, 0755, err))
        return -1;
    if (artifact->kind == RIFT_ARTIFACT_BINARY) {
        snprintf(where, 512, "%s/%.64s", folder, artifact->name);
        char *argv[] = {"install", "-m", "0755", "--", (char *)path, where, NULL};
        return install_run(argv, deadline_ns, NULL, err);
    }
    snprintf(where, 512, "%s", folder);
    char *tar[] = {"tar", "--no-same-owner", "-xf", (char *)path, "-C", folder, NULL};
    char *deb[] = {"dpkg-deb", "--extract", (char *)path, folder, NULL};
    return install_run(artifact->kind == RIFT_ARTIFACT_TARBALL ? tar : deb, deadline_ns, NULL, err);
}

/* Of the version "first" or "upgrade". */
static int artifacts_install(const struct agent *agent, const char *version, const json_t *given,
                             int64_t deadline_ns, json_t *artifacts, struct rift_error *err)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)given, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *path = json_string_value(json_object_get(item, "path"));
        const char *sha256 = json_string_value(json_object_get(item, "sha256"));
        const struct rift_recipe_artifact *artifact =
            name ? artifact_find(agent->system->recipe, name) : NULL;
        char where[512];
        if (!artifact || !path || path[0] != '/' || !sha256)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "an artifact needs a 'name' of the recipe, an absolute 'path' and its "
                             "'sha256'");
        if (artifact_verify(path, sha256, err) ||
            artifact_unpack(agent, artifact, version, path, deadline_ns, where, err))
            return rift_wrap(err, "artifact '%s'", name);
        json_object_set_new(artifacts, name, json_string(where));
    }
    return 0;
}

/* --- packages */

/* The first program of the recipe, or of its disk, that is not there; in arena, NULL where all are.
 * *err is set where a template is bad. */
static const char *find_missing_program(const struct system *system, const json_t *context,
                                        struct rift_arena *arena, struct rift_error *err)
{
    for (size_t i = 0; i < system->recipe->process_count; i++) {
        const char *path = rift_recipe_expand(system->recipe, context,
                                              system->recipe->processes[i].command[0], arena, err);
        if (!path)
            return NULL;
        if (access(path, X_OK) != 0)
            return path;
    }
    return system->disk_is_xfs && !agent_disk_can_xfs() ? "mkfs.xfs" : NULL;
}

/* As dpkg-query(1) has it; "" where dpkg knows nothing of it. */
static void package_status(const char *package, int64_t deadline_ns, char status[32])
{
    char *argv[] = {"dpkg-query", "-W", "-f=${db:Status-Status}", (char *)package, NULL};
    CLEANUP(rift_text_finish) struct rift_text output = {0};
    struct rift_error ignored;
    bool is_known = install_run(argv, deadline_ns, &output, &ignored) == 0 && output.data;
    snprintf(status, 32, "%s", is_known ? output.data : "");
}

static bool package_is_installed(const char *package, int64_t deadline_ns)
{
    char status[32];
    package_status(package, deadline_ns, status);
    return strcmp(status, "installed") == 0;
}

/* By an install that did not live to its end: the programs may be there, and what its scripts do is
 * not done. */
static bool is_half_installed(const struct rift_recipe *recipe, int64_t deadline_ns)
{
    static const char *const half[] = {"half-installed", "unpacked", "half-configured"};
    char status[32];
    for (const char *const *package = recipe->packages; *package; package++) {
        package_status(*package, deadline_ns, status);
        for (size_t i = 0; i < sizeof half / sizeof *half; i++)
            if (strcmp(status, half[i]) == 0)
                return true;
    }
    return false;
}

static bool policy_is_ours(void)
{
    char text[sizeof policy_text] = "";
    CLEANUP(rift_close_fd) int fd = open(policy_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    return n == (ssize_t)strlen(policy_text) && memcmp(text, policy_text, (size_t)n) == 0;
}

void install_clean_up(void)
{
    if (policy_is_ours())
        unlink(policy_path);
}

static int policy_write(struct rift_error *err)
{
    CLEANUP(rift_close_fd)
    int fd = open(policy_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (fd < 0 && errno == EEXIST)
        return 0; /* the host has its own, and keeps it */
    if (fd < 0 || write(fd, policy_text, strlen(policy_text)) != (ssize_t)strlen(policy_text))
        return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", policy_path);
    return 0;
}

/* A unit that the package enabled would start at the next boot, beside the one under test. */
static void package_disable_units(const char *package, int64_t deadline_ns)
{
    char *argv[] = {"dpkg-query", "-L", (char *)package, NULL};
    CLEANUP(rift_text_finish) struct rift_text output = {0};
    if (install_run(argv, deadline_ns, &output, NULL) || !output.data)
        return;
    char *rest = output.data, *line;
    while ((line = strsep(&rest, "\n"))) {
        if (!strstr(line, "/systemd/system/") || !rift_text_ends_with(line, ".service"))
            continue;
        char *systemctl[] = {"systemctl", "disable", strrchr(line, '/') + 1, NULL};
        install_run(systemctl, deadline_ns, NULL, NULL);
    }
}

/* An install that was cut short, whosesoever, is ended first where apt asks for that. */
static int apt_run(char *const *argv, int64_t deadline_ns, struct rift_error *err)
{
    static const char *const configure[] = {
        "dpkg", "--configure", "-a", "--force-confdef", "--force-confold", NULL};
    if (install_run(argv, deadline_ns, NULL, err) == 0)
        return 0;
    if (!strstr(err->text, "dpkg --configure -a"))
        return -1;
    return install_run((char *const *)configure, deadline_ns, NULL, err) ||
                   install_run(argv, deadline_ns, NULL, err)
               ? -1
               : 0;
}

static int packages_install(const struct rift_recipe *recipe, int64_t deadline_ns,
                            json_t *installed, struct rift_error *err)
{
    enum { FIXED = 6 };
    /* What an agent that died left running may hold the lock still; the deadline is ours. */
    char *argv[RIFT_RECIPE_ITEMS_MAX + FIXED + 1] = {
        "apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600"};
    size_t count = FIXED;
    for (const char *const *package = recipe->packages; *package; package++)
        if (!package_is_installed(*package, deadline_ns))
            argv[count++] = (char *)*package;
    if (count == FIXED)
        return 0;
    if (policy_write(err))
        return -1;
    setenv("DEBIAN_FRONTEND", "noninteractive", 1); /* of this job */
    int rc = apt_run(argv, deadline_ns, err);
    install_clean_up();
    for (size_t i = FIXED; i < count && rc == 0; i++) {
        package_disable_units(argv[i], deadline_ns);
        json_array_append_new(installed, json_string(argv[i]));
    }
    return rc;
}

static int fail_missing(const struct system *system, const char *program, struct rift_error *err)
{
    CLEANUP(rift_text_finish) struct rift_text packages = {0};
    for (const char *const *package = system->recipe->packages; *package; package++)
        rift_text_printf(&packages, "%s%s", packages.length ? "," : "", *package);
    if (!packages.length)
        return rift_fail(err, RIFT_ERR_MISSING, "there is no program '%s' on this node", program);
    if (system->is_lab)
        return rift_fail(err, RIFT_ERR_MISSING,
                         "there is no program '%s' on this lab host: bring the lab up with its "
                         "package: rift lab up --packages %s",
                         program, packages.data);
    return rift_fail(err, RIFT_ERR_MISSING,
                     "there is no program '%s' on this node, and the package '%s' did not bring it",
                     program, packages.data);
}

static int ask_version(const struct system *system, const json_t *context, int64_t deadline_ns,
                       struct rift_arena *arena, json_t *ok)
{
    struct rift_error ignored;
    if (!system->recipe->version)
        return 0;
    char **argv =
        rift_recipe_expand_all(system->recipe, context, system->recipe->version, arena, &ignored);
    struct command_result result = {0};
    if (argv && agent_command_run(argv, NULL, NULL, deadline_ns, &result, &ignored) == 0) {
        char *text = result.output.length ? result.output.data : result.errors.data;
        if (text)
            text[strcspn(text, "\n")] = 0;
        json_object_set_new(ok, "version", json_string(text ? text : ""));
    }
    agent_command_finish(&result);
    return 0;
}

int install_work(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                 struct rift_error *err)
{
    const struct system *system = agent->system;
    json_t *artifacts = json_object(), *upgrade = json_object(), *installed = json_array();
    json_object_set_new(ok, "artifacts", artifacts);
    json_object_set_new(ok, "upgrade", upgrade);
    json_object_set_new(ok, "installed", installed);
    if (artifacts_install(agent, "first", json_object_get(args, "artifacts"), deadline_ns,
                          artifacts, err) ||
        artifacts_install(agent, "upgrade", json_object_get(args, "upgrade"), deadline_ns, upgrade,
                          err))
        return -1;
    json_t *context = json_deep_copy(system->context);
    if (json_object_size(artifacts) > 0)
        json_object_set(context, "artifacts", artifacts);
    struct rift_arena arena = {0};
    struct rift_error bad = {0};
    const char *missing = find_missing_program(system, context, &arena, &bad);
    int rc = bad.code ? -1 : 0;
    if (rc == 0 && !system->is_lab && (missing || is_half_installed(system->recipe, deadline_ns)))
        rc = packages_install(system->recipe, deadline_ns, installed, &bad);
    if (rc == 0 && missing) {
        missing = find_missing_program(system, context, &arena, &bad);
        rc = missing ? fail_missing(system, missing, &bad) : bad.code ? -1 : 0;
    }
    if (rc == 0)
        rc = ask_version(system, context, deadline_ns, &arena, ok);
    rift_arena_finish(&arena);
    json_decref(context);
    if (rc)
        *err = bad;
    return rc ? rift_wrap(err, "install '%s'", system->recipe->name) : 0;
}

/* The child process shows that a fault hits more than the process that the recipe starts. */
#include "tests/lib/toy_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"

enum { STILL_MS = 5000, START_MS = 20000 };

static const char program[] =
    "(while :; do echo x >> child; sleep 0.005; done) & while :; do echo x >> parent; sleep 0.005; "
    "done";

static void configure(struct test_host *host, int disk_mb, const char *disk_fs,
                      const char *disk_layer, bool keeps_data)
{
    CLEANUP(rift_free) char *data = rift_printf("%s-data/toy", host->state);
    CLEANUP(rift_free) char *parent = rift_printf("%s/parent", data);
    json_t *process =
        json_pack("{s:s, s:[s, s, s], s:s, s:{s:[s, s, s]}}", "name", "toy", "command", "/bin/sh",
                  "-c", program, "working_folder", data, "ready", "command", "test", "-s", parent);
    json_t *recipe = json_pack("{s:s, s:[s], s:[o], s:{s:[s, s, s, s]}, s:{s:i}}", "name", "toy",
                               "data_folders", data, "processes", process, "role", "command",
                               "test", "${node.index}", "=", "1", "stop", "grace_ms", 300);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", host->name, "address", host->address, "index", 1);
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(
        agent_must(&host->agent, "system.configure",
                   json_pack("{s:o, s:o, s:b, s:i, s:s, s:s, s:b}", "recipe", recipe, "context",
                             context, "lab", 1, "disk_mb", disk_mb, "disk_fs", disk_fs,
                             "disk_layer", disk_layer, "keep_data", (int)keeps_data)));
}

void toy_configure(struct test_host *host, int disk_mb, const char *disk_layer)
{
    configure(host, disk_mb, "ext4", disk_layer, false);
}

void toy_configure_xfs(struct test_host *host, int disk_mb)
{
    configure(host, disk_mb, "xfs", "none", false);
}

void toy_configure_kept(struct test_host *host, bool keeps_data)
{
    configure(host, 0, "ext4", "none", keeps_data);
}

void toy_start(struct test_host *host)
{
    json_decref(
        agent_must(&host->agent, "system.start", json_pack("{s:i}", "deadline_ms", START_MS)));
    json_decref(
        agent_must(&host->agent, "system.wait_ready", json_pack("{s:i}", "deadline_ms", START_MS)));
}

static long size_of(const struct test_host *host, const char *file)
{
    char path[256];
    struct stat buffer;
    snprintf(path, sizeof path, "%s-data/toy/%s", host->state, file);
    return stat(path, &buffer) == 0 ? (long)buffer.st_size : 0;
}

void toy_watch(const struct test_host *host, int for_ms, long *parent, long *child)
{
    *parent = -size_of(host, "parent");
    *child = -size_of(host, "child");
    rift_clock_sleep_until(rift_clock_now() + for_ms * RIFT_MS);
    *parent += size_of(host, "parent");
    *child += size_of(host, "child");
}

bool toy_is_alive(const struct test_host *host, int for_ms)
{
    int64_t deadline = rift_clock_now() + for_ms * RIFT_MS;
    long parent, child, parent_sum = 0, child_sum = 0;
    do {
        toy_watch(host, 10, &parent, &child);
        parent_sum += parent;
        child_sum += child;
    } while (rift_clock_now() < deadline && (parent_sum == 0 || child_sum == 0));
    return parent_sum > 0 && child_sum > 0;
}

bool toy_is_still(const struct test_host *host, int for_ms)
{
    long parent, child;
    toy_watch(host, for_ms, &parent, &child);
    return parent == 0 && child == 0;
}

bool toy_becomes_still(const struct test_host *host, int for_ms)
{
    int64_t deadline = rift_clock_now() + STILL_MS * RIFT_MS;
    bool is_still = toy_is_still(host, for_ms);
    while (!is_still && rift_clock_now() < deadline)
        is_still = toy_is_still(host, for_ms);
    return is_still;
}

/* What is known of a lab on disk: written before anything of it is made. */
#include "lab/registry.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "lab/network.h"

enum { LOCK_RETRY_MS = 20, REMOVE_TRIES_MAX = 20 };

static void free_json(json_t **json)
{
    json_decref(*json);
}

static const char *const driver_names[] = {
    [LAB_NETNS] = "netns", [LAB_UML] = "uml", [LAB_SYSTEMD] = "systemd"};

const char *lab_driver_name(enum lab_driver driver)
{
    return driver_names[driver];
}

int lab_driver_find(const char *name, enum lab_driver *driver, struct rift_error *err)
{
    *driver = LAB_NETNS;
    for (size_t i = 0; name && i < sizeof driver_names / sizeof *driver_names; i++) {
        *driver = (enum lab_driver)i;
        if (strcmp(driver_names[i], name) == 0)
            return 0;
    }
    return !name ? 0
                 : rift_fail(err, RIFT_ERR_UNSUPPORTED,
                             "there is no lab driver '%s'; use netns, uml or systemd", name);
}

int lab_name_check(const char *name, struct rift_error *err)
{
    size_t length = strlen(name);
    bool is_good = length > 0 && length < LAB_NAME_SIZE && name[0] != '-';
    for (size_t i = 0; i < length && is_good; i++)
        is_good = strchr("abcdefghijklmnopqrstuvwxyz0123456789-", name[i]) != NULL;
    if (is_good)
        return 0;
    return rift_fail(err, RIFT_ERR_INVALID,
                     "'%s' cannot name a lab: use 1 to %d of a-z, 0-9 and '-'", name,
                     LAB_NAME_SIZE - 1);
}

void lab_path(const char *name, const char *file, char path[LAB_PATH_SIZE])
{
    snprintf(path, LAB_PATH_SIZE, LAB_RUN_DIR "/%s%s%s", name, file[0] ? "/" : "", file);
}

static int make_run_dir(struct rift_error *err)
{
    if ((mkdir("/run/rift", 0755) < 0 && errno != EEXIST) ||
        (mkdir(LAB_RUN_DIR, 0755) < 0 && errno != EEXIST))
        return rift_fail_errno(err, RIFT_ERR_IO, "make " LAB_RUN_DIR);
    return 0;
}

/* Locks a folder. The folder may be removed by the one who held the lock before us: then the lock
 * is on a folder that nobody finds any more, and *fd becomes -1. */
static int lock_folder(const char *path, int64_t deadline_ns, int *fd, struct rift_error *err)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT ? 0 : rift_fail_errno(err, RIFT_ERR_IO, "open %s", path);
    while (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
        int64_t now = rift_clock_now();
        if (errno != EWOULDBLOCK && errno != EINTR) {
            rift_fail_errno(err, RIFT_ERR_IO, "lock %s", path);
            goto fail;
        }
        if (now >= deadline_ns) {
            rift_fail(err, RIFT_ERR_TIMEOUT, "%s is locked by another rift for too long", path);
            goto fail;
        }
        rift_clock_sleep_until(now + LOCK_RETRY_MS * RIFT_MS);
    }
    struct stat held, found;
    if (fstat(*fd, &held) < 0 || stat(path, &found) < 0 || held.st_ino != found.st_ino ||
        held.st_dev != found.st_dev)
        rift_close_fd(fd);
    return 0;
fail:
    rift_close_fd(fd);
    return -1;
}

int lab_lock(const char *name, bool create, int64_t deadline_ns, int *fd, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    lab_path(name, "", path);
    for (;;) {
        if (create && (make_run_dir(err) < 0 || (mkdir(path, 0755) < 0 && errno != EEXIST)))
            return rift_fail_errno(err, RIFT_ERR_IO, "make %s", path);
        if (lock_folder(path, deadline_ns, fd, err) < 0)
            return -1;
        if (*fd >= 0 || (!create && access(path, F_OK) < 0))
            return 0;
    }
}

int lab_record_write(const struct lab_record *record, struct rift_error *err)
{
    CLEANUP(free_json) json_t *inits = json_array();
    for (size_t i = 0; i < record->host_count; i++)
        json_array_append_new(inits, json_pack("{s:I,s:I}", "pid", (json_int_t)record->inits[i].pid,
                                               "started", (json_int_t)record->inits[i].started));
    CLEANUP(free_json)
    json_t *state = json_pack("{s:s,s:i,s:s,s:I,s:s,s:b,s:O}", "name", record->name, "subnet",
                              (int)record->subnet, "driver", lab_driver_name(record->driver),
                              "hosts", (json_int_t)record->host_count, "packages", record->packages,
                              "ready", (int)record->is_ready, "inits", inits);
    char path[LAB_PATH_SIZE], temporary[LAB_PATH_SIZE];
    lab_path(record->name, "state.json", path);
    lab_path(record->name, "state.json.new", temporary);
    if (!state || json_dump_file(state, temporary, JSON_INDENT(1)) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "write %s", temporary);
    if (rename(temporary, path) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "rename %s", temporary);
    return 0;
}

int lab_record_read(const char *name, struct lab_record *record, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    lab_path(name, "state.json", path);
    json_error_t problem;
    CLEANUP(free_json) json_t *state = json_load_file(path, 0, &problem);
    if (!state && access(path, F_OK) < 0)
        return rift_fail(err, RIFT_ERR_MISSING, "there is no lab '%s'; rift lab list shows them",
                         name);
    memset(record, 0, sizeof *record);
    const char *packages = NULL;
    json_int_t host_count = 0;
    const char *driver = NULL;
    int subnet = 0, is_ready = 0;
    json_t *inits = NULL;
    if (!state ||
        json_unpack(state, "{s:i,s:s,s:I,s:s,s:b,s:o}", "subnet", &subnet, "driver", &driver,
                    "hosts", &host_count, "packages", &packages, "ready", &is_ready, "inits",
                    &inits) < 0 ||
        lab_driver_find(driver, &record->driver, NULL) < 0 || host_count < 1 ||
        host_count > LAB_HOSTS_MAX || subnet < 1 || subnet >= LAB_SUBNETS_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "%s is damaged; rift lab down --name %s", path,
                         name);
    snprintf(record->name, sizeof record->name, "%s", name);
    snprintf(record->packages, sizeof record->packages, "%s", packages);
    record->subnet = (unsigned)subnet;
    record->host_count = (size_t)host_count;
    record->is_ready = is_ready;
    for (size_t i = 0; i < record->host_count; i++) {
        json_t *init = json_array_get(inits, i);
        record->inits[i].pid = (pid_t)json_integer_value(json_object_get(init, "pid"));
        record->inits[i].started = (uint64_t)json_integer_value(json_object_get(init, "started"));
    }
    return 0;
}

static void mark_subnets_of_labs(const char *own_name, bool used[LAB_SUBNETS_MAX])
{
    DIR *folder = opendir(LAB_RUN_DIR);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct lab_record other;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, own_name) == 0)
            continue;
        if (lab_record_read(entry->d_name, &other, NULL) == 0)
            used[other.subnet] = true;
    }
    closedir(folder);
}

/* An interface that has our range inside its own network, or lies inside our range. */
static void mark_subnets_of_machine(bool used[LAB_SUBNETS_MAX])
{
    struct ifaddrs *addresses = NULL;
    if (getifaddrs(&addresses) < 0)
        return;
    for (struct ifaddrs *a = addresses; a; a = a->ifa_next) {
        if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || !a->ifa_netmask)
            continue;
        uint32_t address = ntohl(((struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr);
        uint32_t mask = ntohl(((struct sockaddr_in *)a->ifa_netmask)->sin_addr.s_addr);
        for (unsigned k = 0; k < LAB_SUBNETS_MAX; k++) {
            uint32_t ours = lab_network_address(k, 0);
            uint32_t both = mask & LAB_NETMASK;
            if ((address & both) == (ours & both))
                used[k] = true;
        }
    }
    freeifaddrs(addresses);
}

int lab_record_begin(struct lab_record *record, int64_t deadline_ns, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int lock = -1;
    if (lock_folder(LAB_RUN_DIR, deadline_ns, &lock, err) < 0)
        return -1;
    if (lock < 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, LAB_RUN_DIR " vanished");
    bool used[LAB_SUBNETS_MAX] = {false};
    mark_subnets_of_labs(record->name, used);
    mark_subnets_of_machine(used);
    /* From 1: an IPv6 address with a zero in the middle has two spellings. */
    for (record->subnet = 1; record->subnet < LAB_SUBNETS_MAX; record->subnet++)
        if (!used[record->subnet])
            return lab_record_write(record, err);
    return rift_fail(err, RIFT_ERR_LIMIT,
                     "every subnet of 10.77.0.0/16 is taken on this machine; rift lab list");
}

bool lab_record_is_alive(const struct lab_record *record)
{
    for (size_t i = 0; i < record->host_count; i++) {
        uint64_t started = lab_process_started(record->inits[i].pid);
        if (started == 0 || started != record->inits[i].started)
            return false;
    }
    return true;
}

static int empty_folder(const char *path, struct rift_error *err)
{
    DIR *folder = opendir(path);
    if (!folder)
        return rift_fail_errno(err, RIFT_ERR_IO, "open %s", path);
    int result = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        /* The lab makes files and one level of empty folders here, nothing else. */
        if (unlinkat(dirfd(folder), entry->d_name, 0) < 0 && errno != ENOENT &&
            unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR) < 0)
            result = rift_fail_errno(err, RIFT_ERR_IO, "remove %s/%s", path, entry->d_name);
    }
    closedir(folder);
    return result;
}

int lab_record_remove(const char *name, struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    lab_path(name, "", path);
    /* Again, as a program that a killed rift had started may write one last file. */
    for (int tries = 0; rmdir(path) < 0 && errno != ENOENT; tries++) {
        if (errno != ENOTEMPTY || tries == REMOVE_TRIES_MAX)
            return rift_fail_errno(err, RIFT_ERR_IO, "remove %s", path);
        if (empty_folder(path, err) < 0)
            return -1;
    }
    /* The last lab takes the folders above with it; with other labs there they are not empty. */
    if (rmdir(LAB_RUN_DIR) == 0)
        rmdir("/run/rift");
    return 0;
}

uint64_t lab_process_started(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    CLEANUP(rift_close_fd) int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (length <= 0)
        return 0;
    text[length] = '\0';
    /* The name in field 2 may hold blanks and parentheses: count from its last ')'. */
    const char *field = strrchr(text, ')');
    if (field && field[1] == ' ' && (field[2] == 'Z' || field[2] == 'X'))
        return 0;
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field, NULL, 10) : 0;
}

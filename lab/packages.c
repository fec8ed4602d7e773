/* Debian packages for lab hosts, without installing them on this machine. */
#include "lab/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/program.h"
#include "common/text.h"

#define CACHE_DIR "/var/cache/rift"

enum { LOCK_RETRY_MS = 50, PACKAGES_MAX = 32 };

const struct lab_user lab_users[] = {
    {"etcd", "etcd", 901, "/var/lib/etcd"},
    {"redis", "redis", 902, "/var/lib/redis"},
    {"postgresql", "postgres", 903, "/var/lib/postgresql"},
    {"zookeeper", "zookeeper", 904, "/var/lib/zookeeper"},
    {"mariadb-server", "mysql", 905, "/var/lib/mysql"},
    {"rabbitmq-server", "rabbitmq", 906, "/var/lib/rabbitmq"},
    {"nats-server", "nats", 907, "/var/lib/nats"},
    {"consul", "consul", 908, "/var/lib/consul"},
    {"openssh-server", "sshd", 909, "/run/sshd"},
    {"dbus", "messagebus", 910, "/nonexistent"},
    {NULL, NULL, 0, NULL},
};

static int make_folder(const char *path, struct rift_error *err)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make %s", path);
    return 0;
}

/* The cache is found again by the packages' names, in any order. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int cache_key(const char *const *names, char key[128], struct rift_error *err)
{
    const char *sorted[PACKAGES_MAX];
    size_t count = 0, used = 0;
    for (; names[count]; count++) {
        if (count == PACKAGES_MAX)
            return rift_fail(err, RIFT_ERR_LIMIT, "more than %d packages", PACKAGES_MAX);
        const char *name = names[count];
        /* Debian policy 5.6.1; it also keeps options and paths out of apt-get's arguments. */
        if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != strlen(name) ||
            !strchr("abcdefghijklmnopqrstuvwxyz0123456789", name[0]) || !name[0])
            return rift_fail(err, RIFT_ERR_INVALID, "'%s' is no name of a Debian package", name);
        sorted[count] = name;
    }
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(key + used, 128 - used, "%s%s", i ? "," : "", sorted[i]);
        if (used >= 128)
            return rift_fail(err, RIFT_ERR_LIMIT, "the packages' names are too long together");
    }
    return 0;
}

static int lock_cache(int64_t deadline_ns, int *lock, struct rift_error *err)
{
    *lock = open(CACHE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open " CACHE_DIR);
    while (flock(*lock, LOCK_EX | LOCK_NB) < 0) {
        int64_t now = rift_clock_now();
        if (now >= deadline_ns)
            return rift_fail(err, RIFT_ERR_TIMEOUT, CACHE_DIR " is locked by another rift");
        rift_clock_sleep_until(now + LOCK_RETRY_MS * RIFT_MS);
    }
    return 0;
}

static int fetch_debs(const char *const *names, const char *folder, int64_t deadline_ns,
                      struct rift_error *err)
{
    char archives[LAB_PATH_SIZE + 32], partial[LAB_PATH_SIZE + 16];
    snprintf(archives, sizeof archives, "Dir::Cache::archives=%s", folder);
    snprintf(partial, sizeof partial, "%s/partial", folder);
    if (make_folder(folder, err) < 0 || make_folder(partial, err) < 0)
        return -1;
    const char *argv[PACKAGES_MAX + 20] = {
        "apt-get", "install", "--download-only", "--no-install-recommends", "--yes", "--quiet",
        "-o", archives,
        /* Nothing is installed, so nobody else's apt has to wait; our own lock guards the folder.
         */
        "-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2",
        "-o", "Acquire::http::Timeout=20"};
    size_t used = 0;
    while (argv[used])
        used++;
    for (size_t i = 0; names[i]; i++)
        argv[used++] = names[i];
    if (rift_program_run(argv, deadline_ns, err) < 0)
        return rift_wrap(err, "fetch packages (does apt-get update help?)");
    return 0;
}

/* Unpacks every deb below root. The layer's bin, sbin and lib are links into usr, as in any merged
 * Debian: else a deb's ./lib would hide the hosts' /lib. */
static int unpack_debs(const char *debs, const char *root, const char *list_file,
                       int64_t deadline_ns, struct rift_error *err)
{
    static const char script[] =
        "set -eo pipefail; debs=$1 root=$2 list=$3; rm -rf \"$root\"; mkdir -p \"$root\"/usr; "
        "for d in bin sbin lib lib32 lib64 libx32; do [ ! -L /$d ] || { mkdir -p "
        "\"$root\"/usr/$d; ln -s usr/$d \"$root\"/$d; }; done; : > \"$list\"; "
        "for deb in \"$debs\"/*.deb; do [ -e \"$deb\" ] || continue; "
        "dpkg-deb --fsys-tarfile \"$deb\" | tar -x --keep-directory-symlink -C \"$root\"; "
        "name=${deb##*/}; echo \"${name%%_*}\" >> \"$list\"; done";
    const char *const argv[] = {"bash", "-c", script, "bash", debs, root, list_file, NULL};
    return rift_program_run(argv, deadline_ns, err);
}

static int build_layer(const char *const *names, const char *key, struct lab_layer *layer,
                       int64_t deadline_ns, struct rift_error *err)
{
    char debs[LAB_PATH_SIZE], root[LAB_PATH_SIZE], tar_new[LAB_PATH_SIZE + 8];
    snprintf(debs, sizeof debs, CACHE_DIR "/%s.debs", key);
    snprintf(root, sizeof root, CACHE_DIR "/%s.root", key);
    snprintf(tar_new, sizeof tar_new, "%s.new", layer->tar_file);
    if (fetch_debs(names, debs, deadline_ns, err) < 0 ||
        unpack_debs(debs, root, layer->list_file, deadline_ns, err) < 0)
        return -1;
    const char *const pack[] = {"tar", "-c", "-f", tar_new, "-C", root, ".", NULL};
    const char *const clean[] = {"rm", "-rf", root, debs, NULL};
    if (rift_program_run(pack, deadline_ns, err) < 0 ||
        rift_program_run(clean, deadline_ns, err) < 0)
        return -1;
    /* The name appears last: a layer that was left half made is made again. */
    if (rename(tar_new, layer->tar_file) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "rename %s", tar_new);
    return 0;
}

int lab_packages_prepare(const char *const *names, int64_t deadline_ns, struct lab_layer *layer,
                         struct rift_error *err)
{
    memset(layer, 0, sizeof *layer);
    if (!names || !names[0])
        return 0;
    char key[128];
    CLEANUP(rift_close_fd) int lock = -1;
    if (cache_key(names, key, err) < 0 || make_folder(CACHE_DIR, err) < 0 ||
        lock_cache(deadline_ns, &lock, err) < 0)
        return -1;
    snprintf(layer->tar_file, sizeof layer->tar_file, CACHE_DIR "/%s.tar", key);
    snprintf(layer->list_file, sizeof layer->list_file, CACHE_DIR "/%s.list", key);
    if (access(layer->tar_file, R_OK) == 0)
        return 0;
    return build_layer(names, key, layer, deadline_ns, err);
}

int lab_packages_unpack(const struct lab_layer *layer, const char *folder, int64_t deadline_ns,
                        struct rift_error *err)
{
    const char *const argv[] = {"tar", "-x", "-f", layer->tar_file, "-C", folder, NULL};
    return rift_program_run(argv, deadline_ns, err);
}

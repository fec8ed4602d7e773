/* Hosts on this machine: up, open, down. */
#include "lab/lab.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/program.h"
#include "common/text.h"
#include "lab/builder.h"
#include "lab/guest.h"
#include "lab/host.h"
#include "lab/network.h"

enum {
    LAB_DOWN_DEADLINE_MS = 20000,
    LAB_PACKAGES_MAX = 32,
    LAB_OWN_PACKAGES_MAX = 8, /* what the lab itself adds, and the NULL */
    SSH_PORT = 22,
    BANNER_RETRY_MS = 10,
};

struct rift_lab {
    struct lab_record record;
    struct rift_lab_host hosts[LAB_HOSTS_MAX];
};

static int check_machine(struct rift_error *err)
{
    if (geteuid() != 0)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "a lab needs root, for network namespaces, mounts and control groups");
    size_t thread_count = 0;
    DIR *threads = opendir("/proc/self/task");
    for (struct dirent *entry; threads && (entry = readdir(threads));)
        thread_count += entry->d_name[0] != '.';
    if (threads)
        closedir(threads);
    if (thread_count > 1)
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "the lab must be brought up before the first thread is started");
    return 0;
}

/* Everything but the lab's folder, whatever of it is there. */
static int clean(const char *name, const struct lab_record *record, int64_t deadline_ns,
                 struct rift_error *err)
{
    struct lab_cgroups cgroups;
    if (lab_cgroups_find(&cgroups, err) < 0 ||
        lab_cgroups_remove(&cgroups, name, deadline_ns, err) < 0)
        return -1;
    return record ? lab_network_remove_uplink(record->subnet, err) : 0;
}

static int read_small_file(const char *path, char **text, struct rift_error *err)
{
    char bytes[4096];
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (length < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "read %s", path);
    *text = rift_strndup(bytes, (size_t)length);
    return 0;
}

/* Under a name of this process first: a killed rift's ssh-keygen may be at work beside us. */
static int make_key(const char *path, const char *comment, char **public_key, int64_t deadline_ns,
                    struct rift_error *err)
{
    char work[LAB_PATH_SIZE + 16], public_path[LAB_PATH_SIZE + 24];
    snprintf(work, sizeof work, "%s.%d", path, (int)getpid());
    snprintf(public_path, sizeof public_path, "%s.pub", work);
    unlink(work);
    const char *const argv[] = {"ssh-keygen", "-q",    "-t", "ed25519", "-N", "",
                                "-C",         comment, "-f", work,      NULL};
    if (rift_program_run(argv, deadline_ns, err) < 0 ||
        read_small_file(public_path, public_key, err) < 0)
        return -1;
    unlink(public_path);
    if (rename(work, path) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "rename %s", work);
    return 0;
}

/* A key for each host; what the controller must know of them goes to the lab's known_hosts. */
static int make_host_keys(const struct lab_record *record, char **host_keys, int64_t deadline_ns,
                          struct rift_error *err)
{
    char path[LAB_PATH_SIZE];
    lab_path(record->name, "host_key", path);
    CLEANUP(rift_text_finish) struct rift_text known = {NULL, 0, 0};
    for (unsigned i = 1; i <= record->host_count; i++) {
        CLEANUP(rift_free) char *public_key = NULL;
        char address[LAB_ADDRESS_SIZE], address6[LAB_ADDRESS_SIZE];
        if (make_key(path, "rift-lab-host", &public_key, deadline_ns, err) < 0 ||
            read_small_file(path, &host_keys[i - 1], err) < 0)
            return -1;
        lab_network_address_text(record->subnet, i, address);
        lab_network_address6_text(record->subnet, i, address6);
        rift_text_printf(&known, "%s,%s %s", address, address6, public_key);
    }
    unlink(path);
    lab_path(record->name, "known_hosts", path);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, known.data, known.length) != (ssize_t)known.length)
        return rift_fail_errno(err, RIFT_ERR_IO, "write %s", path);
    return 0;
}

/* True once the host's sshd has said its first words. */
static bool has_banner(const struct lab_record *record, unsigned number, int64_t deadline_ns)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(SSH_PORT),
                                  .sin_addr.s_addr =
                                      htonl(lab_network_address(record->subnet, number))};
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char bytes[4];
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        return false;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, rift_clock_poll_ms(deadline_ns)) > 0 &&
           read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && memcmp(bytes, "SSH-", 4) == 0;
}

static int wait_for_banners(const struct lab_record *record, int64_t deadline_ns,
                            struct rift_error *err)
{
    for (unsigned i = 1; i <= record->host_count; i++) {
        while (!has_banner(record, i, deadline_ns)) {
            int64_t now = rift_clock_now();
            if (now >= deadline_ns)
                return rift_fail(err, RIFT_ERR_TIMEOUT,
                                 "sshd of n%u does not answer at 10.77.%u.%u; does a firewall of "
                                 "this machine drop traffic on rift%u?",
                                 i, record->subnet, i, record->subnet);
            rift_clock_sleep_until(now + BANNER_RETRY_MS * RIFT_MS);
        }
    }
    return 0;
}

static int make_folders(const char *name, struct rift_error *err)
{
    static const char *const folders[] = {"host", "layer"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[LAB_PATH_SIZE];
        lab_path(name, folders[i], path);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return rift_fail_errno(err, RIFT_ERR_IO, "make %s", path);
    }
    return 0;
}

static int build(struct lab_record *record, const struct lab_layer *layer, int64_t deadline_ns,
                 struct rift_error *err)
{
    struct lab_cgroups cgroups;
    char key_path[LAB_PATH_SIZE];
    char *host_keys[LAB_HOSTS_MAX] = {NULL};
    CLEANUP(rift_free) char *login_key = NULL;
    lab_path(record->name, "id_ed25519", key_path);
    int result = -1;
    if (lab_cgroups_find(&cgroups, err) < 0 || make_folders(record->name, err) < 0 ||
        make_key(key_path, "rift-lab", &login_key, deadline_ns, err) < 0 ||
        make_host_keys(record, host_keys, deadline_ns, err) < 0 ||
        lab_cgroups_make(&cgroups, record->name, "builder", err) < 0)
        goto done;
    struct lab_build plan = {.record = record,
                             .cgroups = &cgroups,
                             .layer = layer,
                             .login_key = login_key,
                             .host_keys = host_keys};
    if (lab_build_run(&plan, deadline_ns, err) < 0 ||
        lab_network_configure_uplink(record->subnet, err) < 0 ||
        wait_for_banners(record, deadline_ns, err) < 0)
        goto done;
    record->is_ready = true;
    result = lab_record_write(record, err);
done:
    for (size_t i = 0; i < record->host_count; i++)
        free(host_keys[i]);
    return result;
}

static struct rift_lab *describe(const struct lab_record *record)
{
    struct rift_lab *lab = rift_calloc(1, sizeof *lab);
    lab->record = *record;
    for (unsigned i = 1; i <= record->host_count; i++) {
        struct rift_lab_host *host = &lab->hosts[i - 1];
        lab_host_name(i, host->name);
        lab_network_address_text(record->subnet, i, host->address);
        lab_network_address6_text(record->subnet, i, host->address6);
        host->init_pid = record->inits[i - 1].pid;
        host->port = SSH_PORT;
        snprintf(host->user, sizeof host->user, "root");
        lab_path(record->name, "id_ed25519", host->key_file);
        lab_path(record->name, "known_hosts", host->known_hosts_file);
    }
    return lab;
}

/* Of texts with a blank between words. */
static bool has_all_words(const char *text, const char *words)
{
    for (size_t length; *words; words += length + (words[length] == ' ')) {
        const char *word = text;
        length = strcspn(words, " ");
        while (*word && (strcspn(word, " ") != length || strncmp(word, words, length) != 0)) {
            word += strcspn(word, " ");
            word += *word == ' ';
        }
        if (!*word)
            return false;
    }
    return true;
}

/* 1: a whole lab as asked for is there; 0: it must be made; -1: another one is in the way. */
static int look_for_lab(const struct rift_lab_request *request, enum lab_driver driver,
                        struct lab_record *found, const char *packages, bool *is_there,
                        struct rift_error *err)
{
    *is_there = lab_record_read(request->name ? request->name : LAB_DEFAULT_NAME, found, NULL) == 0;
    if (!*is_there || !found->is_ready || !lab_record_is_alive(found))
        return 0;
    if (found->host_count != request->host_count)
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "it is up with %zu hosts, not %zu; rift lab down --name %s first",
                         found->host_count, request->host_count, found->name);
    if (found->driver != driver)
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "it is up with the driver %s; rift lab down --name %s first",
                         lab_driver_name(found->driver), found->name);
    if (!has_all_words(found->packages, packages))
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "it is up with packages '%s', among which '%s' are not all; rift lab down "
                         "--name %s first",
                         found->packages, packages, found->name);
    return 1;
}

static int join_packages(const struct rift_lab_request *request, char *joined,
                         struct rift_error *err)
{
    size_t used = 0;
    joined[0] = '\0';
    for (size_t i = 0; request->packages && request->packages[i]; i++) {
        used += (size_t)snprintf(joined + used, LAB_PACKAGES_SIZE - used, "%s%s", i ? " " : "",
                                 request->packages[i]);
        if (used >= LAB_PACKAGES_SIZE || i >= LAB_PACKAGES_MAX - LAB_OWN_PACKAGES_MAX)
            return rift_fail(err, RIFT_ERR_LIMIT, "too many packages");
    }
    return 0;
}

/* The packages asked for, and sshd's where this machine has none for the hosts to share. */
static int prepare_layer(const struct rift_lab_request *request, enum lab_driver driver,
                         int64_t deadline_ns, struct lab_layer *layer, struct rift_error *err)
{
    const char *names[LAB_PACKAGES_MAX] = {NULL};
    size_t count = 0;
    for (; request->packages && request->packages[count]; count++)
        names[count] = request->packages[count];
    for (size_t i = 0; driver != LAB_NETNS && lab_guest_packages[i]; i++)
        names[count++] = lab_guest_packages[i];
    for (size_t i = 0; driver == LAB_SYSTEMD && lab_guest_systemd_packages[i]; i++)
        names[count++] = lab_guest_systemd_packages[i];
    if (access("/usr/sbin/sshd", X_OK) < 0)
        names[count++] = "openssh-server";
    return lab_packages_prepare(names, deadline_ns, layer, err);
}

static int bring_up(const struct rift_lab_request *request, struct lab_record *record,
                    int64_t deadline_ns, struct rift_error *err)
{
    const char *name = request->name ? request->name : LAB_DEFAULT_NAME;
    CLEANUP(rift_close_fd) int lock = -1;
    char packages[LAB_PACKAGES_SIZE];
    bool is_there = false;
    struct lab_layer layer;
    enum lab_driver driver;
    if (lab_driver_find(request->driver, &driver, err) < 0 ||
        join_packages(request, packages, err) < 0 ||
        lab_lock(name, true, deadline_ns, &lock, err) < 0)
        return -1;
    int found = look_for_lab(request, driver, record, packages, &is_there, err);
    if (found != 0)
        return found < 0 ? -1 : 0;
    struct rift_error ignored;
    if (clean(name, is_there ? record : NULL, deadline_ns, err) < 0)
        return -1;
    if (prepare_layer(request, driver, deadline_ns, &layer, err) < 0) {
        lab_record_remove(name, &ignored);
        return -1;
    }
    memset(record, 0, sizeof *record);
    snprintf(record->name, sizeof record->name, "%s", name);
    snprintf(record->packages, sizeof record->packages, "%s", packages);
    record->host_count = request->host_count;
    record->driver = driver;
    if (lab_record_begin(record, deadline_ns, err) < 0)
        return -1;
    if (build(record, &layer, deadline_ns, err) == 0)
        return 0;
    int64_t down_deadline = rift_clock_now() + LAB_DOWN_DEADLINE_MS * RIFT_MS;
    if (clean(name, record, down_deadline, &ignored) == 0)
        lab_record_remove(name, &ignored);
    return -1;
}

struct rift_lab *rift_lab_up(const struct rift_lab_request *request, struct rift_error *err)
{
    const char *name = request->name ? request->name : LAB_DEFAULT_NAME;
    int64_t deadline_ns = rift_clock_now() + request->deadline_ms * RIFT_MS;
    CLEANUP(rift_free) struct lab_record *record = rift_calloc(1, sizeof *record);
    if (check_machine(err) < 0 || lab_name_check(name, err) < 0)
        return NULL;
    if (request->host_count < 1 || request->host_count > LAB_HOSTS_MAX) {
        rift_fail(err, RIFT_ERR_INVALID, "a lab has 1 to %d hosts, not %zu", LAB_HOSTS_MAX,
                  request->host_count);
        return NULL;
    }
    if (bring_up(request, record, deadline_ns, err) < 0) {
        rift_wrap(err, "lab '%s'", name);
        return NULL;
    }
    return describe(record);
}

struct rift_lab *rift_lab_open(const char *name, struct rift_error *err)
{
    CLEANUP(rift_free) struct lab_record *record = rift_calloc(1, sizeof *record);
    name = name ? name : LAB_DEFAULT_NAME;
    if (lab_name_check(name, err) < 0 || lab_record_read(name, record, err) < 0)
        return NULL;
    if (!record->is_ready || !lab_record_is_alive(record)) {
        rift_fail(err, RIFT_ERR_MISSING,
                  "lab '%s' is not whole: it is being made, or a host of it died; rift lab up "
                  "makes it anew",
                  name);
        return NULL;
    }
    return describe(record);
}

const struct rift_lab_host *rift_lab_hosts(const struct rift_lab *lab, size_t *count)
{
    *count = lab->record.host_count;
    return lab->hosts;
}

void rift_lab_close(struct rift_lab *lab)
{
    free(lab);
}

int rift_lab_down(const char *name, struct rift_error *err)
{
    CLEANUP(rift_free) struct lab_record *record = rift_calloc(1, sizeof *record);
    CLEANUP(rift_close_fd) int lock = -1;
    name = name ? name : LAB_DEFAULT_NAME;
    int64_t deadline_ns = rift_clock_now() + LAB_DOWN_DEADLINE_MS * RIFT_MS;
    if (lab_name_check(name, err) < 0)
        return -1;
    if (geteuid() != 0)
        return rift_fail(err, RIFT_ERR_DENIED, "taking a lab down needs root");
    if (lab_lock(name, false, deadline_ns, &lock, err) < 0)
        return rift_wrap(err, "lab '%s'", name);
    bool is_recorded = lab_record_read(name, record, NULL) == 0;
    if (clean(name, is_recorded ? record : NULL, deadline_ns, err) < 0 ||
        lab_record_remove(name, err) < 0)
        return rift_wrap(err, "take down lab '%s'", name);
    return 0;
}

char **rift_lab_names(void)
{
    size_t count = 0;
    char **names = rift_calloc(1, sizeof *names);
    DIR *folder = opendir(LAB_RUN_DIR);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        names = rift_reallocarray(names, count + 2, sizeof *names);
        names[count++] = rift_strdup(entry->d_name);
        names[count] = NULL;
    }
    if (folder)
        closedir(folder);
    return names;
}

/* A real etcd on loopback for a test: Debian's binary, unpacked into the build folder and never
 * installed. */
#include "tests/lib/real_etcd.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/text.h"
#include "tests/lib/build_folder.h"

enum { ETCD_ARGUMENTS_MAX = 48 };

static pid_t start_program(const char *const *argv, const char *folder)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    if (!getenv("RIFT_TEST_OUTPUT"))
        dup2(null, 2);
    if (chdir(folder) == 0)
        execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static int run_program(const char *const *argv, const char *folder)
{
    int status = -1;
    waitpid(start_program(argv, folder), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *real_etcd_binary(const char **why)
{
    static char binary[512];
    char folder[300];
    snprintf(folder, sizeof folder, "%s/packages", build_folder());
    snprintf(binary, sizeof binary, "%s/usr/bin/etcd", folder);
    if (access(binary, X_OK) == 0)
        return binary;
    mkdir(folder, 0755);
    const char *const download[] = {"apt-get", "download", "-q", "etcd-server", NULL};
    glob_t found = {0};
    char pattern[320];
    snprintf(pattern, sizeof pattern, "%s/etcd-server_*.deb", folder);
    if (run_program(download, folder) == 0 && glob(pattern, 0, NULL, &found) == 0) {
        const char *const unpack[] = {"dpkg-deb", "-x", found.gl_pathv[0], folder, NULL};
        run_program(unpack, folder);
    }
    globfree(&found);
    *why = "there is no etcd-server package: apt-get download cannot get it";
    return access(binary, X_OK) == 0 ? binary : NULL;
}

static uint16_t free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int failed = bind(fd, (struct sockaddr *)&address, length);
    failed += getsockname(fd, (struct sockaddr *)&address, &length);
    assert(failed == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void start_member(struct real_etcd *member, int number, uint16_t peer_port,
                         const char *cluster, const char *const *more)
{
    char name[8], client_url[64], peer_url[64];
    bool is_tls = false;
    for (size_t i = 0; more && more[i]; i++)
        is_tls = is_tls || strcmp(more[i], "--cert-file") == 0;
    snprintf(name, sizeof name, "m%d", number);
    snprintf(client_url, sizeof client_url, "http%s://127.0.0.1:%u", is_tls ? "s" : "",
             member->port);
    snprintf(peer_url, sizeof peer_url, "http://127.0.0.1:%u", peer_port);
    const char *const fixed[] = {
        real_etcd_binary(&(const char *){NULL}),
        "--name",
        name,
        "--data-dir",
        member->folder,
        "--listen-client-urls",
        client_url,
        "--advertise-client-urls",
        client_url,
        "--listen-peer-urls",
        peer_url,
        "--initial-advertise-peer-urls",
        peer_url,
        "--initial-cluster",
        cluster,
        "--heartbeat-interval",
        "20",
        "--election-timeout",
        "200",
        "--unsafe-no-fsync",
        "--logger",
        "zap",
        "--log-outputs",
        "stderr",
    };
    const size_t fixed_count = sizeof fixed / sizeof *fixed;
    const char *argv[ETCD_ARGUMENTS_MAX] = {NULL};
    memcpy(argv, fixed, sizeof fixed);
    for (size_t i = 0; more && more[i]; i++)
        argv[fixed_count + i] = more[i];
    member->pid = start_program(argv, "/");
}

void real_etcd_start(struct real_etcd *members, int count, const char *const *more)
{
    uint16_t peer_ports[REAL_ETCD_MEMBERS_MAX];
    struct rift_text CLEANUP(rift_text_finish) cluster = {0};
    for (int i = 0; i < count; i++) {
        members[i].port = free_port();
        peer_ports[i] = free_port();
        snprintf(members[i].folder, sizeof members[i].folder, "/tmp/rift-etcd-XXXXXX");
        char *made = mkdtemp(members[i].folder);
        assert(made);
        rift_text_printf(&cluster, "%sm%d=http://127.0.0.1:%u", i ? "," : "", i, peer_ports[i]);
    }
    for (int i = 0; i < count; i++)
        start_member(&members[i], i, peer_ports[i], cluster.data, more);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void real_etcd_pause(const struct real_etcd *member)
{
    int64_t deadline = rift_clock_now() + 5 * RIFT_SECOND;
    kill(member->pid, SIGSTOP);
    while (rift_process_threads_state(member->pid) != 'T' && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
}

void real_etcd_stop(struct real_etcd *member)
{
    if (member->pid > 0) {
        kill(member->pid, SIGKILL);
        waitpid(member->pid, NULL, 0);
    }
    if (member->folder[0])
        nftw(member->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    *member = (struct real_etcd){0};
}

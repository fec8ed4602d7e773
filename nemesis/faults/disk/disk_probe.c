#include "nemesis/faults/disk/disk_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/disk/layer/layer.h"

enum { PROBE_BYTES = 4096, PAUSE_MS = 5, PATH_SIZE = 512 };

struct rift_disk_probe {
    struct rift_disk_sight *sight; /* shared with its process, which alone writes to it */
    struct rift_process process;
};

const char *rift_disk_use_name(enum rift_disk_use use)
{
    static const char *const names[] = {"making a file", "a write", "a sync", "a read"};
    return names[use];
}

static void probe_path(const char *folder, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.480s/%s", folder, RIFT_LAYER_PROBE);
}

static void use_begin(struct rift_disk_sight *sight, enum rift_disk_use use)
{
    errno = 0;
    sight->now = use;
    sight->since_ns = rift_clock_now();
}

static bool use_end(struct rift_disk_sight *sight, bool is_done)
{
    int64_t took = rift_clock_now() - sight->since_ns;
    int number = errno;
    sight->since_ns = 0;
    sight->uses[sight->now].count++;
    if (took > sight->uses[sight->now].longest_ns)
        sight->uses[sight->now].longest_ns = took;
    if (!is_done) {
        sight->uses[sight->now].last_error = number;
        sight->uses[sight->now].failures++;
    }
    return is_done;
}

static void probe_round(struct rift_disk_sight *sight, const char *path, unsigned char number)
{
    unsigned char wrote[PROBE_BYTES], found[PROBE_BYTES];
    memset(wrote, number, sizeof wrote);
    use_begin(sight, RIFT_DISK_NAMES);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!use_end(sight, fd >= 0)) {
        fd = open(path, O_RDWR | O_CLOEXEC); /* an earlier round's */
        if (fd < 0)
            return;
    }
    use_begin(sight, RIFT_DISK_WRITE);
    bool is_written = use_end(sight, pwrite(fd, wrote, sizeof wrote, 0) == (ssize_t)sizeof wrote);
    use_begin(sight, RIFT_DISK_SYNC);
    use_end(sight, fsync(fd) == 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    use_begin(sight, RIFT_DISK_READ);
    ssize_t n = pread(fd, found, sizeof found, 0);
    use_end(sight, n >= 0);
    sight->damaged +=
        is_written && n == (ssize_t)sizeof found && memcmp(wrote, found, sizeof found) != 0;
    use_begin(sight, RIFT_DISK_NAMES);
    use_end(sight, unlink(path) == 0);
}

static void probe_run(struct rift_disk_sight *sight, const char *const *folders, pid_t owner)
{
    char path[PATH_SIZE];
    prctl(PR_SET_NAME, RIFT_DISK_PROBE_PROCESS);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != owner)
        _exit(1);
    setsid();
    syscall(SYS_close_range, 0, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (unsigned round = 0;; round++) {
        for (const char *const *folder = folders; *folder; folder++) {
            probe_path(*folder, path);
            probe_round(sight, path, (unsigned char)round);
        }
        rift_clock_sleep_until(rift_clock_now() + PAUSE_MS * RIFT_MS);
    }
}

struct rift_disk_probe *rift_disk_probe_start(const char *const *folders, struct rift_error *err)
{
    struct rift_disk_sight *sight =
        mmap(NULL, sizeof *sight, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sight == MAP_FAILED) {
        rift_fail_errno(err, RIFT_ERR_IO, "map memory for the probe of the disk");
        return NULL;
    }
    pid_t owner = getpid(), pid = fork();
    if (pid == 0)
        probe_run(sight, folders, owner);
    struct rift_disk_probe *probe = rift_calloc(1, sizeof *probe);
    probe->sight = sight;
    if (pid > 0 && rift_process_identify(pid, &probe->process))
        return probe;
    rift_fail_errno(err, RIFT_ERR_IO, "start the probe of the disk");
    munmap(sight, sizeof *sight);
    free(probe);
    return NULL;
}

void rift_disk_probe_look(const struct rift_disk_probe *probe, struct rift_disk_sight *sight)
{
    *sight = *(const volatile struct rift_disk_sight *)probe->sight;
}

const struct rift_process *rift_disk_probe_process(const struct rift_disk_probe *probe)
{
    return &probe->process;
}

void rift_disk_probe_stop(struct rift_disk_probe *probe)
{
    if (!probe)
        return;
    rift_process_signal(&probe->process, SIGKILL);
    munmap(probe->sight, sizeof *probe->sight);
    free(probe);
}

void rift_disk_probe_clean(const char *folder)
{
    char path[PATH_SIZE];
    probe_path(folder, path);
    unlink(path);
}

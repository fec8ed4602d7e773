#include "tests/lib/clock_victim.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/clock/vdso.h"

enum { SPINNING_THREADS = 2, LOOK_MS = 700 };

struct rift_cgroup clock_group;
char clock_fault_how[256];
static struct clock_fault fault_on; /* options NULL: none is */

static void *spin(void *unused)
{
    struct timespec t;
    for (;;)
        clock_gettime(CLOCK_REALTIME, &t);
    return unused;
}

static struct clock_seen look(void)
{
    struct timespec t, m;
    struct timeval d;
    clock_gettime(CLOCK_REALTIME, &t);
    gettimeofday(&d, NULL);
    time_t seconds = time(&(time_t){0});
    clock_gettime(CLOCK_MONOTONIC, &m);
    return (struct clock_seen){.clock = t.tv_sec * RIFT_SECOND + t.tv_nsec,
                               .day = d.tv_sec * RIFT_SECOND + d.tv_usec * 1000,
                               .seconds = seconds * RIFT_SECOND,
                               .monotonic = m.tv_sec * RIFT_SECOND + m.tv_nsec};
}

static struct clock_seen clock_victim_ask(const struct clock_victim *victim)
{
    struct clock_seen seen;
    assert_int_equal(write(victim->ask, "", 1), 1);
    assert_int_equal(read(victim->answer, &seen, sizeof seen), sizeof seen);
    return seen;
}

/* Until the child of vfork(2) ends, its parent waits in the kernel and comes to no ptrace stop. */
static void *wait_in_the_kernel(void *for_s)
{
    if (vfork() == 0) {
        syscall(SYS_nanosleep, &(struct timespec){.tv_sec = *(const int *)for_s}, NULL);
        _exit(0);
    }
    return NULL;
}

struct clock_victim clock_victim_start_with(int spinning_count, int for_s)
{
    int ask[2], answer[2];
    assert_int_equal(pipe(ask), 0);
    assert_int_equal(pipe(answer), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (rift_cgroup_join(&clock_group) < 0)
            _exit(1);
        close(ask[1]);
        pthread_t thread;
        for (int i = 0; i < spinning_count; i++)
            pthread_create(&thread, NULL, spin, NULL);
        if (for_s > 0)
            pthread_create(&thread, NULL, wait_in_the_kernel, &for_s);
        char byte;
        while (read(ask[0], &byte, 1) == 1) {
            struct clock_seen seen = look();
            if (write(answer[1], &seen, sizeof seen) != sizeof seen)
                break;
        }
        _exit(0);
    }
    close(ask[0]);
    close(answer[1]);
    struct clock_victim victim = {.pid = pid, .ask = ask[1], .answer = answer[0]};
    clock_victim_ask(&victim); /* by then it has joined its cgroup */
    return victim;
}

struct clock_victim clock_victim_start(void)
{
    return clock_victim_start_with(SPINNING_THREADS, 0);
}

struct clock_victim clock_victim_start_quiet(void)
{
    return clock_victim_start_with(0, 0);
}

void clock_victim_end(struct clock_victim *victim)
{
    kill(victim->pid, SIGKILL);
    waitpid(victim->pid, NULL, 0);
    close(victim->ask);
    close(victim->answer);
}

/* Nobody may wait long between the looks of a sample: on a busy machine it is taken anew. */
struct clock_sample clock_sample_take(const struct clock_victim *victim)
{
    struct clock_sample sample;
    int64_t deadline = rift_clock_now() + CLOCK_WAIT_MS * RIFT_MS;
    do {
        sample.wall = rift_clock_wall();
        sample.begin = rift_clock_now();
        sample.seen = clock_victim_ask(victim);
        sample.end = rift_clock_now();
    } while (sample.end - sample.begin > CLOCK_TOLERANCE_MS / 3 * RIFT_MS && sample.end < deadline);
    return sample;
}

double clock_sample_ms(const struct clock_sample *sample)
{
    return (double)(sample->seen.clock - sample->wall) / (double)RIFT_MS;
}

double clock_victim_offset_ms(const struct clock_victim *victim)
{
    struct clock_sample sample = clock_sample_take(victim);
    return clock_sample_ms(&sample);
}

void clock_assert_near(double value, double wanted)
{
    if (value < wanted - CLOCK_TOLERANCE_MS || value > wanted + CLOCK_TOLERANCE_MS)
        fail_msg("%.1f ms is not near %.1f ms", value, wanted);
}

int clock_fault_try(struct clock_fault *fault, const char *options, int64_t lease_ms,
                    struct rift_error *err)
{
    fault->options = json_loads(options, 0, NULL);
    fault->target = (struct rift_target){.system = &clock_group};
    fault->injection = (struct rift_injection){
        .id = "clock-test",
        .driver = rift_fault_driver_find("clock"),
        .options = fault->options,
        .start_ns = rift_clock_now(),
        .lease_end_ns = rift_clock_now() + lease_ms * RIFT_MS,
        .undo = json_object(),
    };
    const struct rift_fault_driver *driver = fault->injection.driver;
    int rc = driver->plan(&fault->injection, &fault->target, "/nonexistent", err);
    if (rc == 0)
        rc = driver->inject(&fault->injection, &fault->target, err);
    fault_on = *fault;
    return rc;
}

void clock_fault_inject(struct clock_fault *fault, const char *options, int64_t lease_ms)
{
    struct rift_error err = {0};
    if (clock_fault_try(fault, options, lease_ms, &err) < 0)
        fail_msg("%s", err.text);
}

static bool look_for(const struct clock_fault *fault, int64_t look_ms)
{
    bool observed = false;
    int64_t until = rift_clock_now() + look_ms * RIFT_MS;
    while (!observed && rift_clock_now() < until) {
        json_t *details = json_object();
        assert_int_equal(fault->injection.driver->observe(&fault->injection, &fault->target,
                                                          &observed, details, NULL),
                         0);
        snprintf(clock_fault_how, sizeof clock_fault_how, "%s",
                 json_string_value(json_object_get(details, "how")));
        json_decref(details);
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    return observed;
}

bool clock_fault_is_observed(const struct clock_fault *fault)
{
    return look_for(fault, LOOK_MS);
}

bool clock_fault_becomes_observed(const struct clock_fault *fault)
{
    return look_for(fault, CLOCK_LOOK_MS);
}

void clock_fault_heal(struct clock_fault *fault)
{
    fault_on.options = NULL;
    struct rift_error err = {0};
    if (fault->injection.driver->heal(fault->injection.id, fault->injection.undo, "/nonexistent",
                                      &err) < 0)
        fail_msg("%s", err.text);
    fault->injection.driver->forget(&fault->injection);
    json_decref(fault->injection.undo);
    json_decref(fault->options);
}

int clock_group_make(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    char name[64];
    snprintf(name, sizeof name, "rift-test-clock-%d", (int)getpid());
    return rift_cgroup_open(name, &clock_group, NULL) < 0 ? -1
                                                          : rift_cgroup_create(&clock_group, NULL);
}

int clock_victims_end(void **state)
{
    (void)state;
    pid_t pid;
    struct clock_fault left = fault_on;
    if (left.options)
        clock_fault_heal(&left);
    while (geteuid() == 0 && rift_cgroup_pids(&clock_group, &pid, 1) > 0) {
        kill(pid, SIGKILL);
        if (rift_process_parent(pid) == getpid())
            waitpid(pid, NULL, 0);
    }
    return 0;
}

int clock_group_remove(void **state)
{
    (void)state;
    return geteuid() != 0 ? 0 : rift_cgroup_remove(&clock_group, NULL);
}

void clock_need_root_and_vdso(void)
{
    struct rift_error err = {0};
    if (geteuid() != 0 || vdso_can_bend(&err) < 0) {
        print_message("SKIP: %s\n", geteuid() != 0 ? "needs root" : err.text);
        skip();
    }
}
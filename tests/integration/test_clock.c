/* The clock fault on real processes: what they see of the time is what they themselves say. */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/driver.h"
#include "nemesis/faults/clock/vdso.h"

enum { TOLERANCE_MS = 150, SPINNING_THREADS = 2, WAIT_MS = 20000 };

static struct rift_cgroup group;

/* What one victim sees: CLOCK_REALTIME by three functions, and CLOCK_MONOTONIC, in ns. */
struct seen {
    int64_t clock, day, seconds, monotonic;
};

struct victim {
    pid_t pid;
    int ask, answer;
};

static void *spin(void *unused)
{
    struct timespec t;
    for (;;)
        clock_gettime(CLOCK_REALTIME, &t);
    return unused;
}

static struct seen look(void)
{
    struct timespec t, m;
    struct timeval d;
    clock_gettime(CLOCK_REALTIME, &t);
    gettimeofday(&d, NULL);
    time_t seconds = time(&(time_t){0});
    clock_gettime(CLOCK_MONOTONIC, &m);
    return (struct seen){.clock = t.tv_sec * RIFT_SECOND + t.tv_nsec,
                         .day = d.tv_sec * RIFT_SECOND + d.tv_usec * 1000,
                         .seconds = seconds * RIFT_SECOND,
                         .monotonic = m.tv_sec * RIFT_SECOND + m.tv_nsec};
}

static struct seen ask_victim(const struct victim *victim)
{
    struct seen seen;
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

/* A process with threads that are inside of the clock functions nearly all the time, and one that
 * is in the kernel for the first seconds. */
static struct victim start_victim_that_waits(int for_s)
{
    int ask[2], answer[2];
    assert_int_equal(pipe(ask), 0);
    assert_int_equal(pipe(answer), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (rift_cgroup_join(&group) < 0)
            _exit(1);
        close(ask[1]);
        pthread_t thread;
        for (int i = 0; i < SPINNING_THREADS; i++)
            pthread_create(&thread, NULL, spin, NULL);
        if (for_s > 0)
            pthread_create(&thread, NULL, wait_in_the_kernel, &for_s);
        char byte;
        while (read(ask[0], &byte, 1) == 1) {
            struct seen seen = look();
            if (write(answer[1], &seen, sizeof seen) != sizeof seen)
                break;
        }
        _exit(0);
    }
    close(ask[0]);
    close(answer[1]);
    struct victim victim = {.pid = pid, .ask = ask[1], .answer = answer[0]};
    ask_victim(&victim); /* by then it has joined its cgroup */
    return victim;
}

static bool any_thread_is(pid_t pid, char state)
{
    CLEANUP(rift_free) char *path = rift_printf("/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    bool is = false;
    for (const struct dirent *entry; folder && !is && (entry = readdir(folder));) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        is = thread > 0 && rift_process_state(thread) == state;
    }
    if (folder)
        closedir(folder);
    return is;
}

/* What its thread waits for. */
static void end_child_of(pid_t pid)
{
    pid_t pids[16];
    size_t count = rift_cgroup_pids(&group, pids, 16);
    for (size_t i = 0; i < count; i++)
        if (rift_process_parent(pids[i]) == pid)
            kill(pids[i], SIGKILL);
}

static struct victim start_victim(void)
{
    return start_victim_that_waits(0);
}

static void end_victim(struct victim *victim)
{
    kill(victim->pid, SIGKILL);
    waitpid(victim->pid, NULL, 0);
    close(victim->ask);
    close(victim->answer);
}

/* What it sees, and our clocks right before and after. */
struct sample {
    struct seen seen;
    int64_t wall, begin, end;
};

/* Nobody may wait long between the looks of a sample: on a busy machine it is taken anew. */
static struct sample take_sample(const struct victim *victim)
{
    struct sample sample;
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    do {
        sample.wall = rift_clock_wall();
        sample.begin = rift_clock_now();
        sample.seen = ask_victim(victim);
        sample.end = rift_clock_now();
    } while (sample.end - sample.begin > TOLERANCE_MS / 3 * RIFT_MS && sample.end < deadline);
    return sample;
}

static double sample_ms(const struct sample *sample)
{
    return (double)(sample->seen.clock - sample->wall) / (double)RIFT_MS;
}

static double offset_ms(const struct victim *victim)
{
    struct sample sample = take_sample(victim);
    return sample_ms(&sample);
}

static void assert_near(double value, double wanted)
{
    if (value < wanted - TOLERANCE_MS || value > wanted + TOLERANCE_MS)
        fail_msg("%.1f ms is not near %.1f ms", value, wanted);
}

struct fault {
    struct rift_target target;
    struct rift_injection injection;
    json_t *options;
};

static int try_inject(struct fault *fault, const char *options, int64_t lease_ms,
                      struct rift_error *err)
{
    fault->options = json_loads(options, 0, NULL);
    fault->target = (struct rift_target){.system = &group};
    fault->injection = (struct rift_injection){
        .id = "clock-test",
        .driver = rift_fault_driver_find("clock"),
        .options = fault->options,
        .start_ns = rift_clock_now(),
        .lease_end_ns = rift_clock_now() + lease_ms * RIFT_MS,
        .undo = json_object(),
    };
    return fault->injection.driver->plan(&fault->injection, &fault->target, "/nonexistent", err) <
                       0 ||
                   fault->injection.driver->inject(&fault->injection, &fault->target, err) < 0
               ? -1
               : 0;
}

static void inject(struct fault *fault, const char *options, int64_t lease_ms)
{
    struct rift_error err = {0};
    if (try_inject(fault, options, lease_ms, &err) < 0)
        fail_msg("%s", err.text);
}

/* As the agent looks: again and again for a moment. */
static bool is_observed(const struct fault *fault)
{
    bool observed = false;
    int64_t until = rift_clock_now() + 700 * RIFT_MS;
    while (!observed && rift_clock_now() < until) {
        json_t *details = json_object();
        assert_int_equal(fault->injection.driver->observe(&fault->injection, &fault->target,
                                                          &observed, details, NULL),
                         0);
        json_decref(details);
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    return observed;
}

static void heal(struct fault *fault)
{
    struct rift_error err = {0};
    if (fault->injection.driver->heal(fault->injection.id, fault->injection.undo, "/nonexistent",
                                      &err) < 0)
        fail_msg("%s", err.text);
    fault->injection.driver->forget(&fault->injection);
    json_decref(fault->injection.undo);
    json_decref(fault->options);
}

static int make_group(void **state)
{
    (void)state;
    if (geteuid() != 0)
        return 0;
    char name[64];
    snprintf(name, sizeof name, "rift-test-clock-%d", (int)getpid());
    return rift_cgroup_open(name, &group, NULL) < 0 ? -1 : rift_cgroup_create(&group, NULL);
}

/* What a test that failed left is no matter of the next one. */
static int end_victims(void **state)
{
    (void)state;
    pid_t pid;
    while (geteuid() == 0 && rift_cgroup_pids(&group, &pid, 1) > 0) {
        kill(pid, SIGKILL);
        if (rift_process_parent(pid) == getpid())
            waitpid(pid, NULL, 0);
    }
    return 0;
}

static int remove_group(void **state)
{
    (void)state;
    return geteuid() != 0 ? 0 : rift_cgroup_remove(&group, NULL);
}

static void need_root_and_vdso(void)
{
    struct rift_error err = {0};
    if (geteuid() != 0 || vdso_can_bend(&err) < 0) {
        print_message("SKIP: %s\n", geteuid() != 0 ? "needs root" : err.text);
        skip();
    }
}

static void every_function_of_a_process_shows_the_jump_and_only_of_the_wall_clock(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim();
    struct fault fault;
    assert_near(offset_ms(&victim), 0);
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":-90500}", 20000);
    struct sample sample = take_sample(&victim);
    struct seen seen = sample.seen;
    assert_near(sample_ms(&sample), -90500);
    assert_near((double)(seen.day - sample.wall) / 1e6, -90500);
    assert_in_range(seen.clock - seen.seconds, 0, RIFT_SECOND + TOLERANCE_MS * RIFT_MS);
    assert_near((double)(seen.monotonic - sample.begin) / 1e6, 0);
    assert_true(is_observed(&fault));
    heal(&fault);
    assert_near(offset_ms(&victim), 0);
    assert_false(vdso_is_bent(victim.pid));
    end_victim(&victim);
}

static void the_lease_ends_in_the_process_itself(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim();
    struct fault fault;
    struct sample sample;
    bool is_in_time = false;
    for (int64_t lease_ms = 400; !is_in_time && lease_ms < WAIT_MS; lease_ms *= 2) {
        inject(&fault, "{\"of\":\"process\",\"offset_ms\":3600000}", lease_ms);
        sample = take_sample(&victim);
        is_in_time = sample.end < fault.injection.lease_end_ns;
        if (!is_in_time)
            heal(&fault);
    }
    assert_true(is_in_time);
    assert_near(sample_ms(&sample), 3600000);
    rift_clock_sleep_until(fault.injection.lease_end_ns + 50 * RIFT_MS);
    assert_near(offset_ms(&victim), 0);
    assert_false(is_observed(&fault));
    heal(&fault);
    end_victim(&victim);
}

/* Three looks a half period apart, each well inside of one. */
static void assert_strobes(const struct victim *victim, int64_t begin, int64_t half, double high_ms)
{
    bool is_seen[2] = {false, false};
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    for (int looks = 0; looks < 3 && rift_clock_now() < deadline;) {
        struct sample sample = take_sample(victim);
        int64_t phase = (sample.begin - begin) / half;
        if ((sample.end - begin + 20 * RIFT_MS) / half != phase ||
            (sample.begin - begin - 20 * RIFT_MS) / half != phase)
            continue;
        assert_near(sample_ms(&sample), phase % 2 == 0 ? high_ms : 0);
        is_seen[phase % 2] = true;
        looks++;
        rift_clock_sleep_until(begin + (phase + 1) * half + half / 2);
    }
    assert_true(is_seen[0] && is_seen[1]);
}

static void a_clock_drifts_and_a_strobe_comes_and_goes(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim();
    struct fault fault;
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":0,\"drift_ppm\":-100000}", 20000);
    rift_clock_sleep_until(fault.injection.applied_ns + 3 * RIFT_SECOND);
    struct sample sample = take_sample(&victim);
    double lost_ms = (double)(sample.begin - fault.injection.applied_ns) / 1e7;
    assert_true(lost_ms >= 300);
    assert_in_range(sample_ms(&sample) + lost_ms + 60, 0, 120);
    heal(&fault);
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":5000,\"strobe_ms\":400}", 20000);
    assert_strobes(&victim, fault.injection.applied_ns, 400 * RIFT_MS, 5000);
    heal(&fault);
    end_victim(&victim);
}

static void a_process_that_was_started_again_is_bent_soon(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim first = start_victim();
    struct fault fault;
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    end_victim(&first);
    struct victim second = start_victim();
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (offset_ms(&second) < 6000 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    assert_near(offset_ms(&second), 7000);
    heal(&fault);
    assert_near(offset_ms(&second), 0);
    end_victim(&second);
}

/* A thread in the kernel is seized and comes to no stop: it must not come to one later, when nobody
 * is there to let it go on. */
static void a_process_that_does_not_stop_in_time_is_left_as_it_was(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim_that_waits(600);
    struct fault fault;
    struct rift_error err = {0};
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (!any_thread_is(victim.pid, 'D') && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    assert_int_equal(-1,
                     try_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000, &err));
    assert_non_null(strstr(err.text, "does not stop"));
    assert_true(any_thread_is(victim.pid, 'D'));
    heal(&fault);
    end_child_of(victim.pid);
    while (any_thread_is(victim.pid, 'D') && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    assert_near(offset_ms(&victim), 7000);
    heal(&fault);
    end_victim(&victim);
}

/* A debugger, for one, has a thread for a second while the fault is to end. */
static void a_process_that_is_traced_for_a_moment_is_healed_after_it(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim();
    struct fault fault;
    int ready[2];
    char byte;
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    /* The holder, which visits none that is bent already, does not meet the debugger. */
    assert_int_equal(pipe(ready), 0);
    pid_t debugger = fork();
    if (debugger == 0) {
        bool has_it = ptrace(PTRACE_SEIZE, victim.pid, NULL, NULL) == 0;
        if (!has_it || write(ready[1], "", 1) != 1)
            _exit(1);
        rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND);
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    heal(&fault);
    waitpid(debugger, NULL, 0);
    assert_near(offset_ms(&victim), 0);
    assert_false(vdso_is_bent(victim.pid));
    end_victim(&victim);
}

static void the_bytes_are_the_kernel_s_again_after_healing(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct victim victim = start_victim();
    CLEANUP(rift_free)
    char *command = rift_printf(
        "python3 -c \"import re,hashlib\n"
        "def vdso(pid):\n"
        " a,b=[int(x,16) for x in re.search('([0-9a-f]+)-([0-9a-f]+) .*vdso',"
        "open('/proc/%%s/maps'%%pid).read()).groups()]\n"
        " f=open('/proc/%%s/mem'%%pid,'rb'); f.seek(a); return hashlib.sha1(f.read(b-a)).digest()\n"
        "exit(vdso('%d')!=vdso('self'))\"",
        (int)victim.pid);
    struct fault fault;
    inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    FILE *changed = popen(command, "re");
    assert_int_not_equal(pclose(changed), 0);
    heal(&fault);
    FILE *restored = popen(command, "re");
    assert_int_equal(pclose(restored), 0);
    end_victim(&victim);
}

/* 0 where this process has no vDSO any more. */
static int leave_vdso(void)
{
    char line[512];
    uint64_t begin = 0, end = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !strstr(fgets(line, sizeof line, maps), "[vdso]"))
        ;
    return sscanf(line, "%lx-%lx", &begin, &end) == 2 ? munmap((void *)begin, end - begin) : -1;
}

/* A child without a vDSO; one that begins a program (execve) does so after 10 ms. */
static pid_t start_without_vdso(bool begins_program)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || leave_vdso() < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        usleep(10000);
        if (begins_program)
            execl("/bin/sleep", "sleep", "60", (char *)NULL);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void a_process_that_begins_or_ends_is_no_strange_one(void **state)
{
    (void)state;
    need_root_and_vdso();
    struct rift_error err = {0};
    const struct vdso_bend bend = {.magic = VDSO_BEND_MAGIC, .offset_ns = RIFT_SECOND};
    pid_t beginning = start_without_vdso(true), without = start_without_vdso(false);
    assert_int_equal(vdso_bend(beginning, &bend, &err), 0);
    assert_true(vdso_is_bent(beginning));
    assert_int_equal(vdso_bend(without, &bend, &err), -1);
    assert_int_equal(err.code, RIFT_ERR_UNSUPPORTED);
    kill(beginning, SIGKILL);
    kill(without, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)without, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(vdso_bend(without, &bend, &err), -1); /* no memory, but not yet waited for */
    assert_int_equal(err.code, RIFT_ERR_MISSING);
    assert_int_equal(waitpid(without, NULL, 0), without);
    assert_int_equal(vdso_bend(without, &bend, &err), -1);
    assert_int_equal(err.code, RIFT_ERR_MISSING);
    assert_int_equal(waitpid(beginning, NULL, 0), beginning);
}

static void a_host_that_shares_its_kernel_keeps_its_clock(void **state)
{
    (void)state;
    need_root_and_vdso();
    pid_t child = fork();
    if (child == 0) {
        /* In a pid namespace of its own, as a container is. */
        if (unshare(CLONE_NEWPID) < 0)
            _exit(2);
        pid_t inside = fork();
        if (inside == 0) {
            struct rift_fault_ability ability = {.can = true};
            json_t *options = json_pack("{s:s, s:i}", "of", "host", "offset_ms", 1000);
            const struct rift_fault_driver *clock = rift_fault_driver_find("clock");
            clock->probe(&(struct rift_target){0}, options, &ability, NULL);
            struct rift_injection injection = {
                .id = "c", .driver = clock, .options = options, .undo = json_object()};
            struct rift_error err = {0};
            /* A fault by hand is not probed. */
            int planned = clock->plan(&injection, &(struct rift_target){.system = &group},
                                      "/nonexistent", &err);
            _exit(ability.can || planned == 0 || err.code != RIFT_ERR_UNSUPPORTED);
        }
        int status = 0;
        waitpid(inside, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define CASE(test) cmocka_unit_test_teardown(test, end_victims)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_function_of_a_process_shows_the_jump_and_only_of_the_wall_clock),
        CASE(the_lease_ends_in_the_process_itself),
        CASE(a_clock_drifts_and_a_strobe_comes_and_goes),
        CASE(a_process_that_was_started_again_is_bent_soon),
        CASE(a_process_that_does_not_stop_in_time_is_left_as_it_was),
        CASE(a_process_that_is_traced_for_a_moment_is_healed_after_it),
        CASE(the_bytes_are_the_kernel_s_again_after_healing),
        CASE(a_process_that_begins_or_ends_is_no_strange_one),
        CASE(a_host_that_shares_its_kernel_keeps_its_clock),
    };
    return cmocka_run_group_tests(tests, make_group, remove_group);
}

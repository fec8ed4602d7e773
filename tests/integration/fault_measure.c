/* Measures of faults from outside. */
#include "tests/integration/fault_measure.h"

#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/lib/fault_witness.h"
#include "tests/lib/lab_hosts.h"

enum {
    ASK_MS = 200,
    STARTED_MS = 3000,
    PATIENT_MS = 3000, /* where an answer is to come: a busy machine may stand still for a while */
    QUICK_MS = 5,
    LONG_ASK_MS = 20000, /* a burn under a quota, a write to a slow disk */
    MANY = 4000,
    INTERVAL_US = 300,
    DRIFT_MS = 1500,
    DRIFT_MOST_MS = 20000,
    DRIFT_OPEN_PPM = 1000,
    LOOKS = 100,
    WRITES = 8,
};

/* One question by a socket of its own, so that no late answer to another is taken for it. */
static bool ask(const struct rift_lab_host *host, uint16_t port, const char *word, int wait_ms,
                char reply[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host->address, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    ssize_t got = -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, word, 1, 0) == 1 && poll(&poll_fd, 1, wait_ms) > 0)
        got = recv(fd, reply, 63, MSG_DONTWAIT);
    close(fd);
    if (got > 0)
        reply[got] = '\0';
    else
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS); /* refused at once */
    return got > 0;
}

static double ask_number(const struct fault_bench *bench, const char *word)
{
    char reply[64];
    return ask(bench->hit, WITNESS_SYSTEM_PORT, word, LONG_ASK_MS, reply) ? strtod(reply, NULL)
                                                                          : (double)NAN;
}

static pid_t system_pid(const struct rift_lab_host *host, int wait_ms)
{
    char reply[64];
    return ask(host, WITNESS_SYSTEM_PORT, WITNESS_ASK_STATE, wait_ms, reply)
               ? (pid_t)strtol(reply, NULL, 10)
               : 0;
}

pid_t fault_system_pid(const struct rift_lab_host *host)
{
    return system_pid(host, ASK_MS);
}

/* A fault shows soon that something does not come; that it comes may take longer. */
static int wait_ms_of(const struct fault_bench *bench)
{
    return bench->phase == FAULT_DURING ? ASK_MS : PATIENT_MS;
}

void fault_witness_end(const struct rift_lab_host *host)
{
    test_host_run(host, "pkill -9 -x fault_witness; rm -f " FAULT_WITNESS_PATH, NULL, 0);
}

bool fault_witness_start(const struct rift_lab_host *host, const char *program)
{
    char output[512] = "";
    if (test_host_copy(host, program, FAULT_WITNESS_PATH, output, sizeof output) == 0 &&
        test_host_run(host, "setsid " FAULT_WITNESS_PATH " echo </dev/null >/dev/null 2>&1 &",
                      output, sizeof output) == 0)
        return true;
    fprintf(stderr, "%s: %s\n", host->name, output);
    return false;
}

/* --- links */

struct trip {
    double back, twice, median, p10, p90, altered, early, burst, likeness;
};

static struct trip ping(const struct fault_bench *bench, const char *address, int count,
                        int interval_us)
{
    char output[256] = "", script[256];
    const double none = (double)NAN;
    struct trip trip = {none, none, none, none, none, none, none, none, none};
    snprintf(script, sizeof script, FAULT_WITNESS_PATH " ping %s %d %d 400", address, count,
             interval_us);
    test_host_run(bench->peer, script, output, sizeof output);
    double *parts[] = {&trip.back,    &trip.twice, &trip.median, &trip.p10,     &trip.p90,
                       &trip.altered, &trip.early, &trip.burst,  &trip.likeness};
    char *at = output;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *end = at;
        double number = strtod(at, &end);
        if (end == at)
            return (struct trip){none, none, none, none, none, none, none, none, none};
        *parts[i] = number;
        at = end;
    }
    return trip;
}

double fault_lost_percent(const struct fault_bench *bench)
{
    return 100 - ping(bench, bench->hit->address, MANY, INTERVAL_US).back * 100 / MANY;
}

double fault_lost_percent_6(const struct fault_bench *bench)
{
    return 100 - ping(bench, bench->hit->address6, 100, 2000).back;
}

/* So few that a link may be down for 50 ms without a ping being held back (PINGS_AT_ONCE of the
 * witness): else less would be asked while it is down. */
double fault_down_percent(const struct fault_bench *bench)
{
    return 100 - ping(bench, bench->hit->address, 500, 4000).back / 5;
}

double fault_twice_percent(const struct fault_bench *bench)
{
    return ping(bench, bench->hit->address, MANY, INTERVAL_US).twice * 100 / MANY;
}

double fault_altered_percent(const struct fault_bench *bench)
{
    return ping(bench, bench->hit->address, MANY, INTERVAL_US).altered * 100 / MANY;
}

double fault_burst(const struct fault_bench *bench)
{
    return ping(bench, bench->hit->address, MANY, INTERVAL_US).burst;
}

double fault_early_percent(const struct fault_bench *bench)
{
    struct trip trip = ping(bench, bench->hit->address, 1000, 2000);
    return trip.early * 100 / trip.back;
}

/* InCsumErrors: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors come first. */
static double checksum_errors(const struct rift_lab_host *host)
{
    char output[256] = "", *end = output;
    test_host_run(host, "grep ^Udp: /proc/net/snmp | tail -1 | cut -d' ' -f8", output,
                  sizeof output);
    double count = strtod(output, &end);
    return end > output ? count : (double)NAN;
}

double fault_checksum_percent(const struct fault_bench *bench)
{
    double before = checksum_errors(bench->peer);
    ping(bench, bench->hit->address, MANY, INTERVAL_US);
    return (checksum_errors(bench->peer) - before) * 100 / MANY;
}

double fault_trip_ms(const struct fault_bench *bench)
{
    return ping(bench, bench->hit->address, 60, 20000).median;
}

double fault_trip_spread_ms(const struct fault_bench *bench)
{
    struct trip trip = ping(bench, bench->hit->address, 400, 5000);
    return trip.p90 - trip.p10;
}

double fault_trip_likeness(const struct fault_bench *bench)
{
    return ping(bench, bench->hit->address, 400, 5000).likeness;
}

double fault_rate_mbit(const struct fault_bench *bench)
{
    char output[256] = "", script[256], *end = output;
    snprintf(script, sizeof script, FAULT_WITNESS_PATH " stream %s 2000", bench->peer->address);
    test_host_run(bench->hit, script, output, sizeof output);
    double mbit = strtod(output, &end);
    return end > output ? mbit : (double)NAN;
}

double fault_connections(const struct fault_bench *bench)
{
    char output[256] = "", script[256], *end = output;
    snprintf(script, sizeof script, FAULT_WITNESS_PATH " connect %s 10 %d", bench->hit->address,
             wait_ms_of(bench));
    test_host_run(bench->peer, script, output, sizeof output);
    double count = strtod(output, &end);
    return end > output ? count : (double)NAN;
}

#define KEPT_FILE "/tmp/witness-kept"

/* "ECHOES ERRNO" of the connection that is kept; is_new: of one that is opened now. */
static void kept_read(const struct fault_bench *bench, bool is_new, int kept[2])
{
    char output[256] = "", script[512];
    snprintf(script, sizeof script,
             is_new ? "rm -f " KEPT_FILE "; setsid " FAULT_WITNESS_PATH " keep %s " KEPT_FILE
                      " </dev/null >/dev/null 2>&1 & sleep 1; cat " KEPT_FILE
                    : "sleep 1; cat " KEPT_FILE " # %s",
             bench->hit->address);
    test_host_run(bench->peer, script, output, sizeof output);
    char *end = output;
    kept[0] = (int)strtol(output, &end, 10);
    kept[1] = end > output ? (int)strtol(end, NULL, 10) : -1;
}

/* Ends the one that is kept: its peer's end goes with it. */
static void kept_end(const struct fault_bench *bench)
{
    test_host_run(bench->peer, "pkill -f '[w]itness keep'; rm -f " KEPT_FILE, NULL, 0);
}

double fault_kept_echoes(const struct fault_bench *bench)
{
    int kept[2];
    kept_read(bench, bench->phase == FAULT_BEFORE, kept);
    if (bench->phase == FAULT_BEFORE)
        return kept[0];
    int begin = kept[0];
    kept_read(bench, false, kept);
    if (bench->phase == FAULT_AFTER)
        kept_end(bench);
    return kept[0] - begin;
}

double fault_kept_error(const struct fault_bench *bench)
{
    int kept[2];
    kept_read(bench, bench->phase != FAULT_DURING, kept);
    if (bench->phase == FAULT_AFTER)
        kept_end(bench);
    return kept[1];
}

/* --- the system */

/* A system that was started again at the heal may take a moment to the first one. */
double fault_answers(const struct fault_bench *bench)
{
    int count = 0;
    int64_t until = rift_clock_now() + (bench->phase == FAULT_AFTER ? STARTED_MS : 0) * RIFT_MS;
    while (rift_clock_now() < until && fault_system_pid(bench->hit) <= 0)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    for (int i = 0; i < 10; i++)
        count += system_pid(bench->hit, wait_ms_of(bench)) > 0;
    return count;
}

double fault_cpu_percent(const struct fault_bench *bench)
{
    int64_t begin = rift_clock_now();
    double cpu_ns = ask_number(bench, WITNESS_ASK_BURN);
    return cpu_ns * 100 / (double)(rift_clock_now() - begin);
}

/* The kernel may kill the system for it: then there is no answer, and to wait for one is waste. */
double fault_growth(const struct fault_bench *bench)
{
    char reply[64];
    return ask(bench->hit, WITNESS_SYSTEM_PORT, WITNESS_ASK_GROW, 3000, reply);
}

double fault_ticks(const struct fault_bench *bench)
{
    return ask_number(bench, WITNESS_ASK_TICKS);
}

double fault_open_error(const struct fault_bench *bench)
{
    return ask_number(bench, WITNESS_ASK_OPEN);
}

double fault_fork_error(const struct fault_bench *bench)
{
    return ask_number(bench, WITNESS_ASK_FORK);
}

double fault_write_error(const struct fault_bench *bench)
{
    return ask_number(bench, WITNESS_ASK_WRITE);
}

static double writes_ms(const struct fault_bench *bench, int count)
{
    int64_t begin = rift_clock_now();
    for (int i = 0; i < count; i++)
        if (ask_number(bench, WITNESS_ASK_WRITE) != 0)
            return (double)NAN;
    return (double)(rift_clock_now() - begin) / 1e6;
}

/* The shortest of three: the first one of a busy machine says little. */
double fault_write_ms(const struct fault_bench *bench)
{
    double shortest = writes_ms(bench, 1);
    for (int i = 0; i < 2; i++)
        shortest = fmin(shortest, writes_ms(bench, 1));
    return shortest;
}

double fault_write_kb_s(const struct fault_bench *bench)
{
    return WRITES * WITNESS_WRITE_KB * 1e3 / writes_ms(bench, WRITES);
}

double fault_wrong_bytes(const struct fault_bench *bench)
{
    char output[256] = "", *end = output;
    const char *make = "head -c 4096 /dev/zero >zeros && sync zeros && ";
    char script[256];
    snprintf(script, sizeof script,
             "cd " FAULT_DATA_FOLDER " && %scmp -l -n 4096 zeros /dev/zero | wc -l",
             bench->phase == FAULT_DURING ? "" : make);
    test_host_run(bench->hit, script, output, sizeof output);
    double count = strtod(output, &end);
    return end > output ? count : (double)NAN;
}

double fault_number(const struct fault_bench *bench)
{
    char output[256] = "", *end = output;
    const char *makes[] = {[FAULT_BEFORE] = "echo 0 >number && sync number && ",
                           [FAULT_DURING] = "echo 1 >number && sync number && ",
                           [FAULT_AFTER] = ""};
    char script[256];
    snprintf(script, sizeof script, "cd " FAULT_DATA_FOLDER " && %scat number",
             makes[bench->phase]);
    test_host_run(bench->hit, script, output, sizeof output);
    double number = strtod(output, &end);
    return end > output ? number : (double)NAN;
}

double fault_files(const struct fault_bench *bench)
{
    char output[256] = "";
    if (bench->phase != FAULT_DURING && ask_number(bench, WITNESS_ASK_FILES) != 0)
        return (double)NAN;
    test_host_run(bench->hit,
                  "cd " FAULT_DATA_FOLDER " && for f in " WITNESS_SYNCED " " WITNESS_UNSYNCED
                  "; do [ -s $f ] && echo $f; done; true",
                  output, sizeof output);
    bool has_synced = rift_text_starts_with(output, WITNESS_SYNCED);
    bool has_unsynced = strstr(output, WITNESS_UNSYNCED) != NULL;
    return has_synced ? 1 + has_unsynced : has_unsynced ? -1 : 0;
}

/* --- clocks */

struct clock_look {
    double ahead_ms; /* of this machine's */
    int64_t at_ns;   /* of this machine's */
    int64_t open_ns; /* so much more or less may it be */
};

/* This machine's wall clock is read in the middle of the question; of many the quickest counts. */
static struct clock_look look_at_clock(const struct rift_lab_host *host, bool of_system)
{
    struct clock_look look = {.ahead_ms = (double)NAN};
    int64_t quickest = INT64_MAX;
    for (int try = 0; try < 100 && quickest > QUICK_MS * RIFT_MS; try++) {
        char reply[64];
        int64_t begin = rift_clock_wall();
        bool is_answered = of_system
                               ? ask(host, WITNESS_SYSTEM_PORT, WITNESS_ASK_STATE, ASK_MS, reply)
                               : ask(host, WITNESS_ECHO_PORT, WITNESS_ASK_TIME, ASK_MS, reply);
        int64_t end = rift_clock_wall();
        const char *time = is_answered ? strchr(reply, ' ') : NULL;
        time = time ? time : reply;
        if (!is_answered || end - begin >= quickest)
            continue;
        quickest = end - begin;
        look.at_ns = begin + quickest / 2;
        look.open_ns = quickest / 2;
        look.ahead_ms = (double)(strtoll(time, NULL, 10) - look.at_ns) / 1e6;
    }
    return look;
}

static double clock_ms(const struct rift_lab_host *host, bool of_system)
{
    return look_at_clock(host, of_system).ahead_ms;
}

/* Over as long a time as it takes to tell it: a busy machine's looks are less exact. */
static double drift_ppm(const struct rift_lab_host *host, bool of_system)
{
    struct clock_look first = look_at_clock(host, of_system), last;
    double for_ns, open_ppm;
    do {
        rift_clock_sleep_until(rift_clock_now() + DRIFT_MS * RIFT_MS);
        last = look_at_clock(host, of_system);
        for_ns = (double)(last.at_ns - first.at_ns);
        open_ppm = (double)(first.open_ns + last.open_ns) * 1e6 / for_ns;
    } while (open_ppm > DRIFT_OPEN_PPM && for_ns < (double)DRIFT_MOST_MS * RIFT_MS);
    return (last.ahead_ms - first.ahead_ms) * 1e12 / for_ns;
}

/* A guest's clock may have been off since it booted: what counts is how far it moved. */
static double clock_moved_ms(const struct fault_bench *bench, bool of_system)
{
    static double before_ms;
    double now_ms = clock_ms(bench->hit, of_system);
    if (bench->phase == FAULT_BEFORE)
        before_ms = now_ms;
    return now_ms - before_ms;
}

double fault_host_clock_ms(const struct fault_bench *bench)
{
    return clock_moved_ms(bench, false);
}

double fault_host_drift_ppm(const struct fault_bench *bench)
{
    return drift_ppm(bench->hit, false);
}

double fault_system_clock_ms(const struct fault_bench *bench)
{
    return clock_moved_ms(bench, true);
}

double fault_system_drift_ppm(const struct fault_bench *bench)
{
    return drift_ppm(bench->hit, true);
}

double fault_system_wrong_percent(const struct fault_bench *bench)
{
    int wrong = 0;
    for (int i = 0; i < LOOKS; i++) {
        wrong += fabs(clock_ms(bench->hit, true)) > 1000;
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    }
    return wrong * 100.0 / LOOKS;
}

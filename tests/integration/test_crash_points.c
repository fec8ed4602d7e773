/* An agent, alone or with its guardian, or one of its helpers alone, is killed between any two
 * steps of an inject and of a heal, a helper also while the fault is on: of every fault that a lab
 * host can have. Looked at from outside: the system goes on by itself within the lease, and after
 * the next contact the host is what it was, to the letter.
 *
 * The agent is started as a login would start it, in the lab host, but without SSH. In the short
 * form each fault is struck at a few steps, chosen by RIFT_TEST_SEED; RIFT_LONG=1 takes every step,
 * each with and without the guardian. RIFT_TEST_ONLY names the fault that is played alone,
 * RIFT_TEST_AT the step, or "first-last"; RIFT_TEST_TALK=1 prints each case. */
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/rng.h"
#include "common/text.h"
#include "tests/integration/crash_guest.h"
#include "tests/integration/crash_points.h"
#include "tests/lib/crash_point.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/namespaces.h"
#include "tests/lib/node_state.h"

static const struct row rows[] = {
    {"partition", "{}", PLAIN, 0},
    {"partition", "{\"ports\": [\"22\"]}", PLAIN, 0},
    {"cut-clients", "{\"ports\": [\"7500\"]}", PLAIN, 0},
    {"dns", "{\"servers\": [\"PEER\"]}", PLAIN, 0},
    {"reset", "{}", PLAIN, 0},
    {"link", "{\"delay_ms\": 300}", PLAIN, 0},
    {"link", "{\"by\": \"line\", \"delay_ms\": 300}", PLAIN, 0},
    {"link", "{\"by\": \"netem\", \"delay_ms\": 300}", PLAIN, OWN_KERNEL},
    {"link", "{\"loss_percent\": 90}", PLAIN, 0},
    {"link", "{\"rate_kbit\": 100, \"corrupt_percent\": 90}", PLAIN, 0},
    {"kill", "{}", PLAIN, ENDS_SYSTEM},
    {"kill", "{\"signal\": \"TERM\"}", PLAIN, ENDS_SYSTEM},
    {"pause", "{}", PLAIN, 0},
    {"pause", "{\"by\": \"sigstop\"}", PLAIN, 0},
    {"pause", "{\"by\": \"freezer\"}", PLAIN, 0},
    {"pause-host", "{}", PLAIN, 0},
    {"hang", "{}", PLAIN, 0},
    {"cpu", "{\"percent\": 5}", PLAIN, 0},
    {"cpu-burn", "{\"processes\": 2}", PLAIN, 0},
    {"memory", "{\"percent_of_use\": 300}", PLAIN, ENDS_SYSTEM},
    {"oom-kill", "{}", PLAIN, ENDS_SYSTEM},
    {"fd-limit", "{\"leave\": 0}", PLAIN, ENDS_SYSTEM},
    {"pid-limit", "{\"leave\": 0}", PLAIN, ENDS_SYSTEM},
    {"rollback", "{}", PLAIN, ENDS_SYSTEM},
    {"file-damage", "{}", PLAIN, ENDS_SYSTEM},
    {"clock", "{\"offset_ms\": 60000}", PLAIN, COPIES_LEASE},
    {"clock", "{\"of\": \"host\", \"offset_ms\": 60000}", PLAIN, OWN_KERNEL},
    {"clock", "{\"of\": \"host\", \"drift_ppm\": 50000}", PLAIN, 0},
    {"conntrack-full", "{}", PLAIN, OWN_KERNEL},
    {"disk-full", "{}", ON_DISK, 0},
    {"power", "{}", ON_DISK, ENDS_SYSTEM},
    {"disk-rate", "{\"write_kb_s\": 1000}", ON_DISK, 0},
    {"disk-device", "{}", ON_DISK, OWN_KERNEL},
    {"rollback", "{}", ON_DISK, ENDS_SYSTEM},
    {"disk-full", "{}", LAYERED, 0},
    {"power", "{}", LAYERED, ENDS_SYSTEM},
    {"disk-lose", "{}", LAYERED, ENDS_SYSTEM},
    {"disk-error", "{}", LAYERED, 0},
    {"disk-slow", "{\"sync_ms\": 500}", LAYERED, 0},
    {"disk-corrupt", "{}", LAYERED, 0},
};

const char *const act_words[] = {"inject", "heal"};
struct test_agent agent;
char before[NODE_WHOLE_STATE_SIZE], after[NODE_WHOLE_STATE_SIZE];
char what[160];

/* The one that is struck is the first. */
static const struct rift_lab_host *hosts;
const struct rift_lab_host *host;
static enum disk disk_now;
static char options_text[OPTIONS_SIZE];

/* --- the agent, and the system that it keeps */

pid_t global_pid(json_int_t pid)
{
    return test_host_pid(host, (pid_t)pid);
}

void agent_up(void)
{
    char init[16];
    int in[2], out[2];
    snprintf(init, sizeof init, "%d", (int)host->init_pid);
    memset(&agent, 0, sizeof agent);
    assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    agent.pid = fork();
    if (agent.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execlp("nsenter", "nsenter", "-t", init, "-m", "-n", "-p", "-u", "-i", "-C", "-r", "-w",
               "/var/lib/rift/rift-agent-crash", NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    agent.in = in[1];
    agent.out = out[0];
    agent.next_id = rift_clock_now() / 1000;
    agent.late = json_array();
    json_t *hello = json_pack("{s:s, s:s, s:i, s:s, s:b, s:[s], s:i}", "session", "crash", "run",
                              "test", "lease_ms", LONG_LEASE_MS, "node", host->name, "allow_faults",
                              1, "controller_addresses", hosts[2].address, "ssh_port", 22);
    json_t *reply = agent_ask(&agent, "hello", hello);
    agent.hello = json_incref(json_object_get(reply, "ok"));
    if (!agent.hello) {
        CLEANUP(rift_free) char *text = json_dumps(reply, JSON_ENCODE_ANY);
        fail_msg("%s: the next contact: %s", what, text ? text : "no reply");
    }
    json_decref(reply);
}

void must(const char *verb, json_t *args)
{
    json_decref(agent_must(&agent, verb, args));
}

static char *data_folder(void)
{
    return rift_printf("/var/lib/beat%d", (int)getpid());
}

/* A read that times out waits without a process of its own. The ballast makes it large enough for
 * the kernel to choose when memory is out. */
static const char beat[] =
    "echo x >still; printf -v ballast %4000000s; exec 3<> <(:); (while :; do echo x > "
    "other; read -t 0.02 -u 3; done) & "
    "while :; do printf '%(%s)T' -1 > beat; read -t 0.02 -u 3; done";

void system_up(enum disk disk)
{
    CLEANUP(rift_free) char *folder = data_folder();
    json_t *self =
        json_pack("{s:s, s:s, s:i}", "name", host->name, "address", host->address, "index", 1);
    json_t *recipe =
        json_pack("{s:s, s:[s], s:[{s:s, s:[s, s, s], s:s}], s:{s:i}}", "name", "beat",
                  "data_folders", folder, "processes", "name", "beat", "command", "/bin/bash", "-c",
                  beat, "working_folder", folder, "stop", "grace_ms", 300);
    json_t *context =
        json_pack("{s:O, s:[o], s:{}, s:{}}", "node", self, "nodes", self, "options", "artifacts");
    must("system.stop", NULL);
    must("system.remove", NULL);
    must("system.configure", json_pack("{s:o, s:o, s:b, s:i, s:s}", "recipe", recipe, "context",
                                       context, "lab", 1, "disk_mb", disk == PLAIN ? 0 : 32,
                                       "disk_layer", disk == LAYERED ? "ext4" : "none"));
    must("system.start", NULL);
    disk_now = disk;
}

/* What the wall clock was ahead of the one that nobody sets, before all faults. */
static int64_t wall_ahead_ns;

static bool is_written_again(const char *path)
{
    struct stat first, now;
    int64_t deadline = rift_clock_now() + BEAT_MS * RIFT_MS;
    if (stat(path, &first))
        return false;
    do {
        rift_clock_sleep_until(rift_clock_now() + 4 * RIFT_MS);
        if (stat(path, &now) == 0 &&
            memcmp(&first.st_mtim, &now.st_mtim, sizeof first.st_mtim) != 0)
            return true;
    } while (rift_clock_now() < deadline);
    return false;
}

/* It writes, at the right time. */
bool system_beats(void)
{
    CLEANUP(rift_free) char *folder = data_folder();
    CLEANUP(rift_free)
    char *path = rift_printf("/proc/%d/root%s/beat", (int)host->init_pid, folder);
    char text[32] = "";
    if (!is_written_again(path))
        return false;
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        return false;
    int64_t shown_s = strtoll(text, NULL, 10);
    return llabs(shown_s - (rift_clock_now() + wall_ahead_ns) / RIFT_SECOND) <= CLOCK_S;
}

/* A connection to the peer comes about at once. */
bool peer_answers(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(22)};
    inet_pton(AF_INET, hosts[1].address, &to.sin_addr);
    CLEANUP(rift_close_fd) int fd = test_host_socket(host, SOCK_STREAM | SOCK_NONBLOCK);
    connect(fd, (struct sockaddr *)&to, sizeof to);
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    return poll(&poll_fd, 1, CONNECT_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

bool becomes(bool (*holds)(void), int ms)
{
    int64_t deadline = rift_clock_now() + ms * RIFT_MS;
    bool is_so = holds();
    while (!is_so && rift_clock_now() < deadline) {
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
        is_so = holds();
    }
    return is_so;
}

/* --- the state of the host, read from outside */

void state_read(char *state)
{
    CLEANUP(rift_free) char *folder = data_folder();
    node_whole_state_read(host, folder, state);
}

/* Once what the system starts for a moment is gone. */
static void before_read(void)
{
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    assert_true(becomes(system_beats, GONE_MS));
    state_read(before);
    do {
        memcpy(after, before, sizeof before);
        assert_true(becomes(system_beats, GONE_MS));
        state_read(before);
    } while (strcmp(before, after) != 0 && rift_clock_now() < deadline);
}

bool any_line(const char *line)
{
    (void)line;
    return true;
}

/* What was half written is of no harm to anybody, and goes with the next agent. */
static bool kept_line(const char *line)
{
    return !rift_text_ends_with(line, "/system.json.new");
}

static bool setting_line(const char *line)
{
    return rift_text_starts_with(line, "setting ");
}

/* What the system feels. */
bool felt_line(const char *line)
{
    return setting_line(line) || rift_text_starts_with(line, "limit ") ||
           rift_text_starts_with(line, "state ") ||
           rift_text_starts_with(line, "process rift-burn");
}

void assert_as_before(node_line_filter *filter, enum node_search search, const char *when, int ms)
{
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    int64_t deadline = rift_clock_now() + ms * RIFT_MS;
    size_t count;
    do {
        rift_text_clear(&found);
        state_read(after);
        count = node_state_differences(before, after, filter, search, &found);
    } while (count > 0 && rift_clock_now() < deadline);
    if (count > 0)
        fail_msg("%s: %s the host is not what it was:\n%s", what, when, found.data);
}

bool is_long(void)
{
    return getenv("RIFT_LONG") != NULL;
}

static void need_hosts(void)
{
    if (!hosts)
        case_need_lab();
}

/* The state before all faults, whose first one would make the folder of the ledger. */
static void begin(void)
{
    wall_ahead_ns = rift_clock_wall() - rift_clock_now();
    agent_up();
    test_host_run(host, "mkdir -p -m 700 /var/lib/rift/ledger", NULL, 0);
    system_up(PLAIN);
    before_read();
}

static void finish(void)
{
    must("system.remove", NULL);
    must("quit", NULL);
    agent_forget(&agent);
}

/* --- one case */

static json_t *fault_args(const struct row *row)
{
    json_t *options = json_loads(options_text, 0, NULL);
    assert_non_null(options);
    return json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s, s]}]}", "id", "f", "fault", row->fault,
                     "options", options, "peers", "name", hosts[1].name, "addresses",
                     hosts[1].address, hosts[1].address6);
}

json_t *args_of(enum act act, const struct row *row)
{
    return act == INJECT ? fault_args(row)
                         : json_pack("{s:s, s:s}", "id", "f", "fault", row->fault);
}

/* Until the agent is gone, or has answered. */
static void wait_for_outcome(int64_t id)
{
    json_decref(agent_wait(&agent, id));
}

void hold(const struct row *row)
{
    must("lease", json_pack("{s:i}", "lease_ms", LONG_LEASE_MS));
    must("inject", fault_args(row));
}

/* The host and its system are whole again, as far as the row's fault reaches. */
void assert_whole(const char *when)
{
    if (!becomes(system_beats, GONE_MS))
        fail_msg("%s: the system does not run %s", what, when);
    assert_as_before(any_line, NODE_ALL_DIFFERENCES, when, GONE_MS);
}

/* Steps of an act that nobody disturbs; what it did is undone. error: of those that can be refused.
 */
static int count_steps(enum act act, const struct row *row, int error)
{
    if (act == HEAL)
        hold(row);
    const struct crash_plan plan = {.agent = global_pid(agent_pid(&agent)), .error = error};
    struct crash_point *point = crash_point_start(&plan);
    must(act_words[act], args_of(act, row));
    struct crash_seen seen = crash_point_end(point);
    if (act == INJECT)
        must("heal", args_of(HEAL, row));
    assert_whole("after a heal");
    return seen.steps;
}

/* By the agent. */
static bool is_observed(void)
{
    json_t *status = agent_must(&agent, "status", NULL);
    const json_t *fault = json_array_get(json_object_get(status, "faults"), 0);
    bool is = json_is_true(json_object_get(fault, "observed"));
    json_decref(status);
    return is;
}

/* Whoever brings the copies answers for the processes, too: the second answer is to a question that
 * was put after the lease had changed. */
static void shorten_lease(const struct row *row)
{
    must("lease", json_pack("{s:i}", "lease_ms", LEASE_MS));
    if (row->traits & COPIES_LEASE)
        for (int i = 0; i < 2; i++)
            becomes(is_observed, LEASE_MS);
}

/* False where it took fewer steps, and was struck after its reply. */
static bool play(const struct row *row, enum act act, int at, bool with_guardian)
{
    pid_t agent_now = global_pid(agent_pid(&agent)), guardian = global_pid(guardian_pid(&agent));
    if (act == HEAL) {
        hold(row);
        shorten_lease(row);
    }
    must("lease", json_pack("{s:i}", "lease_ms", LEASE_MS));
    int64_t lease_end = rift_clock_now() + LEASE_MS * RIFT_MS;
    const struct crash_plan plan = {
        .agent = agent_now, .guardian = with_guardian ? guardian : 0, .at = at};
    struct crash_point *point = crash_point_start(&plan);
    int64_t id = agent_send(&agent, act_words[act], args_of(act, row));
    wait_for_outcome(id);
    struct crash_seen seen = crash_point_end(point);
    if (!seen.has_struck) {
        if (with_guardian)
            kill(guardian, SIGKILL);
        kill(agent_now, SIGKILL);
    }
    snprintf(what, sizeof what, "%s %s, %s, before step %d (%s)%s", row->fault, row->options,
             act_words[act], at, seen.has_struck ? seen.step : "its reply was out",
             with_guardian ? ", guardian too" : "");
    if (getenv("RIFT_TEST_TALK"))
        print_message("%s\n", what);
    int64_t left_ms = (lease_end - rift_clock_now()) / RIFT_MS;
    int patience_ms = MARGIN_MS + (left_ms > 0 ? (int)left_ms : 0);
    if (!becomes(peer_answers, patience_ms))
        fail_msg("%s: the peer is not reached", what);
    if (!(row->traits & ENDS_SYSTEM) && !becomes(system_beats, patience_ms))
        fail_msg("%s: the system does not go on", what);
    if (row->traits & ENDS_SYSTEM) /* its groups may be gone with it */
        assert_as_before(setting_line, NODE_ONLY_NEW, "after the lease", patience_ms);
    else
        assert_as_before(felt_line, NODE_ALL_DIFFERENCES, "after the lease", patience_ms);
    if (!with_guardian)
        assert_as_before(kept_line, NODE_ONLY_NEW, "after the guardian's heal", patience_ms);
    agent_forget(&agent);
    agent_up();
    must("heal", args_of(HEAL, row));
    assert_whole("after the next contact");
    hold(row); /* it can be had again; the next case looks at what it leaves */
    must("heal", args_of(HEAL, row));
    return seen.has_struck;
}

static bool can(const struct row *row)
{
    json_t *ok = agent_must(&agent, "probe_fault", fault_args(row));
    bool is_able = json_is_true(json_object_get(ok, "can"));
    if (!is_able)
        print_message("SKIP %s: %s\n", row->fault, json_string_value(json_object_get(ok, "why")));
    json_decref(ok);
    return is_able;
}

/* One step of an act is refused. What the agent then calls refused left nothing, and what it calls
 * done can be undone. */
static void play_refusal(const struct row *row, enum act act, int at, int error)
{
    if (act == HEAL)
        hold(row);
    must("lease", json_pack("{s:i}", "lease_ms", LONG_LEASE_MS));
    const struct crash_plan plan = {
        .agent = global_pid(agent_pid(&agent)), .at = at, .error = error};
    struct crash_point *point = crash_point_start(&plan);
    json_t *reply = agent_wait(&agent, agent_send(&agent, act_words[act], args_of(act, row)));
    struct crash_seen seen = crash_point_end(point);
    const char *text = "no reply";
    json_unpack(reply, "{s:{s:s}}", "error", "text", &text);
    bool is_ok = json_object_get(reply, "ok") != NULL;
    snprintf(what, sizeof what, "%s %s, %s, step %d (%s) %s: %.60s", row->fault, row->options,
             act_words[act], at, seen.has_struck ? seen.step : "none", strerror(error),
             is_ok ? "done" : text);
    if (getenv("RIFT_TEST_TALK"))
        print_message("%s\n", what);
    if (!reply) { /* it could not be sent */
        agent_forget(&agent);
        agent_up();
    }
    if (act == INJECT && reply && !is_ok && !(row->traits & ENDS_SYSTEM))
        assert_whole("after the refusal");
    json_decref(reply);
    must("heal", args_of(HEAL, row));
    assert_whole("after a heal");
    hold(row);
    must("heal", args_of(HEAL, row));
}

bool row_up(const struct row *row)
{
    const char *peer = strstr(row->options, "PEER");
    snprintf(options_text, sizeof options_text, "%.*s%s%s",
             peer ? (int)(peer - row->options) : (int)strlen(row->options), row->options,
             peer ? hosts[1].address : "", peer ? peer + strlen("PEER") : "");
    snprintf(what, sizeof what, "%s %s", row->fault, row->options);
    if (row->disk != disk_now) {
        system_up(row->disk);
        before_read();
    }
    return can(row);
}

/* In the short form every third row, by the seed, in one of its acts; in a guest what needs one. */
static void play_rows(row_play *play_one)
{
    const char *given = getenv("RIFT_TEST_SEED"), *only = getenv("RIFT_TEST_ONLY");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    struct rift_rng rng;
    need_hosts();
    rift_rng_init(&rng, seed);
    print_message("seed %llu (RIFT_TEST_SEED)\n", (unsigned long long)seed);
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum act first = is_long() ? INJECT : (enum act)rift_rng_below(&rng, 2);
        bool is_chosen = only                  ? strcmp(only, rows[i].fault) == 0
                         : is_long()           ? true
                         : crash_guest_hosts() ? (rows[i].traits & OWN_KERNEL)
                                               : rift_rng_below(&rng, 3) == 0;
        if (!is_chosen || !row_up(&rows[i]))
            continue;
        play_one(&rows[i], first, &rng);
        if (is_long())
            play_one(&rows[i], HEAL, &rng);
        assert_whole("at the end");
    }
    finish();
}

bool is_asked_for(int at)
{
    const char *only = getenv("RIFT_TEST_AT");
    char *dash = NULL;
    long first = only ? strtol(only, &dash, 10) : at;
    long last = dash && *dash == '-' ? strtol(dash + 1, NULL, 10) : first;
    return at >= first && at <= last;
}

static void play_kills(const struct row *row, enum act act, struct rift_rng *rng)
{
    int steps = count_steps(act, row, 0);
    int at = (int)rift_rng_between(rng, 1, steps + 1);
    print_message("%s %s, %s: %d steps\n", row->fault, row->options, act_words[act], steps);
    assert_in_range(steps, 1, STEPS_MAX);
    if (!is_long())
        play(row, act, at, rift_rng_below(rng, 2) == 0);
    bool has_struck = true;
    for (at = 1; is_long() && has_struck && at <= STEPS_MAX; at++) {
        if (!is_asked_for(at))
            continue;
        has_struck = play(row, act, at, false);
        has_struck |= play(row, act, at, true);
    }
}

static void an_agent_killed_at_any_step_leaves_nothing(void **state)
{
    (void)state;
    play_rows(play_kills);
}

static void play_refusals(const struct row *row, enum act act, struct rift_rng *rng)
{
    static const int errors[] = {EIO, ENOSPC, EROFS};
    int steps = count_steps(act, row, EIO);
    int at = (int)rift_rng_between(rng, 1, steps);
    print_message("%s %s, %s: %d steps can be refused\n", row->fault, row->options, act_words[act],
                  steps);
    assert_in_range(steps, 1, STEPS_MAX);
    if (!is_long())
        play_refusal(row, act, at, errors[rift_rng_below(rng, 3)]);
    for (at = 1; is_long() && at <= steps; at++)
        if (is_asked_for(at))
            play_refusal(row, act, at, errors[at % 3]);
}

static void a_step_that_is_refused_leaves_nothing(void **state)
{
    (void)state;
#ifdef __x86_64__
    play_rows(play_refusals);
#else
    (void)play_refusals;
    skip();
#endif
}

static void so_does_a_helper_that_is_killed_at_any_step(void **state)
{
    (void)state;
    play_rows(play_helper_steps);
}

static void a_fault_whose_helper_is_killed_is_told_to_be_over_or_goes_on(void **state)
{
    (void)state;
    play_rows(play_helpers);
}

static void what_is_planted_is_found(void **state)
{
    (void)state;
    need_hosts();
    begin();
    find_planted();
    finish();
}

static void a_fault_that_the_ledger_does_not_have_is_found(void **state)
{
    (void)state;
#ifdef __x86_64__
    need_hosts();
    begin();
    find_unledgered();
    finish();
#else
    skip();
#endif
}

/* Where the hosts have kernels of their own, all of this is played inside one of them. */
static const char *filter;

static void all_holds_on_a_host_with_a_kernel_of_its_own(void **state)
{
    (void)state;
    case_need_lab();
    assert_int_equal(crash_guest_play(case_hosts, filter), 0);
}

static int up_outside(void **state)
{
    (void)state;
    return case_up("crash", 2, NULL);
}

static int up(void **state)
{
    (void)state;
    hosts = crash_guest_hosts();
    if (!hosts) {
        if (case_up("crash", HOSTS, NULL) != 0)
            return -1;
        if (!case_hosts)
            return 0;
        hosts = case_hosts;
    }
    host = &hosts[0];
    signal(SIGPIPE, SIG_IGN);
    CLEANUP(rift_free)
    char *place = rift_printf("install -D %s /proc/%d/root/var/lib/rift/rift-agent-crash",
                              test_agent_binary(), (int)host->init_pid);
    return test_run(place, NULL, 0);
}

int main(int argc, char **argv)
{
    filter = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest outside[] = {
        cmocka_unit_test(all_holds_on_a_host_with_a_kernel_of_its_own)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planted_is_found),
        cmocka_unit_test(a_fault_that_the_ledger_does_not_have_is_found),
        cmocka_unit_test(an_agent_killed_at_any_step_leaves_nothing),
        cmocka_unit_test(a_step_that_is_refused_leaves_nothing),
        cmocka_unit_test(so_does_a_helper_that_is_killed_at_any_step),
        cmocka_unit_test(a_fault_whose_helper_is_killed_is_told_to_be_over_or_goes_on),
    };
    /* A guest is slow: what it has no need of is played on the others. */
    const struct CMUnitTest in_short[] = {
        cmocka_unit_test(what_is_planted_is_found),
        cmocka_unit_test(an_agent_killed_at_any_step_leaves_nothing),
        cmocka_unit_test(a_fault_whose_helper_is_killed_is_told_to_be_over_or_goes_on),
    };
    if (test_hosts_are_guests())
        return cmocka_run_group_tests(outside, up_outside, case_down);
    if (filter)
        cmocka_set_test_filter(filter);
    if (crash_guest_hosts() && !is_long())
        return cmocka_run_group_tests(in_short, up, case_down);
    return cmocka_run_group_tests(tests, up, case_down);
}

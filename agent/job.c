/* A job sends its outcome through a pipe, as the reply it would have been. */
#include "agent/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/wire/messages.h"

enum { JOBS_MAX = 32, HEAL_JOBS_MAX = 96 };
enum { GRACE_MS = 500, CANCEL_MS = 1000, DEADLINE_MAX_MS = 3600000 };

struct job {
    struct job *next;
    struct agent *agent;
    int64_t request_id; /* < 0: of no request */
    pid_t pid;
    int fd;
    uint64_t timer;
    job_done *done;
    job_failed *failed;
    struct rift_text answer;
};

static void job_remove(struct job *job)
{
    struct agent *agent = job->agent;
    struct job **link = &agent->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    loop_unwatch(&agent->loop, job->fd);
    loop_timer_cancel(&agent->loop, job->timer);
    /* What it forked and did not set apart ends with it. */
    kill(-job->pid, SIGKILL);
    close(job->fd);
    rift_text_finish(&job->answer);
    free(job);
}

static void job_finish(struct job *job, const char *failure)
{
    struct agent *agent = job->agent;
    struct rift_error err = {0};
    struct rift_message message = {0};
    json_t *json =
        job->answer.data ? json_loadb(job->answer.data, job->answer.length, 0, NULL) : NULL;
    int64_t id = job->request_id;
    if (failure)
        rift_fail(&err, RIFT_ERR_TIMEOUT, "%s", failure);
    else if (!json || rift_message_parse(json, &message, &err))
        rift_fail(&err, RIFT_ERR_IO, "the process that carried out request %lld died",
                  (long long)id);
    else
        err = message.error;
    bool is_ok = err.code == RIFT_ERR_NONE;
    if (is_ok && job->done)
        job->done(agent, message.body);
    if (!is_ok && job->failed)
        job->failed(agent, id);
    job_remove(job);
    if (id > 0)
        agent_reply(agent, id, is_ok ? message.body : NULL, is_ok ? NULL : &err);
    else if (!is_ok)
        fprintf(stderr, "rift-agent: %s\n", err.text);
    json_decref(json);
}

static void job_ready(void *context, short events)
{
    (void)events;
    struct job *job = context;
    char buffer[16384];
    ssize_t n = read(job->fd, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0 && job->answer.length <= RIFT_FRAME_PAYLOAD_MAX)
        rift_text_append_bytes(&job->answer, buffer, (size_t)n);
    else
        job_finish(job, NULL);
}

static void job_due(void *context)
{
    struct job *job = context;
    job->timer = 0;
    job_finish(job, "not done by its deadline, and stopped");
}

/* 0: only one is kept. */
static void close_all_but(int one, int other)
{
    unsigned first = (unsigned)(one < other ? one : other), last = (unsigned)(one + other) - first;
    if (other == 0)
        first = last;
    if (first > 3)
        syscall(SYS_close_range, 3U, first - 1, 0);
    if (last > first + 1)
        syscall(SYS_close_range, first + 1, last - 1, 0);
    syscall(SYS_close_range, last + 1, ~0U, 0);
}

/* In the child. The agent's descriptors must not live on in what it starts: the lock above all. */
static void job_run(struct agent *agent, const struct request *request, job_work *work, int fd,
                    pid_t agent_pid, int64_t deadline_ns)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != agent_pid)
        _exit(1);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    close_all_but(fd, request->kept_fd);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct rift_error err = {0};
    json_t *ok = json_object();
    int rc = work(agent, request->args, deadline_ns, ok, &err);
    /* The number only tells a reply from other messages. */
    json_t *reply = rc ? rift_message_reply_error(1, &err) : rift_message_reply(1, ok);
    char *text = json_dumps(reply, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0, sent = 0;
    while (sent < length) {
        ssize_t n = write(fd, text + sent, length - sent);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    _exit(0);
}

/* What heals, for a request or for the lease, has room that nothing else takes. */
static int jobs_max(const struct request *request)
{
    bool heals = request->id < 0 || strcmp(request->verb, "heal") == 0 ||
                 strcmp(request->verb, "heal_all") == 0;
    return heals ? HEAL_JOBS_MAX : JOBS_MAX;
}

int job_start(struct agent *agent, const struct request *request, job_work *work, job_done *done,
              int64_t fallback_ms, struct rift_error *err)
{
    int pipe_fds[2], count = 0;
    int64_t ms = fallback_ms;
    const json_t *given = json_object_get(request->args, "deadline_ms");
    if (given)
        ms = json_integer_value(given);
    if (ms < 1 || ms > DEADLINE_MAX_MS)
        return rift_fail(err, RIFT_ERR_INVALID, "'deadline_ms' must be from 1 to %d",
                         DEADLINE_MAX_MS);
    for (const struct job *job = agent->jobs; job; job = job->next)
        count++;
    if (count >= jobs_max(request))
        return rift_fail(err, RIFT_ERR_LIMIT, "%d requests are being carried out already", count);
    if (pipe2(pipe_fds, O_CLOEXEC))
        return rift_fail_errno(err, RIFT_ERR_IO, "make a pipe");
    int64_t deadline_ns = rift_clock_now() + ms * RIFT_MS;
    pid_t agent_pid = getpid();
    pid_t pid = fork();
    if (pid == 0)
        job_run(agent, request, work, pipe_fds[1], agent_pid, deadline_ns);
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        return rift_fail_errno(err, RIFT_ERR_IO, "fork");
    }
    setpgid(pid, pid);
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    struct job *job = rift_calloc(1, sizeof *job);
    *job = (struct job){.next = agent->jobs,
                        .agent = agent,
                        .request_id = request->id,
                        .pid = pid,
                        .fd = pipe_fds[0],
                        .done = done};
    agent->jobs = job;
    job->timer = loop_timer_set(&agent->loop, deadline_ns + GRACE_MS * RIFT_MS, job_due, job);
    if (loop_watch(&agent->loop, job->fd, POLLIN, job_ready, job)) {
        job_remove(job);
        return rift_fail(err, RIFT_ERR_LIMIT, "too many requests at once");
    }
    return VERB_LATER;
}

int job_start_own(struct agent *agent, const json_t *args, job_work *work, job_done *done,
                  int64_t deadline_ms, int64_t *job, struct rift_error *err)
{
    static int64_t last; /* requests have the positive numbers */
    const struct request request = {.id = --last, .verb = "", .args = args};
    *job = request.id;
    return job_start(agent, &request, work, done, deadline_ms, err);
}

static struct job *job_find(struct agent *agent, int64_t id)
{
    struct job *job = agent->jobs;
    while (job && job->request_id != id)
        job = job->next;
    return job;
}

void job_on_failure(struct agent *agent, int64_t id, job_failed *failed)
{
    struct job *job = job_find(agent, id);
    if (job)
        job->failed = failed;
}

/* It is only looked at, and buried where all are (agent.c). */
static bool job_has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

void job_cancel(struct agent *agent, int64_t id)
{
    struct job *job = job_find(agent, id);
    if (!job)
        return;
    pid_t pid = job->pid;
    int64_t deadline = rift_clock_now() + CANCEL_MS * RIFT_MS;
    job_remove(job);
    while (!job_has_ended(pid) && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
}

void job_kill_all(struct agent *agent)
{
    while (agent->jobs)
        job_remove(agent->jobs);
}

/* A thread for each piece of work: between two of them there is none. What waits is the loop's, so
 * that nothing is shared but what is being worked on. */
#include "agent/net_thread.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/process.h"

enum { WAITING_MAX = 512, PRIORITY = 1 };

struct net_thread {
    struct agent *agent;
    int fd; /* says that the thread is through */
    pthread_t thread;
    bool is_running;          /* the thread */
    struct net_work *now;     /* from its begin to the end of its done */
    struct net_work *waiting; /* in their order */
    struct net_work **last;   /* where the next one comes */
    size_t count;             /* of those that wait */
    int pauses;
};

static void *thread_run(void *context)
{
    struct net_thread *thread = context;
    const uint64_t one = 1;
    rift_process_hurry(PRIORITY);
    thread->now->run(thread->now);
    ssize_t ignored = write(thread->fd, &one, sizeof one);
    (void)ignored;
    return NULL;
}

/* Signals are the loop's. To hurry by itself it would need a processor first. */
static bool thread_start(struct net_thread *thread)
{
    const struct sched_param real_time = {.sched_priority = PRIORITY};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread->is_running = pthread_create(&thread->thread, NULL, thread_run, thread) == 0;
    if (thread->is_running)
        pthread_setschedparam(thread->thread, SCHED_RR, &real_time);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread->is_running;
}

static void begin_next(struct net_thread *thread)
{
    while (!thread->now && thread->waiting && thread->pauses == 0) {
        struct net_work *work = thread->waiting;
        thread->now = work;
        thread->waiting = work->next;
        if (!thread->waiting)
            thread->last = &thread->waiting;
        thread->count--;
        if (work->begin(work)) {
            if (thread_start(thread))
                return;
            work->run(work); /* better late than not at all */
        }
        work->done(work);
        thread->now = NULL;
    }
}

static void take_end(struct net_thread *thread)
{
    uint64_t ignored;
    struct net_work *work = thread->now;
    pthread_join(thread->thread, NULL);
    ssize_t length = read(thread->fd, &ignored, sizeof ignored);
    (void)length;
    thread->is_running = false;
    work->done(work);
    thread->now = NULL;
}

static void thread_ready(void *context, short events)
{
    (void)events;
    struct net_thread *thread = context;
    if (thread->is_running)
        take_end(thread);
    begin_next(thread);
}

struct net_thread *net_thread_open(struct agent *agent, struct rift_error *err)
{
    struct net_thread *thread = rift_calloc(1, sizeof *thread);
    thread->agent = agent;
    thread->last = &thread->waiting;
    thread->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (thread->fd >= 0 && loop_watch(&agent->loop, thread->fd, POLLIN, thread_ready, thread) == 0)
        return thread;
    rift_fail_errno(err, RIFT_ERR_IO, "make an eventfd");
    net_thread_close(thread);
    return NULL;
}

void net_thread_close(struct net_thread *thread)
{
    if (!thread)
        return;
    net_thread_pause(thread);
    loop_unwatch(&thread->agent->loop, thread->fd);
    rift_close_fd(&thread->fd);
    free(thread);
}

int net_thread_do(struct net_thread *thread, struct net_work *work, struct rift_error *err)
{
    if (thread->count >= WAITING_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT,
                         "%zu requests wait for the network's settings already", thread->count);
    work->next = NULL;
    *thread->last = work;
    thread->last = &work->next;
    thread->count++;
    begin_next(thread);
    return 0;
}

void net_thread_pause(struct net_thread *thread)
{
    thread->pauses++;
    if (thread->is_running)
        take_end(thread);
}

void net_thread_resume(struct net_thread *thread)
{
    thread->pauses--;
    begin_next(thread);
}

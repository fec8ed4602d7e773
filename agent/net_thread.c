/* What waits is the loop's: nothing is shared but what is being worked on, and that has one owner
 * at a time. The thread is there from the start, as one that begins takes its time on a busy host.
 */
#include "agent/net_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/process.h"

enum { WAITING_MAX = 512 };

struct net_thread {
    sem_t order;              /* there is something to run */
    int fd;                   /* it has been run */
    bool is_running;          /* between the two */
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
    rift_process_hurry(1);
    for (;;) {
        if (sem_wait(&thread->order))
            continue;
        thread->now->run(thread->now);
        ssize_t ignored = write(thread->fd, &one, sizeof one);
        (void)ignored;
    }
    return NULL;
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
            thread->is_running = true;
            sem_post(&thread->order);
            return;
        }
        work->done(work);
        thread->now = NULL;
    }
}

static void take_end(struct net_thread *thread)
{
    uint64_t times;
    if (read(thread->fd, &times, sizeof times) != sizeof times)
        return;
    thread->is_running = false;
    thread->now->done(thread->now);
    thread->now = NULL;
}

static void thread_ready(void *context, short events)
{
    (void)events;
    struct net_thread *thread = context;
    take_end(thread);
    begin_next(thread);
}

/* Signals are the loop's. */
static int thread_start(struct net_thread *thread)
{
    pthread_t id;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&id, NULL, thread_run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number ? number : pthread_detach(id);
}

struct net_thread *net_thread_open(struct agent *agent, struct rift_error *err)
{
    struct net_thread *thread = rift_calloc(1, sizeof *thread);
    thread->last = &thread->waiting;
    thread->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sem_init(&thread->order, 0, 0);
    if (thread->fd >= 0 &&
        loop_watch(&agent->loop, thread->fd, POLLIN, thread_ready, thread) == 0) {
        errno = thread_start(thread);
        if (errno == 0)
            return thread;
        loop_unwatch(&agent->loop, thread->fd);
    }
    rift_fail_errno(err, RIFT_ERR_IO, "start a thread");
    rift_close_fd(&thread->fd);
    free(thread);
    return NULL;
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
    struct pollfd ends = {.fd = thread->fd, .events = POLLIN};
    thread->pauses++;
    while (thread->is_running)
        if (poll(&ends, 1, -1) == 1)
            take_end(thread);
}

void net_thread_resume(struct net_thread *thread)
{
    thread->pauses--;
    begin_next(thread);
}

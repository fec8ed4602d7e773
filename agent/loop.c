/* Small fixed tables, looked through each round: an agent has a dozen of each. */
#include "agent/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

void loop_init(struct loop *loop)
{
    memset(loop, 0, sizeof *loop);
    for (size_t i = 0; i < LOOP_WATCHES_MAX; i++)
        loop->watches[i].fd = -1;
}

int loop_watch(struct loop *loop, int fd, short events, loop_ready *ready, void *context)
{
    struct loop_watch *slot = NULL;
    for (size_t i = 0; i < LOOP_WATCHES_MAX; i++) {
        struct loop_watch *watch = &loop->watches[i];
        if (watch->fd == fd) {
            slot = watch;
            break;
        }
        if (watch->fd < 0 && !slot)
            slot = watch;
    }
    if (!slot)
        return -1;
    *slot = (struct loop_watch){.fd = fd, .events = events, .ready = ready, .context = context};
    return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
    for (size_t i = 0; i < LOOP_WATCHES_MAX; i++)
        if (loop->watches[i].fd == fd)
            loop->watches[i].fd = -1;
}

uint64_t loop_timer_set(struct loop *loop, int64_t at_ns, loop_due *due, void *context)
{
    for (size_t i = 0; i < LOOP_TIMERS_MAX; i++) {
        struct loop_timer *timer = &loop->timers[i];
        if (timer->at_ns)
            continue;
        *timer = (struct loop_timer){.at_ns = at_ns > 0 ? at_ns : 1,
                                     .id = ++loop->next_timer_id,
                                     .due = due,
                                     .context = context};
        return timer->id;
    }
    return 0;
}

void loop_timer_cancel(struct loop *loop, uint64_t id)
{
    for (size_t i = 0; id && i < LOOP_TIMERS_MAX; i++)
        if (loop->timers[i].id == id)
            loop->timers[i].at_ns = 0;
}

static int64_t loop_next_due(const struct loop *loop)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < LOOP_TIMERS_MAX; i++)
        if (loop->timers[i].at_ns && loop->timers[i].at_ns < next)
            next = loop->timers[i].at_ns;
    return next;
}

static void loop_run_timers(struct loop *loop)
{
    int64_t now = rift_clock_now();
    for (size_t i = 0; i < LOOP_TIMERS_MAX && !loop->is_stopping; i++) {
        struct loop_timer timer = loop->timers[i];
        if (!timer.at_ns || timer.at_ns > now)
            continue;
        loop->timers[i].at_ns = 0;
        timer.due(timer.context);
    }
}

static void loop_run_watches(struct loop *loop, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count && !loop->is_stopping; i++) {
        if (!fds[i].revents)
            continue;
        /* An earlier call of this round may have unwatched it. */
        for (size_t j = 0; j < LOOP_WATCHES_MAX; j++)
            if (loop->watches[j].fd == fds[i].fd) {
                loop->watches[j].ready(loop->watches[j].context, fds[i].revents);
                break;
            }
    }
}

void loop_run(struct loop *loop)
{
    while (!loop->is_stopping) {
        struct pollfd fds[LOOP_WATCHES_MAX];
        size_t count = 0;
        for (size_t i = 0; i < LOOP_WATCHES_MAX; i++)
            if (loop->watches[i].fd >= 0)
                fds[count++] =
                    (struct pollfd){.fd = loop->watches[i].fd, .events = loop->watches[i].events};
        int64_t due = loop_next_due(loop), now = rift_clock_now();
        int64_t wait = due == INT64_MAX ? 10 * RIFT_SECOND : due > now ? due - now : 0;
        struct timespec timeout = {.tv_sec = wait / RIFT_SECOND, .tv_nsec = wait % RIFT_SECOND};
        int rc = ppoll(fds, count, &timeout, NULL);
        if (rc < 0 && errno != EINTR)
            abort(); /* the guardian heals */
        loop_run_timers(loop);
        if (rc > 0)
            loop_run_watches(loop, fds, count);
    }
}

void loop_stop(struct loop *loop)
{
    loop->is_stopping = true;
}

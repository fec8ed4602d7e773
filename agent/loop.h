/* The agent's one loop: file descriptors and timers, one thread. */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOP_WATCHES_MAX = 128, LOOP_TIMERS_MAX = 512 };

typedef void loop_ready(void *context, short events);
typedef void loop_due(void *context);

struct loop_watch {
    int fd; /* -1: free */
    short events;
    loop_ready *ready;
    void *context;
};

struct loop_timer {
    int64_t at_ns; /* 0: free */
    uint64_t id;
    loop_due *due;
    void *context;
};

struct loop {
    struct loop_watch watches[LOOP_WATCHES_MAX];
    struct loop_timer timers[LOOP_TIMERS_MAX];
    uint64_t next_timer_id;
    bool is_stopping;
};

void loop_init(struct loop *loop);
/* Calls ready whenever poll(2) says so; changes events where fd is watched already. Returns -1 when
 * the table is full. */
int loop_watch(struct loop *loop, int fd, short events, loop_ready *ready, void *context);
void loop_unwatch(struct loop *loop, int fd);
/* Calls due once, at the monotonic time at_ns or later. 0 when the table is full. */
uint64_t loop_timer_set(struct loop *loop, int64_t at_ns, loop_due *due, void *context);
/* 0 and ids that are gone are left alone. */
void loop_timer_cancel(struct loop *loop, uint64_t id);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif

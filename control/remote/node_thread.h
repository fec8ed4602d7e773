/* The inside of a node: what its thread and the callers of control/remote/node_settings.h share. */
#ifndef CONTROL_REMOTE_NODE_THREAD_H
#define CONTROL_REMOTE_NODE_THREAD_H

#include <pthread.h>

#include "control/remote/clock_offset.h"
#include "control/remote/connection.h"
#include "control/remote/node_settings.h"
#include "control/remote/requests.h"

enum { NODE_SESSION_SIZE = 33 };

enum node_state { NODE_OPENING, NODE_FAILED, NODE_UP, NODE_LOST, NODE_ENDED };

struct rift_node {
    struct rift_node_settings settings; /* its texts are ours */
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock; /* guards from here ... */
    pthread_cond_t changed;
    enum node_state state;
    struct rift_error open_error;
    bool is_closing;
    int64_t next_id;
    struct rift_pending *incoming, **incoming_end;
    size_t unanswered_count;
    json_t *hello;
    struct rift_wall_sample wall;
    int64_t offset_ns, offset_error_ns; /* ... to here */

    struct rift_requests requests; /* the thread's own from here on */
    struct rift_connection connection;
    struct rift_ssh_idle idle;
    char session[NODE_SESSION_SIZE];
    struct rift_clock_offset offset;
    int64_t clock_sent_ns, clock_sent_wall_ns; /* of the question under way; 0: none */
    int64_t next_clock_ns, next_lease_ns;
    int clock_burst_left;
    bool is_hello_done, is_quit_done, is_resumed;
    struct rift_error hello_error;
};

/* The life of a node, until it is closed; the argument is the node. */
void *rift_node_thread(void *context);
/* For struct rift_ssh_idle: keeps deadlines while a connection is being made. */
int64_t rift_node_look_while_connecting(void *context);

/* The next id of a request; from any thread. */
int64_t rift_node_take_id(struct rift_node *node);

#endif

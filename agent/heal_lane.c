/* The lock is held for no longer than a few writes to maps take. */
#include "agent/heal_lane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/wire/frame.h"
#include "common/wire/messages.h"

enum { ENTRIES_MAX = 128, PIPE_BYTES = 1 << 20 };

struct entry {
    struct rift_injection *injection; /* NULL: free */
    int64_t lifted_ns;
};

struct heal_lane {
    int in, out;
    struct rift_frame_decoder decoder;
    pthread_mutex_t lock; /* of the following */
    struct entry entries[ENTRIES_MAX];
};

/* id NULL: all. */
static void lift(struct heal_lane *lane, const char *id)
{
    pthread_mutex_lock(&lane->lock);
    for (struct entry *entry = lane->entries; entry < lane->entries + ENTRIES_MAX; entry++) {
        if (!entry->injection || entry->lifted_ns ||
            (id && strcmp(entry->injection->id, id) != 0) ||
            entry->injection->driver->lift(entry->injection))
            continue;
        entry->lifted_ns = rift_clock_now();
    }
    pthread_mutex_unlock(&lane->lock);
}

/* What is no frame or no message the loop will tell of. */
static void listen_in(struct heal_lane *lane, const char *bytes, size_t length)
{
    json_t *json;
    if (rift_frame_decoder_feed(&lane->decoder, bytes, length, NULL))
        return;
    while (rift_frame_decoder_next(&lane->decoder, &json, NULL) == 1) {
        struct rift_message message;
        bool is_request =
            rift_message_parse(json, &message, NULL) == 0 && message.kind == RIFT_MESSAGE_REQUEST;
        const char *id = is_request ? json_string_value(json_object_get(message.body, "id")) : NULL;
        if (is_request && strcmp(message.verb, "heal_all") == 0)
            lift(lane, NULL);
        else if (id && strcmp(message.verb, "heal") == 0)
            lift(lane, id);
        json_decref(json);
    }
}

static void hand_on(const struct heal_lane *lane, const char *bytes, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = write(lane->out, bytes + sent, length - sent);
        if (n < 0 && errno != EINTR)
            return;
        sent += n > 0 ? (size_t)n : 0;
    }
}

static void *lane_run(void *context)
{
    struct heal_lane *lane = context;
    static char buffer[RIFT_FRAME_FEED_MAX];
    struct pollfd poll_fd = {.fd = lane->in, .events = POLLIN};
    rift_process_hurry(1);
    for (;;) {
        ssize_t n = poll(&poll_fd, 1, -1) > 0 ? read(lane->in, buffer, sizeof buffer) : -1;
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        listen_in(lane, buffer, (size_t)n);
        hand_on(lane, buffer, (size_t)n);
    }
    heal_lane_lift_all(lane); /* the agent ends */
    close(lane->out);
    return NULL;
}

struct heal_lane *heal_lane_open(int in, int *out, struct rift_error *err)
{
    int ends[2];
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (pipe2(ends, O_CLOEXEC)) {
        rift_fail_errno(err, RIFT_ERR_IO, "make a pipe");
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES);
    struct heal_lane *lane = rift_calloc(1, sizeof *lane);
    lane->in = in;
    lane->out = ends[1];
    pthread_mutex_init(&lane->lock, NULL);
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int number = pthread_create(&thread, &attributes, lane_run, lane);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number == 0) {
        *out = ends[0];
        return lane;
    }
    close(ends[0]);
    close(ends[1]);
    errno = number;
    rift_fail_errno(err, RIFT_ERR_IO, "start a thread");
    return NULL;
}

void heal_lane_add(struct heal_lane *lane, struct rift_injection *injection)
{
    if (!lane || !injection->driver->lift)
        return;
    pthread_mutex_lock(&lane->lock);
    struct entry *entry = lane->entries;
    while (entry < lane->entries + ENTRIES_MAX && entry->injection)
        entry++;
    if (entry < lane->entries + ENTRIES_MAX)
        *entry = (struct entry){.injection = injection};
    pthread_mutex_unlock(&lane->lock);
}

int64_t heal_lane_remove(struct heal_lane *lane, const struct rift_injection *injection)
{
    int64_t lifted_ns = 0;
    if (!lane || !injection->driver || !injection->driver->lift)
        return 0;
    pthread_mutex_lock(&lane->lock);
    for (struct entry *entry = lane->entries; entry < lane->entries + ENTRIES_MAX; entry++) {
        if (entry->injection != injection)
            continue;
        lifted_ns = entry->lifted_ns;
        *entry = (struct entry){0};
    }
    pthread_mutex_unlock(&lane->lock);
    return lifted_ns;
}

void heal_lane_lift_all(struct heal_lane *lane)
{
    if (lane)
        lift(lane, NULL);
}

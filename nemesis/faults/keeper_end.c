#include "nemesis/faults/keeper_end.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

enum { END_MS = 2000, REST_MS = 2000 };

static bool is_resting(pid_t pid)
{
    char name[RIFT_PROCESS_NAME_SIZE];
    rift_process_name(pid, name);
    return strcmp(name, RIFT_KEEPER_RESTING_NAME) == 0;
}

void rift_keeper_rest(const struct rift_process *keeper)
{
    int64_t deadline = rift_clock_now() + REST_MS * RIFT_MS;
    if (!rift_process_is_alive(keeper) || rift_process_signal(keeper, RIFT_KEEPER_REST_SIGNAL))
        return;
    while (!is_resting(keeper->pid) && rift_process_is_alive(keeper)) {
        if (rift_clock_now() >= deadline) {
            rift_keeper_end(keeper);
            return;
        }
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS / 5);
    }
}

void rift_keeper_end(const struct rift_process *keeper)
{
    CLEANUP(rift_close_fd) int fd = rift_process_open(keeper);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && rift_process_signal(keeper, SIGKILL) == 0)
        poll(&poll_fd, 1, END_MS);
}

void rift_keeper_record(json_t *undo, const struct rift_process *keeper)
{
    json_object_set_new(undo, "keeper",
                        json_pack("[i, I]", (int)keeper->pid, (json_int_t)keeper->start_ticks));
}

static struct rift_process recorded(const json_t *undo)
{
    const json_t *named = json_object_get(undo, "keeper");
    return (struct rift_process){.pid = (pid_t)json_integer_value(json_array_get(named, 0)),
                                 .start_ticks =
                                     (uint64_t)json_integer_value(json_array_get(named, 1))};
}

void rift_keeper_rest_recorded(const json_t *undo)
{
    const struct rift_process keeper = recorded(undo);
    if (keeper.pid > 0)
        rift_keeper_rest(&keeper);
}

void rift_keeper_end_recorded(const json_t *undo)
{
    const struct rift_process keeper = recorded(undo);
    if (keeper.pid > 0)
        rift_keeper_end(&keeper);
}

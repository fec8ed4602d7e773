#include "nemesis/faults/keeper_end.h"

#include <poll.h>
#include <signal.h>

#include "common/memory.h"

enum { END_MS = 2000 };

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

void rift_keeper_end_recorded(const json_t *undo)
{
    const json_t *named = json_object_get(undo, "keeper");
    const struct rift_process keeper = {.pid = (pid_t)json_integer_value(json_array_get(named, 0)),
                                        .start_ticks =
                                            (uint64_t)json_integer_value(json_array_get(named, 1))};
    if (keeper.pid > 0)
        rift_keeper_end(&keeper);
}

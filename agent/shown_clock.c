/* What wall clock the system's processes are shown. Only a process whose vDSO is bent is asked, as
 * it stands still meanwhile; all others see the host's clock. */
#include "agent/shown_clock.h"

#include <stdlib.h>

#include "nemesis/faults/clock/vdso.h"

/* So many are looked at: each that is bent costs about a millisecond. */
enum { SHOWN_PROCESSES_MAX = 16 };

int shown_clock_verb(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)request;
    (void)err;
    pid_t pids[SHOWN_PROCESSES_MAX];
    size_t count = rift_cgroup_pids(&agent->cgroup, pids, SHOWN_PROCESSES_MAX);
    json_t *processes = json_array();
    for (size_t i = 0; i < count; i++) {
        struct vdso_sight sight;
        if (!vdso_is_bent(pids[i]) || vdso_ask(pids[i], &sight, NULL) < 0)
            continue;
        /* It was asked at some moment in between: the middle, give or take a half. */
        int64_t took_ns = sight.after_ns - sight.before_ns;
        json_array_append_new(processes,
                              json_pack("{s:i, s:I, s:I}", "pid", (int)pids[i], "ahead_ns",
                                        (json_int_t)(sight.seen_ns - sight.before_ns - took_ns / 2),
                                        "error_ns", (json_int_t)(took_ns - took_ns / 2)));
    }
    json_object_set_new(ok, "processes", processes);
    return 0;
}

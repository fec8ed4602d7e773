/* Which fault, when, for how long, and against which symbolic target: a pure function of the fault
 * entries of the plan and the seed. Whom a target names is found later, by rift_window_resolve. */
#ifndef NEMESIS_SCHEDULE_H
#define NEMESIS_SCHEDULE_H

#include <stdint.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/error.h"
#include "nemesis/fault.h"
#include "nemesis/grudge.h"
#include "nemesis/target.h"

/* A number drawn by the seed from [low, high], both included. */
struct rift_range {
    double low, high;
};

/* One way a fault of an entry may come: the schedule picks one of them for each window. */
struct rift_fault_variant {
    const struct rift_fault *fault;
    enum rift_grudge_kind grudge;              /* of RIFT_FAULT_ON_LINKS */
    const struct rift_grudge *explicit_grudge; /* of RIFT_GRUDGE_EXPLICIT */
    struct rift_target_choice target;          /* of the other scopes */
    const json_t *options;   /* of the fault, defaults filled in; RANGEs still ranges */
    double weight;           /* chance among the variants of the entry; > 0 */
    struct rift_range for_s; /* its own length; zeroed: that of the entry */
    /* Of a step of a sequence: when it begins, seen from the start of the sequence. */
    double at_s;
    bool
        follows; /* at_s does not count: it begins a moment after the step listed before it ended */
    bool begins_with; /* neither counts: it begins with the step listed before it */
};

/* One line of the plan's faults: windows one after another in one lane. Lanes run side by side. */
struct rift_fault_entry {
    const char *lane; /* entries of one lane take turns and never overlap */
    const struct rift_fault_variant *variants;
    size_t variant_count;
    bool is_sequence; /* each time all variants, as steps, in lanes of their own "lane/1", "lane/2"
                       */
    double change_s;  /* > 0: of each such period, a random half of the variants is left out */
    double vary_s;    /* > 0: so often the ranges of a window's options are drawn anew */
    struct rift_range every_s; /* from start to start */
    struct rift_range for_s;   /* length of a window */
    double first_s;            /* start of the first window; < 0: drawn, within one period */
    double until_s;            /* all windows end by here; < 0: the end of the main phase */
    unsigned line, column;     /* of the configuration */
};

struct rift_schedule_request {
    const struct rift_fault_entry *entries;
    size_t entry_count;
    int64_t duration_ns; /* of the main phase: every window has ended by then */
    /* Quiet periods: of each period_s, the last quiet_s are without faults. 0: none. */
    double quiet_every_s, quiet_for_s;
    uint64_t seed;
};

struct rift_window {
    uint32_t number; /* in order of start, from 0 */
    size_t entry;    /* of the request, that it comes of */
    const char *lane;
    struct rift_fault_variant what; /* options: ranges drawn; owned by the schedule */
    int64_t start_ns;               /* since the main phase began */
    int64_t length_ns;
    uint64_t seed;        /* of rift_window_resolve and rift_window_vary */
    int64_t vary_ns;      /* > 0: so often its options change, while it is on */
    const json_t *ranges; /* what they are drawn from, the plan's own */
    /* It comes after a wait (rift_wait_for), in this lane and with this start and planned end:
     * sooner by as much as that wait ended sooner, and not at all where it was in vain. NULL: no
     * wait. */
    const char *wait_lane;
    int64_t wait_start_ns, wait_end_ns;
};

/* Windows sorted by start. */
struct rift_schedule {
    struct rift_window *windows;
    size_t count;
};

enum { RIFT_WINDOWS_MAX = 100000 };

/* Draws the schedule; destroy it with rift_schedule_destroy. Fails past RIFT_WINDOWS_MAX. */
struct rift_schedule *rift_schedule_create(const struct rift_schedule_request *request,
                                           struct rift_error *err);
void rift_schedule_destroy(struct rift_schedule *schedule);
/* What a window of an entry needs at least, and what it has, whatever the seed. */
struct rift_schedule_room {
    int64_t start_ns;         /* the soonest */
    int64_t length_ns;        /* the shortest, of a whole sequence */
    int64_t limit_ns;         /* when it must have ended */
    int64_t between_quiet_ns; /* the longest that it may be for the quiet times */
};
struct rift_schedule_room rift_schedule_room(const struct rift_schedule_request *request,
                                             size_t entry);
/* False where no window of that entry fitted. */
bool rift_schedule_has(const struct rift_schedule *schedule, size_t entry);

/* How often a window varies after its start. */
uint64_t rift_window_vary_count(const struct rift_window *window);
/* Its options from number * vary_ns after its start on, number being 1 or more: a pure function of
 * the window. The caller owns them. */
json_t *rift_window_vary(const struct rift_window *window, uint64_t number);

/* What a window means on a cluster: a pure function of the two. */
struct rift_resolved {
    struct rift_grudge grudge;  /* of RIFT_FAULT_ON_LINKS, else zeroed */
    struct rift_node_set nodes; /* nodes that take part: that drop something, or that are hit */
    bool is_guess;              /* no primary was known, another node stands in */
};
int rift_window_resolve(const struct rift_window *window, const struct rift_cluster *cluster,
                        struct rift_resolved *resolved, struct rift_error *err);

/* The symbolic form, as it stands in the schedule and as "planned" in the history:
 * "isolate-primary", "minority 2". free() it. */
char *rift_window_target(const struct rift_window *window, size_t node_count,
                         const char *const *names);
/* {"fault", "lane", "target", "start_s", "for_s", "options"}: the planned value of the fault's op;
 * the caller owns it. */
json_t *rift_window_to_json(const struct rift_window *window, size_t node_count,
                            const char *const *names);

#endif

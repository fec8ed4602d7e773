/* What the files of test_crash_points share: a fault of one row on one lab host, its agent, and
 * the state of that host. */
#ifndef TESTS_INTEGRATION_CRASH_POINTS_H
#define TESTS_INTEGRATION_CRASH_POINTS_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "common/rng.h"
#include "lab/lab.h"
#include "tests/lib/namespaces.h"
#include "tests/lib/node_state.h"

enum {
    HOSTS = 3, /* the one that is struck, a peer, the controller's address */
    LEASE_MS = 800,
    LONG_LEASE_MS = 60000,
    /* What a loaded machine may take to look, not what a fault may last: that is
     * test_kill_matrix's. */
    MARGIN_MS = 3000,
    GONE_MS = 10000,
    CONNECT_MS = 150,
    BEAT_MS = 100,
    CLOCK_S = 5,
    STEPS_MAX = 2000,
    OPTIONS_SIZE = 256,
};

/* How the system's data lie. */
enum disk { PLAIN, ON_DISK, LAYERED };

enum {
    ENDS_SYSTEM = 1, /* a heal that the controller asks for starts it again */
    OWN_KERNEL = 2,  /* it needs a kernel of the host's own */
    /* Its processes have copies of the lease, that another process brings them a moment later. */
    COPIES_LEASE = 4,
};

struct row {
    const char *fault, *options; /* PEER: its address */
    enum disk disk;
    unsigned traits;
};

enum act { INJECT, HEAL };
extern const char *const act_words[];

extern const struct rift_lab_host *host;
extern struct test_agent agent;
extern char before[NODE_WHOLE_STATE_SIZE], after[NODE_WHOLE_STATE_SIZE];
extern char what[160]; /* the case that is played */

pid_t global_pid(json_int_t pid);
void agent_up(void);
void must(const char *verb, json_t *args);
void system_up(enum disk disk);
bool system_beats(void);
bool peer_answers(void);
bool becomes(bool (*holds)(void), int ms);
void state_read(char *state);
bool any_line(const char *line);
bool felt_line(const char *line);
void assert_as_before(node_line_filter *filter, enum node_search search, const char *when, int ms);
json_t *args_of(enum act act, const struct row *row);
void hold(const struct row *row);
void assert_whole(const char *when);
/* False where the fault cannot be had here. */
bool row_up(const struct row *row);
bool is_long(void);
bool is_asked_for(int at);

/* crash_helpers.c: for each row. */
typedef void row_play(const struct row *row, enum act act, struct rift_rng *rng);
row_play play_helper_steps, play_helpers;

/* crash_planted.c: fails the test where what is planted is not found. */
void find_planted(void);
void find_unledgered(void);

#endif

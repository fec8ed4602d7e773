/* Hosts without SSH: stands in for control/remote/node.h. The agents' faults are bits in memory,
 * and probes look at the bits; every fault but a partition is a pause. */
#ifndef TESTS_LIB_FAKE_NODES_H
#define TESTS_LIB_FAKE_NODES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { FAKE_NODES_MAX = 5, FAKE_CLOCK_ERROR_NS = 7000 };

struct fake_world {
    /* [destination][source], by number: n1 is 0. */
    atomic_bool drops[FAKE_NODES_MAX][FAKE_NODES_MAX];
    atomic_bool catches[FAKE_NODES_MAX][FAKE_NODES_MAX]; /* of these: the fault's own filter does */
    atomic_bool is_paused[FAKE_NODES_MAX];
    /* What a test sets: a node that answers nothing before the deadline, one that refuses to
     * inject, to change or to heal, cuts that catch nothing. */
    atomic_bool is_silent[FAKE_NODES_MAX];
    atomic_bool refuses[FAKE_NODES_MAX];
    atomic_bool refuses_change[FAKE_NODES_MAX];
    atomic_bool refuses_heal[FAKE_NODES_MAX];
    atomic_bool has_ended[FAKE_NODES_MAX]; /* a heal finds that the fault is over */
    atomic_bool cuts_nothing;
    atomic_bool is_never_cut[FAKE_NODES_MAX]; /* what comes from it */
    atomic_bool stays_cut;                    /* a heal is told to be done, and is not */
    atomic_bool
        is_silent_by_itself;    /* links are dead from the inject on, and nothing of it is ours */
    atomic_bool has_other_cuts; /* each node has another one, whose filter comes first */
    /* By how much clocks are off, which nobody knows: 0 is FAKE_CLOCK_ERROR_NS, and cuts begin in
     * time. */
    _Atomic int64_t clock_error_ns;
    atomic_bool is_spared[FAKE_NODES_MAX]; /* an observation sees nothing, which may be chance */
    atomic_bool is_blind[FAKE_NODES_MAX];  /* the same, and it is not chance */
    atomic_int blind_looks;                /* so often an observation sees nothing yet */
    /* How long a node takes to be ready to inject; 0: it is ready in time, whenever it is asked. */
    _Atomic int64_t takes_ns[FAKE_NODES_MAX];
    atomic_int leader; /* -1: none */
    /* What a test reads. */
    _Atomic int64_t agreed_ns[FAKE_NODES_MAX];  /* start of the last inject, in our time */
    _Atomic int64_t seed[FAKE_NODES_MAX];       /* of the last inject */
    _Atomic int64_t spare_ns[FAKE_NODES_MAX];   /* from that start until the call's deadline */
    _Atomic int64_t late_ns[FAKE_NODES_MAX];    /* after it, at the last inject */
    _Atomic int64_t healed_ns[FAKE_NODES_MAX];  /* when the last heal came */
    atomic_int waiting_at_heal[FAKE_NODES_MAX]; /* how many calls a silent host kept then */
    _Atomic int64_t given_up_ns; /* when the last inject at a silent host had waited long enough */
    atomic_int most_drops;
    atomic_int injects, heals, looks, role_questions, waiting;
};

extern struct fake_world fake_world;

/* How many links are cut now. */
int fake_drops(void);
/* agent clock minus ours, monotonic and wall; differs from node to node. */
int64_t fake_clock_offset(unsigned node);

#endif

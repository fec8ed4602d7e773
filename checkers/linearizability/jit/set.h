/* Sets of configurations, without those that another one makes superfluous. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_SET_H
#define CHECKERS_LINEARIZABILITY_JIT_SET_H

#include "checkers/linearizability/jit/trail.h"

/* One way in which everything so far may have happened. crashed ops are counted in counts[], one
 * for each slot of a class; the set knows how many there are. */
struct jit_config {
    uint32_t state;
    uint32_t last_write; /* 1 + the event at which a plain write was last put in; 0: none */
    uint64_t used;       /* open updates already done */
    uint64_t seen;       /* open observers already answered */
    uint32_t crashed;    /* sum of counts */
    uint32_t trail;
    bool is_fresh; /* its value was written in this very step, and nobody has looked at it */
    uint16_t counts[];
};

struct jit_set {
    char *data;
    char *spare; /* for the best of it, as ranked, from the first trim on */
    struct jit_ranked *ranked;
    uint32_t spare_capacity;
    size_t stride;
    uint32_t class_slots;
    uint32_t count, capacity;
    uint32_t *table; /* first entry + 1 of each hash */
    uint32_t *chain; /* next entry + 1 of the same hash */
    uint32_t table_size;
    uint64_t compared; /* entries looked at, ever: a measure of work */
};

void jit_set_init(struct jit_set *set, uint32_t class_slots);
void jit_set_finish(struct jit_set *set);
static inline struct jit_config *jit_set_at(const struct jit_set *set, uint32_t i)
{
    return (struct jit_config *)(void *)(set->data + i * set->stride);
}
/* Empties it without touching trails. */
void jit_set_clear(struct jit_set *set);
size_t jit_set_size_bytes(const struct jit_set *set);

enum jit_keep {
    JIT_KEEP_ALL,    /* all that are not superfluous, in place of those that have become so */
    JIT_KEEP_QUEUE,  /* as ALL, but only ever appended: entries are being walked */
    JIT_KEEP_SINGLE, /* one way of using crashed ops for each (state, open ops done) */
};
/* What was just put into a configuration whose trail does not have it yet. Most configurations are
 * superfluous, so it gets a node only where one is kept. */
struct jit_put {
    uint32_t what; /* as in jit_node */
    bool is_class;
    uint32_t event;
    uint32_t node; /* 0: none yet */
};

/* Adds a copy of config, which then holds its trail, with put behind it (NULL: nothing was put in);
 * unless another one makes it superfluous. *is_cut is set where a configuration was left out that
 * nothing makes superfluous (JIT_KEEP_SINGLE). */
void jit_set_add(struct jit_set *set, const struct jit_config *config, struct jit_put *put,
                 enum jit_keep keep, struct jit_trail *trail, bool *is_cut);
/* Leaves the best `width`: fewest crashed ops used, most observers answered. True where any went.
 */
bool jit_set_trim(struct jit_set *set, uint32_t width, struct jit_trail *trail);
void jit_set_release(struct jit_set *set, struct jit_trail *trail);
#endif

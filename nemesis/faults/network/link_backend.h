/* Who makes packets of a link wait, and so be late, few or slow: netem below HTB; the delay line;
 * or nobody, where the BPF program does all of it by itself (link.c). */
#ifndef NEMESIS_FAULTS_NETWORK_LINK_BACKEND_H
#define NEMESIS_FAULTS_NETWORK_LINK_BACKEND_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/network/link_quality.h"

enum rift_link_backend {
    RIFT_LINK_BY_NETEM,
    RIFT_LINK_BY_LINE,
    RIFT_LINK_BY_FILTER,
    RIFT_LINK_BY_COUNT
};

/* What all links together need. */
struct rift_link_needs {
    bool waits, has_rate, is_by_chance, spoils;
    const char *beyond_netem; /* what netem cannot, or NULL */
};

int rift_link_needs_find(const json_t *options, const struct rift_target *target,
                         struct rift_link_needs *needs, struct rift_error *err);

/* As the option `by` asks, or the best that this kernel, the cards' root qdiscs and other faults in
 * the ledger allow; fills undo's "backend", and "shaped". undo has the interfaces. */
int rift_link_backend_choose(struct rift_injection *injection, const struct rift_link_needs *needs,
                             const struct rift_target *target, const char *ledger,
                             enum rift_link_backend *backend, struct rift_error *err);
enum rift_link_backend rift_link_backend_of(const json_t *undo);
/* Is our root qdisc still there, where packets wait in its classes? A person can put another there.
 */
int rift_link_backend_is_whole(const struct rift_injection *injection,
                               const struct rift_target *target, bool *is_whole,
                               struct rift_error *err);
/* By what means, and how exact it is: what makes packets wait does so by a timer, which is tried.
 * Valid until the next call. */
const char *rift_link_backend_describe(enum rift_link_backend backend);

#endif

/* What a link fault has of its own among those that are on: classes of HTB, one for each peer on
 * each interface, and a mark of its packets. Both stand in undo. */
#ifndef NEMESIS_FAULTS_NETWORK_LINK_CLASS_H
#define NEMESIS_FAULTS_NETWORK_LINK_CLASS_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/network/link_quality.h"
#include "nemesis/faults/network/shape.h"

int rift_link_classes_plan(struct rift_injection *injection, const struct rift_target *target,
                           const char *ledger, struct rift_error *err);
void rift_link_mark_plan(struct rift_injection *injection, const char *ledger);
uint32_t rift_link_mark_of(const json_t *undo);
/* Of the peer with that index. */
int rift_link_class_number(const json_t *undo, size_t peer);

struct rift_link_class {
    int number;
    struct rift_link_quality quality;
    bool has_netem;
    struct rift_shape_counts counts; /* what rift_link_class_count adds to */
};

/* On each interface of undo that is still there. */
int rift_link_class_set(const json_t *undo, struct rift_link_class *class, struct rift_error *err);
int rift_link_class_count(const json_t *undo, struct rift_link_class *class,
                          struct rift_error *err);
int rift_link_classes_remove(const json_t *undo, struct rift_error *err);

#endif

/* Objects with two states, up and down: one key of a set, a lock without owners.
 *
 * A lazy sweep over the events: the state changes only when a completion forces it, and of the ops
 * that could change it the one that completes first is used. Whoever waits for the new state is
 * content at once. O(n log n). A completed blind change (it does not tell whether it changed
 * anything) is tried as a change and as a look; past TOGGLE_BLIND_MAX of them there is no answer.
 */
#ifndef CHECKERS_MONITORS_TOGGLE_H
#define CHECKERS_MONITORS_TOGGLE_H

#include "checkers/monitors/slots.h"

enum toggle_role {
    TOGGLE_NO_ROLE, /* a call that this object does not know */
    TOGGLE_UP,      /* found it down, left it up */
    TOGGLE_DOWN,
    TOGGLE_UP_BLIND, /* left it up, whatever it was */
    TOGGLE_DOWN_BLIND,
    TOGGLE_IS_UP, /* only looked */
    TOGGLE_IS_DOWN,
};

struct toggle;

enum { TOGGLE_BLIND_MAX = 8 };

/* roles[kind] of each call kind. Rooms for one problem, used again for each key. */
struct toggle *toggle_create(const struct rift_problem *problem, const uint8_t *roles);
void toggle_destroy(struct toggle *toggle);
/* Judges ops (ascending indices, all with a role), starting down. VALID: appends to the sequence,
 * with numbers of events as slots. INVALID: the certificate is closed. NOT_APPLICABLE: too many
 * blind changes. */
int toggle_judge(struct toggle *toggle, const uint32_t *ops, size_t count,
                 struct monitor_sequence *sequence, struct rift_certificate *certificate);

#endif

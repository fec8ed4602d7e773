/* Seeded families of register histories: many clients, crashed ops, and at will one read of a value
 * that was gone long before, never out of thin air. */
#ifndef TESTS_LIB_LIN_FAMILY_H
#define TESTS_LIB_LIN_FAMILY_H

#include "history/history.h"

enum lin_kind {
    LIN_CAS,    /* read, write and cas over few values */
    LIN_UNIQUE, /* read and write, no value written twice */
};

enum lin_stale {
    LIN_VALID,
    LIN_STALE,         /* a late stale read; no crashed op could have written the value */
    LIN_STALE_CRASHED, /* a late stale read that a crashed op may explain */
};

struct lin_family {
    enum lin_kind kind;
    enum lin_stale stale;
    size_t op_count;
    unsigned client_count;
    unsigned crash_percent;
    size_t key_count;     /* 0: one object without a key */
    unsigned value_count; /* of LIN_CAS; 0: five */
    uint64_t seed;
};

/* *has_stale (may be NULL): a place for the stale read was found. The caller destroys the history.
 */
struct rift_history *lin_family_make(const struct lin_family *family, bool *has_stale);

#endif

/* Registers of a history as the sessions that write and read them: which write each read saw, and
 * who did what in which order.
 *
 * A session is what one process did up to its first operation that never heard back: whatever
 * follows is a session of its own, as that operation may still happen at any time. */
#ifndef CHECKERS_REGISTER_SESSIONS_H
#define CHECKERS_REGISTER_SESSIONS_H

#include "checkers/checker.h"

#define ROW_NONE UINT32_MAX

enum register_seen {
    SEEN_NO_READ,    /* not a read that was ok */
    SEEN_INITIAL,    /* nil, or 0 where nobody wrote 0 */
    SEEN_WRITE,      /* of exactly one write */
    SEEN_AMBIGUOUS,  /* of one of several that wrote this value */
    SEEN_FAILED,     /* of a write that surely did not happen */
    SEEN_FUTURE,     /* of a write that began after the read ended */
    SEEN_UNEXPECTED, /* of nobody's */
};

struct register_sessions {
    const struct rift_history *history;
    uint32_t session_count;
    uint32_t *session;  /* by row */
    uint32_t *position; /* by row: in its session */
    uint32_t *first;    /* by session: rows of s are rows[first[s]] .. rows[first[s + 1] - 1] */
    uint32_t *rows;
    bool *is_write;   /* by row: may have happened */
    uint8_t *seen;    /* by row: enum register_seen */
    uint32_t *source; /* by row: the write that a read saw, or ROW_NONE */
    size_t read_count, write_count, ambiguous_count;
    /* A pair is a register and a session that writes it. */
    uint32_t pair_count;
    uint32_t *pair_first;  /* by key: its pairs, by session, are pair_first[k] .. [k + 1] - 1 */
    uint32_t *first_write; /* by pair: row */
    uint32_t *pair;        /* by row of a write */
    uint32_t *next_write;  /* by row of a write: the next of its pair, or ROW_NONE */
};

void register_sessions_init(struct register_sessions *sessions, const struct rift_history *history);
void register_sessions_finish(struct register_sessions *sessions);

/* Convicts of the first few reads of what nobody can have written, and doubts reads whose write is
 * ambiguous. */
void register_sessions_judge_sources(const struct register_sessions *sessions,
                                     struct rift_verdict *verdict);

/* Adds the numbers of reads, writes and sessions to the verdict's stats. */
void register_sessions_count(const struct register_sessions *sessions,
                             struct rift_verdict *verdict);

/* "register 3", or "the register" of a history without keys. free() it. */
char *register_sessions_key(const struct register_sessions *sessions, uint32_t row);

#endif

/* Compares a checker with a brute force on every small history of a generator, and on random larger
 * ones. The brute force is written from the checker's definition and shares no code with it. */
#ifndef TESTS_LIB_ORACLE_SUITE_H
#define TESTS_LIB_ORACLE_SUITE_H

#include "tests/lib/choices.h"
#include "tests/lib/plain_ops.h"

enum { ORACLE_NAMES_MAX = 6 };

/* What the definition says: invalid where a violation is there, else unknown where it is open. */
struct oracle_answer {
    bool has[ORACLE_NAMES_MAX]; /* by the subject's names */
    bool is_open, is_excused;   /* is_excused is for the judge's own use */
    bool may_be_unknown;        /* the checker may leave a violation open, and only that */
};

struct oracle_subject {
    const char *checker;
    const char *options;                 /* JSON, or NULL */
    const char *names[ORACLE_NAMES_MAX]; /* the violations that the checker knows; "": no history
                                            here has it */
    void (*generate)(struct choices *choices, bool is_small, struct plain_history *history);
    void (*judge)(const struct plain_history *history, struct oracle_answer *answer);
};

/* Fails with the history where they differ, and where nothing was valid or nothing was invalid. */
void oracle_compare(const struct oracle_subject *subject, uint64_t random_rounds);

#endif

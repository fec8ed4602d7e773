/* By what a history is judged where nobody says it, and how the note tells what was assumed. */
#ifndef CONTROL_CLI_CHECK_GUESS_H
#define CONTROL_CLI_CHECK_GUESS_H

#include "checkers/checker.h"
#include "common/text.h"
#include "control/cli/check_options.h"
#include "history/history.h"

struct check_guess {
    const struct rift_checker *checker;
    const char *level; /* of isolation, for checkers that have one; NULL: the checker's own */
    bool is_named;     /* checker or model were asked for, or stand in the format */
    bool is_timeless;  /* nobody knows which operation ended before which began */
};

/* -1 where there is no such checker. */
int check_guess(const struct check_options *options, const struct rift_history *history,
                struct check_guess *guess, struct rift_error *err);
/* "linearizable, model set (assumed from its operations)", without what is not known. */
void check_guess_words(const struct check_guess *guess, const struct rift_verdict *verdict,
                       struct rift_text *text);

#endif

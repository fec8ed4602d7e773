/* What a checker says of a history, as the tests of checkers ask it. Whoever cannot ask (no such
 * checker, wrong options, a history that does not read, an error of the checker) has its test ended
 * with the reason. */
#ifndef TESTS_LIB_JUDGING_H
#define TESTS_LIB_JUDGING_H

#include "checkers/checker.h"
#include "history/history.h"
#include "tests/lib/whole_output.h"

/* Of jepsen-edn, where the text begins with '{', else of notation. The caller destroys it. */
struct rift_history *judging_history(const char *text);

/* options is JSON or NULL. The caller finishes the verdict. */
struct rift_verdict judge(const char *checker, const char *options,
                          const struct rift_history *history);
/* The same where more than the history is given; check.options is of no account. */
struct rift_verdict judge_check(const char *checker, const char *options, struct rift_check check);

/* NULL where there is none. */
const json_t *first_anomaly(const struct rift_verdict *verdict);
bool verdict_names(const struct rift_verdict *verdict, const char *anomaly);

/* Destroys the history. anomaly: one that must be named, or NULL where none may be. */
void expect_verdict(const char *checker, const char *options, struct rift_history *history,
                    enum rift_validity validity, const char *anomaly);

#endif

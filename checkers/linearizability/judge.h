/* The judge of one object: tries what is cheap first, and answers only what is proven. */
#ifndef CHECKERS_LINEARIZABILITY_JUDGE_H
#define CHECKERS_LINEARIZABILITY_JUDGE_H

#include "checkers/linearizability/search.h"

struct rift_judgement {
    enum rift_answer answer;
    const char *algorithm; /* who decided: "monitor register-unique", "search" */
    struct rift_certificate certificate;
    uint32_t reached; /* NONE: the last event up to which an order was found */
};

/* thread_count threads at most, this one included. The certificate of a valid one has been
 * replayed. */
void rift_judge_problem(const struct rift_problem *problem, const struct rift_limits *limits,
                        unsigned thread_count, struct rift_judgement *judgement);
/* The same question without monitors, certificates and a replay: for the many small questions of
 * the shrinking. reached may be NULL. */
enum rift_answer rift_decide(const struct rift_problem *problem, const struct rift_limits *limits,
                             uint32_t *reached);
void rift_judgement_finish(struct rift_judgement *judgement);

#endif

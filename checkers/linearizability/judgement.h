/* What is known of one object, and who found it. */
#ifndef CHECKERS_LINEARIZABILITY_JUDGEMENT_H
#define CHECKERS_LINEARIZABILITY_JUDGEMENT_H

#include "checkers/linearizability/search.h"

struct rift_judgement {
    enum rift_answer answer;
    const char *algorithm; /* who decided: "monitor register-unique", "search" */
    struct rift_certificate certificate;
    uint32_t reached; /* NONE: the last event up to which an order was found */
};

static inline void rift_judgement_finish(struct rift_judgement *judgement)
{
    rift_certificate_finish(&judgement->certificate);
    *judgement = (struct rift_judgement){0};
}

#endif

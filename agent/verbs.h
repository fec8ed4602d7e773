/* What the controller may ask of an agent. */
#ifndef AGENT_VERBS_H
#define AGENT_VERBS_H

#include "agent/agent.h"

struct verb {
    const char *name;
    verb_handler *handle;
    /* Asking twice does no harm, so no record is kept. A heal is one of these also because it must
     * work where no record can be written: on a full disk. */
    bool is_question;
};

const struct verb *agent_verb_find(const char *name);

#endif

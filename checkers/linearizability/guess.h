/* Which model a history was made for: what its format says, or what its operations are called. */
#ifndef CHECKERS_LINEARIZABILITY_GUESS_H
#define CHECKERS_LINEARIZABILITY_GUESS_H

#include "checkers/models/model.h"

/* NULL and an error that lists the models where it cannot be told. name: "auto", or the model's. */
const struct rift_model *rift_model_for(const char *name, const struct rift_history *history,
                                        struct rift_error *err);

#endif

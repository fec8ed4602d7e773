/* What this build can do, gathered from the registries of all folders for the plan. */
#ifndef CONTROL_CLI_CATALOGUE_H
#define CONTROL_CLI_CATALOGUE_H

#include "plan/catalogue.h"

/* Made at the first call, never freed. Not for two threads at once. */
const struct rift_catalogue *rift_catalogue_of_build(void);

#endif

/* The new data folders in which the recipe's prepare commands are at work: noted on disk until all
 * of them have ended well. What a start that was cut short left there is no data, however much of
 * it there is, and the next start begins anew. */
#ifndef AGENT_PREPARE_H
#define AGENT_PREPARE_H

#include <jansson.h>

#include "agent/paths.h"

/* folders: texts. */
int prepare_begin(const struct agent_paths *paths, const json_t *folders, struct rift_error *err);
int prepare_end(const struct agent_paths *paths, struct rift_error *err);
/* Empties the folder where such a start was cut short in it. */
int prepare_empty(const struct agent_paths *paths, const char *folder, struct rift_error *err);

#endif

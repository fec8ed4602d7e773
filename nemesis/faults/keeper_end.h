/* The end of a keeper, by whoever heals its fault. One that does things again after others must be
 * gone before the heal, or it would do the fault again after it. */
#ifndef NEMESIS_FAULTS_KEEPER_END_H
#define NEMESIS_FAULTS_KEEPER_END_H

#include <jansson.h>

#include "common/process.h"

/* Kills it, so that it heals nothing any more, and waits for its end. */
void rift_keeper_end(const struct rift_process *keeper);
/* undo names the keeper from now on. */
void rift_keeper_record(json_t *undo, const struct rift_process *keeper);
/* Ends the one that undo names, if it does. */
void rift_keeper_end_recorded(const json_t *undo);

#endif

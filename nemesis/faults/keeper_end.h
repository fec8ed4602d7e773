/* The end of a keeper, by whoever heals its fault. One that does things again after others must be
 * at rest before the heal, or it would do the fault again after it; and it must not be gone before
 * the heal, or nobody would be left to heal if the one who does is killed. */
#ifndef NEMESIS_FAULTS_KEEPER_END_H
#define NEMESIS_FAULTS_KEEPER_END_H

#include <jansson.h>

#include "common/process.h"

/* The keeper's side of it: the signal that it hears while it waits, and the name that it gives
 * itself once it does nothing again any more. */
#define RIFT_KEEPER_REST_SIGNAL  SIGUSR1
#define RIFT_KEEPER_RESTING_NAME "rift-keeper-off"

/* From now on the keeper does nothing again; it still heals where its agent goes. One that does not
 * hear is killed. */
void rift_keeper_rest(const struct rift_process *keeper);
/* Kills it, so that it heals nothing any more, and waits for its end. */
void rift_keeper_end(const struct rift_process *keeper);
/* undo names the keeper from now on. */
void rift_keeper_record(json_t *undo, const struct rift_process *keeper);
/* The same with the one that undo names, if it does. */
void rift_keeper_rest_recorded(const json_t *undo);
void rift_keeper_end_recorded(const json_t *undo);

#endif

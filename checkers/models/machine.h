/* Models without C: finite state machines read from a JSON file (docs/checkers/linearizability.md).
 */
#ifndef CHECKERS_MODELS_MACHINE_H
#define CHECKERS_MODELS_MACHINE_H

#include "checkers/models/model.h"

/* NULL and an error that names the file and the step. Destroy it after the last problem that uses
 * it. */
struct rift_model *rift_machine_read(const char *path, struct rift_error *err);
void rift_machine_destroy(struct rift_model *model);

#endif

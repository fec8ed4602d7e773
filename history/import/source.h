/* The bytes of a history file, mapped. */
#ifndef HISTORY_IMPORT_SOURCE_H
#define HISTORY_IMPORT_SOURCE_H

#include "history/import/importer.h"

/* path may be a run directory, which stands for the history in it. name is on the heap. */
int rift_source_open(struct rift_source *source, const char *path, struct rift_error *err);
/* source may be zeroed. */
void rift_source_close(struct rift_source *source);

#endif

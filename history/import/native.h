/* Reads history.rift. */
#ifndef HISTORY_IMPORT_NATIVE_H
#define HISTORY_IMPORT_NATIVE_H

#include "history/import/importer.h"

extern const struct rift_importer rift_importer_native;

#endif

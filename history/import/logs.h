/* The logs of monitors and small checkers, one operation or one event a line. */
#ifndef HISTORY_IMPORT_LOGS_H
#define HISTORY_IMPORT_LOGS_H

#include "history/import/importer.h"

extern const struct rift_importer rift_importer_porcupine;
extern const struct rift_importer rift_importer_fastlin;
extern const struct rift_importer rift_importer_fptlin;
extern const struct rift_importer rift_importer_calls;
extern const struct rift_importer rift_importer_plume;
extern const struct rift_importer rift_importer_awdit;

#endif

/* Histories of Jepsen, Knossos and Elle in EDN, and of elle-cli in JSON. */
#ifndef HISTORY_IMPORT_JEPSEN_H
#define HISTORY_IMPORT_JEPSEN_H

#include "history/import/importer.h"

extern const struct rift_importer rift_importer_edn;
extern const struct rift_importer rift_importer_json;

#endif

/* Every importer of this build; those that are surest of their format come first. */
#include "history/import/jepsen.h"
#include "history/import/logs.h"
#include "history/import/native.h"

const struct rift_importer *const rift_importers[] = {
    &rift_importer_native, &rift_importer_porcupine,
    &rift_importer_calls,  &rift_importer_fastlin,
    &rift_importer_fptlin, &rift_importer_plume,
    &rift_importer_awdit,  &rift_importer_json,
    &rift_importer_edn,    NULL,
};

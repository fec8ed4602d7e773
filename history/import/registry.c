/* Every importer of this build; those that are surest of their format come first. */
#include "history/import/native.h"

const struct rift_importer *const rift_importers[] = {
    &rift_importer_native,
    NULL,
};

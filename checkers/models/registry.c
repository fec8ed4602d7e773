/* The table of all models. */
#include "checkers/models/registry.h"

#include <string.h>

const struct rift_model *const rift_models[] = {
    &rift_model_register,
    &rift_model_cas_register,
    &rift_model_etcd,
    NULL,
};

const struct rift_model *rift_model_find(const char *name)
{
    for (size_t i = 0; rift_models[i]; i++)
        if (strcmp(rift_models[i]->name, name) == 0)
            return rift_models[i];
    return NULL;
}

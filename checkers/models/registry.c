/* The table of all models. */
#include "checkers/models/registry.h"

#include <string.h>

const struct rift_model *const rift_models[] = {
    &rift_model_register,
    &rift_model_cas_register,
    &rift_model_etcd,
    &rift_model_versioned_register,
    &rift_model_multi_register,
    &rift_model_kv,
    &rift_model_counter,
    &rift_model_set,
    &rift_model_mutex,
    &rift_model_reentrant_lock,
    &rift_model_fenced_lock,
    &rift_model_semaphore,
    &rift_model_counting_semaphore,
    &rift_model_queue,
    &rift_model_unordered_queue,
    &rift_model_priority_queue,
    &rift_model_stack,
    &rift_model_deque,
    &rift_model_list_append,
    NULL,
};

const struct rift_model *rift_model_find(const char *name)
{
    for (size_t i = 0; rift_models[i]; i++)
        if (strcmp(rift_models[i]->name, name) == 0)
            return rift_models[i];
    return NULL;
}

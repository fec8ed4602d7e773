/* The models by name, for the table. */
#ifndef CHECKERS_MODELS_REGISTRY_H
#define CHECKERS_MODELS_REGISTRY_H

#include "checkers/models/model.h"

extern const struct rift_model rift_model_register;
extern const struct rift_model rift_model_cas_register;
extern const struct rift_model rift_model_etcd;
extern const struct rift_model rift_model_versioned_register;
extern const struct rift_model rift_model_multi_register;
extern const struct rift_model rift_model_kv;
extern const struct rift_model rift_model_counter;
extern const struct rift_model rift_model_set;
extern const struct rift_model rift_model_mutex;
extern const struct rift_model rift_model_reentrant_lock;
extern const struct rift_model rift_model_fenced_lock;
extern const struct rift_model rift_model_semaphore;
extern const struct rift_model rift_model_counting_semaphore;
extern const struct rift_model rift_model_queue;
extern const struct rift_model rift_model_unordered_queue;
extern const struct rift_model rift_model_priority_queue;
extern const struct rift_model rift_model_stack;
extern const struct rift_model rift_model_deque;
extern const struct rift_model rift_model_list_append;

#endif

/* The models by name, for the table. */
#ifndef CHECKERS_MODELS_REGISTRY_H
#define CHECKERS_MODELS_REGISTRY_H

#include "checkers/models/model.h"

extern const struct rift_model rift_model_register;
extern const struct rift_model rift_model_cas_register;
extern const struct rift_model rift_model_etcd;

#endif

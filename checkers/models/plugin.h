/* Models from outside of the tree: a shared library with one symbol, rift_model_plugin. */
#ifndef CHECKERS_MODELS_PLUGIN_H
#define CHECKERS_MODELS_PLUGIN_H

#include "checkers/models/model.h"

/* Rises with every change of struct rift_model, of what its functions may expect, or of struct
 * rift_problem. */
#define RIFT_MODEL_ABI 1

/* What the library holds:
 *   const struct rift_model_plugin rift_model_plugin = {RIFT_MODEL_ABI, sizeof(struct rift_model),
 *                                                       &my_model}; */
struct rift_model_plugin {
    uint32_t abi;        /* RIFT_MODEL_ABI of the headers it was compiled with */
    uint32_t model_size; /* sizeof(struct rift_model) there */
    const struct rift_model *model;
};

/* True for a name that is a file of this kind: it ends with ".so". */
bool rift_model_is_plugin(const char *name);
/* The model of the library at path (its functions run in this process, unchecked). NULL and an
 * error where it is none, or was made for another Rift. *library is for rift_model_plugin_close,
 * after the last use of the model. */
const struct rift_model *rift_model_plugin_open(const char *path, void **library,
                                                struct rift_error *err);
void rift_model_plugin_close(void *library);

#endif

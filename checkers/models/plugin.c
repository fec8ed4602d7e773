#include "checkers/models/plugin.h"

#include <dlfcn.h>
#include <string.h>

#include "common/memory.h"

bool rift_model_is_plugin(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".so") == 0;
}

static const char *first_gap(const struct rift_model *model)
{
    return !model              ? "a model"
           : !model->name      ? "a name"
           : !model->names     ? "names of operations"
           : !model->translate ? "translate"
           : !model->start     ? "start"
           : !model->step      ? "step"
           : !model->describe  ? "describe"
                               : NULL;
}

static const struct rift_model *plugin_model(void *library, const char *path,
                                             struct rift_error *err)
{
    const struct rift_model_plugin *plugin = dlsym(library, "rift_model_plugin");
    if (!plugin) {
        rift_fail(err, RIFT_ERR_INVALID, "%s has no symbol rift_model_plugin", path);
        return NULL;
    }
    if (plugin->abi != RIFT_MODEL_ABI || plugin->model_size != sizeof(struct rift_model)) {
        rift_fail(err, RIFT_ERR_UNSUPPORTED,
                  "%s was compiled for models of version %u (%u bytes), this Rift has %u (%zu "
                  "bytes); compile it again with this Rift's headers",
                  path, plugin->abi, plugin->model_size, RIFT_MODEL_ABI, sizeof(struct rift_model));
        return NULL;
    }
    const char *gap = first_gap(plugin->model);
    if (gap)
        rift_fail(err, RIFT_ERR_INVALID, "%s: its model lacks %s", path, gap);
    return gap ? NULL : plugin->model;
}

const struct rift_model *rift_model_plugin_open(const char *path, void **library,
                                                struct rift_error *err)
{
    /* Without a slash the loader would look in the system's folders. */
    CLEANUP(rift_free) char *file = rift_printf("%s%s", strchr(path, '/') ? "" : "./", path);
    *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!*library) {
        rift_fail(err, RIFT_ERR_MISSING, "a model cannot be loaded: %s", dlerror());
        return NULL;
    }
    const struct rift_model *model = plugin_model(*library, path, err);
    if (!model) {
        dlclose(*library);
        *library = NULL;
    }
    return model;
}

void rift_model_plugin_close(void *library)
{
    if (library)
        dlclose(library);
}

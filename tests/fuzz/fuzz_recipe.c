/* Any JSON as a recipe: it is read or refused with a reason; what was read expands or is refused
 * within bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, 0, NULL);
    if (!json)
        return 0;
    json_t *context = json_pack("{s:{s:s, s:s, s:i}, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}], s:{}}",
                                "node", "name", "n2", "address", "fd00::2", "index", 2, "nodes",
                                "name", "n1", "address", "10.0.0.1", "index", 1, "name", "n2",
                                "address", "fd00::2", "index", 2, "options");
    struct rift_arena arena = {0};
    struct rift_error err = {0};
    struct rift_recipe *recipe = rift_recipe_from_json(json, &arena, &err);
    assert(recipe || err.code == RIFT_ERR_INVALID);
    if (recipe) {
        struct rift_error reason = {0};
        int rc = rift_recipe_check_context(recipe, context, &reason);
        assert(rc == 0 || reason.text[0]);
        json_t *same = rift_recipe_to_json(recipe);
        assert(json_equal(same, json));
        json_decref(same);
    }
    rift_recipe_finish(recipe);
    rift_arena_finish(&arena);
    json_decref(context);
    json_decref(json);
    return 0;
}

/* A recipe is YAML and says no kinds; a default that is a number makes a number. */
#include "plan/recipe_options.h"

#include "plan/tree.h"

static enum rift_option_kind kind_of_default(const char *text)
{
    json_t *value = rift_scalar_to_json(text ? text : "", true);
    enum rift_option_kind kind = json_is_integer(value)   ? RIFT_OPTION_INTEGER
                                 : json_is_real(value)    ? RIFT_OPTION_REAL
                                 : json_is_boolean(value) ? RIFT_OPTION_BOOL
                                                          : RIFT_OPTION_TEXT;
    json_decref(value);
    return kind;
}

const struct rift_option *rift_recipe_option_table(const struct rift_recipe *recipe,
                                                   struct rift_arena *arena)
{
    struct rift_option *options =
        rift_arena_calloc(arena, recipe->option_count + 1, sizeof *options);
    for (size_t i = 0; i < recipe->option_count; i++) {
        const struct rift_recipe_option *given = &recipe->options[i];
        options[i] = (struct rift_option){.name = given->name,
                                          .kind = kind_of_default(given->fallback),
                                          .unit = given->unit,
                                          .fallback = given->fallback,
                                          .minimum = given->has_bounds ? given->minimum : 0,
                                          .maximum = given->has_bounds ? given->maximum : 0,
                                          .summary = given->summary[0] ? given->summary
                                                                       : "an option of the recipe"};
        /* Bounds say that it is a number, also where no default shows it. */
        if (given->has_bounds && options[i].kind == RIFT_OPTION_TEXT)
            options[i].kind = RIFT_OPTION_REAL;
    }
    return options;
}

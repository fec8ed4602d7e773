/* The options that a recipe declares, as a table like that of any plug-in. */
#ifndef PLAN_RECIPE_OPTIONS_H
#define PLAN_RECIPE_OPTIONS_H

#include "common/arena.h"
#include "common/option.h"
#include "common/wire/recipe.h"

/* In the arena; names and texts are those of the recipe. The kind of an option follows from its
 * default and its bounds. */
const struct rift_option *rift_recipe_option_table(const struct rift_recipe *recipe,
                                                   struct rift_arena *arena);

#endif

/* Asks a running system a question of its recipe: is it ready, does it lead? Blocks: for jobs only.
 */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/text.h"
#include "common/wire/recipe.h"

/* One try, for the check's own time limit and until deadline_ns at most. *holds tells the answer;
 * where it is no, reason (appended to) says why. Fails only where the check cannot be asked at all
 * (a bad template). */
int agent_check_ask(const struct rift_recipe *recipe, const json_t *context,
                    const struct rift_recipe_check *check, int64_t deadline_ns, bool *holds,
                    struct rift_text *reason, struct rift_error *err);

/* The same, and where it holds what was answered is appended to answer (http and command). */
int agent_check_answer(const struct rift_recipe *recipe, const json_t *context,
                       const struct rift_recipe_check *check, int64_t deadline_ns, bool *holds,
                       struct rift_text *answer, struct rift_text *reason, struct rift_error *err);
/* Down a path of keys ("header.member_id"); NULL: there is nothing. */
const json_t *agent_json_at(const json_t *json, const char *path);

#endif

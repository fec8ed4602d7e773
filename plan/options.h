/* Values of a configuration against the option table of whoever reads them. */
#ifndef PLAN_OPTIONS_H
#define PLAN_OPTIONS_H

#include <jansson.h>

#include "common/option.h"
#include "common/text.h"
#include "plan/problems.h"
#include "plan/tree.h"

/* An option with this fallback may be left out, and is then absent from the result: its owner finds
 * a value itself. */
#define RIFT_OPTION_AUTO "auto"

/* The map's keys (map NULL or nothing: none) against the table: an object with every option,
 * defaults filled in. also_known (NULL-terminated, or NULL): further keys, which the caller reads
 * itself and which are left out of the result. owner, for messages: "workload 'register'". place:
 * where a missing option is missed. A new reference, also where there were problems. */
json_t *rift_options_check(struct rift_problems *problems, const struct rift_tree *map,
                           const struct rift_option *options, const char *const *also_known,
                           const char *owner, const struct rift_tree *place);

/* What a value may be: "a whole number, ms, 1 to 5000", "one of `a`, `b`". */
void rift_option_print_value(const struct rift_option *option, struct rift_text *text);
/* The table as Markdown rows: name, default, unit and bounds, summary. */
void rift_options_print(const struct rift_option *options, struct rift_text *text);

#endif

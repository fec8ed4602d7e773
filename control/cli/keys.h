/* Every key of a configuration as Markdown, printed from the tables that it is checked against. */
#ifndef CONTROL_CLI_KEYS_H
#define CONTROL_CLI_KEYS_H

#include "common/text.h"

/* What stands below RIFT_KEYS_MARK in docs/configuration.md; `rift list keys` prints it. */
void rift_keys_print(struct rift_text *text);

#define RIFT_KEYS_MARK "<!-- printed by `rift list keys`; a test compares -->\n"

#endif

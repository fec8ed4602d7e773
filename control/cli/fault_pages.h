/* Every fault as Markdown, printed from the descriptors. */
#ifndef CONTROL_CLI_FAULT_PAGES_H
#define CONTROL_CLI_FAULT_PAGES_H

#include "common/text.h"

/* What stands above RIFT_FAULT_PAGES_END in docs/faults.md; `rift list fault-pages` prints it. */
void rift_fault_pages_print(struct rift_text *text);

#define RIFT_FAULT_PAGES_END "\n## Measured\n"

#endif

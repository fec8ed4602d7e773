/* The descriptors of faults, one after the other. */
#include "control/cli/fault_pages.h"

#include "nemesis/fault.h"
#include "plan/options.h"

static const char heading[] =
    "# Faults\n"
    "\n"
    "`./dev faults` prints this page: the first part from the descriptors (`rift list "
    "fault-pages`;\n"
    "a test compares), the table at the end measured on lab hosts. When a fault comes, for how "
    "long,\n"
    "and whom it hits are options of every fault: docs/configuration.md. How one is made:\n"
    "docs/writing-a-fault.md.\n";

static const char *scope_text(const struct rift_fault *fault)
{
    switch (fault->scope) {
    case RIFT_FAULT_ON_LINKS:
        return "links, as a grudge names them";
    case RIFT_FAULT_ON_NODES:
        return fault->needs_disk    ? "nodes, whose system has a disk of its own (`disk_mb`)"
               : fault->needs_layer ? "nodes, whose system has a layer over its data (`disk_layer`)"
                                    : "nodes";
    case RIFT_FAULT_ON_MEMBERSHIP:
        break;
    }
    return fault->needs_upgrade
               ? "the cluster, node after node, with a second version (`upgrade_to`)"
               : "the cluster, node after node";
}

void rift_fault_pages_print(struct rift_text *text)
{
    rift_text_append(text, heading);
    for (size_t i = 0; rift_faults[i]; i++) {
        const struct rift_fault *fault = rift_faults[i];
        rift_text_printf(text, "\n## %s\n\n%s. On %s.\n\n%s\n", fault->name, fault->summary,
                         scope_text(fault), fault->effect);
        if (!fault->options || !fault->options->name)
            continue;
        rift_text_append(text, "\n");
        rift_options_print(fault->options, text);
    }
}

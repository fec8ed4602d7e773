/* Descriptors of faults in Markdown. */
#include "tests/integration/fault_pages.h"

#include "nemesis/fault.h"

static const char heading[] =
    "# Faults\n"
    "\n"
    "`./dev faults` prints this page: the first part from the descriptors (`rift list faults NAME` "
    "shows\n"
    "the same), the table at the end measured on lab hosts. When a fault comes, for how long, and "
    "whom it\n"
    "hits are options of every fault: docs/configuration.md. How one is made: "
    "docs/writing-a-fault.md.\n";

const char fault_table_heading_before[] = "\n"
                                          "## Measured\n"
                                          "\n"
                                          "By `./dev faults` on ";

const char fault_table_heading_after[] =
    ", on the two kinds of lab host: `netns` (namespaces on this machine's kernel) and `uml`\n"
    "(User-mode Linux 6.1: its own kernel and clock, cgroup v2 only, netem). Each fault hits n2, "
    "alone, in a\n"
    "session of its own with an agent over SSH. Everything is measured by a program that shares "
    "nothing with the\n"
    "agent: datagrams and streams between n1 and n2, questions to the system under test from the "
    "controller's machine,\n"
    "files seen through another login. A cell says: before → **while it is on** → healed. The "
    "bounds "
    "are of the\n"
    "figure in the middle. After kill, memory, power and disk-lose another process answers; "
    "after all other\n"
    "faults of a node the same one does. After each row the host is compared with how it was "
    "(qdiscs, "
    "filters,\n"
    "processes, control groups, mounts, files) and `rift-agent --leftovers` is run: a cell without "
    "FAILED had\n"
    "nothing left.\n"
    "\n"
    "| fault | asked | measured | bounds | netns | uml |\n"
    "|---|---|---|---|---|---|\n";

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

static void print_option(FILE *file, const struct rift_option *option)
{
    fprintf(file, "| `%s` | ", option->name);
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        fprintf(file, "%s`%s`", i ? ", " : "", option->choices[i]);
    if (option->minimum < option->maximum)
        fprintf(file, "%.10g to %.10g %s", option->minimum, option->maximum, option->unit);
    else if (option->kind == RIFT_OPTION_LIST)
        fprintf(file, "a list");
    fprintf(file, " | %s | %s |\n", option->fallback ? option->fallback : "required",
            option->summary);
}

void fault_pages_print(FILE *file)
{
    fputs(heading, file);
    for (size_t i = 0; rift_faults[i]; i++) {
        const struct rift_fault *fault = rift_faults[i];
        fprintf(file, "\n## %s\n\n%s. On %s.\n\n%s\n", fault->name, fault->summary,
                scope_text(fault), fault->effect);
        const struct rift_option *option = fault->options;
        if (option && option->name)
            fprintf(file, "\n| option | values | default | |\n|---|---|---|---|\n");
        for (; option && option->name; option++)
            print_option(file, option);
    }
}

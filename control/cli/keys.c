/* The tables of the plan, then those of each workload and of each checker. */
#include "control/cli/keys.h"

#include "checkers/checker.h"
#include "plan/options.h"
#include "plan/tables.h"
#include "workloads/workload.h"

static void print_workload(struct rift_text *text, const struct rift_workload *workload)
{
    rift_text_printf(text, "\n### workload: %s\n\n%s.\n\n", workload->name, workload->summary);
    rift_text_append(text, "Operations:");
    for (size_t i = 0; workload->operations[i]; i++)
        rift_text_printf(text, "%s `%s`", i ? "," : "", workload->operations[i]);
    const struct rift_optional_operation *optional = workload->optional_operations;
    for (; optional && optional->f; optional++)
        rift_text_printf(text, ", `%s` where `%s` is more than 0", optional->f, optional->option);
    rift_text_append(text, ".\n");
    for (size_t i = 0; workload->checkers[i].name; i++)
        rift_text_printf(text, "%s`%s`%s%s", i ? ", " : "Checkers: ", workload->checkers[i].name,
                         workload->checkers[i].options ? " " : "",
                         workload->checkers[i].options ? workload->checkers[i].options : "");
    rift_text_append(text, ".\n");
    if (!workload->options)
        return;
    rift_text_append(text, "\n");
    rift_options_print(workload->options, text);
}

static void print_checker(struct rift_text *text, const struct rift_checker *checker)
{
    rift_text_printf(text, "\n### checker: %s\n\n%s.\n", checker->name, checker->summary);
    if (!checker->options || !checker->options->name)
        return;
    rift_text_append(text, "\n");
    rift_options_print(checker->options, text);
}

void rift_keys_print(struct rift_text *text)
{
    for (const struct rift_plan_table *table = rift_plan_tables; table->path; table++) {
        rift_text_printf(text, "\n### %s\n\n%s\n\n", table->path, table->summary);
        rift_options_print(table->options, text);
    }
    for (size_t i = 0; rift_workloads[i]; i++)
        print_workload(text, rift_workloads[i]);
    for (size_t i = 0; rift_checkers[i]; i++)
        print_checker(text, rift_checkers[i]);
}

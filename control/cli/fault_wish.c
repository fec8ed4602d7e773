/* One fault by hand, as words. */
#include "control/cli/fault_wish.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/length.h"
#include "control/cli/plan_source.h"
#include "nemesis/fault.h"

const char fault_wish_start_hint[] =
    "rift shell --start CONFIG installs and starts that of the recipe";

enum { LENGTH_DEFAULT_S = 30 };
static const double LENGTH_LEAST_S = 0.1, LENGTH_MOST_S = 1e6;

int fault_wish_read(struct fault_wish *wish, int argc, char **argv, struct rift_error *err)
{
    enum { CONFIG = 1, FOR, ISOLATE, GRUDGE, ON, OPTION };
    static const struct option known[] = {
        {"config", required_argument, NULL, CONFIG},
        {"for", required_argument, NULL, FOR},
        {"isolate", required_argument, NULL, ISOLATE},
        {"grudge", required_argument, NULL, GRUDGE},
        {"on", required_argument, NULL, ON},
        {"set", required_argument, NULL, OPTION},
        {NULL, 0, NULL, 0},
    };
    *wish = (struct fault_wish){.config = wish->config,
                                .length_s = LENGTH_DEFAULT_S,
                                .system_was_started = wish->system_was_started};
    opterr = 0;
    optind = 0; /* the GNU way to start anew */
    for (int choice; (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (choice == CONFIG)
            wish->config = optarg;
        else if (choice == FOR && read_length(optarg, &wish->length_s) &&
                 wish->length_s >= LENGTH_LEAST_S && wish->length_s <= LENGTH_MOST_S)
            continue;
        else if (choice == FOR)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "--for %s: that is no length of time such as 30s or 2m, from 100ms to "
                             "%.0fs",
                             optarg, LENGTH_MOST_S);
        else if (choice == ISOLATE)
            wish->isolate = optarg;
        else if (choice == GRUDGE)
            wish->grudge = optarg;
        else if (choice == ON)
            wish->on = optarg;
        else if (choice == OPTION && strchr(optarg, '=') &&
                 wish->option_count < FAULT_WISH_OPTIONS_MAX)
            wish->options[wish->option_count++] = optarg;
        else if (choice == OPTION)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "--set %s: say OPTION=VALUE, for at most %d options", optarg,
                             FAULT_WISH_OPTIONS_MAX);
        else
            return rift_fail(err, RIFT_ERR_INVALID,
                             "%s: there is no such option, or it lacks its value",
                             argv[optind - 1]);
    }
    if (optind == argc)
        return rift_fail(err, RIFT_ERR_INVALID, "name one fault; rift fault list shows them");
    if (optind + 1 < argc)
        return rift_fail(err, RIFT_ERR_INVALID, "name one fault: '%s' is one word too many",
                         argv[optind + 1]);
    if (!wish->config)
        return rift_fail(err, RIFT_ERR_INVALID, "say which hosts: --config FILE");
    wish->fault = argv[optind];
    const struct rift_fault *fault = rift_fault_find(wish->fault);
    if (fault && fault->scope != RIFT_FAULT_ON_LINKS && (wish->isolate || wish->grudge))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "--%s is for faults on links; %s hits nodes: --on one, --on '[n1, n3]'",
                         wish->isolate ? "isolate" : "grudge", wish->fault);
    if (wish->isolate && wish->grudge)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "--isolate and --grudge both say whom it hits: give one of them");
    if (fault && fault->scope == RIFT_FAULT_ON_LINKS && wish->on)
        return rift_fail(
            err, RIFT_ERR_INVALID,
            "--on is for faults on nodes; %s hits links: --isolate NODE, --grudge KIND",
            wish->fault);
    return 0;
}

/* The place of a mistake is that of an entry which the person has never seen. */
static void forget_place(struct rift_error *err)
{
    for (const char *at = err->text; (at = strchr(at, ':')); at++) {
        unsigned line, column;
        int length = 0;
        if (sscanf(at, ":%u:%u: %n", &line, &column, &length) == 2 && length > 0) {
            memmove(err->text, at + length, strlen(at + length) + 1);
            return;
        }
    }
}

/* "n1,n2" is a list, as "[n1, n2]" is, and "*.wal" no alias of YAML; what is in quotes or brackets
 * says itself what it is. */
static void append_value(struct rift_text *entry, const char *value)
{
    if (strchr("[{'\"", value[0]) || !strpbrk(value, ",*&!%@`|>?#:'\""))
        rift_text_append(entry, value);
    else if (strchr(value, ','))
        rift_text_printf(entry, "[%s]", value);
    else {
        rift_text_append(entry, "'");
        for (const char *c = value; *c; c++)
            rift_text_printf(entry, *c == '\'' ? "''" : "%c", *c);
        rift_text_append(entry, "'");
    }
}

/* The entry of the plan's faults that the words stand for, as YAML in one line: "a=b" are options,
 * one isolated node is cut from all others both ways. */
static char *entry_of(const struct fault_wish *wish, const struct rift_plan *plan)
{
    struct rift_text entry = {NULL, 0, 0};
    rift_text_printf(&entry, "faults=[{%s: {", wish->fault);
    const char *comma = "";
    if (wish->isolate) {
        rift_text_append(&entry, "grudge: {");
        for (size_t i = 0; i < plan->host_count; i++) {
            const char *name = plan->host_names[i];
            if (strcmp(name, wish->isolate) == 0)
                continue;
            rift_text_printf(&entry, "%s%s: [%s], ", comma, name, wish->isolate);
        }
        rift_text_printf(&entry, "%s: [", wish->isolate);
        for (size_t i = 0; i < plan->host_count; i++)
            if (strcmp(plan->host_names[i], wish->isolate) != 0)
                rift_text_printf(&entry, "%s,", plan->host_names[i]);
        rift_text_append(&entry, "]}");
        comma = ", ";
    }
    if (wish->grudge) {
        rift_text_printf(&entry, "%s%s: %s", comma, wish->grudge[0] == '{' ? "grudge" : "kinds",
                         wish->grudge);
        comma = ", ";
    }
    if (wish->on) {
        rift_text_printf(&entry, "%stargets: ", comma);
        append_value(&entry, wish->on);
        comma = ", ";
    }
    for (size_t i = 0; i < wish->option_count; i++, comma = ", ") {
        const char *equals = strchr(wish->options[i], '=');
        rift_text_printf(&entry, "%s%.*s: ", comma, (int)(equals - wish->options[i]),
                         wish->options[i]);
        append_value(&entry, equals + 1);
    }
    /* One window: the next would start after the end of the main phase. */
    rift_text_printf(&entry, "}, every_s: %g, for_s: %g, start_s: 0}]", 2 * wish->length_s + 60,
                     wish->length_s);
    return rift_text_take(&entry);
}

/* A fault that is carried out through the recipe, or in a disk that Rift made for the system, needs
 * more than a system that somebody else started. */
static bool is_there(const struct fault_wish *wish, const struct rift_plan *plan,
                     struct rift_error *err)
{
    const struct rift_fault *fault = rift_fault_find(wish->fault);
    bool is_of_recipe = fault->scope == RIFT_FAULT_ON_MEMBERSHIP;
    if (wish->system_was_started || plan->attach ||
        !(is_of_recipe || fault->needs_disk || fault->needs_layer))
        return true;
    rift_fail(err, RIFT_ERR_INVALID, "fault '%s' needs a system, and by hand none is started: %s%s",
              wish->fault, fault_wish_start_hint,
              is_of_recipe ? ", or say which one runs: system: {attach: {unit: UNIT}}" : "");
    return false;
}

int fault_wish_plan(const struct fault_wish *wish, uint64_t seed, struct rift_plan **plan,
                    struct rift_schedule **schedule, struct rift_error *err)
{
    CLEANUP(rift_free) char *limit = rift_printf("time_limit_s=%g", wish->length_s);
    enum { ASSIGNMENTS = 3 };
    /* The run's own times have nothing to say here. */
    const char *assignments[ASSIGNMENTS] = {"faults=[]", limit, "quiet={}"};
    struct rift_plan *bare = plan_source_read(wish->config, assignments, ASSIGNMENTS, seed, err);
    if (!bare)
        return -1;
    CLEANUP(rift_free) char *entry = entry_of(wish, bare);
    rift_plan_destroy(bare);
    assignments[0] = entry;
    *plan = plan_source_read(wish->config, assignments, ASSIGNMENTS, seed, err);
    if (!*plan)
        forget_place(err);
    *schedule = *plan ? rift_plan_schedule(*plan, err) : NULL;
    if (*schedule && !is_there(wish, *plan, err)) {
        rift_schedule_destroy(*schedule);
        rift_plan_destroy(*plan);
        return -1;
    }
    if (*schedule && (*schedule)->count > 0)
        return 0;
    if (*schedule)
        rift_fail(err, RIFT_ERR_INVALID, "--for %g s is too short for a fault", wish->length_s);
    rift_schedule_destroy(*schedule);
    rift_plan_destroy(*plan);
    return -1;
}

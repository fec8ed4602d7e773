/* The keys of a configuration, as option tables: what the reader checks against and the docs print.
 */
#ifndef PLAN_TABLES_H
#define PLAN_TABLES_H

#include "common/option.h"

struct rift_plan_table {
    const char *path;    /* where these keys stand: "faults[]" */
    const char *summary; /* one sentence */
    const struct rift_option *options;
};

/* All tables in the order of the docs; ends with a NULL path. */
extern const struct rift_plan_table rift_plan_tables[];

extern const struct rift_option rift_plan_options[];     /* the top level */
extern const struct rift_option rift_lab_options[];      /* nodes: {lab: ...} */
extern const struct rift_option rift_ssh_options[];      /* ssh, and each host */
extern const struct rift_option rift_host_options[];     /* each host, besides those of ssh */
extern const struct rift_option rift_system_options[];   /* system */
extern const struct rift_option rift_attach_options[];   /* system: {attach: ...} */
extern const struct rift_option rift_load_options[];     /* of every workload */
extern const struct rift_option rift_timing_options[];   /* of every entry of faults */
extern const struct rift_option rift_item_options[];     /* of an item of chaos or sequence */
extern const struct rift_option rift_quiet_options[];    /* quiet */
extern const struct rift_option rift_deadline_options[]; /* deadlines */

#endif

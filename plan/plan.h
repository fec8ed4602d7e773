/* A plan: everything that a run is, frozen before it begins. Read from a configuration, written
 * into the run directory as plan.yaml, which `rift run` takes again. Immutable once made. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "common/error.h"
#include "common/text.h"
#include "nemesis/schedule.h"
#include "plan/catalogue.h"

struct rift_plan_host {
    const char *name;            /* "n1"; unique */
    const char *address;         /* "" in a lab until it is up */
    uint16_t port;               /* 0: not given */
    const char *user;            /* NULL: not given */
    const char *ssh_config_file; /* ssh_config(5) that fills what is not given; NULL: the usual */
    bool ignores_ssh_config;
    const char *key_file;         /* NULL: ssh-agent, then the usual files */
    const char *password_file;    /* NULL: keys */
    const char *known_hosts_file; /* NULL: ~/.ssh/known_hosts */
    bool accept_new_host_key;
    bool use_sudo;
    bool allow_faults; /* by the configuration; a lab's hosts need no leave */
};

struct rift_plan_component {
    const char *name;
    const json_t *options; /* an object, every option with its default filled in */
};

/* The longest that each phase may take, in ms. */
struct rift_plan_deadlines {
    int64_t connect_ms, install_ms, start_ms, healthy_ms, setup_ms, final_ms, logs_ms, stop_ms,
        check_ms;
};

enum rift_stop_reason {
    RIFT_STOP_NODE_LOST = 1 << 0,    /* a host cannot be reached any more */
    RIFT_STOP_FAULT_FAILED = 1 << 1, /* a fault could not be injected or healed */
    RIFT_STOP_VIOLATION = 1 << 2,    /* the history so far is not linearizable */
};

struct rift_plan {
    const char *name; /* of the test; a folder name under runs/ */
    uint64_t seed;    /* never 0 */

    bool is_lab;
    const char *lab_driver; /* "netns" */
    const char *lab_name;
    const struct rift_plan_host *hosts; /* in a lab only the names are set */
    const char *const *host_names;      /* NULL-terminated, plan order */
    size_t host_count;
    int64_t lease_ms; /* faults end this long after contact is lost */

    struct rift_plan_component
        system;              /* name "none": nothing is installed, clients speak to what is there */
    const json_t *recipe;    /* as common/wire/recipe.h reads it; NULL for "none" */
    const json_t *artifacts; /* an object: name -> local path of what is uploaded instead */
    const json_t *upgrade_to; /* the same, of the version that the fault upgrade brings; or empty */
    const json_t *secrets;    /* name -> local path, in which ${node.name} stands for each node's */
    int64_t disk_mb;          /* of each data folder's own disk; 0: none */
    const char *disk_fs;      /* the file system on it: ext4 or xfs */
    const char *disk_layer;   /* over each data folder: none, ext4 or posix */
    bool keep_data;           /* after the run the system's data and logs stay on the nodes */
    const json_t *attach;     /* {"unit"} or {"cgroup"}: it runs already; NULL: we start it */
    bool attach_wipes;        /* stopped and emptied before the run */

    struct rift_plan_component
        client; /* options: the client's own, and what the workload passes on */
    struct rift_plan_component workload; /* name NULL: none, nor a client need be; no run */
    unsigned concurrency;                /* client threads, 1 or more */
    double rate_hz;                      /* of all threads together; 0: as fast as they can */
    int64_t op_timeout_ms;

    const struct rift_fault_entry *faults;
    size_t fault_count;
    const struct rift_plan_component *checkers;
    size_t checker_count;
    double quiet_every_s, quiet_for_s; /* 0: no quiet periods */

    int64_t time_limit_ms; /* of the main phase, with faults */
    int64_t recovery_ms;   /* client ops go on so long after the last heal */
    struct rift_plan_deadlines deadlines;
    uint64_t check_memory_bytes; /* of each checker; 0: no bound */
    unsigned stop_on;            /* of enum rift_stop_reason */

    const json_t *json; /* the frozen form: what plan.yaml says, also handed to checkers */
};

/* Reads a configuration file. Every mistake that is found is named in err->text, one a line:
 * "file:line:column: what is wrong, did you mean '...'?". seed_override 0: the file's seed, or,
 * where that is absent or 0, one drawn from the kernel. The caller destroys the plan. */
struct rift_plan *rift_plan_read(const char *path, const struct rift_catalogue *catalogue,
                                 uint64_t seed_override, struct rift_error *err);
/* As rift_plan_read, of a run that is over: the artifacts that it names may be gone since, or be
 * others. To judge it, not to repeat it. */
struct rift_plan *rift_plan_read_past(const char *path, const struct rift_catalogue *catalogue,
                                      struct rift_error *err);
/* As rift_plan_read, on text that is already in memory; path is only for messages and for recipes
 * named by a relative path. */
struct rift_plan *rift_plan_parse(const char *path, const char *text, size_t length,
                                  const struct rift_catalogue *catalogue, uint64_t seed_override,
                                  struct rift_error *err);
void rift_plan_destroy(struct rift_plan *plan);

/* The file of that secret for that node; free() it. */
char *rift_plan_secret_path(const char *file, const char *node);

/* The frozen plan as YAML: reading it gives the same plan again. */
void rift_plan_print(const struct rift_plan *plan, struct rift_text *text);
int rift_plan_write(const struct rift_plan *plan, const char *path, struct rift_error *err);

/* The fault windows of the plan; the caller destroys them, before the plan. */
struct rift_schedule *rift_plan_schedule(const struct rift_plan *plan, struct rift_error *err);
/* Fails where a fault could not come, whatever the seed: a run would end as unknown for it. path is
 * the configuration's, for the place. Of a plan that is run: others have no use for its times. */
int rift_plan_check_windows(const struct rift_plan *plan, const char *path, struct rift_error *err);
enum rift_plan_clash {
    RIFT_PLAN_CLASH_NONE,
    RIFT_PLAN_CLASH_WITH_SEED,
    RIFT_PLAN_CLASH_ALWAYS, /* whatever the seed */
};
/* Whether windows of two lanes meet that a node does not bear at one time, so that a run would end
 * as unknown; then *text (not freed before) is which, with the place. Not where it is up to who
 * leads, to a wait or to the node. */
enum rift_plan_clash rift_plan_find_clash(const struct rift_plan *plan,
                                          const struct rift_schedule *schedule, const char *path,
                                          struct rift_text *text);

#endif

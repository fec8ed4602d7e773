/* How a system under test is installed, started, watched and stopped: a recipe, as controller and
 * agent share it. docs/writing-a-system.md explains the YAML; this is its shape.
 *
 * Texts marked T are templates: ${name} stands for a value of the context that the controller sends
 * with the recipe, or for a variable of the recipe; $$ is a dollar sign.
 *     ${node.name} ${node.address} ${node.host} ${node.index}   this node; host is the address as
 * it stands in a URL (IPv6 in brackets), index counts from 1
 *     ${first.name} ... ${first.index}      the first node of the plan
 *     ${nodes.count}
 *     ${options.NAME}                       an option of the recipe, as the configuration set it
 *     ${artifacts.NAME}                     where the agent put that artifact on the node
 *     ${secrets.NAME}                       the file on the node that has that secret
 *     ${NAME}                               a variable of the recipe
 *     ${member.name} ${member.address} ${member.host} ${member.index} ${member.id}   in the
 * commands of `membership` only: the node that is added or removed
 * The context is {"node": {"name", "address", "index"}, "nodes": [{"name", "address", "index"}],
 * "options": {..}, "artifacts": {..}}, and "joining": true on a node that joins a cluster that is
 * there; its nodes are then the members.
 */
#ifndef COMMON_WIRE_RECIPE_H
#define COMMON_WIRE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/error.h"

enum {
    RIFT_RECIPE_ITEMS_MAX = 256,        /* of any list in a recipe */
    RIFT_RECIPE_EXPANDED_MAX = 1 << 18, /* bytes that one template may grow to */
};

/* NULL-terminated list of templates. */
typedef const char *const *rift_recipe_argv;

struct rift_recipe_pair {
    const char *name;
    const char *value; /* T */
};

/* A variable: a text; or, with `each`, that text once for each node, joined. */
struct rift_recipe_variable {
    const char *name;
    const char *text;     /* T: everywhere, where the others are NULL */
    const char *founding; /* T: on a node that founds the cluster with the others */
    const char *joining;  /* T: on one that joins it later, while it joins */
    const char *first;    /* T: on the first node */
    const char *others;   /* T: on all others */
    const char *each;     /* T: once for each node of the plan, ${node...} being that node */
    const char *join;     /* between them; "," */
    bool without_self;    /* leave this node out of `each` */
};

struct rift_recipe_option {
    const char *name;
    const char *fallback;       /* the default; NULL: required */
    const char *unit, *summary; /* "" where not given */
    bool has_bounds;
    double minimum, maximum;
};

enum rift_artifact_kind {
    RIFT_ARTIFACT_BINARY,  /* one executable file */
    RIFT_ARTIFACT_TARBALL, /* unpacked into a folder; also .tar.gz, .tar.xz, .tar.zst where tar can
                            */
    RIFT_ARTIFACT_DEB,     /* unpacked into a folder, not installed */
};

struct rift_recipe_artifact {
    const char *name;
    enum rift_artifact_kind kind;
    const char
        *fallback; /* T: what ${artifacts.NAME} is when the user gives none; NULL: required */
};

/* A file of the user's that the node needs and nobody else may read: a password, a private key. */
struct rift_recipe_secret {
    const char *name;
    const char *summary;
    bool is_public; /* a certificate, say: it travels with the others, and anybody may read it */
};

/* Where the agent keeps them: in memory, as /run is. */
#define RIFT_SECRETS_FOLDER "/run/rift-secrets"

struct rift_recipe_file {
    const char *path;    /* T */
    const char *content; /* T */
    int mode;            /* 0644 where not given */
};

enum rift_check_kind { RIFT_CHECK_NONE, RIFT_CHECK_TCP, RIFT_CHECK_HTTP, RIFT_CHECK_COMMAND };

/* A question to the running system, asked by the agent on the node. */
struct rift_recipe_check {
    enum rift_check_kind kind;
    const char *address, *port; /* T: tcp */
    const char *send;           /* T: tcp, may be NULL: connecting is enough */
    const char *method;         /* http: GET or POST */
    const char *url;            /* T: http://numeric address[:port]/path */
    const char *body;           /* T: http, may be NULL */
    int status;                 /* http: expected, 200 where not given; command: exit code, 0 */
    rift_recipe_argv command;   /* T */
    const char *contains;       /* T: what the answer must hold, or NULL */
    const char *same[2]; /* two paths ("header.member_id") into a JSON answer that must hold the
                            same value, or NULL */
    int64_t timeout_ms;  /* of one try */
};

struct rift_recipe_process {
    const char *name;
    rift_recipe_argv command; /* T; [0] is an absolute path */
    const struct rift_recipe_pair *environment;
    size_t environment_count;
    const char *working_folder;     /* T; "/" where not given */
    struct rift_recipe_check ready; /* the next process starts when this holds */
    int64_t ready_deadline_ms;
};

/* How members are listed, added and removed, on any node that is a member. */
struct rift_recipe_membership {
    struct rift_recipe_check list; /* kind NONE: membership cannot be changed */
    struct rift_recipe_check add, remove;
    const char *members;  /* path to the list in its JSON answer */
    const char *known_by; /* T: a text that a node's own entry in the list holds, and no other */
    const char *id;       /* path to the id in an entry */
};

struct rift_recipe {
    const char *name, *summary;
    const char *client;          /* the client that speaks to it, or NULL */
    const char *const *packages; /* Debian names, NULL-terminated */
    rift_recipe_argv version;    /* T: prints the version, or NULL */
    const struct rift_recipe_option *options;
    size_t option_count;
    const struct rift_recipe_artifact *artifacts;
    size_t artifact_count;
    const struct rift_recipe_secret *secrets;
    size_t secret_count;
    const struct rift_recipe_pair *ports; /* numbers by name, for faults that cut one of them */
    size_t port_count;
    const struct rift_recipe_variable *variables;
    size_t variable_count;
    const char *user;                /* runs the processes; NULL: root */
    const char *const *data_folders; /* T; made, owned by user, emptied by wipe */
    const struct rift_recipe_file *files;
    size_t file_count;
    const rift_recipe_argv
        *prepare; /* T: run once as user, in order, when the data folders are new */
    size_t prepare_count;
    const rift_recipe_argv
        *founded; /* T: run once as user on the first node, when a new cluster is ready */
    size_t founded_count;
    const struct rift_recipe_process *processes;
    size_t process_count;
    const char *const *logs; /* T: besides the output of the processes, which the agent keeps */
    struct rift_recipe_check role; /* holds on the node that leads; kind NONE: cannot be asked */
    struct rift_recipe_membership membership;
    int stop_signal;
    int64_t stop_grace_ms;
    json_t *source; /* what it was made from */
};

/* Everything is checked, and names the path of what is wrong ("processes[0].command"). The recipe
 * lives in the arena, and holds a reference to json until rift_recipe_finish. */
struct rift_recipe *rift_recipe_from_json(const json_t *json, struct rift_arena *arena,
                                          struct rift_error *err);
/* A new reference to the JSON that makes the same recipe. */
json_t *rift_recipe_to_json(const struct rift_recipe *recipe);
void rift_recipe_finish(struct rift_recipe *recipe);

/* The template filled in, in the arena; NULL with an error that names the unknown variable and the
 * nearest known one. */
const char *rift_recipe_expand(const struct rift_recipe *recipe, const json_t *context,
                               const char *template, struct rift_arena *arena,
                               struct rift_error *err);
/* The same for each text of a NULL-terminated list. */
char **rift_recipe_expand_all(const struct rift_recipe *recipe, const json_t *context,
                              const char *const *templates, struct rift_arena *arena,
                              struct rift_error *err);
/* Every template of the recipe expands in this context: to be called before a run. */
int rift_recipe_check_context(const struct rift_recipe *recipe, const json_t *context,
                              struct rift_error *err);

#endif

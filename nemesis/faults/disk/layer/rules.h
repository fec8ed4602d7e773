/* What is done to requests to the disk, and until when: the layer looks at the clock itself, so
 * that a rule ends whatever became of the agent. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_RULES_H
#define NEMESIS_FAULTS_DISK_LAYER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

enum layer_op {
    LAYER_READ = 1,
    LAYER_WRITE = 2,
    LAYER_SYNC = 4,
    LAYER_NAMES = 8, /* create, remove, rename */
};

struct layer_rule;

struct layer_rules {
    struct layer_rule *first;
    size_t count;
};

struct layer_verdict {
    int error;         /* 0, or the errno that the request gets */
    int64_t due_ns;    /* not before then; 0: at once */
    bool flips;        /* a bit of what is read or written */
    uint64_t flip_bit; /* which, modulo what there is */
};

/* rule: {"ops": [words], "files": glob, "chance": 0..1, and what is done: "error": errno, "flip":
 * bool, or "delay_ms": {op: ms}}, "seed": of what is left to chance; it lasts until until_ns
 * (CLOCK_MONOTONIC). One of that id is replaced. */
int layer_rules_set(struct layer_rules *rules, const char *id, const json_t *rule, int64_t until_ns,
                    struct rift_error *err);
/* False where there is none of that id. */
bool layer_rules_renew(struct layer_rules *rules, const char *id, int64_t until_ns);
void layer_rules_end(struct layer_rules *rules, const char *id);
/* Does any rule look at requests of this kind now? */
bool layer_rules_want(const struct layer_rules *rules, enum layer_op op, int64_t now_ns);
/* path is relative to the data folder. The agent's probe file is hit by every rule. */
void layer_rules_judge(struct layer_rules *rules, enum layer_op op, const char *path,
                       int64_t now_ns, struct layer_verdict *verdict);
/* How many requests of the system's the rule has hit; 0 for an unknown id. */
uint64_t layer_rules_hits(const struct layer_rules *rules, const char *id);

#endif

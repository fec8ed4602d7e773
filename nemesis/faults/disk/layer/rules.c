#include "nemesis/faults/disk/layer/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "nemesis/faults/disk/glob.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/driver.h"

enum { RULES_MAX = 32, GLOB_SIZE = 256, DELAY_MAX_MS = 600000, OPS = 4 };

static const struct {
    const char *word;
    enum layer_op op;
} known_ops[OPS] = {
    {"read", LAYER_READ}, {"write", LAYER_WRITE}, {"sync", LAYER_SYNC}, {"names", LAYER_NAMES}};

struct layer_rule {
    struct layer_rule *next;
    char id[RIFT_FAULT_ID_SIZE], files[GLOB_SIZE];
    unsigned ops; /* enum layer_op */
    int error;
    double chance;
    int64_t delay_ns[OPS], until_ns; /* a delay for each kind of request */
    bool flips;
    struct rift_rng rng, rng_of_probe; /* the agent looks when it likes, and shifts nothing */
    uint64_t hits;
};

static struct layer_rule *rule_find(const struct layer_rules *rules, const char *id)
{
    struct layer_rule *rule = rules->first;
    while (rule && strcmp(rule->id, id) != 0)
        rule = rule->next;
    return rule;
}

static int rule_read_ops(struct layer_rule *rule, const json_t *words, struct rift_error *err)
{
    size_t i;
    json_t *item;
    json_array_foreach(words, i, item)
    {
        const char *word = json_string_value(item);
        size_t k = 0;
        while (k < OPS && (!word || strcmp(known_ops[k].word, word) != 0))
            k++;
        if (k == OPS)
            return rift_fail(err, RIFT_ERR_INVALID, "the layer knows no request '%s'",
                             word ? word : "(not a text)");
        rule->ops |= known_ops[k].op;
    }
    return rule->ops ? 0 : rift_fail(err, RIFT_ERR_INVALID, "a rule without requests");
}

static int rule_read_delays(struct layer_rule *rule, const json_t *delays, struct rift_error *err)
{
    for (size_t i = 0; i < OPS; i++) {
        double ms = json_number_value(json_object_get(delays, known_ops[i].word));
        if (!(ms >= 0 && ms <= DELAY_MAX_MS))
            return rift_fail(err, RIFT_ERR_INVALID, "a delay is from 0 to %d ms", DELAY_MAX_MS);
        rule->delay_ns[i] = (int64_t)(ms * RIFT_MS);
    }
    return 0;
}

static int rule_read(struct layer_rule *rule, const json_t *json, struct rift_error *err)
{
    const char *files = json_string_value(json_object_get(json, "files"));
    double chance = json_number_value(json_object_get(json, "chance"));
    if (!files || strlen(files) >= GLOB_SIZE)
        return rift_fail(err, RIFT_ERR_INVALID, "'files' must be a pattern below %d bytes",
                         GLOB_SIZE);
    if (!(chance >= 0 && chance <= 1))
        return rift_fail(err, RIFT_ERR_INVALID, "a chance is from 0 to 1");
    snprintf(rule->files, sizeof rule->files, "%s", files);
    rule->error = (int)json_integer_value(json_object_get(json, "error"));
    rule->chance = chance;
    rule->flips = json_is_true(json_object_get(json, "flip"));
    rift_rng_init(&rule->rng, (uint64_t)json_integer_value(json_object_get(json, "seed")));
    rule->rng_of_probe = rule->rng;
    return rule_read_ops(rule, json_object_get(json, "ops"), err) ||
                   rule_read_delays(rule, json_object_get(json, "delay_ms"), err)
               ? -1
               : 0;
}

int layer_rules_set(struct layer_rules *rules, const char *id, const json_t *json, int64_t until_ns,
                    struct rift_error *err)
{
    struct layer_rule *rule = rift_calloc(1, sizeof *rule);
    snprintf(rule->id, sizeof rule->id, "%s", id);
    rule->until_ns = until_ns;
    layer_rules_end(rules, id);
    if (rules->count >= RULES_MAX || rule_read(rule, json, err)) {
        if (rules->count >= RULES_MAX)
            rift_fail(err, RIFT_ERR_LIMIT, "%d rules are on already", RULES_MAX);
        free(rule);
        return -1;
    }
    rule->next = rules->first;
    rules->first = rule;
    rules->count++;
    return 0;
}

bool layer_rules_renew(struct layer_rules *rules, const char *id, int64_t until_ns)
{
    struct layer_rule *rule = rule_find(rules, id);
    if (rule)
        rule->until_ns = until_ns;
    return rule != NULL;
}

void layer_rules_end(struct layer_rules *rules, const char *id)
{
    struct layer_rule **link = &rules->first, *rule = rule_find(rules, id);
    if (!rule)
        return;
    while (*link != rule)
        link = &(*link)->next;
    *link = rule->next;
    rules->count--;
    free(rule);
}

bool layer_rules_want(const struct layer_rules *rules, enum layer_op op, int64_t now_ns)
{
    for (const struct layer_rule *rule = rules->first; rule; rule = rule->next)
        if ((rule->ops & op) && now_ns < rule->until_ns)
            return true;
    return false;
}

static int64_t rule_delay(const struct layer_rule *rule, enum layer_op op)
{
    size_t i = 0;
    while (known_ops[i].op != op)
        i++;
    return rule->delay_ns[i];
}

void layer_rules_judge(struct layer_rules *rules, enum layer_op op, const char *path,
                       int64_t now_ns, struct layer_verdict *verdict)
{
    *verdict = (struct layer_verdict){0};
    bool is_probe = strcmp(path, RIFT_LAYER_PROBE) == 0;
    for (struct layer_rule *rule = rules->first; rule; rule = rule->next) {
        if (!(rule->ops & op) || now_ns >= rule->until_ns ||
            (!is_probe && !rift_glob_matches(rule->files, path)))
            continue;
        struct rift_rng *rng = is_probe ? &rule->rng_of_probe : &rule->rng;
        if (rule->chance < 1 && rift_rng_unit(rng) >= rule->chance)
            continue;
        rule->hits += !is_probe;
        if (rule->error)
            verdict->error = rule->error;
        if (rule->flips) {
            verdict->flips = true;
            verdict->flip_bit = rift_rng_next(rng);
        }
        int64_t delay_ns = rule_delay(rule, op);
        int64_t due = now_ns + delay_ns < rule->until_ns ? now_ns + delay_ns : rule->until_ns;
        if (delay_ns > 0 && due > verdict->due_ns)
            verdict->due_ns = due;
    }
}

uint64_t layer_rules_hits(const struct layer_rules *rules, const char *id)
{
    const struct layer_rule *rule = rule_find(rules, id);
    return rule ? rule->hits : 0;
}

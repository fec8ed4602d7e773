/* YAML as a tree that remembers where each thing stood. */
#ifndef PLAN_TREE_H
#define PLAN_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/error.h"

enum rift_tree_kind { RIFT_TREE_SCALAR, RIFT_TREE_LIST, RIFT_TREE_MAP };

enum { RIFT_TREE_BYTES_MAX = 1 << 20, RIFT_TREE_DEPTH_MAX = 24, RIFT_TREE_NODES_MAX = 100000 };

struct rift_tree {
    enum rift_tree_kind kind;
    unsigned line, column; /* from 1 */
    const char *text;      /* of a scalar */
    bool is_plain;         /* a scalar without quotes, which may mean a number, a bool or nothing */
    size_t count;          /* of a list or map */
    struct rift_tree **items;
    struct rift_tree **keys; /* of a map; scalars */
};

/* Parses one document; all of it lives in the arena. Fails with "path:line:column: what": on bad
 * YAML, a key that comes twice, an anchor or alias, and past the limits above. An empty document is
 * an empty map. */
struct rift_tree *rift_tree_parse(struct rift_arena *arena, const char *path, const char *text,
                                  size_t length, struct rift_error *err);

/* NULL where the map (or NULL) has no such key. */
struct rift_tree *rift_tree_get(const struct rift_tree *map, const char *key);
/* A plain scalar that YAML reads as null, or NULL. */
bool rift_tree_is_nothing(const struct rift_tree *node);

/* What a plain scalar means in YAML 1.2's core schema; texts stay texts. A new reference. */
json_t *rift_scalar_to_json(const char *text, bool is_plain);
json_t *rift_tree_to_json(const struct rift_tree *node);

#endif

/* Members of a JSON object as texts, numbers, lists and tables. A reader knows the path of what it
 * reads, so that a mistake is named by where it stands; keys that nothing reads are mistakes too.
 * The texts and lists live in the reader's arena. */
#ifndef COMMON_WIRE_RECIPE_READER_H
#define COMMON_WIRE_RECIPE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/arena.h"
#include "common/error.h"

struct recipe_reader {
    struct rift_arena *arena;
    struct rift_error *err;
    size_t items_max;   /* of any list or table */
    const json_t *json; /* the object whose members are read */
    char path[128];     /* "" at the top, else "processes[0]." */
};

#define RECIPE_KEYS(...)                                                                           \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* "recipe: 'PATH.KEY' WHAT"; -1. */
int recipe_reader_fail(const struct recipe_reader *reader, const char *key, const char *what);
/* Fails at a key that is not in the list, and names the nearest that is. */
int recipe_reader_known_keys(const struct recipe_reader *reader, const char *const *keys);
/* A reader for member i of the list `key`, or for the object `key` where i is negative. */
int recipe_reader_enter(const struct recipe_reader *reader, const char *key, int i,
                        const json_t *json, struct recipe_reader *inner);

/* Numbers and booleans stand for their text: YAML does not tell 8080 from "8080". */
int recipe_read_scalar(const struct recipe_reader *reader, const char *key, const json_t *json,
                       const char **text);
int recipe_read_text(const struct recipe_reader *reader, const char *key, const char *fallback,
                     const char **text);
int recipe_read_required(const struct recipe_reader *reader, const char *key, const char **text);
int recipe_read_number(const struct recipe_reader *reader, const char *key, int64_t fallback,
                       int64_t minimum, int64_t maximum, int64_t *number);
/* false where absent. */
int recipe_read_bool(const struct recipe_reader *reader, const char *key, bool *value);

/* NULL-terminated; empty where absent. An argv is not empty. */
int recipe_read_texts_from(const struct recipe_reader *reader, const char *key, const json_t *json,
                           const char *const **list);
int recipe_read_texts(const struct recipe_reader *reader, const char *key,
                      const char *const **list);
int recipe_read_argv(const struct recipe_reader *reader, const char *key, const char *const **argv);

/* Reads one item of a list (key is the list's, i counts) or of a table (key is the member's name,
 * i is -1): what recipe_reader_enter needs. The item is zeroed. */
typedef int recipe_read_item(const struct recipe_reader *reader, const char *key, int i,
                             const json_t *json, void *item);
/* The items of the list or table `key`, followed by a zeroed one; NULL after a mistake. */
void *recipe_read_list(const struct recipe_reader *reader, const char *key, recipe_read_item *read,
                       size_t item_size, size_t *count);
void *recipe_read_table(const struct recipe_reader *reader, const char *key, recipe_read_item *read,
                        size_t item_size, size_t *count);

#endif

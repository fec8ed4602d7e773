#include "common/wire/recipe_reader.h"

#include <string.h>

#include "common/text.h"

enum { TEXT_MAX = 1 << 16 };

int recipe_reader_fail(const struct recipe_reader *reader, const char *key, const char *what)
{
    return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: '%s%s' %s", reader->path, key, what);
}

int recipe_reader_known_keys(const struct recipe_reader *reader, const char *const *keys)
{
    size_t count = 0;
    while (keys[count])
        count++;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)reader->json, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(key, keys[i]) != 0)
            i++;
        if (i < count)
            continue;
        const char *near = rift_text_nearest(key, keys, count);
        return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: unknown key '%s%s'%s%s%s",
                         reader->path, key, near ? " (did you mean '" : "", near ? near : "",
                         near ? "'?)" : "");
    }
    return 0;
}

int recipe_reader_enter(const struct recipe_reader *reader, const char *key, int i,
                        const json_t *json, struct recipe_reader *inner)
{
    *inner = *reader;
    inner->json = json;
    struct rift_text path = {0};
    if (i < 0)
        rift_text_printf(&path, "%s%s.", reader->path, key);
    else
        rift_text_printf(&path, "%s%s[%d].", reader->path, key, i);
    strncpy(inner->path, path.data, sizeof inner->path - 1);
    inner->path[sizeof inner->path - 1] = 0;
    rift_text_finish(&path);
    if (!json_is_object(json))
        return rift_fail(reader->err, RIFT_ERR_INVALID, "recipe: '%.*s' must be a table of keys",
                         (int)strlen(inner->path) - 1, inner->path);
    return 0;
}

int recipe_read_scalar(const struct recipe_reader *reader, const char *key, const json_t *json,
                       const char **text)
{
    if (json_is_string(json)) {
        if (json_string_length(json) > TEXT_MAX)
            return recipe_reader_fail(reader, key, "is too long");
        *text = rift_arena_strdup(reader->arena, json_string_value(json));
    } else if (json_is_integer(json)) {
        *text = rift_arena_printf(reader->arena, "%lld", (long long)json_integer_value(json));
    } else if (json_is_real(json)) {
        *text = rift_arena_printf(reader->arena, "%.17g", json_real_value(json));
    } else if (json_is_boolean(json)) {
        *text = json_is_true(json) ? "true" : "false";
    } else {
        return recipe_reader_fail(reader, key, "must be a text");
    }
    return 0;
}

int recipe_read_text(const struct recipe_reader *reader, const char *key, const char *fallback,
                     const char **text)
{
    const json_t *json = json_object_get(reader->json, key);
    *text = fallback;
    return json && !json_is_null(json) ? recipe_read_scalar(reader, key, json, text) : 0;
}

int recipe_read_required(const struct recipe_reader *reader, const char *key, const char **text)
{
    if (recipe_read_text(reader, key, NULL, text))
        return -1;
    return *text && **text ? 0 : recipe_reader_fail(reader, key, "is missing");
}

int recipe_read_number(const struct recipe_reader *reader, const char *key, int64_t fallback,
                       int64_t minimum, int64_t maximum, int64_t *number)
{
    const json_t *json = json_object_get(reader->json, key);
    *number = fallback;
    if (!json)
        return 0;
    if (!json_is_integer(json) || json_integer_value(json) < minimum ||
        json_integer_value(json) > maximum)
        return rift_fail(reader->err, RIFT_ERR_INVALID,
                         "recipe: '%s%s' must be a whole number from %lld to %lld", reader->path,
                         key, (long long)minimum, (long long)maximum);
    *number = json_integer_value(json);
    return 0;
}

int recipe_read_bool(const struct recipe_reader *reader, const char *key, bool *value)
{
    const json_t *json = json_object_get(reader->json, key);
    if (json && !json_is_boolean(json))
        return recipe_reader_fail(reader, key, "must be true or false");
    *value = json_is_true(json);
    return 0;
}

static int list_size(const struct recipe_reader *reader, const char *key, const json_t *json)
{
    if (!json || json_is_null(json))
        return 0;
    if (!json_is_array(json))
        return recipe_reader_fail(reader, key, "must be a list");
    if (json_array_size(json) > reader->items_max)
        return recipe_reader_fail(reader, key, "is too long");
    return (int)json_array_size(json);
}

int recipe_read_texts_from(const struct recipe_reader *reader, const char *key, const json_t *json,
                           const char *const **list)
{
    int count = list_size(reader, key, json);
    if (count < 0)
        return -1;
    const char **texts = rift_arena_calloc(reader->arena, (size_t)count + 1, sizeof *texts);
    for (int i = 0; i < count; i++)
        if (recipe_read_scalar(reader, key, json_array_get(json, (size_t)i), &texts[i]))
            return -1;
    *list = texts;
    return 0;
}

int recipe_read_texts(const struct recipe_reader *reader, const char *key, const char *const **list)
{
    return recipe_read_texts_from(reader, key, json_object_get(reader->json, key), list);
}

int recipe_read_argv(const struct recipe_reader *reader, const char *key, const char *const **argv)
{
    if (recipe_read_texts(reader, key, argv))
        return -1;
    return (*argv)[0]
               ? 0
               : recipe_reader_fail(reader, key, "must be a list: a program and its arguments");
}

static int table_size(const struct recipe_reader *reader, const char *key, const json_t *table)
{
    if (!table || json_is_null(table))
        return 0;
    if (!json_is_object(table))
        return recipe_reader_fail(reader, key, "must be a table of names");
    if (json_object_size(table) > reader->items_max)
        return recipe_reader_fail(reader, key, "has too many members");
    return (int)json_object_size(table);
}

void *recipe_read_list(const struct recipe_reader *reader, const char *key, recipe_read_item *read,
                       size_t item_size, size_t *count)
{
    const json_t *json = json_object_get(reader->json, key);
    int size = list_size(reader, key, json);
    if (size < 0)
        return NULL;
    *count = (size_t)size;
    char *items = rift_arena_calloc(reader->arena, *count + 1, item_size);
    for (int i = 0; i < size; i++)
        if (read(reader, key, i, json_array_get(json, (size_t)i), items + (size_t)i * item_size))
            return NULL;
    return items;
}

void *recipe_read_table(const struct recipe_reader *reader, const char *key, recipe_read_item *read,
                        size_t item_size, size_t *count)
{
    json_t *table = json_object_get(reader->json, key);
    int size = table_size(reader, key, table);
    if (size < 0)
        return NULL;
    *count = (size_t)size;
    char *items = rift_arena_calloc(reader->arena, *count + 1, item_size);
    char *item = items;
    const char *name;
    json_t *value;
    json_object_foreach(table, name, value)
    {
        if (read(reader, name, -1, value, item))
            return NULL;
        item += item_size;
    }
    return items;
}

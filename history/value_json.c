/* Values as JSON, for clients in other languages, exports and reports. */
#include "history/value.h"

#include <math.h>
#include <string.h>

#include "common/memory.h"

/* Bytes that are not UTF-8 have no place in JSON: each becomes a question mark. */
static json_t *text_to_json(const struct rift_values *values, struct rift_value value)
{
    size_t length = 0;
    const char *chars = rift_value_as_text(values, value, &length);
    json_t *json = json_stringn(chars, length);
    if (json)
        return json;
    char *plain CLEANUP(rift_free) = rift_strndup(chars, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)plain[i] >= 128)
            plain[i] = '?';
    return json_stringn(plain, length);
}

static json_t *items_to_json(const struct rift_values *values, struct rift_value value,
                             size_t width)
{
    json_t *array = json_array();
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i += width) {
        json_t *into = width == 1 ? array : json_array();
        for (size_t k = 0; k < width; k++)
            json_array_append_new(
                into, rift_value_to_json(values, rift_value_item(values, value, i + k)));
        if (width > 1)
            json_array_append_new(array, into);
    }
    return array;
}

static json_t *map_to_json(const struct rift_values *values, struct rift_value value)
{
    json_t *object = json_object();
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i += 2) {
        struct rift_value key = rift_value_item(values, value, i);
        enum rift_value_kind kind = rift_value_kind(values, key);
        size_t length = 0;
        const char *name = rift_value_as_text(values, key, &length);
        bool is_name = (kind == RIFT_TEXT || kind == RIFT_KEYWORD) && strlen(name) == length &&
                       !json_object_get(object, name);
        /* Refused where the name is not UTF-8. */
        if (!is_name ||
            json_object_set_new(
                object, name, rift_value_to_json(values, rift_value_item(values, value, i + 1)))) {
            json_decref(object);
            return items_to_json(values, value, 2);
        }
    }
    return object;
}

json_t *rift_value_to_json(const struct rift_values *values, struct rift_value value)
{
    switch (rift_value_kind(values, value)) {
    case RIFT_NIL:
        return json_null();
    case RIFT_BOOL:
        return json_boolean(rift_value_as_bool(value));
    case RIFT_INTEGER:
        return json_integer(rift_value_as_integer(values, value));
    case RIFT_DOUBLE: {
        double number = rift_value_as_double(values, value);
        return isfinite(number) ? json_real(number) : json_null();
    }
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        return text_to_json(values, value);
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_SET:
        return items_to_json(values, value, 1);
    case RIFT_MAP:
        return map_to_json(values, value);
    case RIFT_TXN:
        return items_to_json(values, value, 3);
    }
    return json_null();
}

static int from_json(struct rift_values *values, const json_t *json, unsigned depth,
                     struct rift_value *value, struct rift_error *err);

static int box_from_json(struct rift_values *values, const json_t *json, unsigned depth,
                         struct rift_value *value, struct rift_error *err)
{
    bool is_map = json_is_object(json);
    size_t count = is_map ? 2 * json_object_size(json) : json_array_size(json);
    struct rift_value *items CLEANUP(rift_free) = rift_reallocarray(NULL, count, sizeof *items);
    size_t n = 0;
    if (is_map) {
        const char *name;
        json_t *item;
        json_object_foreach((json_t *)json, name, item)
        {
            items[n++] = rift_value_text(values, name, strlen(name));
            if (from_json(values, item, depth + 1, &items[n++], err) != 0)
                return -1;
        }
    } else {
        for (; n < count; n++)
            if (from_json(values, json_array_get(json, n), depth + 1, &items[n], err) != 0)
                return -1;
    }
    *value = rift_value_box(values, is_map ? RIFT_MAP : RIFT_LIST, items, count);
    return 0;
}

static int from_json(struct rift_values *values, const json_t *json, unsigned depth,
                     struct rift_value *value, struct rift_error *err)
{
    if (depth > RIFT_VALUE_DEPTH_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "a value nests deeper than %d levels",
                         RIFT_VALUE_DEPTH_MAX);
    *value = RIFT_VALUE_NIL;
    if (json_is_boolean(json))
        *value = rift_value_bool(json_is_true(json));
    else if (json_is_integer(json))
        *value = rift_value_integer(values, json_integer_value(json));
    else if (json_is_real(json))
        *value = rift_value_double(values, json_real_value(json));
    else if (json_is_string(json))
        *value = rift_value_text(values, json_string_value(json), json_string_length(json));
    else if (json_is_array(json) || json_is_object(json))
        return box_from_json(values, json, depth, value, err);
    return 0;
}

int rift_value_from_json(struct rift_values *values, const json_t *json, struct rift_value *value,
                         struct rift_error *err)
{
    return from_json(values, json, 1, value, err);
}

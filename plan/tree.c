/* On libyaml's event parser, by recursion of bounded depth. */
#include "plan/tree.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "common/memory.h"

struct tree_reader {
    yaml_parser_t parser;
    struct rift_arena *arena;
    const char *path;
    struct rift_error *err;
    size_t node_count;
};

static struct rift_tree *fail_at(struct tree_reader *reader, size_t line, size_t column,
                                 const char *what, const char *detail)
{
    rift_fail(reader->err, RIFT_ERR_INVALID, "%s:%zu:%zu: %s%s%s%s", reader->path, line + 1,
              column + 1, what, detail ? " '" : "", detail ? detail : "", detail ? "'" : "");
    return NULL;
}

static const char no_anchors[] = "anchors and aliases (& and *) are not supported; a text that "
                                 "begins with one needs quotes";

static const char no_such_start[] = "neither a tab, nor @, `, % before a text without quotes, can "
                                    "stand here; YAML indents with blanks";

static int next_event(struct tree_reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return 0;
    const yaml_parser_t *parser = &reader->parser;
    yaml_mark_t mark = parser->problem_mark;
    /* Of bytes that are no UTF-8 only the offset is known. */
    if (parser->error == YAML_READER_ERROR)
        rift_fail(reader->err, RIFT_ERR_INVALID, "%s: byte %zu: %s", reader->path,
                  parser->problem_offset, parser->problem ? parser->problem : "not YAML");
    else if (parser->context && strstr(parser->context, "scanning an alias"))
        rift_fail(reader->err, RIFT_ERR_INVALID, "%s:%zu:%zu: %s", reader->path,
                  parser->context_mark.line + 1, parser->context_mark.column + 1, no_anchors);
    else if (parser->problem && strstr(parser->problem, "cannot start any token"))
        rift_fail(reader->err, RIFT_ERR_INVALID, "%s:%zu:%zu: %s", reader->path, mark.line + 1,
                  mark.column + 1, no_such_start);
    else
        rift_fail(reader->err, RIFT_ERR_INVALID, "%s:%zu:%zu: %s%s%s", reader->path, mark.line + 1,
                  mark.column + 1, parser->problem ? parser->problem : "not YAML",
                  parser->context ? " " : "", parser->context ? parser->context : "");
    return -1;
}

static struct rift_tree *read_node(struct tree_reader *reader, const yaml_event_t *event,
                                   unsigned depth);

static void grow(struct tree_reader *reader, struct rift_tree *node)
{
    if (node->count & (node->count - 1))
        return;
    size_t capacity = node->count ? 2 * node->count : 1;
    struct rift_tree **items = rift_arena_calloc(reader->arena, capacity, sizeof *items);
    struct rift_tree **keys = rift_arena_calloc(reader->arena, capacity, sizeof *keys);
    for (size_t i = 0; i < node->count; i++) {
        items[i] = node->items[i];
        keys[i] = node->keys[i];
    }
    node->items = items;
    node->keys = keys;
}

/* Reads the items behind a start event; 0 at its end. */
static int read_children(struct tree_reader *reader, struct rift_tree *node, unsigned depth)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(reader, &event) != 0)
            return -1;
        if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        struct rift_tree *key = NULL;
        struct rift_tree *child = read_node(reader, &event, depth);
        yaml_event_delete(&event);
        if (child && node->kind == RIFT_TREE_MAP) {
            key = child;
            if (key->kind != RIFT_TREE_SCALAR) {
                fail_at(reader, key->line - 1, key->column - 1, "a key must be a word", NULL);
                return -1;
            }
            if (rift_tree_get(node, key->text)) {
                fail_at(reader, key->line - 1, key->column - 1, "this key comes twice:", key->text);
                return -1;
            }
            if (next_event(reader, &event) != 0)
                return -1;
            child = read_node(reader, &event, depth);
            yaml_event_delete(&event);
        }
        if (!child)
            return -1;
        grow(reader, node);
        node->keys[node->count] = key;
        node->items[node->count++] = child;
    }
}

static struct rift_tree *read_node(struct tree_reader *reader, const yaml_event_t *event,
                                   unsigned depth)
{
    yaml_mark_t mark = event->start_mark;
    if (depth > RIFT_TREE_DEPTH_MAX)
        return fail_at(reader, mark.line, mark.column, "nested too deeply", NULL);
    if (++reader->node_count > RIFT_TREE_NODES_MAX)
        return fail_at(reader, mark.line, mark.column, "too many things in one file", NULL);
    struct rift_tree *node = rift_arena_calloc(reader->arena, 1, sizeof *node);
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    bool has_anchor = false;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        has_anchor = event->data.scalar.anchor;
        node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        node->text = rift_arena_strdup(reader->arena, (const char *)event->data.scalar.value);
        if (strlen(node->text) != event->data.scalar.length)
            return fail_at(reader, mark.line, mark.column, "a text with a zero byte in it", NULL);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        has_anchor = event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
                                                              : event->data.mapping_start.anchor;
        node->kind = event->type == YAML_SEQUENCE_START_EVENT ? RIFT_TREE_LIST : RIFT_TREE_MAP;
        if (read_children(reader, node, depth + 1) != 0)
            return NULL;
        break;
    case YAML_ALIAS_EVENT:
        has_anchor = true;
        break;
    default:
        return fail_at(reader, mark.line, mark.column, "something is missing here", NULL);
    }
    if (has_anchor)
        return fail_at(reader, mark.line, mark.column, no_anchors, NULL);
    return node;
}

static struct rift_tree *read_document(struct tree_reader *reader)
{
    struct rift_tree *root = rift_arena_calloc(reader->arena, 1, sizeof *root);
    *root = (struct rift_tree){.kind = RIFT_TREE_MAP, .line = 1, .column = 1};
    bool has_root = false;
    for (;;) {
        yaml_event_t event;
        if (next_event(reader, &event) != 0)
            return NULL;
        yaml_event_type_t type = event.type;
        yaml_mark_t mark = event.start_mark;
        bool is_content = type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
                          type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
        bool is_second = type == YAML_DOCUMENT_START_EVENT && has_root;
        if (is_content && root) {
            root = read_node(reader, &event, 0);
            has_root = true;
        }
        yaml_event_delete(&event);
        if (is_second)
            return fail_at(reader, mark.line, mark.column, "a second document in one file", NULL);
        if (!root || type == YAML_STREAM_END_EVENT)
            return root;
    }
}

struct rift_tree *rift_tree_parse(struct rift_arena *arena, const char *path, const char *text,
                                  size_t length, struct rift_error *err)
{
    if (length > RIFT_TREE_BYTES_MAX) {
        rift_fail(err, RIFT_ERR_LIMIT, "%s: larger than %d bytes", path, RIFT_TREE_BYTES_MAX);
        return NULL;
    }
    struct tree_reader reader = {.arena = arena, .path = path, .err = err};
    if (!yaml_parser_initialize(&reader.parser)) {
        rift_fail(err, RIFT_ERR_LIMIT, "%s: no memory for a YAML parser", path);
        return NULL;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    struct rift_tree *root = read_document(&reader);
    yaml_parser_delete(&reader.parser);
    return root;
}

struct rift_tree *rift_tree_get(const struct rift_tree *map, const char *key)
{
    if (!map || map->kind != RIFT_TREE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

bool rift_tree_is_nothing(const struct rift_tree *node)
{
    if (!node)
        return true;
    if (node->kind != RIFT_TREE_SCALAR || !node->is_plain)
        return false;
    return node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

json_t *rift_scalar_to_json(const char *text, bool is_plain)
{
    if (!is_plain)
        return json_string(text);
    if (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
        return json_null();
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return json_boolean(text[0] == 't');
    /* strtod also takes "inf", "nan" and hexadecimal, which are texts here. */
    if (strspn(text, "+-.0123456789eE") != strlen(text) || !strpbrk(text, "0123456789"))
        return json_string(text);
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (*end == '\0' && errno == 0)
        return json_integer(integer);
    double real = strtod(text, &end);
    if (*end == '\0' && isfinite(real))
        return json_real(real);
    return json_string(text);
}

json_t *rift_tree_to_json(const struct rift_tree *node)
{
    if (node->kind == RIFT_TREE_SCALAR)
        return rift_scalar_to_json(node->text, node->is_plain);
    json_t *json = node->kind == RIFT_TREE_LIST ? json_array() : json_object();
    for (size_t i = 0; i < node->count; i++) {
        json_t *item = rift_tree_to_json(node->items[i]);
        if (node->kind == RIFT_TREE_LIST)
            json_array_append_new(json, item);
        else
            json_object_set_new(json, node->keys[i]->text, item);
    }
    return json;
}

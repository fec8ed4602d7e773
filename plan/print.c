/* The frozen plan as YAML, written by libyaml's emitter. A text that would be read back as a
 * number, a bool or nothing gets quotes; one of several lines is a literal block. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include "common/memory.h"
#include "plan/plan.h"
#include "plan/tree.h"

static int append_output(void *context, unsigned char *bytes, size_t size)
{
    rift_text_append_bytes(context, bytes, size);
    return 1;
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
    /* Only memory can fail here; the text would then be cut, and reading it back shows that. */
    yaml_emitter_emit(emitter, event);
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text),
                                 1, 1, style);
    emit(emitter, &event);
}

/* The fewest digits that give the same number again. */
static void print_real(double number, char *text, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
}

static void emit_text(yaml_emitter_t *emitter, const char *text)
{
    json_t *plain = rift_scalar_to_json(text, true);
    yaml_scalar_style_t style = YAML_PLAIN_SCALAR_STYLE;
    if (!json_is_string(plain))
        style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    else if (strchr(text, '\n'))
        style = YAML_LITERAL_SCALAR_STYLE;
    json_decref(plain);
    emit_scalar(emitter, text, style);
}

static bool is_flat(const json_t *json)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json, i, item) if (json_is_object(item) || json_is_array(item)) return false;
    return true;
}

static void emit_value(yaml_emitter_t *emitter, const json_t *json)
{
    char number[64];
    yaml_event_t event;
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
        emit(emitter, &event);
        json_object_foreach((json_t *)json, key, item)
        {
            emit_text(emitter, key);
            emit_value(emitter, item);
        }
        yaml_mapping_end_event_initialize(&event);
        emit(emitter, &event);
        break;
    case JSON_ARRAY:
        yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                             is_flat(json) ? YAML_FLOW_SEQUENCE_STYLE
                                                           : YAML_BLOCK_SEQUENCE_STYLE);
        emit(emitter, &event);
        json_array_foreach(json, i, item) emit_value(emitter, item);
        yaml_sequence_end_event_initialize(&event);
        emit(emitter, &event);
        break;
    case JSON_STRING:
        emit_text(emitter, json_string_value(json));
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json));
        emit_scalar(emitter, number, YAML_PLAIN_SCALAR_STYLE);
        break;
    case JSON_REAL:
        print_real(json_real_value(json), number, sizeof number);
        emit_scalar(emitter, number, YAML_PLAIN_SCALAR_STYLE);
        break;
    default:
        emit_scalar(emitter,
                    json_is_null(json)   ? "null"
                    : json_is_true(json) ? "true"
                                         : "false",
                    YAML_PLAIN_SCALAR_STYLE);
        break;
    }
}

void rift_plan_print(const struct rift_plan *plan, struct rift_text *text)
{
    yaml_emitter_t emitter;
    yaml_event_t event;
    if (!yaml_emitter_initialize(&emitter))
        return;
    yaml_emitter_set_output(&emitter, append_output, text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, 100);
    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(&emitter, &event);
    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    emit(&emitter, &event);
    emit_value(&emitter, plan->json);
    yaml_document_end_event_initialize(&event, 1);
    emit(&emitter, &event);
    yaml_stream_end_event_initialize(&event);
    emit(&emitter, &event);
    yaml_emitter_delete(&emitter);
}

int rift_plan_write(const struct rift_plan *plan, const char *path, struct rift_error *err)
{
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int result = 0;
    for (size_t done = 0; fd >= 0 && result == 0 && done < text.length;) {
        ssize_t written = write(fd, text.data + done, text.length - done);
        if (written < 0 && errno != EINTR)
            result = rift_fail_errno(err, RIFT_ERR_IO, "cannot write '%s'", path);
        done += written > 0 ? (size_t)written : 0;
    }
    if (fd < 0)
        result = rift_fail_errno(err, RIFT_ERR_IO, "cannot write '%s'", path);
    else if (fsync(fd) != 0 && result == 0)
        result = rift_fail_errno(err, RIFT_ERR_IO, "cannot write '%s'", path);
    rift_close_fd(&fd);
    rift_text_finish(&text);
    return result;
}

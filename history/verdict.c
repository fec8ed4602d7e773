/* Verdicts: how they merge, gather evidence, and travel as JSON. */
#include "history/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

const char *rift_validity_name(enum rift_validity validity)
{
    static const char *const names[] = {"valid", "unknown", "invalid"};
    return names[validity];
}

enum rift_validity rift_validity_merge(enum rift_validity a, enum rift_validity b)
{
    return a > b ? a : b;
}

int rift_validity_exit_code(enum rift_validity validity)
{
    static const int codes[] = {0, 2, 1};
    return codes[validity];
}

void rift_verdict_finish(struct rift_verdict *verdict)
{
    free(verdict->reason);
    json_decref(verdict->details);
    *verdict = (struct rift_verdict){0};
}

static char *verdict_format(const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    return rift_strdup(text);
}

void rift_verdict_doubt(struct rift_verdict *verdict, const char *format, ...)
{
    if (verdict->validity == RIFT_INVALID)
        return;
    va_list args;
    va_start(args, format);
    char *reason = verdict_format(format, args);
    va_end(args);
    if (verdict->validity == RIFT_UNKNOWN && verdict->reason && strstr(verdict->reason, reason)) {
        free(reason); /* said already */
        return;
    }
    if (verdict->validity == RIFT_UNKNOWN && verdict->reason) {
        char *both = rift_printf("%s; %s", verdict->reason, reason);
        free(reason);
        reason = both;
    }
    free(verdict->reason);
    verdict->reason = reason;
    verdict->validity = RIFT_UNKNOWN;
}

static json_t *verdict_member(struct rift_verdict *verdict, const char *name, json_t *(*make)(void))
{
    if (!verdict->details)
        verdict->details = json_object();
    json_t *member = json_object_get(verdict->details, name);
    if (!member) {
        member = make();
        json_object_set_new(verdict->details, name, member);
    }
    return member;
}

json_t *rift_verdict_convict(struct rift_verdict *verdict, const char *name, const char *format,
                             ...)
{
    va_list args;
    va_start(args, format);
    char *text = verdict_format(format, args);
    va_end(args);
    json_t *anomaly = json_pack("{s:s, s:s}", "name", name, "text", text);
    json_array_append_new(verdict_member(verdict, "anomalies", json_array), anomaly);
    if (verdict->validity != RIFT_INVALID) {
        free(verdict->reason);
        verdict->reason = text;
        verdict->validity = RIFT_INVALID;
    } else {
        free(text);
    }
    return anomaly;
}

json_t *rift_verdict_stats(struct rift_verdict *verdict)
{
    return verdict_member(verdict, "stats", json_object);
}

json_t *rift_verdict_to_json(const struct rift_verdict *verdict)
{
    json_t *json = json_object();
    json_object_set_new(json, "valid",
                        verdict->validity == RIFT_UNKNOWN
                            ? json_string("unknown")
                            : json_boolean(verdict->validity == RIFT_VALID));
    if (verdict->reason)
        json_object_set_new(json, "reason", json_string(verdict->reason));
    if (verdict->details)
        json_object_update_missing(json, verdict->details);
    return json;
}

int rift_verdict_from_json(struct rift_verdict *verdict, const json_t *json, struct rift_error *err)
{
    const json_t *valid = json_object_get(json, "valid");
    const char *word = json_string_value(valid);
    if (!json_is_boolean(valid) && !(word && strcmp(word, "unknown") == 0))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "a verdict has no \"valid\" that is true, false or \"unknown\"");
    *verdict = (struct rift_verdict){
        .validity = word                  ? RIFT_UNKNOWN
                    : json_is_true(valid) ? RIFT_VALID
                                          : RIFT_INVALID,
        .details = json_deep_copy(json),
    };
    const char *reason = json_string_value(json_object_get(json, "reason"));
    verdict->reason = reason ? rift_strdup(reason) : NULL;
    json_object_del(verdict->details, "valid");
    json_object_del(verdict->details, "reason");
    return 0;
}

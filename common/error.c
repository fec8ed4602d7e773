/* Error text that wraps as it rises: each layer puts what it knows in front. */
#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int rift_fail(struct rift_error *err, enum rift_error_code code, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->code = code;
    return -1;
}

int rift_fail_errno(struct rift_error *err, enum rift_error_code code, const char *format, ...)
{
    int number = errno;
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t length = strlen(err->text);
    snprintf(err->text + length, sizeof err->text - length, ": %s", strerror(number));
    err->code = code;
    return -1;
}

int rift_wrap(struct rift_error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char inner[RIFT_ERROR_TEXT_SIZE];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t length = strlen(err->text);
    snprintf(err->text + length, sizeof err->text - length, ": %s", inner);
    return -1;
}

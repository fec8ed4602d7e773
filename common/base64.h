/* Base64 (RFC 4648 section 4), padded. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

void rift_base64_encode(struct rift_text *out, const void *bytes, size_t length);
/* Appends the bytes that text stands for; false (out unchanged) where text is not base64. */
bool rift_base64_decode(struct rift_text *out, const char *text, size_t length);

#endif

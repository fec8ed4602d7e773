/* Base64 as the etcd gateway writes keys and values (RFC 4648 section 4, padded). */
#ifndef CLIENTS_ETCD_BASE64_H
#define CLIENTS_ETCD_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

void etcd_base64_encode(struct rift_text *out, const void *bytes, size_t length);
/* Appends the bytes that text stands for; false (out unchanged) where text is not base64. */
bool etcd_base64_decode(struct rift_text *out, const char *text, size_t length);

#endif

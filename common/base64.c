/* Base64 (RFC 4648 section 4, padded), strict when decoding: of an answer that is not canonical not
 * a byte is what was meant. */
#include "common/base64.h"

#include <stdint.h>
#include <string.h>

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void rift_base64_encode(struct rift_text *out, const void *bytes, size_t length)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        char four[4] = {
            base64_alphabet[group >> 18],
            base64_alphabet[group >> 12 & 63],
            left > 1 ? base64_alphabet[group >> 6 & 63] : '=',
            left > 2 ? base64_alphabet[group & 63] : '=',
        };
        rift_text_append_bytes(out, four, sizeof four);
    }
}

/* -1 for a character outside the alphabet. */
static int base64_digit(char c)
{
    const char *found = c ? strchr(base64_alphabet, c) : NULL;
    return found ? (int)(found - base64_alphabet) : -1;
}

static bool base64_is_valid(const char *text, size_t length, size_t *padding)
{
    if (length % 4)
        return false;
    *padding = 0;
    while (*padding < 2 && *padding < length && text[length - 1 - *padding] == '=')
        ++*padding;
    for (size_t i = 0; i < length - *padding; i++) {
        if (base64_digit(text[i]) < 0)
            return false;
    }
    return true;
}

bool rift_base64_decode(struct rift_text *out, const char *text, size_t length)
{
    size_t padding = 0;
    if (!base64_is_valid(text, length, &padding))
        return false;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            int digit = base64_digit(text[i + j]);
            group = group << 6 | (uint32_t)(digit < 0 ? 0 : digit);
        }
        char three[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        rift_text_append_bytes(out, three, i + 4 == length ? 3 - padding : 3);
    }
    return true;
}

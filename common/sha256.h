/* SHA-256 (FIPS 180-4): tells whether a file on a node is the one that was sent. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { RIFT_SHA256_HEX_SIZE = 65 };

struct rift_sha256 {
    uint32_t state[8];
    uint64_t length_bytes;
    unsigned char block[64];
};

void rift_sha256_init(struct rift_sha256 *sum);
void rift_sha256_add(struct rift_sha256 *sum, const void *bytes, size_t length);
/* The digest in hexadecimal, lower case; sum must be initialised anew before another use. */
void rift_sha256_finish(struct rift_sha256 *sum, char hex[RIFT_SHA256_HEX_SIZE]);
int rift_sha256_file(const char *path, char hex[RIFT_SHA256_HEX_SIZE], struct rift_error *err);

#endif

/* Frames between controller and agent: 4 bytes of length, big-endian, then one JSON object. */
#ifndef COMMON_WIRE_FRAME_H
#define COMMON_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/error.h"
#include "common/text.h"

enum {
    RIFT_FRAME_HEADER_BYTES = 4,
    RIFT_FRAME_PAYLOAD_MAX = 1 << 20, /* larger results are split, or fetched as files */
    RIFT_FRAME_FEED_MAX = 1 << 16,    /* most bytes that one feed takes */
};

/* Zeroed is empty and ready. Holds at most one whole frame and one feed. */
struct rift_frame_decoder {
    unsigned char *data;
    size_t start, length, capacity; /* the bytes [start, length) are not consumed yet */
    bool is_broken;
};

/* Takes length bytes (at most RIFT_FRAME_FEED_MAX) as they came from the stream. Call next until it
 * returns 0 before the next feed. Fails once the stream is broken. */
int rift_frame_decoder_feed(struct rift_frame_decoder *decoder, const void *bytes, size_t length,
                            struct rift_error *err);
/* 1 and a new reference in *message; 0 when no whole frame is there; -1 when the stream is broken:
 * a length of 0 or beyond the limit, bytes that are no JSON object. There is no way back then. */
int rift_frame_decoder_next(struct rift_frame_decoder *decoder, json_t **message,
                            struct rift_error *err);
void rift_frame_decoder_finish(struct rift_frame_decoder *decoder);

/* Appends message as one frame to out. Fails, and appends nothing, when it is no object or is too
 * large. */
int rift_frame_encode(const json_t *message, struct rift_text *out, struct rift_error *err);

#endif

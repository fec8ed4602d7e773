/* The decoder keeps the bytes of at most one frame that is not complete; the length is checked
 * before anything is stored for it, so a hostile peer cannot make us hold more. */
#include "common/wire/frame.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static int frame_break(struct rift_frame_decoder *decoder, struct rift_error *err,
                       const char *reason)
{
    decoder->is_broken = true;
    return rift_fail(err, RIFT_ERR_INVALID, "broken stream of frames: %s", reason);
}

int rift_frame_decoder_feed(struct rift_frame_decoder *decoder, const void *bytes, size_t length,
                            struct rift_error *err)
{
    if (decoder->is_broken)
        return frame_break(decoder, err, "an earlier frame was bad");
    size_t held = decoder->length - decoder->start;
    if (length > RIFT_FRAME_FEED_MAX ||
        held > (size_t)RIFT_FRAME_HEADER_BYTES + RIFT_FRAME_PAYLOAD_MAX)
        return frame_break(decoder, err, "more bytes than were consumed");
    if (decoder->start > 0 && held > 0)
        memmove(decoder->data, decoder->data + decoder->start, held);
    decoder->start = 0;
    decoder->length = held;
    if (held + length > decoder->capacity) {
        size_t capacity = decoder->capacity ? decoder->capacity : 4096;
        while (capacity < held + length)
            capacity *= 2;
        decoder->data = rift_realloc(decoder->data, capacity);
        decoder->capacity = capacity;
    }
    if (length > 0)
        memcpy(decoder->data + held, bytes, length);
    decoder->length += length;
    return 0;
}

int rift_frame_decoder_next(struct rift_frame_decoder *decoder, json_t **message,
                            struct rift_error *err)
{
    if (decoder->is_broken)
        return frame_break(decoder, err, "an earlier frame was bad");
    size_t held = decoder->length - decoder->start;
    if (held < RIFT_FRAME_HEADER_BYTES)
        return 0;
    const unsigned char *head = decoder->data + decoder->start;
    size_t payload = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (payload == 0 || payload > RIFT_FRAME_PAYLOAD_MAX)
        return frame_break(decoder, err,
                           "a length out of bounds (is something else printing here?)");
    if (held - RIFT_FRAME_HEADER_BYTES < payload)
        return 0;
    json_error_t json_error;
    json_t *parsed = json_loadb((const char *)head + RIFT_FRAME_HEADER_BYTES, payload,
                                JSON_REJECT_DUPLICATES, &json_error);
    if (!parsed)
        return frame_break(decoder, err, json_error.text);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return frame_break(decoder, err, "the payload is not an object");
    }
    decoder->start += RIFT_FRAME_HEADER_BYTES + payload;
    *message = parsed;
    return 1;
}

void rift_frame_decoder_finish(struct rift_frame_decoder *decoder)
{
    free(decoder->data);
    memset(decoder, 0, sizeof *decoder);
}

int rift_frame_encode(const json_t *message, struct rift_text *out, struct rift_error *err)
{
    if (!json_is_object(message))
        return rift_fail(err, RIFT_ERR_INVALID, "a message must be a JSON object");
    CLEANUP(rift_free) char *payload = json_dumps(message, JSON_COMPACT);
    if (!payload)
        return rift_fail(err, RIFT_ERR_INVALID, "a message holds text that is not UTF-8");
    size_t length = strlen(payload);
    if (length > RIFT_FRAME_PAYLOAD_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "a message of %zu bytes is above the limit of %d",
                         length, RIFT_FRAME_PAYLOAD_MAX);
    unsigned char head[RIFT_FRAME_HEADER_BYTES] = {
        (unsigned char)(length >> 24), (unsigned char)(length >> 16), (unsigned char)(length >> 8),
        (unsigned char)length};
    rift_text_append_bytes(out, head, sizeof head);
    rift_text_append_bytes(out, payload, length);
    return 0;
}

/* Any bytes, cut anywhere: the decoder neither crashes nor holds more than one frame, and what it
 * takes for a frame encodes to a frame that decodes to the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/frame.h"
#include "common/wire/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const json_t *json)
{
    struct rift_text frame = {0};
    struct rift_message message;
    struct rift_error err;
    rift_message_parse(json, &message, &err);
    if (rift_frame_encode(json, &frame, &err) == 0 && frame.length <= RIFT_FRAME_FEED_MAX) {
        struct rift_frame_decoder again = {0};
        json_t *copy = NULL;
        assert(rift_frame_decoder_feed(&again, frame.data, frame.length, NULL) == 0);
        assert(rift_frame_decoder_next(&again, &copy, NULL) == 1);
        assert(json_equal(json, copy));
        json_decref(copy);
        rift_frame_decoder_finish(&again);
    }
    rift_text_finish(&frame);
}

/* The first byte says how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rift_frame_decoder decoder = {0};
    size_t step = size > 0 ? (size_t)data[0] + 1 : 1;
    for (size_t i = 1; i < size; i += step) {
        size_t length = size - i < step ? size - i : step;
        json_t *json;
        if (rift_frame_decoder_feed(&decoder, data + i, length, NULL))
            break;
        while (rift_frame_decoder_next(&decoder, &json, NULL) == 1) {
            check_again(json);
            json_decref(json);
        }
        assert(decoder.capacity <= 2 * (RIFT_FRAME_PAYLOAD_MAX + RIFT_FRAME_FEED_MAX + 4));
    }
    rift_frame_decoder_finish(&decoder);
    return 0;
}

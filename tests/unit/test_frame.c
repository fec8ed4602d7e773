/* Frames survive any cut of the stream, and a hostile stream is refused, not stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/wire/frame.h"
#include "common/wire/messages.h"

static void frame_layout_is_length_then_json(void **state)
{
    (void)state;
    json_t *message = json_pack("{s:i}", "id", 7);
    struct rift_text out = {0};
    assert_int_equal(0, rift_frame_encode(message, &out, NULL));
    assert_int_equal(12, out.length);
    assert_memory_equal("\0\0\0\x08{\"id\":7}", out.data, 12);
    rift_text_finish(&out);
    json_decref(message);
}

static void frames_survive_delivery_byte_by_byte(void **state)
{
    (void)state;
    struct rift_text stream = {0};
    for (int i = 1; i <= 5; i++) {
        json_t *message = json_pack("{s:i, s:s}", "id", i, "verb", "clock");
        assert_int_equal(0, rift_frame_encode(message, &stream, NULL));
        json_decref(message);
    }
    struct rift_frame_decoder decoder = {0};
    int seen = 0;
    for (size_t i = 0; i < stream.length; i++) {
        json_t *message = NULL;
        assert_int_equal(0, rift_frame_decoder_feed(&decoder, stream.data + i, 1, NULL));
        int rc = rift_frame_decoder_next(&decoder, &message, NULL);
        assert_true(rc >= 0);
        if (rc == 1) {
            assert_int_equal(++seen, json_integer_value(json_object_get(message, "id")));
            json_decref(message);
        }
    }
    assert_int_equal(5, seen);
    rift_frame_decoder_finish(&decoder);
    rift_text_finish(&stream);
}

static void many_frames_in_one_delivery_all_arrive(void **state)
{
    (void)state;
    struct rift_frame_decoder decoder = {0};
    assert_int_equal(0,
                     rift_frame_decoder_feed(&decoder, "\0\0\0\x02{}\0\0\0\x02{}\0\0", 14, NULL));
    json_t *message = NULL;
    assert_int_equal(1, rift_frame_decoder_next(&decoder, &message, NULL));
    json_decref(message);
    assert_int_equal(1, rift_frame_decoder_next(&decoder, &message, NULL));
    json_decref(message);
    assert_int_equal(0, rift_frame_decoder_next(&decoder, &message, NULL));
    rift_frame_decoder_finish(&decoder);
}

static void assert_broken(const void *bytes, size_t length)
{
    struct rift_frame_decoder decoder = {0};
    json_t *message = NULL;
    struct rift_error err = {0};
    assert_int_equal(0, rift_frame_decoder_feed(&decoder, bytes, length, NULL));
    assert_int_equal(-1, rift_frame_decoder_next(&decoder, &message, &err));
    assert_int_equal(RIFT_ERR_INVALID, err.code);
    assert_int_equal(-1, rift_frame_decoder_feed(&decoder, "\0", 1, NULL));
    rift_frame_decoder_finish(&decoder);
}

static void bad_lengths_and_payloads_break_the_stream(void **state)
{
    (void)state;
    assert_broken("\xff\xff\xff\xff", 4);
    assert_broken("\0\x10\0\x01", 4);
    assert_broken("\0\0\0\0", 4);
    assert_broken("\0\0\0\x02[]", 6);
    assert_broken("\0\0\0\x03{}x", 7);
    assert_broken("\0\0\0\x0d{\"a\":1,\"a\":2}", 17);
    assert_broken("bash: rift-agent: not found", 27);
}

static void one_byte_above_the_limit_is_not_encoded(void **state)
{
    (void)state;
    char *text = malloc(RIFT_FRAME_PAYLOAD_MAX);
    memset(text, 'x', RIFT_FRAME_PAYLOAD_MAX);
    struct rift_text out = {0};
    struct rift_error err = {0};
    size_t fits = RIFT_FRAME_PAYLOAD_MAX - strlen("{\"t\":\"\"}");
    json_t *message = json_pack("{s:s%}", "t", text, fits);
    assert_int_equal(0, rift_frame_encode(message, &out, &err));
    json_decref(message);
    rift_text_clear(&out);
    message = json_pack("{s:s%}", "t", text, fits + 1);
    assert_int_equal(-1, rift_frame_encode(message, &out, &err));
    assert_int_equal(RIFT_ERR_LIMIT, err.code);
    assert_int_equal(0, out.length);
    json_decref(message);
    rift_text_finish(&out);
    free(text);
}

static void an_error_reply_keeps_code_and_text(void **state)
{
    (void)state;
    struct rift_error sent = {0};
    rift_fail(&sent, RIFT_ERR_CONFLICT, "the node is held by \xff run 7");
    json_t *json = rift_message_reply_error(3, &sent);
    struct rift_message message;
    assert_int_equal(0, rift_message_parse(json, &message, NULL));
    assert_int_equal(RIFT_MESSAGE_REPLY, message.kind);
    assert_int_equal(3, message.id);
    assert_null(message.body);
    assert_int_equal(RIFT_ERR_CONFLICT, message.error.code);
    assert_string_equal("the node is held by ? run 7", message.error.text);
    json_decref(json);
}

static void messages_without_id_verb_or_args_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {"{}",
                         "{\"id\":0,\"verb\":\"x\",\"args\":{}}",
                         "{\"id\":\"1\",\"verb\":\"x\",\"args\":{}}",
                         "{\"id\":1,\"verb\":5,\"args\":{}}",
                         "{\"id\":1,\"verb\":\"x\",\"args\":[]}",
                         "{\"id\":1,\"verb\":\"x\"}",
                         "{\"id\":1}",
                         "{\"id\":1,\"ok\":{},\"error\":{}} "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *json = json_loads(bad[i], 0, NULL);
        struct rift_message message;
        struct rift_error err = {0};
        int rc = rift_message_parse(json, &message, &err);
        /* Both ok and error: an error, never taken for a success. */
        assert_true(rc == -1 || (message.kind == RIFT_MESSAGE_REPLY && !message.body));
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_layout_is_length_then_json),
        cmocka_unit_test(frames_survive_delivery_byte_by_byte),
        cmocka_unit_test(many_frames_in_one_delivery_all_arrive),
        cmocka_unit_test(bad_lengths_and_payloads_break_the_stream),
        cmocka_unit_test(one_byte_above_the_limit_is_not_encoded),
        cmocka_unit_test(an_error_reply_keeps_code_and_text),
        cmocka_unit_test(messages_without_id_verb_or_args_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

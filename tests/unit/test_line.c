/* The delay line without a kernel: whom a frame goes to, how it is spoiled, when it is due. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "nemesis/faults/network/line_fate.h"
#include "nemesis/faults/network/line_frame.h"

enum { PAYLOAD = 101, FRAME_SIZE = 14 + 40 + 20 + PAYLOAD };

/* RFC 1071, over the pseudo header and the segment: 0 where the checksum is right. */
static unsigned sum_of(const unsigned char *frame, size_t addresses, size_t header, size_t size,
                       unsigned protocol)
{
    uint64_t sum = protocol + (size - header);
    for (size_t i = addresses; i < header; i += 2)
        sum += (unsigned)frame[i] << 8 | frame[i + 1];
    for (size_t i = header; i < size; i++)
        sum += (i - header) % 2 ? frame[i] : (unsigned)frame[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (unsigned)(~sum & 0xffff);
}

struct example {
    unsigned char frame[FRAME_SIZE];
    size_t size, addresses, header;
    unsigned protocol;
};

static struct example make(int version, unsigned protocol)
{
    struct example made = {.protocol = protocol};
    size_t transport = protocol == 6 ? 20 : 8, ip = version == 4 ? 20 : 40;
    made.header = 14 + ip;
    made.addresses = version == 4 ? 14 + 12 : 14 + 8;
    made.size = made.header + transport + PAYLOAD;
    unsigned char *f = made.frame;
    f[12] = version == 4 ? 0x08 : 0x86;
    f[13] = version == 4 ? 0x00 : 0xdd;
    size_t length = made.size - (version == 4 ? 14 : made.header);
    f[14] = version == 4 ? 0x45 : 0x60;
    f[version == 4 ? 16 : 18] = (unsigned char)(length >> 8);
    f[version == 4 ? 17 : 19] = (unsigned char)length;
    f[version == 4 ? 14 + 9 : 14 + 6] = (unsigned char)protocol;
    for (size_t i = made.addresses; i < made.size; i++)
        f[i] = (unsigned char)(i * 37);
    if (protocol == 6)
        f[made.header + 12] = 0x50;
    size_t checksum = made.header + (protocol == 6 ? 16 : 6);
    f[checksum] = f[checksum + 1] = 0;
    unsigned sum = sum_of(f, made.addresses, made.header, made.size, protocol);
    f[checksum] = (unsigned char)(sum >> 8);
    f[checksum + 1] = (unsigned char)sum;
    return made;
}

static unsigned check(const struct example *made)
{
    return sum_of(made->frame, made->addresses, made->header, made->size, made->protocol);
}

static void silent_corruption_keeps_the_checksum_and_the_other_breaks_it(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 7);
    for (int version = 4; version <= 6; version += 2)
        for (int is_tcp = 0; is_tcp < 2; is_tcp++)
            for (int i = 0; i < 500; i++) {
                struct example made = make(version, is_tcp ? 6 : 17), spoiled = made;
                assert_int_equal(0, check(&made));
                assert_true(rift_line_frame_corrupt_silently(spoiled.frame, spoiled.size, &rng));
                assert_int_equal(0, check(&spoiled));
                size_t payload = made.size - PAYLOAD;
                assert_memory_not_equal(made.frame + payload, spoiled.frame + payload, PAYLOAD);
                spoiled = made;
                assert_true(rift_line_frame_corrupt(spoiled.frame, spoiled.size, &rng));
                assert_int_not_equal(0, check(&spoiled));
                assert_memory_equal(made.frame, spoiled.frame, made.header);
            }
}

static void a_frame_that_is_cut_or_strange_is_left_alone(void **state)
{
    (void)state;
    struct rift_rng rng;
    unsigned char address[16];
    rift_rng_init(&rng, 7);
    struct example made = make(4, 6);
    assert_true(rift_line_frame_destination(made.frame, made.size, address));
    assert_memory_equal(made.frame + 14 + 16, address + 12, 4);
    assert_int_equal(0xff, address[11]);
    for (size_t size = 0; size < made.size; size++) {
        struct example cut = made;
        assert_false(rift_line_frame_corrupt(cut.frame, size, &rng));
        assert_false(rift_line_frame_corrupt_silently(cut.frame, size, &rng));
        assert_int_equal(size >= 34, rift_line_frame_destination(cut.frame, size, address));
    }
    made.frame[14 + 6] = 0x20; /* a fragment */
    assert_false(rift_line_frame_corrupt(made.frame, made.size, &rng));
    made.frame[12] = 0x88;
    assert_false(rift_line_frame_destination(made.frame, made.size, address));
}

static struct rift_line_link link_of(const char *options)
{
    struct rift_link_quality quality;
    struct rift_error err = {0};
    static struct rift_line_link link;
    json_t *json = json_loads(options, 0, NULL);
    if (rift_link_quality_read(json, NULL, &quality, &err))
        fail_msg("%s", err.text);
    json_decref(json);
    memset(&link, 0, sizeof link);
    rift_line_link_set(&link, &quality);
    return link;
}

static void a_seed_repeats_what_becomes_of_packets(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct rift_line_fate fates[3][COUNT];
    const uint64_t seeds[3] = {7, 7, 8};
    for (int run = 0; run < 3; run++) {
        struct rift_line_link link = link_of("{\"loss_percent\": 10, \"duplicate_percent\": 10, "
                                             "\"delay_ms\": 10, \"jitter_ms\": 5}");
        link.quality.seed = seeds[run];
        const struct rift_link_quality quality = link.quality;
        rift_line_link_set(&link, &quality);
        for (int i = 0; i < COUNT; i++)
            fates[run][i] = rift_line_fate_draw(&link, i, 100);
    }
    assert_memory_equal(fates[0], fates[1], sizeof fates[0]);
    assert_memory_not_equal(fates[0], fates[2], sizeof fates[0]);
}

static void losses_are_as_many_and_as_long_as_asked(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    static const struct {
        const char *options;
        double share, burst;
    } cases[] = {
        {"{\"loss_percent\": 5}", 0.05, 1 / 0.95},
        {"{\"loss_percent\": 20, \"loss_correlation_percent\": 75}", 0.2, 1 / (0.8 * 0.25)},
        {"{\"bad_from_percent\": 2, \"bad_until_percent\": 25}", 2.0 / 27, 4},
        /* Good 4/5 of the time with 1 %, bad 1/5 with half. */
        {"{\"loss_percent\": 1, \"bad_from_percent\": 5, \"bad_until_percent\": 20, "
         "\"bad_loss_percent\": 50}",
         0.8 * 0.01 + 0.2 * 0.5, 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct rift_line_link link = link_of(cases[c].options);
        int lost = 0, bursts = 0;
        bool was_lost = false;
        for (int i = 0; i < COUNT; i++) {
            bool is_lost = rift_line_fate_draw(&link, 0, 100).copies == 0;
            lost += is_lost;
            bursts += is_lost && !was_lost;
            was_lost = is_lost;
        }
        assert_float_equal(cases[c].share, rift_link_quality_loss(&link.quality), 1e-9);
        assert_true(fabs((double)lost / COUNT - cases[c].share) < 0.005);
        assert_true(cases[c].burst <= 0 ||
                    fabs((double)lost / bursts - cases[c].burst) < 0.05 * cases[c].burst);
    }
}

static void packets_leave_at_the_rate_and_early_ones_at_once(void **state)
{
    (void)state;
    struct rift_line_link link = link_of("{\"rate_kbit\": 10000, \"delay_ms\": 5}");
    for (int i = 1; i <= 100; i++) /* 1250 bytes at 10 Mbit/s: one a millisecond */
        assert_int_equal(i * 1000000 + 5000000, rift_line_fate_draw(&link, 0, 1250).due_ns[0]);
    assert_int_equal(500000000 + 1000000 + 5000000,
                     rift_line_fate_draw(&link, 500000000, 1250).due_ns[0]);
    link = link_of("{\"reorder_percent\": 25}");
    int early = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t due = rift_line_fate_draw(&link, 0, 100).due_ns[0];
        assert_true(due == 0 || due == 10000000);
        early += due == 0;
    }
    assert_true(early > 2300 && early < 2700);
}

static void what_the_limit_turns_away_has_no_part_in_the_rate(void **state)
{
    (void)state;
    struct rift_line_link link = link_of("{\"rate_kbit\": 10000, \"limit_packets\": 10}");
    int room = 0;
    for (int i = 0; i < 100; i++)
        room += rift_line_fate_draw(&link, 0, 1250).room;
    assert_int_equal(10, room);
    link.waiting = 0; /* all are sent */
    struct rift_line_fate next = rift_line_fate_draw(&link, 10000000, 1250);
    assert_int_equal(1, next.room);
    assert_int_equal(11000000, next.due_ns[0]);
}

static void packets_leave_with_their_slot(void **state)
{
    (void)state;
    const int64_t ms = 1000000;
    struct rift_line_link link = link_of("{\"slot_ms\": 20}");
    static const struct {
        int due_ms, leaves_ms;
    } cases[] = {{100, 120}, {101, 120}, {120, 120}, {121, 141}, {141, 141}, {500, 520}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(cases[i].leaves_ms * ms, rift_line_slot_of(&link, cases[i].due_ms * ms));
    link = link_of("{\"slot_ms\": 20, \"slot_jitter_ms\": 15}");
    int64_t last = 0, least = INT64_MAX, most = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t slot = rift_line_slot_of(&link, last + 1), length = slot - last - 1;
        least = length < least ? length : least;
        most = length > most ? length : most;
        last = slot;
    }
    assert_true(least >= 5 * ms && least < 5.1 * (double)ms);
    assert_true(most <= 35 * ms && most > 34.9 * (double)ms);
    assert_true(fabs((double)last / 10000 / (double)ms - 20) < 0.5);
    link = link_of("{\"delay_ms\": 5}");
    assert_int_equal(7, rift_line_slot_of(&link, 7));
}

static void delays_have_the_mean_and_the_spread_of_their_table(void **state)
{
    (void)state;
    static const struct {
        enum rift_delay_shape shape;
        double mean, deviation;
    } cases[] = {{RIFT_DELAY_UNIFORM, 0, 1 / 1.7320508},
                 {RIFT_DELAY_NORMAL, 0, 1},
                 {RIFT_DELAY_PARETO, -0.023, 0.737},
                 {RIFT_DELAY_PARETONORMAL, -0.015, 0.782}};
    for (size_t c = 0; c < 4; c++) {
        int16_t table[RIFT_DELAY_TABLE_SIZE];
        double sum = 0, squares = 0;
        rift_delay_table_fill(cases[c].shape, table);
        for (int i = 0; i < RIFT_DELAY_TABLE_SIZE; i++) {
            double z = (double)table[i] / RIFT_DELAY_TABLE_UNIT;
            assert_true(i == 0 || table[i] >= table[i - 1]);
            sum += z;
            squares += z * z;
        }
        double mean = sum / RIFT_DELAY_TABLE_SIZE;
        assert_float_equal(cases[c].mean, mean, 0.002);
        assert_float_equal(cases[c].deviation, sqrt(squares / RIFT_DELAY_TABLE_SIZE - mean * mean),
                           0.005);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_corruption_keeps_the_checksum_and_the_other_breaks_it),
        cmocka_unit_test(a_frame_that_is_cut_or_strange_is_left_alone),
        cmocka_unit_test(a_seed_repeats_what_becomes_of_packets),
        cmocka_unit_test(losses_are_as_many_and_as_long_as_asked),
        cmocka_unit_test(packets_leave_at_the_rate_and_early_ones_at_once),
        cmocka_unit_test(what_the_limit_turns_away_has_no_part_in_the_rate),
        cmocka_unit_test(packets_leave_with_their_slot),
        cmocka_unit_test(delays_have_the_mean_and_the_spread_of_their_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

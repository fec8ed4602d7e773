/* How far a node's CLOCK_MONOTONIC is from ours. */
#include "control/remote/clock_offset.h"

/* Two clocks usually drift apart by at most this much: quartz is good to some 50 ppm a side, and a
 * daemon that slews a clock (500 ppm, adjtimex(2)) also slews CLOCK_MONOTONIC. */
enum { DRIFT_PPM = 600 };

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* A fault may make a clock drift faster: two samples that cannot both be true otherwise tell by how
 * much at most. */
static int64_t drift_of_samples(const struct rift_clock_offset *offset)
{
    int64_t drift_ppm = DRIFT_PPM;
    for (size_t i = 0; i < offset->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct rift_clock_sample *a = &offset->samples[i], *b = &offset->samples[j];
            int64_t apart_us = distance(a->at_ns, b->at_ns) / 1000;
            int64_t gap_ns = distance(a->offset_ns, b->offset_ns);
            int64_t error_ns = a->error_ns + b->error_ns;
            if (apart_us == 0 || gap_ns - error_ns <= apart_us * DRIFT_PPM / 1000)
                continue;
            int64_t most_ppm = (gap_ns + error_ns) * 1000 / apart_us;
            drift_ppm = most_ppm > drift_ppm ? most_ppm : drift_ppm;
        }
    }
    return drift_ppm;
}

void rift_clock_offset_add(struct rift_clock_offset *offset, int64_t sent_ns, int64_t received_ns,
                           int64_t node_ns)
{
    int64_t half = (received_ns - sent_ns) / 2;
    struct rift_clock_sample *sample = &offset->samples[offset->next];
    sample->at_ns = sent_ns + half;
    sample->offset_ns = node_ns - sample->at_ns;
    /* Rounded up, so that a round trip of 1 ns does not claim certainty. */
    sample->error_ns = received_ns - sent_ns - half;
    offset->next = (offset->next + 1) % RIFT_CLOCK_SAMPLES;
    if (offset->count < RIFT_CLOCK_SAMPLES)
        offset->count++;
    offset->drift_ppm = drift_of_samples(offset);
}

bool rift_clock_offset_estimate(const struct rift_clock_offset *offset, int64_t now_ns,
                                int64_t *offset_ns, int64_t *error_ns)
{
    *offset_ns = 0;
    *error_ns = INT64_MAX;
    for (size_t i = 0; i < offset->count; i++) {
        const struct rift_clock_sample *sample = &offset->samples[i];
        int64_t age_us = distance(now_ns, sample->at_ns) / 1000;
        int64_t error = sample->error_ns + age_us * offset->drift_ppm / 1000;
        if (error < *error_ns) {
            *offset_ns = sample->offset_ns;
            *error_ns = error;
        }
    }
    return offset->count > 0;
}

struct rift_wall_sample rift_wall_sample_of(int64_t sent_ns, int64_t received_ns,
                                            int64_t sent_wall_ns, int64_t received_wall_ns,
                                            int64_t node_wall_ns)
{
    int64_t trip_ns = received_ns - sent_ns, wall_trip_ns = received_wall_ns - sent_wall_ns;
    int64_t step_ns = wall_trip_ns > trip_ns ? wall_trip_ns - trip_ns : trip_ns - wall_trip_ns;
    return (struct rift_wall_sample){
        .at_ns = sent_ns + trip_ns / 2,
        .ahead_ns = node_wall_ns - (sent_wall_ns + trip_ns / 2),
        .error_ns = trip_ns - trip_ns / 2 + step_ns,
    };
}

/* How far a node's CLOCK_MONOTONIC is from ours. */
#include "control/remote/clock_offset.h"

/* Two clocks drift apart by at most this much: quartz is good to some 50 ppm a side, and a daemon
 * that slews a clock (500 ppm, adjtimex(2)) also slews CLOCK_MONOTONIC. */
enum { DRIFT_PPM = 600 };

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
}

bool rift_clock_offset_estimate(const struct rift_clock_offset *offset, int64_t now_ns,
                                int64_t *offset_ns, int64_t *error_ns)
{
    *offset_ns = 0;
    *error_ns = INT64_MAX;
    for (size_t i = 0; i < offset->count; i++) {
        const struct rift_clock_sample *sample = &offset->samples[i];
        int64_t age = now_ns > sample->at_ns ? now_ns - sample->at_ns : sample->at_ns - now_ns;
        int64_t error = sample->error_ns + age / 1000000 * DRIFT_PPM;
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

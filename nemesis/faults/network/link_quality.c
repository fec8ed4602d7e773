/* Correlated loss is a chain as well: lost for sure in its bad state, never in the good one. Its
 * share of lost packets is what was asked, the correlation of one packet's loss with the next one's
 * is too, and a burst has 1 / ((1 - loss) * (1 - correlation)) packets on average. */
#include "nemesis/faults/network/link_quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DELAY_MS_MAX = 600000, RATE_KBIT_MAX = 100000000, LIMIT_MAX = 1000000 };
/* netem draws from a slot's range by a product of 64 bits, which has no room for 2.2 s. */
enum { SLOT_MS_MAX = 1000 };
enum { MEASURED_MAX = 1024 };
/* What a table's entry can be, in jitters. */
#define TABLE_MOST 3.999
enum { DEFAULT_LIMIT = 10000, REORDER_DELAY_MS = 10 };

struct reader {
    const json_t *options, *own;
    struct rift_error *err;
    bool is_failed;
};

static const json_t *option_of(const struct reader *reader, const char *name)
{
    const json_t *value = json_object_get(reader->own, name);
    return value ? value : json_object_get(reader->options, name);
}

static double number(struct reader *reader, const char *name, double maximum)
{
    const json_t *given = option_of(reader, name);
    double value = json_number_value(given);
    if ((!given || json_is_number(given)) && value >= 0 && value <= maximum)
        return value;
    if (!reader->is_failed)
        rift_fail(reader->err, RIFT_ERR_INVALID, "link: '%s' must be a number from 0 to %.0f", name,
                  maximum);
    reader->is_failed = true;
    return 0;
}

static double chance(struct reader *reader, const char *name)
{
    return number(reader, name, 100) / 100;
}

static void read_shape(struct reader *reader, struct rift_link_quality *quality)
{
    static const char *const words[] = {"uniform", "normal", "pareto", "paretonormal", "table"};
    const json_t *given = option_of(reader, "distribution");
    const char *word = given ? json_string_value(given) : words[0];
    for (int i = 0; word && i <= RIFT_DELAY_TABLE; i++)
        if (strcmp(word, words[i]) == 0) {
            quality->shape = (enum rift_delay_shape)i;
            return;
        }
    if (!reader->is_failed)
        rift_fail(reader->err, RIFT_ERR_INVALID,
                  "link: 'distribution' must be uniform, normal, pareto, paretonormal or table");
    reader->is_failed = true;
}

static int compare_delays(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The measured delays, sorted; how many, or 0 with the error. */
static size_t read_delays(struct reader *reader, double delays_ms[MEASURED_MAX])
{
    const json_t *list = option_of(reader, "delays_ms");
    size_t count = json_array_size(list);
    bool is_good = count >= 1 && count <= MEASURED_MAX;
    for (size_t i = 0; is_good && i < count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(item);
        char *end = NULL;
        delays_ms[i] = text ? strtod(text, &end) : json_number_value(item);
        is_good = (text ? end != text && !*end : json_is_number(item)) && delays_ms[i] >= 0 &&
                  delays_ms[i] <= DELAY_MS_MAX;
    }
    if (!is_good)
        rift_fail(reader->err, RIFT_ERR_INVALID,
                  "link: 'delays_ms' must be 1 to %d numbers from 0 to %d", MEASURED_MAX,
                  DELAY_MS_MAX);
    qsort(delays_ms, is_good ? count : 0, sizeof *delays_ms, compare_delays);
    return is_good ? count : 0;
}

/* Their mean is the delay; the jitter is such that the farthest one still fits into the table. */
static int read_table(struct reader *reader, struct rift_link_quality *quality)
{
    double delays_ms[MEASURED_MAX], mean_ms = 0;
    size_t count = read_delays(reader, delays_ms);
    if (count == 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        mean_ms += delays_ms[i] / (double)count;
    double most_ms = fmax(delays_ms[count - 1] - mean_ms, mean_ms - delays_ms[0]);
    double jitter_ms = most_ms / TABLE_MOST;
    for (size_t i = 0; i < RIFT_DELAY_TABLE_SIZE; i++) {
        double deviation_ms = delays_ms[i * count / RIFT_DELAY_TABLE_SIZE] - mean_ms;
        quality->measured[i] =
            (int16_t)(jitter_ms > 0 ? lround(deviation_ms / jitter_ms * RIFT_DELAY_TABLE_UNIT) : 0);
    }
    quality->delay_ns = (int64_t)(mean_ms * 1e6);
    quality->jitter_ns = (int64_t)(jitter_ms * 1e6);
    return 0;
}

static void read_loss(struct reader *reader, struct rift_link_quality *quality)
{
    double loss = chance(reader, "loss_percent");
    double correlation = chance(reader, "loss_correlation_percent");
    quality->to_bad = chance(reader, "bad_from_percent");
    quality->to_good = chance(reader, "bad_until_percent");
    quality->bad_loss = quality->good_loss = loss;
    if (quality->to_bad > 0) {
        quality->bad_loss =
            option_of(reader, "bad_loss_percent") ? chance(reader, "bad_loss_percent") : 1;
    } else if (correlation > 0 && loss > 0 && loss < 1) {
        quality->to_bad = loss * (1 - correlation);
        quality->to_good = (1 - loss) * (1 - correlation);
        quality->bad_loss = 1;
        quality->good_loss = 0;
    }
    if (reader->is_failed)
        return;
    const char *mistake = NULL;
    if (correlation >= 1)
        mistake = "'loss_correlation_percent' must be below 100: no packet would change anything";
    else if (correlation > 0 && chance(reader, "bad_from_percent") > 0)
        mistake = "bursts are 'loss_correlation_percent' or 'bad_from_percent', not both";
    else if (quality->to_bad > 0 && quality->to_good <= 0)
        mistake = "'bad_from_percent' needs 'bad_until_percent', else a bad link stays bad";
    if (mistake)
        rift_fail(reader->err, RIFT_ERR_INVALID, "link: %s", mistake);
    reader->is_failed = mistake != NULL;
}

int rift_link_quality_read(const json_t *options, const json_t *own,
                           struct rift_link_quality *quality, struct rift_error *err)
{
    struct reader reader = {.options = options, .own = own, .err = err};
    double delay_ms = number(&reader, "delay_ms", DELAY_MS_MAX);
    double jitter_ms = number(&reader, "jitter_ms", DELAY_MS_MAX);
    double slot_ms = number(&reader, "slot_ms", SLOT_MS_MAX);
    double slot_jitter_ms = number(&reader, "slot_jitter_ms", SLOT_MS_MAX);
    double limit = number(&reader, "limit_packets", LIMIT_MAX);
    *quality = (struct rift_link_quality){
        .delay_correlation = chance(&reader, "delay_correlation_percent"),
        .duplicate = chance(&reader, "duplicate_percent"),
        .corrupt = chance(&reader, "corrupt_percent"),
        .silent = chance(&reader, "silent_percent"),
        .reorder = chance(&reader, "reorder_percent"),
        .slot_least_ns = (int64_t)((slot_ms - slot_jitter_ms) * 1e6),
        .slot_most_ns = (int64_t)((slot_ms + slot_jitter_ms) * 1e6),
        .rate_bytes = (uint64_t)ceil(number(&reader, "rate_kbit", RATE_KBIT_MAX) * 125),
        .limit = limit >= 1 ? (uint32_t)limit : DEFAULT_LIMIT,
    };
    read_shape(&reader, quality);
    read_loss(&reader, quality);
    if (reader.is_failed)
        return -1;
    if (jitter_ms > delay_ms)
        return rift_fail(err, RIFT_ERR_INVALID, "link: jitter_ms must not be above delay_ms");
    if (slot_jitter_ms > slot_ms)
        return rift_fail(err, RIFT_ERR_INVALID, "link: slot_jitter_ms must not be above slot_ms");
    if (quality->reorder > 0 && delay_ms <= 0)
        delay_ms = REORDER_DELAY_MS;
    bool is_measured = quality->shape == RIFT_DELAY_TABLE;
    bool has_delays = json_array_size(option_of(&reader, "delays_ms")) > 0;
    if (is_measured != has_delays || (is_measured && delay_ms > 0))
        return rift_fail(
            err, RIFT_ERR_INVALID,
            "link: distribution: table and delays_ms go together, and without delay_ms "
            "and jitter_ms");
    quality->delay_ns = (int64_t)(delay_ms * 1e6);
    quality->jitter_ns = (int64_t)(jitter_ms * 1e6);
    if (is_measured && read_table(&reader, quality))
        return -1;
    return 0;
}

bool rift_link_quality_waits(const struct rift_link_quality *quality)
{
    return quality->delay_ns > 0 || quality->slot_most_ns > 0;
}

bool rift_link_quality_is_by_chance(const struct rift_link_quality *quality)
{
    return rift_link_quality_loss(quality) > 0 || quality->duplicate > 0 || quality->corrupt > 0 ||
           quality->silent > 0 || quality->reorder > 0;
}

double rift_link_quality_loss(const struct rift_link_quality *quality)
{
    double moves = quality->to_bad + quality->to_good;
    double bad = moves > 0 ? quality->to_bad / moves : 0;
    return bad * quality->bad_loss + (1 - bad) * quality->good_loss;
}

uint32_t rift_chance_u32(double chance)
{
    return chance >= 1 ? UINT32_MAX : (uint32_t)(chance * 4294967296.0);
}

/* The standard normal distribution's quantile, by bisection of erfc. */
static double normal_quantile(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle / sqrt(2)) / 2 < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Pareto with the exponent 3, which has mean 3/2 and variance 3/4, moved to 0 and scaled to 1. */
static double pareto_quantile(double p)
{
    return (pow(1 - p, -1.0 / 3) - 1.5) / sqrt(0.75);
}

void rift_delay_table_fill(enum rift_delay_shape shape, int16_t table[RIFT_DELAY_TABLE_SIZE])
{
    for (int i = 0; i < RIFT_DELAY_TABLE_SIZE; i++) {
        double p = (i + 0.5) / RIFT_DELAY_TABLE_SIZE, z = 2 * p - 1;
        if (shape == RIFT_DELAY_NORMAL)
            z = normal_quantile(p);
        else if (shape == RIFT_DELAY_PARETO)
            z = pareto_quantile(p);
        else if (shape == RIFT_DELAY_PARETONORMAL)
            z = 0.25 * normal_quantile(p) + 0.75 * pareto_quantile(p);
        z = z < -TABLE_MOST ? -TABLE_MOST : z > TABLE_MOST ? TABLE_MOST : z;
        table[i] = (int16_t)lround(z * RIFT_DELAY_TABLE_UNIT);
    }
}

void rift_link_quality_table(const struct rift_link_quality *quality,
                             int16_t table[RIFT_DELAY_TABLE_SIZE])
{
    if (quality->shape == RIFT_DELAY_TABLE)
        memcpy(table, quality->measured, sizeof quality->measured);
    else
        rift_delay_table_fill(quality->shape, table);
}

int rift_link_quality_of(const json_t *options, const struct rift_peer *peer,
                         struct rift_link_quality *quality, struct rift_error *err)
{
    if (rift_link_quality_read(options, peer->options, quality, err))
        return peer->options ? rift_wrap(err, "peer '%s'", peer->name) : -1;
    return 0;
}

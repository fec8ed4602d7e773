/* A length of time as people write it. */
#include "control/cli/length.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool read_length(const char *text, double *length_s)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}};
    char *end = NULL;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        *length_s = number * units[i].seconds;
        return *length_s > 0;
    }
    return false;
}

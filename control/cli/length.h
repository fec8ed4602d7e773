/* A length of time as people write it. */
#ifndef CONTROL_CLI_LENGTH_H
#define CONTROL_CLI_LENGTH_H

#include <stdbool.h>

/* "30", "30s", "500ms", "2m", "1h"; false where it is none, or not positive. */
bool read_length(const char *text, double *length_s);

#endif

/* What holds for any bytes that are read as a history of some format. */
#ifndef TESTS_FUZZ_FUZZ_HISTORY_H
#define TESTS_FUZZ_FUZZ_HISTORY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the bytes: one error that names the file, or a history whose columns hold together and
 * which comes through our own file unchanged. Aborts where that is not so. */
void fuzz_history(const char *format, const uint8_t *data, size_t size);

#endif

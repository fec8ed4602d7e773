/* What holds for any bytes that are read as a history of some format. */
#ifndef TESTS_FUZZ_FUZZ_HISTORY_H
#define TESTS_FUZZ_FUZZ_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the bytes (format NULL: whatever their content says): one error that names the file, or a
 * history whose columns hold together and which comes through our own file unchanged. Aborts where
 * that is not so. */
void fuzz_history(const char *format, bool is_keyed, const uint8_t *data, size_t size);

#endif

/* Any bytes as a history of the format that their content says, values taken for [key value]. */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history(NULL, true, data, size);
    return 0;
}

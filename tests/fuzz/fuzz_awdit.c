/* Any bytes as a history of the format "awdit-test". */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history("awdit-test", false, data, size);
    return 0;
}

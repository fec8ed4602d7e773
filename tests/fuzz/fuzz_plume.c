/* Any bytes as a history of the format "plume-text". */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history("plume-text", false, data, size);
    return 0;
}

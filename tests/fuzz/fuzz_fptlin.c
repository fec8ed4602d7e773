/* Any bytes as a history of the format "fptlin-log". */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history("fptlin-log", false, data, size);
    return 0;
}

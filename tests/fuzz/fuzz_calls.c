/* Any bytes as a history of the format "calls-log". */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history("calls-log", false, data, size);
    return 0;
}

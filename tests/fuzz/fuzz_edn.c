/* Any bytes as a history of the format "jepsen-edn". */
#include "tests/fuzz/fuzz_history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_history("jepsen-edn", false, data, size);
    return 0;
}

#include "common/boot.h"

#include <stdio.h>
#include <string.h>

void rift_boot_id(char boot_id[RIFT_BOOT_ID_SIZE])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    boot_id[0] = 0;
    if (!file)
        return;
    if (fgets(boot_id, RIFT_BOOT_ID_SIZE, file))
        boot_id[strcspn(boot_id, "\n")] = 0;
    fclose(file);
}

/* What processes got of the processors, as /proc counts it: proc(5). */
#ifndef TESTS_LIB_CPU_TIME_H
#define TESTS_LIB_CPU_TIME_H

#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* Of a process and those of its children that it has waited for, in ms; 0 where it is gone. */
static inline long cpu_time_ms(pid_t pid)
{
    char path[64];
    long ticks[4] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld",
               &ticks[0], &ticks[1], &ticks[2], &ticks[3]) != 4)
        ticks[0] = ticks[1] = ticks[2] = ticks[3] = 0;
    fclose(file);
    return (ticks[0] + ticks[1] + ticks[2] + ticks[3]) * 1000 / sysconf(_SC_CLK_TCK);
}

#endif

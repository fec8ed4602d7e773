/* BPF programs and maps of Rift's, as the kernel counts them. */
#ifndef TESTS_LIB_BPF_OBJECTS_H
#define TESTS_LIB_BPF_OBJECTS_H

#include <stddef.h>
#include <sys/types.h>

/* Those that stand for the network namespace of that process: their names end with its number. */
size_t bpf_objects_count(pid_t pid);

#endif

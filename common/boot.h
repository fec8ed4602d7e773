/* Which boot of the kernel this is. */
#ifndef COMMON_BOOT_H
#define COMMON_BOOT_H

enum { RIFT_BOOT_ID_SIZE = 64 };

/* The kernel's random name of this boot (proc(5)); "" where it tells none. */
void rift_boot_id(char boot_id[RIFT_BOOT_ID_SIZE]);

#endif

/* EXT4_IOC_SHUTDOWN, which xfs knows too. */
#include "nemesis/faults/disk/shut_down.h"

#include <stdint.h>
#include <sys/ioctl.h>

/* fs/ext4/ext4.h; the flag says to leave the journal as it is. */
#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
enum { EXT4_GOING_FLAGS_NOLOGFLUSH = 2 };

int rift_shut_down(int fd, struct rift_error *err)
{
    uint32_t flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
    if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &flags))
        return rift_fail_errno(err, RIFT_ERR_IO, "shut the file system down");
    return 0;
}

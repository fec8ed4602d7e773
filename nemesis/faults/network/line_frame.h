/* Ethernet frames with final checksums: whom they go to, and how they are spoiled. */
#ifndef NEMESIS_FAULTS_NETWORK_LINE_FRAME_H
#define NEMESIS_FAULTS_NETWORK_LINE_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "common/rng.h"

/* The address that the frame's IP packet goes to, IPv4 mapped into IPv6; false for another
 * protocol or a frame that is too short. */
bool rift_line_frame_destination(const unsigned char *frame, size_t size,
                                 unsigned char address[16]);
/* Turns a bit behind the network header, so that the transport's checksum is wrong; false where
 * there is none to turn. */
bool rift_line_frame_corrupt(unsigned char *frame, size_t size, struct rift_rng *rng);
/* Turns a bit of the payload of TCP or UDP and mends the checksum (RFC 1624); false where there is
 * no such payload. */
bool rift_line_frame_corrupt_silently(unsigned char *frame, size_t size, struct rift_rng *rng);

#endif

/* Offsets of RFC 791, 768, 9293, 8200. Fragments and IPv6 extension headers are left whole. */
#include "nemesis/faults/network/line_frame.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

enum { VLAN_TAG = 4, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8 };

static unsigned word_at(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Where the IP header begins, and its version; 0 where it is none or is cut. */
static size_t find_ip(const unsigned char *frame, size_t size, int *version)
{
    size_t at = ETH_HLEN;
    if (size >= ETH_HLEN + VLAN_TAG && word_at(frame + 12) == ETH_P_8021Q)
        at += VLAN_TAG;
    unsigned type = size >= at ? word_at(frame + at - 2) : 0;
    *version = type == ETH_P_IP ? 4 : type == ETH_P_IPV6 ? 6 : 0;
    return *version && size >= at + (*version == 4 ? 20 : IPV6_HEADER) ? at : 0;
}

bool rift_line_frame_destination(const unsigned char *frame, size_t size, unsigned char address[16])
{
    int version;
    size_t ip = find_ip(frame, size, &version);
    if (ip == 0)
        return false;
    memset(address, 0, 16);
    if (version == 6) {
        memcpy(address, frame + ip + 24, 16);
        return true;
    }
    address[10] = address[11] = 0xff;
    memcpy(address + 12, frame + ip + 16, 4);
    return true;
}

struct transport {
    int protocol;
    size_t header, end; /* offsets; the frame may be padded behind end */
};

static bool find_transport(const unsigned char *frame, size_t size, struct transport *transport)
{
    int version;
    size_t ip = find_ip(frame, size, &version);
    if (ip == 0)
        return false;
    if (version == 4) {
        if (word_at(frame + ip + 6) & 0x3fff)
            return false;
        transport->protocol = frame[ip + 9];
        transport->header = ip + (size_t)(frame[ip] & 15) * 4;
        transport->end = ip + word_at(frame + ip + 2);
    } else {
        transport->protocol = frame[ip + 6];
        transport->header = ip + IPV6_HEADER;
        transport->end = transport->header + word_at(frame + ip + 4);
    }
    return transport->end <= size && transport->header < transport->end;
}

static void turn_bit(unsigned char *byte, struct rift_rng *rng)
{
    *byte ^= (unsigned char)(1U << rift_rng_below(rng, 8));
}

bool rift_line_frame_corrupt(unsigned char *frame, size_t size, struct rift_rng *rng)
{
    struct transport transport;
    if (!find_transport(frame, size, &transport))
        return false;
    turn_bit(frame + transport.header + rift_rng_below(rng, transport.end - transport.header), rng);
    return true;
}

bool rift_line_frame_corrupt_silently(unsigned char *frame, size_t size, struct rift_rng *rng)
{
    struct transport transport;
    if (!find_transport(frame, size, &transport))
        return false;
    size_t header = transport.header, checksum = header + 16, payload = 0;
    size_t length = transport.end - header;
    if (transport.protocol == IPPROTO_TCP && length >= TCP_HEADER) {
        payload = header + (size_t)(frame[header + 12] >> 4) * 4;
    } else if (transport.protocol == IPPROTO_UDP && length >= UDP_HEADER) {
        payload = header + UDP_HEADER;
        checksum = header + 6;
    }
    if (payload == 0 || payload + 2 > transport.end)
        return false;
    size_t at = payload + rift_rng_below(rng, (transport.end - payload) / 2) * 2;
    unsigned before = word_at(frame + at), sum = word_at(frame + checksum);
    turn_bit(frame + at + rift_rng_below(rng, 2), rng);
    if (transport.protocol == IPPROTO_UDP && sum == 0)
        return true; /* sent without one */
    unsigned changed = (~sum & 0xffff) + (~before & 0xffff) + word_at(frame + at);
    changed = (changed & 0xffff) + (changed >> 16);
    changed = ~((changed & 0xffff) + (changed >> 16)) & 0xffff;
    if (transport.protocol == IPPROTO_UDP && changed == 0)
        changed = 0xffff;
    frame[checksum] = (unsigned char)(changed >> 8);
    frame[checksum + 1] = (unsigned char)changed;
    return true;
}

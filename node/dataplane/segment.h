/* segment: takes the super-packets of a TUN device with vnet_hdr apart. Pure.
 *
 * The kernel hands over up to 64 KB of one TCP or UDP flow as one IP packet with a length per
 * segment, and leaves checksums to us. Segments come out complete: lengths, IDs, sequence numbers,
 * flags, checksums. */
#pragma once

#include "node/dataplane/ip_packet.h"

/* What struct virtio_net_hdr says, in host order. */
struct tun_offload {
    bool needs_csum;
    enum tun_gso { TUN_GSO_NONE, TUN_GSO_TCP, TUN_GSO_UDP } gso;
    uint16_t gso_size, csum_start, csum_offset;
};

struct segments {
    struct span packet; /* the super-packet, borrowed */
    struct ip_packet ip;
    struct tun_offload offload;
    size_t header_len; /* IP and TCP or UDP; all of it when there is one segment */
    size_t payload_len;
    size_t count;
};

/* Checks that packet and offload fit each other. packet begins with the IP header. */
MUST_USE enum err segments_init(struct segments *ret, struct span packet,
                                const struct tun_offload *offload);
/* Octets of segment i. */
size_t segments_len(const struct segments *s, size_t i);
/* Writes segment i, segments_len octets. */
void segments_write(const struct segments *s, size_t i, uint8_t *out);

/* Lowers the MSS option of a TCP SYN to max and mends the checksum, in place. Anything else is left
 * alone. */
void mss_clamp(uint8_t *packet, const struct ip_packet *ip, uint16_t max);
/* Sets the two ECN bits of an IP header and mends the IPv4 checksum. */
void ip_set_ecn(uint8_t *packet, uint8_t version, uint8_t ecn);

/* coalesce: joins consecutive segments of one TCP or UDP flow into one super-packet for a TUN
 * device with vnet_hdr. Pure.
 *
 * The reverse of segment.h, and what the kernel's GRO does for a network card. Packets stay where
 * they are; the result is a list of spans. Only packets whose checksum holds are joined, because
 * the kernel does not check a joined one. Packets of one flow come out in the order they went in.
 */
#pragma once

#include "node/dataplane/segment.h"

enum { COALESCE_ITEMS = 512, COALESCE_PARTS = 64 };

struct coalesce_item {
    uint8_t *head; /* the first packet */
    size_t head_len;
    struct ip_packet ip; /* of the first packet */
    uint8_t header_len;  /* IP and TCP or UDP; 0: never joined */
    bool closed, checked;
    uint16_t segment;  /* payload octets of the first packet */
    uint32_t next_seq; /* TCP */
    size_t payload;    /* of all */
    uint8_t n_more;
    uint8_t last_flags;
    struct span more[COALESCE_PARTS - 1]; /* payloads of the packets after the first */
};

struct coalesce {
    bool tcp, udp; /* what to join */
    size_t n;
    struct coalesce_item item[COALESCE_ITEMS];
};

/* packet: writable, ip.total_len octets, unchanged until the item was taken out. False: full, take
 * the items out first. */
MUST_USE bool coalesce_add(struct coalesce *c, uint8_t *packet, const struct ip_packet *ip);
/* Mends the headers of a joined item and says what its vnet_hdr must say. The item is then
 * head[0..head_len), more[0..n_more). */
void coalesce_finish(struct coalesce_item *it, struct tun_offload *ret_offload);

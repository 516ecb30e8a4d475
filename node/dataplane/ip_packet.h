/* ip_packet: what the data plane reads of an inner IP packet, and the Internet checksum. Pure. */
#pragma once

#include "statesync/base/addr.h"

enum { IPP_TCP = 6, IPP_UDP = 17, IPP_ICMP = 1, IPP_ICMP6 = 58, IPP_FRAGMENT = 44 };

struct ip_packet {
    uint8_t version;     /* 4 or 6 */
    uint8_t tos;         /* DSCP and ECN */
    uint8_t protocol;    /* upper layer; IPv6 extension headers are stepped over */
    bool fragment;       /* any fragment */
    bool later_fragment; /* not the first: no upper-layer header here */
    bool has_ports;      /* of TCP, UDP, SCTP, DCCP, UDP-Lite; ICMP: type << 8 | code in both */
    uint16_t sport, dport;
    uint16_t l3_len;  /* octets before the upper-layer header */
    size_t total_len; /* as the IP header says; <= the span's length */
    struct ip_addr src, dst;
};

/* Reads the headers. The span may be longer than the packet (padding of RFC 4303 2.7). E_TRUNCATED,
 * E_BAD_VALUE, E_BAD_LENGTH, E_LIMIT (chain of extension headers). */
MUST_USE enum err ip_packet_parse(struct span s, struct ip_packet *ret);

/* One's complement sum, not inverted, over len octets, added to sum (in network byte order of
 * 16-bit words; fold at the end). */
uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len);
/* Copy and sum in one call. */
uint64_t csum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len);
/* 16 bits, not inverted, to be stored with csum_store. */
uint16_t csum_fold(uint64_t sum);
/* Sum of the pseudo header of TCP and UDP (RFC 793, 8200 8.1); l4_len: upper-layer header and data.
 */
uint64_t csum_pseudo(const uint8_t *ip, uint8_t version, uint8_t protocol, uint32_t l4_len);

static inline uint16_t be16_at(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}
static inline uint32_t be32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void be16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void be32_put(uint8_t *p, uint32_t v)
{
    be16_put(p, (uint16_t)(v >> 16));
    be16_put(p + 2, (uint16_t)v);
}
static inline void be64_put(uint8_t *p, uint64_t v)
{
    be32_put(p, (uint32_t)(v >> 32));
    be32_put(p + 4, (uint32_t)v);
}

/* ip_packet: inner headers. Fixed offsets are read after one length check per header, because this
 * runs for every packet. RFC 791, 8200. */
#include "node/dataplane/ip_packet.h"

#include <string.h>

enum { EXT_HEADERS = 8 };

static void read_ports(struct span s, struct ip_packet *p)
{
    size_t left = p->total_len - p->l3_len;
    const uint8_t *l4 = s.p + p->l3_len;

    if (p->later_fragment || left < 4)
        return;
    switch (p->protocol) {
    case IPP_TCP:
    case IPP_UDP:
    case 33:  /* DCCP */
    case 132: /* SCTP */
    case 136: /* UDP-Lite */
        p->sport = be16_at(l4);
        p->dport = be16_at(l4 + 2);
        p->has_ports = true;
        break;
    case IPP_ICMP:
    case IPP_ICMP6:
        /* RFC 7296 3.13.1: type in the upper, code in the lower eight bits of the port field. */
        p->sport = p->dport = be16_at(l4);
        p->has_ports = true;
        break;
    default:
        break;
    }
}

static enum err parse_v4(struct span s, struct ip_packet *p)
{
    size_t hlen;
    uint16_t frag;

    if (s.len < 20)
        return E_TRUNCATED;
    hlen = (size_t)(s.p[0] & 0x0f) * 4;
    p->total_len = be16_at(s.p + 2);
    if (hlen < 20 || p->total_len < hlen)
        return E_BAD_LENGTH;
    if (p->total_len > s.len)
        return E_TRUNCATED;
    frag = be16_at(s.p + 6);
    p->fragment = (frag & 0x3fff) != 0;
    p->later_fragment = (frag & 0x1fff) != 0;
    p->tos = s.p[1];
    p->protocol = s.p[9];
    p->l3_len = (uint16_t)hlen;
    p->src.family = p->dst.family = 4;
    memcpy(p->src.ip, s.p + 12, 4);
    memcpy(p->dst.ip, s.p + 16, 4);
    return OK;
}

static enum err skip_extensions(struct span s, struct ip_packet *p, uint8_t next)
{
    size_t at = 40;

    for (unsigned i = 0; i < EXT_HEADERS; i++) {
        bool ext = next == 0 || next == 43 || next == 60 || next == 135 || next == IPP_FRAGMENT;

        if (!ext || p->later_fragment) {
            p->protocol = next;
            p->l3_len = (uint16_t)at;
            return OK;
        }
        if (p->total_len - at < 8)
            return E_TRUNCATED;
        if (next == IPP_FRAGMENT) {
            uint16_t off = be16_at(s.p + at + 2);

            p->fragment = (off & 0xfff9) != 0;
            p->later_fragment = (off & 0xfff8) != 0;
            next = s.p[at];
            at += 8;
            continue;
        }
        size_t len = ((size_t)s.p[at + 1] + 1) * 8;

        if (len > p->total_len - at)
            return E_TRUNCATED;
        next = s.p[at];
        at += len;
    }
    return E_LIMIT;
}

static enum err parse_v6(struct span s, struct ip_packet *p)
{
    if (s.len < 40)
        return E_TRUNCATED;
    p->total_len = 40 + (size_t)be16_at(s.p + 4);
    if (p->total_len > s.len)
        return E_TRUNCATED;
    p->tos = (uint8_t)((s.p[0] & 0x0f) << 4 | s.p[1] >> 4);
    p->src.family = p->dst.family = 6;
    memcpy(p->src.ip, s.p + 8, 16);
    memcpy(p->dst.ip, s.p + 24, 16);
    return skip_extensions(s, p, s.p[6]);
}

enum err ip_packet_parse(struct span s, struct ip_packet *ret)
{
    struct ip_packet p = { 0 };

    if (s.len < 1)
        return E_TRUNCATED;
    p.version = s.p[0] >> 4;
    if (p.version == 4)
        TRY(parse_v4(s, &p));
    else if (p.version == 6)
        TRY(parse_v6(s, &p));
    else
        return E_BAD_VALUE;
    read_ports(s, &p);
    *ret = p;
    return OK;
}

/* The sum is taken over native 32-bit words: one's complement addition commutes with swapping the
 * octets of every word (RFC 1071 2(B)), so csum_fold swaps once at the end. A 64-bit accumulator
 * holds 2^32 of them. */
uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
    uint64_t a = 0, b = 0;

    while (len >= 32) {
        uint32_t w[8];

        memcpy(w, p, sizeof(w));
        a += (uint64_t)w[0] + w[1] + w[2] + w[3];
        b += (uint64_t)w[4] + w[5] + w[6] + w[7];
        p += 32;
        len -= 32;
    }
    while (len >= 4) {
        uint32_t w;

        memcpy(&w, p, sizeof(w));
        a += w;
        p += 4;
        len -= 4;
    }
    if (len > 0) {
        uint8_t last[4] = { 0 };
        uint32_t w;

        memcpy(last, p, len);
        memcpy(&w, last, sizeof(w));
        a += w;
    }
    return sum + a + b;
}

uint64_t csum_copy(uint64_t sum, uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
    return csum_add(sum, to, len);
}

uint16_t csum_fold(uint64_t sum)
{
    uint16_t v;
    uint8_t octets[2];

    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    v = (uint16_t)sum;
    memcpy(octets, &v, sizeof(octets));
    return be16_at(octets);
}

uint64_t csum_pseudo(const uint8_t *ip, uint8_t version, uint8_t protocol, uint32_t l4_len)
{
    uint8_t tail[8] = { 0 };
    uint64_t sum;

    be32_put(tail, l4_len);
    tail[7] = protocol;
    sum = version == 4 ? csum_add(0, ip + 12, 8) : csum_add(0, ip + 8, 32);
    return csum_add(sum, tail, sizeof(tail));
}

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

/* The sum is taken over native 64-bit words with the carries added back in: one's complement
 * addition commutes with swapping the octets of every word (RFC 1071 2(B), (C)), so csum_fold swaps
 * once at the end. Two chains, because one addition waits for the one before. */
static uint64_t add_carry(uint64_t sum, uint64_t v)
{
    sum += v;
    return sum + (sum < v);
}

uint64_t csum_add(uint64_t sum, const uint8_t *p, size_t len)
{
    uint64_t a = sum, b = 0, carry_a = 0, carry_b = 0;

    while (len >= 32) {
        uint64_t w[4];

        memcpy(w, p, sizeof(w));
        a += w[0];
        carry_a += a < w[0];
        b += w[1];
        carry_b += b < w[1];
        a += w[2];
        carry_a += a < w[2];
        b += w[3];
        carry_b += b < w[3];
        p += 32;
        len -= 32;
    }
    while (len > 0) {
        size_t n = len < 8 ? len : 8;
        uint64_t w = 0;

        memcpy(&w, p, n);
        a = add_carry(a, w);
        p += n;
        len -= n;
    }
    return add_carry(add_carry(a, b), carry_a + carry_b);
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
    sum = (sum & 0xffffffff) + (sum >> 32); /* the carry of that */
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

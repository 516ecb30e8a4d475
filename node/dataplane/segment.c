/* segment: see the header. RFC 9293 for the flags: FIN and PSH belong to the last segment, CWR to
 * the first (RFC 3168 6.1.2). */
#include "node/dataplane/segment.h"

#include <string.h>

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_PSH = 0x08, TCP_CWR = 0x80 };

static enum err plan_gso(struct segments *s)
{
    size_t l3 = s->ip.l3_len, total = s->ip.total_len, l4_min;

    l4_min = s->offload.gso == TUN_GSO_TCP ? 20 : 8;
    if (s->ip.protocol != (s->offload.gso == TUN_GSO_TCP ? IPP_TCP : IPP_UDP) || s->ip.fragment)
        return E_BAD_VALUE;
    if (total - l3 < l4_min || s->offload.gso_size == 0)
        return E_BAD_LENGTH;
    s->header_len = l3 + l4_min;
    if (s->offload.gso == TUN_GSO_TCP) {
        size_t doff = (size_t)(s->packet.p[l3 + 12] >> 4) * 4;

        if (doff < 20 || doff > total - l3)
            return E_BAD_LENGTH;
        s->header_len = l3 + doff;
    }
    s->payload_len = total - s->header_len;
    s->count = (s->payload_len + s->offload.gso_size - 1) / s->offload.gso_size;
    if (s->count == 0)
        s->count = 1;
    return OK;
}

enum err segments_init(struct segments *ret, struct span packet, const struct tun_offload *offload)
{
    struct segments s = { .offload = *offload, .count = 1 };

    TRY(ip_packet_parse(packet, &s.ip));
    s.packet = span_of(packet.p, s.ip.total_len);
    if (offload->gso != TUN_GSO_NONE) {
        TRY(plan_gso(&s));
    } else {
        s.header_len = s.ip.total_len;
        /* The sum belongs to an upper layer: never inside the IP header. */
        if (offload->needs_csum &&
            (offload->csum_start < s.ip.l3_len ||
             (size_t)offload->csum_start + offload->csum_offset + 2 > s.ip.total_len))
            return E_BAD_LENGTH;
    }
    *ret = s;
    return OK;
}

static size_t payload_of(const struct segments *s, size_t i)
{
    size_t at = i * s->offload.gso_size;

    if (s->offload.gso == TUN_GSO_NONE)
        return 0;
    return s->payload_len - at < s->offload.gso_size ? s->payload_len - at : s->offload.gso_size;
}

size_t segments_len(const struct segments *s, size_t i)
{
    return s->header_len + payload_of(s, i);
}

/* A checksum of zero means "none" in UDP. */
static void store_csum(uint8_t *at, uint64_t sum, bool udp)
{
    uint16_t v = (uint16_t)~csum_fold(sum);

    be16_put(at, udp && v == 0 ? 0xffff : v);
}

static void fix_ip(const struct segments *s, size_t i, uint8_t *out, size_t len)
{
    if (s->ip.version == 6) {
        be16_put(out + 4, (uint16_t)(len - 40));
        return;
    }
    be16_put(out + 2, (uint16_t)len);
    be16_put(out + 4, (uint16_t)(be16_at(out + 4) + i));
    be16_put(out + 10, 0);
    store_csum(out + 10, csum_add(0, out, s->ip.l3_len), false);
}

/* The checksum field holds the sum of the pseudo header (Linux' CHECKSUM_PARTIAL). */
static void finish_partial(const struct segments *s, uint8_t *out)
{
    size_t start = s->offload.csum_start;

    store_csum(out + start + s->offload.csum_offset,
               csum_add(0, out + start, s->ip.total_len - start),
               s->ip.protocol == IPP_UDP && s->offload.csum_offset == 6);
}

void segments_write(const struct segments *s, size_t i, uint8_t *out)
{
    size_t n = payload_of(s, i), len = s->header_len + n, l3 = s->ip.l3_len;
    uint8_t *l4 = out + l3;
    uint64_t sum;

    memcpy(out, s->packet.p, s->header_len);
    if (s->offload.gso == TUN_GSO_NONE) {
        if (s->offload.needs_csum)
            finish_partial(s, out);
        return;
    }
    fix_ip(s, i, out, len);
    sum = csum_pseudo(out, s->ip.version, s->ip.protocol, (uint32_t)(len - l3));
    if (s->offload.gso == TUN_GSO_TCP) {
        be32_put(l4 + 4, be32_at(l4 + 4) + (uint32_t)(i * s->offload.gso_size));
        if (i + 1 < s->count)
            l4[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        if (i > 0)
            l4[13] &= (uint8_t)~TCP_CWR;
        be16_put(l4 + 16, 0);
    } else {
        be16_put(l4 + 4, (uint16_t)(len - l3));
        be16_put(l4 + 6, 0);
    }
    sum = csum_add(sum, l4, s->header_len - l3);
    sum = csum_copy(sum, out + s->header_len, s->packet.p + s->header_len + i * s->offload.gso_size,
                    n);
    store_csum(l4 + (s->offload.gso == TUN_GSO_TCP ? 16 : 6), sum, s->offload.gso == TUN_GSO_UDP);
}

/* RFC 1624: HC' = ~(~HC + ~m + m'). old and new_v must stand at an even offset of the summed
 * octets. */
static void update_csum(uint8_t *at, uint16_t old, uint16_t new_v)
{
    uint32_t sum = (uint32_t)(uint16_t)~be16_at(at) + (uint16_t)~old + new_v;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    be16_put(at, (uint16_t)~sum);
}

static void clamp_option(uint8_t *tcp, size_t at, uint16_t max)
{
    uint16_t mss = be16_at(tcp + at);

    if (mss <= max)
        return;
    if (at % 2 == 0) {
        update_csum(tcp + 16, mss, max);
    } else {
        /* The value straddles two 16-bit words of the sum. */
        uint16_t a = be16_at(tcp + at - 1), b = be16_at(tcp + at + 1);

        update_csum(tcp + 16, a, (uint16_t)((a & 0xff00) | max >> 8));
        update_csum(tcp + 16, b, (uint16_t)((b & 0x00ff) | (max & 0xff) << 8));
    }
    be16_put(tcp + at, max);
}

void mss_clamp(uint8_t *packet, const struct ip_packet *ip, uint16_t max)
{
    size_t l4_len = ip->total_len - ip->l3_len, doff, at = 20;
    uint8_t *tcp = packet + ip->l3_len;

    if (ip->protocol != IPP_TCP || ip->later_fragment || l4_len < 20 || (tcp[13] & TCP_SYN) == 0)
        return;
    doff = (size_t)(tcp[12] >> 4) * 4;
    if (doff < 20 || doff > l4_len)
        return;
    while (at + 1 < doff && tcp[at] != 0) {
        size_t len = tcp[at] == 1 ? 1 : tcp[at + 1];

        if (len == 0 || (len == 1 && tcp[at] != 1) || len > doff - at)
            return;
        if (tcp[at] == 2 && len == 4) {
            clamp_option(tcp, at + 2, max);
            return;
        }
        at += len;
    }
}

void ip_set_ecn(uint8_t *packet, uint8_t version, uint8_t ecn)
{
    uint16_t old = be16_at(packet), new_v;

    if (version == 6) {
        packet[1] = (uint8_t)((packet[1] & 0xcf) | (ecn & 3) << 4);
        return;
    }
    packet[1] = (uint8_t)((packet[1] & 0xfc) | (ecn & 3));
    new_v = be16_at(packet);
    if (new_v != old)
        update_csum(packet + 10, old, new_v);
}

#include "node/dataplane/coalesce.h"

#include <string.h>

enum {
    TCP_FIN = 0x01,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_ECE = 0x40,
    TOTAL_MAX = 65535,
    LOOK_BACK = 32, /* items searched for a flow; further back, a new item is begun */
};

/* Length of the headers when the packet may be joined at all, else 0. */
static size_t joinable(const struct coalesce *c, const uint8_t *packet, const struct ip_packet *ip)
{
    size_t plain_l3 = ip->version == 4 ? 20 : 40, l3 = ip->l3_len, l4_len = ip->total_len - l3, h;
    const uint8_t *l4 = packet + l3;

    if (ip->fragment || l3 != plain_l3)
        return 0;
    if (ip->protocol == IPP_TCP && c->tcp && l4_len > 20) {
        h = (size_t)(l4[12] >> 4) * 4;
        if (h < 20 || h >= l4_len || (l4[12] & 0x0f) != 0)
            return 0;
        if ((l4[13] & ~(TCP_ACK | TCP_PSH | TCP_ECE)) != 0 || (l4[13] & TCP_ACK) == 0)
            return 0;
        return l3 + h;
    }
    if (ip->protocol == IPP_UDP && c->udp && l4_len > 8 && be16_at(l4 + 4) == l4_len &&
        be16_at(l4 + 6) != 0)
        return l3 + 8;
    return 0;
}

static bool checksum_holds(const uint8_t *packet, const struct ip_packet *ip)
{
    uint32_t l4_len = (uint32_t)(ip->total_len - ip->l3_len);
    uint64_t sum = csum_pseudo(packet, ip->version, ip->protocol, l4_len);

    return csum_fold(csum_add(sum, packet + ip->l3_len, l4_len)) == 0xffff;
}

static bool same_flow(const struct coalesce_item *it, const struct ip_packet *ip)
{
    return it->ip.sport == ip->sport && it->ip.dport == ip->dport &&
           it->ip.protocol == ip->protocol && ip_eq(&it->ip.dst, &ip->dst) &&
           ip_eq(&it->ip.src, &ip->src);
}

static bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
    return span_eq(span_of(a, len), span_of(b, len));
}

/* Everything that segmentation will copy from the first packet into all must be equal: TOS, TTL,
 * DF, acknowledgement, window, options. */
static bool same_headers(const struct coalesce_item *it, const uint8_t *p, size_t header_len)
{
    const uint8_t *h = it->head;
    size_t l3 = it->ip.l3_len;

    if (header_len != it->header_len)
        return false;
    if (it->ip.version == 4) {
        if (h[1] != p[1] || h[8] != p[8] || ((h[6] ^ p[6]) & 0xe0) != 0)
            return false;
    } else if (!same(h, p, 4) || h[7] != p[7]) {
        return false;
    }
    if (it->ip.protocol == IPP_UDP)
        return true;
    return same(h + l3 + 8, p + l3 + 8, 5) &&                         /* ack, data offset */
           ((h[l3 + 13] ^ p[l3 + 13]) & ~(TCP_PSH | TCP_FIN)) == 0 && /* flags */
           same(h + l3 + 14, p + l3 + 14, 2) &&                       /* window */
           same(h + l3 + 20, p + l3 + 20, header_len - l3 - 20);
}

static bool try_join(struct coalesce_item *it, uint8_t *p, const struct ip_packet *ip,
                     size_t header_len)
{
    size_t n = ip->total_len - header_len;

    if (it->closed || it->header_len == 0 || !same_headers(it, p, header_len))
        return false;
    if (n > it->segment || it->n_more == COALESCE_PARTS - 1 ||
        it->header_len + it->payload + n > TOTAL_MAX)
        return false;
    if (ip->protocol == IPP_TCP && be32_at(p + ip->l3_len + 4) != it->next_seq)
        return false;
    if (!it->checked && !checksum_holds(it->head, &it->ip))
        return false;
    it->checked = true;
    if (!checksum_holds(p, ip))
        return false;
    it->more[it->n_more++] = span_of(p + header_len, n);
    it->payload += n;
    it->next_seq += (uint32_t)n;
    if (ip->protocol == IPP_TCP) {
        it->last_flags = p[ip->l3_len + 13];
        it->closed = (it->last_flags & (TCP_PSH | TCP_FIN)) != 0;
    }
    if (n < it->segment)
        it->closed = true;
    return true;
}

bool coalesce_add(struct coalesce *c, uint8_t *packet, const struct ip_packet *ip)
{
    size_t header_len = joinable(c, packet, ip), look = c->n < LOOK_BACK ? c->n : LOOK_BACK;
    struct coalesce_item *it;

    for (size_t i = 1; header_len != 0 && i <= look; i++) {
        it = &c->item[c->n - i];
        if (!same_flow(it, ip))
            continue;
        if (try_join(it, packet, ip, header_len))
            return true;
        break; /* behind the newest item of its flow, never into an older one */
    }
    if (c->n == COALESCE_ITEMS)
        return false;
    it = &c->item[c->n++];
    it->head = packet;
    it->head_len = ip->total_len;
    it->ip = *ip;
    it->header_len = (uint8_t)header_len;
    it->closed = it->checked = false;
    it->n_more = 0;
    it->segment = 0;
    if (header_len == 0)
        return true;
    it->segment = (uint16_t)(ip->total_len - header_len);
    it->payload = it->segment;
    if (ip->protocol == IPP_TCP) {
        it->next_seq = be32_at(packet + ip->l3_len + 4) + it->segment;
        it->last_flags = packet[ip->l3_len + 13];
        it->closed = (it->last_flags & TCP_PSH) != 0;
    }
    return true;
}

void coalesce_finish(struct coalesce_item *it, struct tun_offload *ret_offload)
{
    size_t l3 = it->ip.l3_len, l4_len = it->header_len - l3 + it->payload;
    bool tcp = it->ip.protocol == IPP_TCP;
    uint8_t *h = it->head;
    size_t csum_at = l3 + (tcp ? 16 : 6);

    *ret_offload = (struct tun_offload){ .gso = TUN_GSO_NONE };
    if (it->n_more == 0)
        return;
    if (it->ip.version == 4) {
        be16_put(h + 2, (uint16_t)(l3 + l4_len));
        be16_put(h + 10, 0);
        be16_put(h + 10, (uint16_t)~csum_fold(csum_add(0, h, l3)));
    } else {
        be16_put(h + 4, (uint16_t)l4_len);
    }
    if (tcp)
        h[l3 + 13] |= it->last_flags & (TCP_PSH | TCP_FIN);
    else
        be16_put(h + l3 + 4, (uint16_t)l4_len);
    /* The kernel completes the sum when it cuts or delivers the packet. */
    be16_put(h + csum_at,
             csum_fold(csum_pseudo(h, it->ip.version, it->ip.protocol, (uint32_t)l4_len)));
    *ret_offload = (struct tun_offload){ .needs_csum = true,
                                         .gso = tcp ? TUN_GSO_TCP : TUN_GSO_UDP,
                                         .gso_size = it->segment,
                                         .csum_start = (uint16_t)l3,
                                         .csum_offset = (uint16_t)(csum_at - l3) };
}

/* A row of packets (two octets of length each; the high bit asks for a right checksum), joined,
 * then cut again: the packets that went in must come out, in the order of their flows. */
#include "tests/fuzz/fuzz.h"

#include "node/dataplane/coalesce.h"

enum { PACKETS = 70 };

static void right_checksum(uint8_t *p, const struct ip_packet *ip)
{
    size_t l4_len = ip->total_len - ip->l3_len, at = ip->protocol == IPP_TCP ? 16 : 6;
    uint8_t *l4 = p + ip->l3_len;

    if ((ip->protocol != IPP_TCP && ip->protocol != IPP_UDP) || ip->fragment || l4_len < at + 2)
        return;
    be16_put(l4 + at, 0);
    be16_put(l4 + at,
             (uint16_t)~csum_fold(csum_add(
                 csum_pseudo(p, ip->version, ip->protocol, (uint32_t)l4_len), l4, l4_len)));
}

static size_t joined_len(const struct coalesce_item *it)
{
    size_t len = it->head_len;

    for (unsigned i = 0; i < it->n_more; i++)
        len += it->more[i].len;
    return len;
}

/* What the kernel would make of it. */
static size_t cut(struct coalesce_item *it)
{
    struct tun_offload off;
    struct segments s;
    size_t len = joined_len(it), at;
    uint8_t *flat = malloc(len);

    coalesce_finish(it, &off);
    memcpy(flat, it->head, it->head_len);
    at = it->head_len;
    for (unsigned i = 0; i < it->n_more; i++) {
        memcpy(flat + at, it->more[i].p, it->more[i].len);
        at += it->more[i].len;
    }
    MUST((off.gso != TUN_GSO_NONE) == (it->n_more > 0));
    MUST(segments_init(&s, span_of(flat, len), &off) == OK);
    MUST(s.count == it->n_more + 1U && s.ip.total_len == len);
    free(flat);
    return s.count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct coalesce c;
    struct rd r = rd_of(span_of(data, size));
    uint8_t *copy[PACKETS];
    size_t n = 0, out = 0;

    c.n = 0;
    c.tcp = c.udp = true;
    while (n < PACKETS) {
        struct ip_packet ip;
        struct span s;
        uint16_t len;

        if (rd_u16(&r, &len) != OK || rd_span(&r, len & 0x7fff, &s) != OK || s.len == 0 ||
            ip_packet_parse(s, &ip) != OK)
            break;
        copy[n] = malloc(ip.total_len);
        memcpy(copy[n], s.p, ip.total_len);
        if ((len & 0x8000) != 0)
            right_checksum(copy[n], &ip);
        MUST(coalesce_add(&c, copy[n], &ip));
        n++;
    }
    for (size_t i = 0; i < c.n; i++)
        out += cut(&c.item[i]);
    MUST(out == n);
    for (size_t i = 0; i < n; i++)
        free(copy[i]);
    return 0;
}

/* Segmentation, coalescing, checksums: what is cut is whole, and joining gives back what was cut.
 */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "node/dataplane/coalesce.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_PSH = 8, TCP_ACK = 16, TCP_CWR = 0x80 };

/* The definition of RFC 1071, octet pair by octet pair. */
static uint16_t plain_sum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    if (len % 2 != 0)
        sum += (uint32_t)p[len - 1] << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint16_t l4_sum(const uint8_t *p, const struct ip_packet *ip)
{
    size_t l4_len = ip->total_len - ip->l3_len;
    uint32_t pseudo = (uint32_t)l4_len + ip->protocol;

    pseudo += ip->version == 4 ? plain_sum(p + 12, 8, 0) : plain_sum(p + 8, 32, 0);
    return plain_sum(p + ip->l3_len, l4_len, pseudo);
}

static bool whole(const uint8_t *p, size_t len)
{
    struct ip_packet ip;

    if (ip_packet_parse(span_of(p, len), &ip) != OK || ip.total_len != len)
        return false;
    if (ip.version == 4 && plain_sum(p, ip.l3_len, 0) != 0xffff)
        return false;
    return l4_sum(p, &ip) == 0xffff;
}

/* A super-packet as the kernel hands it over: lengths right, the L4 checksum field is the pseudo
 * header's sum. Returns its length. */
static size_t make_super(uint8_t *p, uint8_t version, bool tcp, size_t options, size_t payload,
                         uint8_t flags)
{
    size_t l3 = version == 4 ? 20 : 40, l4 = tcp ? 20 + options : 8, total = l3 + l4 + payload;
    struct ip_packet ip;

    memset(p, 0, l3 + l4);
    if (version == 4) {
        p[0] = 0x45;
        be16_put(p + 2, (uint16_t)total);
        be16_put(p + 4, 0xfffe);
        p[6] = 0x40;
        p[8] = 64;
        p[9] = tcp ? IPP_TCP : IPP_UDP;
        memcpy(p + 12, "\x0a\x4d\x01\x01\x0a\x4d\x02\x01", 8);
        be16_put(p + 10, (uint16_t)~plain_sum(p, 20, 0));
    } else {
        p[0] = 0x60;
        be16_put(p + 4, (uint16_t)(total - 40));
        p[6] = tcp ? IPP_TCP : IPP_UDP;
        p[7] = 64;
        p[8] = p[24] = 0xfd;
        p[23] = 1;
        p[39] = 2;
    }
    be16_put(p + l3, 40000);
    be16_put(p + l3 + 2, 5201);
    if (tcp) {
        be32_put(p + l3 + 4, 0xfffffff0); /* wraps on the way */
        be32_put(p + l3 + 8, 77);
        p[l3 + 12] = (uint8_t)(l4 / 4 << 4);
        p[l3 + 13] = flags;
        be16_put(p + l3 + 14, 1000);
        for (size_t i = 0; i < options; i++)
            p[l3 + 20 + i] = 1;
    } else {
        be16_put(p + l3 + 4, (uint16_t)(total - l3));
    }
    for (size_t i = 0; i < payload; i++)
        p[l3 + l4 + i] = (uint8_t)(i * 31 + i / 256);
    cr_assert_eq(ip_packet_parse(span_of(p, total), &ip), OK);
    be16_put(p + l3 + (tcp ? 16 : 6),
             csum_fold(csum_pseudo(p, version, ip.protocol, (uint32_t)(total - l3))));
    return total;
}

static struct tun_offload offload_of(uint8_t version, bool tcp, uint16_t mss)
{
    return (struct tun_offload){ .needs_csum = true,
                                 .gso = tcp ? TUN_GSO_TCP : TUN_GSO_UDP,
                                 .gso_size = mss,
                                 .csum_start = version == 4 ? 20 : 40,
                                 .csum_offset = tcp ? 16 : 6 };
}

static void cut_and_join(uint8_t version, bool tcp, size_t payload, uint16_t mss, uint8_t flags)
{
    static uint8_t super[65536], cut[80000], joined[65536];
    struct tun_offload off = offload_of(version, tcp, mss), back;
    size_t len = make_super(super, version, tcp, tcp ? 12 : 0, payload, flags), at = 0, got = 0;
    struct coalesce *c = calloc(1, sizeof(*c));
    struct segments s;
    struct ip_packet ip;

    c->tcp = c->udp = true;
    cr_assert_eq(segments_init(&s, span_of(super, len), &off), OK);
    cr_assert_eq(s.count, (payload + mss - 1) / mss);
    for (size_t i = 0; i < s.count; i++) {
        size_t n = segments_len(&s, i);

        segments_write(&s, i, cut + at);
        cr_assert(whole(cut + at, n), "segment %zu of %zu, v%u", i, s.count, version);
        cr_assert_eq(ip_packet_parse(span_of(cut + at, n), &ip), OK);
        if (tcp) {
            uint8_t f = cut[at + ip.l3_len + 13];

            cr_assert_eq(be32_at(cut + at + ip.l3_len + 4), (uint32_t)(0xfffffff0 + i * mss));
            cr_assert_eq((f & (TCP_FIN | TCP_PSH)) != 0,
                         i + 1 == s.count && (flags & (TCP_FIN | TCP_PSH)) != 0);
            cr_assert_eq((f & TCP_CWR) != 0, i == 0 && (flags & TCP_CWR) != 0);
        }
        cr_assert(coalesce_add(c, cut + at, &ip));
        at += n;
    }
    if ((flags & (TCP_CWR | TCP_FIN)) == 0 && s.count <= COALESCE_PARTS) {
        struct coalesce_item *it = &c->item[0];

        cr_assert_eq(c->n, 1);
        coalesce_finish(it, &back);
        memcpy(joined, it->head, it->head_len);
        got = it->head_len;
        for (unsigned i = 0; i < it->n_more; i++) {
            memcpy(joined + got, it->more[i].p, it->more[i].len);
            got += it->more[i].len;
        }
        cr_assert_eq(got, len);
        if (s.count > 1) {
            cr_assert_eq(memcmp(joined, super, len), 0);
            cr_assert_eq(back.gso_size, mss);
            cr_assert_eq(back.gso, off.gso);
            cr_assert_eq(back.csum_start, off.csum_start);
            cr_assert_eq(back.csum_offset, off.csum_offset);
        }
    }
    free(c);
}

Test(segment, cutting_and_joining_are_inverse)
{
    for (uint8_t v = 4; v <= 6; v += 2) {
        cut_and_join(v, true, 60000, 1348, TCP_ACK | TCP_PSH);
        cut_and_join(v, true, 1348 * 3, 1348, TCP_ACK);
        cut_and_join(v, true, 1349, 1348, TCP_ACK);
        cut_and_join(v, true, 7001, 999, TCP_ACK | TCP_FIN | TCP_PSH);
        cut_and_join(v, true, 5000, 1000, TCP_ACK | TCP_CWR);
        cut_and_join(v, true, 63 * 501 + 17, 501, TCP_ACK);
        cut_and_join(v, false, 20000, 1200, 0);
        cut_and_join(v, false, 64 * 60, 64, 0);
        cut_and_join(v, false, 65, 64, 0);
    }
}

Test(segment, a_single_partial_checksum_is_completed)
{
    uint8_t p[600], out[600];
    struct segments s;

    for (uint8_t v = 4; v <= 6; v += 2)
        for (size_t payload = 1; payload < 500; payload += 7)
            for (int tcp = 0; tcp < 2; tcp++) {
                struct tun_offload off = offload_of(v, tcp != 0, 0);
                size_t len = make_super(p, v, tcp != 0, 0, payload, TCP_ACK);

                off.gso = TUN_GSO_NONE;
                cr_assert_eq(segments_init(&s, span_of(p, len), &off), OK);
                cr_assert_eq(s.count, 1);
                cr_assert_eq(segments_len(&s, 0), len);
                segments_write(&s, 0, out);
                cr_assert(whole(out, len));
            }
}

Test(segment, offloads_that_do_not_fit_are_refused)
{
    static uint8_t p[3000];
    size_t len = make_super(p, 4, true, 0, 2000, TCP_ACK);
    struct tun_offload off = offload_of(4, true, 0);
    struct segments s;

    cr_assert_eq(segments_init(&s, span_of(p, len), &off), E_BAD_LENGTH); /* segments of nothing */
    off = offload_of(4, false, 100);
    cr_assert_eq(segments_init(&s, span_of(p, len), &off),
                 E_BAD_VALUE); /* TCP packet, UDP offload */
    off = offload_of(4, true, 100);
    off.gso = TUN_GSO_NONE;
    off.csum_start = (uint16_t)(len - 1);
    cr_assert_eq(segments_init(&s, span_of(p, len), &off), E_BAD_LENGTH);
    off = offload_of(4, true, 100);
    p[20 + 12] = 0x40; /* data offset below 5 words */
    cr_assert_eq(segments_init(&s, span_of(p, len), &off), E_BAD_LENGTH);
    for (size_t n = 0; n < 40; n++)
        cr_assert_neq(segments_init(&s, span_of(p, n), &off), OK);
}

/* Two data packets of one flow, then change one thing in the second and see that they stay apart.
 */
static size_t items_after(void (*change)(uint8_t *second), bool fix)
{
    static uint8_t super[4000], a[2000], b[2000];
    struct tun_offload off = offload_of(4, true, 1000);
    size_t len = make_super(super, 4, true, 12, 2000, TCP_ACK), n;
    struct coalesce *c = calloc(1, sizeof(*c));
    struct segments s;
    struct ip_packet ip;

    c->tcp = true;
    cr_assert_eq(segments_init(&s, span_of(super, len), &off), OK);
    segments_write(&s, 0, a);
    segments_write(&s, 1, b);
    n = segments_len(&s, 1);
    change(b);
    if (fix) {
        cr_assert_eq(ip_packet_parse(span_of(b, n), &ip), OK);
        be16_put(b + 36, 0);
        be16_put(b + 36, (uint16_t)~l4_sum(b, &ip));
    }
    cr_assert_eq(ip_packet_parse(span_of(a, segments_len(&s, 0)), &ip), OK);
    cr_assert(coalesce_add(c, a, &ip));
    cr_assert_eq(ip_packet_parse(span_of(b, n), &ip), OK);
    cr_assert(coalesce_add(c, b, &ip));
    n = c->n;
    free(c);
    return n;
}

static void nothing(uint8_t *p)
{
    (void)p;
}
static void corrupt(uint8_t *p)
{
    p[100] ^= 1;
}
static void other_port(uint8_t *p)
{
    p[21] ^= 1;
}
static void other_ack(uint8_t *p)
{
    p[31] ^= 1;
}
static void other_window(uint8_t *p)
{
    p[35] ^= 1;
}
static void other_option(uint8_t *p)
{
    p[41] = 0;
}
static void other_ttl(uint8_t *p)
{
    p[8]--;
}
static void other_tos(uint8_t *p)
{
    p[1] ^= 4;
}
static void gap(uint8_t *p)
{
    p[27] ^= 1;
}
static void syn(uint8_t *p)
{
    p[33] |= TCP_SYN;
}

Test(coalesce, only_what_the_kernel_may_cut_again_is_joined)
{
    cr_assert_eq(items_after(nothing, true), 1);
    cr_assert_eq(items_after(corrupt, false),
                 2); /* a wrong checksum must reach the receiver as such */
    cr_assert_eq(items_after(corrupt, true), 1);
    cr_assert_eq(items_after(other_port, true), 2);
    cr_assert_eq(items_after(other_ack, true), 2);
    cr_assert_eq(items_after(other_window, true), 2);
    cr_assert_eq(items_after(other_option, true), 2);
    cr_assert_eq(items_after(other_ttl, true), 2);
    cr_assert_eq(items_after(other_tos, true), 2);
    cr_assert_eq(items_after(gap, true), 2);
    cr_assert_eq(items_after(syn, true), 2);
}

Test(segment, mss_is_lowered_and_the_checksum_follows)
{
    uint8_t p[100], before[100];
    struct ip_packet ip;

    for (unsigned shift = 0; shift < 4; shift++) {
        size_t len = make_super(p, 4, true, 12, 0, TCP_SYN);

        memset(p + 40, 1, 12);
        memcpy(p + 40 + shift, "\x02\x04\x05\xb4", 4); /* 1460, also at odd offsets */
        cr_assert_eq(ip_packet_parse(span_of(p, len), &ip), OK);
        be16_put(p + 36, 0);
        be16_put(p + 36, (uint16_t)~l4_sum(p, &ip));
        cr_assert(whole(p, len));
        memcpy(before, p, len);
        mss_clamp(p, &ip, 1460);
        cr_assert_eq(memcmp(p, before, len), 0);
        mss_clamp(p, &ip, 1234);
        cr_assert_eq(be16_at(p + 42 + shift), 1234);
        cr_assert(whole(p, len));
        /* Without SYN it is data that happens to look so. */
        p[33] = TCP_ACK;
        memcpy(before, p, len);
        mss_clamp(p, &ip, 500);
        cr_assert_eq(memcmp(p, before, len), 0);
    }
}

Test(segment, broken_options_are_left_alone)
{
    uint8_t p[100], before[100];
    struct ip_packet ip;
    size_t len = make_super(p, 4, true, 12, 0, TCP_SYN);

    for (unsigned v = 0; v < 256; v++) {
        memset(p + 40, (int)v, 12);
        p[41] = (uint8_t)(v * 7);
        cr_assert_eq(ip_packet_parse(span_of(p, len), &ip), OK);
        memcpy(before, p, len);
        mss_clamp(p, &ip, 60000);
        cr_assert_eq(memcmp(p, before, len), 0);
    }
}

Test(segment, ecn_bits_change_alone)
{
    uint8_t p[100];
    size_t len = make_super(p, 4, true, 0, 0, TCP_ACK);

    p[1] = 0xb8 | 2;
    be16_put(p + 10, 0);
    be16_put(p + 10, (uint16_t)~plain_sum(p, 20, 0));
    ip_set_ecn(p, 4, 3);
    cr_assert_eq(p[1], 0xbb);
    cr_assert_eq(plain_sum(p, 20, 0), 0xffff);
    len = make_super(p, 6, true, 0, 0, TCP_ACK);
    p[0] = 0x6b;
    p[1] = 0xa5;
    ip_set_ecn(p, 6, 3);
    cr_assert_eq(p[0], 0x6b);
    cr_assert_eq(p[1], 0xb5);
    (void)len;
}

Test(ip_packet, sums_equal_the_definition)
{
    uint8_t p[4000];
    uint32_t x = 1;

    for (unsigned i = 0; i < sizeof(p); i++) {
        x = x * 1103515245 + 12345;
        p[i] = i % 5 == 0 ? 0xff : (uint8_t)(x >> 16);
    }
    for (size_t n = 0; n < 3000; n += n < 100 ? 1 : 61)
        for (unsigned off = 0; off < 9; off++)
            cr_assert_eq(csum_fold(csum_add(0, p + off, n)), plain_sum(p + off, n, 0), "%zu", n);
    memset(p, 0xff, sizeof(p));
    cr_assert_eq(csum_fold(csum_add(0, p, sizeof(p))), 0xffff);
    memset(p, 0, sizeof(p));
    cr_assert_eq(csum_fold(csum_add(0, p, sizeof(p))), 0);
}

Test(ip_packet, every_truncation_is_an_error)
{
    uint8_t p[200];
    struct ip_packet ip;

    for (uint8_t v = 4; v <= 6; v += 2) {
        size_t len = make_super(p, v, true, 0, 50, TCP_ACK);

        for (size_t n = 0; n < len; n++)
            cr_assert_neq(ip_packet_parse(span_of(p, n), &ip), OK);
        cr_assert_eq(ip_packet_parse(span_of(p, len), &ip), OK);
        cr_assert_eq(ip_packet_parse(span_of(p, len + 30), &ip), OK); /* traffic padding */
        cr_assert_eq(ip.total_len, len);
        cr_assert_eq(ip.sport, 40000);
        cr_assert_eq(ip.dport, 5201);
    }
}

Test(ip_packet, extension_headers_are_stepped_over)
{
    uint8_t p[200] = { 0x60 };
    struct ip_packet ip;

    be16_put(p + 4, 8 + 16 + 8 + 8);
    p[6] = 0; /* hop-by-hop */
    p[40] = 60;
    p[41] = 0;
    p[48] = 44; /* destination options of 16 octets, then a fragment header */
    p[49] = 1;
    p[64] = IPP_UDP;
    be16_put(p + 66, 1); /* first fragment, more follow */
    be16_put(p + 72, 53);
    be16_put(p + 74, 54);
    cr_assert_eq(ip_packet_parse(span_of(p, 80), &ip), OK);
    cr_assert_eq(ip.protocol, IPP_UDP);
    cr_assert_eq(ip.l3_len, 72);
    cr_assert(ip.fragment && !ip.later_fragment && ip.has_ports);
    cr_assert_eq(ip.sport, 53);
    be16_put(p + 66, 8); /* a later one has no ports */
    cr_assert_eq(ip_packet_parse(span_of(p, 80), &ip), OK);
    cr_assert(ip.later_fragment && !ip.has_ports);
    p[49] = 200; /* longer than the packet */
    cr_assert_neq(ip_packet_parse(span_of(p, 80), &ip), OK);
    memset(p + 40, 0, 40); /* hop-by-hop for ever */
    cr_assert_neq(ip_packet_parse(span_of(p, 80), &ip), OK);
}

/* A super-packet as the kernel might hand it over: one octet of flags, gso_size, csum_start,
 * csum_offset, then the packet. Every segment lies in a buffer of exactly its length. */
#include "tests/fuzz/fuzz.h"

#include "node/dataplane/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_of(span_of(data, size));
    struct tun_offload off = { 0 };
    struct segments s;
    struct span packet;
    uint16_t max;
    uint8_t flags;
    size_t payload = 0;

    if (rd_u8(&r, &flags) != OK || rd_u16(&r, &off.gso_size) != OK ||
        rd_u16(&r, &off.csum_start) != OK || rd_u16(&r, &off.csum_offset) != OK ||
        rd_u16(&r, &max) != OK)
        return 0;
    off.needs_csum = (flags & 1) != 0;
    off.gso = (enum tun_gso)((flags >> 1) % 3);
    packet = rd_rest(&r);
    if (segments_init(&s, packet, &off) != OK)
        return 0;
    MUST(s.count >= 1 && s.count <= 65535);
    for (size_t i = 0; i < s.count; i++) {
        size_t len = segments_len(&s, i);
        uint8_t *out = malloc(len);
        struct ip_packet ip;

        segments_write(&s, i, out);
        MUST(ip_packet_parse(span_of(out, len), &ip) == OK);
        MUST(ip.total_len == len && ip.version == s.ip.version);
        payload += len - s.header_len;
        mss_clamp(out, &ip, max);
        ip_set_ecn(out, ip.version, flags >> 6);
        MUST(ip_packet_parse(span_of(out, len), &ip) == OK);
        MUST((ip.tos & 3) == flags >> 6);
        free(out);
    }
    MUST(payload == (off.gso == TUN_GSO_NONE ? 0 : s.payload_len));
    return 0;
}

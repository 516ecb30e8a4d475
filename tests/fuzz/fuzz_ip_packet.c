#include "tests/fuzz/fuzz.h"

#include "node/dataplane/ip_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_packet ip;
    uint8_t *copy;
    uint64_t whole, halves;
    size_t half = size / 2 & ~(size_t)1;

    whole = csum_add(0, data, size);
    halves = csum_add(csum_add(0, data, half), data + half, size - half);
    MUST(csum_fold(whole) % 0xffff == csum_fold(halves) % 0xffff);
    if (ip_packet_parse(span_of(data, size), &ip) != OK)
        return 0;
    MUST(ip.total_len <= size && ip.l3_len <= ip.total_len);
    MUST(ip.version == 4 || ip.version == 6);
    MUST(ip.src.family == ip.version && ip.dst.family == ip.version);
    MUST(!ip.later_fragment || ip.fragment);
    MUST(!ip.has_ports || ip.total_len - ip.l3_len >= 4);
    /* Nothing outside total_len was looked at. */
    copy = malloc(ip.total_len);
    MUST(csum_copy(0, copy, data, ip.total_len) == csum_add(0, data, ip.total_len));
    MUST(ip_packet_parse(span_of(copy, ip.total_len), &ip) == OK);
    (void)csum_pseudo(copy, ip.version, ip.protocol, (uint32_t)(ip.total_len - ip.l3_len));
    free(copy);
    return 0;
}

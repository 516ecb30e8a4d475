#include "node/wire/pl_cp.h"

#include "tests/unit/wire/parse_check.h"

static struct pl_cp got;

static enum err parse(struct rd r)
{
    return pl_cp_parse(r, &got);
}

static struct ip_addr ip(const char *s)
{
    struct ip_addr a;

    cr_assert_eq(ip_parse(s, &a), OK);
    return a;
}

static struct span sample(uint8_t *buf, size_t cap)
{
    struct wr w = wr_of(buf, cap);
    struct ip_addr v4 = ip("10.1.2.3"), v6 = ip("2001:db8::7"), net = ip("10.0.0.0");

    pl_cp_write_type(&w, CP_REPLY);
    pl_cp_write_ip(&w, INTERNAL_IP4_ADDRESS, &v4, 0);
    pl_cp_write_ip(&w, INTERNAL_IP6_ADDRESS, &v6, 64);
    pl_cp_write_ip(&w, INTERNAL_IP4_DNS, &net, 0);
    pl_cp_write_ip(&w, INTERNAL_IP4_SUBNET, &net, 8);
    pl_cp_write_ip(&w, INTERNAL_IP6_SUBNET, &v6, 128);
    pl_cp_write_attr(&w, INTERNAL_IP6_DNS, SPAN_NONE);
    cr_assert_eq(wr_ok(&w), OK);
    return wr_span(&w);
}

Test(pl_cp, round_trip)
{
    uint8_t buf[256], again[256];
    struct span s = sample(buf, sizeof buf);
    struct wr w = wr_of(again, sizeof again);
    struct ip_addr a, want;
    uint8_t bits;

    cr_assert_eq(pl_cp_parse(rd_of(s), &got), OK);
    cr_assert_eq(got.type, CP_REPLY);
    cr_assert_eq(got.n, 6);
    cr_assert_eq(cp_attr_ip(cp_nth(&got, INTERNAL_IP4_ADDRESS, 0), &a, &bits), OK);
    want = ip("10.1.2.3");
    cr_assert(ip_eq(&a, &want));
    cr_assert_eq(bits, 32);
    cr_assert_eq(cp_attr_ip(cp_nth(&got, INTERNAL_IP6_ADDRESS, 0), &a, &bits), OK);
    want = ip("2001:db8::7");
    cr_assert(ip_eq(&a, &want));
    cr_assert_eq(bits, 64);
    cr_assert_eq(cp_attr_ip(cp_nth(&got, INTERNAL_IP4_SUBNET, 0), &a, &bits), OK);
    cr_assert_eq(bits, 8);
    cr_assert_eq(cp_attr_ip(cp_nth(&got, INTERNAL_IP6_SUBNET, 0), &a, &bits), OK);
    cr_assert_eq(bits, 128);
    cr_assert_eq(cp_attr_ip(cp_nth(&got, INTERNAL_IP6_DNS, 0), &a, &bits), E_BAD_LENGTH,
                 "a request for any");
    cr_assert_null(cp_nth(&got, INTERNAL_IP4_ADDRESS, 1));
    pl_cp_write(&w, &got);
    cr_assert(span_eq(wr_span(&w), s));
}

Test(pl_cp, truncated_changed)
{
    uint8_t buf[256];
    struct span s = sample(buf, sizeof buf);

    touch_truncations(parse, s);
    touch_octets(parse, s);
    for (size_t n = 0; n < 4; n++)
        cr_assert_eq(parse_copy(parse, buf, n), E_TRUNCATED);
    /* Cut within an attribute, everywhere but at attribute borders. */
    for (size_t n = 5; n < 12; n++)
        cr_assert_eq(parse_copy(parse, buf, n), E_TRUNCATED);
    cr_assert_eq(parse_copy(parse, buf, 4), OK, "no attribute is allowed");
    cr_assert_eq(parse_copy(parse, buf, 12), OK);
}

Test(pl_cp, lengths)
{
    static const struct {
        uint16_t type;
        size_t len;
    } fixed[] = {
        { INTERNAL_IP4_ADDRESS, 4 },  { INTERNAL_IP4_NETMASK, 4 }, { INTERNAL_IP4_DNS, 4 },
        { INTERNAL_IP4_NBNS, 4 },     { INTERNAL_IP4_DHCP, 4 },    { INTERNAL_IP4_SUBNET, 8 },
        { INTERNAL_IP6_ADDRESS, 17 }, { INTERNAL_IP6_DNS, 16 },    { INTERNAL_IP6_DHCP, 16 },
        { INTERNAL_IP6_SUBNET, 17 },
    };
    uint8_t buf[64], zeros[32] = { 0 };

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        for (size_t len = 0; len <= 32; len++) {
            struct wr w = wr_of(buf, sizeof buf);

            pl_cp_write_type(&w, CP_REQUEST);
            pl_cp_write_attr(&w, fixed[i].type, span_of(zeros, len));
            cr_assert_eq(parse_copy(parse, buf, w.len),
                         len == 0 || len == fixed[i].len ? OK : E_BAD_LENGTH);
        }
    }
    struct wr w = wr_of(buf, sizeof buf);

    pl_cp_write_type(&w, CP_REQUEST);
    pl_cp_write_attr(&w, SUPPORTED_ATTRIBUTES, span_of(zeros, 3));
    cr_assert_eq(parse_copy(parse, buf, w.len), E_BAD_LENGTH);
    w = wr_of(buf, sizeof buf);
    pl_cp_write_type(&w, CP_REQUEST);
    pl_cp_write_attr(&w, 0x8000 | 28672, span_str("vendor")); /* reserved bit set */
    cr_assert_eq(parse_copy(parse, buf, w.len), OK);
    cr_assert_eq(got.a[0].type, 28672);
    buf[6] = 0xff;
    cr_assert_eq(parse_copy(parse, buf, w.len), E_TRUNCATED);
}

Test(pl_cp, addresses_refused)
{
    static const uint8_t holes[] = { 10, 0, 0, 0, 255, 0, 255, 0 };
    static const uint8_t wide[17] = { [16] = 129 };
    struct cp_attr a = { INTERNAL_IP4_SUBNET, span_of(holes, sizeof holes) };
    struct ip_addr ip_got;
    uint8_t bits;

    cr_assert_eq(cp_attr_ip(&a, &ip_got, &bits), E_BAD_VALUE);
    a = (struct cp_attr){ INTERNAL_IP6_ADDRESS, span_of(wide, sizeof wide) };
    cr_assert_eq(cp_attr_ip(&a, &ip_got, &bits), E_BAD_VALUE);
    a = (struct cp_attr){ APPLICATION_VERSION, span_str("1.0 ") };
    cr_assert_eq(cp_attr_ip(&a, &ip_got, &bits), E_BAD_VALUE);
    a = (struct cp_attr){ INTERNAL_IP4_DNS, span_of(wide, 5) };
    cr_assert_eq(cp_attr_ip(&a, &ip_got, &bits), E_TRAILING);
}

Test(pl_cp, limit)
{
    uint8_t buf[4 + 4 * (LIMIT_CP_ATTRS + 1)];
    struct wr w = wr_of(buf, sizeof buf);
    static uint8_t huge[65536];

    pl_cp_write_type(&w, CP_REQUEST);
    for (size_t i = 0; i <= LIMIT_CP_ATTRS; i++)
        pl_cp_write_attr(&w, INTERNAL_IP4_DNS, SPAN_NONE);
    cr_assert_eq(parse_copy(parse, buf, w.len), E_LIMIT);
    cr_assert_eq(parse_copy(parse, buf, w.len - 4), OK);
    pl_cp_write_attr(&w, INTERNAL_IP4_DNS, span_of(huge, sizeof huge));
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}

#include "node/wire/pl_ts.h"

#include "tests/unit/wire/parse_check.h"

static struct pl_ts got;

static enum err parse(struct rd r)
{
    return pl_ts_parse(r, &got);
}

static struct ts range(const char *first, const char *last)
{
    struct ts t = { .protocol = 6, .port_first = 80, .port_last = 443 };

    cr_assert_eq(ip_parse(first, &t.first), OK);
    cr_assert_eq(ip_parse(last, &t.last), OK);
    return t;
}

static struct span sample(uint8_t *buf, size_t cap)
{
    struct ts ts[2] = { range("192.0.2.0", "192.0.2.255"), range("2001:db8::", "2001:db8::ffff") };
    struct wr w = wr_of(buf, cap);

    pl_ts_write(&w, ts, 2);
    cr_assert_eq(wr_ok(&w), OK);
    return wr_span(&w);
}

Test(pl_ts, round_trip)
{
    uint8_t buf[128];
    struct span s = sample(buf, sizeof buf);
    struct ts v4 = range("192.0.2.0", "192.0.2.255");

    cr_assert_eq(s.len, 4 + 16 + 40);
    cr_assert_eq(parse_copy(parse, s.p, s.len), OK);
    cr_assert_eq(got.n, 2);
    cr_assert_not(got.skipped);
    cr_assert(ts_eq(&got.ts[0], &v4));
    cr_assert_not(ts_eq(&got.ts[1], &v4));
    cr_assert_eq(got.ts[1].first.family, 6);
    cr_assert_eq(got.ts[1].last.ip[15], 0xff);
}

Test(pl_ts, truncated_trailing_changed)
{
    uint8_t buf[128];
    struct span s = sample(buf, sizeof buf);

    check_truncations(parse, s);
    check_trailing(parse, s);
    touch_octets(parse, s);
}

Test(pl_ts, lengths_and_counts_lie)
{
    uint8_t buf[128];
    struct span s = sample(buf, sizeof buf);

    for (unsigned count = 0; count < 256; count++) {
        buf[0] = (uint8_t)count;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, count == 2);
    }
    buf[0] = 2;
    for (unsigned len = 0; len < 70; len++) {
        buf[7] = (uint8_t)len;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, len == 16);
        buf[7] = 16;
        buf[4 + 16 + 3] = (uint8_t)len;
        cr_assert_eq(parse_copy(parse, s.p, s.len) == OK, len == 40);
        buf[4 + 16 + 3] = 40;
    }
    buf[6] = 0xff;
    cr_assert_eq(parse_copy(parse, s.p, s.len), E_TRUNCATED);
    /* An IPv4 selector that calls itself IPv6 and the other way round. */
    buf[6] = 0;
    buf[4] = TS_IPV6_ADDR_RANGE;
    cr_assert_eq(parse_copy(parse, s.p, s.len), E_BAD_LENGTH);
}

Test(pl_ts, ranges)
{
    uint8_t buf[128];
    struct ts t = range("192.0.2.9", "192.0.2.8");
    struct wr w = wr_of(buf, sizeof buf);

    pl_ts_write(&w, &t, 1);
    cr_assert_eq(parse_copy(parse, buf, w.len), E_BAD_VALUE);
    t = range("192.0.2.8", "192.0.2.8");
    t.port_first = 500;
    t.port_last = 499;
    w = wr_of(buf, sizeof buf);
    pl_ts_write(&w, &t, 1);
    cr_assert_eq(parse_copy(parse, buf, w.len), E_BAD_VALUE);
    t.port_first = 65535;
    t.port_last = 0;
    w = wr_of(buf, sizeof buf);
    pl_ts_write(&w, &t, 1);
    cr_assert_eq(parse_copy(parse, buf, w.len), OK);
    cr_assert(ts_opaque(&got.ts[0]));
}

Test(pl_ts, unknown_types_are_left_out)
{
    /* TS_SECLABEL (RFC 9478) of 6 octets, then an empty one */
    static const uint8_t wire[] = { 2, 0, 0, 0, 10, 0, 0, 6, 'x', 0, 99, 0, 0, 4 };
    static const uint8_t shorter[] = { 1, 0, 0, 0, 10, 0, 0, 3 };

    cr_assert_eq(parse_copy(parse, wire, sizeof wire), OK);
    cr_assert_eq(got.n, 0);
    cr_assert(got.skipped);
    cr_assert_eq(parse_copy(parse, shorter, sizeof shorter), E_BAD_LENGTH);
}

Test(pl_ts, limits)
{
    static struct ts many[256];
    static uint8_t buf[4 + 256 * 16];
    struct wr w = wr_of(buf, sizeof buf);

    for (size_t i = 0; i < 256; i++)
        many[i] = range("10.0.0.0", "10.0.0.1");
    pl_ts_write(&w, many, LIMIT_SELECTORS_WIRE);
    cr_assert_eq(parse_copy(parse, buf, w.len), OK);
    cr_assert_eq(got.n, (size_t)LIMIT_SELECTORS_WIRE);
    w = wr_of(buf, sizeof buf);
    pl_ts_write(&w, many, LIMIT_SELECTORS_WIRE + 1);
    cr_assert_eq(parse_copy(parse, buf, w.len), E_LIMIT);
    w = wr_of(buf, sizeof buf);
    pl_ts_write(&w, many, 256);
    cr_assert_eq(wr_ok(&w), E_LIMIT);
}

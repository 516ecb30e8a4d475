#include "node/sa/ts_narrow.h"

#include <criterion/criterion.h>

static struct ts prefix(const char *s)
{
    struct ip_prefix p;

    cr_assert_eq(prefix_parse(s, &p), OK);
    return ts_prefix(&p);
}

static struct ts port(struct ts t, uint8_t protocol, uint16_t first, uint16_t last)
{
    t.protocol = protocol;
    t.port_first = first;
    t.port_last = last;
    return t;
}

static struct ip_addr ip(const char *s)
{
    struct ip_addr a;

    cr_assert_eq(ip_parse(s, &a), OK);
    return a;
}

static struct ts result[LIMIT_SELECTORS];
static size_t n;
static bool narrowed;

static enum err narrow(const struct ts *ours, size_t n_ours, const struct ts *theirs,
                       size_t n_theirs)
{
    return ts_narrow(ours, n_ours, theirs, n_theirs, result, &n, &narrowed);
}

static void expect(const struct ts *want, size_t count)
{
    cr_assert_eq(n, count);
    for (size_t i = 0; i < count; i++)
        cr_assert(ts_eq(&result[i], &want[i]), "selector %zu", i);
}

Test(ts_narrow, prefixes)
{
    struct ts t = prefix("10.1.2.3/20");
    struct ip_addr first = ip("10.1.0.0"), last = ip("10.1.15.255");

    cr_assert(ip_eq(&t.first, &first));
    cr_assert(ip_eq(&t.last, &last));
    t = prefix("0.0.0.0/0");
    struct ts any = ts_any(4);

    cr_assert(ts_eq(&t, &any));
    t = prefix("2001:db8::/33");
    first = ip("2001:db8::");
    last = ip("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
    cr_assert(ip_eq(&t.first, &first));
    cr_assert(ip_eq(&t.last, &last));
    t = prefix("192.0.2.7");
    cr_assert(ip_eq(&t.first, &t.last));
}

Test(ts_narrow, equal_and_wider)
{
    struct ts net = prefix("10.0.0.0/8"), any = ts_any(4);

    cr_assert_eq(narrow(&net, 1, &net, 1), OK);
    expect(&net, 1);
    cr_assert_not(narrowed);
    cr_assert_eq(narrow(&net, 1, &any, 1), OK);
    expect(&net, 1);
    cr_assert(narrowed);
    cr_assert_eq(narrow(&any, 1, &net, 1), OK);
    expect(&net, 1);
    cr_assert_not(narrowed);
}

Test(ts_narrow, overlap_is_a_range)
{
    struct ts a = prefix("10.0.0.0/24"), b = prefix("10.0.0.0/24"), want = a;

    a.last = ip("10.0.0.99");
    b.first = ip("10.0.0.50");
    want.first = b.first;
    want.last = a.last;
    cr_assert_eq(narrow(&a, 1, &b, 1), OK);
    expect(&want, 1);
    cr_assert(narrowed);
}

Test(ts_narrow, nothing_in_common)
{
    struct ts a = prefix("10.0.0.0/24"), b = prefix("10.0.1.0/24"), v6 = ts_any(6);

    n = 99;
    cr_assert_eq(narrow(&a, 1, &b, 1), E_TS_UNACCEPTABLE);
    cr_assert_eq(n, 99, "outputs untouched");
    cr_assert_eq(narrow(&a, 1, &v6, 1), E_TS_UNACCEPTABLE);
    cr_assert_eq(narrow(&a, 1, &b, 0), E_TS_UNACCEPTABLE);
    cr_assert_eq(narrow(&a, 0, &b, 1), E_TS_UNACCEPTABLE);
    a = port(prefix("10.0.0.0/24"), 6, 0, 65535);
    b = port(prefix("10.0.0.0/24"), 17, 0, 65535);
    cr_assert_eq(narrow(&a, 1, &b, 1), E_TS_UNACCEPTABLE);
    a = port(a, 6, 80, 90);
    b = port(b, 6, 91, 99);
    cr_assert_eq(narrow(&a, 1, &b, 1), E_TS_UNACCEPTABLE);
}

Test(ts_narrow, families_mixed)
{
    struct ts ours[] = { prefix("10.0.0.0/8"), prefix("2001:db8::/32") };
    struct ts theirs[] = { ts_any(4), ts_any(6) };

    cr_assert_eq(narrow(ours, 2, theirs, 2), OK);
    expect(ours, 2);
    cr_assert_eq(narrow(ours, 1, theirs, 2), OK);
    expect(ours, 1);
    cr_assert(narrowed, "IPv6 was left out");
}

Test(ts_narrow, protocol_and_ports)
{
    struct ts any = ts_any(4), web = port(ts_any(4), 6, 80, 80);
    struct ts high = port(ts_any(4), 6, 1024, 65535), some = port(ts_any(4), 0, 2000, 3000);
    struct ts want = port(ts_any(4), 6, 2000, 3000);

    cr_assert_eq(narrow(&web, 1, &any, 1), OK);
    expect(&web, 1);
    cr_assert_eq(narrow(&high, 1, &some, 1), OK);
    expect(&want, 1);
}

Test(ts_narrow, opaque_ports)
{
    struct ts any = ts_any(4), opaque = port(ts_any(4), 0, 65535, 0);
    struct ts web = port(ts_any(4), 6, 80, 80), want = port(ts_any(4), 0, 65535, 0);

    cr_assert_eq(narrow(&any, 1, &opaque, 1), OK);
    expect(&want, 1);
    cr_assert_eq(narrow(&opaque, 1, &any, 1), OK);
    expect(&want, 1);
    cr_assert_eq(narrow(&opaque, 1, &opaque, 1), OK);
    cr_assert_eq(narrow(&web, 1, &opaque, 1), E_TS_UNACCEPTABLE);
    cr_assert(ts_contains(&any, &opaque));
    cr_assert_not(ts_contains(&opaque, &any));
}

/* RFC 7296 2.9: the packet that triggered comes first; the choice must reach over it. */
Test(ts_narrow, first_selector_is_covered)
{
    struct ts ours[] = { prefix("10.0.1.0/24"), prefix("10.0.2.0/24") };
    struct ts theirs[] = { port(prefix("10.0.2.7"), 17, 53, 53), prefix("10.0.0.0/16") };
    bool covered = false;

    cr_assert_eq(narrow(ours, 2, theirs, 2), OK);
    cr_assert_eq(n, 2);
    for (size_t i = 0; i < n; i++)
        covered |= ts_contains(&result[i], &theirs[0]);
    cr_assert(covered);
    cr_assert(narrowed);
}

Test(ts_narrow, contained_ranges_are_left_out)
{
    struct ts ours[] = { ts_any(4) };
    struct ts theirs[] = { prefix("10.0.0.1"), prefix("10.0.0.0/24"), prefix("10.0.0.9"),
                           prefix("10.0.0.0/24") };

    cr_assert_eq(narrow(ours, 1, theirs, 4), OK);
    expect(&theirs[1], 1);
    cr_assert_not(narrowed);
}

Test(ts_narrow, bounded)
{
    struct ts theirs[LIMIT_SELECTORS_WIRE + 1], any = ts_any(4);
    struct ip_addr a = ip("10.0.0.0");

    for (size_t i = 0; i <= LIMIT_SELECTORS_WIRE; i++) {
        struct ip_addr b = ip_add(&a, i * 256);

        theirs[i] = ts_address(&b);
    }
    cr_assert_eq(narrow(&any, 1, theirs, LIMIT_SELECTORS), OK);
    cr_assert_eq(n, (size_t)LIMIT_SELECTORS);
    cr_assert_not(narrowed);
    cr_assert_eq(narrow(&any, 1, theirs, LIMIT_SELECTORS_WIRE), OK);
    cr_assert_eq(n, (size_t)LIMIT_SELECTORS);
    cr_assert(narrowed);
    cr_assert(ts_eq(&result[0], &theirs[0]));
    cr_assert_eq(narrow(&any, 1, theirs, LIMIT_SELECTORS_WIRE + 1), E_LIMIT);
    cr_assert_eq(narrow(theirs, LIMIT_SELECTORS_WIRE + 1, &any, 1), E_LIMIT);
}

/* Every packet of small universes: selected by the result exactly when by both. */
Test(ts_narrow, is_the_intersection)
{
    uint32_t seed = 12345;

    for (size_t round = 0; round < 2000; round++) {
        struct ts set[2][3];

        for (size_t i = 0; i < 6; i++) {
            uint8_t v[5];

            for (size_t j = 0; j < 5; j++) {
                seed = seed * 1664525 + 1013904223;
                v[j] = (uint8_t)(seed >> 24) % 8;
            }
            struct ts t = { .first = { 4, { v[0] } }, .last = { 4, { (uint8_t)(v[0] + v[1]) } } };

            set[i / 3][i % 3] = port(t, v[4] % 3, v[2], (uint16_t)(v[2] + v[3]));
        }
        enum err e = narrow(set[0], 3, set[1], 3);

        for (unsigned x = 0; x < 16 * 16; x++) {
            struct ip_addr a = { 4, { (uint8_t)(x / 16) } };

            for (uint8_t proto = 1; proto < 3; proto++) {
                struct ts packet =
                    port(ts_address(&a), proto, (uint16_t)(x % 16), (uint16_t)(x % 16));
                bool in[3] = { false, false, false };

                for (size_t i = 0; i < 6; i++)
                    in[i / 3] |= ts_contains(&set[i / 3][i % 3], &packet);
                for (size_t i = 0; e == OK && i < n; i++)
                    in[2] |= ts_contains(&result[i], &packet);
                cr_assert_eq(in[2], in[0] && in[1]);
            }
        }
    }
}

Test(ts_narrow, dynamic)
{
    struct ip_addr vips[3] = { ip("10.9.0.1"), { 0 }, ip("2001:db8::1") }, outer = ip("192.0.2.1");
    struct ts t[LIMIT_SELECTORS];
    size_t count;

    ts_dynamic(vips, 3, &outer, t, &count);
    cr_assert_eq(count, 2);
    cr_assert(ip_eq(&t[0].first, &vips[0]));
    cr_assert(ip_eq(&t[1].last, &vips[2]));
    cr_assert_eq(t[0].port_last, 65535);
    ts_dynamic(vips, 0, &outer, t, &count);
    cr_assert_eq(count, 1);
    cr_assert(ip_eq(&t[0].first, &outer));
    ts_dynamic(vips, 0, NULL, t, &count);
    cr_assert_eq(count, 0);
    ts_dynamic(vips, 0, &vips[1], t, &count);
    cr_assert_eq(count, 0);
}

Test(ts_narrow, within)
{
    struct ts offered[] = { prefix("10.0.0.0/8"), prefix("2001:db8::/32") };
    struct ts got[] = { prefix("10.3.0.0/16"), prefix("2001:db8:1::/48") };

    cr_assert(ts_within(offered, 2, got, 2));
    cr_assert_not(ts_within(offered, 1, got, 2));
    cr_assert_not(ts_within(offered, 2, got, 0), "an answer without a selector");
    got[0] = ts_any(4);
    cr_assert_not(ts_within(offered, 2, got, 2), "wider than asked");
}

#include "statesync/base/addr.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ip_addr ip(const char *s)
{
    struct ip_addr a;

    cr_assert_eq(ip_parse(s, &a), OK, "%s", s);
    return a;
}

Test(addr, text_round_trip)
{
    static const char *const good[] = { "192.0.2.1", "0.0.0.0",     "255.255.255.255",
                                        "::",        "2001:db8::1", "fe80::1:2:3:4" };
    char out[IP_TEXT_MAX];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ip_addr a = ip(good[i]);

        cr_assert_str_eq(ip_text(&a, out), good[i]);
    }
    struct ip_addr none = { 0 };

    cr_assert_str_eq(ip_text(&none, out), "none");
}

Test(addr, bad_text)
{
    static const char *const bad[] = { "",      "1.2.3", "1.2.3.4.5", "1.2.3.256",
                                       "::1::", "host",  "1.2.3.4 ",  "[::1]" };
    struct ip_addr a = { .family = 9 };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(ip_parse(bad[i], &a), E_BAD_VALUE, "%s", bad[i]);
    cr_assert_eq(a.family, 9, "untouched");
}

Test(addr, prefixes)
{
    static const char *const bad[] = { "10.0.0.0/33",     "10.0.0.0/-1", "10.0.0.0/",
                                       "10.0.0.0/8x",     "::/129",      "/8",
                                       "10.0.0.0/999999", "10.0.0.0/ 8" };
    struct ip_prefix p;
    struct ip_addr a;
    char out[IP_TEXT_MAX];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(prefix_parse(bad[i], &p), E_BAD_VALUE, "%s", bad[i]);
    cr_assert_eq(prefix_parse("10.1.0.0/15", &p), OK);
    cr_assert_str_eq(prefix_text(&p, out), "10.1.0.0/15");
    a = ip("10.0.255.255");
    cr_assert(prefix_contains(&p, &a));
    a = ip("10.1.0.0");
    cr_assert(prefix_contains(&p, &a));
    a = ip("10.2.0.0");
    cr_assert_not(prefix_contains(&p, &a));
    a = ip("::");
    cr_assert_not(prefix_contains(&p, &a));
    cr_assert_eq(prefix_parse("0.0.0.0/0", &p), OK);
    a = ip("255.0.0.1");
    cr_assert(prefix_contains(&p, &a));
    cr_assert_eq(prefix_parse("2001:db8::1", &p), OK);
    cr_assert_eq(p.bits, 128);
    a = ip("2001:db8::2");
    cr_assert_not(prefix_contains(&p, &a));
    cr_assert_eq(prefix_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", &p), OK);
    cr_assert_str_eq(prefix_text(&p, out), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

Test(addr, endpoints)
{
    static const char *const bad[] = { "1.2.3.4", "1.2.3.4:",   "1.2.3.4:65536",
                                       "::1:500", "[::1]500",   "[::1",
                                       ":500",    "1.2.3.4:5a", "[]:500" };
    static const char *const good[] = { "192.0.2.1:500", "[2001:db8::1]:4500", "0.0.0.0:0" };
    struct endpoint e, f;
    char out[ENDPOINT_TEXT_MAX];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(endpoint_parse(bad[i], &e), E_BAD_VALUE, "%s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(endpoint_parse(good[i], &e), OK);
        cr_assert_str_eq(endpoint_text(&e, out), good[i]);
    }
    cr_assert_eq(endpoint_parse("192.0.2.1:500", &e), OK);
    cr_assert_eq(endpoint_parse("192.0.2.1:501", &f), OK);
    cr_assert_not(endpoint_eq(&e, &f));
    f.port = 500;
    cr_assert(endpoint_eq(&e, &f));
    f.addr.ip[3] = 2;
    cr_assert_not(endpoint_eq(&e, &f));
}

Test(addr, from_octets)
{
    uint8_t raw[17] = { 192, 0, 2, 1 };
    struct ip_addr a;

    for (size_t n = 0; n <= 17; n++)
        cr_assert_eq(ip_from_span(span_of(raw, n), &a), n == 4 || n == 16 ? OK : E_BAD_LENGTH);
    cr_assert_eq(ip_from_span(span_of(raw, 4), &a), OK);
    struct ip_addr b = ip("192.0.2.1");

    cr_assert(ip_eq(&a, &b));
    cr_assert_eq(memcmp(&a, &b, sizeof a), 0, "equal as bytes, too");
    cr_assert(span_eq(ip_span(&a), span_of(raw, 4)));
}

Test(addr, order_and_sum)
{
    struct ip_addr a = ip("10.0.0.255"), b = ip("10.0.1.0"), six = ip("::1"), c;

    cr_assert_lt(ip_cmp(&a, &b), 0);
    cr_assert_gt(ip_cmp(&b, &a), 0);
    cr_assert_eq(ip_cmp(&a, &a), 0);
    cr_assert_lt(ip_cmp(&b, &six), 0, "families in order");
    c = ip_add(&a, 1);
    cr_assert(ip_eq(&c, &b));
    c = ip_add(&a, 0);
    cr_assert(ip_eq(&c, &a));
    a = ip("255.255.255.255");
    c = ip_add(&a, 1);
    b = ip("0.0.0.0");
    cr_assert(ip_eq(&c, &b), "wraps");
    a = ip("2001:db8::ffff:ffff:ffff:ffff");
    c = ip_add(&a, UINT64_MAX);
    b = ip("2001:db8:0:1:ffff:ffff:ffff:fffe");
    cr_assert(ip_eq(&c, &b), "a carry over 64 bits");
}

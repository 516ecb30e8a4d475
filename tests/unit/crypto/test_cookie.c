#include "tests/unit/crypto/vectors.h"

#include "node/crypto/cookie.h"

static const uint8_t nonce[32] = { 1, 2, 3 };

Test(cookie, accepted_for_two_slots_and_then_no_more)
{
    struct secret key = vec_secret(span_str("cluster key of at least 16 octets"));
    struct span ni = span_of(nonce, sizeof nonce);
    uint64_t t = 1700000000 / COOKIE_SLOT_S * COOKIE_SLOT_S;
    uint8_t c[COOKIE_LEN];
    struct ip_addr ip;

    cr_assert_eq(ip_parse("192.0.2.7", &ip), OK);
    cr_assert_eq(cookie_make(&key, t, ni, &ip, 0x1122, c), OK);
    cr_assert_eq(cookie_check(&key, t, ni, &ip, 0x1122, span_of(c, sizeof c)), OK);
    cr_assert_eq(
        cookie_check(&key, t + 2 * COOKIE_SLOT_S - 1, ni, &ip, 0x1122, span_of(c, sizeof c)), OK);
    cr_assert_eq(cookie_check(&key, t + 2 * COOKIE_SLOT_S, ni, &ip, 0x1122, span_of(c, sizeof c)),
                 E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, t - 1, ni, &ip, 0x1122, span_of(c, sizeof c)), OK,
                 "a clock slightly behind");
    cr_assert_eq(cookie_check(&key, t - COOKIE_SLOT_S - 1, ni, &ip, 0x1122, span_of(c, sizeof c)),
                 E_INTEGRITY);
}

Test(cookie, bound_to_everything)
{
    struct secret key = vec_secret(span_str("cluster key of at least 16 octets"));
    struct secret other = vec_secret(span_str("another cluster key"));
    struct span ni = span_of(nonce, sizeof nonce);
    struct ip_addr ip, ip2, ip6;
    uint8_t c[COOKIE_LEN + 1];

    cr_assert_eq(ip_parse("192.0.2.7", &ip), OK);
    cr_assert_eq(ip_parse("192.0.2.8", &ip2), OK);
    cr_assert_eq(ip_parse("2001:db8::1", &ip6), OK);
    cr_assert_eq(cookie_make(&key, 1000, ni, &ip, 5, c), OK);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 6, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip2, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip6, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&other, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, span_of(nonce, 31), &ip, 5, span_of(c, COOKIE_LEN)),
                 E_INTEGRITY);
    for (size_t n = 0; n < COOKIE_LEN; n++)
        cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, n)), E_INTEGRITY);
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN + 1)), E_INTEGRITY);
    for (size_t bit = 0; bit < COOKIE_LEN * 8; bit++) {
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), E_INTEGRITY);
        c[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_assert_eq(cookie_check(&key, 1000, ni, &ip, 5, span_of(c, COOKIE_LEN)), OK);
}
